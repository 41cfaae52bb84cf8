/*
 * host: the server's end of one connection, without I/O (mp-chat-protocol(7), STATES).
 *
 * Bytes in, requests out; whatever is not exactly what the state allows is MP_EBAD, upon which the
 * caller closes the connection and says nothing.  What a request does to rooms is chat/room.h.
 */
#ifndef MP_CHAT_HOST_H
#define MP_CHAT_HOST_H

#include "chat/frame.h"
#include "chat/login.h"
#include "crypto/serverkey.h"

enum host_state {
	HOST_FRESH,    /* nothing but a login */
	HOST_CHECKING, /* the password is being looked at */
	HOST_READY,
	HOST_OPENING, /* an init request is not answered yet */
	HOST_STATES
};

enum host_action {
	HOST_REFUSE, /* close, silently */
	HOST_LOGIN,
	HOST_INIT,
	HOST_CLOSE,
	HOST_MESSAGE,
	HOST_CONFIRM, /* messages up to a number have arrived */
	HOST_ANSWER,  /* to an invitation */
	HOST_STATUS,
};

struct host_step {
	enum host_action action;
	enum host_state next;
};

struct host_step host_step(enum host_state state, enum frame_type type);

struct host; /* one connection */

struct request {
	enum host_action action;
	uint64_t sid;
	struct login login;     /* HOST_LOGIN; the caller wipes it */
	const uint8_t *payload; /* else; valid until the next call */
	size_t n;
};

struct host *host_new(void); /* NULL: out of memory */
void host_free(struct host *s);
enum host_state host_state(const struct host *s);
uint64_t host_uid(const struct host *s); /* 0 before the login's end */

/* One whole frame.  now: ms, for the login's time. */
int host_take(struct host *s, struct request *r, const struct serverkey *key, int64_t now,
    const uint8_t *frame, size_t size);

/* The hash that tells this login from every other, for who keeps the list of those seen. */
const uint8_t *host_login_hash(const struct host *s);

/* The password was right: appends the login's answer and changes the keys. */
int host_admit(struct host *s, struct buf *out, uint64_t uid);

/* Appends a frame; an init_res ends HOST_OPENING. */
int host_send(struct host *s, struct buf *out, enum frame_type type, uint64_t sid, uint64_t uid,
    const void *payload, size_t n);

#endif
