/*
 * online: waiting until this node answers: a TLS request to our own listener, held to our own key,
 * must be answered by our own mp-recv, and with tor our descriptor must have been uploaded.
 *
 * Runs in a process of its own (it blocks), which mp-serve ends by a signal.
 */
#ifndef MP_NODE_ONLINE_H
#define MP_NODE_ONLINE_H

#include <stdbool.h>
#include "base/config.h"
#include "node/station.h"

enum online_tor { ONLINE_NO_TOR, ONLINE_OWN_TOR, ONLINE_SYSTEM_TOR };

struct online {
	const struct config *cfg;
	const struct station *station;
	enum online_tor tor;
	bool verbose;
	void (*say)(void *ctx, const char *line);
	void *ctx;
	int up; /* a byte is written here, once, when all of it holds */
};

/*
 * Returns 0 once the node is online, and lets everything that waits in the queue be tried at once.
 * With the system's tor the onion service lives as long as our connection to its control port: then
 * it only returns when that ends, with MP_ETEMP.
 */
int online_run(const struct online *o);

#endif
