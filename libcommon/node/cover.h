/*
 * cover: posts and fetches of the relay mesh at times that tell nothing (mp-mesh(1), cover).
 *
 * Two streams of slots, each a process of its own, each at exponential times: when the next slot is
 * was drawn before anybody looked what waits.  In a slot one record that waits for it is posted, or
 * a fake; or one relay is fetched from.  Killed at any point nothing is lost: a record is carried
 * once a relay took it, and goes again when that was not noted.
 */
#ifndef MP_NODE_COVER_H
#define MP_NODE_COVER_H

#include <stdbool.h>
#include "base/config.h"

struct cover_options {
	int64_t slots; /* of each stream, 0 no end */
	bool verbose;  /* what became of each */
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

/*
 * Until SIGINT or SIGTERM, or until the slots are over: 0, and *status is EXIT_DONE or why a stream
 * could not go on, which was said.  MP_EUSAGE: no stream has a setting; MP_ENONE: there are no
 * keys; MP_EEXIST: it runs already.  Single-threaded; opens stores of its own; blocks those
 * signals.
 */
int cover_run(const struct config *cfg, const struct cover_options *o, int *status);

/* In this home, now. */
bool cover_runs(void);
/* For a person, of a record that waits for a slot: whether cover runs in this home. */
const char *cover_waits(void);

/* When the slot behind the one at `at` is, ms; `late` when we came to that only then. */
int64_t cover_next(int64_t at, int64_t mean, int64_t late);

#endif
