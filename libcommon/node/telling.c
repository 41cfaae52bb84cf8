#include "node/telling.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "mesh/address.h"
#include "node/step.h"
#include "node/syncing.h"
#include "store/letterbox.h"
#include "store/meshself.h"
#include "store/meshserver.h"
#include "store/outbox.h"
#include "store/receipt.h"
#include "store/sync.h"

#define ONCE_MORE (7 * MP_DAY)

_Static_assert(LETTERBOX_RELAYS == ADDRESS_RELAYS, "as many as an address names");

static bool is(const char *kind, enum wire_type t)
{
	return strcmp(kind, wire_type_name(t)) == 0;
}

static int make_record(struct record *rec, struct store *s, int64_t contact, enum wire_type t,
    const uint8_t id[static MESSAGE_ID], int64_t now)
{
	struct contact c;
	int rc = contact_by_row(s, &c, contact);

	if (rc != 0)
		return rc;
	rec->class = CLASS_OUT;
	snprintf(rec->kind, sizeof(rec->kind), "%s", wire_type_name(t));
	memcpy(rec->contact, c.name, sizeof(rec->contact));
	memcpy(rec->id, id, MESSAGE_ID);
	rec->has_id = rec->has_body = true;
	rec->time = now;
	rec->ref[0] = '\0';
	buf_clear(&rec->body);
	return buf_adds(&rec->body, "{}");
}

/*
 * 1: it is in the queue already.  What was given up there, by one who does not know the type as a
 * rule, goes once more a week later.
 */
static int queued(
    struct store *s, int64_t contact, const uint8_t id[static MESSAGE_ID], int64_t now)
{
	struct queue_item item;
	int rc = outbox_find(s, contact, id, &item);

	if (rc == 0 && (item.state != QUEUE_FAILED || now - item.added < ONCE_MORE))
		return 1;
	if (rc == 0)
		rc = queue_remove(s, item.seq);
	return rc == MP_ENONE ? 0 : rc;
}

/* The id of the update to this version: one, however often it is asked for. */
static int name_update(struct store *s, int64_t contact, int64_t version, uint8_t id[MESSAGE_ID])
{
	struct letterbox b;
	int rc = letterbox_get(s, &b, contact);

	if (rc != 0 && rc != MP_ENONE)
		return rc;
	if (b.telling != version || !b.has_ours) {
		b.telling = version;
		randombytes_buf(b.id, sizeof(b.id));
		if (!b.has_ours) {
			randombytes_buf(b.ours, sizeof(b.ours));
			b.has_ours = true;
			if ((rc = meshserver_retoken(s)) != 0)
				return rc;
		}
		if ((rc = letterbox_put(s, &b)) != 0)
			return rc;
	}
	memcpy(id, b.id, MESSAGE_ID);
	secret_wipe(&b, sizeof(b));
	return 0;
}

int telling_give(struct store *s, int64_t contact, enum wire_type t,
    const uint8_t id[static MESSAGE_ID], int64_t now, struct record *rec)
{
	int rc = queued(s, contact, id, now);

	if (rc != 0)
		return rc == 1 ? 0 : rc;
	rc = make_record(rec, s, contact, t, id, now);
	return rc != 0 ? rc : 1;
}

static int owed_update(
    struct store *s, int64_t contact, int64_t version, int64_t now, struct record *rec)
{
	uint8_t id[MESSAGE_ID];
	int rc = store_begin(s), found = 0;

	if (rc != 0)
		return rc;
	if ((rc = name_update(s, contact, version, id)) == 0 &&
	    (found = telling_give(s, contact, WIRE_CONTACT_UPDATE, id, now, rec)) < 0)
		rc = found;
	if (rc == 0)
		rc = store_commit(s);
	if (rc != 0)
		store_rollback(s);
	return rc != 0 ? rc : found;
}

/* What is in no receipt yet gets into one, as many as are needed. */
static int name_receipts(struct store *s, int64_t contact)
{
	uint8_t id[MESSAGE_ID];
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	do {
		randombytes_buf(id, sizeof(id));
	} while ((rc = receipt_make(s, contact, id)) == 0);
	rc = rc == MP_ENONE ? store_commit(s) : rc;
	if (rc != 0)
		store_rollback(s);
	return rc;
}

