/*
 * chatroom: one session as a member sees it: who is in it, which key counts, what a message says
 * (mp-chat-protocol(7), CONTENT).
 *
 * Works on the account's store, in the caller's transaction; sends nothing itself.
 */
#ifndef MP_NODE_CHATROOM_H
#define MP_NODE_CHATROOM_H

#include <stdio.h>
#include "chat/content.h"
#include "chat/payload.h"
#include "store/chat.h"

struct chatroom {
	struct store *s;
	uint64_t sid, own, creator;
	char name[33];      /* ours */
	uint8_t secret[64]; /* Ed25519, libsodium's form */
	bool verified_only, json;
	bool stop; /* a key is not the one that it must be: nothing more is said here */
	FILE *out; /* records go here; NULL: nowhere */
	struct chat_room state;
	uint64_t last; /* the last message of another that the server has */
	enum member_state role;
	struct buf plain;
};

/* seed: our Ed25519 key.  own, the uid, is the caller's to set before anything is heard. */
int chatroom_open(struct chatroom *r, struct store *s, uint64_t sid, const char *name,
    const uint8_t seed[static 32]);
void chatroom_close(struct chatroom *r);

/*
 * A status_res about the session: keys are remembered and compared; as the creator makes a new
 * session key when somebody has joined, into the outbox.  MP_EBAD: a key has changed, or an
 * unverified member where only verified ones are wanted; MP_ENONE: no such session, closed, or not
 * ours to follow.
 */
int chatroom_status(struct chatroom *r, const uint8_t *p, size_t n);

/* A message of another, printed; what is not authentic is told as an event, and passed over. */
int chatroom_hear(struct chatroom *r, uint64_t from, const struct chat_message *m);

/* The content of one of the outbox, ready to be sent. */
int chatroom_speak(struct chatroom *r, struct buf *out, const struct chat_outgoing *o);

/* One record about the session. */
int chatroom_event(struct chatroom *r, const char *kind, const char *name, const char *body);

#endif
