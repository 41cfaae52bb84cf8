/*
 * syncing: device-syncs, by which the homes of one person tell each other what they do not see
 * themselves (mp-mesh-protocol(7), DEVICES).
 *
 *   syncing.c          what is owed to another device, and what a device-sync says
 *   syncing_take.c     what is made of one that came: messages
 *   syncing_contact.c  ... contacts and keys
 *
 * The first device tells all: keys, contacts, messages.  A second one tells its messages.  What was
 * told by a device is not told to it again, but to the others.
 */
#ifndef MP_NODE_SYNCING_H
#define MP_NODE_SYNCING_H

#include "base/json.h"
#include "base/record.h"
#include "store/store.h"
#include "wire/wire.h"

struct step;

/* What is owed now, to fn (non-zero stops), counted in *n. */
int syncing_due(struct store *s, int64_t now, int (*fn)(void *ctx, const struct record *rec),
    void *ctx, int64_t *n);
/* The body of the one of this id, appended. MP_EUSAGE: not owed. */
int syncing_complete(
    struct store *s, int64_t device, const uint8_t id[static MESSAGE_ID], struct buf *body);
/* One of ours was delivered.  Within the caller's transaction. */
int syncing_taken(struct store *s, int64_t device, const uint8_t id[static MESSAGE_ID]);

/* The receiver's: node/step.h. */
int syncing_apply(struct step *s);

/* Wipes every text in it, too. */
void syncing_json_free(json_t *o);

/* Between the files.  An item of a device-sync of number n, within the step's transaction. */
int syncing_take_self(struct step *s, const json_t *o, int64_t n);
int syncing_take_contact(struct step *s, const json_t *o, int64_t n);
int syncing_take_gone(struct step *s, const json_t *o, int64_t n);
int syncing_bad(const char *what); /* MP_EBAD */
/* base64 of a secret to an empty buffer. */
int syncing_secret(const json_t *o, const char *key, struct buf *out);

#endif
