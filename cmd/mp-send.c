/* mp-send: delivers sealed records, mp-send(1). */
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "node/sender.h"

static bool json;

static int print(void *ctx, const struct record *rec)
{
	int rc = record_write(stdout, rec, json);

	(void)ctx;
	return rc != 0 ? rc : record_finish(stdout);
}

static void complain(void *ctx, const char *line)
{
	(void)ctx;
	err_warn("%s", line);
}

static void progress(void *ctx, const char *contact, int64_t done, int64_t all)
{
	(void)ctx;
	cmd_progress(contact, done, all);
}

/* Readable once we are asked to end: what is under way is finished first. */
static int catch_end(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	struct sender_options o = {.input = STDIN_FILENO,
	    .input_name = "standard input",
	    .wait = MP_MINUTE,
	    .problem = complain,
	    .progress = cmd_watched() ? progress : NULL};
	struct config cfg;
	int c, rc;

	cmd_begin("mp-send", "mp-send [-hjv] [-w duration]");
	while ((c = getopt(argc, argv, "+hjvw:")) != -1) {
		switch (c) {
		case 'j':
			json = true;
			o.report = print;
			break;
		case 'v':
			o.report = print;
			break;
		case 'w':
			o.wait = cmd_duration(c, optarg);
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (optind < argc)
		return cmd_usage(0);
	if ((rc = config_load(&cfg)) != 0)
		return err_print(rc);
	o.stop_fd = catch_end();
	return sender_run(&cfg, &o);
}
