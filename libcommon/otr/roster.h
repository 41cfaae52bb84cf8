/*
 * roster: the members of a session, sorted by id, and the session id that they have in common.
 *
 * A member is what its hello said; its id is the first 16 bytes of the hello's hash, so an id
 * commits to nickname, nonce, both keys, room and server.  The session id is the hash of all of
 * them.  No two members have one long-term key.  Plain values, nothing to free.
 */
#ifndef MP_OTR_ROSTER_H
#define MP_OTR_ROSTER_H

#include "otr/line.h"

struct otr_member {
	uint8_t id[OTR_ID];
	char nick[OTR_NICK];
	uint8_t nonce[32];
	uint8_t long_key[P256_PUBLIC], ephemeral[P256_PUBLIC];
	int64_t time, life;
};

struct otr_roster {
	size_t n;
	struct otr_member m[OTR_MEMBERS];
};

/* MP_EBAD when a key of it is no point. */
int otr_member_of(struct otr_member *m, const struct otr_line *hello);

/* The member's place, or -1. */
int roster_find(const struct otr_roster *r, const uint8_t id[static OTR_ID]);
int roster_find_key(const struct otr_roster *r, const uint8_t long_key[static P256_PUBLIC]);

/* 1 when it was added or took the place of an older one with its long-term key; 0 when not;
 * MP_ELIMIT. */
int roster_add(struct otr_roster *r, const struct otr_member *m);
void roster_remove(struct otr_roster *r, size_t i);

/* The earliest end that a member allows. */
int64_t roster_expiry(const struct otr_roster *r);

int roster_sid(
    uint8_t sid[static OTR_SID], const struct otr_roster *r, const char *room, const char *server);

/* What people compare: 40 hexadecimal digits of the key's hash in groups of four, and the short
 * form. */
#define OTR_FINGERPRINT 50
#define OTR_SHORT 17
int otr_fingerprint(char out[static OTR_FINGERPRINT], const uint8_t long_key[static P256_PUBLIC]);
int otr_short(char out[static OTR_SHORT], const uint8_t long_key[static P256_PUBLIC]);

#endif
