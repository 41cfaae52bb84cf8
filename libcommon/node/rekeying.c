#include "node/rekeying.h"

#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "node/step.h"
#include "store/queue.h"

/* The two halves of what the store has of it: the machine's, and what only we need. */
static void from_row(struct rekeying *k, const struct rekey *r)
{
	k->epoch = r->epoch;
	k->since = r->since;
	k->has_own = r->has_own;
	k->acked = r->acked;
	k->has_peer = r->has_peer;
	k->made = r->made;
	k->old = r->old;
	k->owing = r->owing;
	k->warned = r->warned;
	memcpy(k->own, r->own, sizeof(k->own));
	memcpy(k->peer, r->peer, sizeof(k->peer));
	memcpy(k->secret, r->secret, sizeof(k->secret));
	memcpy(k->id, r->id, sizeof(k->id));
	memcpy(k->answers, r->answers, sizeof(k->answers));
	memcpy(k->drained, r->drained, sizeof(k->drained));
}

static void to_row(struct rekey *r, const struct rekeying *k)
{
	r->epoch = k->epoch;
	r->since = k->since;
	r->has_own = k->has_own;
	r->acked = k->acked;
	r->has_peer = k->has_peer;
	r->made = k->made;
	r->old = k->old;
	r->owing = k->owing;
	r->warned = k->warned;
	memcpy(r->own, k->own, sizeof(r->own));
	memcpy(r->peer, k->peer, sizeof(r->peer));
	memcpy(r->secret, k->secret, sizeof(r->secret));
	memcpy(r->id, k->id, sizeof(r->id));
	memcpy(r->answers, k->answers, sizeof(r->answers));
	memcpy(r->drained, k->drained, sizeof(r->drained));
	r->has_secret = k->has_own && !sodium_is_zero(k->secret, sizeof(k->secret));
}

/* The key of a contact that never renewed it is as old as the contact. */
static int first_epoch(struct store *s, const struct contact *c, struct rekey_work *w)
{
	int rc = key_for_sending(s, &w->key, c->row, KEY_PAIR);

	w->row.contact = c->row;
	w->row.epoch = w->key.epoch;
	w->row.since = c->created;
	return rc;
}

struct rekey_work *rekeying_load(struct store *s, const struct contact *c, int *rc)
{
	struct rekey_work *w = secret_alloc(sizeof(*w));

	*rc = rekey_get(s, &w->row, c->row);
	if (*rc == MP_ENONE)
		*rc = first_epoch(s, c, w);
	from_row(&w->k, &w->row);
	return w;
}

int rekeying_save(struct store *s, struct rekey_work *w)
{
	to_row(&w->row, &w->k);
	return rekey_put(s, &w->row);
}

/*
 * The time is read here, with the write lock held: what was sealed under the old key was stored
 * before, and nothing can be after.
 */
struct rekey_step rekeying_step(
    struct rekey_work *w, enum rekey_event event, const struct rekey_offer *o)
{
	uint8_t random[REKEY_RANDOM];
	struct rekey_step m;

	randombytes_buf(random, sizeof(random));
	m = rekey_apply(&w->k, event, o, random, clock_now());
	sodium_memzero(random, sizeof(random));
	return m;
}

int rekeying_drop(struct store *s, struct rekey_work *w, int64_t epoch)
{
	int rc = key_get(s, &w->key, w->row.contact, epoch, KEY_PAIR);

	if (rc == 0)
		rc = key_remove(s, w->key.row);
	return rc == MP_ENONE ? 0 : rc;
}

/*
 * From now on we seal under the key that the row has ready.  Our half is not owed any more, and
 * must not keep the old key from draining when the other end cannot be reached.
 */
static int switch_key(struct store *s, struct rekey_work *w)
{
	int rc = key_set_send(s, w->row.contact, w->k.epoch, w->row.send);

	w->row.has_send = false;
	sodium_memzero(w->row.send, sizeof(w->row.send));
	if (rc == 0)
		rc = queue_cancel(s, w->k.id);
	return rc != 0 && rc != MP_ENONE ? rc : rekeying_save(s, w);
}

