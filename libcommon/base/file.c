#include "base/file.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

static pthread_once_t home_once = PTHREAD_ONCE_INIT;
static char home[PATH_MAX]; /* "" when unknown */

static bool put_path(char out[static PATH_MAX], const char *dir, const char *rest)
{
	int n = snprintf(out, PATH_MAX, "%s%s%s", dir, *rest != '\0' ? "/" : "", rest);

	return n > 0 && n < PATH_MAX;
}

static void find_home(void)
{
	const char *s = getenv("MP_HOME");
	char cwd[PATH_MAX];
	struct passwd *pw;
	bool good;

	if (s != NULL && *s == '/')
		good = put_path(home, s, "");
	else if (s != NULL && *s != '\0')
		good = getcwd(cwd, sizeof(cwd)) != NULL && put_path(home, cwd, s);
	else if ((s = getenv("XDG_DATA_HOME")) != NULL && *s == '/')
		good = put_path(home, s, "mariposa");
	else if ((s = getenv("HOME")) != NULL && *s == '/')
		good = put_path(home, s, ".local/share/mariposa");
	else if ((pw = getpwuid(geteuid())) != NULL && pw->pw_dir[0] == '/')
		good = put_path(home, pw->pw_dir, ".local/share/mariposa");
	else
		good = false;
	if (!good)
		home[0] = '\0';
}

const char *home_path(void)
{
	pthread_once(&home_once, find_home);
	if (home[0] != '\0')
		return home;
	err_set(MP_ESYS, "no home directory: set MP_HOME");
	return NULL;
}

const char *home_file(const char *rest)
{
	static _Thread_local char ring[8][PATH_MAX];
	static _Thread_local unsigned at;
	char *out = ring[at++ % 8];
	const char *dir = home_path();

	/* Without a home, a path below what is no directory: nothing can be there or be made there.
	 */
	if (!put_path(out, dir != NULL ? dir : "/dev/null", rest))
		abort();
	return out;
}

static int check_dir(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_sys("cannot look at '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(MP_ESYS, "'%s' is no directory", path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(MP_ESYS, "others can write to '%s'", path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(MP_ESYS, "'%s' belongs to another user", path);
	return 0;
}

int dir_make(const char *path)
{
	char part[PATH_MAX];

	if (*path == '\0' || !put_path(part, path, ""))
		return err_set(MP_ESYS, "cannot make directory '%s'", path);
	for (char *p = part + 1;; p++) {
		char end = *p;

		if (end != '/' && end != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST) {
			/* A parent on a read-only file system or that we may not write can be
			 * there. */
			struct stat st;
			int saved = errno;

			if (stat(part, &st) != 0 || !S_ISDIR(st.st_mode)) {
				errno = saved;
				return err_sys("cannot make directory '%s'", part);
			}
		}
		if ((*p = end) == '\0')
			break;
	}
	return check_dir(path);
}

/* The directory of path, and there a name that nobody can guess. */
static int temp_name(char dir[static PATH_MAX], char temp[static PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');
	uint64_t r;

	if (slash == NULL)
		strcpy(dir, ".");
	else if (snprintf(dir, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path) >=
	         PATH_MAX)
		return err_set(MP_ESYS, "path too long");
	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return err_sys("cannot get random bytes");
	if (snprintf(temp, PATH_MAX, "%s/.tmp%016llx", dir, (unsigned long long)r) >= PATH_MAX)
		return err_set(MP_ESYS, "path too long");
	return 0;
}

static int write_temp(const char *temp, const char *path, const void *data, size_t len, mode_t mode)
{
	int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode), rc;

	if (fd < 0)
		return err_sys("cannot write '%s'", path);
	rc = fd_write_all(fd, data, len);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_sys("cannot write '%s'", path);
	if (close(fd) != 0 && rc == 0)
		rc = err_sys("cannot write '%s'", path);
	return rc;
}

static int move_into_place(const char *temp, const char *path, bool replace)
{
	if (replace)
		return rename(temp, path) == 0 ? 0 : err_sys("cannot write '%s'", path);
	if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOSYS) { /* a file system without it, e.g. NFS */
		if (link(temp, path) == 0) {
			unlink(temp);
			return 0;
		}
	}
	if (errno == EEXIST)
		return err_set(MP_EEXIST, "'%s' exists", path);
	return err_sys("cannot write '%s'", path);
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return err_sys("cannot open '%s'", dir);
	if (fsync(fd) != 0)
		rc = err_sys("cannot sync '%s'", dir);
	close(fd);
	return rc;
}

int file_write(const char *path, const void *data, size_t len, mode_t mode, bool replace)
{
	char dir[PATH_MAX], temp[PATH_MAX];
	int rc = temp_name(dir, temp, path);

	if (rc != 0)
		return rc;
	rc = write_temp(temp, path, data, len, mode);
	if (rc == 0)
		rc = move_into_place(temp, path, replace);
	if (rc != 0) {
		unlink(temp);
		return rc;
	}
	return sync_dir(dir);
}

static int read_open(const char *path, int flags, struct buf *b, bool secret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags), rc;
	struct stat st;

	if (fd < 0) {
		rc = err_sys("cannot open '%s'", path);
		return errno == ENOENT || errno == ENOTDIR ? MP_ENONE : rc;
	}
	if (secret && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) != 0))
		rc = err_set(MP_ESYS, "others can read '%s': chmod 600 it", path);
	else
		rc = fd_read_all(fd, b);
	close(fd);
	if (rc == MP_ELIMIT)
		err_set(rc, "'%s' is larger than %zu bytes", path, b->max);
	else if (rc != 0 && !(secret && rc == MP_ESYS))
		err_set(rc, "'%s': %s", path, err_detail());
	return rc;
}

int file_read(const char *path, struct buf *b)
{
	return read_open(path, 0, b, false);
}

int file_read_secret(const char *path, struct buf *b)
{
	return read_open(path, O_NOFOLLOW, b, true);
}

static ssize_t read_some(int fd, void *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

int fd_read_all(int fd, struct buf *b)
{
	for (;;) {
		size_t room = b->max - b->len < CHUNK ? b->max - b->len : CHUNK;
		uint8_t probe;
		ssize_t n;
		int rc;

		if ((rc = buf_reserve(b, room)) != 0)
			return rc;
		/* A full buf is no error when the end is just there. */
		n = room > 0 ? read_some(fd, b->data + b->len, room) : read_some(fd, &probe, 1);
		if (n < 0)
			return err_sys("cannot read");
		if (n == 0)
			return 0;
		if (room == 0)
			return err_set(MP_ELIMIT, "larger than %zu bytes", b->max);
		b->len += (size_t)n;
	}
}

int fd_write_all(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = {.fd = fd, .events = POLLOUT};

			(void)poll(&pfd, 1, -1);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys("cannot write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

void file_touch(const char *path)
{
	int fd =
	    open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	(void)futimens(fd, NULL);
	close(fd);
}

bool fd_is_public(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & (S_IRGRP | S_IROTH));
}
