/* retry: the delays that mp-send(1) promises. */
#include "node/retry.h"
#include "base/clock.h"
#include "tap.h"

int main(void)
{
	int64_t least = 30 * MP_SECOND, most = 6 * MP_HOUR, last = 0;

	is_int(retry_backoff(least, most, 0, 0), 22500, "first: a quarter less");
	is_int(retry_backoff(least, most, 0, UINT32_MAX), 37500, "or a quarter more");
	is_int(retry_backoff(least, most, 1, UINT32_MAX / 2), 60000 - 1, "doubles");
	is_int(retry_backoff(least, most, 3, 0), 240000 * 3 / 4, "and doubles");
	is_int(retry_backoff(least, most, 10, 0), most * 3 / 4, "to the maximum");
	is_int(retry_backoff(least, most, INT64_C(1) << 40, UINT32_MAX), most * 5 / 4,
	    "however often");
	for (int64_t f = 0; f < 12; f++) {
		int64_t d = retry_backoff(least, most, f, UINT32_MAX / 3);

		ok(d >= last, "never less after %d failures", (int)f);
		last = d;
	}
	is_int(retry_backoff(least, least, 5, 0), least * 3 / 4, "least and most may be one");

	is_int(retry_quick(1), 1000, "quick: 1 s");
	is_int(retry_quick(2), 2000, "2 s");
	is_int(retry_quick(3), 5000, "5 s");
	is_int(retry_quick(4), 10000, "10 s");
	is_int(retry_quick(5), -1, "and no more");
	is_int(retry_quick(0), -1, "nothing failed");

	is_int(retry_refused(1), 1000, "refused: 1 s");
	is_int(retry_refused(2), 5000, "5 s");
	is_int(retry_refused(3), -1, "three times is enough");
	is_int(retry_refused(0), -1, "never refused");
	return done();
}
