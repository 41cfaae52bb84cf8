#include "node/syncing.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "mesh/field.h"
#include "node/telling.h"
#include "store/contact.h"
#include "store/letterbox.h"
#include "store/meshself.h"
#include "store/meshserver.h"
#include "store/sync.h"

#define SERVERS 32 /* told to a second device */
#define PEM_MAX 8192

static void wipe(json_t *v)
{
	const char *key;
	json_t *one;
	size_t i;

	if (json_is_string(v))
		secret_wipe((char *)json_string_value(v), json_string_length(v));
	json_array_foreach(v, i, one) wipe(one);
	json_object_foreach(v, key, one) wipe(one);
}

void syncing_json_free(json_t *o)
{
	wipe(o);
	json_decref(o);
}

/* All that is in none yet gets into one, as many as are needed; then each that is not under way. */
static int due_to(struct store *s, int64_t device, int64_t now, struct record *rec,
    int (*fn)(void *ctx, const struct record *rec), void *ctx, int64_t *n)
{
	uint8_t id[MESSAGE_ID];
	int rc;

	while ((rc = sync_name(s, device, id)) == 0)
		;
	if (rc != MP_ENONE)
		return rc;
	memset(id, 0, sizeof(id));
	while ((rc = sync_next(s, device, id)) == 0) {
		rc = telling_give(s, device, WIRE_DEVICE_SYNC, id, now, rec);
		*n += rc == 1;
		if (rc == 1)
			rc = fn(ctx, rec);
		if (rc != 0)
			return rc;
	}
	return rc == MP_ENONE ? 0 : rc;
}

static int is_active(struct store *s, int64_t contact)
{
	struct contact c;
	int rc = contact_by_row(s, &c, contact);

	return rc != 0 ? rc : c.state == CONTACT_ACTIVE && !c.blocked;
}

int syncing_due(struct store *s, int64_t now, int (*fn)(void *ctx, const struct record *rec),
    void *ctx, int64_t *n)
{
	struct device d = {.contact = 0};
	struct record rec;
	int rc;

	record_init(&rec);
	while ((rc = device_next(s, &d, d.contact)) == 0) {
		if (d.role == DEVICE_ASKS)
			continue;
		if ((rc = is_active(s, d.contact)) == 1)
			rc = due_to(s, d.contact, now, &rec, fn, ctx, n);
		if (rc != 0)
			break;
	}
	record_free(&rec);
	return rc == MP_ENONE ? 0 : rc;
}

/* What one device-sync says. */
struct saying {
	struct store *s;
	enum device_role role; /* of its reader */
	json_t *items;
	size_t n; /* rows, also those of which there is nothing to say any more */
};

static int set_secret(json_t *o, const char *key, const void *data, size_t len)
{
	struct buf text = BUF_INIT(4 * len / 3 + 8);
	int rc = base64_secret_encode(&text, data, len);

	if (rc == 0)
		rc = field_set(o, key, json_stringn((const char *)text.data, text.len));
	secret_wipe(text.data, text.len);
	buf_free(&text);
	return rc;
}

static int say_servers(struct store *s, json_t *o)
{
	uint8_t onion[SERVERS][ONION_KEY];
	struct meshserver v = {.row = 0};
	size_t n = 0;
	int rc = 0;

	while (n < SERVERS && (rc = meshserver_next(s, &v, v.row)) == 0)
		memcpy(onion[n++], v.onion, ONION_KEY);
	return rc != 0 && rc != MP_ENONE ? rc : field_set_servers(o, "servers", onion, n);
}

static int say_self(struct saying *y, json_t *o)
{
	struct buf pem[2] = {BUF_INIT(PEM_MAX), BUF_INIT(PEM_MAX)};
	int rc = meshself_keys(y->s, &pem[0], &pem[1]);

	if (rc == 0 && (rc = field_set_text(o, "what", "self")) == 0 &&
	    (rc = set_secret(o, "signing", pem[0].data, pem[0].len)) == 0 &&
	    (rc = set_secret(o, "opening", pem[1].data, pem[1].len)) == 0)
		rc = say_servers(y->s, o);
	for (int i = 0; i < 2; i++) {
		secret_wipe(pem[i].data, pem[i].len);
		buf_free(&pem[i]);
	}
	return rc;
}

