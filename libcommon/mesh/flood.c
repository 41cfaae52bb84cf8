#include "mesh/flood.h"

int64_t flood_due(int attempt, int64_t first)
{
	return first * ((INT64_C(1) << attempt) - 1);
}

/* Clocks run apart and the way takes time: half of the wait is enough. */
int flood_believe(const struct flood_seen *seen, int attempt, int64_t first, int64_t now)
{
	int k = 0;

	while (seen->known && k < attempt && k < ATTEMPTS &&
	       now - seen->since >= flood_due(k + 1, first) / 2)
		k++;
	return k;
}

enum flood flood_judge(
    const struct flood_seen *seen, int hops, int attempt, int64_t first, int64_t now)
{
	int believed = flood_believe(seen, attempt, first, now);

	if (!seen->known)
		return FLOOD_TAKE;
	if (seen->acked || believed < seen->attempt)
		return FLOOD_DROP;
	return believed > seen->attempt || hops > seen->hops ? FLOOD_AGAIN : FLOOD_DROP;
}
