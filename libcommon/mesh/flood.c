#include "mesh/flood.h"

int64_t flood_due(int attempt, int64_t first)
{
	return first * ((INT64_C(1) << attempt) - 1);
}

enum flood flood_judge(
    const struct flood_seen *seen, int hops, int attempt, int64_t first, int64_t now)
{
	if (!seen->known)
		return FLOOD_TAKE;
	if (seen->acked)
		return FLOOD_DROP;
	if (attempt == seen->attempt)
		return hops > seen->hops ? FLOOD_AGAIN : FLOOD_DROP;
	/* Clocks run apart and the way takes time: half of the wait is enough. */
	if (attempt > seen->attempt && attempt <= ATTEMPTS &&
	    now - seen->since >= flood_due(attempt, first) / 2)
		return FLOOD_AGAIN;
	return FLOOD_DROP;
}
