#include "tap.h"
#include "base/err.h"
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static const char *at(const char *name)
{
	static char ring[4][256];
	static int i;
	char *p = ring[i++ % 4];

	snprintf(p, 256, "%s/%s", dir, name);
	return p;
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static const char *content(const char *path)
{
	static struct buf b = BUF_INIT(100);

	buf_clear(&b);
	if (file_read(path, &b) != 0 || buf_terminate(&b) != 0)
		return NULL;
	return (const char *)b.data;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode & 07777 : 0;
}

/* home_path() of a fresh process with this environment. */
static void home_is(
    const char *mp, const char *xdg, const char *home, const char *want, const char *name)
{
	char got[4096] = "";
	int p[2];
	ssize_t n;

	if (pipe(p) != 0)
		exit(1);
	fflush(stdout);
	if (fork() == 0) {
		const char *path;

		mp != NULL ? setenv("MP_HOME", mp, 1) : unsetenv("MP_HOME");
		xdg != NULL ? setenv("XDG_DATA_HOME", xdg, 1) : unsetenv("XDG_DATA_HOME");
		home != NULL ? setenv("HOME", home, 1) : unsetenv("HOME");
		if ((path = home_file("config")) == NULL || home_path() == NULL)
			path = "none";
		_exit(write(p[1], path, strlen(path)) < 0);
	}
	close(p[1]);
	n = read(p[0], got, sizeof(got) - 1);
	got[n > 0 ? n : 0] = '\0';
	close(p[0]);
	wait(NULL);
	is_str(got, want, name);
}

static void homes(void)
{
	char want[256];

	if (chdir(dir) != 0)
		exit(1);
	snprintf(want, sizeof(want), "%s/rel/config", dir);
	home_is("/a", "/x", "/h", "/a/config", "MP_HOME");
	home_is("rel", NULL, NULL, want, "a relative MP_HOME is made absolute");
	home_is("", "/x", "/h", "/x/mariposa/config", "XDG_DATA_HOME");
	home_is(NULL, "relative", "/h", "/h/.local/share/mariposa/config", "HOME");
	setenv("MP_HOME", dir, 1);
	is_str(home_path(), dir, "home_path");
	is_str(home_file("a"), at("a"), "home_file");
	ok(home_file("1") != home_file("2"), "two results stand beside each other");
}

static void writing(void)
{
	umask(0);
	is_int(file_write(at("f"), "one", 3, 0600, false), 0, "a new file");
	is_str(content(at("f")), "one", "has its content");
	is_int(mode_of(at("f")), 0600, "and its mode");
	is_int(file_write(at("f"), "two", 3, 0600, false), MP_EEXIST, "is not replaced unasked");
	is_str(content(at("f")), "one", "and stays as it is");
	is_int(file_write(at("f"), "three", 5, 0644, true), 0, "is replaced");
	is_str(content(at("f")), "three", "by the new content");
	is_int(mode_of(at("f")), 0644, "and mode");
	ok(symlink(at("elsewhere"), at("link")) == 0 &&
	        file_write(at("link"), "x", 1, 0600, false) == MP_EEXIST,
	    "a dangling link is there already");
	ok(file_write(at("link"), "x", 1, 0600, true) == 0 && access(at("elsewhere"), F_OK) != 0,
	    "replacing a link does not write through it");
	is_int(file_write(at("none/f"), "x", 1, 0600, true), MP_ESYS, "no such directory");
	is_int(file_write(at(""), "x", 1, 0600, true), MP_ESYS, "a directory is no file");
	is_int(entries(dir), 2, "no temporary file is left");
	unlink(at("f"));
	unlink(at("link"));
}

/* With the disk full (here: the file size limit) the old file stays and nothing else. */
static void full_disk(void)
{
	static char big[8192];
	int status;

	file_write(at("f"), "old", 3, 0600, false);
	fflush(stdout);
	if (fork() == 0) {
		struct rlimit small = {4096, 4096};

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		_exit(file_write(at("f"), big, sizeof(big), 0600, true) == 0);
	}
	wait(&status);
	is_int(status, 0, "a write that fails half way is a failure");
	is_str(content(at("f")), "old", "the old file is there");
	is_int(entries(dir), 1, "and nothing else");
	unlink(at("f"));
	status = open("/dev/full", O_WRONLY);
	is_int(fd_write_all(status, "x", 1), MP_EFULL, "ENOSPC is MP_EFULL");
	close(status);
}

/* Killed at random moments, a file is the old or the new one. */
static void killed(void)
{
	static char a[100000], b[100000];
	int torn = 0;

	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	file_write(at("k"), a, sizeof(a), 0600, true);
	for (int i = 0; i < 30; i++) {
		struct buf got = BUF_INIT(200000);
		pid_t pid = fork();

		if (pid == 0)
			for (;;) {
				file_write(at("k"), b, sizeof(b), 0600, true);
				file_write(at("k"), a, sizeof(a), 0600, true);
			}
		usleep((useconds_t)(500 + i * 300));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		torn +=
		    file_read(at("k"), &got) != 0 || got.len != sizeof(a) ||
		    (memcmp(got.data, a, sizeof(a)) != 0 && memcmp(got.data, b, sizeof(b)) != 0);
		buf_free(&got);
	}
	is_int(torn, 0, "killed 30 times, the file is always whole");
}

static void reading(void)
{
	struct buf b = BUF_INIT(5);

	is_int(file_read(at("absent"), &b), MP_ENONE, "an absent file");
	ok(strstr(err_detail(), "cannot open '") != NULL, "is named");
	file_write(at("r"), "12345", 5, 0600, true);
	is_int(file_read(at("r"), &b), 0, "a file that just fits");
	is_int((long long)b.len, 5, "is read whole");
	buf_clear(&b);
	file_write(at("r"), "123456", 6, 0644, true);
	is_int(file_read(at("r"), &b), MP_ELIMIT, "a byte more is refused");
	buf_free(&b);
	b.max = 10;
	is_int(file_read_secret(at("r"), &b), MP_ESYS, "a secret that others can read");
	ok(strstr(err_detail(), "others can read") != NULL, "says so");
	chmod(at("r"), 0600);
	is_int(file_read_secret(at("r"), &b), 0, "one that they cannot");
	ok(symlink(at("r"), at("link")) == 0 && file_read_secret(at("link"), &b) == MP_ESYS,
	    "not through a link");
	is_int(file_read(dir, &b), MP_ESYS, "a directory is no file");
	is_int(file_read_secret(dir, &b), MP_ESYS, "and no secret");
	unlink(at("link"));
	buf_free(&b);
}

static void dirs(void)
{
	is_int(dir_make(at("d/e/f")), 0, "directories with parents");
	ok(mode_of(at("d")) == 0700 && mode_of(at("d/e/f")) == 0700, "are 0700");
	is_int(dir_make(at("d/e/f")), 0, "again");
	is_int(dir_make(at("d/e/f/")), 0, "with a slash");
	chmod(at("d"), 0770);
	is_int(dir_make(at("d")), MP_ESYS, "one that a group can write");
	chmod(at("d"), 0702);
	is_int(dir_make(at("d")), MP_ESYS, "or all");
	chmod(at("d"), 0755);
	is_int(dir_make(at("d")), 0, "one that others can read");
	file_write(at("d/file"), "", 0, 0600, true);
	is_int(dir_make(at("d/file")), MP_ESYS, "a file");
	is_int(dir_make(at("d/file/x")), MP_ESYS, "below a file");
	is_int(dir_make(""), MP_ESYS, "nothing");
}

static void touching(void)
{
	struct timespec old[2] = {{1000, 0}, {1000, 0}};
	struct stat st;
	int fd;

	file_touch(at("t"));
	is_int(mode_of(at("t")), 0600, "file_touch makes a file");
	utimensat(AT_FDCWD, at("t"), old, 0);
	file_touch(at("t"));
	ok(stat(at("t"), &st) == 0 && st.st_mtime > 1000, "and sets its time");
	fd = open(at("t"), O_RDONLY);
	ok(!fd_is_public(fd), "0600 is not public");
	fchmod(fd, 0640);
	ok(fd_is_public(fd), "0640 is");
	fchmod(fd, 0604);
	ok(fd_is_public(fd), "0604 too");
	close(fd);
	fd = open("/dev/null", O_WRONLY);
	ok(!fd_is_public(fd), "a device is not");
	close(fd);
}

int main(void)
{
	char clean[128];

	snprintf(dir, sizeof(dir), "/tmp/mp-file.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 1;
	homes();
	writing();
	full_disk();
	killed();
	reading();
	dirs();
	touching();
	snprintf(clean, sizeof(clean), "rm -rf '%s'", dir);
	return system(clean) != 0 || done();
}
