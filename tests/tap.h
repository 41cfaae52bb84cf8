/* tap: the few lines a unit test needs to speak TAP. */
#ifndef MP_TESTS_TAP_H
#define MP_TESTS_TAP_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static int ok(int good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	if (!good)
		tap_failed++;
	return good;
}

__attribute__((unused)) static int is_int(long long got, long long want, const char *name)
{
	int good = ok(got == want, "%s", name);

	if (!good)
		printf("# got %lld, want %lld\n", got, want);
	return good;
}

__attribute__((unused)) static int is_str(const char *got, const char *want, const char *name)
{
	int good = ok(got != NULL && strcmp(got, want) == 0, "%s", name);

	if (!good)
		printf("# got '%s', want '%s'\n", got ? got : "(null)", want);
	return good;
}

__attribute__((unused)) static int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
