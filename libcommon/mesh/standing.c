#include "mesh/standing.h"

int64_t standing_step(int64_t score, enum observation saw)
{
	static const int64_t weight[] = {[SAW_DELIVERED] = -236,
	    [SAW_LOST] = 1609,
	    [SAW_GARBAGE] = 1609,
	    [SAW_CONTRADICTION] = STANDING_BAD - STANDING_BEST};

	score += weight[saw];
	return score > STANDING_BAD ? STANDING_BAD : score < STANDING_BEST ? STANDING_BEST : score;
}

enum verdict standing_vote(int64_t score, enum verdict before)
{
	if (score >= STANDING_BAD)
		return VERDICT_BLACKLISTED;
	if (score <= 0 && before == VERDICT_BLACKLISTED)
		return VERDICT_WHITELISTED;
	return before;
}
