#include "base/clock.h"
#include "base/err.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define LAST_MS INT64_C(253402300799999) /* the last of the year 9999 */

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static char *put_digits(char *p, int v, int width)
{
	for (int i = width - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + width;
}

void clock_format(char out[static CLOCK_TEXT], int64_t ms)
{
	char *p = out;
	struct tm tm;
	time_t s;

	if (ms < 0)
		ms = 0;
	if (ms > LAST_MS)
		ms = LAST_MS;
	s = (time_t)(ms / 1000);
	gmtime_r(&s, &tm);
	p = put_digits(p, tm.tm_year + 1900, 4);
	*p++ = '-';
	p = put_digits(p, tm.tm_mon + 1, 2);
	*p++ = '-';
	p = put_digits(p, tm.tm_mday, 2);
	*p++ = 'T';
	p = put_digits(p, tm.tm_hour, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_min, 2);
	*p++ = ':';
	p = put_digits(p, tm.tm_sec, 2);
	*p++ = '.';
	p = put_digits(p, (int)(ms % 1000), 3);
	*p++ = 'Z';
	*p = '\0';
}

/* Matches fmt at *s: a digit of fmt is the highest one allowed there, other characters are
 * themselves in either case.  Puts the numbers between them into v. */
static int match(const char **s, const char *fmt, int *v)
{
	bool in_number = false;

	for (; *fmt != '\0'; fmt++, (*s)++) {
		int c = (unsigned char)**s;

		if (isdigit((unsigned char)*fmt)) {
			if (!isdigit(c) || c > *fmt)
				return -1;
			if (!in_number)
				*v = 0;
			*v = *v * 10 + (c - '0');
			in_number = true;
		} else {
			if (toupper(c) != *fmt)
				return -1;
			v += in_number;
			in_number = false;
		}
	}
	return 0;
}

/* .123456 cut to milliseconds; an absent fraction is 0. */
static int match_fraction(const char **s, int *ms)
{
	int scale = 100;

	*ms = 0;
	if (**s != '.')
		return 0;
	if (!isdigit((unsigned char)*++*s))
		return -1;
	for (; isdigit((unsigned char)**s); (*s)++, scale /= 10)
		*ms += (**s - '0') * scale;
	return 0;
}

static int match_offset(const char **s, int64_t *offset)
{
	int sign = **s == '-' ? -1 : 1, v[2] = {0, 0};

	*offset = 0;
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		return 0;
	}
	if (**s != '+' && **s != '-')
		return -1;
	(*s)++;
	if (match(s, "29:59", v) != 0 || v[0] > 23)
		return -1;
	*offset = sign * (v[0] * MP_HOUR + v[1] * MP_MINUTE);
	return 0;
}

int clock_parse(int64_t *ms, const char *s)
{
	const char *p = s;
	int v[6], fraction, day;
	int64_t offset, t;
	struct tm tm;

	if (match(&p, "9999-19-39T29:59:69", v) != 0 || match_fraction(&p, &fraction) != 0 ||
	    match_offset(&p, &offset) != 0 || *p != '\0' || v[3] > 23 || v[5] > 60)
		goto bad;
	memset(&tm, 0, sizeof(tm));
	tm.tm_year = v[0] - 1900;
	tm.tm_mon = v[1] - 1;
	tm.tm_mday = day = v[2];
	if (v[1] < 1 || v[1] > 12 || day < 1)
		goto bad;
	t = (int64_t)timegm(&tm) * 1000;
	if (tm.tm_mday != day) /* the 31st of April came back as the 1st of May */
		goto bad;
	t += v[3] * MP_HOUR + v[4] * MP_MINUTE + v[5] * MP_SECOND + fraction - offset;
	if (t < 0 || t > LAST_MS)
		goto bad;
	*ms = t;
	return 0;
bad:
	return err_set(MP_EBAD, "bad time '%.40s'", s);
}

int duration_parse(int64_t *ms, const char *s)
{
	static const char units[] = "smhdw";
	static const int64_t size[] = {MP_SECOND, MP_MINUTE, MP_HOUR, MP_DAY, 7 * MP_DAY};
	const int64_t most = 3653 * MP_DAY;
	const char *p = s, *unit;
	int64_t v = 0, scale = MP_SECOND;

	for (; isdigit((unsigned char)*p) && v <= most; p++)
		v = v * 10 + (*p - '0');
	if (p == s)
		goto bad;
	if (*p != '\0') {
		if ((unit = strchr(units, *p++)) == NULL)
			goto bad;
		scale = size[unit - units];
	}
	if (*p != '\0' || v > most / scale)
		goto bad;
	*ms = v * scale;
	return 0;
bad:
	return err_set(
	    MP_EBAD, "bad duration '%.40s': a number and s, m, h, d or w, up to 10 years", s);
}