/* After the names are on disk; the ids are what they stay. */
static int owed_receipts(struct store *s, int64_t contact, int64_t now, struct record *rec,
    int (*fn)(void *ctx, const struct record *rec), void *ctx, int64_t *n)
{
	uint8_t id[MESSAGE_ID] = {0};
	int rc = name_receipts(s, contact);

	while (rc == 0 && (rc = receipt_next(s, contact, id)) == 0) {
		rc = telling_give(s, contact, WIRE_RECEIPT, id, now, rec);
		*n += rc == 1;
		if (rc == 1)
			rc = fn(ctx, rec);
	}
	return rc == MP_ENONE ? 0 : rc;
}

/* Whoever fetches nowhere has nothing to tell. */
static int version_of(struct store *s, int64_t now, int64_t *version)
{
	struct meshserver v = {.row = 0};
	struct meshself self;
	int rc = meshself_get(s, &self);

	*version = 0;
	while (rc == 0 && (rc = meshserver_next(s, &v, v.row)) == 0)
		if (v.role == ROLE_FETCH && v.until > now)
			*version = self.version;
	return rc == MP_ENONE ? 0 : rc;
}

int telling_due(struct store *s, int64_t now, int (*fn)(void *ctx, const struct record *rec),
    void *ctx, int64_t *n)
{
	struct record rec;
	int64_t version, contact = 0;
	int rc = version_of(s, now, &version);

	record_init(&rec);
	while (
	    rc == 0 && version > 0 && (rc = letterbox_untold(s, contact, version, &contact)) == 0) {
		rc = owed_update(s, contact, version, now, &rec);
		*n += rc == 1;
		if (rc == 1)
			rc = fn(ctx, &rec);
	}
	if (rc == MP_ENONE)
		rc = 0;
	contact = 0;
	while (rc == 0 && (rc = receipt_owed(s, contact, &contact)) == 0)
		rc = owed_receipts(s, contact, now, &rec, fn, ctx, n);
	record_free(&rec);
	return rc == MP_ENONE ? 0 : rc;
}

static int fill_address(struct store *s, struct address *a, const struct letterbox *b)
{
	struct meshserver v = {.row = 0};
	struct meshself self;
	int rc = meshself_get(s, &self);

	if (rc != 0)
		return rc;
	memcpy(a->key, self.address, sizeof(a->key));
	memcpy(a->encryption, self.encryption, sizeof(a->encryption));
	memcpy(a->certificate, self.certificate, sizeof(a->certificate));
	memcpy(a->secret, b->ours, sizeof(a->secret));
	a->n = 0;
	while (a->n < ADDRESS_RELAYS && (rc = meshserver_next(s, &v, v.row)) == 0)
		if (v.role == ROLE_FETCH)
			memcpy(a->relay[a->n++], v.onion, ONION_KEY);
	return rc == MP_ENONE ? 0 : rc;
}

static int complete_update(
    struct store *s, int64_t contact, const uint8_t id[static MESSAGE_ID], struct wire *w)
{
	struct letterbox b;
	struct address a;
	json_t *o = NULL;
	int rc = letterbox_get(s, &b, contact);

	if (rc == 0 && (b.telling == 0 || memcmp(b.id, id, MESSAGE_ID) != 0))
		rc = MP_ENONE;
	if (rc == 0 && (rc = fill_address(s, &a, &b)) == 0)
		rc = address_write(&o, &a);
	if (rc == 0) {
		/* w owns it. */
		json_decref(w->json);
		w->json = o;
		w->u.update.mesh = o;
	}
	secret_wipe(&a, sizeof(a));
	secret_wipe(&b, sizeof(b));
	return rc;
}

int telling_complete(struct store *s, int64_t contact, const struct record *rec, struct wire *w)
{
	int rc = MP_ENONE;

	if (rec->has_id && w->type == WIRE_CONTACT_UPDATE)
		rc = complete_update(s, contact, rec->id, w);
	else if (rec->has_id && (rc = receipt_read(s, contact, rec->id, &w->u.receipt)) == 0 &&
	         w->u.receipt.n == 0)
		rc = MP_ENONE;
	return rc == MP_ENONE
	           ? err_set(MP_EUSAGE, "this %s is owed no more", wire_type_name(w->type))
	           : rc;
}

