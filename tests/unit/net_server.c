/* The HTTP server: what reaches the handler, what is answered to everything else, and limits. */
#include <errno.h>
#include <fcntl.h>

#include "crypto/envelope.h"
#include "net.h"
#include "tap.h"

#define POST "POST / HTTP/1.1\r\nHost: x\r\n"
#define TYPE "Content-Type: application/octet-stream\r\n"
#define REFUSED "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"

static atomic_uint calls;
static atomic_uint seen_threads;
static atomic_size_t last_len;

/* The first byte of the body says what to answer. */
static void handler(
    void *ctx, unsigned thread, const uint8_t *body, size_t len, struct server_answer *a)
{
	(void)ctx;
	atomic_fetch_add(&calls, 1);
	atomic_fetch_or(&seen_threads, 1u << thread);
	atomic_store(&last_len, len);
	switch (body[0]) {
	case 'R':
		a->status = 200;
		buf_add(&a->reply, body, len);
		break;
	case 'B':
		a->status = 400;
		break;
	case 'T':
		a->status = 429;
		a->retry_after = 7;
		break;
	case 'U':
		a->status = 503;
		a->retry_after = 3;
		break;
	case 'S':
		poll(NULL, 0, 400);
		a->status = 204;
		break;
	default:
		a->status = 204;
	}
}

/* How a request reaches the server: through its listener, or on a socket handed over. */
static struct srv usual, *listener = &usual;
static bool by_pair;
static pthread_t pair_thread[1024]; /* by our end's descriptor */
static atomic_int pair_failed;

static void *serve_pair(void *ctx)
{
	struct server_options o = {.handler = handler, .request_time = srv_request_time};
	int fd = (int)(intptr_t)ctx;

	if (server_connection(fd, &o) != 0)
		atomic_fetch_add(&pair_failed, 1);
	close(fd);
	return NULL;
}

static int open_way(void)
{
	int fd[2];

	if (!by_pair)
		return connect_port(listener->port);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		die("socketpair");
	if (fd[0] >= 1024)
		die("too many descriptors");
	pthread_create(&pair_thread[fd[0]], NULL, serve_pair, (void *)(intptr_t)fd[1]);
	return fd[0];
}

static void close_way(int fd)
{
	close(fd);
	if (by_pair)
		pthread_join(pair_thread[fd], NULL);
}

static void post(int fd, const char *body, size_t len)
{
	char head[200];
	int n = snprintf(head, sizeof(head), POST TYPE "Content-Length: %zu\r\n\r\n", len);

	send_bytes(fd, head, (size_t)n);
	send_bytes(fd, body, len);
}

static void test_answers(void)
{
	static const struct {
		const char *body, *answer;
	} table[] = {
	    {"A", "HTTP/1.1 204 No Content\r\n\r\n"},
	    {"B", REFUSED},
	    {"T", "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"},
	    {"U",
	        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"},
	    {"RST", "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
	            "Content-Length: 3\r\n\r\nRST"},
	};
	int fd = open_way();
	char got[4096];

	/* All on one connection: it is kept after each of them. */
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		post(fd, table[i].body, strlen(table[i].body));
		receive_answer(fd, got, sizeof(got));
		is_str(got, table[i].answer, table[i].body);
	}
	close_way(fd);
}

/* Every one of these is the same 400, and none of them meets the handler. */
static void test_refusals(void)
{
	static const char *const table[] = {
	    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	    "PUT / HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n",
	    "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
	    "TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
	    "PATCH / HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "post / HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "BREW / HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST /x HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST // HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST /%2f HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST %2f HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST /? HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST /?a=b HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST /#a HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST http://x/ HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST /../ HTTP/1.1\r\nHost: x\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    POST "Content-Length: 1\r\n\r\nA",
	    POST "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nA",
	    POST "Content-Type: application/octet-stream; a=b\r\nContent-Length: 1\r\n\r\nA",
	    POST TYPE "\r\n",
	    POST TYPE "Content-Length: 0\r\n\r\n",
	    POST TYPE "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	};
	char got[4096], want[200];
	unsigned before = atomic_load(&calls);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		int fd = open_way();

		send_bytes(fd, table[i], strlen(table[i]));
		receive_answer(fd, got, sizeof(got));
		snprintf(
		    want, sizeof(want), "refused: %.*s", (int)strcspn(table[i], "\r"), table[i]);
		is_str(got, REFUSED, want);
		close_way(fd);
	}
	is_int(atomic_load(&calls), before, "the handler saw none of them");
}