/* An event that only moves the machine. */
static int move(struct store *s, const struct contact *c, enum rekey_event event)
{
	struct rekey_step m;
	int rc;
	struct rekey_work *w = rekeying_load(s, c, &rc);

	if (rc == 0) {
		m = rekeying_step(w, event, NULL);
		if (m.action == REKEY_SWITCH)
			rc = switch_key(s, w);
		else if (m.action == REKEY_NOTE || m.action == REKEY_MARK)
			rc = rekeying_save(s, w);
	}
	secret_free(w);
	return rc;
}

int rekeying_heard(struct step *s)
{
	int rc = move(s->store, &s->contact, REKEY_HEARD);

	return rc != 0 ? rc : key_by_row(s->store, s->key, s->key->row);
}

int rekeying_taken(struct store *s, int64_t contact, const uint8_t id[static MESSAGE_ID])
{
	struct rekey *r = secret_alloc(sizeof(*r));
	struct contact c = {.row = contact};
	int rc = rekey_get(s, r, contact);

	if (rc == 0 && r->has_own && memcmp(r->id, id, MESSAGE_ID) == 0)
		rc = move(s, &c, REKEY_ACKED);
	else if (rc == 0 && r->owing && memcmp(r->drained, id, MESSAGE_ID) == 0)
		rc = move(s, &c, REKEY_NOTED);
	secret_free(r);
	return rc == MP_ENONE ? 0 : rc;
}

int rekeying_about(struct store *s, const struct contact *c, int64_t *epoch, int64_t *since)
{
	int rc;
	struct rekey_work *w = rekeying_load(s, c, &rc);

	*epoch = w->k.epoch;
	*since = w->k.since;
	secret_free(w);
	return rc;
}

/* The seed, for the pair of keys that a half from the other end makes; only a half needs it. */
int rekeying_prepare(struct step *s)
{
	if (s->w->type != WIRE_REKEY)
		return 0;
	if (kdf_rekey_check(s->w->u.rekey.key) != 0)
		return step_refuse(s);
	return identity_load(&s->self);
}

void rekeying_settle(struct step *s)
{
	identity_free(s->self);
	s->self = NULL;
}

/* Sealed under the key of the question: one who has gone back to it can read no other. */
static int reply(struct step *s, struct wire *w)
{
	struct buf header = BUF_INIT(ENVELOPE_MAX);
	bool warn;
	int rc;

	if (s->via != VIA_REQUEST || !s->key->has_send)
		return step_take(s);
	w->time = s->now;
	w->reply = true;
	memcpy(w->re, s->w->id, MESSAGE_ID);
	if ((rc = wire_encode(&header, w)) == 0 &&
	    (rc = envelope_seal(
	         &s->out->reply, s->key->send, s->key->cid, header.data, header.len, NULL, 0)) == 0)
		rc = key_count_sealed(s->store, s->key->row, 1, &warn);
	buf_free(&header);
	s->out->status = RECEIVED_REPLY;
	return rc;
}

/* The same message as the one that is owed, so that the other end can say which one it answers. */
static int reply_half(struct step *s, const struct rekeying *k)
{
	struct wire w = {.type = WIRE_REKEY};

	memcpy(w.id, k->id, sizeof(w.id));
	w.u.rekey.epoch = s->w->u.rekey.epoch;
	memcpy(w.u.rekey.key, k->own, sizeof(k->own));
	return reply(s, &w);
}

/* A half that cannot be ours or theirs: as a rule one end has gone back to an old backup. */
static int warn(struct step *s, struct rekey_work *w, bool again)
{
	json_t *o;
	int rc;

	if (again)
		return step_refuse(s);
	o = json_object();
	json_object_set_new(o, "epoch", json_integer(s->w->u.rekey.epoch));
	if ((rc = step_event(s, "rekey-refused", o)) != 0 || (rc = rekeying_save(s->store, w)) != 0)
		return rc;
	return step_refuse(s);
}

