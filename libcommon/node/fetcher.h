/*
 * fetcher: what waits at the relays, into the store (mp-mesh(1), fetch).
 *
 * Each packet is opened and handed to receiver_take(); only what is in the store, or will never be,
 * is acknowledged.  What two relays had arrives once.  For what came a receipt is owed.
 */
#ifndef MP_NODE_FETCHER_H
#define MP_NODE_FETCHER_H

#include "base/config.h"
#include "store/store.h"

struct fetcher_options {
	int64_t timeout; /* ms for one request */
	/* One relay, drawn by lot, and one page of it, in requests and an answer whose sizes do not
	 * tell whether there was anything (mp-mesh(1), cover). */
	bool slot;
	void (*problem)(void *ctx, const char *line); /* what a person should know; never NULL */
	void (*away)(void *ctx, const char *line);    /* a relay that does not answer; or NULL */
	void *ctx;
};

struct fetched {
	int64_t news;    /* messages that were not here before */
	int64_t later;   /* left at the relay: no room here */
	unsigned relays; /* that answered */
};

/* Asks each relay that we fetch from, and further ones until RELAYS_FETCH have answered; in a slot
 * one. MP_ETEMP: none answers. */
int fetcher_run(struct fetched *out, struct store *s, const struct config *cfg,
    const struct fetcher_options *o);

#endif
