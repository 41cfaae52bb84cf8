/*
 * guest: the client's end of a connection, without I/O (mp-chat-protocol(7), STATES).
 *
 * Frames in, events out.  What the state does not allow, or what is not authentic, is MP_EBAD: the
 * caller closes the connection and says nothing to the server.
 */
#ifndef MP_CHAT_GUEST_H
#define MP_CHAT_GUEST_H

#include "chat/frame.h"
#include "chat/login.h"
#include "crypto/serverkey.h"

enum guest_state {
	GUEST_LOGGING_IN,
	GUEST_READY,
	GUEST_OPENING, /* waits for an init_res */
	GUEST_CLOSING, /* waits for a close_res */
	GUEST_STATES
};

enum guest_event {
	GUEST_REFUSE, /* close */
	GUEST_LOGGED_IN,
	GUEST_OPENED,  /* init_res */
	GUEST_CLOSED,  /* close_req from the server: the creator closed the room */
	GUEST_ENDED,   /* close_res */
	GUEST_MESSAGE, /* msg_req */
	GUEST_RESULT,  /* msg_res */
	GUEST_INVITED, /* invite_req */
	GUEST_STATUS,  /* status_res */
};

struct guest_step {
	enum guest_event event;
	enum guest_state next;
};

struct guest_step guest_step(enum guest_state state, enum frame_type type);

struct guest;

struct heard {
	enum guest_event event;
	uint64_t sid, uid;
	const uint8_t *payload; /* valid until the next call */
	size_t n;
};

/* Appends the login to out. now: ms. */
int guest_login(struct guest **out_guest, struct buf *out, const struct serverkey *key,
    const char *name, const char *password, int64_t now);
void guest_free(struct guest *c);
enum guest_state guest_state(const struct guest *c);
uint64_t guest_uid(const struct guest *c); /* ours, after GUEST_LOGGED_IN */

int guest_take(struct guest *c, struct heard *e, const uint8_t *frame, size_t size);

/* Appends a frame.  One init or close at a time: MP_EUSAGE when it cannot be sent in this state. */
int guest_send(struct guest *c, struct buf *out, enum frame_type type, uint64_t sid,
    const void *payload, size_t n);

#endif
