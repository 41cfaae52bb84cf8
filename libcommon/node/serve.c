#include "node/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/watch.h"
#include "mesh/chance.h"
#include "node/child.h"
#include "node/handshake.h"
#include "node/member.h"
#include "node/online.h"
#include "node/owntor.h"
#include "node/station.h"

#define DUE_EVERY MP_MINUTE
#define DUE_APART MP_SECOND       /* however often somebody comes to owe something */
#define STOP_TIME (7 * MP_SECOND) /* the sender takes 5 s at most */
#define COVER_AGAIN MP_MINUTE     /* it runs elsewhere, or there are no keys */
#define FILES 65536
#define WATCH_EVERY (5 * MP_SECOND)

/* In the order in which they are started. */
enum { LISTENER, TOR, ONLINE, SENDER, DUE, FETCH, COVER, CHILDREN };

struct serve {
	const struct serve_options *o;
	struct member member; /* what the children know */
	struct family family;
	struct child child[CHILDREN];
	int signals;
	int watch;     /* of run/, or -1 */
	bool owing;    /* since what is due was started last */
	int hidden[5]; /* what no child keeps */
	bool ready, stopping;
	int64_t end;
	int64_t watched; /* when connections were looked at last */
};

static const struct child plan[CHILDREN] = {
    [LISTENER] = {.name = "socat", .run = member_listener},
    [TOR] = {.name = "tor", .run = member_tor},
    [ONLINE] = {.name = "the look at our own service", .run = member_online},
    [SENDER] = {.name = "the sender", .run = member_sender},
    [DUE] = {.name = "what is due", .run = member_due},
    [FETCH] = {.name = "mp-mesh fetch", .run = member_fetch},
    [COVER] = {.name = "mp-mesh cover", .run = member_cover},
};

/* Debian keeps tor in /usr/sbin, which a user's PATH need not have. */
static int set_environment(struct serve *s)
{
	const char *old = getenv("PATH");
	char *path;
	int n;

	n = asprintf(&path, "%s%s%s:/usr/local/sbin:/usr/sbin:/sbin", s->o->programs,
	    *s->o->programs != '\0' ? ":" : "",
	    old != NULL && *old != '\0' ? old : "/usr/bin:/bin");
	if (n < 0)
		return err_set(MP_ENOMEM, "out of memory");
	n = setenv("PATH", path, 1) | setenv("MP_HOME", home_path(), 1);
	free(path);
	return n == 0 ? 0 : err_set(MP_ENOMEM, "out of memory");
}

static int need(const char *program, const char *package)
{
	if (program_exists(program))
		return 0;
	return err_set(
	    MP_ESYS, "'%s' is not installed (on Debian: apt-get install %s)", program, package);
}

static int check_programs(struct serve *s)
{
	int rc = need("socat", "socat");

	if (rc == 0 && s->member.tor == ONLINE_OWN_TOR)
		rc = need(s->member.cfg->tor_binary, "tor");
	if (rc == 0 && !program_exists("mp-recv"))
		rc = err_set(MP_ESYS, "'mp-recv' is neither beside mp-serve nor on PATH");
	return rc;
}

/* tor and socat hold a descriptor or more for each connection. */
static void raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max > FILES ? FILES : r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

