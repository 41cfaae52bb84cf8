/*
 * rng: the seeded source of everything that is drawn in a simulation.
 *
 * One stream for the world (network, people, crashes), one for what the state machines draw by way
 * of libsodium, so that a run is the same whenever its seed is.  Not for secrets.
 */
#ifndef MP_TESTS_SIM_RNG_H
#define MP_TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* 0 to n-1; n is 1 or more. */
int64_t rng_below(struct rng *r, int64_t n);
/* from to to, both in it. */
int64_t rng_between(struct rng *r, int64_t from, int64_t to);
bool rng_chance(struct rng *r, double p);
void rng_bytes(struct rng *r, void *out, size_t n);
/* A seed of its own for the n-th of something. */
uint64_t rng_mix(uint64_t seed, uint64_t n);

/* libsodium draws from this stream from now on; before sodium_init(). */
void rng_install(void);
void rng_reseed_sodium(uint64_t seed);

#endif
