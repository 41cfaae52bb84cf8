/*
 * typed: what a person or a program says into a session: records, or lines, as they come.
 *
 * Never blocks for the rest of a line, so that what others say is heard meanwhile.  Of records only
 * class `out` is taken; every other class is copied on, unchanged.
 */
#ifndef MP_NODE_TYPED_H
#define MP_NODE_TYPED_H

#include <stdbool.h>
#include "base/record.h"

struct typed {
	bool lines, skipping;
	uint64_t sid;
	struct buf b;
	struct record rec;
	unsigned long number;
	int status; /* the worst of what was wrong with single ones */
};

void typed_init(struct typed *t, bool lines, uint64_t sid);
void typed_free(struct typed *t);

/* Reads standard input once. *end at its end. take: MP_ELIMIT costs that message only. */
int typed_read(struct typed *t, int (*take)(void *ctx, struct record *rec), void *ctx, bool *end);

#endif
