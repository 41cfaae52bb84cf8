/*
 * reason: why a post failed, as a code for programs and a line for people.
 *
 * Part of client; nobody else includes it.  The lines hold nothing that a peer chose.
 */
#ifndef MP_NET_REASON_H
#define MP_NET_REASON_H

#include <curl/curl.h>
#include <stdbool.h>
#include "net/client.h"

/* Why we ourselves broke a transfer off. */
enum post_refusal {
	REFUSED_NOT,
	REFUSED_SLOW,   /* no progress */
	REFUSED_HEADER, /* header too long */
	REFUSED_LENGTH, /* body too long */
	REFUSED_TYPE,   /* a 200 that holds no envelope */
};

/* An answer came: fills status, code and reason. */
void reason_status(struct post_result *r, long status);

/*
 * None came: fills code and reason.  error is curl's own text, where the number stands that tor
 * gives with ExtendedErrors: "... (240)".
 */
void reason_error(
    struct post_result *r, CURLcode rc, enum post_refusal refusal, bool proxied, const char *error);

#endif
