/* The HTTP server on a socket whose other end has said its bytes and closed its half. */
#include "fuzz.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/envelope.h"
#include "net/server.h"

#define SENT 131072 /* fits into a socket's buffer: sent before the server looks */

/* Whatever was sent, a body that arrives is whole and within bounds; it is answered in all ways. */
static void handler(
    void *ctx, unsigned thread, const uint8_t *body, size_t len, struct server_answer *a)
{
	static const int status[] = {200, 204, 400, 413, 429, 503};

	(void)ctx;
	if (len == 0 || len > ENVELOPE_MAX || thread != 0)
		abort();
	a->status = status[body[len - 1] % (sizeof(status) / sizeof(*status))];
	a->retry_after = body[0];
	if (a->status == 200 && buf_add(&a->reply, body, len) != 0)
		abort();
}

/* Nothing that was sent may make the server say 500, or name itself or the time. */
static void check(const char *answer)
{
	if (*answer != '\0' && strncmp(answer, "HTTP/1.1 ", 9) != 0)
		abort();
	if (strncmp(answer, "HTTP/1.1 500", 12) == 0 || strstr(answer, "\r\nServer:") != NULL ||
	    strstr(answer, "\r\nDate:") != NULL)
		abort();
}

static char answer[4096];

/* Reads everything, so that the server never waits for us, and keeps the beginning. */
static void *read_answers(void *ctx)
{
	int fd = *(int *)ctx;
	char more[4096];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(answer) - 1 &&
	       (n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
		len += (size_t)n;
	while (recv(fd, more, sizeof(more), 0) > 0)
		;
	answer[len] = '\0';
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct server_options o = {.handler = handler};
	pthread_t reader;
	char *end;
	int fd[2];

	if (size > SENT || socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		return -1;
	if (send(fd[0], data, size, MSG_NOSIGNAL) != (ssize_t)size ||
	    shutdown(fd[0], SHUT_WR) != 0 ||
	    pthread_create(&reader, NULL, read_answers, &fd[0]) != 0)
		abort();
	if (server_connection(fd[1], &o) != 0)
		abort();
	close(fd[1]);
	pthread_join(reader, NULL);
	/* A body may repeat the request: only the first header is looked at. */
	if ((end = strstr(answer, "\r\n\r\n")) != NULL)
		end[2] = '\0';
	check(answer);
	close(fd[0]);
	return 0;
}
