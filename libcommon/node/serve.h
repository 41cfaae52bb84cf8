/*
 * serve: keeps a node up: tor, socat with mp-recv behind it, the sender, and once a minute what is
 * due.  What ends is started again, first after 1 s, then 2 s ... 60 s.
 */
#ifndef MP_NODE_SERVE_H
#define MP_NODE_SERVE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/config.h"

struct serve_options {
	const char *bind;     /* ADDR:PORT; NULL: as the configuration says */
	const char *programs; /* directory where mp-recv is looked for before PATH */
	bool no_tor, verbose;
	int64_t wait;   /* ms to serve for; -1 for ever */
	int private_fd; /* a descriptor of the caller's that no child may hold open, -1 none */
	void (*say)(void *ctx, const char *line);
	/* Once, when requests are answered. */
	void (*ready)(void *ctx, const char *onion, const char *where);
	void *ctx;
};

/*
 * Until SIGTERM, SIGINT or SIGHUP, or until wait is over: 0.  MP_ENONE: the home is served already;
 * MP_EUSAGE it has no identity, or the address is none; MP_ESYS a program is missing or the address
 * cannot be had; MP_ETEMP: wait was over before requests were answered.  Single-threaded; blocks
 * those signals and SIGCHLD.
 */
int serve_run(const struct config *cfg, const struct serve_options *o);

#endif
