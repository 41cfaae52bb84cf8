/* A device-sync that came: who may say what, and messages. */
#include "node/syncing.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"
#include "mesh/field.h"
#include "node/step.h"
#include "node/telling.h"
#include "store/receipt.h"
#include "store/sync.h"

#define ITEMS_MAX 1000
#define INT_MOST (INT64_C(1) << 53)

int syncing_bad(const char *what)
{
	return err_set(MP_EBAD, "bad '%s' in a device-sync", what);
}

int syncing_secret(const json_t *o, const char *key, struct buf *out)
{
	const json_t *v = json_object_get(o, key);
	const char *text = json_string_value(v);
	size_t len = json_string_length(v), n = len / 4 * 3;

	if (text == NULL || len % 4 != 0)
		return syncing_bad(key);
	n -= len > 0 && text[len - 1] == '=';
	n -= len > 1 && text[len - 2] == '=';
	if (buf_reserve(out, n) != 0)
		return syncing_bad(key);
	if (n > 0 && base64_secret_decode(out->data, n, text, len) != 0)
		return syncing_bad(key);
	out->len = n;
	return 0;
}

/* *contact: our row for it, 0 a group's.  MP_ENONE: we do not know it. */
static int find_contact(struct step *s, const json_t *o, enum device_role role, int64_t *contact)
{
	struct contact c;
	struct device d;
	struct shared h;
	int64_t origin;
	int rc = json_int(o, "contact", 0, INT_MOST, &origin);

	*contact = origin;
	if (rc != 0 || origin == 0)
		return rc;
	if (role == DEVICE_FIRST) {
		rc = shared_find(s->store, &h, origin);
		*contact = h.contact;
		return rc;
	}
	if ((rc = contact_by_row(s->store, &c, origin)) != 0)
		return rc;
	rc = device_get(s->store, &d, origin);
	return rc == MP_ENONE ? 0 : rc == 0 ? syncing_bad("contact") : rc;
}

static int get_message(const json_t *o, struct record *rec)
{
	const char *kind = json_text(o, "kind"), *ref = json_text(o, "ref");
	int rc;

	if (kind == NULL || (strcmp(kind, wire_type_name(WIRE_MESSAGE)) != 0 &&
	                        strcmp(kind, wire_type_name(WIRE_FILE)) != 0))
		return syncing_bad("kind");
	if (ref == NULL || strlen(ref) >= sizeof(rec->ref))
		return syncing_bad("ref");
	snprintf(rec->kind, sizeof(rec->kind), "%s", kind);
	snprintf(rec->ref, sizeof(rec->ref), "%s", ref);
	rec->has_id = rec->has_body = true;
	if ((rc = json_hex(o, "id", rec->id, MESSAGE_ID)) != 0 ||
	    (rc = field_time(o, "time", &rec->time)) != 0)
		return rc;
	return syncing_secret(o, "body", &rec->body);
}

/* What comes from the contact itself later is a repetition. */
static int keep_in(struct step *s, int64_t contact, const struct record *rec)
{
	int rc;

	if (contact == 0)
		return syncing_bad("contact");
	if ((rc = seen_get(s->store, contact, rec->id, NULL)) != 0)
		return rc < 0 ? rc : MP_EEXIST;
	if ((rc = message_add(s->store, contact, DIR_IN, MESSAGE_NEW, rec, s->now)) == 0)
		rc = seen_add(s->store, contact, rec->id, NULL, 0);
	return rc;
}

static int keep_out(struct step *s, int64_t contact, const struct record *rec)
{
	enum message_state state;
	int rc = message_get_state(s->store, contact, DIR_OUT, rec->id, &state);

	if (rc != MP_ENONE)
		return rc == 0 ? MP_EEXIST : rc;
	if (contact == 0 && rec->ref[0] == '\0')
		return syncing_bad("ref");
	return message_add(s->store, contact, DIR_OUT, MESSAGE_SENT, rec, s->now);
}

static int take_message(struct step *s, const json_t *o, enum device_role role)
{
	bool in = strcmp(json_text(o, "what"), "in") == 0;
	struct record rec;
	int64_t contact;
	int rc;

	record_init(&rec);
	if ((rc = find_contact(s, o, role, &contact)) == 0 && (rc = get_message(o, &rec)) == 0 &&
	    (rc = in ? keep_in(s, contact, &rec) : keep_out(s, contact, &rec)) == 0)
		rc = sync_forget(s->store, s->contact.row, SYNC_MESSAGE, store_last_row(s->store));
	secret_wipe(rec.body.data, rec.body.len);
	record_free(&rec);
	return rc == MP_EEXIST || rc == MP_ENONE ? 0 : rc;
}