/* What is no HTTP: anything may be answered but 2xx, nothing may reach the handler or stay open. */
static void test_garbage(void)
{
	static const char *const table[] = {
	    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
	    "\r\n\r\n\r\nHELO x\r\n\r\n",
	    "POST\r\n\r\n",
	    "POST /\r\n\r\n",
	    "POST / HTTP/9.9\r\nHost: x\r\n\r\n",
	    "POST / HTTP/1.1 x\r\nHost: x\r\n\r\n",
	    "POST / HTTP/1.1\r\n" TYPE "Content-Length: 1\r\n\r\nA", /* no Host */
	    POST TYPE "Content-Length: -1\r\n\r\nA",
	    POST TYPE "Content-Length: +1\r\n\r\nA",
	    POST TYPE "Content-Length: 1, 2\r\n\r\nAB",
	    POST TYPE "Content-Length: 0x1\r\n\r\nA",
	    POST TYPE "Content-Length: 99999999999999999999999999\r\n\r\nA",
	    POST TYPE "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n0\r\n\r\n",
	    POST TYPE "Transfer-Encoding: chunked\r\n\r\nzz\r\nA\r\n0\r\n\r\n",
	    POST TYPE "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nA\r\n0\r\n\r\n",
	    POST TYPE "Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nA\r\n0\r\n\r\n",
	    POST "no colon here\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	    "POST / HTTP/1.0\r\n" TYPE "Content-Length: 1\r\n\r\nA",
	};
	char got[4096];
	unsigned before = atomic_load(&calls);
	bool ended;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		int fd = open_way();
		size_t n;

		send_bytes(fd, table[i], strlen(table[i]));
		shutdown(fd, SHUT_WR);
		n = receive(fd, got, sizeof(got), 8000, &ended);
		ok(ended && (n == 0 || strncmp(got, "HTTP/1.1 4", 10) == 0 ||
		                strncmp(got, "HTTP/1.1 5", 10) == 0),
		    "garbage %zu ends the connection", i);
		ok(strcasestr(got, "\nserver:") == NULL && strcasestr(got, "\ndate:") == NULL,
		    "and shows neither Server nor Date");
		close_way(fd);
	}
	is_int(atomic_load(&calls), before, "the handler saw nothing of it");
}

/* A second request hidden in a body is a body. */
static void test_smuggling(void)
{
	static const char inner[] = POST TYPE "Content-Length: 1\r\n\r\nA";
	char request[600], got[4096];
	int fd = open_way();
	unsigned before = atomic_load(&calls);

	snprintf(request, sizeof(request), POST TYPE "Content-Length: %zu\r\n\r\n%s",
	    sizeof(inner) - 1, inner);
	send_bytes(fd, request, strlen(request));
	receive_answer(fd, got, sizeof(got));
	is_int(atomic_load(&calls), before + 1, "a request in a body is one body");
	is_int((long long)atomic_load(&last_len), (long long)sizeof(inner) - 1, "of its length");
	/* Less content than stated: the rest of the connection is the body, and it never ends. */
	snprintf(request, sizeof(request), POST TYPE "Content-Length: 500\r\n\r\n%s", inner);
	send_bytes(fd, request, strlen(request));
	shutdown(fd, SHUT_WR);
	bool ended;
	receive(fd, got, sizeof(got), 8000, &ended);
	ok(ended && strstr(got, " 20") == NULL, "a body cut short is never answered with 2xx");
	is_int(atomic_load(&calls), before + 1, "nor seen by the handler");
	close_way(fd);
}

static void test_chunked(void)
{
	int fd = open_way();
	char got[4096];

	send_bytes(fd,
	    POST TYPE "Transfer-Encoding: chunked\r\n\r\n"
	              "2\r\nRx\r\n1\r\ny\r\n0\r\n\r\n",
	    strlen(POST TYPE) + strlen("Transfer-Encoding: chunked\r\n\r\n") +
	        strlen("2\r\nRx\r\n1\r\ny\r\n0\r\n\r\n"));
	receive_answer(fd, got, sizeof(got));
	ok(strstr(got, "\r\n\r\nRxy") != NULL, "a chunked body is put together");
	close_way(fd);
}

