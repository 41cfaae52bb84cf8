/*
 * post: one request on its way: a curl handle, how it is set up and what it has met.
 *
 * Part of client; nobody else includes it.
 */
#ifndef MP_NET_POST_H
#define MP_NET_POST_H

#include <curl/curl.h>
#include <stdbool.h>
#include "net/addr.h"
#include "net/client.h"
#include "net/reason.h"
#include "net/routes.h"

#define POST_MEDIA_TYPE "application/octet-stream"

struct client {
	CURLM *multi;
	struct curl_slist *headers, *envelope_headers;
	struct routes *routes;
	struct addr socks;
	char *proxy; /* the same as curl writes it */
	struct post *posts;
	size_t active;
	int64_t timeout, connect;
	const char *media_type; /* of requests; a post has an envelope's */
	size_t body_max;
};

struct post {
	struct post *next;
	struct client *client;
	CURL *easy;
	struct addr allowed; /* the only address that a socket may be opened to */
	bool proxied;
	int64_t began, progress; /* progress 0: not connected yet */
	curl_off_t moved;
	size_t header, discarded;
	enum post_refusal refusal;
	char error[CURL_ERROR_SIZE];
	void *tag;
	const char *method, *path; /* literals */
	const char *media_type;
	size_t body_max;
	struct curl_slist *headers;
	bool alone;
	struct buf reply;
};

/* Sets up p->easy for one request with data, which must live as long as the handle works. */
int post_configure(struct post *p, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const void *data, size_t len);

/* Whether the answer says that it is one. */
bool post_is_envelope(const struct post *p);

#endif
