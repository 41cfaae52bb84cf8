/*
 * poster: sealed records from a descriptor to the relay mesh, at once and without the outbox
 * (mp-mesh(1), post).
 */
#ifndef MP_NODE_POSTER_H
#define MP_NODE_POSTER_H

#include "base/record.h"
#include "store/store.h"

struct poster_options {
	int input;
	const char *input_name;
	int64_t timeout; /* ms for one relay */
	/* What became of each record: class sent or failed; ref code; body reason. */
	int (*report)(void *ctx, const struct record *rec);
	void (*problem)(void *ctx, const char *line);
	void *ctx;
};

/* *status: 0 all were taken by a relay, 1 empty input, 100 a record is bad, 111 some were not. */
int poster_run(struct store *s, const struct poster_options *o, int *status);

#endif
