/*
 * slots: what is done in one slot of cover's (node/cover.h): post one packet, or fetch one page.
 *
 * A relay that does not answer, or answers wrongly, costs the slot and no more; it is said once,
 * and again when something else is.  What slot() returns is our own trouble: the stream ends.
 */
#ifndef MP_NODE_SLOTS_H
#define MP_NODE_SLOTS_H

#include "node/cover.h"

struct slots {
	const char *name;
	int (*open)(void **state, const struct config *cfg, const struct cover_options *o);
	int (*slot)(void *state);
	void (*close)(void *state); /* NULL is allowed */
};

extern const struct slots slots_post, slots_fetch;

#endif