static int update_taken(struct store *s, int64_t contact, const uint8_t id[static MESSAGE_ID])
{
	struct letterbox b;
	int rc = letterbox_get(s, &b, contact);

	if (rc == 0 && b.telling > b.told && memcmp(b.id, id, MESSAGE_ID) == 0) {
		b.told = b.telling;
		rc = letterbox_put(s, &b);
	}
	secret_wipe(&b, sizeof(b));
	return rc == MP_ENONE ? 0 : rc;
}

int telling_taken(
    struct store *s, int64_t contact, const char *kind, const uint8_t id[static MESSAGE_ID])
{
	if (is(kind, WIRE_CONTACT_UPDATE))
		return update_taken(s, contact, id);
	if (is(kind, WIRE_DEVICE_SYNC))
		return syncing_taken(s, contact, id);
	return is(kind, WIRE_RECEIPT) ? receipt_done(s, contact, id) : 0;
}

static int apply_update(struct step *s)
{
	struct letterbox b;
	struct address a;
	int rc;

	if ((rc = address_read(&a, s->w->u.update.mesh)) != 0)
		return rc == MP_EBAD ? step_refuse(s) : rc;
	rc = letterbox_get(s->store, &b, s->contact.row);
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	rc = 0;
	s->out->repeated = b.has_theirs && s->w->time <= b.time;
	if (!s->out->repeated) {
		b.has_theirs = true;
		b.time = s->w->time;
		memcpy(b.address, a.key, sizeof(b.address));
		memcpy(b.encryption, a.encryption, sizeof(b.encryption));
		memcpy(b.theirs, a.secret, sizeof(b.theirs));
		b.n = a.n;
		memcpy(b.relay, a.relay, a.n * ONION_KEY);
		rc = letterbox_put(s->store, &b);
	}
	secret_wipe(&a, sizeof(a));
	secret_wipe(&b, sizeof(b));
	step_heard(s);
	return rc != 0 ? rc : step_take(s);
}

/* These go by the mesh; of nothing else a receipt can say that it came. */
int telling_came(struct step *s, int64_t contact, const uint8_t id[static MESSAGE_ID])
{
	struct queue_item item;
	int rc = outbox_find(s->store, contact, id, &item);

	if (rc != 0)
		return rc;
	if (!is(item.kind, WIRE_MESSAGE) && !is(item.kind, WIRE_CONTACT_UPDATE) &&
	    !is(item.kind, WIRE_DEVICE_SYNC))
		return 0;
	if ((rc = queue_remove(s->store, item.seq)) != 0 ||
	    (rc = telling_taken(s->store, item.contact, item.kind, id)) != 0)
		return rc == MP_ENONE ? 0 : rc;
	rc = message_set_state(s->store, item.contact, DIR_OUT, id, MESSAGE_SENT);
	s->queue = true;
	return rc == MP_ENONE ? 0 : rc;
}

/* Not in the queue: another device of ours sent it, or what we told one was brought by hand. */
static int came_elsewhere(struct step *s, const uint8_t id[static MESSAGE_ID])
{
	struct device d;
	int rc = device_get(s->store, &d, s->contact.row);

	if (rc == MP_ENONE)
		return sync_add_all(s->store, SYNC_CAME, s->contact.row, id);
	return rc == 0 ? syncing_taken(s->store, s->contact.row, id) : rc;
}

static int apply_receipt(struct step *s)
{
	const struct wire_receipt *r = &s->w->u.receipt;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->n; i++) {
		rc = telling_came(s, s->contact.row, r->id[i]);
		if (rc == MP_ENONE)
			rc = came_elsewhere(s, r->id[i]);
	}
	step_heard(s);
	return rc != 0 ? rc : step_take(s);
}

int telling_apply(struct step *s)
{
	return s->w->type == WIRE_RECEIPT ? apply_receipt(s) : apply_update(s);
}
