#include "node/step.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/onion.h"
#include "mariposa/contact.h"
#include "node/planning.h"
#include "node/rekeying.h"
#include "node/spool.h"
#include "node/syncing.h"
#include "node/telling.h"
#include "store/device.h"
#include "store/queue.h"
#include "wire/chain.h"

#define TIMELY (24 * MP_HOUR)
#define TIDY MP_MINUTE
#define HITS 8 /* keys whose first block fits: one, but for a chance of 2^-128 */

_Static_assert(
    (int)KNOWN_OFFERED == (int)CONTACT_OFFERED && (int)KNOWN_PENDING == (int)CONTACT_PENDING &&
        (int)KNOWN_ACTIVE == (int)CONTACT_ACTIVE && (int)KNOWN_TEMPORARY == (int)CONTACT_TEMPORARY,
    "the machine's states are the store's");

struct receiver {
	struct store *store;
	const struct config *cfg;
	struct matcher *matcher;
	struct buf slots; /* the keyring */
	int64_t version;  /* of it */
	struct buf plain;
	struct contact_key *key; /* arena */
	int64_t tidied;          /* when keys past their time were last forgotten */
	int64_t only;            /* this contact's envelopes, 0 anybody's */
};

int receiver_new(struct receiver **out, struct store *s, const struct config *cfg)
{
	struct receiver *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	r->store = s;
	r->cfg = cfg;
	r->slots.max = SIZE_MAX / 2;
	r->version = -1;
	r->plain.max = ENVELOPE_MAX;
	r->key = secret_alloc(sizeof(*r->key));
	if ((rc = matcher_new(&r->matcher)) != 0) {
		receiver_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

void receiver_free(struct receiver *r)
{
	if (r == NULL)
		return;
	matcher_free(r->matcher);
	buf_free(&r->slots);
	buf_free(&r->plain);
	secret_free(r->key);
	free(r);
}

int step_refuse(struct step *s)
{
	s->out->status = RECEIVED_REFUSED;
	return 0;
}

int step_take(struct step *s)
{
	s->out->status = RECEIVED_TAKEN;
	return 0;
}

void step_heard(struct step *s)
{
	int64_t age = s->now - s->w->time;

	s->fresh = age < TIMELY && age > -TIMELY;
}

int step_later(struct step *s, enum received_status status, const char *why)
{
	step_heard(s);
	s->out->status = status;
	s->out->retry_after = status == RECEIVED_QUOTA ? STEP_QUOTA : STEP_LATER;
	s->out->why = why;
	return 0;
}

int step_room(struct step *s)
{
	int rc = spool_room((int64_t)s->w->blen + ENVELOPE_MAX);

	return rc == MP_EFULL ? step_later(s, RECEIVED_LATER, "the disk is full") : rc;
}

int step_event(struct step *s, const char *kind, json_t *body)
{
	struct buf text = BUF_INIT(RECORD_LINE);
	int rc;

	if (body == NULL)
		return err_set(MP_ENOMEM, "no memory for an event");
	if ((rc = json_write(&text, body)) == 0 && (rc = buf_terminate(&text)) == 0)
		rc = message_event(s->store, s->contact.row, kind, (const char *)text.data, s->now);
	buf_free(&text);
	json_decref(body);
	return rc;
}

/*
 * An offer's key opens the greeting and nothing else, a temporary contact's what makes it a
 * contact, a pair's key anything else.
 */
static bool role_fits(const struct contact_key *k, const struct wire *w)
{
	bool makes = w->type == WIRE_INTRODUCTION_ACKNOWLEDGEMENT ||
	             w->type == WIRE_TEMPORARY_CONTACT_UPDATE;

	return (k->role == KEY_OFFER) == (w->type == WIRE_INITIAL_CONTACT) &&
	       (k->role == KEY_TEMPORARY) == makes;
}

/* With the key of one slot that fits. MP_EBAD, MP_ENONE: not this one. */
static int open_with(
    struct receiver *r, int64_t row, const uint8_t *data, size_t len, struct wire *w)
{
	struct envelope e;
	int rc = key_by_row(r->store, r->key, row);

	if (rc == 0 && !r->key->has_recv)
		rc = MP_ENONE;
	if (rc != 0 ||
	    (rc = envelope_open(&e, &r->plain, data, len, r->key->recv, r->key->cid)) != 0 ||
	    (rc = wire_decode(w, &e)) != 0)
		return rc;
	if (role_fits(r->key, w))
		return 0;
	wire_free(w);
	return MP_EBAD;
}

/*
 * Whose is it?  Every key is tried, whoever it is from, so that the time says nothing about who is
 * known here; what follows a hit only somebody who has the key can measure.
 */
static int open_any(struct receiver *r, const uint8_t *data, size_t len, struct wire *w)
{
	uint64_t owners[HITS];
	size_t n;
	int rc = keyring_load(r->store, &r->slots, &r->version);

	if (rc != 0)
		return rc;
	n = matcher_find(
	    r->matcher, r->slots.data, r->slots.len / KEYRING_SLOT, data, len, owners, HITS);
	for (size_t i = 0; i < n && i < HITS; i++) {
		rc = open_with(r, (int64_t)owners[i], data, len, w);
		if (rc != MP_EBAD && rc != MP_ENONE)
			return rc;
	}
	return err_set(MP_EBAD, "the envelope does not open");
}

static int apply_message(struct step *s)
{
	const struct wire *w = s->w;
	struct transfer t;
	struct record rec;
	uint8_t content[32];
	char group[33] = "";
	int rc;

	rc = seen_get(s->store, s->contact.row, w->id, NULL);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		s->out->repeated = true;
		return step_take(s);
	}
	/* In the inbox an incoming file goes by its transfer's id. */
	if (file_chunk_of(w->id) == 0 &&
	    (rc = transfer_get(s->store, &t, s->contact.row, w->id)) != MP_ENONE)
		return rc != 0 ? rc : step_refuse(s);
	if ((rc = message_full(s->store, s->contact.row, s->cfg->inbox_quota)) != 0)
		return rc < 0 ? rc : step_later(s, RECEIVED_QUOTA, STEP_TOO_MUCH);
	if ((rc = step_room(s)) != 0 || s->out->status != 0)
		return rc;
	if (w->u.message.chain.grouped) {
		chain_content_message(content, w->body, w->blen);
		if ((rc = planning_talk(s, &w->u.message.chain, content, group)) != 1)
			return rc;
	}
	record_init(&rec);
	snprintf(rec.ref, sizeof(rec.ref), "%s", group);
	snprintf(rec.kind, sizeof(rec.kind), "%s", wire_type_name(w->type));
	memcpy(rec.id, w->id, sizeof(rec.id));
	rec.has_id = rec.has_body = true;
	rec.time = w->time;
	if ((rc = buf_add(&rec.body, w->body, w->blen)) == 0 &&
	    (rc = message_add(s->store, s->contact.row, DIR_IN, MESSAGE_NEW, &rec, s->now)) == 0)
		rc = seen_add(s->store, s->contact.row, w->id, NULL, 0);
	record_free(&rec);
	s->fresh = true;
	return rc != 0 ? rc : step_take(s);
}

static int apply_ping(struct step *s)
{
	int rc = 1;

	if (s->w->u.ping.grouped)
		rc = planning_shares(s, s->w->u.ping.group);
	if (rc <= 0)
		return rc < 0 ? rc : step_refuse(s);
	step_heard(s);
	return step_take(s);
}

/*
 * A contact that the first device shares with us writes to both; what needs more than a text is
 * the first one's to answer.
 */
static int not_ours(struct step *s)
{
	struct shared h;
	int rc;

	if (s->w->type == WIRE_MESSAGE || s->w->type == WIRE_PING ||
	    s->w->type == WIRE_CONTACT_UPDATE || s->w->type == WIRE_RECEIPT)
		return 0;
	rc = shared_get(s->store, &h, s->contact.row);
	return rc == MP_ENONE ? 0 : rc == 0 ? 1 : rc;
}

static int apply(struct step *s)
{
	int rc = not_ours(s);

	if (rc != 0)
		return rc < 0 ? rc : step_refuse(s);
	switch (s->w->type) {
	case WIRE_INITIAL_CONTACT:
		return greeting_apply(s);
	case WIRE_MESSAGE:
		return apply_message(s);
	case WIRE_FILE:
		return incoming_apply(s);
	case WIRE_FILE_STATUS:
		return outgoing_apply(s);
	case WIRE_PING:
		return apply_ping(s);
	case WIRE_REKEY:
	case WIRE_REKEY_DRAINED:
		return rekeying_apply(s);
	case WIRE_CONTACT_UPDATE:
	case WIRE_RECEIPT:
		return telling_apply(s);
	case WIRE_DEVICE_SYNC:
		return syncing_apply(s);
	default:
		return wire_is_plan(s->w->type) ? planning_apply(s) : step_refuse(s);
	}
}

/* The contact is there: a meeting that waits for this is complete, and its mail is due. */
static int heard(struct step *s)
{
	struct meet_step m = meet_step((enum meeting)s->contact.state, MEET_HEARD);
	int64_t lanes = 0;
	int rc = planning_heard(s);

	if (rc == 0 && m.action == MEET_CONFIRM && s->key->role == KEY_PAIR)
		rc = contact_confirm(s->store, s->contact.row);
	if (rc != 0 || (rc = contact_set_seen(s->store, s->contact.row, s->now)) != 0 ||
	    (rc = lane_heard(s->store, s->contact.row, s->now, s->cfg->retry_min, &lanes)) != 0)
		return rc;
	s->queue = s->queue || lanes > 0;
	return 0;
}

/* The key and the contact may have gone, or been blocked, since the keyring was read. */
static int still_known(struct step *s)
{
	int rc = key_by_row(s->store, s->key, s->key->row);

	if (rc == 0)
		rc = contact_by_row(s->store, &s->contact, s->key->contact);
	if (rc == 0 && s->contact.blocked)
		rc = MP_ENONE;
	if (rc == 0 && s->key->role == KEY_PAIR &&
	    meet_step((enum meeting)s->contact.state, MEET_HEARD).action == MEET_REFUSE)
		rc = MP_ENONE;
	return rc == MP_ENONE ? step_refuse(s) : rc;
}

static int transact(struct step *s)
{
	int rc = store_begin(s->store);

	if (rc != 0)
		return rc;
	rc = still_known(s);
	if (rc == 0 && s->out->status == 0 && s->key->role == KEY_PAIR && !s->key->has_send)
		rc = rekeying_heard(s);
	if (rc == 0 && s->out->status == 0)
		rc = apply(s);
	if (rc == 0 && s->fresh)
		rc = heard(s);
	if (rc == 0 && !s->undo)
		rc = store_commit(s->store);
	if (rc != 0 || s->undo)
		store_rollback(s->store);
	return rc;
}

static int prepare(struct step *s)
{
	if (s->w->type == WIRE_INITIAL_CONTACT)
		return greeting_prepare(s);
	if (s->w->type == WIRE_REKEY)
		return rekeying_prepare(s);
	if (s->w->type != WIRE_FILE)
		return 0;
	s->contact.row = s->key->contact;
	return incoming_prepare(s);
}

static int perform(
    struct receiver *r, const struct wire *w, enum receive_via via, struct received *out)
{
	struct step s = {.store = r->store,
	    .cfg = r->cfg,
	    .w = w,
	    .via = via,
	    .now = clock_now(),
	    .key = r->key,
	    .out = out,
	    .spool = -1};
	int rc = prepare(&s);

	if (rc == 0 && out->status == 0)
		rc = transact(&s);
	incoming_settle(&s, rc == 0);
	greeting_settle(&s);
	rekeying_settle(&s);
	if (rc == 0 && s.queue)
		store_wake_queue();
	return rc;
}

/* A card's key goes with the card's time, though nobody runs anything but us.  Failing, the key is
 * refused all the same. */
static void tidy(struct receiver *r)
{
	int64_t now = clock_now(), n;

	if (r->tidied <= now && now - r->tidied < TIDY)
		return;
	r->tidied = now;
	(void)key_expire(r->store, now, &n);
}

int receiver_take(struct receiver *r, const uint8_t *envelope, size_t len, enum receive_via via,
    struct received *out)
{
	struct wire w;
	int rc;

	memset(out, 0, sizeof(*out));
	out->reply.max = ENVELOPE_MAX;
	tidy(r);
	if ((rc = open_any(r, envelope, len, &w)) == 0 && r->only != 0 &&
	    r->key->contact != r->only) {
		wire_free(&w);
		rc = MP_EBAD;
	}
	if (rc == 0) {
		out->type = w.type;
		memcpy(out->id, w.id, MESSAGE_ID);
		out->contact = r->key->contact;
		rc = perform(r, &w, via, out);
		wire_free(&w);
	} else if (rc == MP_EBAD) {
		out->status = RECEIVED_REFUSED;
		rc = 0;
	}
	secret_wipe(r->key, sizeof(*r->key));
	secret_wipe(r->plain.data, r->plain.len);
	if (rc != 0) {
		buf_clear(&out->reply);
		out->status = RECEIVED_LATER;
		out->retry_after = STEP_LATER;
	}
	if (out->status == RECEIVED_REFUSED)
		out->contact = 0;
	return rc;
}

int receiver_answer(
    struct receiver *r, int64_t contact, const uint8_t *envelope, size_t len, struct received *out)
{
	int rc;

	r->only = contact;
	rc = receiver_take(r, envelope, len, VIA_ANSWER, out);
	r->only = 0;
	return rc;
}

/* A chunk as a record says which one it is; its bytes are for receiver_take(). */
static int chunk_to_body(struct buf *body, const struct wire_file *f)
{
	json_t *o = json_object();
	int rc;

	if (f->name != NULL)
		json_object_set_new(o, "name", json_string(f->name));
	json_object_set_new(o, "size", json_integer(f->size));
	json_object_set_new(o, "chunk", json_integer(f->chunk));
	json_object_set_new(o, "chunks", json_integer(f->chunks));
	if (f->has_hash)
		json_set_hex(o, "sha256", f->sha256, sizeof(f->sha256));
	rc = o == NULL ? err_set(MP_ENOMEM, "no memory for a record") : json_write(body, o);
	json_decref(o);
	return rc;
}

static int to_record(struct receiver *r, const struct wire *w, struct record *rec)
{
	struct contact c;
	int rc;

	if ((rc = contact_by_row(r->store, &c, r->key->contact)) != 0)
		return rc;
	rec->class = CLASS_IN;
	snprintf(rec->kind, sizeof(rec->kind), "%s", wire_type_name(w->type));
	snprintf(rec->contact, sizeof(rec->contact), "%s", c.name);
	memcpy(rec->id, w->id, sizeof(rec->id));
	rec->has_id = rec->has_body = true;
	rec->time = w->time;
	rec->ref[0] = '\0';
	buf_clear(&rec->body);
	if (w->type == WIRE_MESSAGE)
		return buf_add(&rec->body, w->body, w->blen);
	if (w->type == WIRE_FILE)
		return chunk_to_body(&rec->body, &w->u.file);
	return wire_to_body(&rec->body, w);
}

int receiver_open(struct receiver *r, const uint8_t *envelope, size_t len, struct record *rec)
{
	struct received verdict = {.reply = BUF_INIT(0)};
	struct wire w;
	int rc;

	if ((rc = open_any(r, envelope, len, &w)) != 0)
		return rc;
	if (w.type == WIRE_INITIAL_CONTACT) {
		/* Only its proof tells the sender from anybody who saw the card. */
		struct step s = {
		    .store = r->store, .w = &w, .key = r->key, .out = &verdict, .spool = -1};

		rc = greeting_prepare(&s);
		greeting_settle(&s);
		if (rc == 0 && verdict.status == RECEIVED_REFUSED)
			rc = err_set(MP_EBAD, "the envelope does not open");
	}
	if (rc == 0)
		rc = to_record(r, &w, rec);
	wire_free(&w);
	secret_wipe(r->key, sizeof(*r->key));
	secret_wipe(r->plain.data, r->plain.len);
	return rc;
}
