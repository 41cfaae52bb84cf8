#include "tap.h"
#include "base/cmd.h"
#include "base/clock.h"
#include "base/err.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char out[4096], err[4096];
static int64_t got;

static void slurp(char *to, FILE *f)
{
	rewind(f);
	to[fread(to, 1, 4095, f)] = '\0';
	fclose(f);
}

/* The exit status of fn() in a process of its own; its output is in out and err. */
static int run(int (*fn)(void), const char *stdout_path)
{
	FILE *o = tmpfile(), *e = tmpfile();
	int status;

	fflush(stdout);
	if (fork() == 0) {
		int fd = stdout_path != NULL ? open(stdout_path, O_WRONLY) : fileno(o);

		dup2(fd, 1);
		dup2(fileno(e), 2);
		exit(fn());
	}
	wait(&status);
	slurp(out, o);
	slurp(err, e);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static int options(int argc, char **argv)
{
	int c;

	cmd_begin("mp-test", "mp-test [-hn] [-w duration] [id ...]\n       mp-test -x");
	while ((c = getopt(argc, argv, "hn:w:")) != -1) {
		switch (c) {
		case 'n':
			got = cmd_number(c, optarg, -5, 10);
			break;
		case 'w':
			got = cmd_duration(c, optarg);
			break;
		default:
			return cmd_usage(c);
		}
	}
	printf("%lld\n", (long long)got);
	return 0;
}

static char *args[4];

static int with_args(void)
{
	int n = 0;

	while (args[n] != NULL)
		n++;
	return options(n, args);
}

static int given(const char *a, const char *b)
{
	args[0] = (char *)"path/mp-test";
	args[1] = (char *)a;
	args[2] = (char *)b;
	return run(with_args, NULL);
}

#define USAGE "usage: mp-test [-hn] [-w duration] [id ...]\n       mp-test -x\n"

static int begun(void)
{
	struct sigaction sa;

	umask(0);
	cmd_begin("x", "x");
	sigaction(SIGPIPE, NULL, &sa);
	return umask(077) == 077 && sa.sa_handler == SIG_IGN ? 0 : 1;
}

int main(void)
{
	is_int(run(begun, NULL), 0, "cmd_begin sets umask 077 and ignores SIGPIPE");
	is_int(given("-h", NULL), 0, "-h");
	is_str(out, USAGE, "prints the usage on stdout");
	is_str(err, "", "alone");
	is_int(given("-q", NULL), 100, "an unknown option");
	is_str(err, "mp-test: unknown option '-q', or its argument is missing\n" USAGE,
	    "is named, then the usage");
	is_str(out, "", "on stderr");
	is_int(given("-w", NULL), 100, "a missing argument");
	is_int(given("-n", "10"), 0, "a number");
	is_str(out, "10\n", "as it is");
	is_int(given("-n", "-5"), 0, "a negative one");
	is_int(given("-n", "11"), 100, "too large");
	is_str(err, "mp-test: -n: '11' is no number from -5 to 10\n", "is one line");
	is_int(given("-n", "-6"), 100, "too small");
	is_int(given("-n", "5x"), 100, "no number");
	is_int(given("-n", ""), 100, "nothing");
	is_int(given("-n", "99999999999999999999"), 100, "huge");
	is_int(given("-w", "10m"), 0, "a duration");
	is_str(out, "600000\n", "in ms");
	is_int(given("-w", "10x\033"), 100, "no duration");
	is_str(err,
	    "mp-test: -w: bad duration '10x\\0033': a number and s, m, h, d or w, up to 10 years\n",
	    "is one line, escaped");
	given("-h", NULL);
	args[1] = (char *)"-h";
	is_int(run(with_args, "/dev/full"), 111, "-h onto a full disk");
	return done();
}
