#include "node/sealing.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/onion.h"
#include "node/devices.h"
#include "node/feed.h"
#include "node/planning.h"
#include "node/rekeying.h"
#include "node/syncing.h"
#include "node/telling.h"
#include "store/message.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_BLOCK 256 /* chunks that are counted by one commit */

int sealer_new(
    struct sealer **out, struct store *s, const struct config *cfg, const struct sealer_options *o)
{
	struct sealer *z = calloc(1, sizeof(*z));

	if (z == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	z->s = s;
	z->cfg = cfg;
	z->o = *o;
	z->key = secret_alloc(sizeof(*z->key));
	z->flow = secret_alloc(sizeof(*z->flow));
	z->header.max = z->envelope.max = ENVELOPE_MAX;
	z->text.max = SYNC_TEXT;
	record_init(&z->out);
	*out = z;
	return 0;
}

void sealer_free(struct sealer *z)
{
	if (z == NULL)
		return;
	secret_free(z->key);
	secret_free(z->flow);
	buf_free(&z->header);
	buf_free(&z->envelope);
	secret_wipe(z->text.data, z->text.len);
	buf_free(&z->text);
	record_free(&z->out);
	free(z);
}

int sealer_target(struct sealer *z, const char *name)
{
	struct contact *c = &z->contact;
	int rc;

	if (name[0] == '\0')
		return err_set(MP_EUSAGE, "no contact named");
	if ((rc = contact_get(z->s, c, name)) != 0)
		return rc;
	if (c->blocked)
		return err_set(MP_EUSAGE, "'%s' is blocked", name);
	if (c->state == CONTACT_OFFERED || !c->has_onion)
		return err_set(MP_EUSAGE, "'%s' has not accepted our card yet", name);
	return 0;
}

int sealer_speakable(struct sealer *z, const char *name)
{
	int rc = sealer_target(z, name);

	if (rc == 0 && z->contact.state == CONTACT_TEMPORARY)
		return err_set(MP_EUSAGE, "'%s' is introduced, but no contact yet", name);
	return rc;
}

int sealer_check(struct sealer *z, const char *contact)
{
	return sealer_speakable(z, contact);
}

static int sending_key(struct store *s, struct contact_key *k, int64_t contact, enum key_role role)
{
	int rc = key_for_sending(s, k, contact, role);

	if (rc == MP_ENONE && role == KEY_OFFER)
		return err_set(MP_EUSAGE, "this meeting is over: it was confirmed or has expired");
	return rc;
}

int sealer_key(struct sealer *z, enum key_role role)
{
	return sending_key(z->s, z->key, z->contact.row, role);
}

int sealer_count(struct sealer *z, int64_t n)
{
	bool warn = false;
	int rc = key_count_sealed(z->s, z->key->row, n, &warn);

	if (rc == 0 && warn && z->o.warn != NULL)
		z->o.warn(z->contact.name);
	return rc;
}

/* The offer's key is known to whoever saw the card; the proof says that S really is the sender. */
static int set_initial(struct sealer *z, struct wire *w)
{
	struct wire_initial_contact *f = &w->u.initial;
	int rc;

	if ((rc = identity_public(f->sender)) != 0 ||
	    (rc = sending_key(z->s, z->key, z->contact.row, KEY_PAIR)) != 0)
		return rc;
	kdf_proof(f->proof, z->key->send, w->id);
	return 0;
}

static int set_message(struct wire *w, const struct record *rec)
{
	memset(w, 0, sizeof(*w));
	w->type = WIRE_MESSAGE;
	if (rec->body.len == 0)
		return err_set(MP_EBAD, "an empty message");
	if (rec->body.len > MESSAGE_TEXT)
		return err_set(MP_ELIMIT, "longer than 64 KiB: send it as a file with -f");
	w->body = rec->body.data;
	w->blen = rec->body.len;
	return 0;
}

/* The fields from the record's JSON; without a body, as the configuration says. */
static int set_fields(struct sealer *z, struct wire *w, enum wire_type t, const struct record *rec)
{
	const char *body = rec->has_body ? (const char *)rec->body.data : "{}";
	int rc = wire_from_body(w, t, body, rec->has_body ? rec->body.len : 2);

	if (rc == 0 && t == WIRE_INITIAL_CONTACT && !rec->has_body && z->cfg->nickname[0] != '\0')
		w->u.initial.nickname = z->cfg->nickname;
	return rc;
}

/* What introductions and groups owe is not for a record to say: the store does. */
static int set_owed(struct sealer *z, struct wire *w, enum wire_type t, const struct record *rec)
{
	struct keeper k;
	int rc;

	if (!rec->has_id)
		return err_set(MP_EUSAGE, "a '%s' is made by mp-due, not by hand", rec->kind);
	if ((rc = keeper_open(&k, z->s, z->cfg, clock_now())) != 0)
		return rc;
	return planning_complete(&k, z->contact.row, rec->id, t, z->flow, w);
}

/* What rec says, without id and time.  The caller frees w. */
static int set_wire(struct sealer *z, struct wire *w, const struct record *rec)
{
	enum wire_type t;

	memset(w, 0, sizeof(*w));
	if (wire_type_parse(&t, rec->kind) != 0)
		return err_set(MP_EUSAGE, "kind '%s' cannot be sealed", rec->kind);
	if (t == WIRE_FILE)
		return err_set(MP_EUSAGE, "a file is sealed with -f, not from a record");
	if (wire_is_plan(t))
		return set_owed(z, w, t, rec);
	return t == WIRE_MESSAGE ? set_message(w, rec) : set_fields(z, w, t, rec);
}

static void set_id(struct sealer *z, struct wire *w, const struct record *rec)
{
	if (rec->has_id)
		memcpy(w->id, rec->id, MESSAGE_ID);
	else if (w->type == WIRE_INITIAL_CONTACT && z->contact.has_greeting)
		memcpy(w->id, z->contact.greeting, MESSAGE_ID);
	else
		randombytes_buf(w->id, MESSAGE_ID);
	w->time = rec->time != RECORD_TIME_ABSENT ? rec->time : clock_now();
}

int sealer_seal(struct sealer *z, const struct wire *w)
{
	int rc;

	buf_clear(&z->header);
	buf_clear(&z->envelope);
	if ((rc = wire_encode(&z->header, w)) != 0)
		return rc;
	return envelope_seal(&z->envelope, z->key->send, z->key->cid, z->header.data, z->header.len,
	    w->body, w->blen);
}

/* Nothing is stored as sealed under a key after the switch to the next (mp-protocol(7), REKEY). */
static int still_current(struct sealer *z)
{
	int64_t row = z->key->row;
	int rc = sending_key(z->s, z->key, z->contact.row, z->key->role);

	z->renewed = rc == 0 && z->key->row != row;
	return rc;
}

/* The text is kept in the transaction that counts the key; n of them are counted. */
static int keep(struct sealer *z, const struct record *rec, int64_t n)
{
	int rc = store_begin(z->s);

	if (rc != 0)
		return rc;
	if ((rc = still_current(z)) == 0 && !z->renewed && (rc = sealer_count(z, n)) == 0 &&
	    rec != NULL) {
		rc = message_add(z->s, z->contact.row, DIR_OUT, MESSAGE_SEALED, rec, clock_now());
		if (rc == MP_EEXIST) /* sealed before: only the envelope is new */
			rc = 0;
	}
	if (rc == 0)
		rc = store_commit(z->s);
	if (rc != 0)
		store_rollback(z->s);
	return rc;
}

/* w under z->key, or under the one that took its place just now, and kept. */
static int seal_and_keep(
    struct sealer *z, const struct wire *w, const struct record *rec, int64_t n)
{
	int rc;

