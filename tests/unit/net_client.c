/* The HTTPS client: what it sends, whom it talks to, what it believes, and how it fails. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/un.h>

#include "crypto/envelope.h"
#include "net/client.h"
#include "net.h"
#include "tap.h"

static const uint8_t alice[16] = {0xa1}, bob[16] = {0xb0};

/* ---- a plain server with canned answers, behind socat's TLS ---- */

enum conduct {
	ANSWER,         /* canned.answer to each request */
	ANSWER_CLOSE,   /* the same, then close */
	DROP_SECOND,    /* 204 to a connection's first request, its second is read and dropped */
	SILENT,         /* reads for ever */
	ENDLESS_HEADER, /* a header that does not end */
	DRIP,           /* canned.answer as a header, then a byte every 100 ms for a minute */
};

static struct {
	int fd, port, tls_port, tls12_port;
	atomic_int conduct, connections, requests;
	const char *_Atomic answer;
	atomic_size_t answer_len;
	char request[8192]; /* the last one, header and body */
	pid_t socat[2];
	struct identity *id;
} canned;

/* Header and body by Content-Length; 0 when the connection ends. */
static size_t read_request(int fd, char *out, size_t size)
{
	size_t len = 0, want = SIZE_MAX;
	char *body, *length;
	ssize_t n;

	while (len < want && len + 1 < size && (n = recv(fd, out + len, size - 1 - len, 0)) > 0) {
		len += (size_t)n;
		out[len] = '\0';
		if ((body = strstr(out, "\r\n\r\n")) != NULL &&
		    (length = strcasestr(out, "\r\ncontent-length:")) != NULL)
			want = (size_t)(body + 4 - out) + strtoul(length + 17, NULL, 10);
	}
	return len >= want ? len : 0;
}

static void *canned_connection(void *ctx)
{
	static const char taken[] = "HTTP/1.1 204 No Content\r\n\r\n";
	int fd = (int)(intptr_t)ctx, n = 0, conduct;
	char request[sizeof(canned.request)];

	while (read_request(fd, request, sizeof(request)) > 0) {
		memcpy(canned.request, request, sizeof(request));
		atomic_fetch_add(&canned.requests, 1);
		conduct = atomic_load(&canned.conduct);
		if (conduct == DROP_SECOND && ++n == 2)
			break;
		if (conduct == DROP_SECOND)
			send_bytes(fd, taken, sizeof(taken) - 1);
		if (conduct == ANSWER || conduct == ANSWER_CLOSE)
			send_bytes(
			    fd, atomic_load(&canned.answer), atomic_load(&canned.answer_len));
		if (conduct == ENDLESS_HEADER) {
			send_bytes(fd, "HTTP/1.1 200 OK\r\n", 17);
			while (send(fd, "X-More: of the same\r\n", 21, MSG_NOSIGNAL) > 0)
				;
		}
		if (conduct == DRIP) {
			send_bytes(
			    fd, atomic_load(&canned.answer), atomic_load(&canned.answer_len));
			for (int i = 0; i < 600; i++) {
				poll(NULL, 0, 100);
				send_bytes(fd, "x", 1);
			}
		}
		if (conduct == ANSWER_CLOSE)
			break;
	}
	close(fd);
	return NULL;
}

