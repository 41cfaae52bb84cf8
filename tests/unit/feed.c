/* A file read one chunk ahead: every byte in order, the hash, and files that change meanwhile. */
#include <fcntl.h>
#include <unistd.h>

#include <sodium.h>

#include "base/err.h"
#include "node/feed.h"
#include "tap.h"

#define STEP 4096

static uint8_t bytes[5 * STEP];

static int file_of(size_t size)
{
	char path[] = "/tmp/mp-feed.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || unlink(path) != 0 || write(fd, bytes, size) != (ssize_t)size)
		abort();
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void whole(size_t size)
{
	uint8_t want[32], got[32], copy[sizeof(bytes)];
	const uint8_t *data;
	struct feed *f;
	size_t at = 0, len, odd = 0;
	int64_t told;
	int fd = file_of(size), rc = feed_open(&f, fd, "x", STEP, &told);

	is_int(rc, 0, "opens");
	is_int(told, (long long)size, "tells the size");
	while (rc == 0 && at < size) {
		if ((rc = feed_next(f, &data, &len)) != 0)
			break;
		odd += len != STEP && at + len != size;
		memcpy(copy + at, data, len);
		at += len;
	}
	is_int(rc, 0, "reads");
	is_int((long long)odd, 0, "all chunks but the last are whole");
	ok(memcmp(copy, bytes, size) == 0, "%zu bytes in order", size);
	is_int(feed_hash(f, got), 0, "hashes");
	crypto_hash_sha256(want, bytes, size);
	ok(memcmp(got, want, 32) == 0, "the hash of %zu bytes", size);
	feed_free(f);
	close(fd);
}

/* The thread is at most two chunks ahead, so the end is still to be read. */
static void changing(off_t to, const char *what)
{
	uint8_t hash[32];
	const uint8_t *data;
	struct feed *f;
	int64_t size;
	size_t len, n = 0;
	int fd = file_of(sizeof(bytes)), rc = feed_open(&f, fd, "x", STEP, &size);

	if (ftruncate(fd, to) != 0)
		abort();
	for (; rc == 0 && n < 5; n++)
		rc = feed_next(f, &data, &len);
	if (rc == 0)
		rc = feed_hash(f, hash);
	is_int(rc, MP_EBAD, what);
	is_str(err_detail(), "'x' changed its size meanwhile", "and says so");
	feed_free(f);
	close(fd);
}

static void left_early(size_t chunks)
{
	const uint8_t *data;
	struct feed *f;
	int64_t size;
	size_t len;
	int fd = file_of(sizeof(bytes)), rc = feed_open(&f, fd, "x", STEP, &size);

	for (size_t i = 0; rc == 0 && i < chunks; i++)
		rc = feed_next(f, &data, &len);
	feed_free(f);
	close(fd);
	is_int(rc, 0, "may be left early");
}

int main(void)
{
	struct feed *f;
	int64_t size;
	int fds[2];

	if (sodium_init() < 0 || pipe(fds) != 0)
		return 1;
	randombytes_buf(bytes, sizeof(bytes));
	static const size_t sizes[] = {
	    0, 1, STEP - 1, STEP, STEP + 1, 2 * STEP, 3 * STEP + 7, 5 * STEP};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		whole(sizes[i]);
	changing(3 * STEP, "a file that was cut");
	changing((off_t)sizeof(bytes) + 1, "a file that grew");
	left_early(0);
	left_early(1);
	left_early(3);
	is_int(feed_open(&f, fds[0], "x", STEP, &size), MP_EUSAGE, "a pipe is no file");
	return done();
}
