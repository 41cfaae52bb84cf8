/* mp-recv: one connection, or a listener, into the store, mp-recv(1). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/err.h"
#include "base/stop.h"
#include "net/listener.h"
#include "net/server.h"
#include "node/receiver.h"

/* Each thread has its own; opened by the first body, so that a silent connection costs nothing. */
struct worker {
	struct config cfg;
	struct store *s;
	struct receiver *r;
};

struct serving {
	struct worker worker[LISTENER_THREADS];
	bool verbose;
	int ready_fd;
};

static int worker_open(struct worker *w)
{
	int rc;

	if (w->r != NULL)
		return 0;
	if ((rc = config_load(&w->cfg)) != 0)
		return rc;
	if (w->s == NULL && (rc = store_open(&w->s)) != 0)
		return rc;
	return receiver_new(&w->r, w->s, &w->cfg);
}

static void worker_close(struct worker *w)
{
	receiver_free(w->r);
	store_close(w->s);
}

/* What goes wrong here is our trouble: the peer is only told to come again. */
static void handle(
    void *ctx, unsigned thread, const uint8_t *body, size_t len, struct server_answer *answer)
{
	struct serving *v = ctx;
	struct worker *w = &v->worker[thread];
	struct received got = {.status = RECEIVED_LATER, .retry_after = 30};
	int rc = worker_open(w);

	if (rc == 0)
		rc = receiver_take(w->r, body, len, VIA_REQUEST, &got);
	/* Two of a contact's requests at once are his doing: not a line in the journal each. */
	if (rc != 0 && (v->verbose || rc != MP_EBUSY))
		err_print(rc);
	answer->status = (int)got.status;
	answer->retry_after = got.retry_after;
	buf_free(&answer->reply);
	answer->reply = got.reply;
	if (v->verbose)
		err_warn("%d %zu", answer->status, len);
}

static void ready(void *ctx, const char *where)
{
	const struct serving *v = ctx;

	listener_ready(v->ready_fd, where);
}

static int listen_on(const char *where, struct serving *v)
{
	struct buf cert = BUF_INIT(65536), key = BUF_INIT(65536);
	struct server_options o = {.handler = handle, .ctx = v, .threads = listener_threads()};
	struct config cfg;
	int rc, stop = -1;

	if ((rc = config_load(&cfg)) != 0 || (rc = listener_tls(&cert, &key)) != 0 ||
	    (rc = stop = stop_signals()) < 0)
		goto out;
	o.connections = (unsigned)cfg.serve_children;
	o.cert_pem = (const char *)cert.data;
	o.key_pem = (const char *)key.data;
	rc = server_listen(where, &o, stop, ready);
out:
	if (stop >= 0)
		close(stop);
	buf_free(&cert);
	buf_free(&key);
	return rc;
}

int main(int argc, char **argv)
{
	struct serving v = {.ready_fd = -1};
	struct server_options one = {.handler = handle, .ctx = &v, .threads = 1};
	const char *where = NULL;
	int c, rc;

	cmd_begin("mp-recv", "mp-recv [-hv] [-l ADDR:PORT | -l fd:N] [-r FD]");
	while ((c = getopt(argc, argv, "+hl:r:v")) != -1) {
		switch (c) {
		case 'l':
			where = optarg;
			break;
		case 'r':
			v.ready_fd = cmd_descriptor(c, optarg, 1);
			break;
		case 'v':
			v.verbose = true;
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (optind != argc || (v.ready_fd >= 0 && where == NULL))
		return cmd_usage(0);
	rc = where != NULL ? listen_on(where, &v) : server_connection(STDIN_FILENO, &one);
	for (unsigned i = 0; i < LISTENER_THREADS; i++)
		worker_close(&v.worker[i]);
	return rc == 0 ? EXIT_DONE : err_print(rc);
}
