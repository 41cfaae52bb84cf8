/*
 * writers: the threads that write to one database: one after another, and one sync for all.
 *
 * A commit that waits for the disk while it holds the write lock makes all others wait behind it,
 * so that there is one sync for each.  Here a commit only writes to the log, as
 * synchronous=NORMAL does, and the log is synced after the lock was let go: by one thread for all
 * that had committed when it began.  writers_sync() returns once that is so, and what was committed
 * before it was called is on disk then, whoever committed it.
 *
 * They queue for the write lock on a mutex, for to poll for it costs as much as to write; other
 * processes are waited for as ever (store/turn.h).
 *
 * Part of this floor; nobody above it includes it.  They are static, one for each database.
 */
#ifndef MP_STORE_WRITERS_H
#define MP_STORE_WRITERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct store;

struct writers {
	pthread_mutex_t writer;
	pthread_mutex_t lock;
	pthread_cond_t done;
	uint64_t asked, synced; /* commits that wait, in order; those on disk */
	bool busy;              /* a thread is syncing */
};

#define WRITERS_INIT                                                                    \
	{                                                                               \
		.writer = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER, \
		.done = PTHREAD_COND_INITIALIZER                                        \
	}

/* Our thread is the one that writes: 0, or MP_EBUSY at `end` (monotonic, ms). */
int writers_enter(struct writers *w, int64_t end);
void writers_leave(struct writers *w);

/* By sync(s), or another thread's; 0, or its error: it was committed, but may be lost with the
 * machine. */
int writers_sync(struct writers *w, int (*sync)(struct store *s), struct store *s);

#endif
