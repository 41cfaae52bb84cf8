/* What requests do. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "chat/room.h"
#include "node/hubstate.h"

#define OPEN_PATIENCE (60 * MP_SECOND)
#define NAMES 256 /* of one request for users */

_Static_assert(
    (int)CHATD_CREATOR == (int)MEMBER_CREATOR && (int)CHATD_INVITED == (int)MEMBER_INVITED &&
        (int)CHATD_JOINED == (int)MEMBER_JOINED && (int)CHATD_DECLINED == (int)MEMBER_DECLINED,
    "the store's states are the protocol's");

/* What somebody is in a session. 0, or an error of the store. */
static int role(
    struct hub *h, enum room_role *r, struct chatd_member *m, uint64_t sid, uint64_t uid)
{
	static const enum room_role roles[] = {
	    [CHATD_CREATOR] = ROLE_CREATOR,
	    [CHATD_INVITED] = ROLE_INVITED,
	    [CHATD_JOINED] = ROLE_MEMBER,
	    [CHATD_DECLINED] = ROLE_DECLINED,
	};
	int rc = sid > INT64_MAX ? MP_ENONE : chatd_member_get(h->s, m, sid, uid);

	*r = ROLE_STRANGER;
	if (rc == 0)
		*r = roles[m->state];
	else if (rc == MP_EEXIST)
		*r = ROLE_CLOSED;
	return rc == MP_EEXIST || rc == MP_ENONE ? 0 : rc;
}

static const char *refusal(enum room_action a)
{
	return a == DO_GONE ? "closed" : a == DO_FORBID ? "not allowed" : "no such session";
}

static int answer(
    struct hub *h, struct hub_conn *c, enum frame_type type, uint64_t sid, const char *response)
{
	struct buf text = BUF_INIT(256);
	int rc = response_write(&text, response);

	if (rc == 0)
		rc = hub_tell(h, c, type, sid, 0, &text);
	buf_free(&text);
	return rc;
}

static int result(
    struct hub *h, struct hub_conn *c, uint64_t sid, const char *response, uint64_t number)
{
	struct buf text = BUF_INIT(256);
	int rc = result_write(&text, response, number);

	if (rc == 0)
		rc = hub_tell(h, c, FRAME_MSG_RES, sid, 0, &text);
	buf_free(&text);
	return rc;
}

static int add_line(void *ctx, const struct chatd_member *m)
{
	struct member_line line = {
	    .uid = m->uid, .has_key = m->has_key, .state = (enum member_state)m->state};

	strcpy(line.name, m->name);
	memcpy(line.key, m->key, 32);
	return member_write(ctx, &line);
}

static int add_room(void *ctx, const struct chatd_member *m)
{
	struct member_line line = {.uid = m->sid, .state = (enum member_state)m->state};

	strcpy(line.name, m->name);
	return member_write(ctx, &line);
}

/* The members of a session, as uid is to see it: the last message is that of another. */
static int describe(struct hub *h, struct buf *text, uint64_t sid, uint64_t uid)
{
	uint64_t last;
	int rc = chatd_last(h->s, &last, sid, uid);

	if (rc == 0 && (rc = buf_addf(text, "Session\n%" PRIu64 "\n", last)) == 0)
		rc = chatd_members(h->s, sid, add_line, text);
	return rc;
}

static int tell_room(struct hub *h, struct hub_conn *c, uint64_t sid)
{
	struct buf text = BUF_INIT(FRAME_PAYLOAD);
	int rc = describe(h, &text, sid, c->user->uid);

	if (rc == 0)
		rc = hub_tell(h, c, FRAME_STATUS_RES, sid, 0, &text);
	buf_free(&text);
	return rc;
}

static int tell_rooms(struct hub *h, struct hub_conn *c)
{
	struct buf text = BUF_INIT(FRAME_PAYLOAD);
	int rc = buf_adds(&text, "Sessions\n");

	if (rc == 0 && (rc = chatd_rooms(h->s, c->user->uid, add_room, &text)) == 0)
		rc = hub_tell(h, c, FRAME_STATUS_RES, 0, 0, &text);
	buf_free(&text);
	return rc;
}

