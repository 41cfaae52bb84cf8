/* Connections, and what leaves after the commit. */
#include "node/hub.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "node/hubstate.h"
#include "node/warden.h"

#define PAYLOAD ((size_t)64 << 20)
#define EARLY ((size_t)4 << 20) /* of payload, that is not let wait for the end of the round */
#define PULL 64                 /* messages a round to who lags behind */

int hub_new(struct hub **out, struct store *s, const struct serverkey *key,
    const struct hub_ops *ops, void *ctx, int64_t expires)
{
	struct hub *h = calloc(1, sizeof(*h));
	char password[33];
	uint8_t noise[16];
	int rc;

	*out = NULL;
	if (h == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	*h = (struct hub){.s = s, .key = key, .ops = *ops, .ctx = ctx, .expires = expires};
	h->payload.max = PAYLOAD;
	h->frame.max = (size_t)1 << 17;
	randombytes_buf(noise, sizeof(noise));
	hex_encode(password, noise, sizeof(noise));
	if ((rc = warden_hash(h->nobody, password)) != 0) {
		hub_free(h);
		return rc;
	}
	chatd_changed(s, &h->version);
	*out = h;
	return 0;
}

void hub_free(struct hub *h)
{
	if (h == NULL)
		return;
	while (h->conns != NULL)
		hub_leave(h, h->conns);
	map_free(&h->users);
	map_free(&h->rooms);
	buf_free(&h->payload);
	buf_free(&h->frame);
	free(h->out);
	free(h);
}

int hub_join(struct hub *h, struct hub_conn **out, void *owner)
{
	struct hub_conn *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (c == NULL || (c->host = host_new()) == NULL) {
		free(c);
		return err_set(MP_ENOMEM, "out of memory");
	}
	c->owner = owner;
	c->next = h->conns;
	c->back = &h->conns;
	if (c->next != NULL)
		c->next->back = &c->next;
	h->conns = c;
	*out = c;
	return 0;
}

static void leave_user(struct hub *h, struct hub_conn *c)
{
	struct user *u = c->user;
	struct hub_conn **at = &u->conns;

	while (*at != c)
		at = &(*at)->next_of_user;
	*at = c->next_of_user;
	c->user = NULL;
	if (u->conns != NULL)
		return;
	hub_answered(h, 0, u->uid);
	map_remove(&h->users, u->uid);
	free(u);
}

void hub_leave(struct hub *h, struct hub_conn *c)
{
	hub_save(h, c);
	hub_unfollow(h, c);
	for (size_t i = 0; i < h->n_out; i++)
		if (h->out[i].conn == c)
			h->out[i].conn = NULL;
	/* The session stays: the creator finds it in the list of his sessions. */
	for (struct opening **at = &h->openings; *at != NULL;) {
		struct opening *o = *at;

		if (o->conn == c) {
			*at = o->next;
			free(o);
		} else {
			at = &o->next;
		}
	}
	if (c->user != NULL)
		leave_user(h, c);
	*c->back = c->next;
	if (c->next != NULL)
		c->next->back = c->back;
	host_free(c->host);
	free(c);
}

bool hub_logged_in(const struct hub_conn *c)
{
	return c->user != NULL;
}

void hub_drop(struct hub *h, struct hub_conn *c)
{
	if (!c->dropped)
		h->ops.drop(c->owner);
	c->dropped = true;
}

int hub_begin(struct hub *h)
{
	return store_in_transaction(h->s) ? 0 : store_begin(h->s);
}

int hub_queue(struct hub *h, const struct outgoing *o, const void *payload, size_t n)
{
	int rc;

	if (h->n_out == h->room_out) {
		size_t more = h->room_out == 0 ? 64 : 2 * h->room_out;
		struct outgoing *p = reallocarray(h->out, more, sizeof(*p));

		if (p == NULL)
			return err_set(MP_ENOMEM, "out of memory");
		h->out = p;
		h->room_out = more;
	}
	if (n > 0 && (rc = buf_add(&h->payload, payload, n)) != 0)
		return rc;
	h->out[h->n_out] = *o;
	h->out[h->n_out].at = h->payload.len - n;
	h->out[h->n_out++].n = n;
	h->ops.wake(h->ctx);
	return 0;
}

int hub_tell(struct hub *h, struct hub_conn *c, enum frame_type type, uint64_t sid, uint64_t uid,
    const struct buf *text)
{
	struct outgoing o = {.what = OUT_FRAME, .conn = c, .type = type, .sid = sid, .uid = uid};

	return hub_queue(h, &o, text == NULL ? NULL : text->data, text == NULL ? 0 : text->len);
}

int hub_tell_user(struct hub *h, uint64_t to, enum frame_type type, uint64_t sid, uint64_t uid,
    const struct buf *text)
{
	struct user *u = map_get(&h->users, to);
	int rc = 0;

	for (struct hub_conn *c = u == NULL ? NULL : u->conns; rc == 0 && c != NULL;
	     c = c->next_of_user)
		rc = hub_tell(h, c, type, sid, uid, text);
	return rc;
}

static int login(struct hub *h, struct hub_conn *c, struct login *l)
{
	struct chatd_user u;
	int rc = chatd_user_find(h->s, &u, l->name);

	c->candidate = 0;
	if (rc == 0)
		c->candidate = u.uid;
	else if (rc == MP_ENONE)
		rc = 0;
	/* A name that is not there takes as long. */
	if (rc == 0)
		rc = h->ops.verify(
		    c->owner, l->name, c->candidate != 0 ? u.password : h->nobody, l->password);
	secret_wipe(l, sizeof(*l));
	return rc;
}

int hub_take(
    struct hub *h, struct hub_conn *c, const uint8_t *data, size_t n, size_t *used, int64_t now)
{
	struct request r;
	size_t size;
	int rc = 0;

	*used = 0;
	if (c->dropped)
		return MP_EBAD;
	while (rc == 0 && (rc = frame_next(data + *used, n - *used, &size)) == 1) {
		if ((rc = host_take(c->host, &r, h->key, now, data + *used, size)) == 0)
			rc = r.action == HOST_LOGIN ? login(h, c, &r.login)
			                            : hub_request(h, c, &r, now);
		*used += size;
		if (rc == 0 && h->payload.len > EARLY)
			rc = hub_flush(h);
		if (rc == 0 && h->ops.waiting(c->owner) > HUB_ENOUGH)
			return 0;
	}
	return rc;
}

static void add_to_user(struct hub *h, struct user *u, struct hub_conn *c)
{
	struct hub_conn *oldest = NULL;
	size_t n = 0;

	for (struct hub_conn *o = u->conns; o != NULL; o = o->next_of_user)
		if (!o->dropped) {
			oldest = o;
			n++;
		}
	if (n >= HUB_USER)
		hub_drop(h, oldest);
	c->user = u;
	c->next_of_user = u->conns;
	u->conns = c;
}

static int enter(struct hub *h, struct hub_conn *c, int64_t now)
{
	struct outgoing o = {.what = OUT_ADMIT, .conn = c};
	struct user *u = map_get(&h->users, c->candidate);
	int rc = hub_begin(h);

	if (rc != 0 || (rc = chatd_user_exists(h->s, c->candidate)) != 0 ||
	    (rc = chatd_login_once(h->s, host_login_hash(c->host), now, now + 2 * LOGIN_SKEW)) != 0)
		return rc;
	if (u == NULL) {
		if ((u = calloc(1, sizeof(*u))) == NULL)
			return err_set(MP_ENOMEM, "out of memory");
		u->uid = c->candidate;
		if ((rc = map_put(&h->users, u->uid, u)) != 0) {
			free(u);
			return rc;
		}
	}
	add_to_user(h, u, c);
	o.uid = u->uid;
	rc = hub_queue(h, &o, NULL, 0);
	return rc == 0 ? hub_invitations(h, c) : rc;
}

void hub_verified(struct hub *h, struct hub_conn *c, bool right, int64_t now)
{
	if (!right || c->candidate == 0 || enter(h, c, now) != 0)
		hub_drop(h, c);
}

/* To one connection, now. */
static int emit(struct hub *h, struct hub_conn *c, const struct outgoing *o, const uint8_t *payload)
{
	int rc;

	if (c == NULL || c->dropped)
		return 0;
	/* What is told unasked goes on while nobody reads. */
	if (h->ops.waiting(c->owner) > HUB_MOST) {
		hub_drop(h, c);
		return 0;
	}
	buf_clear(&h->frame);
	if (o->what == OUT_ADMIT)
		rc = host_admit(c->host, &h->frame, o->uid);
	else
		rc = host_send(c->host, &h->frame, o->type, o->sid, o->uid, payload, o->n);
	if (rc == 0)
		h->ops.write(c->owner, h->frame.data, h->frame.len);
	else
		hub_drop(h, c);
	return rc;
}

static void spread(struct hub *h, const struct outgoing *o, const uint8_t *payload)
{
	struct room *room = map_get(&h->rooms, o->sid);

	for (struct follower *f = room == NULL ? NULL : room->followers; f != NULL;
	     f = f->next_of_room) {
		if (f->lagging || f->conn->dropped || f->conn->user->uid == o->uid)
			continue;
		if (h->ops.waiting(f->conn->owner) >= HUB_HIGH) {
			f->lagging = true;
			continue;
		}
		if (emit(h, f->conn, o, payload) == 0)
			f->cursor = o->seq;
	}
}

struct pull {
	struct hub *h;
	struct follower *f;
	int n;
};

static int pull_one(void *ctx, const struct chatd_message *m)
{
	struct pull *p = ctx;
	struct outgoing o = {
	    .what = OUT_FRAME, .type = FRAME_MSG_REQ, .sid = p->f->room->sid, .uid = m->uid};
	struct chat_message msg = {
	    .seq = m->seq, .number = m->number, .content = m->content, .n = m->n};
	struct buf text = BUF_INIT(FRAME_PAYLOAD);
	int rc = message_write(&text, true, &msg);

	o.n = text.len;
	if (rc == 0)
		rc = emit(p->h, p->f->conn, &o, text.data);
	buf_free(&text);
	p->f->cursor = m->seq;
	p->n++;
	return rc != 0 ? rc : p->h->ops.waiting(p->f->conn->owner) >= HUB_HIGH;
}

/* True when there is more for it, and room for more. */
static bool pull(struct hub *h, struct follower *f)
{
	struct pull p = {.h = h, .f = f};
	int rc;

	if (f->conn->dropped || h->ops.waiting(f->conn->owner) >= HUB_HIGH)
		return false;
	rc = chatd_messages(h->s, f->room->sid, f->conn->user->uid, f->cursor, PULL, pull_one, &p);
	if (rc < 0) {
		hub_drop(h, f->conn);
		return false;
	}
	if (rc == 0 && p.n < PULL)
		f->lagging = false;
	return rc == 0 && f->lagging;
}

static void pull_all(struct hub *h)
{
	bool more = false;

	h->pull = false;
	for (struct hub_conn *c = h->conns; c != NULL; c = c->next) {
		if (!c->pulling)
			continue;
		c->pulling = false;
		for (struct follower *f = c->following; f != NULL; f = f->next_of_conn)
			if (f->lagging && pull(h, f))
				c->pulling = true;
		more |= c->pulling;
	}
	if (more) {
		h->pull = true;
		h->ops.wake(h->ctx);
	}
}

void hub_drained(struct hub *h, struct hub_conn *c)
{
	for (struct follower *f = c->following; f != NULL; f = f->next_of_conn)
		c->pulling |= f->lagging;
	if (c->pulling) {
		h->pull = true;
		h->ops.wake(h->ctx);
	}
}

/* The store has gone back: everybody comes again and asks anew. */
static int give_up(struct hub *h, int rc)
{
	err_print(rc);
	h->n_out = 0;
	buf_clear(&h->payload);
	for (struct hub_conn *c = h->conns; c != NULL; c = c->next)
		hub_drop(h, c);
	return rc;
}

int hub_flush(struct hub *h)
{
	int rc = store_in_transaction(h->s) ? store_commit(h->s) : 0;

	if (rc != 0)
		return give_up(h, rc);
	for (size_t i = 0; i < h->n_out; i++) {
		const struct outgoing *o = &h->out[i];
		const uint8_t *payload = o->n == 0 ? NULL : h->payload.data + o->at;

		if (o->what == OUT_MESSAGE)
			spread(h, o, payload);
		else
			emit(h, o->conn, o, payload);
	}
	h->n_out = 0;
	buf_clear(&h->payload);
	if (h->pull)
		pull_all(h);
	return 0;
}

/* An administrator's change in another process: who is no user any more is shown the door. */
static void look_for_changes(struct hub *h)
{
	if (!chatd_changed(h->s, &h->version))
		return;
	for (struct hub_conn *c = h->conns; c != NULL; c = c->next)
		if (c->user != NULL && chatd_user_exists(h->s, c->user->uid) == MP_ENONE)
			hub_drop(h, c);
}

int hub_tick(struct hub *h, int64_t now)
{
	int rc = hub_save(h, NULL);

	if (rc == 0)
		rc = hub_open_timeouts(h, now);
	if (rc == 0 && now >= h->next_expiry) {
		h->next_expiry = now + MP_HOUR;
		if ((rc = hub_begin(h)) == 0)
			rc = chatd_expire(h->s, now - h->expires);
	}
	if (rc != 0)
		return give_up(h, rc);
	if ((rc = hub_flush(h)) != 0)
		return rc;
	if (now >= h->next_look) {
		h->next_look = now + 2 * MP_SECOND;
		look_for_changes(h);
	}
	/* Busy for now, it is tried again by the next tick. */
	if (h->erase && store_erase(h->s) == 0)
		h->erase = false;
	return 0;
}
