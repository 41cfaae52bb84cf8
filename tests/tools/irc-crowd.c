/*
 * irc-crowd WHERE CLIENTS MESSAGES WINDOW: as chat-crowd runs one room with one sender, for an IRC
 * server with TLS. WINDOW messages are on their way at once: the sender goes on when the slowest
 * member has heard.  Prints the same figures.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/err.h"
#include "net/dial.h"

struct member {
	SSL *ssl;
	char in[65536];
	size_t len;
	int64_t heard;
	bool joined;
};

static struct member *all;
static int n, joined;
static int64_t messages, window, sent, delivered;
static float *latency;

static int64_t micros(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void die(const char *what)
{
	fprintf(stderr, "irc-crowd: %s\n", what);
	exit(1);
}

static void say(struct member *m, const char *text)
{
	size_t len = strlen(text), at = 0;

	while (at < len) {
		int k = SSL_write(m->ssl, text + at, (int)(len - at));
		struct pollfd p = {.fd = SSL_get_fd(m->ssl), .events = POLLOUT};

		if (k > 0)
			at += (size_t)k;
		else if (SSL_get_error(m->ssl, k) == SSL_ERROR_WANT_WRITE)
			poll(&p, 1, 1000);
		else
			die("write");
	}
}

static void line(struct member *m, char *text)
{
	char *at, *body;

	if (strncmp(text, "PING ", 5) == 0) {
		text[1] = 'O';
		say(m, text);
		say(m, "\r\n");
	} else if (strstr(text, " 366 ") != NULL && !m->joined) {
		m->joined = true;
		joined++;
	} else if (strstr(text, " 001 ") != NULL) {
		say(m, "JOIN #room\r\n");
	} else if ((at = strstr(text, " PRIVMSG #room :")) != NULL) {
		body = at + 16;
		if (strtoll(body, &body, 10) != ++m->heard)
			die("lost or out of order");
		latency[delivered++] = (float)(micros() - strtoll(body, NULL, 10)) / 1000;
	} else if (strncmp(text, "ERROR", 5) == 0) {
		die(text);
	}
}

static void take(struct member *m)
{
	int k;

	while ((k = SSL_read(m->ssl, m->in + m->len, (int)(sizeof(m->in) - m->len - 1))) > 0) {
		char *start = m->in, *lf;

		m->len += (size_t)k;
		m->in[m->len] = '\0';
		while ((lf = memchr(start, '\n', m->len - (size_t)(start - m->in))) != NULL) {
			*lf = '\0';
			if (lf > start && lf[-1] == '\r')
				lf[-1] = '\0';
			line(m, start);
			start = lf + 1;
		}
		m->len -= (size_t)(start - m->in);
		memmove(m->in, start, m->len);
	}
	if (SSL_get_error(m->ssl, k) != SSL_ERROR_WANT_READ)
		die("the server closed");
}

static int64_t slowest(void)
{
	int64_t least = INT64_MAX;

	for (int i = 1; i < n; i++)
		if (all[i].heard < least)
			least = all[i].heard;
	return least;
}

static void speak(void)
{
	char text[512];
	int64_t least = slowest();

	while (sent < messages && sent - least < window) {
		int k = snprintf(text, sizeof(text), "PRIVMSG #room :%" PRId64 " %" PRId64 " ",
		    ++sent, micros());

		memset(text + k, 'x', 200);
		strcpy(text + k + 200, "\r\n");
		say(&all[0], text);
	}
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static void enter(SSL_CTX *ctx, const char *where, int i, int epfd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = &all[i]};
	struct pollfd p;
	char text[100];
	int k;

	if (dial(&p.fd, where, "x", 10000) != 0 || (all[i].ssl = SSL_new(ctx)) == NULL)
		die(err_detail());
	SSL_set_fd(all[i].ssl, p.fd);
	while ((k = SSL_connect(all[i].ssl)) != 1) {
		p.events = SSL_get_error(all[i].ssl, k) == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN;
		if (SSL_get_error(all[i].ssl, k) != SSL_ERROR_WANT_READ && p.events == POLLIN)
			die("TLS");
		poll(&p, 1, 10000);
	}
	epoll_ctl(epfd, EPOLL_CTL_ADD, p.fd, &e);
	snprintf(text, sizeof(text), "NICK u%d\r\nUSER u%d 0 * :u\r\n", i, i);
	say(&all[i], text);
	take(&all[i]);
}

int main(int argc, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct epoll_event e[256];
	int epfd = epoll_create1(0), k;
	int64_t start = 0, wanted;

	if (argc != 5 || (n = atoi(argv[2])) < 2)
		die("usage: irc-crowd WHERE CLIENTS MESSAGES WINDOW");
	messages = atoll(argv[3]);
	window = atoll(argv[4]);
	wanted = messages * (n - 1);
	all = calloc((size_t)n, sizeof(*all));
	latency = calloc((size_t)wanted, sizeof(*latency));
	for (int i = 0; i < n; i++)
		enter(ctx, argv[1], i, epfd);
	while (delivered < wanted) {
		if (joined == n && start == 0) {
			start = micros();
			speak();
		}
		if ((k = epoll_wait(epfd, e, 256, 60000)) <= 0)
			die("nothing for a minute");
		for (int i = 0; i < k; i++)
			take(e[i].data.ptr);
		if (start != 0)
			speak();
	}
	start = micros() - start;
	qsort(latency, (size_t)delivered, sizeof(*latency), by_value);
	printf("messages %" PRId64 " deliveries %" PRId64
	       " seconds %.3f reconnections 0 p50 %.2f p99 %.2f max %.2f\n",
	    messages, delivered, (double)start / 1e6, (double)latency[delivered / 2],
	    (double)latency[delivered - 1 - delivered / 100], (double)latency[delivered - 1]);
	return 0;
}