static int tell_users(struct hub *h, struct hub_conn *c, struct line_reader *names)
{
	struct buf text = BUF_INIT(FRAME_PAYLOAD);
	struct member_line line = {.state = MEMBER_INVITED};
	struct chatd_user u;
	char name[33];
	int rc = buf_adds(&text, "Users\n");

	for (int i = 0; rc == 0 && i < NAMES && line_text(names, name, sizeof(name)); i++) {
		if ((rc = chatd_user_find(h->s, &u, name)) != 0) {
			rc = rc == MP_ENONE ? 0 : rc;
			continue;
		}
		line.uid = u.uid;
		strcpy(line.name, u.name);
		rc = member_write(&text, &line);
	}
	if (rc == 0 && names->at != names->n)
		rc = err_set(MP_EBAD, "too many names, or no names");
	if (rc == 0)
		rc = hub_tell(h, c, FRAME_STATUS_RES, 0, 0, &text);
	buf_free(&text);
	return rc;
}

/* All who follow it see who is in it now. */
static int announce(struct hub *h, uint64_t sid)
{
	struct room *room = map_get(&h->rooms, sid);
	int rc = 0;

	for (struct follower *f = room == NULL ? NULL : room->followers; rc == 0 && f != NULL;
	     f = f->next_of_room)
		rc = tell_room(h, f->conn, sid);
	return rc;
}

static int status(struct hub *h, struct hub_conn *c, const struct request *r)
{
	struct line_reader names;
	struct chatd_member m;
	enum room_action a;
	enum room_role who;
	enum wanted w;
	uint64_t after;
	int rc = want_read(&w, &after, &names, r->sid, r->payload, r->n);

	if (rc != 0)
		return rc;
	if (w == WANT_ROOMS)
		return tell_rooms(h, c);
	if (w == WANT_USERS)
		return tell_users(h, c, &names);
	if ((rc = role(h, &who, &m, r->sid, c->user->uid)) != 0)
		return rc;
	a = room_step(who, w == WANT_FOLLOW ? ROOM_FOLLOW : ROOM_STATUS);
	if (a != DO_FOLLOW && a != DO_TELL)
		return answer(h, c, FRAME_STATUS_RES, r->sid, refusal(a));
	rc = tell_room(h, c, r->sid);
	return rc == 0 && a == DO_FOLLOW ? hub_follow(h, c, r->sid, after) : rc;
}

static int message(struct hub *h, struct hub_conn *c, const struct request *r, int64_t now)
{
	struct outgoing o = {.what = OUT_MESSAGE, .type = FRAME_MSG_REQ, .sid = r->sid};
	struct buf text = BUF_INIT(FRAME_PAYLOAD);
	struct chatd_message stored;
	struct chat_message m;
	struct chatd_member own;
	enum room_role who;
	int rc = message_read(&m, false, r->payload, r->n);

	if (rc != 0 || (rc = role(h, &who, &own, r->sid, c->user->uid)) != 0)
		return rc;
	if (room_step(who, ROOM_MESSAGE) != DO_STORE)
		return result(h, c, r->sid, refusal(room_step(who, ROOM_MESSAGE)), m.number);
	if (m.number <= own.number)
		return result(h, c, r->sid, "OK", m.number);
	stored = (struct chatd_message){
	    .uid = c->user->uid, .number = m.number, .content = m.content, .n = m.n};
	if ((rc = hub_begin(h)) != 0)
		return rc;
	if ((rc = chatd_message_add(h->s, r->sid, &stored, now)) == MP_EBUSY)
		return result(h, c, r->sid, "full", m.number);
	if (rc != 0)
		return rc;
	m.seq = o.seq = stored.seq;
	o.uid = stored.uid;
	if ((rc = message_write(&text, true, &m)) == 0)
		rc = hub_queue(h, &o, text.data, text.len);
	buf_free(&text);
	return rc == 0 ? result(h, c, r->sid, "OK", m.number) : rc;
}

static int confirm(struct hub_conn *c, const struct request *r)
{
	struct follower *f = hub_following(c, r->sid);
	char response[RESPONSE_SIZE];
	uint64_t seq;
	int rc = result_read(response, &seq, r->payload, r->n);

	if (rc != 0)
		return rc;
	/* Who confirms what he was not sent confirms as much as he was sent. */
	if (f != NULL && seq > f->cursor)
		seq = f->cursor;
	if (f != NULL && seq > f->confirmed && strcmp(response, "OK") == 0) {
		f->confirmed = seq;
		f->unsaved = true;
	}
	return 0;
}

static int invite(
    struct hub *h, struct hub_conn *c, uint64_t sid, const struct init *i, int64_t now)
{
	struct opening *o = calloc(1, sizeof(*o));
	int rc = 0;

