/* net: servers of all kinds inside a unit test, and raw connections to them. */
#ifndef MP_TESTS_NET_H
#define MP_TESTS_NET_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "crypto/identity.h"
#include "crypto/onion.h"
#include "net/server.h"

static char test_dir[64];

__attribute__((unused)) static void die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(99);
}

/* A private home; nothing of the caller's environment steers the test. */
__attribute__((unused)) static void test_begin(void)
{
	static const char *const names[] = {"MP_SOCKS", "MP_ROUTES", "http_proxy", "https_proxy",
	    "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "no_proxy", "NO_PROXY"};

	snprintf(test_dir, sizeof(test_dir), "/tmp/mp-net.XXXXXX");
	if (mkdtemp(test_dir) == NULL)
		die("mkdtemp");
	setenv("MP_HOME", test_dir, 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	signal(SIGPIPE, SIG_IGN);
	alarm(300); /* a test that hangs is a failure */
}

__attribute__((unused)) static void test_end(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf '%s'", test_dir);
	if (system(command) != 0)
		printf("# cannot remove %s\n", test_dir);
}

__attribute__((unused)) static const char *test_file(const char *name, const void *data, size_t len)
{
	static char path[8][128];
	static unsigned at;
	char *p = path[at++ % 8];

	snprintf(p, sizeof(path[0]), "%s/%s", test_dir, name);
	if (data != NULL && file_write(p, data, len, 0600, true) != 0)
		die(err_detail());
	return p;
}

/* A listener on a free port of 127.0.0.1, not yet accepting. */
__attribute__((unused)) static int listen_any(int *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&in, len) != 0 || listen(fd, 64) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		die("listen");
	*port = ntohs(in.sin_port);
	return fd;
}

__attribute__((unused)) static int connect_port(int port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof(in)) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) != 0)
		die("connect");
	return fd;
}

/* The real server, in a thread. */
struct srv {
	struct server_options o; /* handler, ctx for the caller to fill in before srv_start() */
	struct identity *id;
	struct buf key, cert;
	int stop[2], port, rc;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t up;
	server_handler *handler;
	void *ctx;
};

static int64_t srv_request_time; /* for the next srv_start() */

__attribute__((unused)) static void srv_handle(
    void *ctx, unsigned thread, const uint8_t *body, size_t len, struct server_answer *a)
{
	struct srv *s = ctx;

	s->handler(s->ctx, thread, body, len, a);
}

__attribute__((unused)) static void srv_ready(void *ctx, const char *where)
{
	struct srv *s = ctx;

	pthread_mutex_lock(&s->lock);
	s->port = atoi(strrchr(where, ':') + 1);
	pthread_cond_signal(&s->up);
	pthread_mutex_unlock(&s->lock);
}

__attribute__((unused)) static void *srv_run(void *ctx)
{
	struct srv *s = ctx;

	s->rc = server_listen("127.0.0.1:0", &s->o, s->stop[0], srv_ready);
	if (s->rc != 0) {
		printf("# server_listen: %s\n", err_detail());
		srv_ready(s, ":-1");
	}
	return NULL;
}

/* With options of the caller's, but for ctx. */
__attribute__((unused)) static void srv_start_options(
    struct srv *s, const struct server_options *o, bool tls)
{
	s->o = *o;
	s->o.ctx = s;
	s->port = 0;
	s->key = s->cert = (struct buf)BUF_INIT(65536);
	if (identity_new(&s->id) != 0 || identity_tls(s->id, &s->key, &s->cert) != 0 ||
	    buf_terminate(&s->key) != 0 || buf_terminate(&s->cert) != 0 || pipe(s->stop) != 0)
		die(err_detail());
	if (tls) {
		s->o.key_pem = (char *)s->key.data;
		s->o.cert_pem = (char *)s->cert.data;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->up, NULL);
	pthread_create(&s->thread, NULL, srv_run, s);
	pthread_mutex_lock(&s->lock);
	while (s->port == 0)
		pthread_cond_wait(&s->up, &s->lock);
	pthread_mutex_unlock(&s->lock);
	if (s->port < 0)
		die("no server");
}

__attribute__((unused)) static void srv_start(
    struct srv *s, server_handler *handler, void *ctx, bool tls, unsigned threads)
{
	struct server_options o = {.handler = srv_handle,
	    .threads = threads,
	    .connections = 256,
	    .request_time = srv_request_time};

	memset(s, 0, sizeof(*s));
	s->handler = handler;
	s->ctx = ctx;
	srv_start_options(s, &o, tls);
}

__attribute__((unused)) static int srv_stop(struct srv *s)
{
	if (write(s->stop[1], "x", 1) != 1)
		die("write");
	pthread_join(s->thread, NULL);
	close(s->stop[0]);
	close(s->stop[1]);
	identity_free(s->id);
	buf_free(&s->key);
	buf_free(&s->cert);
	return s->rc;
}

/* Sends all, giving up quietly when the other end has closed. */
__attribute__((unused)) static void send_bytes(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0 && (n = send(fd, p, len, MSG_NOSIGNAL)) > 0) {
		p += n;
		len -= (size_t)n;
	}
}

/* What comes until the end of the connection or ms have passed; *ended tells which. */
__attribute__((unused)) static size_t receive(int fd, char *out, size_t size, int ms, bool *ended)
{
	int64_t end = clock_monotonic() + ms, now;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n;

	*ended = false;
	while (len + 1 < size && (now = clock_monotonic()) < end &&
	       poll(&p, 1, (int)(end - now)) > 0) {
		if ((n = recv(fd, out + len, size - 1 - len, 0)) <= 0) {
			*ended = true;
			break;
		}
		len += (size_t)n;
	}
	out[len] = '\0';
	return len;
}

/* One whole answer without a body, or with one of a stated length. */
__attribute__((unused)) static size_t receive_answer(int fd, char *out, size_t size)
{
	int64_t end = clock_monotonic() + 10000;
	size_t len = 0, want;
	char *body, *length;
	ssize_t n;

	for (;;) {
		out[len] = '\0';
		if ((body = strstr(out, "\r\n\r\n")) != NULL) {
			length = strcasestr(out, "\r\ncontent-length:");
			want =
			    (size_t)(body + 4 - out) +
			    (length != NULL && length < body ? strtoul(length + 17, NULL, 10) : 0);
			if (len >= want)
				return len;
		}
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (len + 1 >= size || clock_monotonic() >= end || poll(&p, 1, 10000) <= 0 ||
		    (n = recv(fd, out + len, size - 1 - len, 0)) <= 0)
			return len;
		len += (size_t)n;
	}
}

#endif
