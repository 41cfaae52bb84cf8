#include "tap.h"
#include "base/clock.h"
#include "base/err.h"

static void formats(int64_t ms, const char *want)
{
	char text[CLOCK_TEXT];

	clock_format(text, ms);
	is_str(text, want, want);
}

static void parses(const char *s, int64_t want)
{
	int64_t ms = -1;
	int rc = clock_parse(&ms, s);

	ok(rc == 0 && ms == want, "'%s' is a time", s);
	if (ms != want)
		printf("# got %lld, want %lld\n", (long long)ms, (long long)want);
}

static void times(void)
{
	static const char *const bad[] = {"", "-", "now", "2026-11-20", "2026-11-20T10:16:34",
	    "2026-11-20T10:16:34.Z", "2026-11-20T10:16:34ZZ", "2026-11-20T10:16:34Z ",
	    " 2026-11-20T10:16:34Z", "2026-11-20 10:16:34Z", "2026-13-20T10:16:34Z",
	    "2026-00-20T10:16:34Z", "2026-02-29T10:16:34Z", "2026-04-31T00:00:00Z",
	    "2026-04-00T00:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T23:60:00Z",
	    "2026-11-20T23:59:61Z", "2026-11-20T10:16:34+24:00", "2026-11-20T10:16:34+1:00",
	    "2026-11-20T10:16:34+0100", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
	    "9999-12-31T23:59:59-00:01", "226-11-20T10:16:34Z", "2026-1-20T10:16:34Z",
	    "2026-11-20T10:16:34.12a4Z"};
	int64_t ms, seed = 1;
	char text[CLOCK_TEXT];
	int wrong = 0;

	formats(0, "1970-01-01T00:00:00.000Z");
	formats(INT64_C(1795169794123), "2026-11-20T10:16:34.123Z");
	formats(INT64_C(951782400001), "2000-02-29T00:00:00.001Z");
	formats(INT64_C(253402300799999), "9999-12-31T23:59:59.999Z");
	formats(INT64_MAX, "9999-12-31T23:59:59.999Z");
	formats(-1, "1970-01-01T00:00:00.000Z");
	parses("1970-01-01T00:00:00Z", 0);
	parses("2026-11-20T10:16:34.123Z", INT64_C(1795169794123));
	parses("2026-11-20t10:16:34.123z", INT64_C(1795169794123));
	parses("2026-11-20T10:16:34.1239999999999999999Z", INT64_C(1795169794123));
	parses("2026-11-20T10:16:34.1Z", INT64_C(1795169794100));
	parses("2026-11-20T12:46:34.123+02:30", INT64_C(1795169794123));
	parses("2026-11-20T05:16:34.123-05:00", INT64_C(1795169794123));
	parses("2026-11-19T23:59:60Z", INT64_C(1795132800000));
	parses("9999-12-31T23:59:59.999Z", INT64_C(253402300799999));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(clock_parse(&ms, bad[i]) == MP_EBAD, "'%s' is no time", bad[i]);
	for (int i = 0; i < 100000; i++) {
		int64_t t = (seed = (seed * 48271) % 2147483647) * 117000 + i % 1000;

		clock_format(text, t);
		wrong += clock_parse(&ms, text) != 0 || ms != t;
	}
	is_int(wrong, 0, "100,000 times come back");
}

static void durations(void)
{
	static const struct {
		const char *s;
		int64_t ms;
	} good[] = {{"0", 0}, {"90", 90000}, {"90s", 90000}, {"15m", 15 * MP_MINUTE},
	    {"12h", 12 * MP_HOUR}, {"7d", 7 * MP_DAY}, {"2w", 14 * MP_DAY}, {"0w", 0},
	    {"3653d", 3653 * MP_DAY}};
	static const char *const bad[] = {"", "s", "-1", "+1", " 1", "1 ", "1.5h", "1y", "1M",
	    "1hm", "1h30m", "3654d", "523w", "99999999999999999999", "99999999999999999999w",
	    "1e3"};
	int64_t ms;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(duration_parse(&ms, good[i].s) == 0 && ms == good[i].ms, "'%s' is a duration",
		    good[i].s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(duration_parse(&ms, bad[i]) == MP_EBAD, "'%s' is no duration", bad[i]);
}

int main(void)
{
	int64_t a = clock_monotonic(), b = clock_monotonic();

	times();
	durations();
	ok(clock_now() > INT64_C(1700000000000), "now is milliseconds since 1970");
	ok(b >= a, "the monotonic clock does not go back");
	return done();
}
