/*
 * What HTTPS alone costs, without a store behind it: a server that answers 204 to everything, and a
 * client loop, for that server or another.  The client prints a line of `what value unit`.
 *
 *   bench-http keys DIR                      DIR/key.pem and DIR/cert.pem; prints the address
 *   bench-http fd0                           serves the connection on fd 0 (under socat)
 *   bench-http listen DIR [THREADS]          TLS listener; prints ADDR:PORT; ends with its stdin
 *   bench-http new|kept ONION ADDR:PORT SECONDS PARALLEL [BYTES | @FILE]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "crypto/envelope.h"
#include "crypto/identity.h"
#include "crypto/onion.h"
#include "net/client.h"
#include "net/server.h"

static const char usage[] = "usage: bench-http keys DIR | fd0 | listen DIR [THREADS] |\n"
                            "       new|kept ONION ADDR:PORT SECONDS PARALLEL [BYTES | @FILE]\n";

static int fail(const char *what)
{
	fprintf(stderr, "bench-http: %s: %s\n", what, err_detail());
	return 1;
}

static void take(
    void *ctx, unsigned thread, const uint8_t *body, size_t len, struct server_answer *a)
{
	(void)ctx;
	(void)thread;
	(void)body;
	(void)len;
	a->status = 204;
}

static int make_keys(const char *dir)
{
	struct buf key = BUF_INIT(65536), cert = BUF_INIT(65536);
	char path[1024], name[ONION_TEXT];
	struct identity *id;

	if (identity_new(&id) != 0 || identity_tls(id, &key, &cert) != 0)
		return fail("identity");
	snprintf(path, sizeof(path), "%s/key.pem", dir);
	if (file_write(path, key.data, key.len, 0600, true) != 0)
		return fail(path);
	snprintf(path, sizeof(path), "%s/cert.pem", dir);
	if (file_write(path, cert.data, cert.len, 0600, true) != 0)
		return fail(path);
	onion_encode(name, id->key);
	puts(name);
	buf_free(&key);
	buf_free(&cert);
	identity_free(id);
	return 0;
}

static void say_where(void *ctx, const char *where)
{
	(void)ctx;
	puts(where);
	fflush(stdout);
}

static int listen_with(const char *dir, unsigned threads)
{
	struct buf key = BUF_INIT(65536), cert = BUF_INIT(65536);
	struct server_options o = {.handler = take, .threads = threads, .connections = 1024};
	char path[1024];

	snprintf(path, sizeof(path), "%s/key.pem", dir);
	if (file_read(path, &key) != 0 || buf_terminate(&key) != 0)
		return fail(path);
	snprintf(path, sizeof(path), "%s/cert.pem", dir);
	if (file_read(path, &cert) != 0 || buf_terminate(&cert) != 0)
		return fail(path);
	o.key_pem = (char *)key.data;
	o.cert_pem = (char *)cert.data;
	return server_listen("127.0.0.1:0", &o, 0, say_where) == 0 ? 0 : fail("listen");
}

struct load {
	const char *onion, *where;
	char routes[32]; /* must stay: the client looks at it again */
	uint8_t key[ONION_KEY];
	int parallel;
	size_t bytes;
	uint8_t *data;
};

static struct client *make_client(const struct load *l)
{
	struct client_options o = {
	    .socks = "127.0.0.1:1", .routes = l->routes, .timeout = 20000, .connect = 20000};
	struct client *c;

	if (client_new(&c, &o) != 0)
		exit(fail("client"));
	return c;
}

static int make_routes(struct load *l)
{
	int fd;

	snprintf(l->routes, sizeof(l->routes), "/tmp/bench-http.XXXXXX");
	if ((fd = mkstemp(l->routes)) < 0)
		return -1;
	dprintf(fd, "%s %s\n", l->onion, l->where);
	return close(fd);
}

static void start_post(struct client *c, const struct load *l)
{
	static const uint8_t who[16];

	if (client_post(c, l->key, who, l->data, l->bytes, NULL) != 0)
		exit(fail("post"));
}

static void await(struct client *c)
{
	struct post_result r;

	if (client_poll(c, &r, NULL, 0, 20000) != 1 || r.status != 204) {
		fprintf(stderr, "bench-http: %s %s\n", r.code, r.reason);
		exit(1);
	}
}

/* A client keeps its connections: new ones need a new client. */
static long run_new(const struct load *l, int64_t end)
{
	long n = 0;

	while (clock_monotonic() < end) {
		struct client *c = make_client(l);

		for (int i = 0; i < l->parallel; i++)
			start_post(c, l);
		for (int i = 0; i < l->parallel; i++, n++)
			await(c);
		client_free(c);
	}
	return n;
}

static long run_kept(const struct load *l, int64_t end)
{
	struct client *c = make_client(l);
	long n = 0;

	for (int i = 0; i < l->parallel; i++)
		start_post(c, l);
	for (; clock_monotonic() < end; n++) {
		await(c);
		start_post(c, l);
	}
	client_free(c);
	return n;
}

/* What is posted: so many zeros, or what is in a file. */
static int make_data(struct load *l, const char *what)
{
	struct buf file = BUF_INIT(ENVELOPE_MAX);

	if (*what == '@') {
		if (file_read(what + 1, &file) != 0)
			return -1;
		l->data = file.data;
		l->bytes = file.len;
		return 0;
	}
	l->bytes = (size_t)atol(what);
	if (l->bytes < 1 || l->bytes > ENVELOPE_MAX)
		return err_set(MP_EUSAGE, "1 to %d bytes", ENVELOPE_MAX);
	l->data = calloc(1, l->bytes);
	return l->data == NULL ? -1 : 0;
}

static int run(const char *mode, struct load *l, int64_t seconds)
{
	int64_t began = clock_monotonic(), end = began + seconds * MP_SECOND;
	long n;

	if (onion_decode(l->key, l->onion) != 0)
		return fail(l->onion);
	if (make_routes(l) != 0)
		return fail(l->routes);
	n = strcmp(mode, "new") == 0 ? run_new(l, end) : run_kept(l, end);
	printf("%s-%zu %.0f requests/s\n", mode, l->bytes,
	    (double)n * 1000 / (double)(clock_monotonic() - began));
	unlink(l->routes);
	free(l->data);
	return 0;
}

int main(int argc, char **argv)
{
	struct server_options one = {.handler = take};
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "keys") == 0 && argc == 3)
		return make_keys(argv[2]);
	if (strcmp(mode, "fd0") == 0 && argc == 2)
		return server_connection(0, &one) == 0 ? 0 : fail("fd 0");
	if (strcmp(mode, "listen") == 0 && (argc == 3 || argc == 4))
		return listen_with(argv[2], argc == 4 ? (unsigned)atoi(argv[3]) : 2);
	if ((strcmp(mode, "new") == 0 || strcmp(mode, "kept") == 0) && (argc == 6 || argc == 7)) {
		struct load l = {.onion = argv[2], .where = argv[3], .parallel = atoi(argv[5])};

		if (make_data(&l, argc == 7 ? argv[6] : "1052") != 0)
			return fail(argv[6]);
		if (l.parallel > 0)
			return run(mode, &l, atol(argv[4]));
	}
	fputs(usage, stderr);
	return 100;
}
