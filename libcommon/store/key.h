/*
 * key: what is shared with a contact, one row an epoch and role.
 */
#ifndef MP_STORE_KEY_H
#define MP_STORE_KEY_H

#include "store/keyring.h"

enum key_role { KEY_OFFER, KEY_PAIR, KEY_TEMPORARY };

struct contact_key {
	int64_t row, contact;
	int64_t epoch;
	enum key_role role;
	uint8_t cid[32], secret[32];
	bool has_send, has_recv, used;
	uint8_t send[32], recv[32];
	int64_t sealed, expires;
};

int key_add(struct store *s,
    struct contact_key *k); /* sets k->row; MP_EEXIST for the same epoch and role */
int key_by_row(struct store *s, struct contact_key *k, int64_t row);
/* The newest key of that role with a sending half. */
int key_for_sending(struct store *s, struct contact_key *k, int64_t contact, enum key_role role);
int key_get(
    struct store *s, struct contact_key *k, int64_t contact, int64_t epoch, enum key_role role);
/* The next pair's key behind that epoch; MP_ENONE. */
int key_next_pair(struct store *s, struct contact_key *k, int64_t contact, int64_t after);
int key_set_send(struct store *s, int64_t contact, int64_t epoch,
    const uint8_t send[static KEY_LEN]); /* of a pair; MP_ENONE */
/* A shared contact's pair of that epoch, new or changed; the caller rebuilds the keyring. */
int key_put_pair(struct store *s, const struct contact_key *k);
int key_set_used(struct store *s, int64_t row);
int key_remove(struct store *s, int64_t row);
/* Adds n to the count of what was sealed; MP_ELIMIT at 2^32; *warn when 2^31 was just passed. */
int key_count_sealed(struct store *s, int64_t row, int64_t n, bool *warn);
/* Offer keys past their time: gone, with the contact when it is still only offered. *n removed. */
int key_expire(struct store *s, int64_t now, int64_t *n);

#endif
