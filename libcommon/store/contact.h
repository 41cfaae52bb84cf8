/*
 * contact: who we know, and the keys shared with them.
 *
 * Every function that changes a receiving key, a block or a contact's life rewrites the
 * packed keyring in the same transaction.
 */
#ifndef MP_STORE_CONTACT_H
#define MP_STORE_CONTACT_H

#include "store/key.h"
#include "store/store.h"

/* Temporary: introduced to us, of whom nothing but the making of a contact is taken. */
enum contact_state { CONTACT_OFFERED, CONTACT_PENDING, CONTACT_ACTIVE, CONTACT_TEMPORARY };

struct contact {
	int64_t row;
	char name[33];
	enum contact_state state;
	bool blocked, verified, has_onion, has_greeting;
	uint8_t onion[32];
	uint8_t greeting[16];  /* id of our initial-contact while pending */
	uint8_t isolation[16]; /* its own SOCKS user name */
	char introducer[33];   /* "" none */
	char nickname[65];     /* the peer's own word, "" none; UTF-8, untrusted */
	int64_t created, seen; /* seen: last authentic message, 0 never */
};

/* Inserts; MP_EEXIST when the name is taken. Sets c->row, isolation and created. */
int contact_add(struct store *s, struct contact *c, int64_t now);
int contact_get(
    struct store *s, struct contact *c, const char *name); /* MP_ENONE: "no contact 'x'" */
int contact_by_row(struct store *s, struct contact *c, int64_t row);
/* Not a temporary one. */
int contact_by_onion(struct store *s, struct contact *c, const uint8_t onion[static 32]);
/* In order of name; fn returns non-zero to stop, which is handed back. */
int contact_each(struct store *s, int (*fn)(void *ctx, const struct contact *c), void *ctx);
int contact_rename(struct store *s, const char *from, const char *to);
int contact_remove(struct store *s, int64_t row); /* and all that hangs on it; then store_erase() */
int contact_set_blocked(struct store *s, int64_t row, bool blocked);
int contact_set_verified(struct store *s, int64_t row, bool verified);
int contact_set_seen(struct store *s, int64_t row, int64_t now); /* at most once a minute on disk */
/* Offered to active: the peer's address and word for himself. */
int contact_activate(
    struct store *s, int64_t row, const uint8_t onion[static 32], const char *nickname);
/* Pending to active; forgets greeting and the offer key. MP_ENONE when it is not pending. */
int contact_confirm(struct store *s, int64_t row);
/* Temporary to active; forget: its temporary key goes.  Again is harmless. */
int contact_solidify(struct store *s, int64_t row, bool forget);
/* Name, onion, blocked, verified and nickname as in *c, which is active: for a shared one
 * (store/device.h), whose keyring the caller rebuilds. MP_EEXIST: the name is taken. */
int contact_replace(struct store *s, const struct contact *c);
int contact_picture_set(
    struct store *s, int64_t row, const void *data, size_t len); /* len 0 removes */
int contact_picture_get(struct store *s, int64_t row, struct buf *out);

#endif