	do {
		if ((rc = sealer_seal(z, w)) == 0)
			rc = keep(z, rec, n);
	} while (rc == 0 && z->renewed);
	return rc;
}

int sealer_emit(struct sealer *z, const struct wire *w, sealer_sink *sink, void *ctx)
{
	struct record *r = &z->out;
	int rc;

	r->class = CLASS_SEALED;
	snprintf(r->kind, sizeof(r->kind), "%s", wire_type_name(w->type));
	snprintf(r->contact, sizeof(r->contact), "%s", z->o.blank ? "" : z->contact.name);
	r->has_id = r->has_body = true;
	memcpy(r->id, w->id, RECORD_ID);
	r->time = w->time;
	r->ref[0] = '\0';
	if (!z->o.blank)
		onion_encode(r->ref, z->contact.onion);
	buf_clear(&r->body);
	if ((rc = base64_encode(&r->body, z->envelope.data, z->envelope.len)) != 0)
		return rc;
	return sink(ctx, r);
}

/* What the record does not say is in the store. */
static int complete(struct sealer *z, const struct record *rec, struct wire *w)
{
	int rc;

	if (w->type == WIRE_REKEY || w->type == WIRE_REKEY_DRAINED)
		return rekeying_complete(z->s, z->contact.row, w);
	if (w->type == WIRE_CONTACT_UPDATE || w->type == WIRE_RECEIPT)
		return telling_complete(z->s, z->contact.row, rec, w);
	if (w->type != WIRE_DEVICE_SYNC)
		return 0;
	buf_clear(&z->text);
	rc = syncing_complete(z->s, z->contact.row, w->id, &z->text);
	w->body = z->text.data;
	w->blen = z->text.len;
	return rc;
}

int sealer_record(struct sealer *z, const struct record *rec, sealer_sink *sink, void *ctx)
{
	enum key_role role = KEY_PAIR;
	struct record kept = *rec; /* borrows the body */
	struct wire w;
	int rc;

	if (rec->ref[0] != '\0' && strcmp(rec->kind, wire_type_name(WIRE_MESSAGE)) == 0)
		return sealer_group_record(z, rec, sink, ctx);
	if ((rc = sealer_target(z, rec->contact)) != 0)
		return rc;
	if ((rc = set_wire(z, &w, rec)) != 0)
		goto out;
	set_id(z, &w, rec);
	if (w.type == WIRE_INITIAL_CONTACT) {
		if ((rc = set_initial(z, &w)) != 0)
			goto out;
		role = KEY_OFFER;
	} else if (w.type == WIRE_INTRODUCTION_ACKNOWLEDGEMENT ||
	           w.type == WIRE_TEMPORARY_CONTACT_UPDATE) {
		role = KEY_TEMPORARY;
	} else if ((rc = sealer_speakable(z, rec->contact)) != 0) {
		goto out;
	}
	if ((rc = devices_may(z->s, z->contact.row, w.type)) != 0 ||
	    (rc = complete(z, rec, &w)) != 0 ||
	    (rc = sending_key(z->s, z->key, z->contact.row, role)) != 0)
		goto out;
	kept.has_id = true;
	memcpy(kept.id, w.id, RECORD_ID);
	kept.time = w.time;
	if ((rc = seal_and_keep(z, &w, w.type == WIRE_MESSAGE ? &kept : NULL, 1)) == 0)
		rc = sealer_emit(z, &w, sink, ctx);
out:
	wire_free(&w);
	return rc;
}

/* A file on its way through the sealer. */
struct pass {
	const struct sealer_file *f;
	struct feed *feed;
	struct wire w;
	int64_t done;
};

static int pass_begin(struct pass *p, const struct sealer_file *given)
{
	struct wire_file *f = &p->w.u.file;
	int rc;

	memset(p, 0, sizeof(*p));
	p->f = given;
	f->name = given->name;
	if ((rc = feed_open(&p->feed, given->fd, given->name, FILE_STEP, &f->size)) != 0)
		return rc;
	p->w.type = WIRE_FILE;
	p->w.time = given->time;
	if (given->id != NULL)
		memcpy(p->w.id, given->id, MESSAGE_ID);
	else
		randombytes_buf(p->w.id, MESSAGE_ID);
	file_transfer_of(p->w.id, p->w.id);
	if (given->chain != NULL)
		f->chain = *given->chain;
	f->step = FILE_STEP;
	f->chunks = (f->size + f->step - 1) / f->step;
	return 0;
}

/* The history's record of a file: what it is, not where it came from. */
static int file_record(struct record *rec, const struct pass *p)
{
	json_t *o = json_object();
	int rc;

	record_init(rec);
	rec->class = CLASS_OUT;
	snprintf(rec->kind, sizeof(rec->kind), "%s", wire_type_name(WIRE_FILE));
	snprintf(rec->ref, sizeof(rec->ref), "%s", p->f->group);
	memcpy(rec->id, p->w.id, RECORD_ID);
	rec->has_id = rec->has_body = true;
	rec->time = p->w.time;
	if (json_object_set_new(o, "name", json_string(p->f->name)) != 0 ||
	    json_object_set_new(o, "size", json_integer(p->w.u.file.size)) != 0)
		rc = err_set(MP_EBAD, "the name of '%s' is not UTF-8", p->f->name);
	else
		rc = json_write(&rec->body, o);
	json_decref(o);
	return rc;
}

/*
 * Chunk w->u.file.chunk, sealed and counted; the offer is kept as a message too.  A block of chunks
 * is sealed under the key that was current when it began.
 */
static int seal_chunk(struct sealer *z, struct pass *p)
{
	struct wire_file *f = &p->w.u.file;
	int64_t left = f->chunks + 1 - f->chunk;
	struct record rec;
	int rc = 0;

	file_chunk_id(p->w.id, p->w.id, (uint32_t)f->chunk);
	if (f->chunk > 0)
		rc = feed_next(p->feed, &p->w.body, &p->w.blen);
	if (rc == 0 && (f->has_hash = f->chunk == f->chunks))
		rc = feed_hash(p->feed, f->sha256);
	else if (rc == 0 && (f->has_hash = f->chunk == 0 && p->f->chain != NULL))
		memcpy(f->sha256, p->f->sha256, sizeof(f->sha256));
	p->done += (int64_t)p->w.blen;
	if (rc != 0)
		return rc;
	if (f->chunk % COUNT_BLOCK != 0)
		return sealer_seal(z, &p->w);
	record_init(&rec);
	if (f->chunk == 0)
		rc = file_record(&rec, p);
	if (rc == 0)
		rc = seal_and_keep(
		    z, &p->w, f->chunk == 0 ? &rec : NULL, left < COUNT_BLOCK ? left : COUNT_BLOCK);
	record_free(&rec);
	return rc;
}

int sealer_pass(struct sealer *z, const struct sealer_file *given)
{
	struct pass p;
	struct wire_file *f = &p.w.u.file;
	int rc;

	if ((rc = sealer_key(z, KEY_PAIR)) != 0)
		return rc;
	if ((rc = pass_begin(&p, given)) != 0)
		goto out;
	for (f->chunk = 0; f->chunk <= f->chunks; f->chunk++) {
		if ((rc = seal_chunk(z, &p)) != 0 ||
		    (rc = sealer_emit(z, &p.w, given->sink, given->ctx)) != 0)
			goto out;
		if (given->progress != NULL)
			given->progress(given->ctx, p.done, f->size);
	}
out:
	feed_free(p.feed);
	return rc;
}

int sealer_file(struct sealer *z, const char *contact, int fd, const char *name, sealer_sink *sink,
    void *ctx, void (*progress)(void *ctx, int64_t done, int64_t all))
{
	const struct sealer_file f = {.fd = fd,
	    .name = name,
	    .group = "",
	    .time = clock_now(),
	    .sink = sink,
	    .ctx = ctx,
	    .progress = progress};
	int rc = sealer_speakable(z, contact);

	if (rc == 0)
		rc = devices_may(z->s, z->contact.row, WIRE_FILE);
	return rc != 0 ? rc : sealer_pass(z, &f);
}

int seal_wire(struct buf *envelope, struct store *s, int64_t contact, const struct wire *w)
{
	struct contact_key *k = secret_alloc(sizeof(*k));
	struct buf header = BUF_INIT(ENVELOPE_MAX);
	bool warn;
	int rc;

	if ((rc = sending_key(s, k, contact, KEY_PAIR)) == 0 &&
	    (rc = wire_encode(&header, w)) == 0 &&
	    (rc = envelope_seal(
	         envelope, k->send, k->cid, header.data, header.len, w->body, w->blen)) == 0)
		rc = key_count_sealed(s, k->row, 1, &warn);
	buf_free(&header);
	secret_free(k);
	return rc;
}
