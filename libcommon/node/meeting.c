#include "node/meeting.h"

#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/identity.h"
#include "wire/wire.h"
#include "store/traces.h"

static int check_name(const char *name)
{
	if (text_name_ok(name))
		return MP_OK;
	return err_set(MP_EUSAGE,
	    "bad name '%.80s': up to 32 of a-z, 0-9, '.', '_' and '-', a letter or digit first",
	    name);
}

static int set_name(struct contact *c, const char *name)
{
	int r = check_name(name);

	memset(c, 0, sizeof(*c));
	if (r == MP_OK)
		memcpy(c->name, name, strlen(name) + 1);
	return r;
}

/* Offers past their time give their names back. */
static int expire_offers(struct store *s, int64_t now)
{
	int64_t n = 0;
	int r = key_expire(s, now, &n);

	return r == MP_OK ? traces_erase(s) : r;
}

/* What must not be swapped out or dumped, in one block of the arena. */
struct secrets {
	struct card card;
	struct contact_key offer, pair;
};

static void take_card(struct contact_key *k, enum key_role role, const struct card *d)
{
	k->role = role;
	if (role == KEY_OFFER)
		k->expires = d->expires;
	memcpy(k->cid, d->id, sizeof(k->cid));
	memcpy(k->secret, d->key, sizeof(k->secret));
}

static int store_offer(struct store *s, struct contact *c, struct contact_key *k, int64_t now)
{
	int r = store_begin(s);

	if (r == MP_OK)
		r = contact_add(s, c, now);
	k->contact = c->row;
	if (r == MP_OK)
		r = key_add(s, k);
	if (r == MP_OK)
		r = store_commit(s);
	if (r != MP_OK)
		store_rollback(s);
	return r;
}

int meeting_offer(
    struct store *s, const char *name, int64_t now, int64_t expires, char card[static CARD_TEXT])
{
	struct secrets *m = secret_alloc(sizeof(*m));
	struct contact_key *k = &m->offer;
	struct contact c;
	int r = set_name(&c, name);

	if (r != MP_OK || (r = identity_public(m->card.onion)) != MP_OK ||
	    (r = expire_offers(s, now)) != MP_OK)
		goto out;
	c.state = CONTACT_OFFERED;
	randombytes_buf(m->card.id, sizeof(m->card.id));
	randombytes_buf(m->card.key, sizeof(m->card.key));
	m->card.expires = expires / MP_SECOND * MP_SECOND;
	take_card(k, KEY_OFFER, &m->card);
	k->has_recv = true;
	if ((r = kdf_offer(k->recv, m->card.key, m->card.id, m->card.onion)) == MP_OK)
		r = store_offer(s, &c, k, now);
	if (r == MP_OK)
		card_encode(card, &m->card);
out:
	secret_free(m);
	return r;
}

/*
 * A card names its offerer's address, so whoever is known by that address was
 * met before: with this card, or with another.
 */
static int check_known(struct store *s, const struct card *d)
{
	static const enum key_role roles[] = {KEY_OFFER, KEY_PAIR};
	struct contact_key *k = secret_alloc(sizeof(*k));
	struct contact c;
	int r = contact_by_onion(s, &c, d->onion);
	bool known = r == MP_OK, same = false;

	for (size_t i = 0; known && !same && i < 2; i++) {
		r = key_for_sending(s, k, c.row, roles[i]);
		if (r != MP_OK && r != MP_ENONE)
			break;
		same = r == MP_OK && memcmp(k->cid, d->id, sizeof(k->cid)) == 0;
	}
	secret_free(k);
	if (r != MP_OK && r != MP_ENONE)
		return r;
	if (!known)
		return MP_OK;
	return err_set(MP_EEXIST, "the contact card %s, as '%s'",
	    same ? "was accepted before" : "has an address that is known already", c.name);
}

