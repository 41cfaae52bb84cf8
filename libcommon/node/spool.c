#include "node/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

#define RESERVE (INT64_C(100) << 20)
#define RESERVE_LEAST (INT64_C(16) << 20)
#define READ_AT_ONCE (256u << 10)
#define NUMBERS 99 /* NAME-2 .. NAME-99, then the transfer's id */

static const char *spool_path(const struct transfer *t)
{
	char hex[33], rest[64];

	hex_encode(hex, t->id, 16);
	snprintf(rest, sizeof(rest), "spool/%lld-%s", (long long)t->contact, hex);
	return home_file(rest);
}

static int sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd) != 0)
		rc = err_sys("cannot sync '%s'", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int open_spool(const char *path, bool create)
{
	const char *dir = home_file("spool");
	int rc, fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : err_sys("cannot open '%s'", path);
	if (!create)
		return err_set(MP_ENONE, "'%s' is gone", path);
	if ((rc = dir_make(dir)) != 0)
		return rc;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys("cannot create '%s'", path);
	/* The name must last as long as the row that counts on it. */
	if ((rc = sync_dir(dir)) != 0) {
		close(fd);
		return rc;
	}
	return fd;
}

int spool_lock(int *out, const struct transfer *t, bool create)
{
	const char *path = spool_path(t);
	int rc = 0, fd = open_spool(path, create);
	struct stat ours, there;

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK ? err_set(MP_EBUSY, "'%s' is being written", path)
		                          : err_sys("cannot lock '%s'", path);
	else if (fstat(fd, &ours) != 0 || stat(path, &there) != 0 || ours.st_ino != there.st_ino)
		rc = err_set(MP_EBUSY, "'%s' was just dropped", path);
	if (rc != 0) {
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

static int write_at(int fd, const uint8_t *data, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys("cannot write to the spool");
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

int spool_write(int fd, const struct transfer *t, int64_t chunk, const uint8_t *data, size_t len)
{
	off_t at = (off_t)((chunk - 1) * t->step);
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0)
		return err_sys("cannot look at the spool");
	if (st.st_size < at)
		return err_set(MP_ENONE, "the spool ends before chunk %lld", (long long)chunk);
	if ((rc = write_at(fd, data, len, at)) != 0)
		return rc;
	return fdatasync(fd) == 0 ? 0 : err_sys("cannot sync the spool");
}

static int hash_file(int fd, int64_t size, uint8_t hash[static 32])
{
	uint8_t *part = malloc(READ_AT_ONCE);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int64_t at = 0;
	int rc = 0;

	if (part == NULL || md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		rc = err_set(MP_ENOMEM, "no memory for a hash");
	while (rc == 0 && at < size) {
		size_t want =
		    size - at < (int64_t)READ_AT_ONCE ? (size_t)(size - at) : READ_AT_ONCE;
		ssize_t n = pread(fd, part, want, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			rc = n == 0 ? err_set(MP_EBAD, "the file is too short")
			            : err_sys("cannot read the spool");
		else if (EVP_DigestUpdate(md, part, (size_t)n) != 1)
			rc = err_set(MP_ENOMEM, "cannot hash");
		else
			at += n;
	}
	if (rc == 0 && EVP_DigestFinal_ex(md, hash, NULL) != 1)
		rc = err_set(MP_ENOMEM, "cannot hash");
	EVP_MD_CTX_free(md);
	free(part);
	return rc;
}

/* The n-th name to try: NAME, NAME-2.SUFFIX ..., at last one that only this transfer has. */
static void candidate(char *out, size_t size, const char *name, int n, const struct transfer *t)
{
	const char *dot = strrchr(name, '.');
	char tail[40] = "", hex[33];
	int stem;

	if (dot == NULL || dot == name || strlen(dot) > 16)
		dot = name + strlen(name);
	stem = (int)(dot - name);
	hex_encode(hex, t->id, 16);
	if (n > NUMBERS)
		snprintf(tail, sizeof(tail), "-%s", hex);
	else if (n > 1)
		snprintf(tail, sizeof(tail), "-%d", n);
	snprintf(out, size, "%.*s%s%s", stem, name, tail, dot);
}

/* 0 linked, or there already as this very file; MP_EEXIST when the name is another's. */
static int link_into_place(int fd, const char *from, const char *to)
{
	struct stat ours, there;

	if (link(from, to) == 0)
		return 0;
	if (errno == EEXIST) {
		if (fstat(fd, &ours) == 0 && lstat(to, &there) == 0 &&
		    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
			return 0;
		return MP_EEXIST;
	}
	/* A file system without links: killed before the commit, the file comes once more. */
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return err_sys("cannot create '%s'", to);
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	return errno == EEXIST ? MP_EEXIST : err_sys("cannot create '%s'", to);
}

/* The n-th path to try for it. */
static const char *candidate_path(const struct transfer *t, int n)
{
	char name[208], last[272], rest[PATH_MAX / 2];

	text_filename(name, t->name, strlen(t->name));
	candidate(last, sizeof(last), name, n, t);
	snprintf(rest, sizeof(rest), "files/%s/%s", t->contact_name, last);
	return home_file(rest);
}

int spool_own(int fd, const struct transfer *t)
{
	struct stat ours, there;
	const char *path;

	if (fstat(fd, &ours) != 0)
		return err_sys("cannot look at the spool");
	for (int n = 1; ours.st_nlink > 1 && n <= NUMBERS + 1; n++) {
		path = candidate_path(t, n);
		if (lstat(path, &there) != 0 || there.st_ino != ours.st_ino ||
		    there.st_dev != ours.st_dev)
			continue;
		if (unlink(path) != 0 || fstat(fd, &ours) != 0)
			return err_sys("cannot take back '%s'", path);
	}
	if (ours.st_nlink == 1)
		return 0;
	spool_drop(t);
	return err_set(MP_ENONE, "the spool is a file of its own by now");
}

static int place(int fd, struct transfer *t)
{
	char rest[PATH_MAX / 2], dir[PATH_MAX];
	const char *path;
	int rc;

	snprintf(rest, sizeof(rest), "files/%s", t->contact_name);
	snprintf(dir, sizeof(dir), "%s", home_file(rest)); /* it outlives the names tried below */
	if ((rc = dir_make(dir)) != 0 || (rc = sync_dir(home_file("files"))) != 0)
		return rc;
	for (int n = 1; n <= NUMBERS + 1; n++) {
		path = candidate_path(t, n);
		if (strlen(path) >= sizeof(t->path))
			return err_set(MP_ESYS, "the path of '%s' is too long", t->name);
		if ((rc = link_into_place(fd, spool_path(t), path)) == MP_EEXIST)
			continue;
		if (rc == 0 && (rc = sync_dir(dir)) == 0)
			snprintf(t->path, sizeof(t->path), "%s", path);
		return rc;
	}
	return err_set(MP_ESYS, "'%s' has been received too often", t->name);
}

int spool_finish(int fd, struct transfer *t, const uint8_t sha256[static 32])
{
	uint8_t hash[32];
	struct stat st;
	int rc;

	if (fstat(fd, &st) != 0)
		return err_sys("cannot look at the spool");
	/* What a larger chunk of an earlier try left behind the end. */
	if (st.st_size > t->size && ftruncate(fd, (off_t)t->size) != 0)
		return err_sys("cannot cut the spool");
	if ((rc = hash_file(fd, t->size, hash)) != 0)
		return rc;
	if (sodium_memcmp(hash, sha256, sizeof(hash)) != 0)
		return err_set(MP_EBAD, "the file's hash is wrong");
	if (fsync(fd) != 0)
		return err_sys("cannot sync the spool");
	return place(fd, t);
}

void spool_drop(const struct transfer *t)
{
	(void)unlink(spool_path(t));
}

void spool_undo(struct transfer *t)
{
	if (t->path[0] != '\0')
		(void)unlink(t->path);
	t->path[0] = '\0';
}

int spool_room(int64_t bytes)
{
	struct statvfs v;
	int64_t free_bytes, reserve;

	if (home_path() == NULL || statvfs(home_path(), &v) != 0)
		return err_sys("cannot ask how full the disk is");
	free_bytes = (int64_t)v.f_bavail * (int64_t)v.f_frsize;
	reserve = (int64_t)v.f_blocks * (int64_t)v.f_frsize / 20;
	if (reserve > RESERVE)
		reserve = RESERVE;
	if (reserve < RESERVE_LEAST)
		reserve = RESERVE_LEAST;
	if (free_bytes - reserve < bytes)
		return err_set(MP_EFULL, "no room for %lld bytes more", (long long)bytes);
	return 0;
}

/* "ROW-32HEX", nothing else. */
static bool parse_name(const char *name, struct transfer *t)
{
	char *end, again[64];
	long long row = strtoll(name, &end, 10);
	char hex[33];

	if (*end != '-' || strlen(end + 1) != 32 || hex_decode(t->id, 16, end + 1) != 0)
		return false;
	t->contact = row;
	hex_encode(hex, t->id, 16);
	snprintf(again, sizeof(again), "%lld-%s", row, hex);
	return strcmp(again, name) == 0;
}

int spool_clean(struct store *s)
{
	DIR *d = opendir(home_file("spool"));
	struct transfer key, t;
	struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return errno == ENOENT ? 0 : err_sys("cannot open the spool");
	while (rc == 0 && (e = readdir(d)) != NULL) {
		memset(&key, 0, sizeof(key));
		if (!parse_name(e->d_name, &key))
			continue;
		rc = transfer_get(s, &t, key.contact, key.id);
		if (rc == MP_ENONE || (rc == 0 && t.state != TRANSFER_ACCEPTED)) {
			spool_drop(&key);
			rc = 0;
		}
	}
	closedir(d);
	return rc;
}
