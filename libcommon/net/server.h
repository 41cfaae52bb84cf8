/*
 * server: HTTP/1.1 by libmicrohttpd, for one connection that somebody accepted, or as a TLS
 * listener.
 *
 * POST / of application/octet-stream, 1 to ENVELOPE_MAX bytes, is given whole to the handler;
 * every other request is 400 (413 when too large), empty, with no Server and no Date header, so
 * that nobody learns which of our checks he failed.  What is no HTTP at all libmicrohttpd answers
 * by itself: its 4xx or 5xx and the end of the connection, by the bytes of the request alone.
 *
 * Limits: 5 s for the first line of a request on a new connection, handshake included, before a
 * pause; 60 s idle on a kept one; SERVER_REQUEST_TIME for a whole request, and for connecting,
 * whatever trickles in; 8 KiB of header; connections in all.
 */
#ifndef MP_NET_SERVER_H
#define MP_NET_SERVER_H

#include "base/buf.h"

#define SERVER_REQUEST_TIME 120000 /* ms for one request, from its first line to its answer */

struct server_answer {
	int status;          /* 200 (reply sent), 204, 400, 413, 429, 503 */
	int64_t retry_after; /* s, with 429 and 503 */
	struct buf reply;    /* application/octet-stream, with 200 */
};

/* Called with a whole body; may be called by several threads at once (thread: 0..threads-1). */
typedef void server_handler(
    void *ctx, unsigned thread, const uint8_t *body, size_t len, struct server_answer *answer);

struct server_options {
	server_handler *handler;
	void *ctx;
	unsigned threads;     /* listener: 1..16 */
	unsigned connections; /* listener: at once */
	/* Listener: for TLS 1.3; NULL: plain (a test, or TLS ends before us). */
	const char *cert_pem, *key_pem;
	int64_t request_time; /* ms for a whole request; 0: SERVER_REQUEST_TIME */
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
