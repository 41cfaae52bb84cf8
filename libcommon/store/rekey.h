/*
 * rekey: where a contact's renewal of the key stands, one row a contact whose key was ever renewed
 * or is being renewed (the fields of mariposa/rekey.h; the keys themselves are in the key table).
 *
 * A row is open while something of it is under way: then rekey_open() finds it.
 */
#ifndef MP_STORE_REKEY_H
#define MP_STORE_REKEY_H

#include "store/key.h"

struct rekey {
	int64_t contact, epoch, since;
	int64_t made; /* our half */
	/* When it was last owed anew after it had been set aside; negative: another one is wanted
	 * when it is over. */
	int64_t tried;
	bool has_own, acked, has_peer, old, owing, warned;
	bool has_secret, has_send;
	uint8_t id[16], own[32], secret[32], peer[32], answers[16], drained[16];
	uint8_t send[32]; /* of the next epoch, until we seal under it */
};

int rekey_get(struct store *s, struct rekey *r, int64_t contact); /* MP_ENONE */
int rekey_put(struct store *s, const struct rekey *r);            /* replaces */

/* The next contact by row, above `after`, whose row is open; MP_ENONE. */
int rekey_open(struct store *s, int64_t after, int64_t *contact);

/*
 * The next active contact above `after` who is not blocked, of whose rekey nothing is under way,
 * and whose key is from `before` or earlier (0: any age is good) or has sealed `count` (0: any
 * number is), or of whom another one is wanted. MP_ENONE.
 */
int rekey_wanted(struct store *s, int64_t after, int64_t before, int64_t count, int64_t *contact);

/*
 * Is anything of ours under way that may be sealed under the key from before `since`?  A message
 * sealed then and not delivered, mail queued then, a file begun then, a second device that does not
 * know the new key.  1, 0 or MP_E*.
 */
int rekey_under_way(struct store *s, int64_t contact, int64_t since);

#endif