static int check_card(const struct card *d, int64_t now)
{
	uint8_t self[32];
	char when[CLOCK_TEXT];
	int r = identity_public(self);

	if (r != MP_OK)
		return r;
	if (memcmp(self, d->onion, sizeof(self)) == 0)
		return err_set(MP_EBAD, "the contact card is this identity's own");
	if (d->expires <= now) {
		clock_format(when, d->expires);
		return err_set(MP_EBAD, "the contact card expired at %s", when);
	}
	return MP_OK;
}

/* What the acceptor seals the initial-contact with, and what both use from then on. */
static int make_keys(struct secrets *m)
{
	struct contact_key *offer = &m->offer, *pair = &m->pair;
	const struct card *d = &m->card;
	struct identity *self = NULL;
	int r = identity_load(&self);

	if (r != MP_OK)
		return r;
	take_card(offer, KEY_OFFER, d);
	take_card(pair, KEY_PAIR, d);
	offer->has_send = pair->has_send = pair->has_recv = true;
	r = kdf_offer(offer->send, d->key, d->id, d->onion);
	if (r == MP_OK)
		r = kdf_pair(pair->send, pair->recv, self, d->onion, d->key, d->id);
	identity_free(self);
	return r;
}

/* The check is inside: the same card can be accepted twice at once. */
static int store_accepted(struct store *s, const struct config *cfg, struct contact *c,
    struct secrets *m, int64_t now, struct record *rec)
{
	int r = store_begin(s);

	if (r == MP_OK)
		r = check_known(s, &m->card);
	if (r == MP_OK)
		r = contact_add(s, c, now);
	m->offer.contact = m->pair.contact = c->row;
	if (r == MP_OK)
		r = key_add(s, &m->offer);
	if (r == MP_OK)
		r = key_add(s, &m->pair);
	if (r == MP_OK)
		r = meeting_greeting(s, cfg, c, rec);
	if (r == MP_OK)
		r = store_commit(s);
	if (r != MP_OK)
		store_rollback(s);
	return r;
}

int meeting_accept(struct store *s, const struct config *cfg, const char *name, const char *text,
    size_t len, int64_t now, struct record *rec)
{
	struct secrets *m = secret_alloc(sizeof(*m));
	struct contact c;
	int r = set_name(&c, name);

	if (r != MP_OK || (r = card_decode(&m->card, text, len)) != MP_OK ||
	    (r = expire_offers(s, now)) != MP_OK || (r = check_card(&m->card, now)) != MP_OK ||
	    (r = make_keys(m)) != MP_OK)
		goto out;
	c.state = CONTACT_PENDING;
	c.has_onion = c.has_greeting = true;
	memcpy(c.onion, m->card.onion, sizeof(c.onion));
	randombytes_buf(c.greeting, sizeof(c.greeting));
	r = store_accepted(s, cfg, &c, m, now, rec);
out:
	secret_free(m);
	return r;
}

int meeting_greeting(
    struct store *s, const struct config *cfg, const struct contact *c, struct record *rec)
{
	struct wire w = {.type = WIRE_INITIAL_CONTACT};
	struct contact_key *k;
	int r;

	if (c->state != CONTACT_PENDING || !c->has_greeting)
		return err_set(MP_ENONE, "no meeting with '%s' is under way", c->name);
	/* Without the offer's key nothing can seal it: the card ran out. */
	k = secret_alloc(sizeof(*k));
	r = key_for_sending(s, k, c->row, KEY_OFFER);
	secret_free(k);
	if (r != MP_OK)
		return r == MP_ENONE ? err_set(r, "the contact card of '%s' has expired", c->name)
		                     : r;
	rec->class = CLASS_OUT;
	strcpy(rec->kind, wire_type_name(w.type));
	memcpy(rec->contact, c->name, sizeof(rec->contact));
	rec->has_id = true;
	memcpy(rec->id, c->greeting, sizeof(rec->id));
	rec->time = c->created;
	rec->ref[0] = '\0';
	w.u.initial.nickname = cfg->nickname[0] != '\0' ? cfg->nickname : NULL;
	buf_clear(&rec->body);
	rec->has_body = true;
	return wire_to_body(&rec->body, &w);
}
