#include "base/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"

/* Byte by byte: what stands behind the line on that descriptor is not ours. */
static int read_line(char *out, size_t size, int fd)
{
	size_t n = 0;
	ssize_t got;
	char c;

	for (;;) {
		do
			got = read(fd, &c, 1);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return err_sys("cannot read the password");
		if (got == 0 || c == '\n')
			break;
		if (c == '\0' || n + 1 == size)
			return err_set(
			    MP_ELIMIT, "the password is longer than %zu bytes", size - 1);
		out[n++] = c;
	}
	out[n] = '\0';
	return n > 0 ? 0 : err_set(MP_ENONE, "no password");
}

/* A signal at the prompt would leave the terminal without echo: it waits until that is on again. */
static int ask(char *out, size_t size, int tty, const char *prompt)
{
	struct termios old, quiet;
	sigset_t all, before;
	int rc;

	if (tcgetattr(tty, &old) != 0)
		return err_sys("cannot ask on the terminal");
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	tcsetattr(tty, TCSAFLUSH, &quiet);
	rc = fd_write_all(tty, prompt, strlen(prompt));
	if (rc == 0)
		rc = read_line(out, size, tty);
	tcsetattr(tty, TCSAFLUSH, &old);
	sigprocmask(SIG_SETMASK, &before, NULL);
	(void)fd_write_all(tty, "\n", 1);
	return rc;
}

int passphrase_read(char *out, size_t size, int fd, const char *of, bool twice)
{
	char prompt[128], *again;
	int tty, rc;

	if (fd >= 0)
		return read_line(out, size, fd);
	if ((tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		return err_set(MP_EUSAGE, "no terminal to ask for the password on: use -p");
	snprintf(prompt, sizeof(prompt), "Password of %.40s: ", of);
	rc = ask(out, size, tty, prompt);
	if (rc == 0 && twice) {
		again = secret_alloc(size);
		if ((rc = ask(again, size, tty, "Once more: ")) == 0 && strcmp(out, again) != 0)
			rc = err_set(MP_EUSAGE, "the two passwords differ");
		secret_free(again);
	}
	close(tty);
	return rc;
}
