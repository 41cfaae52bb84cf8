/*
 * meshserver: the relays that we know as a client, what each is used for and what we make of it.
 *
 * A server that we post to is never one that we fetch from.  Each use has a SOCKS identity of its
 * own.
 */
#ifndef MP_STORE_MESHSERVER_H
#define MP_STORE_MESHSERVER_H

#include "crypto/onion.h"
#include "store/store.h"

#define MESHSERVERS_MAX 1000

/* Reported: it is out, and other relays have heard of it. */
enum meshrole { ROLE_NONE, ROLE_POST, ROLE_FETCH, ROLE_REPORTED };

struct meshserver {
	int64_t row;
	uint8_t onion[ONION_KEY];
	enum meshrole role;
	int64_t until; /* of the role */
	uint8_t isolation[16];
	int64_t load, asked;  /* 0 to 100, -1 unknown; when */
	int64_t wrong;        /* points for wrong answers, fewer for each right one */
	int64_t fails, retry; /* in a row; not before */
	int64_t cursor;       /* up to here its packets are ours */
	int64_t tokens;       /* the last day whose tokens it has */
};

/* MP_EEXIST; MP_ELIMIT: we know too many. */
int meshserver_add(struct store *s, const uint8_t onion[static ONION_KEY]);
int meshserver_remove(struct store *s, const uint8_t onion[static ONION_KEY]); /* MP_ENONE */
int meshserver_get(struct store *s, struct meshserver *v, const uint8_t onion[static ONION_KEY]);
/* The next one behind that row; MP_ENONE. */
int meshserver_next(struct store *s, struct meshserver *v, int64_t after);
int meshserver_update(struct store *s, const struct meshserver *v); /* one that went is no error */
/*
 * Single members, by who has asked it meanwhile and knows of the others only what they were: load
 * and asked; the cursor, when it has the same SOCKS identity still; the tokens up to that day, when
 * nothing else was said of them either.  Else the store stays as it is, and is right.
 */
int meshserver_set_load(struct store *s, const struct meshserver *v);
int meshserver_set_cursor(struct store *s, const struct meshserver *v);
int meshserver_set_tokens(struct store *s, struct meshserver *v, int64_t day); /* MP_ENONE */
/* Nobody has a role, and each gets another SOCKS identity: our address is a new one. */
int meshserver_reset(struct store *s);
/* Tokens are to be registered again. */
int meshserver_retoken(struct store *s);

#endif