static void test_expect(void)
{
	int fd = open_way();
	char got[4096];

	send_bytes(fd, POST TYPE "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n",
	    strlen(POST TYPE "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n"));
	receive_answer(fd, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 100 ", 13) == 0, "who asks first is told to go on");
	send_bytes(fd, "A", 1);
	receive_answer(fd, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 204 ", 13) == 0, "and served");
	close_way(fd);
}

static void test_sizes(void)
{
	char *big = malloc(2 * ENVELOPE_MAX), head[200], got[4096];
	unsigned before;
	int fd = open_way();
	int n;

	memset(big, 'A', 2 * ENVELOPE_MAX);
	post(fd, big, ENVELOPE_MAX);
	receive_answer(fd, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 204 ", 13) == 0, "the largest envelope is taken");
	is_int((long long)atomic_load(&last_len), ENVELOPE_MAX, "whole");
	before = atomic_load(&calls);
	/* Only the header is sent: the answer does not wait for a body that is not wanted. */
	n = snprintf(head, sizeof(head), POST TYPE "Content-Length: %u\r\n\r\n", ENVELOPE_MAX + 1);
	send_bytes(fd, head, (size_t)n);
	receive_answer(fd, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 413 ", 13) == 0, "one byte more is 413, before it is sent");
	close_way(fd);
	fd = open_way();
	send_bytes(fd, POST TYPE "Transfer-Encoding: chunked\r\n\r\n",
	    strlen(POST TYPE "Transfer-Encoding: chunked\r\n\r\n"));
	n = snprintf(head, sizeof(head), "%x\r\n", ENVELOPE_MAX + 1);
	send_bytes(fd, head, (size_t)n);
	send_bytes(fd, big, ENVELOPE_MAX + 1);
	send_bytes(fd, "\r\n0\r\n\r\n", 7);
	receive_answer(fd, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 413 ", 13) == 0, "also when its length is not told before");
	is_int(atomic_load(&calls), before, "the handler saw neither");
	close_way(fd);
	free(big);
}

static void test_header_sizes(void)
{
	static const size_t sizes[] = {9000, 20000, 40000, 300000};
	char *line = malloc(400000), got[4096];
	unsigned before = atomic_load(&calls);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int fd = open_way();

		strcpy(line, POST TYPE "Content-Length: 1\r\nX: ");
		size_t at = strlen(line);
		memset(line + at, 'x', sizes[i]);
		strcpy(line + at + sizes[i], "\r\n\r\nA");
		send_bytes(fd, line, strlen(line));
		receive_answer(fd, got, sizeof(got));
		ok(got[0] == '\0' || strncmp(got, "HTTP/1.1 4", 10) == 0,
		    "a header of %zu bytes is refused", sizes[i]);
		close_way(fd);
	}
	is_int(atomic_load(&calls), before, "the handler saw none");
	free(line);
}

static void test_many(void)
{
	char got[4096];
	int fd = open_way(), good = 0;

	for (int i = 0; i < 1000; i++) {
		post(fd, "A", 1);
		receive_answer(fd, got, sizeof(got));
		good += strncmp(got, "HTTP/1.1 204 ", 13) == 0;
	}
	is_int(good, 1000, "a kept connection serves many requests");
	/* Sent in one go, answered one after another. */
	for (int i = 0; i < 10; i++)
		post(fd, "A", 1);
	shutdown(fd, SHUT_WR);
	bool ended;
	size_t n = receive(fd, got, sizeof(got), 8000, &ended);
	is_int((long long)n, 10 * 27, "ten requests at once have ten answers");
	ok(ended, "and the connection ends when the client ends it");
	close_way(fd);
}

/* Body bytes one by one, each a packet of its own. */
static void test_slow(void)
{
	char got[4096], request[] = POST TYPE "Content-Length: 3\r\n\r\nRyz";
	int fd = open_way();

	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		send_bytes(fd, request + i, 1);
		if (i % 16 == 0)
			poll(NULL, 0, 1);
	}
	receive_answer(fd, got, sizeof(got));
	ok(strstr(got, "\r\n\r\nRyz") != NULL, "a request byte by byte is served");
	close_way(fd);
}

static void all_ways(void)
{
	test_answers();
	test_refusals();
	test_garbage();
	test_smuggling();
	test_chunked();
	test_expect();
	test_sizes();
	test_header_sizes();
	test_many();
	test_slow();
}

/*
 * Silence is ended after about 5 s: on a new connection, after half a request line, and in
 * or before a TLS handshake; a connection that has served stays.  All wait at the same time.
 */
static void test_silence(void)
{
	struct srv tls;
	char got[4096];
	bool ended;
	int64_t began;
	int kept, silent[5], pair;

	by_pair = true;
	pair = open_way();
	by_pair = false;
	srv_start(&tls, handler, NULL, true, 2);
	kept = open_way();
	post(kept, "A", 1);
	receive_answer(kept, got, sizeof(got));
	began = clock_monotonic();
	silent[0] = open_way();
	silent[1] = open_way();
	send_bytes(silent[1], "POST / HT", 9);
	silent[2] = connect_port(tls.port);
	silent[3] = connect_port(tls.port);
	send_bytes(silent[3], "\x16\x03\x01\x02\x00\x01", 6);
	silent[4] = pair;
	for (int i = 0; i < 5; i++) {
		size_t n = receive(
		    silent[i], got, sizeof(got), (int)(began + 8000 - clock_monotonic()), &ended);
		int64_t took = clock_monotonic() - began;

		ok(ended && n < 100, "silent client %d is gone", i);
		ok(took > 3000 && took < 8000, "after about 5 s (%d ms)", (int)took);
		if (i < 4)
			close(silent[i]);
	}
	by_pair = true;
	close_way(pair);
	by_pair = false;
	post(kept, "A", 1);
	receive_answer(kept, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 204 ", 13) == 0, "a kept connection may be silent for longer");
	close(kept);
	is_int(srv_stop(&tls), 0, "the TLS listener stops");
}

/* Whoever sends a byte now and then is never silent, and is gone all the same. */
static void trickle(const char *start, const char *name)
{
	int64_t began = clock_monotonic(), took;
	int fd = open_way();
	struct pollfd p = {.fd = fd, .events = POLLIN};

	send_bytes(fd, start, strlen(start));
	while (poll(&p, 1, 100) == 0 && clock_monotonic() - began < 8000)
		send_bytes(fd, "x", 1);
	took = clock_monotonic() - began;
	ok(took >= 900 && took < 4000, "%s is cut off (%d ms)", name, (int)took);
	close_way(fd);
}

static void test_trickle(void)
{
	struct srv plain, tls;

	srv_request_time = 1000;
	srv_start(&plain, handler, NULL, false, 2);
	listener = &plain;
	for (int i = 0; i < 2; i++, by_pair = true) {
		trickle("POST / HTTP/1.1\r\n", "a header");
		trickle("POST ", "a first line");
		trickle(POST TYPE "Content-Length: 5000\r\n\r\n", "a body");
		trickle(POST TYPE "Transfer-Encoding: chunked\r\n\r\n5000\r\n", "a chunk");
	}
	by_pair = false;
	is_int(srv_stop(&plain), 0, "stopped");
	srv_start(&tls, handler, NULL, true, 2);
	srv_request_time = 0;
	listener = &tls;
	trickle("\x16\x03\x01\x02", "a handshake");
	is_int(srv_stop(&tls), 0, "stopped");
	listener = &usual;
}

/* Many silent ones leave room for others, until there is no room at all. */
static void test_crowd(void)
{
	char got[4096];
	int fd[200], one;

	for (int i = 0; i < 200; i++)
		fd[i] = open_way();
	one = open_way();
	post(one, "A", 1);
	receive_answer(one, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 204 ", 13) == 0, "200 silent clients do not keep others out");
	for (int i = 0; i < 200; i++)
		close(fd[i]);
	close(one);
}

/* Clients who differ in what they send and when, all at the same time. */
struct visitor {
	const char *name, *first; /* sent at once */
	const char *again;        /* sent every period ms; NULL: an 'x' */
	int64_t period;
	int from, to; /* ms: when the server is to end it; to 0: not within the test */
	int fd;
	int64_t next, over; /* over: when it had ended; 0 not yet */
};

#define LENGTH "Content-Length: 81920\r\n\r\n"
#define REFUSABLE POST TYPE "Content-Length: 1\r\n\r\nB"
#define WELCOME POST TYPE "Content-Length: 1\r\n\r\nA"

static void visit(struct visitor *v, int64_t since)
{
	char scratch[4096];
	ssize_t n;

	if (v->over != 0)
		return;
	if (since >= v->next) {
		send_bytes(
		    v->fd, v->again != NULL ? v->again : "x", v->again ? strlen(v->again) : 1);
		v->next += v->period;
	}
	while ((n = recv(v->fd, scratch, sizeof(scratch), MSG_DONTWAIT)) > 0)
		;
	if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		v->over = since;
}

/* After a pause of 8 s, 80 KiB at 4 KiB/s: 28 s, nearly three times what no bytes would get. */
static void send_slowly(int fd, int64_t since, size_t *sent)
{
	static const char block[1024];

	for (; since >= 8000 && *sent < 80 && (int64_t)*sent * 250 + 8000 <= since; (*sent)++)
		send_bytes(fd, block, sizeof(block));
}

static const struct visitor visitors[] = {
    {.name = "half a header, then silence",
        .first = POST,
        .period = 1 << 20,
        .from = 8000,
        .to = 14000},
    {.name = "a header without end", .first = POST "X: ", .period = 300, .from = 8000, .to = 14000},
    {.name = "no body", .first = POST TYPE LENGTH, .period = 1 << 20, .from = 8000, .to = 14000},
    {.name = "a body byte by byte",
        .first = POST TYPE LENGTH,
        .period = 300,
        .from = 8000,
        .to = 14000},
    {.name = "silence after a refusal",
        .first = REFUSABLE,
        .period = 1 << 20,
        .from = 3000,
        .to = 9000},
    {.name = "one refusal after the other",
        .first = REFUSABLE,
        .again = REFUSABLE,
        .period = 500,
        .from = 3000,
        .to = 9000},
    {.name = "half a request after a refusal",
        .first = REFUSABLE POST TYPE LENGTH "x",
        .period = 500,
        .from = 3000,
        .to = 9000},
    {.name = "silence after a welcome", .first = WELCOME, .period = 1 << 20},
    {.name = "slow after a welcome", .first = WELCOME POST TYPE LENGTH, .period = 2000},
    {.name = "a refusal after a welcome", .first = WELCOME REFUSABLE, .period = 1 << 20},
};

enum { VISITORS = sizeof(visitors) / sizeof(visitors[0]) };

/* One of each kind by the listener, and one on a socket handed over. */
static void test_patience(void)
{
	struct visitor all[2 * VISITORS];
	int64_t began = clock_monotonic(), since = 0;
	size_t sent[2] = {0};
	char got[4096];
	int slow[2];

	for (size_t i = 0; i < 2 * VISITORS; i++) {
		by_pair = i >= VISITORS;
		all[i] = visitors[i % VISITORS];
		all[i].fd = open_way();
		all[i].next = all[i].period;
		send_bytes(all[i].fd, all[i].first, strlen(all[i].first));
		if (i % VISITORS == 0) {
			slow[by_pair] = open_way();
			send_bytes(slow[by_pair], POST TYPE LENGTH, strlen(POST TYPE LENGTH));
		}
	}
	while (sent[1] < 80 && since < 60000) {
		poll(NULL, 0, 50);
		since = clock_monotonic() - began;
		for (size_t i = 0; i < 2 * VISITORS; i++)
			visit(&all[i], since);
		send_slowly(slow[0], since, &sent[0]);
		send_slowly(slow[1], since, &sent[1]);
	}
	for (int i = 0; i < 2; i++) {
		by_pair = i == 1;
		receive_answer(slow[i], got, sizeof(got));
		ok(strncmp(got, "HTTP/1.1 204 ", 13) == 0, "who sends 4 KiB/s is served");
		close_way(slow[i]);
	}
	for (size_t i = 0; i < 2 * VISITORS; i++) {
		by_pair = i >= VISITORS;
		if (all[i].to == 0)
			ok(all[i].over == 0, "%s: may stay", all[i].name);
		else
			ok(all[i].over >= all[i].from && all[i].over <= all[i].to,
			    "%s: gone (%d ms)", all[i].name, (int)all[i].over);
		close_way(all[i].fd);
	}
	by_pair = false;
}

static bool is_open(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/*
 * More strangers than there are places: 100 with half a header, 100 with half a body, 100 who say
 * nothing.  The oldest of them go, and neither who was proven nor who comes last.
 */
static void test_rush(void)
{
	static const char *const first[] = {POST, POST TYPE LENGTH "x", ""};
	int fd[300], proven = open_way(), newest = 0, oldest = 0, honest;
	char got[4096];

	post(proven, "A", 1);
	receive_answer(proven, got, sizeof(got));
	for (int i = 0; i < 300; i++) {
		fd[i] = open_way();
		send_bytes(fd[i], first[i / 100], strlen(first[i / 100]));
	}
	honest = open_way();
	post(honest, "A", 1);
	receive_answer(honest, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 204 ", 13) == 0, "300 on 256 places do not keep others out");
	for (int i = 0; i < 300; i++) {
		oldest += i < 100 && is_open(fd[i]);
		newest += i >= 200 && is_open(fd[i]);
	}
	/* Two threads accept, so their order is not quite ours. */
	ok(oldest <= 10, "the oldest have gone for him, all but %d", oldest);
	ok(newest >= 90, "and not the newest: %d", newest);
	post(proven, "A", 1);
	receive_answer(proven, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 204 ", 13) == 0, "nor who was proven before");
	for (int i = 0; i < 300; i++)
		close(fd[i]);
	close(honest);
	close(proven);
}

static void test_stop(void)
{
	struct srv s;
	char got[4096];
	int fd;

	srv_start(&s, handler, NULL, false, 2);
	fd = connect_port(s.port);
	post(fd, "S", 1);
	poll(NULL, 0, 100); /* the handler is at it, for 400 ms */
	is_int(srv_stop(&s), 0, "stopped");
	receive_answer(fd, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 204 ", 13) == 0, "a request under way was finished");
	close(fd);
}

/*
 * socat gives up on a program that no longer reads, with its answer unread: a refusal that comes
 * early must not end the connection under who is still sending.
 */
static void test_early(void)
{
	static char big[2 * ENVELOPE_MAX];
	char head[200], got[4096];
	size_t sent = 0;
	ssize_t n;
	int fd;

	by_pair = true;
	fd = open_way();
	n = snprintf(head, sizeof(head), POST TYPE "Content-Length: %zu\r\n\r\n", sizeof(big));
	send_bytes(fd, head, (size_t)n);
	while (
	    sent < sizeof(big) && (n = send(fd, big + sent, sizeof(big) - sent, MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	is_int((long long)sent, (long long)sizeof(big), "a body that was refused can be sent");
	receive_answer(fd, got, sizeof(got));
	ok(strncmp(got, "HTTP/1.1 413 ", 13) == 0, "and the refusal be read");
	close_way(fd);
	by_pair = false;
}

static void test_usage(void)
{
	struct server_options o = {.handler = handler, .threads = 1, .connections = 1};
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), udp = socket(AF_INET, SOCK_DGRAM, 0), port,
	    l;
	int stop[2], gone[2];
	char where[40];

	is_int(server_connection(fd, &o), MP_EUSAGE, "a file is no socket");
	is_int(server_connection(udp, &o), MP_EUSAGE, "a datagram socket is no connection");
	is_int(server_connection(999, &o), MP_EUSAGE, "a closed descriptor is none either");
	l = listen_any(&port);
	is_int(server_connection(l, &o), MP_EUSAGE, "nor is a listening one");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, gone) != 0 || pipe(stop) != 0)
		die("socketpair");
	close(gone[0]);
	is_int(server_connection(gone[1], &o), 0, "a client that has gone already is no error");
	is_int(server_listen("localhost:0", &o, stop[0], NULL), MP_EUSAGE,
	    "names are not listened on");
	is_int(server_listen("fd:0", &o, stop[0], NULL), MP_EUSAGE, "fd:N must listen already");
	is_int(server_listen("fd:x", &o, stop[0], NULL), MP_EUSAGE, "and be a number");
	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	is_int(server_listen(where, &o, stop[0], NULL), MP_ESYS, "a port in use is an error");
	o.threads = 17;
	is_int(
	    server_listen("127.0.0.1:0", &o, stop[0], NULL), MP_EUSAGE, "17 threads are too many");
	o.threads = 1;
	o.cert_pem = o.key_pem = "nonsense";
	is_int(server_listen("127.0.0.1:0", &o, stop[0], NULL), MP_ESYS,
	    "a bad certificate is an error");
	o.cert_pem = o.key_pem = NULL;
	if (write(stop[1], "x", 1) != 1)
		die("write");
	snprintf(where, sizeof(where), "fd:%d", l);
	is_int(server_listen(where, &o, stop[0], NULL), 0, "fd:N is served");
	close(fd);
	close(udp);
}

int main(void)
{
	test_begin();
	srv_start(&usual, handler, NULL, false, 2);
	all_ways();
	by_pair = true;
	all_ways();
	by_pair = false;
	test_crowd();
	test_rush();
	test_patience();
	ok((atomic_load(&seen_threads) & ~3u) == 0, "threads are numbered below their number");
	test_silence();
	test_trickle();
	is_int(srv_stop(&usual), 0, "the listener stops");
	test_stop();
	test_early();
	is_int(atomic_load(&pair_failed), 0, "server_connection() always returned 0");
	test_usage();
	test_end();
	return done();
}