static int take_came(struct step *s, const json_t *o)
{
	uint8_t id[MESSAGE_ID];
	int64_t contact;
	int rc = find_contact(s, o, DEVICE_FIRST, &contact);

	if (rc == 0 && (rc = json_hex(o, "id", id, sizeof(id))) == 0)
		rc = telling_came(s, contact, id);
	return rc == MP_ENONE ? 0 : rc;
}

static bool says(const json_t *o, const char *what)
{
	const char *text = json_text(o, "what");

	return text != NULL && strcmp(text, what) == 0;
}

/* A message of a contact that is told in a device-sync which is yet to come? */
static int too_early(struct step *s, const json_t *items)
{
	const json_t *o;
	int64_t contact;
	size_t i;
	int rc;

	json_array_foreach(items, i, o)
	{
		if (!says(o, "in") && !says(o, "out"))
			continue;
		rc = find_contact(s, o, DEVICE_FIRST, &contact);
		if (rc != 0)
			return rc == MP_ENONE ? 1 : rc;
	}
	return 0;
}

static int take_from_first(struct step *s, const json_t *o, int64_t n)
{
	if (says(o, "self"))
		return syncing_take_self(s, o, n);
	if (says(o, "contact"))
		return syncing_take_contact(s, o, n);
	if (says(o, "gone"))
		return syncing_take_gone(s, o, n);
	return says(o, "came") ? take_came(s, o) : 0;
}

/* Contacts first: what a message needs may be told in the same one. */
static int take_items(struct step *s, enum device_role role, const json_t *items, int64_t n)
{
	const json_t *o;
	size_t i;
	int rc = 0;

	if (role == DEVICE_FIRST) {
		json_array_foreach(items, i, o) if ((rc = take_from_first(s, o, n)) != 0) return rc;
		if ((rc = too_early(s, items)) != 0)
			return rc < 0 ? rc
			              : step_later(
			                    s, RECEIVED_LATER, "an earlier device-sync is missing");
	}
	json_array_foreach(items, i, o) if ((says(o, "in") || says(o, "out")) &&
	                                    (rc = take_message(s, o, role)) != 0) return rc;
	return 0;
}

/* A home that somebody who has it joined to ours; a person decides (mp-mesh devices add). */
static int take_ask(struct step *s, const json_t *items)
{
	int rc = device_is_second(s->store);

	if (rc != 0 || json_array_size(items) != 1 || !says(json_array_get(items, 0), "ask"))
		return rc < 0 ? rc : step_refuse(s);
	rc = device_add(s->store, s->contact.row, DEVICE_ASKS, s->now);
	if (rc == 0)
		rc = message_event(s->store, s->contact.row, "device-asks", "{}", s->now);
	return rc == MP_ELIMIT ? step_refuse(s) : rc;
}

static int take(struct step *s, const json_t *o)
{
	const json_t *items = json_object_get(o, "items");
	struct device d;
	int64_t n;
	int rc;

	if (!json_is_array(items) || json_array_size(items) > ITEMS_MAX ||
	    json_int(o, "n", 1, INT_MOST, &n) != 0)
		return syncing_bad("items");
	if ((rc = device_get(s->store, &d, s->contact.row)) == MP_ENONE)
		return take_ask(s, items);
	return rc != 0 || d.role == DEVICE_ASKS ? rc : take_items(s, d.role, items, n);
}

/* Who cannot see the answer is told by a receipt, each time that it comes. */
static int answer(struct step *s)
{
	int rc = 0;

	if (s->via == VIA_HAND)
		rc = receipt_add(s->store, s->contact.row, s->w->id);
	return rc != 0 ? rc : step_take(s);
}

int syncing_apply(struct step *s)
{
	json_t *o;
	int rc = seen_get(s->store, s->contact.row, s->w->id, NULL);

	if (rc != 0) {
		s->out->repeated = rc == 1;
		return rc < 0 ? rc : answer(s);
	}
	if ((rc = step_room(s)) != 0 || s->out->status != 0)
		return rc;
	if ((rc = json_read(&o, (const char *)s->w->body, s->w->blen)) != 0)
		return rc == MP_EBAD ? step_refuse(s) : rc;
	rc = take(s, o);
	syncing_json_free(o);
	s->undo = rc == MP_EBAD;
	if (s->undo)
		return step_refuse(s);
	if (rc != 0 || s->out->status != 0)
		return rc;
	s->fresh = true;
	rc = seen_add(s->store, s->contact.row, s->w->id, NULL, 0);
	return rc != 0 ? rc : answer(s);
}
