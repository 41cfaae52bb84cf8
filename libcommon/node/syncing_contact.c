/* What a device-sync of the first device says of contacts and of our keys of the mesh. */
#include "node/syncing.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "mesh/field.h"
#include "node/mailbox.h"
#include "node/sealer.h"
#include "node/step.h"
#include "store/keyring.h"
#include "store/letterbox.h"
#include "store/meshserver.h"
#include "store/outbox.h"
#include "store/sync.h"

#define KEYS_MAX 16
#define PEM_MAX 8192
#define INT_MOST (INT64_C(1) << 53)
#define NAMES 1000 /* that are tried for a contact */

static void wipe(struct buf *b)
{
	secret_wipe(b->data, b->len);
	buf_free(b);
}

static int take_servers(struct store *s, const json_t *list)
{
	uint8_t onion[ONION_KEY];
	const json_t *v;
	size_t i;
	int rc;

	json_array_foreach(list, i, v)
	{
		if (server_name_read(onion, json_string_value(v)) != 0)
			return syncing_bad("servers");
		rc = meshserver_add(s, onion);
		if (rc != 0 && rc != MP_EEXIST && rc != MP_ELIMIT)
			return rc;
	}
	return 0;
}

int syncing_take_self(struct step *s, const json_t *o, int64_t n)
{
	struct buf signing = BUF_INIT(PEM_MAX), opening = BUF_INIT(PEM_MAX);
	int rc;

	if ((rc = syncing_secret(o, "signing", &signing)) == 0 &&
	    (rc = syncing_secret(o, "opening", &opening)) == 0 &&
	    (rc = mailbox_adopt(s->store, &signing, &opening, n * MP_SECOND)) == 0)
		rc = take_servers(s->store, json_object_get(o, "servers"));
	wipe(&signing);
	wipe(&opening);
	return rc;
}

static int get_flag(const json_t *o, const char *key, bool *v)
{
	const json_t *j = json_object_get(o, key);

	*v = json_is_true(j);
	return json_is_boolean(j) ? 0 : syncing_bad(key);
}

static int get_contact(const json_t *o, struct contact *c)
{
	const char *name = json_text(o, "name"), *nickname = json_text(o, "nickname");
	int rc;

	if (name == NULL || strlen(name) >= sizeof(c->name) || !text_name_ok(name))
		return syncing_bad("name");
	if (nickname != NULL && strlen(nickname) >= sizeof(c->nickname))
		return syncing_bad("nickname");
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->nickname, sizeof(c->nickname), "%s", nickname != NULL ? nickname : "");
	c->state = CONTACT_ACTIVE;
	c->has_onion = true;
	if ((rc = json_hex(o, "onion", c->onion, sizeof(c->onion))) != 0 ||
	    (rc = get_flag(o, "blocked", &c->blocked)) != 0)
		return rc;
	return get_flag(o, "verified", &c->verified);
}

/* Under the name that it has there, or with a number behind when that one is taken here. */
static int place(struct step *s, struct contact *c)
{
	char name[sizeof(c->name)];
	int rc = MP_EEXIST;

	memcpy(name, c->name, sizeof(name));
	for (unsigned short i = 2; rc == MP_EEXIST && i < NAMES; i++) {
		rc = c->row != 0 ? contact_replace(s->store, c) : contact_add(s->store, c, s->now);
		if (rc == MP_EEXIST)
			snprintf(c->name, sizeof(c->name), "%.26s-%hu", name, i);
	}
	return rc;
}

static int get_key(const json_t *o, struct contact_key *k)
{
	int rc;

	if ((rc = json_int(o, "epoch", 0, INT_MOST, &k->epoch)) != 0 ||
	    (rc = json_hex(o, "cid", k->cid, sizeof(k->cid))) != 0)
		return rc;
	k->has_send = json_object_get(o, "send") != NULL;
	k->has_recv = json_object_get(o, "recv") != NULL;
	if (k->has_send && (rc = json_hex(o, "send", k->send, sizeof(k->send))) != 0)
		return rc;
	return k->has_recv ? json_hex(o, "recv", k->recv, sizeof(k->recv)) : 0;
}

static bool names_epoch(const json_t *list, int64_t epoch)
{
	const json_t *v;
	size_t i;

	json_array_foreach(
	    list, i, v) if (json_integer_value(json_object_get(v, "epoch")) == epoch) return true;
	return false;
}

/* Those that the first device has no more go here, too. */
static int drop_keys(struct store *s, struct contact_key *k, int64_t contact, const json_t *list)
{
	int rc;

	k->epoch = -1;
	while ((rc = key_next_pair(s, k, contact, k->epoch)) == 0)
		if (!names_epoch(list, k->epoch) && (rc = key_remove(s, k->row)) != 0)
			return rc;
	return rc == MP_ENONE ? keyring_rebuild(s) : rc;
}

static int put_keys(struct store *s, struct contact_key *k, int64_t contact, const json_t *list)
{
	const json_t *v;
	size_t i;
	int rc;

	if (!json_is_array(list) || json_array_size(list) > KEYS_MAX)
		return syncing_bad("keys");
	json_array_foreach(list, i, v)
	{
		memset(k, 0, sizeof(*k));
		k->contact = contact;
		if ((rc = get_key(v, k)) != 0 || (rc = key_put_pair(s, k)) != 0)
			return rc;
	}
	return drop_keys(s, k, contact, list);
}

