/*
 * owed: what flows have to send, each with the id that it is sent under (mp-store(5)).
 */
#ifndef MP_STORE_OWED_H
#define MP_STORE_OWED_H

#include "store/store.h"

struct owed {
	int64_t contact, flow;
	uint8_t id[16];
	char kind[40];
	int64_t serial, at;
};

int owed_add(struct store *s, const struct owed *o);
/* MP_ENONE. */
int owed_get(struct store *s, struct owed *o, int64_t contact, const uint8_t id[static 16]);
int owed_set_at(struct store *s, const struct owed *o);
int owed_remove(struct store *s, const struct owed *o);
/* Of one flow; or of all flows, what is due and no mail of a blocked contact. fn may change rows.
 */
int owed_of(struct store *s, int64_t flow, int (*fn)(void *ctx, const struct owed *o), void *ctx);
int owed_due(struct store *s, int64_t now, int (*fn)(void *ctx, const struct owed *o), void *ctx);

#endif
