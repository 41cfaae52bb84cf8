/*
 * letterbox: what a contact and we know of each other's place in the relay mesh, a row a contact.
 *
 * `ours` is the secret of the tokens that we register for him; he gets it with our address.  The
 * rest of the second half is his, as his last contact-update said.
 */
#ifndef MP_STORE_LETTERBOX_H
#define MP_STORE_LETTERBOX_H

#include <stdbool.h>
#include "crypto/onion.h"
#include "crypto/rsa.h"
#include "store/store.h"

#define LETTERBOX_RELAYS 8

struct letterbox {
	int64_t contact;
	bool has_ours;
	uint8_t ours[32];
	int64_t told;    /* the version of meshself that he has, 0 none */
	int64_t telling; /* the one that `id` tells him, 0 none */
	uint8_t id[16];

	bool has_theirs;
	int64_t time; /* of his update: an older one changes nothing */
	uint8_t address[RSA_DER], encryption[RSA_DER], theirs[32];
	size_t n;
	uint8_t relay[LETTERBOX_RELAYS][ONION_KEY];
	int64_t day, used; /* of his tokens */
};

/* MP_ENONE, and *b empty but for the contact. */
int letterbox_get(struct store *s, struct letterbox *b, int64_t contact);
int letterbox_put(struct store *s, const struct letterbox *b);
/* The number of his next token of that day, counted. */
int letterbox_token(struct store *s, int64_t contact, int64_t day, int64_t *i);
/* The next active contact behind that row who lacks that version, but none that another device
 * shares with us; MP_ENONE. */
int letterbox_untold(struct store *s, int64_t after, int64_t version, int64_t *contact);
/* The next one to whom tokens were given; MP_ENONE. */
int letterbox_ours(struct store *s, struct letterbox *b, int64_t after);
int letterbox_count(struct store *s, int64_t *n); /* of those */

#endif