static int say_key(json_t *list, const struct contact_key *k)
{
	json_t *o = json_object();
	int rc;

	if ((rc = field_set_int(o, "epoch", k->epoch)) == 0 &&
	    (rc = json_set_hex(o, "cid", k->cid, sizeof(k->cid))) == 0 && k->has_send)
		rc = json_set_hex(o, "send", k->send, sizeof(k->send));
	if (rc == 0 && k->has_recv)
		rc = json_set_hex(o, "recv", k->recv, sizeof(k->recv));
	if (rc != 0) {
		syncing_json_free(o);
		return rc;
	}
	return json_array_append_new(list, o) == 0 ? 0 : err_set(MP_ENOMEM, "out of memory");
}

static int say_keys(struct store *s, json_t *o, int64_t contact)
{
	struct contact_key *k = secret_alloc(sizeof(*k));
	json_t *list = json_array();
	int rc;

	k->epoch = -1;
	while ((rc = key_next_pair(s, k, contact, k->epoch)) == 0)
		if ((rc = say_key(list, k)) != 0)
			break;
	secret_free(k);
	if (rc == MP_ENONE)
		return field_set(o, "keys", list);
	syncing_json_free(list);
	return rc;
}

static int say_theirs(json_t *o, const struct letterbox *b)
{
	int rc;

	if ((rc = field_set_int(o, "time", b->time)) != 0 ||
	    (rc = field_set_bytes(o, "address", b->address, RSA_DER)) != 0 ||
	    (rc = field_set_bytes(o, "encryption", b->encryption, RSA_DER)) != 0 ||
	    (rc = json_set_hex(o, "theirs", b->theirs, sizeof(b->theirs))) != 0)
		return rc;
	return field_set_servers(o, "relays", b->relay, b->n);
}

static int say_letterbox(struct store *s, json_t *o, int64_t contact)
{
	json_t *box = json_object();
	struct letterbox b;
	int rc = letterbox_get(s, &b, contact);

	if (rc == MP_ENONE)
		rc = 0;
	if (rc == 0 && b.has_ours)
		rc = json_set_hex(box, "ours", b.ours, sizeof(b.ours));
	if (rc == 0 && b.has_theirs)
		rc = say_theirs(box, &b);
	secret_wipe(&b, sizeof(b));
	if (rc == 0)
		return field_set(o, "letterbox", box);
	syncing_json_free(box);
	return rc;
}

static int say_facts(json_t *o, const struct contact *c)
{
	int rc;

	if ((rc = field_set_text(o, "what", "contact")) == 0 &&
	    (rc = field_set_int(o, "contact", c->row)) == 0 &&
	    (rc = field_set_text(o, "name", c->name)) == 0 &&
	    (rc = json_set_hex(o, "onion", c->onion, sizeof(c->onion))) == 0 &&
	    (rc = field_set(o, "blocked", json_boolean(c->blocked))) == 0 &&
	    (rc = field_set(o, "verified", json_boolean(c->verified))) == 0 &&
	    c->nickname[0] != '\0')
		rc = field_set_text(o, "nickname", c->nickname);
	return rc;
}

/* 0: there is something to say; MP_ENONE: another device, or nobody that can be written to yet. */
static int say_contact(struct saying *y, int64_t row, json_t *o)
{
	struct contact c;
	struct device d;
	int rc = contact_by_row(y->s, &c, row);

	if (rc == MP_ENONE) {
		if ((rc = field_set_text(o, "what", "gone")) == 0)
			rc = field_set_int(o, "contact", row);
		return rc;
	}
	if (rc == 0 && (c.state != CONTACT_ACTIVE || !c.has_onion))
		return err_set(MP_ENONE, "not met yet");
	if (rc != 0 || (rc = device_get(y->s, &d, row)) != MP_ENONE)
		return rc != 0 ? rc : err_set(MP_ENONE, "another device");
	if ((rc = say_facts(o, &c)) != 0 || (rc = say_keys(y->s, o, row)) != 0)
		return rc;
	return say_letterbox(y->s, o, row);
}

