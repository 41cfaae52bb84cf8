/* Threads that commit to one database: each is synced when it is told so, and they share their
 * syncs. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/writers.h"
#include "tap.h"

#define THREADS 8
#define COMMITS 500

static struct writers w = WRITERS_INIT;
static atomic_long committed, on_disk, syncs, early, inside, crowd;
static atomic_bool fails;

/* What was committed when it begins. */
static int slow_sync(struct store *s)
{
	long upto = atomic_load(&committed);

	(void)s;
	atomic_fetch_add(&syncs, 1);
	usleep(200);
	if (atomic_load(&fails))
		return err_set(MP_ESYS, "no disk");
	if (upto > atomic_load(&on_disk))
		atomic_store(&on_disk, upto);
	return 0;
}

static void *commit(void *ctx)
{
	long *failed = ctx;

	for (int i = 0; i < COMMITS; i++) {
		long mine;

		if (writers_enter(&w, clock_monotonic() + 60 * MP_SECOND) != 0)
			break;
		if (atomic_fetch_add(&inside, 1) > 0)
			atomic_fetch_add(&crowd, 1);
		mine = atomic_fetch_add(&committed, 1) + 1;
		atomic_fetch_sub(&inside, 1);
		writers_leave(&w);
		if (writers_sync(&w, slow_sync, NULL) != 0)
			++*failed;
		else if (atomic_load(&on_disk) < mine)
			atomic_fetch_add(&early, 1);
	}
	return NULL;
}

static long all_commit(void)
{
	pthread_t thread[THREADS];
	long failed[THREADS] = {0}, sum = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, commit, &failed[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		sum += failed[i];
	}
	return sum;
}

static void *late(void *ctx)
{
	*(int *)ctx = writers_enter(&w, clock_monotonic() + 20);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	int rc = 0;

	is_int(all_commit(), 0, "no commit of 8 threads fails");
	is_int(atomic_load(&committed), THREADS * COMMITS, "all are there");
	is_int(atomic_load(&crowd), 0, "one at a time");
	is_int(atomic_load(&early), 0, "none is told before it is on disk");
	ok(atomic_load(&syncs) < THREADS * COMMITS, "they share: %ld syncs", atomic_load(&syncs));

	atomic_store(&fails, true);
	is_int(all_commit(), THREADS * COMMITS, "without a disk each of them hears of it");
	atomic_store(&fails, false);
	is_int(writers_sync(&w, slow_sync, NULL), 0, "and with one again none");

	is_int(writers_enter(&w, 0), 0, "who is first waits for nobody");
	pthread_create(&thread, NULL, late, &rc);
	pthread_join(thread, NULL);
	is_int(rc, MP_EBUSY, "who comes while another writes waits as long as he said");
	writers_leave(&w);
	return done();
}