	if (o == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	*o = (struct opening){
	    .sid = sid, .conn = c, .until = now + OPEN_PATIENCE, .next = h->openings};
	h->openings = o;
	for (size_t k = 0; rc == 0 && k < i->n; k++) {
		if (map_get(&h->users, i->invited[k]) != NULL)
			o->waiting[o->n++] = i->invited[k];
		rc = hub_tell_user(h, i->invited[k], FRAME_INVITE_REQ, sid, c->user->uid, NULL);
	}
	return rc == 0 ? hub_answered(h, sid, 0) : rc;
}

static int init(struct hub *h, struct hub_conn *c, const struct request *r, int64_t now)
{
	struct init i;
	uint64_t sid;
	int rc = init_read(&i, r->payload, r->n);

	if (rc != 0 || (rc = hub_begin(h)) != 0)
		return rc;
	rc = chatd_session_new(h->s, &sid, c->user->uid, i.key, i.invited, i.n);
	if (rc == MP_ENONE || rc == MP_ELIMIT || rc == MP_EBAD)
		return answer(h, c, FRAME_INIT_RES, 0,
		    rc == MP_ENONE    ? "no such user"
		    : rc == MP_ELIMIT ? "too many sessions"
		                      : "not yourself");
	return rc == 0 ? invite(h, c, sid, &i, now) : rc;
}

static int answer_invitation(struct hub *h, struct hub_conn *c, const struct request *r)
{
	struct chatd_member m;
	enum room_action a;
	enum room_role who;
	uint8_t key[32];
	bool accept;
	int rc = answer_read(&accept, key, r->payload, r->n);

	if (rc != 0 || (rc = role(h, &who, &m, r->sid, c->user->uid)) != 0)
		return rc;
	a = room_step(who, accept ? ROOM_ACCEPT : ROOM_DENY);
	if (a != DO_JOIN && a != DO_DECLINE)
		return 0;
	if ((rc = hub_begin(h)) == 0 &&
	    (rc = chatd_member_answer(h->s, r->sid, c->user->uid, accept ? key : NULL)) == 0 &&
	    (rc = announce(h, r->sid)) == 0)
		rc = hub_answered(h, r->sid, c->user->uid);
	return rc;
}

struct telling {
	struct hub *h;
	uint64_t creator;
};

static int tell_closed(void *ctx, const struct chatd_member *m)
{
	struct telling *t = ctx;

	if (m->uid == t->creator || m->state == CHATD_DECLINED)
		return 0;
	return hub_tell_user(t->h, m->uid, FRAME_CLOSE_REQ, m->sid, t->creator, NULL);
}

static int close_room(struct hub *h, struct hub_conn *c, const struct request *r)
{
	struct telling t = {.h = h, .creator = c->user->uid};
	struct chatd_member m;
	enum room_action a;
	enum room_role who;
	int rc;

	if (r->n != 0)
		return err_set(MP_EBAD, "a close request with content");
	if ((rc = role(h, &who, &m, r->sid, c->user->uid)) != 0)
		return rc;
	a = room_step(who, ROOM_CLOSE);
	if (a != DO_CLOSE)
		return answer(h, c, FRAME_CLOSE_RES, r->sid, refusal(a));
	if ((rc = hub_begin(h)) != 0 || (rc = chatd_members(h->s, r->sid, tell_closed, &t)) != 0 ||
	    (rc = chatd_session_close(h->s, r->sid)) != 0)
		return rc;
	hub_forget_room(h, r->sid);
	h->erase = true;
	return answer(h, c, FRAME_CLOSE_RES, r->sid, "OK");
}

int hub_request(struct hub *h, struct hub_conn *c, const struct request *r, int64_t now)
{
	switch (r->action) {
	case HOST_INIT:
		return init(h, c, r, now);
	case HOST_CLOSE:
		return close_room(h, c, r);
	case HOST_MESSAGE:
		return message(h, c, r, now);
	case HOST_CONFIRM:
		return confirm(c, r);
	case HOST_ANSWER:
		return answer_invitation(h, c, r);
	case HOST_STATUS:
		return status(h, c, r);
	default:
		return MP_EBAD;
	}
}

struct inviting {
	struct hub *h;
	struct hub_conn *c;
};

static int invite_one(void *ctx, const struct chatd_member *m)
{
	struct inviting *i = ctx;

	return m->state == CHATD_INVITED
	           ? hub_tell(i->h, i->c, FRAME_INVITE_REQ, m->sid, m->uid, NULL)
	           : 0;
}

int hub_invitations(struct hub *h, struct hub_conn *c)
{
	struct inviting i = {h, c};

	return chatd_rooms(h->s, c->user->uid, invite_one, &i);
}
