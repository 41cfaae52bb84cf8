/*
 * hubstate: what the files of the hub share, and nobody else includes.
 *
 * Invariants: a struct user is in h->users as long as it has a connection, a struct room in
 * h->rooms as long as somebody follows it.  h->out holds what leaves after the commit, in order.
 */
#ifndef MP_NODE_HUBSTATE_H
#define MP_NODE_HUBSTATE_H

#include "base/map.h"
#include "chat/host.h"
#include "chat/payload.h"
#include "node/hub.h"

struct follower {
	struct hub_conn *conn;
	struct room *room;
	uint64_t cursor; /* the last message that was sent */
	uint64_t confirmed;
	bool lagging; /* gets what is behind cursor from the store, nothing live */
	bool unsaved; /* confirmed is not in the store yet */
	struct follower *next_of_conn, *next_of_room;
};

struct room {
	uint64_t sid;
	struct follower *followers;
};

struct user {
	uint64_t uid;
	struct hub_conn *conns;
};

struct hub_conn {
	void *owner;
	struct host *host;
	struct user *user;  /* NULL before the login's end */
	uint64_t candidate; /* whose password is being compared, 0 nobody's */
	struct follower *following;
	size_t follows;
	bool dropped, pulling;
	struct hub_conn *next_of_user;
	struct hub_conn *next, **back; /* of all */
};

/* An init request that is not answered yet. */
struct opening {
	uint64_t sid;
	struct hub_conn *conn;
	int64_t until;
	size_t n;
	uint64_t waiting[ROOM_INVITED]; /* online, and silent so far */
	struct opening *next;
};

struct outgoing {
	enum { OUT_FRAME, OUT_ADMIT, OUT_MESSAGE } what;
	struct hub_conn *conn; /* NULL: gone meanwhile, or OUT_MESSAGE */
	enum frame_type type;
	uint64_t sid, uid, seq;
	size_t at, n; /* its payload in h->payload */
};

struct hub {
	struct store *s;
	const struct serverkey *key;
	struct hub_ops ops;
	void *ctx;
	int64_t expires, next_expiry, next_look, version;
	char nobody[CHATD_PASSWORD]; /* compared with where there is no such user */
	struct map users, rooms;
	struct hub_conn *conns;
	struct opening *openings;
	struct outgoing *out;
	size_t n_out, room_out;
	struct buf payload, frame;
	bool erase; /* a session was closed: the store's copies go, too */
	bool pull;  /* somebody is lagging */
};

/* The transaction that hub_flush() ends. */
int hub_begin(struct hub *h);

int hub_queue(struct hub *h, const struct outgoing *o, const void *payload, size_t n);
/* A frame to one; a frame to each connection of a user. */
int hub_tell(struct hub *h, struct hub_conn *c, enum frame_type type, uint64_t sid, uint64_t uid,
    const struct buf *text);
int hub_tell_user(struct hub *h, uint64_t to, enum frame_type type, uint64_t sid, uint64_t uid,
    const struct buf *text);

int hub_request(struct hub *h, struct hub_conn *c, const struct request *r, int64_t now);
/* After the login: what waits for an answer of his. */
int hub_invitations(struct hub *h, struct hub_conn *c);

/* He answered, or is gone: an init request may have waited for that. */
int hub_answered(struct hub *h, uint64_t sid, uint64_t uid);
int hub_open_timeouts(struct hub *h, int64_t now);

int hub_follow(struct hub *h, struct hub_conn *c, uint64_t sid, uint64_t after);
void hub_unfollow(struct hub *h, struct hub_conn *c);
/* Nobody follows sid any more: it is closed. */
void hub_forget_room(struct hub *h, uint64_t sid);
struct follower *hub_following(struct hub_conn *c, uint64_t sid);
/* What is confirmed goes to the store: of one connection, or NULL of all. */
int hub_save(struct hub *h, struct hub_conn *c);

void hub_drop(struct hub *h, struct hub_conn *c);

#endif
