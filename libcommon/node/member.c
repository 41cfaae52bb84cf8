#include "node/member.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "node/cover.h"
#include "node/due.h"
#include "node/owntor.h"
#include "node/sealer.h"
#include "node/sender.h"
#include "store/meshself.h"

#define SILENT_TIME 5 /* s that a silent peer costs a process */
#define TROUBLES 10   /* lines a minute */

void member_sayf(const struct member *m, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	m->say(m->ctx, line);
}

static int failed(const struct member *m, int rc)
{
	member_sayf(m, "%s", err_detail());
	return err_status(rc);
}

int member_tor(void *ctx)
{
	const struct member *m = ctx;
	int rc = owntor_configure(m->cfg, &m->station, m->parent);

	return failed(m, rc != 0 ? rc : owntor_exec(m->cfg));
}

/* socat's spelling of a socket option that it has no name for: level:name:xHEX. */
static void receive_timeout(char *out, size_t size)
{
	struct timeval tv = {.tv_sec = SILENT_TIME};
	uint8_t raw[sizeof(tv)];
	size_t n;

	memcpy(raw, &tv, sizeof(tv));
	n = (size_t)snprintf(out, size, "setsockopt=%d:%d:x", SOL_SOCKET, SO_RCVTIMEO);
	for (size_t i = 0; i < sizeof(raw) && n + 2 < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%02x", raw[i]);
}

/*
 * In the home and with relative names, because socat's addresses have their own quoting.  socat
 * has nothing to say that a stranger could not make it say; mp-recv's complaints come through.
 */
int member_listener(void *ctx)
{
	const struct member *m = ctx;
	char address[600], option[120];
	const char *port = strrchr(m->station.where, ':') + 1;
	int host = (int)(port - 1 - m->station.where);

	receive_timeout(option, sizeof(option));
	snprintf(address, sizeof(address),
	    "OPENSSL-LISTEN:%s,pf=%s,bind=%.*s,reuseaddr,fork,max-children=%lld,backlog=128,"
	    "nodelay,%s,"
	    "cert=tls/cert.pem,key=tls/key.pem,verify=0,openssl-min-proto-version=TLS1.3",
	    port, *m->station.where == '[' ? "ip6" : "ip4", host, m->station.where,
	    (long long)m->cfg->serve_children, option);
	if (chdir(home_path()) != 0)
		return failed(m, err_sys("cannot enter '%s'", home_path()));
	(void)signal(SIGPIPE, SIG_DFL);
	execlp("socat", "socat", "-lf", "/dev/null", address, "EXEC:mp-recv", (char *)NULL);
	return failed(m, err_sys("cannot run 'socat'"));
}

int member_online(void *ctx)
{
	const struct member *m = ctx;
	const struct online o = {
	    .cfg = m->cfg,
	    .station = &m->station,
	    .tor = m->tor,
	    .verbose = m->verbose,
	    .say = m->say,
	    .up = m->up[1],
	    .ctx = m->ctx,
	};
	int rc = online_run(&o);

	return rc == 0 ? EXIT_DONE : failed(m, rc);
}

/* What the sender says; its input's thread says some of it. */
struct troubles {
	const struct member *m;
	pthread_mutex_t lock;
	int64_t since; /* a minute, of which n lines were said */
	unsigned n;
};

/* A flood of them would only fill the journal. */
static void say_trouble(void *ctx, const char *line)
{
	struct troubles *t = ctx;
	int64_t now = clock_monotonic();

	pthread_mutex_lock(&t->lock);
	if (now - t->since >= MP_MINUTE) {
		t->since = now;
		t->n = 0;
	}
	if (t->n++ < TROUBLES)
		member_sayf(t->m, "sender: %s", line);
	pthread_mutex_unlock(&t->lock);
}

/* Of our own tor, also before its socket is there. */
static void set_socks(const struct member *m)
{
	char socks[PATH_MAX + 8];

	if (m->tor != ONLINE_OWN_TOR)
		return;
	snprintf(socks, sizeof(socks), "unix:%s", m->station.socks);
	(void)setenv("MP_SOCKS", socks, 1);
}

int member_sender(void *ctx)
{
	const struct member *m = ctx;
	struct troubles t = {.m = m, .lock = PTHREAD_MUTEX_INITIALIZER, .since = clock_monotonic()};
	const struct sender_options o = {
	    .input = m->outbox[0],
	    .input_name = "what is due",
	    .follow = true,
	    .wait = -1,
	    .stop_fd = m->stop[0],
	    .problem = say_trouble,
	    .ctx = &t,
	};

	set_socks(m);
	return sender_run(m->cfg, &o);
}

static int put_sealed(void *ctx, const struct record *sealed)
{
	return record_write(ctx, sealed, false);
}

struct due_context {
	const struct member *m;
	struct sealer *sealer;
	FILE *out;
};

/* One that cannot be sealed must not keep the others from it. */
static int seal_due(void *ctx, const struct record *rec)
{
	struct due_context *d = ctx;

	if (sealer_record(d->sealer, rec, put_sealed, d->out) != 0)
		member_sayf(d->m, "%s", err_detail());
	return 0;
}

/* mp-due | mp-seal | mp-send */
int member_due(void *ctx)
{
	const struct sealer_options opt = {.blank = false};
	struct due_context d = {.m = ctx, .sealer = NULL, .out = NULL};
	const struct member *m = ctx;
	struct store *store = NULL;
	int64_t n;
	int rc;

	if ((rc = store_open(&store)) != 0)
		goto out;
	if ((d.out = fdopen(m->outbox[1], "w")) == NULL) {
		rc = err_sys("cannot write to the sender");
		goto out;
	}
	if ((rc = sealer_new(&d.sealer, store, m->cfg, &opt)) == 0 &&
	    (rc = due_each(store, m->cfg, clock_now(), seal_due, &d, &n)) == 0 &&
	    fflush(d.out) != 0)
		rc = err_sys("cannot write to the sender");
out:
	sealer_free(d.sealer);
	store_close(store);
	return rc == 0 ? EXIT_DONE : failed(m, rc);
}

static int run_mesh(const struct member *m, const char *verb)
{
	set_socks(m);
	(void)signal(SIGPIPE, SIG_DFL);
	execlp("mp-mesh", "mp-mesh", verb, (char *)NULL);
	return failed(m, err_sys("cannot run 'mp-mesh'"));
}

static int have_keys(void)
{
	struct store *store = NULL;
	struct meshself self;
	int rc;

	if ((rc = store_open(&store)) == 0)
		rc = meshself_get(store, &self);
	store_close(store);
	return rc;
}

int member_fetch(void *ctx)
{
	int rc = have_keys();

	if (rc == MP_ENONE)
		return EXIT_NO;
	return rc == 0 ? run_mesh(ctx, "fetch") : failed(ctx, rc);
}

int member_cover(void *ctx)
{
	int rc = have_keys();

	if (rc == MP_ENONE || cover_runs())
		return EXIT_NO;
	return rc == 0 ? run_mesh(ctx, "cover") : failed(ctx, rc);
}