/* What waits under the old key would be refused once the contact has dropped it. */
static int seal_again(struct step *s, int64_t contact)
{
	struct queue_item item = {.seq = 0};
	struct buf envelope = BUF_INIT(ENVELOPE_MAX);
	struct record rec;
	int rc;

	record_init(&rec);
	while ((rc = outbox_next_message(s->store, contact, item.seq, &item)) == 0) {
		struct wire w = {.type = WIRE_MESSAGE, .time = item.time};

		if ((rc = message_sent_text(s->store, contact, item.id, &rec)) == MP_ENONE)
			continue; /* pruned */
		memcpy(w.id, item.id, MESSAGE_ID);
		w.body = rec.body.data;
		w.blen = rec.body.len;
		buf_clear(&envelope);
		if (rc != 0 || (rc = seal_wire(&envelope, s->store, contact, &w)) != 0 ||
		    (rc = outbox_reseal(s->store, item.seq, envelope.data, envelope.len)) != 0)
			break;
		s->queue = true;
	}
	record_free(&rec);
	buf_free(&envelope);
	return rc == MP_ENONE ? 0 : rc;
}

static int take_keys(struct step *s, int64_t contact, const json_t *list)
{
	struct contact_key *k = secret_alloc(2 * sizeof(*k));
	int rc = key_for_sending(s->store, &k[0], contact, KEY_PAIR);
	bool had = rc == 0;

	if (rc == 0 || rc == MP_ENONE)
		rc = put_keys(s->store, &k[1], contact, list);
	if (rc == 0 && had && (rc = key_for_sending(s->store, &k[1], contact, KEY_PAIR)) == 0 &&
	    memcmp(k[0].send, k[1].send, sizeof(k[0].send)) != 0)
		rc = seal_again(s, contact);
	secret_free(k);
	return rc == MP_ENONE ? 0 : rc;
}

/* What he said himself since then stays. */
static int get_theirs(const json_t *o, struct letterbox *b)
{
	int64_t time;
	int rc = json_int(o, "time", 0, INT_MOST, &time);

	if (rc != 0 || (b->has_theirs && b->time >= time))
		return rc;
	b->time = time;
	if ((rc = field_key(o, "address", b->address)) != 0 ||
	    (rc = field_key(o, "encryption", b->encryption)) != 0 ||
	    (rc = json_hex(o, "theirs", b->theirs, sizeof(b->theirs))) != 0 ||
	    (rc = field_servers(o, "relays", b->relay, LETTERBOX_RELAYS, &b->n)) != 0)
		return rc;
	b->has_theirs = true;
	return 0;
}

static int take_letterbox(struct step *s, int64_t contact, const json_t *o)
{
	struct letterbox b, before;
	int rc = letterbox_get(s->store, &b, contact);

	if (rc == MP_ENONE)
		rc = 0;
	before = b;
	if (rc == 0 && json_object_get(o, "ours") != NULL) {
		b.has_ours = true;
		rc = json_hex(o, "ours", b.ours, sizeof(b.ours));
	}
	if (rc == 0 && json_object_get(o, "theirs") != NULL)
		rc = get_theirs(o, &b);
	if (rc == 0 && (b.has_ours || b.has_theirs))
		rc = letterbox_put(s->store, &b);
	if (rc == 0 && b.has_ours && memcmp(b.ours, before.ours, sizeof(b.ours)) != 0)
		rc = meshserver_retoken(s->store);
	secret_wipe(&b, sizeof(b));
	secret_wipe(&before, sizeof(before));
	return rc;
}

/* An older device-sync, which came late, changes nothing. */
int syncing_take_contact(struct step *s, const json_t *o, int64_t n)
{
	struct contact c = {.row = 0};
	struct shared h;
	int64_t origin;
	int rc;

	if ((rc = json_int(o, "contact", 1, INT_MOST, &origin)) != 0)
		return rc;
	if ((rc = shared_find(s->store, &h, origin)) == 0) {
		if (n < h.n)
			return 0;
		rc = contact_by_row(s->store, &c, h.contact);
	}
	if ((rc != 0 && rc != MP_ENONE) || (rc = get_contact(o, &c)) != 0 ||
	    (rc = place(s, &c)) != 0)
		return rc;
	h = (struct shared){.contact = c.row, .origin = origin, .n = n};
	if ((rc = shared_put(s->store, &h)) != 0 ||
	    (rc = take_keys(s, c.row, json_object_get(o, "keys"))) != 0)
		return rc;
	return take_letterbox(s, c.row, json_object_get(o, "letterbox"));
}

int syncing_take_gone(struct step *s, const json_t *o, int64_t n)
{
	struct shared h;
	int64_t origin;
	int rc = json_int(o, "contact", 1, INT_MOST, &origin);

	if (rc == 0 && (rc = shared_find(s->store, &h, origin)) == 0 && n >= h.n)
		rc = contact_remove(s->store, h.contact);
	return rc == MP_ENONE ? 0 : rc;
}
