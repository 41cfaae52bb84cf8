#include "node/cover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/stop.h"
#include "mesh/chance.h"
#include "node/child.h"
#include "node/slots.h"
#include "store/meshself.h"

#define LATE MP_MINUTE /* behind the time: what was missed is not made up for in a burst */

struct stream {
	const struct config *cfg;
	const struct cover_options *o;
	const struct slots *kind;
	int64_t mean;
};

struct cover {
	struct family family;
	struct child child[2];
	struct stream stream[2];
	struct pollfd ends[3]; /* signals; of each stream a pipe that is closed with it */
	int hidden[2];
	int lock, left, status;
};

int64_t cover_next(int64_t at, int64_t mean, int64_t late)
{
	if (late > at + LATE)
		at = late;
	return at + chance_wait(mean, chance_random, NULL);
}

static void wait_until(int64_t at)
{
	int64_t now;

	while ((now = clock_monotonic()) < at)
		(void)poll(NULL, 0, at - now > MP_HOUR ? (int)MP_HOUR : (int)(at - now));
}

/* The child: its slots, one after the other. */
static int run_stream(void *ctx)
{
	const struct stream *t = ctx;
	const struct cover_options *o = t->o;
	int64_t at = clock_monotonic();
	void *state = NULL;
	int rc = t->kind->open(&state, t->cfg, o);

	for (int64_t n = 0; rc == 0 && (o->slots == 0 || n < o->slots); n++) {
		at = cover_next(at, t->mean, clock_monotonic());
		wait_until(at);
		rc = t->kind->slot(state);
	}
	if (rc != 0)
		o->say(o->ctx, err_detail());
	t->kind->close(state);
	return rc == 0 ? EXIT_DONE : err_status(rc);
}

/* An open file description's lock: it goes with the process, and asking for it disturbs nobody. */
static int lock_file(int command, struct flock *l)
{
	int make = command == F_OFD_SETLK ? O_CREAT : 0;
	int fd = open(home_file("run/cover.lock"), O_RDWR | make | O_NOFOLLOW | O_CLOEXEC, 0600);

	*l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fd >= 0 && fcntl(fd, command, l) != 0) {
		int failed = errno;

		close(fd);
		errno = failed;
		return -1;
	}
	return fd;
}

bool cover_runs(void)
{
	struct flock l;
	int fd = lock_file(F_OFD_GETLK, &l);

	if (fd >= 0)
		close(fd);
	return fd >= 0 && l.l_type != F_UNLCK;
}

const char *cover_waits(void)
{
	return cover_runs() ? "waits for a slot of mp-mesh cover"
	                    : "waits for mp-mesh cover, which does not run";
}

static int take_lock(struct cover *c)
{
	struct flock l;
	int rc = dir_make(home_file("run"));

	if (rc != 0)
		return rc;
	if ((c->lock = lock_file(F_OFD_SETLK, &l)) >= 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(MP_EEXIST, "mp-mesh cover runs already in '%s'", home_path());
	return err_sys("cannot lock '%s'", home_file("run/cover.lock"));
}

/* Said once here, and not by each stream. */
static int check_keys(void)
{
	struct store *s = NULL;
	struct meshself self;
	int rc = store_open(&s);

	if (rc == 0)
		rc = meshself_get(s, &self);
	store_close(s);
	return rc;
}

static int start(struct cover *c, const struct stream *t)
{
	int i = c->left, fds[2], rc;

	if (t->mean == 0)
		return 0;
	c->stream[i] = *t;
	c->child[i] =
	    (struct child){.name = t->kind->name, .run = run_stream, .ctx = &c->stream[i]};
	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_sys("cannot make a pipe");
	rc = child_start(&c->child[i], &c->family, clock_monotonic());
	close(fds[1]);
	c->ends[++i].fd = fds[0];
	if (rc == 0)
		c->left++;
	return rc;
}

/* A stream is at its end: 1 when no other is to go on. */
static int ended(struct cover *c, int i)
{
	int status = 0;

	while (waitpid(c->child[i].pid, &status, 0) < 0 && errno == EINTR)
		;
	close(c->ends[i + 1].fd);
	c->ends[i + 1].fd = -1;
	if (WIFEXITED(status))
		c->status = err_worse(c->status, WEXITSTATUS(status));
	else
		c->status = err_worse(c->status, EXIT_TEMPORARY);
	return c->status != EXIT_DONE || --c->left == 0;
}

static int supervise(struct cover *c)
{
	for (;;) {
		if (poll(c->ends, 3, -1) < 0 && errno != EINTR)
			return err_sys("cannot wait");
		if (c->ends[0].revents != 0)
			return 0;
		for (int i = 0; i < 2; i++)
			if (c->ends[i + 1].fd >= 0 && c->ends[i + 1].revents != 0 && ended(c, i))
				return 0;
	}
}

static int run(struct cover *c, const struct config *cfg, const struct cover_options *o)
{
	const struct stream posts = {cfg, o, &slots_post, cfg->cover_post},
	                    fetches = {cfg, o, &slots_fetch, cfg->cover_fetch};
	int rc;

	if ((rc = c->ends[0].fd = stop_signals()) < 0)
		return rc;
	c->hidden[0] = c->lock;
	c->hidden[1] = c->ends[0].fd;
	if ((rc = family_begin(&c->family, c->hidden, 2)) != 0)
		return rc;
	if ((rc = start(c, &posts)) == 0 && (rc = start(c, &fetches)) == 0)
		rc = supervise(c);
	family_end(&c->family);
	return rc;
}

int cover_run(const struct config *cfg, const struct cover_options *o, int *status)
{
	struct cover c = {.lock = -1, .status = EXIT_DONE};
	int rc;

	for (int i = 0; i < 3; i++)
		c.ends[i] = (struct pollfd){.fd = -1, .events = POLLIN};
	if (cfg->cover_post == 0 && cfg->cover_fetch == 0)
		return err_set(
		    MP_EUSAGE, "neither cover.post nor cover.fetch is set: see mp-config(5)");
	if ((rc = check_keys()) == 0 && (rc = take_lock(&c)) == 0)
		rc = run(&c, cfg, o);
	for (int i = 0; i < 3; i++)
		if (c.ends[i].fd >= 0)
			close(c.ends[i].fd);
	if (c.lock >= 0)
		close(c.lock);
	*status = c.status;
	return rc;
}
