#include "node/due.h"
#include "base/err.h"
#include "node/incoming.h"
#include "node/meeting.h"
#include "node/planning.h"
#include "node/relays.h"
#include "node/rekeying.h"
#include "node/syncing.h"
#include "node/telling.h"
#include "store/carried.h"
#include "store/outbox.h"
#include "store/traces.h"

#include <stdlib.h>
#include <string.h>

/* What owes something, collected before anything is given out: who takes it may be slow, and no
 * statement stays open meanwhile. */
struct owing {
	struct contact *pending;
	struct transfer *transfers;
	size_t npending, ntransfers;
};

static int add_pending(void *ctx, const struct contact *c)
{
	struct owing *o = ctx;
	struct contact *bigger;

	if (c->state != CONTACT_PENDING || c->blocked)
		return 0;
	if ((bigger = realloc(o->pending, (o->npending + 1) * sizeof(*bigger))) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	o->pending = bigger;
	bigger[o->npending++] = *c;
	return 0;
}

static int add_transfer(void *ctx, const struct transfer *t)
{
	struct owing *o = ctx;
	struct transfer *bigger;

	if ((bigger = realloc(o->transfers, (o->ntransfers + 1) * sizeof(*bigger))) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	o->transfers = bigger;
	bigger[o->ntransfers++] = *t;
	return 0;
}

/* 1 queued (or given up there), 0 not. */
static int queued(struct store *s, int64_t contact, const uint8_t id[static 16])
{
	struct queue_item item;
	int rc = outbox_find(s, contact, id, &item);

	return rc == MP_ENONE ? 0 : rc != 0 ? rc : 1;
}

/* rec is sound: to fn, unless it is in the queue. */
static int give(struct store *s, int64_t contact, const struct record *rec,
    int (*fn)(void *ctx, const struct record *rec), void *ctx, int64_t *n)
{
	int rc = queued(s, contact, rec->id);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	++*n;
	return fn(ctx, rec);
}

struct giving {
	struct store *s;
	int (*fn)(void *ctx, const struct record *rec);
	void *ctx;
	int64_t *n;
};

/* What the queue gave up is owed all the same: it goes once more. */
static int give_owed(void *ctx, const struct owed *o, const struct record *rec)
{
	struct giving *g = ctx;
	struct queue_item item;
	int rc = outbox_find(g->s, o->contact, o->id, &item);

	if (rc == 0 && item.state == QUEUE_FAILED)
		rc = queue_remove(g->s, item.seq);
	else if (rc == 0)
		return 0;
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	++*g->n;
	return g->fn(g->ctx, rec);
}

static int blocked(struct store *s, int64_t contact)
{
	struct contact c;
	int rc = contact_by_row(s, &c, contact);

	return rc != 0 ? rc : c.blocked;
}

static int give_all(struct store *s, const struct config *cfg, const struct owing *o, int64_t now,
    int (*fn)(void *ctx, const struct record *rec), void *ctx, int64_t *n)
{
	struct record rec;
	int rc = 0;

	record_init(&rec);
	for (size_t i = 0; rc == 0 && i < o->npending; i++) {
		rc = meeting_greeting(s, cfg, &o->pending[i], &rec);
		if (rc == MP_ENONE) /* the card's time is over */
			rc = 0;
		else if (rc == 0)
			rc = give(s, o->pending[i].row, &rec, fn, ctx, n);
	}
	for (size_t i = 0; rc == 0 && i < o->ntransfers; i++) {
		if ((rc = blocked(s, o->transfers[i].contact)) == 1) {
			rc = 0;
			continue;
		}
		if (rc == 0 && (rc = incoming_record(&rec, &o->transfers[i], now)) == 0)
			rc = give(s, o->transfers[i].contact, &rec, fn, ctx, n);
	}
	record_free(&rec);
	return rc;
}

int due_each(struct store *s, const struct config *cfg, int64_t now,
    int (*fn)(void *ctx, const struct record *rec), void *ctx, int64_t *n)
{
	struct giving g = {s, fn, ctx, n};
	struct owing o = {.pending = NULL};
	int64_t gone;
	int rc;

	*n = 0;
	if ((rc = key_expire(s, now, &gone)) != 0)
		goto out;
	if ((rc = queue_expire(s, now, &gone)) == 0 &&
	    (rc = contact_each(s, add_pending, &o)) == 0 && (rc = incoming_expire(s, now)) == 0 &&
	    (rc = transfer_each_owed(s, add_transfer, &o)) == 0)
		rc = give_all(s, cfg, &o, now, fn, ctx, n);
	if (rc == 0 && (rc = planning_tick(s, cfg, now)) == 0)
		rc = planning_due(s, cfg, now, give_owed, &g);
	if (rc == 0)
		rc = rekeying_due(s, cfg, now, fn, ctx, n);
	if (rc == 0 && (rc = carried_again(s, now, &gone)) == 0 && gone > 0)
		rc = relays_turn(s, now - cfg->receipt_wait, now);
	if (rc == 0)
		rc = telling_due(s, now, fn, ctx, n);
	if (rc == 0)
		rc = syncing_due(s, now, fn, ctx, n);
	/* Somebody who reads just now does not hold up what is due: the next call does it. */
	if (rc == 0)
		(void)traces_erase(s);
out:
	free(o.pending);
	free(o.transfers);
	return rc;
}
