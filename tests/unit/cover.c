/* Cover's times: exponential, whatever was before; and what is late is not made up for. */
#include <math.h>

#include "base/clock.h"
#include "base/secret.h"
#include "node/cover.h"
#include "tap.h"

#define N 200000
#define MEAN (10 * MP_MINUTE)

static int less(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The largest distance between what was drawn and the exponential distribution of that mean. */
static double distance(int64_t *wait, size_t n)
{
	double most = 0, want, up, down;

	qsort(wait, n, sizeof(*wait), less);
	for (size_t i = 0; i < n; i++) {
		want = 1 - exp(-(double)wait[i] / (double)MEAN);
		up = (double)(i + 1) / (double)n - want;
		down = want - (double)i / (double)n;
		most = fmax(most, fmax(up, down));
	}
	return most;
}

/*
 * By the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart a sound one is farther away than
 * this once in 1e9.  Rounding to a millisecond adds 2e-6.
 */
static double bound(size_t n)
{
	return sqrt(log(2e9) / (2 * (double)n)) + 2e-6;
}

static int64_t wait[N], later[N];

int main(void)
{
	int64_t at = 1000, next;
	size_t n = 0;
	double d;

	secret_init();
	for (size_t i = 0; i < N; i++, at = next) {
		next = cover_next(at, MEAN, at);
		wait[i] = next - at;
		if (i > 0 && wait[i - 1] > MEAN)
			later[n++] = wait[i];
	}
	d = distance(wait, N);
	ok(d < bound(N), "the times are exponential (%.5f, allowed %.5f)", d, bound(N));
	d = distance(later, n);
	ok(n > N / 4 && d < bound(n), "behind a long one they are, too (%.5f of %zu)", d, n);

	for (size_t i = 0; i < N; i++)
		wait[i] = cover_next(0, MEAN, MP_MINUTE);
	d = distance(wait, N);
	ok(d < bound(N), "a slot that is a little late moves no other (%.5f)", d);
	for (size_t i = 0; i < N; i++)
		wait[i] = cover_next(0, MEAN, MP_DAY) - MP_DAY;
	d = distance(wait, N);
	ok(d < bound(N), "one that is a day late is followed by one, not by many (%.5f)", d);
	return done();
}