static int catch_signals(struct serve *s)
{
	static const int some[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		sigaddset(&set, some[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 ||
	    (s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return err_sys("cannot wait for signals");
	return 0;
}

static int make_pipes(struct serve *s)
{
	if (pipe2(s->member.stop, O_CLOEXEC) != 0 || pipe2(s->member.outbox, O_CLOEXEC) != 0 ||
	    pipe2(s->member.up, O_CLOEXEC) != 0)
		return err_sys("cannot make a pipe");
	return 0;
}

static int start_family(struct serve *s)
{
	s->hidden[0] = s->member.station.lock;
	s->hidden[1] = s->member.station.port;
	s->hidden[2] = s->signals;
	s->hidden[3] = s->o->private_fd;
	s->hidden[4] = s->watch;
	for (int i = 0; i < CHILDREN; i++) {
		s->child[i] = plan[i];
		s->child[i].ctx = &s->member;
		s->child[i].due = 0;
	}
	if (s->member.tor != ONLINE_OWN_TOR)
		s->child[TOR].due = INT64_MAX;
	s->child[FETCH].due = s->child[COVER].due = INT64_MAX; /* until we are online */
	return family_begin(&s->family, s->hidden, sizeof(s->hidden) / sizeof(s->hidden[0]));
}

static void start_due(struct serve *s)
{
	int64_t now = clock_monotonic();

	for (int i = 0; i < CHILDREN; i++) {
		struct child *c = &s->child[i];

		if (c->pid != 0 || c->due > now)
			continue;
		if (child_start(c, &s->family, now) != 0) { /* too many processes just now */
			member_sayf(&s->member, "%s", err_detail());
			c->due = now + CHILD_DELAY_MIN;
			continue;
		}
		if (s->o->verbose && i != DUE)
			member_sayf(&s->member, "%s started (process %ld)", c->name, (long)c->pid);
		if (i == DUE)
			s->owing = false;
		/* A new tor has to publish us again. */
		if (i == TOR && s->child[ONLINE].pid != 0)
			(void)kill(s->child[ONLINE].pid, SIGKILL);
		if (i == TOR)
			s->child[ONLINE].due = now;
	}
}

static int find_child(const struct serve *s, pid_t pid)
{
	int i = 0;

	while (i < CHILDREN && s->child[i].pid != pid)
		i++;
	return i;
}

static bool said_itself(int which, int status)
{
	return WIFEXITED(status) &&
	       (which == ONLINE || which == DUE || which == FETCH || which == COVER);
}

/* One line; those that are our own code have said themselves why they end. */
static void report(struct serve *s, int which, int status, int64_t delay)
{
	char verdict[40], words[300] = "";

	if (s->stopping || said_itself(which, status))
		return;
	child_verdict(verdict, sizeof(verdict), status);
	if (which == TOR)
		owntor_last_words(words, sizeof(words));
	member_sayf(&s->member, "%s ended (%s), started again in %lld s%s%s", s->child[which].name,
	    verdict, (long long)(delay / MP_SECOND), *words != '\0' ? "; it said: " : "", words);
}

static void ended(struct serve *s, int which, int status)
{
	struct child *c = &s->child[which];
	int64_t now = clock_monotonic(), delay;
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (which == ONLINE && WIFSIGNALED(status) && c->due != INT64_MAX) {
		c->pid = 0; /* ended by us, and due again */
		return;
	}
	delay = child_ended(c, now);
	if (which == DUE && good) {
		c->due = now + (s->owing ? DUE_APART : DUE_EVERY);
		c->delay = 0;
	} else if (which == ONLINE && good) {
		c->due = INT64_MAX;
	} else if (which == FETCH && WIFEXITED(status)) {
		c->due = now + chance_wait(s->member.cfg->fetch_every, chance_random, NULL);
		c->delay = 0;
	} else if (which == COVER && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO) {
		c->due = now + COVER_AGAIN;
		c->delay = 0;
	} else {
		report(s, which, status, delay);
		/* It lost sight of our tor: the two begin again together. */
		if (which == ONLINE && s->member.tor == ONLINE_OWN_TOR && s->child[TOR].pid != 0)
			(void)kill(s->child[TOR].pid, SIGTERM);
	}
}

static int reap(struct serve *s)
{
	int status, which, rc = 0;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->family.keeper) {
			if ((rc = family_keeper_again(&s->family)) != 0)
				return rc;
		} else if ((which = find_child(s, pid)) < CHILDREN) {
			ended(s, which, status);
		}
	}
	return rc;
}

static int take_signals(struct serve *s)
{
	struct signalfd_siginfo si;

	while (read(s->signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		if (si.ssi_signo != SIGCHLD)
			s->stopping = true;
	return s->stopping ? 0 : reap(s);
}

/*
 * Nothing of the mesh before: its relays are reached by the same tor.  Nor at once: who sees that
 * our service is up is not to see which key is polled at that moment.
 */
static void start_mesh(struct serve *s)
{
	const struct config *cfg = s->member.cfg;
	int64_t mean = cfg->fetch_every < MP_MINUTE ? cfg->fetch_every : MP_MINUTE;

	if (cfg->fetch_every > 0 && cfg->cover_fetch == 0)
		s->child[FETCH].due = clock_monotonic() + chance_wait(mean, chance_random, NULL);
	if (cfg->cover_post > 0 || cfg->cover_fetch > 0)
		s->child[COVER].due = clock_monotonic();
}

static void take_up(struct serve *s)
{
	char c;

	if (read(s->member.up[0], &c, 1) != 1 || s->ready)
		return;
	s->ready = true;
	station_ready(&s->member.station);
	start_mesh(s);
	s->o->ready(s->o->ctx, s->member.station.onion, s->member.station.where);
}

/* Somebody received, or decided, something to which an answer is owed: nobody waits a minute for
 * it. */
static void take_owing(struct serve *s)
{
	struct child *c = &s->child[DUE];
	int64_t soon = clock_monotonic() + DUE_APART;

	if (!watch_touched(s->watch, "due"))
		return;
	s->owing = true;
	if (c->pid == 0 && c->delay == 0 && c->due > soon)
		c->due = soon;
}

/* Milliseconds until something is to be started, or the end. */
static int idle_time(const struct serve *s)
{
	int64_t next = s->end, now = clock_monotonic();

	for (int i = 0; i < CHILDREN; i++)
		if (s->child[i].pid == 0 && s->child[i].due < next)
			next = s->child[i].due;
	if (next <= now)
		return 0;
	return next - now > WATCH_EVERY ? (int)WATCH_EVERY : (int)(next - now);
}

static void watch_listener(struct serve *s)
{
	int64_t now = clock_monotonic();

	if (s->child[LISTENER].pid == 0 || now - s->watched < WATCH_EVERY)
		return;
	s->watched = now;
	(void)handshake_end(s->child[LISTENER].pid, HANDSHAKE_TIME);
}

static int supervise(struct serve *s)
{
	struct pollfd p[3] = {{.fd = s->signals, .events = POLLIN},
	    {.fd = s->member.up[0], .events = POLLIN}, {.fd = s->watch, .events = POLLIN}};
	int rc;

	while (!s->stopping && clock_monotonic() < s->end) {
		start_due(s);
		if (poll(p, 3, idle_time(s)) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys("cannot wait");
		}
		watch_listener(s);
		take_owing(s);
		if (p[1].revents != 0)
			take_up(s);
		if (p[0].revents != 0 && (rc = take_signals(s)) != 0)
			return rc;
	}
	if (!s->stopping && !s->ready)
		return err_set(MP_ETEMP, "requests were not answered before the time was over");
	return 0;
}

/* The sender finishes what it has in hand, tor says good-bye; then whatever is left is killed. */
static void wind_up(struct serve *s)
{
	int64_t now, end = clock_monotonic() + STOP_TIME;
	struct pollfd p = {.fd = s->signals, .events = POLLIN};
	bool left = true;

	s->stopping = true;
	(void)fd_write_all(s->member.stop[1], "!", 1);
	for (int i = 0; i < CHILDREN; i++)
		if (i != SENDER && s->child[i].pid != 0)
			(void)kill(s->child[i].pid, SIGTERM);
	while (left && (now = clock_monotonic()) < end) {
		struct signalfd_siginfo si;

		(void)reap(s);
		left = false;
		for (int i = 0; i < CHILDREN; i++)
			left = left || s->child[i].pid != 0;
		if (left && poll(&p, 1, (int)(end - now)) > 0)
			while (read(s->signals, &si, sizeof(si)) > 0)
				;
	}
	family_end(&s->family);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int serve_run(const struct config *cfg, const struct serve_options *o)
{
	struct serve s = {.o = o, .end = INT64_MAX, .watch = -1};
	struct member *m = &s.member;
	int rc;

	*m = (struct member){
	    .cfg = cfg, .verbose = o->verbose, .parent = getpid(), .say = o->say, .ctx = o->ctx};
	m->tor = o->no_tor || strcmp(cfg->tor, "none") == 0 ? ONLINE_NO_TOR
	         : strcmp(cfg->tor, "system") == 0          ? ONLINE_SYSTEM_TOR
	                                                    : ONLINE_OWN_TOR;
	if (o->wait >= 0)
		s.end = clock_monotonic() + o->wait;
	if (home_path() == NULL || (rc = set_environment(&s)) != 0)
		return MP_ESYS;
	if ((rc = check_programs(&s)) != 0 ||
	    (rc = station_open(&m->station, o->bind != NULL ? o->bind : cfg->serve_bind)) != 0)
		return rc;
	raise_files();
	s.watch = watch_open(home_file("run")); /* without it what is owed waits a minute */
	if ((m->tor == ONLINE_OWN_TOR && (rc = station_sockets(&m->station)) != 0) ||
	    (rc = catch_signals(&s)) != 0 || (rc = make_pipes(&s)) != 0 ||
	    (rc = start_family(&s)) != 0)
		goto out;
	rc = supervise(&s);
	wind_up(&s);
out:
	if (s.watch >= 0)
		close(s.watch);
	station_close(&m->station);
	return rc;
}
