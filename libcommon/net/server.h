/*
 * server: HTTP/1.1 by libmicrohttpd, for one connection that somebody accepted, or as a TLS
 * listener.
 *
 * POST / of application/octet-stream, 1 to ENVELOPE_MAX bytes, is given whole to the handler;
 * every other request is 400 (413 when too large), empty, with no Server and no Date header, so
 * that nobody learns which of our checks he failed.  What is no HTTP at all libmicrohttpd answers
 * by itself: its 4xx or 5xx and the end of the connection, by the bytes of the request alone.
 *
 * How long a connection has, so that a stranger's, whatever he does, costs him more than us: 5 s
 * without a byte before its first request has begun, TLS handshake included; 10 s from connecting
 * to the end of that request's header; then 10 s, and 1 s more for each 4 KiB, for the body; after
 * a refusal 5 s in all for a better one, with as much for each 4 KiB; and 120 s together.  Once
 * something on it was authentic (200, 204, 429): 120 s for each request, 60 s between them and
 * within them without a byte.
 *
 * A sender at 4 KiB/s, with pauses of 10 s in all, or of more when he was faster before, gets
 * the largest chunk of a file (262,172 bytes) through.
 *
 * A listener with three quarters of its places taken ends, for each newcomer, the oldest
 * connection on which nothing was authentic yet.  Further: 8 KiB of header; connections in all.
 *
 * With a router it is a REST server instead: methods and paths of a table, bodies of another type
 * and size, and the router says what was authentic, or that a connection is kept: it has the times
 * of an authentic one, and its place can be taken all the same.  All else stays the same.
 *
 * A router may put an answer off.  The request is then parked: its connection holds no thread, and
 * the router is asked again when wake_fd is readable, when the time it named is over, or when the
 * connection is to be answered now (waited is INT64_MAX).  Who parks requests has as many places as
 * any stranger, and the oldest goes first.
 */
#ifndef MP_NET_SERVER_H
#define MP_NET_SERVER_H

#include <stdbool.h>
#include "base/buf.h"

#define SERVER_FIRST_TIME 5000     /* ms without a byte on a new connection */
#define SERVER_HEADER_TIME 10000   /* ms from connecting to the end of the first header */
#define SERVER_BODY_TIME 10000     /* ms for the body, and */
#define SERVER_RATE 4096           /* for so many bytes of it 1 s more */
#define SERVER_REFUSED_TIME 5000   /* ms after a refusal */
#define SERVER_IDLE_TIME 60000     /* ms without a byte, once proven */
#define SERVER_REQUEST_TIME 120000 /* ms for a request, and for proving anything at all */

struct server_answer {
	int status;          /* 200 (reply sent), 204, 400, 413, 429, 503 */
	int64_t retry_after; /* s, with 429 and 503 */
	struct buf reply;    /* with 200 */
	/* By a router: */
	bool proven;   /* this came from somebody who may keep his connection */
	bool kept;     /* and he may as long as there is room */
	int64_t later; /* ms: no answer yet */
};

/* Called with a whole body; may be called by several threads at once (thread: 0..threads-1). */
typedef void server_handler(
    void *ctx, unsigned thread, const uint8_t *body, size_t len, struct server_answer *answer);

struct server_route {
	const char *method, *path;
	bool body; /* comes with one */
};

struct server_request {
	const struct server_route *route;
	const char *bearer; /* of "Authorization: Bearer X", or NULL */
	int64_t waited;     /* ms since it was whole; INT64_MAX: it is answered now */
	const uint8_t *body;
	size_t len;
};

typedef void server_router(
    void *ctx, unsigned thread, const struct server_request *request, struct server_answer *answer);

struct server_options {
	server_handler *handler;
	void *ctx;
	unsigned threads;     /* listener: 1..16 */
	unsigned connections; /* listener: at once */
	/* Listener: for TLS 1.3; NULL: plain (a test, or TLS ends before us). */
	const char *cert_pem, *key_pem;
	int64_t request_time; /* ms for a whole request; 0: SERVER_REQUEST_TIME */
	/* In place of handler. */
	server_router *router;
	const struct server_route *routes;
	size_t n_routes;
	const char *media_type; /* of bodies and replies */
	size_t body_max;
	int wake_fd; /* readable, and drained by us: ask what is parked again; 0: nothing is parked
	              */
};

/* Serves the connection on the socket fd until it ends: 0; MP_EUSAGE when fd is no socket. */
int server_connection(int fd, const struct server_options *o);

/*
 * Listens until stop_fd is readable; requests under way are finished.  where: "ADDR:PORT"
 * ("[::1]:0", port 0: any) or "fd:N" for a socket that listens already.  ready(ctx, "ADDR:PORT") is
 * called once connections are accepted.
 */
int server_listen(const char *where, const struct server_options *o, int stop_fd,
    void (*ready)(void *ctx, const char *where));

#endif
