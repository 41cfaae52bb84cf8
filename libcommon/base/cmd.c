#include "base/cmd.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *usage_text = "";

/*
 * A standard descriptor that is closed stays unusable: the next file opened would become it, and
 * be read as input or written to as output.
 */
static void hold_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(EXIT_PERMANENT);
}

void cmd_begin(const char *name, const char *usage)
{
	hold_descriptors();
	err_name(name);
	usage_text = usage;
	umask(077);
	setlocale(LC_ALL, "C");
	signal(SIGPIPE, SIG_IGN);
	opterr = 0; /* cmd_usage() says it, under our own name and escaped */
	optopt = 0;
	secret_init();
}

int cmd_usage(int option)
{
	if (option == 'h') {
		printf("usage: %s\n", usage_text);
		if (fflush(stdout) != 0)
			return err_print(err_sys("cannot write standard output"));
		return EXIT_DONE;
	}
	if (option == '?' && optopt != 0)
		err_warn("unknown option '-%c', or its argument is missing", optopt);
	fprintf(stderr, "usage: %s\n", usage_text);
	return EXIT_PERMANENT;
}

static bool take_flags(int argc, char **argv, char flag, bool *given, int *bad)
{
	const char options[] = {'+', 'h', flag, '\0'};
	int c;

	while ((c = getopt(argc, argv, options)) != -1) {
		if (c != flag) {
			*bad = c;
			return false;
		}
		*given = true;
	}
	return true;
}

const char *cmd_verb(int *argc, char ***argv, char flag, bool *given, int *bad)
{
	const char *verb;

	*bad = 0;
	if (!take_flags(*argc, *argv, flag, given, bad) || optind == *argc)
		return NULL;
	verb = (*argv)[optind];
	*argc -= optind;
	*argv += optind;
	optind = 1;
	if (!take_flags(*argc, *argv, flag, given, bad))
		return NULL;
	*argc -= optind;
	*argv += optind;
	return verb;
}

static void bad_argument(int option, const char *why)
{
	err_warn("-%c: %s", option, why);
	exit(EXIT_PERMANENT);
}

int64_t cmd_number(int option, const char *arg, int64_t min, int64_t max)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(arg, &end, 10);
	if (errno != 0 || end == arg || *end != '\0' || v < min || v > max) {
		err_set(MP_EUSAGE, "'%.40s' is no number from %lld to %lld", arg, (long long)min,
		    (long long)max);
		bad_argument(option, err_detail());
	}
	return v;
}

int cmd_descriptor(int option, const char *arg, int least)
{
	int fd = (int)cmd_number(option, arg, least, 1 << 20);

	if (fcntl(fd, F_GETFD) < 0) {
		err_set(MP_EUSAGE, "descriptor %d is not open", fd);
		bad_argument(option, err_detail());
	}
	return fd;
}

int64_t cmd_duration(int option, const char *arg)
{
	int64_t ms = 0;

	if (duration_parse(&ms, arg) != 0)
		bad_argument(option, err_detail());
	return ms;
}

bool cmd_watched(void)
{
	return isatty(STDERR_FILENO) == 1;
}

void cmd_progress(const char *what, int64_t done, int64_t all)
{
	static int64_t said = -1;

	if (done >> 20 == said && done < all)
		return;
	said = done < all ? done >> 20 : -1;
	fprintf(stderr, "\r%s: %lld of %lld MiB%s", what, (long long)(done >> 20),
	    (long long)(all >> 20), done < all ? "" : "\n");
}
