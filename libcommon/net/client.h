/*
 * client: HTTPS posts of envelopes to onion addresses, many at once (libcurl's multi interface).
 *
 * Every route is TLS 1.3 with the server's key pinned to the key inside the onion address; no CA
 * and no name is ever consulted.  Through SOCKS (socks5h: the proxy resolves) with a user name of
 * its own for each contact, or directly for an address that the routes file names.  Nothing else is
 * ever connected to. Connections are kept for the next post.  One client belongs to one thread.
 */
#ifndef MP_NET_CLIENT_H
#define MP_NET_CLIENT_H

#include <poll.h>
#include <stdbool.h>
#include "base/buf.h"
#include "crypto/onion.h"

struct client;

struct client_options {
	const char *socks; /* "HOST:PORT" or "unix:PATH"; NULL: as client_socks() finds it */
	const char
	    *routes; /* routes file; NULL: as MP_ROUTES or $MP_HOME/routes says; absent is empty */
	int64_t timeout;        /* ms without progress of the request, then for the whole answer */
	int64_t connect;        /* ms for connecting, handshake included (Tor: 60 s is sensible) */
	const char *media_type; /* of requests and their answers; NULL: of envelopes */
	size_t body_max;        /* bytes of each; 0: ENVELOPE_MAX */
};

/* The proxy by MP_SOCKS, else $MP_HOME/run/socks when it is there, else 127.0.0.1:9050. Numeric
 * HOST or unix:PATH only. */
int client_socks(char *out, size_t size);
/* The same for curl; the caller free()s it. NULL: out of memory. */
struct addr;
char *client_proxy_url(const struct addr *a);

int client_new(struct client **out, const struct client_options *o);
void client_free(struct client *c);

struct post_result {
	void *tag;
	int status;    /* HTTP status, 0 when there was no answer */
	char code[16]; /* "204", or "connect", "timeout", "proxy", "pin", "tls", "reply", "tor" */
	char reason[160];    /* one line for a person */
	int64_t retry_after; /* ms from Retry-After, at most a day; 0 none */
	int64_t elapsed;     /* ms */
	struct buf reply;    /* body of a 200; a longer one than it may be is an error "reply" */
};

/* Starts a post of an envelope; data must live until its result. isolation: 16 bytes, the SOCKS
 * user name in hex.
 */
int client_post(struct client *c, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const void *data, size_t len, void *tag);
/*
 * The same by another method and path; without data when len is 0.  alone: on a connection of its
 * own, so that the server cannot tell by it who asked before.
 */
int client_request(struct client *c, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const char *method, const char *path, const void *data,
    size_t len, bool alone, void *tag);
size_t client_active(const struct client *c);

/*
 * Works for up to timeout ms or until a result is there or one of the n extra descriptors is ready
 * (revents filled).  1 and *r (the caller frees r->reply), 0 none yet, or MP_E*.
 */
int client_poll(
    struct client *c, struct post_result *r, struct pollfd *extra, unsigned n, int64_t timeout);

/* Abandons a post that has not answered yet; its result never comes. */
void client_cancel(struct client *c, void *tag);

#endif
