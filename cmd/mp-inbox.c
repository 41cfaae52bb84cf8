/* mp-inbox: what is new, the history, or a hook for each message, mp-inbox(1). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/file.h"
#include "base/stop.h"
#include "base/watch.h"
#include "node/hook.h"
#include "store/contact.h"
#include "store/message.h"

#define USAGE                                        \
	"mp-inbox [-afhj] [-t name] [-w duration]\n" \
	"       mp-inbox [-f] [-w duration] -x program [argument ...]"

/* Touches may get lost on a network file system, and a hook's message becomes due without one. */
#define LOOK_AGAIN (15 * MP_SECOND)

struct inbox {
	struct store *s;
	struct config cfg;
	struct message_query query;
	bool json, follow;
	int64_t wait;     /* ms; -1: not given */
	struct hook hook; /* argv NULL: none */
	int watch, stop_fd;
	int64_t printed;
};

static int print(void *ctx, const struct record *rec, int64_t seq)
{
	struct inbox *in = ctx;

	in->query.after = seq;
	in->printed++;
	return record_write(stdout, rec, in->json);
}

static int print_new(struct inbox *in)
{
	int r = message_each(in->s, &in->query, print, in);

	return r == MP_OK ? record_finish(stdout) : r;
}

static void complain(void *ctx, const struct record *rec, const char *line)
{
	(void)ctx;
	if (rec != NULL && rec->contact[0] != '\0')
		err_warn("%s: %s", rec->contact, line);
	else
		err_warn("%s", line);
}

static int start_watch(struct inbox *in)
{
	int r = dir_make(home_file("run"));

	if (r != MP_OK)
		return r;
	in->watch = watch_open(home_file("run"));
	return in->watch >= 0 ? MP_OK : in->watch;
}

enum { LOOK, TIME_OVER, ASKED_TO_END };

/* Until there may be something new.  ASKED_TO_END: by a signal, or because the reader is gone. */
static int await(struct inbox *in, int64_t until)
{
	struct pollfd p[3] = {
	    {.fd = in->watch, .events = POLLIN},
	    {.fd = in->stop_fd, .events = POLLIN},
	    {.fd = in->hook.argv == NULL ? STDOUT_FILENO : -1},
	};
	int64_t left = until - clock_monotonic();

	if (left <= 0)
		return TIME_OVER;
	while (poll(p, 3, (int)(left < LOOK_AGAIN ? left : LOOK_AGAIN)) < 0) {
		if (errno != EINTR)
			return err_sys("cannot wait");
	}
	(void)watch_touched(in->watch, "inbox"); /* or it is time to look again anyway */
	return p[1].revents != 0 || p[2].revents != 0 ? ASKED_TO_END : LOOK;
}

static int run_print(struct inbox *in)
{
	int64_t until = INT64_MAX, seen;
	int r = TIME_OVER;

	do {
		seen = in->printed;
		if ((r = print_new(in)) != MP_OK)
			return err_print(r);
		if (in->wait >= 0 && (seen != in->printed || until == INT64_MAX))
			until = clock_monotonic() + in->wait;
	} while (in->follow && (r = await(in, until)) == LOOK);
	if (r < 0)
		return err_print(r);
	return in->printed > 0 || r == ASKED_TO_END ? EXIT_DONE : EXIT_NO;
}

static int run_hooks(struct inbox *in)
{
	int status = in->follow ? EXIT_DONE : EXIT_NO, once, r = 0;

	in->hook.stop_fd = in->stop_fd;
	in->hook.report = complain;
	do {
		once = hook_run_all(in->s, &in->cfg, &in->hook);
		if (once != EXIT_NO)
			status = status == EXIT_NO ? once : err_worse(status, once);
	} while (in->follow && (r = await(in, INT64_MAX)) == LOOK);
	return r < 0 ? err_worse(status, err_print(r)) : status;
}

static int open_inbox(struct inbox *in)
{
	struct contact c;
	int r;

	if ((r = config_load(&in->cfg)) != MP_OK || (r = store_open(&in->s)) != MP_OK)
		return r;
	if (in->query.contact != NULL && (r = contact_get(in->s, &c, in->query.contact)) != MP_OK)
		return r;
	if (in->hook.argv != NULL && (r = hook_check(in->hook.argv[0])) != MP_OK)
		return r;
	if (in->follow && (r = start_watch(in)) != MP_OK)
		return r;
	if (in->follow || in->hook.argv != NULL)
		r = in->stop_fd = stop_unless_ignored();
	return r < 0 ? r : MP_OK;
}

static bool options_fit(const struct inbox *in)
{
	if (in->hook.argv != NULL)
		return !in->query.all && !in->json && in->query.contact == NULL && in->wait != 0;
	return in->wait < 0 || in->follow;
}

int main(int argc, char **argv)
{
	struct inbox in = {.wait = -1, .watch = -1, .stop_fd = -1};
	char *program = NULL;
	int c, r, status;

	cmd_begin("mp-inbox", USAGE);
	while ((c = getopt(argc, argv, "+afhjt:w:x:")) != -1) {
		switch (c) {
		case 'a':
			in.query.all = true;
			break;
		case 'f':
			in.follow = true;
			break;
		case 'j':
			in.json = true;
			break;
		case 't':
			in.query.contact = optarg;
			break;
		case 'w':
			in.wait = cmd_duration(c, optarg);
			break;
		case 'x':
			program = optarg;
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (program != NULL) {
		/* In front of its arguments, where an option of ours stood. */
		argv[--optind] = program;
		in.hook.argv = argv + optind;
		in.hook.timeout = in.wait;
	}
	if ((program == NULL && optind != argc) || !options_fit(&in))
		return cmd_usage(0);
	if ((r = open_inbox(&in)) != MP_OK)
		status = err_print(r);
	else
		status = program != NULL ? run_hooks(&in) : run_print(&in);
	store_close(in.s);
	return status;
}
