/*
 * receipt: messages that came through the mesh, of which their sender is to be told.
 *
 * A row waits until the receipt that names it was delivered; what comes once more is told once
 * more.  name: the id of that receipt.
 */
#ifndef MP_STORE_RECEIPT_H
#define MP_STORE_RECEIPT_H

#include "store/store.h"
#include "wire/wire.h"

int receipt_add(struct store *s, int64_t contact, const uint8_t id[static MESSAGE_ID]);
/* The next contact behind that row who is owed one; MP_ENONE. */
int receipt_owed(struct store *s, int64_t after, int64_t *contact);
/* Some that are in no receipt yet get this name; MP_ENONE: there are none. */
int receipt_make(struct store *s, int64_t contact, const uint8_t name[static MESSAGE_ID]);
/* The next name behind this one, which begins as zeros; MP_ENONE. */
int receipt_next(struct store *s, int64_t contact, uint8_t name[static MESSAGE_ID]);
/* What it names, n of them. */
int receipt_read(struct store *s, int64_t contact, const uint8_t name[static MESSAGE_ID],
    struct wire_receipt *r);
/* It was delivered. */
int receipt_done(struct store *s, int64_t contact, const uint8_t name[static MESSAGE_ID]);

#endif
