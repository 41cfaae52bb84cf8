/* What renewals of keys owe, and when one is wanted. */
#include "node/rekeying.h"

#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "store/outbox.h"

/* The record speaks of the epoch alone: the key is public, but nobody needs to see it. */
static int make_record(struct record *rec, const struct contact *c, enum wire_type t,
    const uint8_t id[static MESSAGE_ID], int64_t time, int64_t epoch)
{
	struct wire w = {.type = t, .u.rekey.epoch = epoch};

	rec->class = CLASS_OUT;
	strcpy(rec->kind, wire_type_name(t));
	memcpy(rec->contact, c->name, sizeof(rec->contact));
	rec->has_id = rec->has_body = true;
	memcpy(rec->id, id, sizeof(rec->id));
	rec->time = time;
	rec->ref[0] = '\0';
	buf_clear(&rec->body);
	return wire_to_body(&rec->body, &w);
}

static bool owes_half(const struct rekeying *k)
{
	enum rekey_state state = rekey_state(k);

	return state == REKEY_OFFERED || state == REKEY_ANSWERED;
}

static int half_record(struct record *rec, const struct contact *c, const struct rekeying *k)
{
	return make_record(rec, c, WIRE_REKEY, k->id, k->made, k->epoch + 1);
}

/* Our half for the next epoch, when there is no rekey under way. */
static int begin(struct store *s, const struct contact *c, int64_t now, struct rekey_work **out)
{
	struct rekey_work *w;
	int rc;

	*out = w = rekeying_load(s, c, &rc);
	if (rc != 0 || rekeying_step(w, REKEY_START, NULL).action != REKEY_MAKE)
		return rc;
	w->row.tried = now;
	return rekeying_save(s, w);
}

/* Within a transaction: two who start at once have one half. */
static int begin_alone(
    struct store *s, const struct contact *c, int64_t now, struct rekey_work **out)
{
	int rc = store_begin(s);

	*out = NULL;
	if (rc != 0)
		return rc;
	if ((rc = begin(s, c, now, out)) == 0)
		rc = store_commit(s);
	if (rc != 0)
		store_rollback(s);
	return rc;
}

static const char *under_way(const struct rekeying *k)
{
	return rekey_state(k) == REKEY_WAITING ? "the other side has yet to answer"
	                                       : "what the old key sealed may still arrive";
}

int rekeying_start(struct store *s, const char *name, int64_t now, struct record *rec)
{
	struct rekey_work *w = NULL;
	struct contact c;
	int rc = contact_get(s, &c, name);

	if (rc != 0)
		return rc;
	if (c.blocked)
		return err_set(MP_EUSAGE, "'%s' is blocked", c.name);
	if (c.state != CONTACT_ACTIVE)
		return err_set(MP_EUSAGE, "the meeting with '%s' is not complete yet", c.name);
	rc = begin_alone(s, &c, now, &w);
	if (rc == 0 && owes_half(&w->k))
		rc = half_record(rec, &c, &w->k);
	else if (rc == 0)
		rc = err_set(
		    MP_ENONE, "a rekey with '%s' is under way: %s", c.name, under_way(&w->k));
	secret_free(w);
	return rc;
}

int rekeying_renew(struct store *s, const struct contact *c, int64_t now)
{
	enum rekey_state state;
	int rc;
	struct rekey_work *w = rekeying_load(s, c, &rc);

	state = rekey_state(&w->k);
	/* A half is no key yet. */
	if (rc == 0 && state != REKEY_OFFERED && state != REKEY_WAITING) {
		w->row.tried = -now;
		if (state == REKEY_STEADY && !c->blocked) {
			(void)rekeying_step(w, REKEY_START, NULL);
			w->row.tried = now;
		}
		rc = rekeying_save(s, w);
	}
	secret_free(w);
	return rc == MP_ENONE ? 0 : rc;
}

/*
 * 1 when our half is to be given out: it is in no queue, or was set aside there (by one who does
 * not know the type, as a rule) so long ago that the next rekey would be wanted.
 */
static int give_half(struct store *s, const struct config *cfg, int64_t now, struct rekey_work *w)
{
	bool again = w->row.tried < 0;
	struct queue_item item;
	int rc = outbox_find(s, w->row.contact, w->k.id, &item);

	if (rc == MP_ENONE)
		return 1;
	if (rc != 0 || item.state != QUEUE_FAILED || cfg->rekey_age == 0 ||
	    now - (again ? -w->row.tried : w->row.tried) < cfg->rekey_age)
		return rc;
	w->row.tried = again ? -now : now;
	rc = rekeying_save(s, w);
	return rc != 0 ? rc : 1;
}