/* The row by which the first device knows a contact. */
static int origin_of(struct saying *y, int64_t contact, int64_t *origin)
{
	struct shared h;
	int rc;

	*origin = contact;
	if (y->role != DEVICE_FIRST || contact == 0)
		return 0;
	if ((rc = shared_get(y->s, &h, contact)) == 0)
		*origin = h.origin;
	return rc;
}

/* A file is where it came to: another device gets its name, not a path. */
static int say_body(json_t *o, const struct record *rec)
{
	struct buf text = BUF_INIT(RECORD_LINE);
	json_t *file;
	int rc;

	if (strcmp(rec->kind, wire_type_name(WIRE_FILE)) != 0)
		return set_secret(o, "body", rec->body.data, rec->body.len);
	if ((rc = json_read(&file, (const char *)rec->body.data, rec->body.len)) != 0)
		return rc;
	json_object_del(file, "path");
	if ((rc = json_write(&text, file)) == 0)
		rc = set_secret(o, "body", text.data, text.len);
	json_decref(file);
	buf_free(&text);
	return rc;
}

static int say_message(struct saying *y, int64_t seq, json_t *o)
{
	struct record rec;
	int64_t contact, origin;
	int rc;

	record_init(&rec);
	if ((rc = sync_message(y->s, seq, &rec, &contact)) == 0 &&
	    (rc = origin_of(y, contact, &origin)) == 0 &&
	    (rc = field_set_text(o, "what", rec.class == CLASS_IN ? "in" : "out")) == 0 &&
	    (rc = field_set_int(o, "contact", origin)) == 0 &&
	    (rc = field_set_text(o, "kind", rec.kind)) == 0 &&
	    (rc = json_set_hex(o, "id", rec.id, MESSAGE_ID)) == 0 &&
	    (rc = field_set_time(o, "time", rec.time)) == 0 &&
	    (rc = field_set_text(o, "ref", rec.ref)) == 0)
		rc = say_body(o, &rec);
	secret_wipe(rec.body.data, rec.body.len);
	record_free(&rec);
	return rc;
}

static int say_came(struct saying *y, const struct sync_item *item, json_t *o)
{
	int64_t origin;
	int rc = origin_of(y, item->row, &origin);

	if (rc == 0 && (rc = field_set_text(o, "what", "came")) == 0 &&
	    (rc = field_set_int(o, "contact", origin)) == 0)
		rc = json_set_hex(o, "id", item->id, MESSAGE_ID);
	return rc;
}

static int say(void *ctx, const struct sync_item *item)
{
	struct saying *y = ctx;
	json_t *o = json_object();
	int rc;

	y->n++;
	switch (item->what) {
	case SYNC_SELF:
		rc = say_self(y, o);
		break;
	case SYNC_CONTACT:
		rc = say_contact(y, item->row, o);
		break;
	case SYNC_MESSAGE:
		rc = say_message(y, item->row, o);
		break;
	case SYNC_CAME:
		rc = say_came(y, item, o);
		break;
	default:
		rc = field_set_text(o, "what", "ask");
	}
	if (rc == 0 && json_array_append(y->items, o) != 0)
		rc = err_set(MP_ENOMEM, "out of memory");
	if (rc == 0)
		json_decref(o);
	else
		syncing_json_free(o);
	return rc == MP_ENONE ? 0 : rc;
}

int syncing_complete(
    struct store *s, int64_t device, const uint8_t id[static MESSAGE_ID], struct buf *body)
{
	struct saying y = {.s = s, .items = json_array()};
	json_t *o = json_object();
	struct device d;
	int rc = device_get(s, &d, device);

	y.role = d.role;
	if (rc == 0 && (rc = sync_each(s, device, id, say, &y)) == 0 && y.n == 0)
		rc = MP_ENONE;
	if (rc == 0 && (rc = field_set_int(o, "n", sync_number(id))) == 0 &&
	    (rc = field_set(o, "items", json_incref(y.items))) == 0)
		rc = json_write(body, o);
	syncing_json_free(o);
	json_decref(y.items);
	return rc == MP_ENONE ? err_set(MP_EUSAGE, "this device-sync is owed no more") : rc;
}

int syncing_taken(struct store *s, int64_t device, const uint8_t id[static MESSAGE_ID])
{
	return sync_done(s, device, id);
}
