/*
 * clock: wall time in milliseconds since 1970 (UTC), RFC 3339 text, durations.
 *
 * State machines take the time as an argument; commands read it here, once.
 */
#ifndef MP_BASE_CLOCK_H
#define MP_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT 25 /* 2026-11-20T10:16:34.123Z and NUL */

#define MP_SECOND INT64_C(1000)
#define MP_MINUTE (60 * MP_SECOND)
#define MP_HOUR (60 * MP_MINUTE)
#define MP_DAY (24 * MP_HOUR)

int64_t clock_now(void);       /* wall clock, ms */
int64_t clock_monotonic(void); /* for waiting, ms; unrelated to the wall clock */

/* Years 1970 to 9999; a time outside is clamped. */
void clock_format(char out[static CLOCK_TEXT], int64_t ms);
/* RFC 3339 with Z or an offset, any number of fraction digits (cut to ms). MP_EBAD. */
int clock_parse(int64_t *ms, const char *s);

/* "90", "90s", "15m", "12h", "7d", "2w"; a bare number is seconds; 0 to 10 years. MP_EBAD. */
int duration_parse(int64_t *ms, const char *s);

#endif