static void *canned_run(void *ctx)
{
	pthread_t t;
	int fd;

	(void)ctx;
	while ((fd = accept4(canned.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		atomic_fetch_add(&canned.connections, 1);
		pthread_create(&t, NULL, canned_connection, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

/* socat as the TLS end; its own port is the one it prints. */
static pid_t start_socat(const char *more, int *port)
{
	char listen_to[400], to[60], line[400], *p;
	int err[2];
	FILE *f;
	pid_t pid;

	snprintf(listen_to, sizeof(listen_to),
	    "OPENSSL-LISTEN:0,bind=127.0.0.1,fork,nodelay,verify=0,cert=%s/cert.pem,key=%s/"
	    "key.pem,%s",
	    test_dir, test_dir, more);
	snprintf(to, sizeof(to), "TCP:127.0.0.1:%d", canned.port);
	if (pipe2(err, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(err[1], 2);
		execlp("socat", "socat", "-d", "-d", listen_to, to, (char *)NULL);
		_exit(127);
	}
	close(err[1]);
	f = fdopen(err[0], "r");
	*port = 0;
	while (f != NULL && *port == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "listening on") != NULL && (p = strrchr(line, ':')) != NULL)
			*port = atoi(p + 1);
	if (*port == 0)
		die("socat does not listen");
	/* f stays open: socat goes on writing to it. */
	return pid;
}

static void canned_start(void)
{
	struct buf key = BUF_INIT(65536), cert = BUF_INIT(65536);
	pthread_t t;

	if (identity_new(&canned.id) != 0 || identity_tls(canned.id, &key, &cert) != 0)
		die(err_detail());
	test_file("key.pem", key.data, key.len);
	test_file("cert.pem", cert.data, cert.len);
	buf_free(&key);
	buf_free(&cert);
	canned.fd = listen_any(&canned.port);
	pthread_create(&t, NULL, canned_run, NULL);
	pthread_detach(t);
	canned.socat[0] = start_socat("openssl-min-proto-version=TLS1.3", &canned.tls_port);
	canned.socat[1] = start_socat("openssl-max-proto-version=TLS1.2", &canned.tls12_port);
}

static void canned_answer(enum conduct conduct, const char *answer, size_t len)
{
	atomic_store(&canned.answer, answer);
	atomic_store(&canned.answer_len, len);
	atomic_store(&canned.conduct, (int)conduct);
}

/* ---- a SOCKS 5 server that writes down who asked for whom ---- */

static struct {
	int fd, port, target;
	atomic_int reply, method, connections;
	char user[8][64], password[8][64], host[8][256];
	uint8_t type[8];
	int to_port[8];
} socks;

static bool read_n(int fd, void *out, size_t n)
{
	return recv(fd, out, n, MSG_WAITALL) == (ssize_t)n;
}

static bool read_string(int fd, char *out)
{
	uint8_t n;

	if (!read_n(fd, &n, 1) || (n > 0 && !read_n(fd, out, n)))
		return false;
	out[n] = '\0';
	return true;
}

static void relay(int a, int b)
{
	struct pollfd p[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
	char data[16384];
	ssize_t n;

	while (poll(p, 2, -1) > 0)
		for (int i = 0; i < 2; i++) {
			if (p[i].revents == 0)
				continue;
			if ((n = recv(p[i].fd, data, sizeof(data), 0)) <= 0)
				return;
			send_bytes(p[1 - i].fd, data, (size_t)n);
		}
}

static void *socks_connection(void *ctx)
{
	uint8_t b[300], answer[10] = {5, 0, 0, 1, 127, 0, 0, 1, 0, 0};
	int fd = (int)(intptr_t)ctx, to, i;
	char user[256], password[256], host[256];

	if (!read_n(fd, b, 2) || !read_n(fd, b + 2, b[1]))
		goto out;
	b[1] = (uint8_t)atomic_load(&socks.method);
	b[0] = 5;
	send_bytes(fd, b, 2);
	if (b[1] != 2 || !read_n(fd, b, 1) || !read_string(fd, user) || !read_string(fd, password))
		goto out;
	send_bytes(fd, "\x01\x00", 2);
	if (!read_n(fd, b, 4) || !read_string(fd, host) || !read_n(fd, b + 4, 2))
		goto out;
	i = atomic_fetch_add(&socks.connections, 1) % 8;
	snprintf(socks.user[i], sizeof(socks.user[i]), "%.60s", user);
	snprintf(socks.password[i], sizeof(socks.password[i]), "%.60s", password);
	snprintf(socks.host[i], sizeof(socks.host[i]), "%s", host);
	socks.type[i] = b[3];
	socks.to_port[i] = b[4] << 8 | b[5];
	answer[1] = (uint8_t)atomic_load(&socks.reply);
	send_bytes(fd, answer, sizeof(answer));
	if (answer[1] == 0) {
		to = connect_port(socks.target);
		relay(fd, to);
		close(to);
	}
out:
	close(fd);
	return NULL;
}

static void *socks_run(void *ctx)
{
	int listener = (int)(intptr_t)ctx, fd;
	pthread_t t;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		pthread_create(&t, NULL, socks_connection, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
	return NULL;
}

static void socks_serve(int fd)
{
	pthread_t t;

	pthread_create(&t, NULL, socks_run, (void *)(intptr_t)fd);
	pthread_detach(t);
}

static void socks_reset(void)
{
	atomic_store(&socks.connections, 0);
	atomic_store(&socks.reply, 0);
	atomic_store(&socks.method, 2);
}

/* ---- the tests ---- */

static struct srv server;
static atomic_int handled;

static void handler(
    void *ctx, unsigned thread, const uint8_t *body, size_t len, struct server_answer *a)
{
	(void)ctx;
	(void)thread;
	atomic_fetch_add(&handled, 1);
	a->status = 204;
	if (body[0] == 'R') {
		a->status = 200;
		buf_add(&a->reply, body, len);
	} else if (body[0] == 'B') {
		a->status = 400;
	} else if (body[0] == 'L') {
		a->status = 413;
	} else if (body[0] == 'T') {
		a->status = 429;
		a->retry_after = 7;
	} else if (body[0] == 'U') {
		a->status = 503;
		a->retry_after = 200000;
	} else if (body[0] == 'S') {
		poll(NULL, 0, 20);
	}
}

static struct client *new_client(const char *routes, const char *proxy, int64_t timeout)
{
	struct client_options o = {.socks = proxy, .timeout = timeout, .connect = timeout};
	struct client *c;

	o.routes = test_file("routes", routes, strlen(routes));
	if (client_new(&c, &o) != 0)
		die(err_detail());
	return c;
}

/* A routes file's line for an identity. */
static const char *route(const struct identity *id, int port)
{
	static char line[4][160];
	static unsigned at;
	char name[ONION_TEXT], *p = line[at++ % 4];

	onion_encode(name, id->key);
	snprintf(p, sizeof(line[0]), "%s 127.0.0.1:%d\n", name, port);
	return p;
}

/* Posts and waits; the caller frees r->reply. */
static void post(struct client *c, const struct identity *to, const uint8_t who[static 16],
    const char *body, size_t len, struct post_result *r)
{
	int tag, rc;

	if (client_post(c, to->key, who, body, len, &tag) != 0)
		die(err_detail());
	rc = client_poll(c, r, NULL, 0, 60000);
	if (rc != 1 || r->tag != &tag)
		die("no result");
}

static void check(struct client *c, const struct identity *to, const char *body, int status,
    const char *code, const char *what)
{
	struct post_result r;

	post(c, to, alice, body, strlen(body), &r);
	ok(r.status == status && strcmp(r.code, code) == 0 && r.reason[0] != '\0', "%s: %s", what,
	    code);
	printf("# %d %s %s (%d ms)\n", r.status, r.code, r.reason, (int)r.elapsed);
	buf_free(&r.reply);
}

static void test_statuses(void)
{
	struct client *c = new_client(route(server.id, server.port), "127.0.0.1:1", 30000);
	struct post_result r;
	char *big = malloc(ENVELOPE_MAX);

	check(c, server.id, "A", 204, "204", "taken");
	check(c, server.id, "B", 400, "400", "refused");
	check(c, server.id, "L", 413, "413", "too large");
	post(c, server.id, alice, "R\0x", 3, &r);
	is_int(r.status, 200, "a reply");
	ok(r.reply.len == 3 && memcmp(r.reply.data, "R\0x", 3) == 0, "comes back byte for byte");
	buf_free(&r.reply);
	memset(big, 'R', ENVELOPE_MAX);
	post(c, server.id, alice, big, ENVELOPE_MAX, &r);
	ok(r.status == 200 && r.reply.len == ENVELOPE_MAX, "the largest envelope, both ways");
	buf_free(&r.reply);
	is_int(client_post(c, server.id->key, alice, big, ENVELOPE_MAX + 1, NULL), MP_ELIMIT,
	    "one byte more is not sent");
	post(c, server.id, alice, "T", 1, &r);
	is_int(r.retry_after, 7000, "Retry-After in milliseconds");
	is_str(r.code, "429", "of a 429");
	post(c, server.id, alice, "U", 1, &r);
	is_int(r.retry_after, MP_DAY, "at most a day");
	is_str(r.code, "503", "of a 503");
	free(big);
	client_free(c);
}

static void test_trust(void)
{
	struct identity *other;
	struct client *c;
	char text[400];

	if (identity_new(&other) != 0)
		die(err_detail());
	/* Both addresses lead to the server; the first one's connection is kept, then not used. */
	snprintf(
	    text, sizeof(text), "%s%s", route(server.id, server.port), route(other, server.port));
	c = new_client(text, "127.0.0.1:1", 30000);
	check(c, server.id, "A", 204, "204", "the right key");
	int before = atomic_load(&handled);
	check(c, other, "A", 0, "pin", "a wrong key at the same place");
	is_int(atomic_load(&handled), before, "who has the wrong key is sent nothing");
	check(c, server.id, "A", 204, "204", "the right key again");
	client_free(c);
	c = new_client(route(canned.id, canned.tls12_port), "127.0.0.1:1", 30000);
	check(c, canned.id, "A", 0, "tls", "a server with TLS 1.2 only");
	client_free(c);
	c = new_client(route(canned.id, canned.port), "127.0.0.1:1", 500);
	check(c, canned.id, "A", 0, "timeout", "a server that says nothing");
	client_free(c);
	identity_free(other);
}

#define CANNED(conduct, text, status, code, what)               \
	do {                                                    \
		canned_answer(conduct, text, sizeof(text) - 1); \
		check(c, canned.id, "A", status, code, what);   \
	} while (0)
#define STREAM "Content-Type: application/octet-stream\r\n"

static void test_canned(void)
{
	struct client *c = new_client(route(canned.id, canned.tls_port), "127.0.0.1:1", 30000);
	static char long_one[3][700000]; /* not reused: a server thread may still be sending it */
	char *big = long_one[0];
	int n, before;

	CANNED(ANSWER, "HTTP/1.1 204 No Content\r\n\r\n", 204, "204", "a canned 204");
	before = atomic_load(&canned.requests);
	CANNED(ANSWER,
	    "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\n"
	    "Content-Length: 0\r\n\r\n",
	    302, "302", "a redirect");
	CANNED(ANSWER,
	    "HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", 307,
	    "307", "a redirect that keeps the method");
	is_int(atomic_load(&canned.requests), before + 2, "is not followed");
	CANNED(ANSWER, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi",
	    0, "reply", "a 200 of another type");
	CANNED(ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 0, "reply",
	    "a 200 of no type");
	CANNED(ANSWER, "HTTP/1.1 200 OK\r\n" STREAM "Content-Length: 0\r\n\r\n", 0, "reply",
	    "a 200 with nothing in it");
	CANNED(ANSWER_CLOSE, "HTTP/1.1 200 OK\r\n" STREAM "Content-Length: 20\r\n\r\nhi", 0,
	    "reply", "a body cut short");
	CANNED(ANSWER_CLOSE, "hello\r\n\r\n", 0, "reply", "what is no HTTP");
	CANNED(ANSWER, "HTTP/1.1 200 OK\r\n" STREAM "Content-Length: -1\r\n\r\nhi", 0, "reply",
	    "a negative length");
	CANNED(ANSWER,
	    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p>x",
	    400, "400", "a page with a 400");
	n = sprintf(
	    big, "HTTP/1.1 200 OK\r\n" STREAM "Content-Length: %u\r\n\r\n", ENVELOPE_MAX + 1);
	memset(big + n, 'x', ENVELOPE_MAX + 1);
	canned_answer(ANSWER, big, (size_t)n + ENVELOPE_MAX + 1);
	check(c, canned.id, "A", 0, "reply", "a reply one byte too long");
	big = long_one[1];
	n = sprintf(big, "HTTP/1.1 200 OK\r\n" STREAM "\r\n");
	memset(big + n, 'x', ENVELOPE_MAX + 1);
	canned_answer(ANSWER_CLOSE, big, (size_t)n + ENVELOPE_MAX + 1);
	check(c, canned.id, "A", 0, "reply", "or one that does not tell its length");
	big = long_one[2];
	n = sprintf(big, "HTTP/1.1 400 Bad Request\r\nContent-Length: 600000\r\n\r\n");
	memset(big + n, 'x', 600000);
	canned_answer(ANSWER, big, (size_t)n + 600000);
	check(c, canned.id, "A", 0, "reply", "a long page with a 400");
	canned_answer(ENDLESS_HEADER, NULL, 0);
	check(c, canned.id, "A", 0, "reply", "a header without an end");
	CANNED(ANSWER_CLOSE, "", 0, "connect", "an answer that does not come");
	client_free(c);
}

/* What stands in a request, and in the TLS hello before it. */
static void test_request(void)
{
	struct client *c = new_client(route(canned.id, canned.tls_port), "127.0.0.1:1", 30000);
	char want[300], hello[4096], name[ONION_TEXT];
	size_t len;
	bool ended;
	int port, fd, raw;

	CANNED(ANSWER, "HTTP/1.1 204 No Content\r\n\r\n", 204, "204", "a post");
	snprintf(want, sizeof(want),
	    "POST / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/octet-stream\r\n"
	    "Content-Length: 1\r\n\r\nA",
	    canned.tls_port);
	is_str(canned.request, want, "is these bytes and no others");
	client_free(c);
	fd = listen_any(&port);
	c = new_client(route(canned.id, port), "127.0.0.1:1", 30000);
	if (client_post(c, canned.id->key, alice, "A", 1, NULL) != 0)
		die(err_detail());
	struct post_result r;
	is_int(client_poll(c, &r, NULL, 0, 200), 0, "no result yet");
	raw = accept(fd, NULL, NULL);
	len = receive(raw, hello, sizeof(hello), 300, &ended);
	onion_encode(name, canned.id->key);
	ok(len > 100 && hello[0] == 0x16, "a TLS hello");
	ok(memmem(hello, len, name, 56) == NULL, "does not name the onion address");
	ok(memmem(hello, len, "http/1.1", 8) == NULL, "nor the protocol inside");
	is_int((long long)client_active(c), 1, "one post is under way");
	client_free(c);
	close(raw);
	close(fd);
}

/* A kept connection that dies under the next request is no failure: it is sent again. */
static void test_retry(void)
{
	struct client *c = new_client(route(canned.id, canned.tls_port), "127.0.0.1:1", 30000);
	int before = atomic_load(&canned.connections);

	canned_answer(DROP_SECOND, NULL, 0);
	for (int i = 0; i < 4; i++)
		check(c, canned.id, "A", 204, "204", "over a connection that is dropped");
	is_int(atomic_load(&canned.connections) - before, 4, "each on a new connection in the end");
	client_free(c);
}

#define DRIPPED "HTTP/1.1 200 OK\r\n" STREAM "Content-Length: 600\r\n\r\n"

static void test_timeouts(void)
{
	struct client *c = new_client(route(canned.id, canned.tls_port), "127.0.0.1:1", 700);
	struct client_options o = {.socks = "127.0.0.1:1", .timeout = 20000, .connect = 20000};
	struct post_result r;
	int one, two, port, fd = listen_any(&port);

	canned_answer(SILENT, NULL, 0);
	post(c, canned.id, alice, "A", 1, &r);
	is_str(r.code, "timeout", "who never answers");
	ok(r.elapsed >= 600 && r.elapsed < 30000, "is given up in time (%d ms)", (int)r.elapsed);
	canned_answer(DRIP, DRIPPED, sizeof(DRIPPED) - 1);
	post(c, canned.id, alice, "A", 1, &r);
	is_str(r.code, "timeout", "who answers byte by byte");
	ok(r.elapsed >= 600 && r.elapsed < 30000, "is given up as soon (%d ms)", (int)r.elapsed);
	canned_answer(SILENT, NULL, 0);
	if (client_post(c, canned.id->key, alice, "A", 1, &one) != 0 ||
	    client_post(c, canned.id->key, alice, "A", 1, &two) != 0)
		die(err_detail());
	is_int((long long)client_active(c), 2, "two posts");
	is_int(client_poll(c, &r, NULL, 0, 100), 0, "without an answer");
	client_cancel(c, &one);
	is_int((long long)client_active(c), 1, "one is cancelled");
	is_int(client_poll(c, &r, NULL, 0, 20000), 1, "one result");
	ok(r.tag == &two, "of the other");
	is_int(client_poll(c, &r, NULL, 0, 50), 0, "and no more");
	client_free(c);
	o.routes = test_file("routes", route(canned.id, port), strlen(route(canned.id, port)));
	close(fd);
	if (client_new(&c, &o) != 0)
		die(err_detail());
	check(c, canned.id, "A", 0, "connect", "nobody there");
	client_free(c);
}

static void test_extra(void)
{
	struct client *c = new_client(route(canned.id, canned.tls_port), "127.0.0.1:1", 30000);
	struct post_result r;
	int p[2], tag;

	if (pipe(p) != 0)
		die("pipe");
	struct pollfd extra[2] = {{.fd = p[0], .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	int64_t began = clock_monotonic();

	is_int(client_poll(c, &r, extra, 2, 50), 0, "nothing");
	ok(clock_monotonic() - began >= 45, "for as long as was asked");
	canned_answer(SILENT, NULL, 0);
	if (client_post(c, canned.id->key, alice, "A", 1, &tag) != 0 || write(p[1], "x", 1) != 1)
		die(err_detail());
	began = clock_monotonic();
	is_int(client_poll(c, &r, extra, 2, 60000), 0, "no result");
	ok(extra[0].revents == POLLIN && extra[1].revents == 0, "but a descriptor");
	ok(clock_monotonic() - began < 30000, "before the time is over");
	client_free(c);
	close(p[0]);
	close(p[1]);
}

static void test_parallel(void)
{
	struct client *c = new_client(route(server.id, server.port), "127.0.0.1:1", 60000);
	bool seen[64] = {false};
	struct post_result r;
	char tags[64];
	int good = 0;

	for (int i = 0; i < 64; i++)
		if (client_post(c, server.id->key, alice, i % 2 ? "S" : "A", 1, &tags[i]) != 0)
			die(err_detail());
	is_int((long long)client_active(c), 64, "64 posts at once");
	while (client_active(c) > 0 && client_poll(c, &r, NULL, 0, 60000) == 1) {
		good += r.status == 204 && !seen[(char *)r.tag - tags];
		seen[(char *)r.tag - tags] = true;
	}
	is_int(good, 64, "each is answered once");
	client_free(c);
}

static void check_socks(struct client *c, const char *code, const char *part)
{
	struct post_result r;

	post(c, server.id, alice, "A", 1, &r);
	ok(strcmp(r.code, code) == 0 && r.status == 0 && strstr(r.reason, part) != NULL,
	    "%s: ... %s ...", code, part);
	printf("# %s: %s\n", r.code, r.reason);
}

static void test_socks_failures(const char *proxy)
{
	struct client *c = new_client("", proxy, 30000);

	socks_reset();
	atomic_store(&socks.reply, 0xf0);
	check_socks(c, "tor", "descriptor");
	atomic_store(&socks.reply, 0xf2);
	check_socks(c, "tor", "introduction");
	atomic_store(&socks.reply, 0xf6);
	check_socks(c, "tor", "invalid");
	atomic_store(&socks.reply, 1);
	check_socks(c, "tor", "could not connect");
	atomic_store(&socks.reply, 4);
	check_socks(c, "tor", "cannot reach");
	atomic_store(&socks.method, 0xff);
	check_socks(c, "proxy", "refused us");
	client_free(c);
	c = new_client("", "127.0.0.1:1", 30000);
	check_socks(c, "proxy", "is tor running");
	client_free(c);
	socks_reset();
}

/*
 * Contacts are kept apart: each has its own user name at the proxy, and a connection of one is
 * never used for the other, though both lead to one address.  The proxy gets the name, not an IP.
 */
static void test_isolation(const char *proxy)
{
	struct client *c = new_client("", proxy, 30000);
	char name[ONION_TEXT];
	struct post_result r;

	socks_reset();
	onion_encode(name, server.id->key);
	for (int i = 0; i < 6; i++) {
		post(c, server.id, i % 2 ? bob : alice, "A", 1, &r);
		is_int(r.status, 204, "through SOCKS");
	}
	is_int(atomic_load(&socks.connections), 2, "two contacts make two connections, both kept");
	is_str(socks.user[0], "a1000000000000000000000000000000", "one's user name");
	is_str(socks.user[1], "b0000000000000000000000000000000", "the other's");
	for (int i = 0; i < 2; i++) {
		is_str(socks.host[i], name, "the proxy resolves the onion address");
		is_int(socks.type[i], 3, "as a name");
		is_int(socks.to_port[i], 443, "port 443");
		is_str(socks.password[i], "mp", "the password says nothing");
	}
	client_free(c);
}

/* curl's environment is not ours: neither a proxy nor an exception from one comes from there. */
static void test_environment(const char *proxy)
{
	static const char *const bad[] = {
	    "http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"};
	char text[40];
	struct client *c;

	snprintf(text, sizeof(text), "http://127.0.0.1:%d", canned.port);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		setenv(bad[i], text, 1);
	int before = atomic_load(&canned.connections);
	c = new_client(route(server.id, server.port), "127.0.0.1:1", 30000);
	check(c, server.id, "A", 204, "204", "a route with *_proxy set");
	client_free(c);
	setenv("no_proxy", "*", 1);
	setenv("NO_PROXY", "*", 1);
	socks_reset();
	c = new_client("", proxy, 30000);
	check(c, server.id, "A", 204, "204", "SOCKS with no_proxy=*");
	is_int(atomic_load(&socks.connections), 1, "was used");
	is_int(atomic_load(&canned.connections), before, "the environment's proxy was not");
	client_free(c);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		unsetenv(bad[i]);
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
}

static void test_unix_socks(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char proxy[150];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/so cks%%2e?#@:x", test_dir);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 || listen(fd, 16) != 0)
		die("bind");
	socks_serve(fd);
	snprintf(proxy, sizeof(proxy), "unix:%s", un.sun_path);
	test_isolation(proxy);
	test_environment(proxy);
	shutdown(fd, SHUT_RDWR);
}

static void test_usage(void)
{
	struct client_options o = {
	    .socks = "localhost:9050", .routes = test_file("absent", NULL, 0)};
	struct client *c;

	is_int(client_new(&c, &o), MP_EUSAGE, "a proxy by name is refused");
	o.socks = "unix:relative";
	is_int(client_new(&c, &o), MP_EUSAGE, "and a relative path");
	o.socks = NULL;
	o.routes = test_file("bad", "x y z\n", 6);
	is_int(client_new(&c, &o), MP_EBAD, "and a bad routes file");
}

int main(void)
{
	char proxy[40];

	test_begin();
	canned_start();
	srv_start(&server, handler, NULL, true, 2);
	socks.fd = listen_any(&socks.port);
	socks.target = server.port;
	socks_serve(socks.fd);
	snprintf(proxy, sizeof(proxy), "127.0.0.1:%d", socks.port);
	test_statuses();
	test_trust();
	test_canned();
	test_request();
	test_retry();
	test_timeouts();
	test_extra();
	test_parallel();
	test_socks_failures(proxy);
	test_isolation(proxy);
	test_environment(proxy);
	test_unix_socks();
	test_usage();
	is_int(srv_stop(&server), 0, "the server stops");
	for (int i = 0; i < 2; i++) {
		kill(canned.socat[i], SIGTERM);
		waitpid(canned.socat[i], NULL, 0);
	}
	identity_free(canned.id);
	test_end();
	return done();
}
