#include "mesh/chance.h"

#include <sodium.h>

/*
 * Von Neumann's way, by comparisons alone: a run of falling numbers whose length is odd gives its
 * first one; every other run adds one.
 */
int64_t chance_wait(int64_t mean, uint32_t (*random)(void *ctx), void *ctx)
{
	for (int64_t whole = 0; whole < 20; whole++) {
		uint32_t first = random(ctx), last = first, next;
		int n = 1;

		while ((next = random(ctx)) < last) {
			last = next;
			n++;
		}
		if (n % 2 == 1)
			return whole * mean +
			       (int64_t)((double)mean * ((double)first / 4294967296.0));
	}
	return 20 * mean;
}

uint32_t chance_random(void *ctx)
{
	(void)ctx;
	return randombytes_random();
}
