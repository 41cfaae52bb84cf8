#include "store/turn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

int turn_open(const char *store_path)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (snprintf(path, sizeof path, "%s-turn", store_path) >= (int)sizeof path)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* root looks after somebody's store: the file is his, as SQLite makes the log his. */
	if (fd >= 0 && geteuid() == 0 && stat(store_path, &st) == 0 && st.st_uid != 0 &&
	    fchown(fd, st.st_uid, st.st_gid) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int turn_take(int turn, int64_t end)
{
	struct timespec ts = {.tv_nsec = 0};

	for (int calls = 0; turn >= 0 && flock(turn, LOCK_EX | LOCK_NB) != 0; calls++) {
		/* A file system without such locks. */
		if (errno != EWOULDBLOCK && errno != EINTR)
			return 0;
		if (clock_monotonic() >= end)
			return err_set(
			    MP_EBUSY, "the store is busy: others have been writing for 10 s");
		ts.tv_nsec = calls < 100 ? 150000 : 1000000;
		nanosleep(&ts, NULL);
	}
	return 0;
}

void turn_pass(int turn)
{
	if (turn >= 0)
		flock(turn, LOCK_UN);
}
