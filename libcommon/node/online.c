#include "node/online.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "crypto/identity.h"
#include "net/client.h"
#include "net/torctl.h"
#include "store/queue.h"

#define STEP 100             /* ms between two looks at something that is coming up */
#define IMPATIENCE MP_MINUTE /* then a person is told, once, what is still missing */
#define SELF_TIME (10 * MP_SECOND)

struct wait {
	const struct online *o;
	int64_t began;
	bool told;
	int percent;
};

static void nap(int64_t ms)
{
	(void)poll(NULL, 0, (int)ms);
}

static void say(const struct online *o, const char *what, const char *detail)
{
	char line[600];

	snprintf(line, sizeof(line), "%s%s", what, detail);
	o->say(o->ctx, line);
}

static void still(struct wait *w, const char *missing)
{
	if (w->told || clock_monotonic() - w->began < IMPATIENCE)
		return;
	w->told = true;
	say(w->o, "not reachable yet: ", missing);
}

/* One request that nobody sealed: our own mp-recv, and nothing else with our key, answers it 400.
 */
static int ask_self(const struct online *o, struct client *c)
{
	static const uint8_t isolation[16];
	struct post_result r;
	int rc;

	if ((rc = client_post(c, o->station->key, isolation, "?", 1, NULL)) != 0)
		return rc;
	rc = client_poll(c, &r, NULL, 0, SELF_TIME);
	if (rc != 1) {
		client_cancel(c, NULL);
		return rc != 0 ? rc : err_set(MP_ETEMP, "our own listener does not answer");
	}
	rc = r.status == 400 ? 0 : err_set(MP_ETEMP, "our own listener: %s", r.reason);
	buf_free(&r.reply);
	return rc;
}

static int wait_listener(struct wait *w)
{
	const struct client_options opt = {
	    .socks = "127.0.0.1:1",
	    .routes = home_file("run/self"),
	    .timeout = SELF_TIME / 2,
	    .connect = SELF_TIME / 2,
	};
	char line[ONION_TEXT + ADDR_TEXT + 2];
	struct client *c;
	int rc;

	snprintf(line, sizeof(line), "%s %s\n", w->o->station->onion, w->o->station->target);
	if ((rc = file_write(opt.routes, line, strlen(line), 0600, true)) != 0 ||
	    (rc = client_new(&c, &opt)) != 0)
		return rc;
	while ((rc = ask_self(w->o, c)) != 0) {
		still(w, err_detail());
		nap(STEP);
	}
	client_free(c);
	return 0;
}

static int open_control(struct wait *w, struct torctl **t)
{
	const struct config *cfg = w->o->cfg;
	char where[PATH_MAX + 8];
	bool own = w->o->tor == ONLINE_OWN_TOR;
	int rc;

	snprintf(where, sizeof(where), "unix:%s", w->o->station->control);
	for (;;) {
		rc = torctl_open(t, own ? where : cfg->tor_control,
		    own ? w->o->station->cookie : cfg->tor_cookie);
		/* A cookie of an earlier tor may lie there until ours has written its own. */
		if (rc == 0 || !own)
			return rc;
		still(w, err_detail());
		nap(STEP);
	}
}

static int wait_bootstrap(struct wait *w, struct torctl *t)
{
	char summary[200], text[256];
	int percent, rc;

	for (;;) {
		if ((rc = torctl_bootstrap(t, &percent, summary, sizeof(summary))) != 0)
			return rc;
		snprintf(text, sizeof(text), "tor is at %d %%: %s", percent, summary);
		if (w->o->verbose && percent != w->percent)
			say(w->o, text, "");
		w->percent = percent;
		if (percent >= 100)
			return 0;
		still(w, text);
		nap(STEP);
	}
}

static int add_service(const struct online *o, struct torctl *t)
{
	struct identity *id;
	int rc;

	if ((rc = identity_load(&id)) != 0)
		return rc;
	rc = torctl_add_onion(t, id, o->station->target);
	identity_free(id);
	return rc;
}

static int wait_service(struct wait *w, struct torctl *t)
{
	int rc;

	if (w->o->tor == ONLINE_SYSTEM_TOR && (rc = add_service(w->o, t)) != 0)
		return rc;
	if ((rc = wait_bootstrap(w, t)) != 0)
		return rc;
	while ((rc = torctl_uploaded(t, w->o->station->onion, MP_SECOND)) == 0)
		still(w, "tor has not published our address");
	return rc < 0 ? rc : 0;
}

/* We are here again: whatever failed before is worth a try now. Failing, it is tried later all the
 * same. */
static void wake_lanes(const struct online *o)
{
	struct store *s = NULL;
	int64_t n;

	if (store_open(&s) != 0 || lane_wake(s, 0, clock_now(), &n) != 0)
		say(o, err_detail(), "");
	store_close(s);
	store_wake_queue();
}

/* Until tor, or somebody between, ends the connection. Events that come meanwhile are read and
 * forgotten. */
static int hold(struct torctl *t)
{
	struct pollfd p = {.fd = torctl_fd(t), .events = POLLIN};
	char c[4096];

	for (;;) {
		(void)poll(&p, 1, -1);
		if (recv(p.fd, c, sizeof(c), MSG_DONTWAIT) == 0 ||
		    (p.revents & (POLLERR | POLLHUP)))
			return err_set(MP_ETEMP, "the system's tor closed its control port");
	}
}

int online_run(const struct online *o)
{
	struct wait w = {.o = o, .began = clock_monotonic(), .percent = -1};
	struct torctl *t = NULL;
	int rc;

	/* Tor may publish before our listener is there: what it tells is asked for first. */
	if (o->tor != ONLINE_NO_TOR &&
	    ((rc = open_control(&w, &t)) != 0 || (rc = torctl_watch(t)) != 0))
		goto out;
	if ((rc = wait_listener(&w)) != 0)
		goto out;
	if (t != NULL && (rc = wait_service(&w, t)) != 0)
		goto out;
	wake_lanes(o);
	(void)fd_write_all(o->up, "!", 1);
	if (o->tor == ONLINE_SYSTEM_TOR)
		rc = hold(t);
out:
	torctl_close(t);
	return rc;
}
