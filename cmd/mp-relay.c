/* mp-relay: a node of the relay mesh, mp-relay(1). */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/file.h"
#include "base/stop.h"
#include "base/record.h"
#include "base/text.h"
#include "crypto/onion.h"
#include "mesh/field.h"
#include "net/listener.h"
#include "node/mesher.h"

#define USAGE                                               \
	"mp-relay [-hv] [-l ADDR:PORT | -l fd:N] [-r FD]\n" \
	"       mp-relay work [-v] [-w duration]\n"         \
	"       mp-relay accept server ...\n"               \
	"       mp-relay drop server ...\n"                 \
	"       mp-relay status\n"                          \
	"       mp-relay log"

/* Most of a request is waiting for the disk, and who waits together shares one sync. */
#define THREADS 16

/* Each thread has its own; made by the first request, so that a silent connection costs nothing. */
struct serving {
	struct relay *relay[THREADS];
	bool verbose;
	int ready_fd, stop_fd;
	int worked; /* the mesher's end */
};

static void answer(
    void *ctx, unsigned thread, const struct server_request *request, struct server_answer *a)
{
	struct serving *v = ctx;
	int rc = 0;

	if (v->relay[thread] == NULL)
		rc = relay_new(&v->relay[thread], v->verbose);
	if (rc == 0) {
		relay_answer(v->relay[thread], request, a);
		return;
	}
	err_print(rc);
	a->status = 503;
	a->retry_after = 30;
}

static void ready(void *ctx, const char *where)
{
	const struct serving *v = ctx;

	listener_ready(v->ready_fd, where);
}

static struct server_options options(struct serving *v)
{
	struct server_options o = {.router = answer,
	    .ctx = v,
	    .threads = 1,
	    .media_type = RELAY_MEDIA_TYPE,
	    .body_max = MESH_BODY_MAX};

	o.routes = relay_routes(&o.n_routes);
	return o;
}

/* What is posted to a room wakes who waits there. */
static int watch_rooms(struct server_options *o, bool alone)
{
	int fd = dir_make(home_file("run"));

	if (fd == 0)
		fd = relay_rooms_watch(alone);
	o->wake_fd = fd;
	return fd < 0 ? fd : 0;
}

static int one_connection(struct serving *v)
{
	struct server_options o = options(v);
	int rc = watch_rooms(&o, true);

	return rc != 0 ? rc : server_connection(STDIN_FILENO, &o);
}

/* A listener whose mesher ends by itself still serves, so this says so and ends both. */
static void *work_beside(void *ctx)
{
	struct serving *v = ctx;
	struct relay *r;
	int rc = relay_new(&r, v->verbose);

	if (rc == 0) {
		rc = mesher_run(r, v->stop_fd, -1);
		relay_free(r);
	}
	if (rc != 0) {
		v->worked = err_print(rc);
		kill(getpid(), SIGTERM);
	}
	return NULL;
}

static int listen_on(const char *where, struct serving *v)
{
	struct buf cert = BUF_INIT(65536), key = BUF_INIT(65536);
	struct server_options o = options(v);
	pthread_t mesher;
	int rc;

	if ((rc = listener_tls(&cert, &key)) != 0 || (rc = v->stop_fd = stop_signals()) < 0 ||
	    (rc = relay_new(&v->relay[0], v->verbose)) != 0 || (rc = watch_rooms(&o, false)) != 0)
		goto out;
	o.connections = (unsigned)v->relay[0]->cfg.connections;
	o.threads = o.connections < THREADS ? o.connections : THREADS;
	o.cert_pem = (const char *)cert.data;
	o.key_pem = (const char *)key.data;
	if (pthread_create(&mesher, NULL, work_beside, v) != 0) {
		rc = err_set(MP_ENOMEM, "cannot start a thread");
		goto out;
	}
	rc = server_listen(where, &o, v->stop_fd, ready);
	if (rc != 0)
		kill(getpid(), SIGTERM);
	pthread_join(mesher, NULL);
out:
	buf_free(&cert);
	buf_free(&key);
	return rc;
}