static int give_drained(struct store *s, int64_t now, struct rekey_work *w)
{
	struct queue_item item;
	int way = 0, rc;

	if (!w->k.owing)
		return 0;
	way = rekey_under_way(s, w->row.contact, w->k.since);
	if (way < 0 || !rekey_owes_drained(&w->k, way, now))
		return way < 0 ? way : 0;
	rc = outbox_find(s, w->row.contact, w->k.drained, &item);
	return rc == MP_ENONE ? 1 : rc;
}

/* 1 and *rec, or 0: nothing is owed. In the caller's transaction. */
static int owed(struct store *s, const struct config *cfg, int64_t now, const struct contact *c,
    struct rekey_work *w, struct record *rec)
{
	int64_t last = w->k.epoch - 1;
	bool old = w->k.old;
	int rc = 0;

	if ((w->k.old || w->k.owing) && now - w->k.since >= REKEY_LATE) {
		(void)rekeying_step(w, REKEY_OVERDUE, NULL);
		if (old)
			rc = rekeying_drop(s, w, last);
		return rc != 0 ? rc : rekeying_save(s, w);
	}
	if (c->blocked)
		return 0;
	if (owes_half(&w->k)) {
		rc = give_half(s, cfg, now, w);
		return rc == 1 && (rc = half_record(rec, c, &w->k)) == 0 ? 1 : rc;
	}
	rc = give_drained(s, now, w);
	if (rc != 1)
		return rc;
	rc = make_record(rec, c, WIRE_REKEY_DRAINED, w->k.drained, w->k.since, last);
	return rc == 0 ? 1 : rc;
}

static int owed_alone(
    struct store *s, const struct config *cfg, int64_t now, int64_t contact, struct record *rec)
{
	struct rekey_work *w = NULL;
	struct contact c;
	int rc = store_begin(s), give = 0;

	if (rc != 0)
		return rc;
	if ((rc = contact_by_row(s, &c, contact)) == 0) {
		w = rekeying_load(s, &c, &rc);
		if (rc == 0)
			give = owed(s, cfg, now, &c, w, rec);
	}
	secret_free(w);
	if (rc == MP_ENONE) /* it was removed meanwhile */
		rc = 0;
	if (give < 0)
		rc = give;
	if (rc == 0)
		rc = store_commit(s);
	if (rc != 0)
		store_rollback(s);
	return rc != 0 ? rc : give;
}

/* Begun for each contact whose key is old enough, or has sealed enough. */
static int begin_wanted(struct store *s, const struct config *cfg, int64_t now)
{
	int64_t row = 0, before = cfg->rekey_age > 0 ? now - cfg->rekey_age : 0;
	struct rekey_work *w;
	struct contact c;
	int rc = 0;

	while (rc == 0 && (rc = rekey_wanted(s, row, before, cfg->rekey_count, &row)) == 0) {
		if ((rc = contact_by_row(s, &c, row)) != 0)
			break;
		rc = begin_alone(s, &c, now, &w);
		secret_free(w);
	}
	return rc == MP_ENONE ? 0 : rc;
}

int rekeying_due(struct store *s, const struct config *cfg, int64_t now,
    int (*fn)(void *ctx, const struct record *rec), void *ctx, int64_t *n)
{
	struct record rec;
	int64_t row = 0;
	int rc = begin_wanted(s, cfg, now), found;

	record_init(&rec);
	while (rc == 0 && (found = rekey_open(s, row, &row)) != MP_ENONE) {
		rc = found != 0 ? found : owed_alone(s, cfg, now, row, &rec);
		if (rc != 1)
			continue;
		++*n;
		rc = fn(ctx, &rec);
	}
	record_free(&rec);
	return rc;
}

static int complete(const struct rekeying *k, struct wire *w)
{
	bool half = w->type == WIRE_REKEY;

	if (half ? !owes_half(k) || w->u.rekey.epoch != k->epoch + 1
	         : !k->owing || w->u.rekey.epoch != k->epoch - 1)
		return err_set(MP_EUSAGE, "this %s is owed no more", wire_type_name(w->type));
	memcpy(w->id, half ? k->id : k->drained, MESSAGE_ID);
	if (!half)
		return 0;
	memcpy(w->u.rekey.key, k->own, sizeof(k->own));
	w->reply = k->has_peer;
	memcpy(w->re, k->answers, MESSAGE_ID);
	return 0;
}

int rekeying_complete(struct store *s, int64_t contact, struct wire *w)
{
	struct contact c = {.row = contact};
	struct rekey_work *r;
	int rc;

	r = rekeying_load(s, &c, &rc);
	if (rc == 0)
		rc = complete(&r->k, w);
	secret_free(r);
	return rc == MP_ENONE ? err_set(MP_EUSAGE, "no rekey is under way") : rc;
}
