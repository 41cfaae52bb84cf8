#include "otr/room.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"

/* A hello is as old as its nonce: who draws keys anew says so with a later time. */
static int draw_hello(struct otr_room *r, int64_t now)
{
	struct otr_line *l = &r->hello;
	int64_t before = l->time;
	int rc;

	otr_line_free(l);
	otr_line_init(l);
	l->type = OTR_HELLO;
	memcpy(l->room, r->cfg->room, sizeof(l->room));
	memcpy(l->server, r->cfg->server, sizeof(l->server));
	memcpy(l->nick, r->cfg->nick, sizeof(l->nick));
	memcpy(l->long_key, r->cfg->self->key, P256_PUBLIC);
	randombytes_buf(l->nonce, sizeof(l->nonce));
	l->time = now > before ? now : before + 1;
	l->life = r->cfg->life;
	if ((rc = p256_generate(r->ephemeral, l->ephemeral)) != MP_OK)
		return rc;
	return otr_member_of(&r->own, l);
}

int room_send_hello(struct otr_room *r)
{
	struct buf text = BUF_INIT(OTR_LINE_MAX);
	int rc = otr_line_write(&text, &r->hello);

	if (rc == MP_OK)
		r->cfg->sink.line(r->cfg->sink.ctx, (const char *)text.data, text.len);
	buf_free(&text);
	r->resend_at = INT64_MAX;
	return rc;
}

/* With new keys; keep: those who said hello so far stay. */
int room_gather(struct otr_room *r, bool keep, int64_t now)
{
	int rc;

	session_free(r->next);
	r->next = NULL;
	if (!keep)
		r->set.n = 0;
	if ((rc = draw_hello(r, now)) != MP_OK || (rc = roster_add(&r->set, &r->own)) < 0)
		return rc;
	for (size_t i = 0; i < r->later.n; i++)
		if ((rc = roster_add(&r->set, &r->later.m[i])) < 0 && rc != MP_ELIMIT)
			return rc;
	r->later.n = 0;
	r->gathering = true;
	r->settle_at = now + r->cfg->settle;
	return room_send_hello(r);
}

void room_spend(struct otr_room *r, const uint8_t id[static OTR_ID])
{
	memcpy(r->spent[r->nspent++ % ROOM_SPENT], id, OTR_ID);
}

static bool is_spent(const struct otr_room *r, const uint8_t id[static OTR_ID])
{
	size_t n = r->nspent < ROOM_SPENT ? r->nspent : ROOM_SPENT;

	for (size_t i = 0; i < n; i++)
		if (memcmp(r->spent[i], id, OTR_ID) == 0)
			return true;
	return false;
}

/* The first time is an accident. */
void room_strike(struct otr_room *r, const struct otr_session *s, uint64_t who, int64_t now)
{
	for (size_t i = 0; i < s->roster.n; i++) {
		const uint8_t *key = s->roster.m[i].long_key;
		struct room_strike *at = &r->strikes[0];

		if ((who >> i & 1) == 0 || i == s->self)
			continue;
		for (size_t k = 0; k < ROOM_STRIKES; k++) {
			if (memcmp(r->strikes[k].key, key, P256_PUBLIC) == 0) {
				at = &r->strikes[k];
				break;
			}
			if (r->strikes[k].count < at->count)
				at = &r->strikes[k];
		}
		if (memcmp(at->key, key, P256_PUBLIC) != 0)
			*at = (struct room_strike){.count = 0};
		memcpy(at->key, key, P256_PUBLIC);
		if (++at->count > 1)
			at->until = now + 10 * r->cfg->wait;
	}
}

bool room_refuses(const struct otr_room *r, const struct otr_member *m, int64_t now)
{
	if (r->cfg->welcome != NULL && !r->cfg->welcome(r->cfg->sink.ctx, m))
		return true;
	/* Who wants it to be over before it begins could have us begin for ever. */
	if (m->time + m->life < now + 2 * r->cfg->wait)
		return true;
	if (m->time > now + r->cfg->skew || m->time < now - r->cfg->skew || is_spent(r, m->id))
		return true;
	for (size_t k = 0; k < ROOM_STRIKES; k++)
		if (r->strikes[k].until > now &&
		    memcmp(r->strikes[k].key, m->long_key, P256_PUBLIC) == 0)
			return true;
	return false;
}

/* Into the set; 1 when it was new. */
static int add(struct otr_room *r, const struct otr_member *m)
{
	int at = roster_find_key(&r->set, m->long_key), rc;

	if (at >= 0 && r->set.m[at].time < m->time)
		room_spend(r, r->set.m[at].id);
	rc = roster_add(&r->set, m);
	return rc == MP_ELIMIT ? 0 : rc;
}

/* Somebody who is not in the set yet. */
static int newcomer(struct otr_room *r, const struct otr_member *m, int64_t now)
{
	bool was_gathering = r->gathering;
	int rc;

	if (r->next != NULL && r->drops >= ROOM_DROPS)
		return MP_OK; /* somebody floods the room; this attempt goes on with whom it has */
	if (r->next != NULL && r->next->stage == STAGE_ATTEST) {
		/* Others may use it already, and count on us. */
		rc = roster_add(&r->later, m);
		return rc == MP_ELIMIT ? MP_OK : rc < 0 ? rc : MP_OK;
	}
	if (!was_gathering && r->next == NULL && now < r->quiet_until)
		return MP_OK;
	if (!was_gathering && r->next == NULL)
		r->set.n = 0;
	if ((rc = add(r, m)) <= 0)
		return rc;
	if (!was_gathering) {
		r->drops += r->next != NULL;
		return room_gather(r, true, now);
	}
	r->settle_at = now + r->cfg->settle;
	if (r->resend_at == INT64_MAX) /* who came after our hello has not seen it */
		r->resend_at = now + r->cfg->settle / 4;
	return MP_OK;
}

int room_hello(struct otr_room *r, const struct otr_line *l, int64_t now)
{
	struct otr_member m;
	int rc;

	if (strcmp(l->room, r->cfg->room) != 0 || strcmp(l->server, r->cfg->server) != 0)
		return err_set(MP_EBAD, "hello: for another room");
	if ((rc = otr_member_of(&m, l)) != MP_OK)
		return rc;
	if (r->leaving || r->over || memcmp(m.long_key, r->cfg->self->key, P256_PUBLIC) == 0 ||
	    room_refuses(r, &m, now))
		return MP_OK;
	if ((r->gathering || r->next != NULL) && roster_find(&r->set, m.id) >= 0)
		return MP_OK;
	if (!r->gathering && r->next == NULL && r->current != NULL &&
	    roster_find(&r->current->roster, m.id) >= 0)
		return MP_OK;
	return newcomer(r, &m, now);
}
