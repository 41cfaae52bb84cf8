#include "base/err.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DETAIL 512

static _Thread_local char detail[DETAIL];
static const char *program = "mp";

/* Formats beside the slot first: an argument may be err_detail() itself. */
__attribute__((format(printf, 1, 0))) static void set_detail(const char *fmt, va_list ap)
{
	char text[DETAIL];

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	memcpy(detail, text, sizeof(detail));
}

int err_set(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_detail(fmt, ap);
	va_end(ap);
	return code;
}

int err_sys(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	set_detail(fmt, ap);
	va_end(ap);
	n = strlen(detail);
	snprintf(detail + n, sizeof(detail) - n, ": %s", strerror(saved));
	errno = saved;
	return saved == ENOSPC || saved == EDQUOT ? MP_EFULL : MP_ESYS;
}

const char *err_detail(void)
{
	return detail;
}

int err_status(int code)
{
	static const int status[] = {
	    [-MP_OK] = EXIT_DONE,
	    [-MP_ENONE] = EXIT_NO,
	    [-MP_EUSAGE] = EXIT_PERMANENT,
	    [-MP_EBAD] = EXIT_PERMANENT,
	    [-MP_EEXIST] = EXIT_PERMANENT,
	    [-MP_ELIMIT] = EXIT_PERMANENT,
	    [-MP_ESYS] = EXIT_PERMANENT,
	    [-MP_ENOMEM] = EXIT_TEMPORARY,
	    [-MP_EBUSY] = EXIT_TEMPORARY,
	    [-MP_ETEMP] = EXIT_TEMPORARY,
	    [-MP_EFULL] = EXIT_TEMPORARY,
	};

	if (code >= 0)
		return EXIT_DONE;
	if (code < MP_EFULL)
		return EXIT_PERMANENT;
	return status[-code];
}

static int rank(int status)
{
	switch (status) {
	case EXIT_DONE:
		return 0;
	case EXIT_NO:
		return 1;
	case EXIT_TEMPORARY:
		return 2;
	default:
		return 3;
	}
}

int err_worse(int status, int other)
{
	return rank(other) > rank(status) ? other : status;
}

void err_name(const char *name)
{
	program = name;
}

/* One write(2), so that lines of several processes on one stderr do not mix. */
static void print_line(const char *text)
{
	struct buf line = BUF_INIT(8 * DETAIL);
	ssize_t n;

	if (buf_adds(&line, program) == 0 && buf_adds(&line, ": ") == 0 &&
	    text_display(&line, text, strlen(text), 0) == 0 && buf_addc(&line, '\n') == 0) {
		fflush(stderr);
		do
			n = write(STDERR_FILENO, line.data, line.len);
		while (n < 0 && errno == EINTR);
	}
	buf_free(&line);
}

int err_print(int code)
{
	print_line(detail[0] != '\0' ? detail : "failed");
	return err_status(code);
}

void err_warn(const char *fmt, ...)
{
	char text[DETAIL];
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) >= 0)
		print_line(text);
	va_end(ap);
}
