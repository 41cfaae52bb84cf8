/*
 * content: what members say to each other, and the server cannot read (mp-chat-protocol(7),
 * CONTENT).
 *
 *   01 | epoch 4 | E 32 | n 2 | n x (uid 8, key 32, length 1, name, wrapped key 48) | signature 64
 *   02 | epoch 4 | iv 12 | ciphertext | tag 16 | signature 64
 *
 * 01 comes from the creator: a new session key for the members it lists.  02 is a text under the
 * session key.  Both are signed with the sender's Ed25519 key over the session, sender and number
 * that they are sent with, so that none can be moved; the number is the place in the sender's own
 * order.
 */
#ifndef MP_CHAT_CONTENT_H
#define MP_CHAT_CONTENT_H

#include <stdbool.h>
#include "base/buf.h"

#define CONTENT_TEXT 61440u /* bytes of a text, at most */
#define CONTENT_MEMBERS 256

/* Who speaks, where: what a signature speaks of besides the bytes. */
struct content_place {
	uint64_t sid, uid, number;
};

struct content_member {
	uint64_t uid;
	char name[33];
	uint8_t key[32]; /* Ed25519 */
};

struct content_roster {
	uint32_t epoch;
	size_t n;
	struct content_member member[CONTENT_MEMBERS];
	bool opened; /* the key was for us */
};

enum { CONTENT_KEY = 1, CONTENT_SPOKEN = 2 };

/* CONTENT_KEY, CONTENT_SPOKEN or MP_EBAD; and the epoch. */
int content_kind(uint32_t *epoch, const uint8_t *p, size_t n);

/* secret: the Ed25519 key in libsodium's 64-byte form. */
int content_key_seal(struct buf *out, const struct content_place *at,
    const uint8_t secret[static 64], const struct content_roster *r,
    const uint8_t session[static 32]);

/*
 * creator: whose signature is wanted; own: our uid and key.  session is set when the roster has us
 * (r->opened).  MP_EBAD for a wrong signature, form, double entry or a key for us that does not
 * open.
 */
int content_key_open(struct content_roster *r, uint8_t session[static 32],
    const struct content_place *at, const uint8_t creator[static 32], uint64_t own,
    const uint8_t secret[static 64], const uint8_t *p, size_t n);

struct content_text {
	uint8_t id[16];
	int64_t time; /* ms */
	const uint8_t *text;
	size_t n;
};

int content_text_seal(struct buf *out, const struct content_place *at,
    const uint8_t secret[static 64], uint32_t epoch, const uint8_t session[static 32],
    const struct content_text *t);

/* t->text points into plain. */
int content_text_open(struct content_text *t, struct buf *plain, const struct content_place *at,
    const uint8_t sender[static 32], const uint8_t session[static 32], const uint8_t *p, size_t n);

/* What two members compare: of one Ed25519 key. */
void content_fingerprint(char out[static 40], const uint8_t key[static 32]);

#endif
