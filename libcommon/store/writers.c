#include "store/writers.h"

#include <time.h>

#include "base/clock.h"
#include "base/err.h"

int writers_enter(struct writers *w, int64_t end)
{
	int64_t left = end - clock_monotonic();
	struct timespec t;

	if (left < 0)
		left = 0;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += left / MP_SECOND;
	t.tv_nsec += left % MP_SECOND * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	if (pthread_mutex_timedlock(&w->writer, &t) != 0)
		return err_set(MP_EBUSY, "the store is busy: other threads write to it");
	return 0;
}

void writers_leave(struct writers *w)
{
	pthread_mutex_unlock(&w->writer);
}

int writers_sync(struct writers *w, int (*sync)(struct store *s), struct store *s)
{
	uint64_t mine, upto;
	int rc = 0;

	pthread_mutex_lock(&w->lock);
	mine = ++w->asked;
	while (w->synced < mine && rc == 0) {
		if (w->busy) {
			pthread_cond_wait(&w->done, &w->lock);
			continue;
		}
		w->busy = true;
		upto = w->asked;
		pthread_mutex_unlock(&w->lock);
		rc = sync(s);
		pthread_mutex_lock(&w->lock);
		w->busy = false;
		if (rc == 0)
			w->synced = upto;
		pthread_cond_broadcast(&w->done);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}
