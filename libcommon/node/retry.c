#include "node/retry.h"

#include <stddef.h>

#include "base/clock.h"

int64_t retry_backoff(int64_t least, int64_t most, int64_t fails, uint32_t random)
{
	int64_t delay = least;

	while (fails-- > 0 && delay < most)
		delay *= 2;
	if (delay > most)
		delay = most;
	/* 0.75 to 1.25 of it */
	return delay - delay / 4 + (int64_t)((double)random / UINT32_MAX * (double)(delay / 2));
}

static int64_t pick(const int64_t *delays, size_t n, int64_t at)
{
	return at >= 0 && (size_t)at < n ? delays[at] : -1;
}

int64_t retry_quick(unsigned failed)
{
	static const int64_t delays[] = {MP_SECOND, 2 * MP_SECOND, 5 * MP_SECOND, 10 * MP_SECOND};

	return pick(delays, sizeof(delays) / sizeof(delays[0]), (int64_t)failed - 1);
}

int64_t retry_refused(int64_t refused)
{
	static const int64_t delays[] = {MP_SECOND, 5 * MP_SECOND};

	return pick(delays, sizeof(delays) / sizeof(delays[0]), refused - 1);
}