/* The key of the next epoch from the one at hand; open at once, sealed under with `sealing`. */
static int add_key(struct step *s, struct rekey_work *w, int64_t epoch, bool sealing)
{
	struct contact_key *k = &w->key;
	uint8_t *key = secret_alloc(KEY_LEN);
	int rc = key_get(s->store, k, s->contact.row, epoch - 1, KEY_PAIR);

	if (rc == 0 && (rc = rekey_derive(&w->k, key, epoch, k->secret, k->cid)) == 0)
		rc = kdf_pair(w->row.send, k->recv, s->self, s->contact.onion, key, k->cid);
	if (rc == 0) {
		memcpy(k->secret, key, KEY_LEN);
		memcpy(k->send, w->row.send, KEY_LEN);
		k->epoch = epoch;
		k->sealed = 0;
		k->has_send = false;
		k->has_recv = w->row.has_send = true;
		rc = key_add(s->store, k);
	}
	secret_free(key);
	if (rc == 0 && sealing)
		return switch_key(s->store, w);
	return rc != 0 ? rc : rekeying_save(s->store, w);
}

/* A half that is new to us. */
static int take_half(struct step *s, struct rekey_work *w, struct rekey_step m, int64_t epoch)
{
	int rc = 0;

	s->fresh = true;
	w->row.tried = s->now;
	if (m.action == REKEY_RENEW)
		rc = rekeying_drop(s->store, w, epoch - 2);
	if (rc == 0)
		rc = add_key(s, w, epoch, m.action == REKEY_JOIN);
	if (rc != 0)
		return rc;
	return m.action == REKEY_JOIN ? step_take(s) : reply_half(s, &w->k);
}

static int apply_half(struct step *s, struct rekey_work *w)
{
	const struct wire_rekey *f = &s->w->u.rekey;
	const struct rekey_offer o = {.epoch = f->epoch,
	    .under = s->key->epoch,
	    .key = f->key,
	    .id = s->w->id,
	    .re = s->w->reply ? s->w->re : NULL};
	bool warned = w->k.warned;
	struct rekey_step m = rekeying_step(w, rekey_offered(&w->k, &o), &o);
	int rc;

	step_heard(s);
	switch (m.action) {
	case REKEY_REPLY:
	case REKEY_STORE:
	case REKEY_JOIN:
	case REKEY_RENEW:
		return take_half(s, w, m, f->epoch);
	case REKEY_SWITCH:
		s->fresh = true;
		rc = switch_key(s->store, w);
		return rc != 0 ? rc : step_take(s);
	case REKEY_REPEAT:
		s->out->repeated = true;
		return reply_half(s, &w->k);
	case REKEY_WARN:
		return warn(s, w, warned);
	case REKEY_REFUSE:
		return step_refuse(s);
	default:
		s->out->repeated = true;
		return step_take(s);
	}
}

/* Where we have drained, too, the answer says so: the other end may be one who cannot be reached.
 */
static int reply_drained(struct step *s, const struct rekeying *k)
{
	struct wire w = {.type = WIRE_REKEY_DRAINED};
	int under_way = 0;

	if (s->w->u.rekey.epoch != k->epoch - 1)
		return step_take(s);
	if (k->owing)
		under_way = rekey_under_way(s->store, s->contact.row, k->since);
	if (under_way < 0)
		return under_way;
	if (k->owing && !rekey_owes_drained(k, under_way, s->now))
		return step_take(s);
	randombytes_buf(w.id, sizeof(w.id));
	w.u.rekey.epoch = k->epoch - 1;
	return reply(s, &w);
}

static int apply_drained(struct step *s, struct rekey_work *w)
{
	int64_t epoch = s->w->u.rekey.epoch;
	struct rekey_step m = rekeying_step(w, rekey_drained(&w->k, epoch, s->key->epoch), NULL);
	int rc = 0;

	step_heard(s);
	if (m.action == REKEY_REFUSE)
		return step_refuse(s);
	if (m.action == REKEY_DROP) {
		s->fresh = true;
		if ((rc = rekeying_drop(s->store, w, epoch)) == 0)
			rc = rekeying_save(s->store, w);
	}
	s->out->repeated = m.action != REKEY_DROP;
	return rc != 0 ? rc : reply_drained(s, &w->k);
}

int rekeying_apply(struct step *s)
{
	int rc;
	struct rekey_work *w = rekeying_load(s->store, &s->contact, &rc);

	if (rc == 0)
		rc = s->w->type == WIRE_REKEY ? apply_half(s, w) : apply_drained(s, w);
	secret_free(w);
	return rc;
}
