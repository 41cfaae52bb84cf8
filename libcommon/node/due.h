/*
 * due: every `out` record that the protocols owe now, from the store's state, with stable ids:
 * asked twice, the same records come, and what is queued already is not named again.
 *   - the initial-contact of each pending contact that is not in the queue
 *   - the file-status of each transfer that owes one
 *   - what introductions and groups have to send now
 *   - the rekey or rekey-drained of each contact whose key is being renewed
 *   - the contact-update and receipts of the relay mesh, and what other devices of ours lack
 */
#ifndef MP_NODE_DUE_H
#define MP_NODE_DUE_H

#include "base/config.h"
#include "base/record.h"
#include "store/store.h"

/* fn gets each; non-zero stops. *n counts. Also expires offers and queue rows. */
int due_each(struct store *s, const struct config *cfg, int64_t now,
    int (*fn)(void *ctx, const struct record *rec), void *ctx, int64_t *n);

#endif
