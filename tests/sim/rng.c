#include "sim/rng.h"

#include <string.h>

#include <sodium.h>

static uint64_t split(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void rng_seed(struct rng *r, uint64_t seed)
{
	for (size_t i = 0; i < 4; i++)
		r->s[i] = split(&seed);
}

/* xoshiro256** */
uint64_t rng_next(struct rng *r)
{
	uint64_t out = rotl(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotl(r->s[3], 45);
	return out;
}

int64_t rng_below(struct rng *r, int64_t n)
{
	return (int64_t)(rng_next(r) % (uint64_t)n);
}

int64_t rng_between(struct rng *r, int64_t from, int64_t to)
{
	return from + rng_below(r, to - from + 1);
}

bool rng_chance(struct rng *r, double p)
{
	return (double)(rng_next(r) >> 11) / (double)(UINT64_C(1) << 53) < p;
}

void rng_bytes(struct rng *r, void *out, size_t n)
{
	uint8_t *p = out;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t v = rng_next(r);

		memcpy(p + i, &v, n - i < 8 ? n - i : 8);
	}
}

uint64_t rng_mix(uint64_t seed, uint64_t n)
{
	uint64_t x = seed ^ rotl(n * UINT64_C(0xd1342543de82ef95), 29);

	return split(&x);
}

static struct rng machines;

static const char *name(void)
{
	return "seeded";
}

static uint32_t random32(void)
{
	return (uint32_t)(rng_next(&machines) >> 32);
}

static void random_bytes(void *const out, const size_t n)
{
	rng_bytes(&machines, out, n);
}

void rng_install(void)
{
	static struct randombytes_implementation seeded = {
	    .implementation_name = name, .random = random32, .buf = random_bytes};

	randombytes_set_implementation(&seeded);
}

void rng_reseed_sodium(uint64_t seed)
{
	rng_seed(&machines, seed);
}
