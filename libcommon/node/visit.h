/*
 * visit: one relay at hand of a fetcher: what its files share.
 *
 *   fetcher.c       which relays, and pages
 *   visit_tokens.c  tokens
 *
 * The visit's row of the relay is what it was when the visit began; what is learnt goes to the
 * store by single members (store/meshserver.h).
 */
#ifndef MP_NODE_VISIT_H
#define MP_NODE_VISIT_H

#include "mesh/ack.h"
#include "mesh/retrieval.h"
#include "node/fetcher.h"
#include "node/mailbox.h"
#include "node/receiver.h"
#include "store/meshserver.h"

struct fetcher {
	struct store *s;
	const struct fetcher_options *o;
	struct client *client;
	struct mailbox *me;
	struct receiver *receiver;
	struct buf envelope;
	struct fetched *out;
	int64_t now;
};

struct visit {
	struct fetcher *f;
	struct meshserver v;
	uint8_t challenge[CHALLENGE_BYTES];
	int64_t cursor, at; /* at: when the challenge came */
	bool more, held;    /* held: something of a page could not be taken */
	bool wrong;
	char why[200];
	struct ack ack;
};

/* What is no answer ends the visit by MP_EBAD (wrong) or MP_ETEMP (away, busy). */
int visit_call(struct visit *t, const char *method, const char *path, const struct buf *body,
    int want, json_t **o);
/* MP_EBAD */
int visit_wrong(struct visit *t, const char *why);

/* Those of the days that it has not yet, as many as it keeps. */
int visit_tokens(struct visit *t);

#endif
