/*
 * sync: what another device of ours has to be told (store/device.h), a row each.
 *
 * Triggers of the schema add most rows: a message that came or was sent, a contact that changed.  A
 * row waits until the device-sync that names it was delivered; what changed meanwhile is in no
 * device-sync again.  What a row speaks of is read when it is sealed.
 */
#ifndef MP_STORE_SYNC_H
#define MP_STORE_SYNC_H

#include "base/record.h"
#include "store/device.h"
#include "wire/wire.h"

enum sync_what { SYNC_SELF, SYNC_CONTACT, SYNC_MESSAGE, SYNC_CAME, SYNC_ASK };

struct sync_item {
	enum sync_what what;
	int64_t row;
	uint8_t id[MESSAGE_ID]; /* of SYNC_CAME */
};

/* For one device; id NULL: none. */
int sync_add(struct store *s, int64_t device, enum sync_what what, int64_t row, const uint8_t *id);
/* For every second device. */
int sync_add_all(struct store *s, enum sync_what what, int64_t row, const uint8_t *id);
/* Everything but messages: our keys and each active contact. */
int sync_begin(struct store *s, int64_t device);
/* That device knows it: it told us. */
int sync_forget(struct store *s, int64_t device, enum sync_what what, int64_t row);

/*
 * Some rows that are in no device-sync yet get one of this name, as many as have room; its number,
 * which rises, also when an old copy of the store was put back, is the first half of the name.
 * MP_ENONE: there are none.
 */
int sync_name(struct store *s, int64_t device, uint8_t name[static MESSAGE_ID]);
/* The next name behind this one, which begins as zeros; MP_ENONE. */
int sync_next(struct store *s, int64_t device, uint8_t name[static MESSAGE_ID]);
/* What it names, contacts before messages: each to fn, which may read the store. */
int sync_each(struct store *s, int64_t device, const uint8_t name[static MESSAGE_ID],
    int (*fn)(void *ctx, const struct sync_item *item), void *ctx);
/* It was delivered. */
int sync_done(struct store *s, int64_t device, const uint8_t name[static MESSAGE_ID]);
int sync_count(struct store *s, int64_t device, int64_t *n);

/* The number in a name. */
int64_t sync_number(const uint8_t name[static MESSAGE_ID]);

/* The message of that row, as a record of its class; *contact its row, 0 none. MP_ENONE. */
int sync_message(struct store *s, int64_t seq, struct record *rec, int64_t *contact);

#endif
