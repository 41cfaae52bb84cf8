/*
 * member: what each child of mp-serve does, in a process of its own.  Each returns an exit status,
 * or has become another program; why it fails it says itself.
 */
#ifndef MP_NODE_MEMBER_H
#define MP_NODE_MEMBER_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/config.h"
#include "node/online.h"
#include "node/station.h"

/* Made by the parent before the first child; the same for all of them. */
struct member {
	const struct config *cfg;
	struct station station;
	enum online_tor tor;
	bool verbose;
	pid_t parent;
	int stop[2];   /* a byte: the sender is to finish */
	int outbox[2]; /* sealed records for the sender, from the process that finds what is due */
	int up[2];     /* a byte: we are online */
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

__attribute__((format(printf, 2, 3))) void member_sayf(
    const struct member *m, const char *fmt, ...);

/* For struct child: ctx is the struct member. */
int member_tor(void *ctx);      /* a tor of our own */
int member_listener(void *ctx); /* socat, and behind it mp-recv */
int member_online(void *ctx);   /* waits until requests are answered, then writes to up */
int member_sender(void *ctx);   /* the outbox, for ever */
int member_due(void *ctx);      /* mp-due | mp-seal, once */
int member_fetch(void *ctx);    /* mp-mesh fetch, once; EXIT_NO without keys of the mesh */
int member_cover(void *ctx);    /* mp-mesh cover; EXIT_NO without keys, or when it runs already */

#endif
