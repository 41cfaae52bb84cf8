/*
 * meshbook: the relays that we know: added by a person, or learnt from those (mp-mesh(1)).
 */
#ifndef MP_NODE_MESHBOOK_H
#define MP_NODE_MESHBOOK_H

#include "store/store.h"

struct client;

#define MESHBOOK_LEARN 32 /* new ones from one relay or contact */

/* Each relay that we know says which others it knows; *n new ones.  problem: one that does not. */
int meshbook_learn(struct store *s, struct client *c, int64_t *n,
    void (*problem)(void *ctx, const char *line), void *ctx);
/* Where a contact fetches. */
int meshbook_learn_from(struct store *s, const char *contact, int64_t *n);
/* Asks each relay how busy it is; *n of them are known. */
int meshbook_load(struct store *s, struct client *c, int64_t *n,
    void (*problem)(void *ctx, const char *line), void *ctx);

#endif