static int serve(const char *where, struct serving *v)
{
	int rc = where != NULL ? listen_on(where, v) : one_connection(v);
	int status = rc == 0 ? EXIT_DONE : err_print(rc);

	for (unsigned i = 0; i < LISTENER_THREADS; i++)
		relay_free(v->relay[i]);
	return err_worse(status, v->worked);
}

static int work(struct relay *r, int64_t wait)
{
	int stop = stop_signals();

	return stop < 0 ? stop : mesher_run(r, stop, wait);
}

static int each(struct relay *r, char **name, int n, int (*fn)(struct relay *r, const char *name))
{
	int status = EXIT_DONE, rc;

	for (int i = 0; i < n; i++)
		if ((rc = fn(r, name[i])) != 0)
			status = err_worse(status, err_print(rc));
	return status;
}

static int print_status(struct relay *r)
{
	struct buf json = BUF_INIT(MESH_BODY_MAX);
	int rc = relay_status(r, &json);

	if (rc == 0 && fwrite(json.data, 1, json.len, stdout) == json.len)
		putchar('\n');
	buf_free(&json);
	return rc;
}

static int print_log_line(void *ctx, int64_t time, const uint8_t *server, const char *what)
{
	char when[CLOCK_TEXT], name[ONION_TEXT] = "-";
	struct buf text = BUF_INIT(4096);

	(void)ctx;
	clock_format(when, time);
	if (server != NULL)
		onion_encode(name, server);
	if (text_display(&text, what, strlen(what), 0) == 0)
		printf("%s\t%s\t%.*s\n", when, name, (int)text.len, (const char *)text.data);
	buf_free(&text);
	return 0;
}

static int run_verb(char **arg, int n, bool verbose, int64_t wait)
{
	struct relay *r = NULL;
	int rc = relay_new(&r, verbose), status = EXIT_DONE;

	if (rc == 0 && strcmp(arg[0], "work") == 0)
		rc = work(r, wait);
	else if (rc == 0 && strcmp(arg[0], "accept") == 0)
		status = each(r, arg + 1, n - 1, relay_accept);
	else if (rc == 0 && strcmp(arg[0], "drop") == 0)
		status = each(r, arg + 1, n - 1, relay_drop);
	else if (rc == 0 && strcmp(arg[0], "status") == 0)
		rc = print_status(r);
	else if (rc == 0)
		rc = relay_log_each(r->s, 0, print_log_line, NULL);
	relay_free(r);
	if (rc == 0)
		rc = record_finish(stdout);
	return rc == 0 ? status : err_print(rc);
}

/* The verb with its operands: known, and as many as it takes. */
static bool verb_ok(char **arg, int n)
{
	if (strcmp(arg[0], "accept") == 0 || strcmp(arg[0], "drop") == 0)
		return n >= 2;
	return n == 1 && (strcmp(arg[0], "work") == 0 || strcmp(arg[0], "status") == 0 ||
	                     strcmp(arg[0], "log") == 0);
}

int main(int argc, char **argv)
{
	struct serving v = {.ready_fd = -1};
	const char *where = NULL, *verb = NULL;
	int64_t wait = -1;
	int c;

	cmd_begin("mp-relay", USAGE);
	if (argc > 1 && argv[1][0] != '-') {
		verb = argv[1];
		optind = 2;
	}
	while ((c = getopt(argc, argv, "+hl:r:vw:")) != -1) {
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
		case 'w':
			wait = cmd_duration(c, optarg);
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (verb == NULL) {
		if (optind != argc || wait >= 0 || (v.ready_fd >= 0 && where == NULL))
			return cmd_usage(0);
		return serve(where, &v);
	}
	argv[optind - 1] = argv[1];
	if (where != NULL || v.ready_fd >= 0 || !verb_ok(argv + optind - 1, argc - optind + 1) ||
	    ((wait >= 0 || v.verbose) && strcmp(verb, "work") != 0))
		return cmd_usage(0);
	return run_verb(argv + optind - 1, argc - optind + 1, v.verbose, wait);
}
