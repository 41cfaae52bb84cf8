/*
 * telling: contact-updates, which say where in the relay mesh we are (mp-mesh-protocol(7),
 * ADDRESSES), and receipts, which say what came from there.
 *
 * What either says is in the store, so a record of mp-due holds neither keys nor secrets.
 */
#ifndef MP_NODE_TELLING_H
#define MP_NODE_TELLING_H

#include "base/record.h"
#include "store/store.h"
#include "wire/wire.h"

struct step;

/* What is owed now, to fn (non-zero stops), counted in *n. */
int telling_due(struct store *s, int64_t now, int (*fn)(void *ctx, const struct record *rec),
    void *ctx, int64_t *n);
/*
 * The out record of a message that the store completes, under the id that it has: 1 and *rec, or 0
 * while it is under way.  What the queue gave up goes once more after a week.
 */
int telling_give(struct store *s, int64_t contact, enum wire_type t,
    const uint8_t id[static MESSAGE_ID], int64_t now, struct record *rec);
/* One that is about to be sealed gets what its record does not say. MP_EUSAGE: not owed. */
int telling_complete(struct store *s, int64_t contact, const struct record *rec, struct wire *w);
/* One of ours was delivered.  Within the caller's transaction. */
int telling_taken(
    struct store *s, int64_t contact, const char *kind, const uint8_t id[static MESSAGE_ID]);

/* The contact has it: it is in the queue no more. MP_ENONE: it was not in it. */
int telling_came(struct step *s, int64_t contact, const uint8_t id[static MESSAGE_ID]);

/* The receiver's: node/step.h. */
int telling_apply(struct step *s);

#endif
