#include "node/dispatch.h"
#include "node/planning.h"
#include "base/clock.h"
#include "base/err.h"
#include "node/rekeying.h"
#include "node/telling.h"
#include "store/message.h"
#include "store/outbox.h"
#include "store/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is(const struct queue_item *item, enum wire_type t)
{
	return strcmp(item->kind, wire_type_name(t)) == 0;
}

int settle_add(struct sender *s, const struct queue_item *item, const char *code)
{
	if (s->nsettled == 0)
		s->settle_at = clock_monotonic() + SETTLE_WAIT;
	s->settled[s->nsettled] = *item;
	snprintf(s->codes[s->nsettled], sizeof(s->codes[0]), "%s", code);
	s->nsettled++;
	/* What others wait for does not wait: a greeting holds up all mail behind it. */
	if (s->nsettled == SETTLE_MOST || item->lane == LANE_CONTROL)
		return settle_flush(s);
	return 0;
}

/*
 * Only who has the pair key and the secret of the address can have taken it: a contact that waits
 * for the answer to our greeting, which was lost, knows us.
 */
static int confirm(struct sender *s, const struct queue_item *item)
{
	struct contact c;
	int rc = contact_by_row(s->s, &c, item->contact);

	if (rc == 0 && c.state == CONTACT_PENDING)
		rc = contact_confirm(s->s, item->contact);
	return rc == MP_ENONE ? 0 : rc;
}

static int set_sent(struct sender *s, const struct queue_item *item)
{
	uint8_t id[MESSAGE_ID];
	int rc;

	memcpy(id, item->id, sizeof(id));
	if (is(item, WIRE_FILE))
		file_transfer_of(id, item->id);
	rc = message_set_state(s->s, item->contact, DIR_OUT, id, MESSAGE_SENT);
	return rc == MP_ENONE ? 0 : rc; /* pruned, or sealed elsewhere */
}

static struct whole *find_whole(struct sender *s, const struct queue_item *item)
{
	struct whole *w = s->wholes;

	while (w != NULL &&
	       (w->item.contact != item->contact || memcmp(w->item.id, item->id, 12) != 0))
		w = w->next;
	return w;
}

static int add_whole(struct sender *s, const struct queue_item *item, struct whole **out)
{
	struct whole *w = calloc(1, sizeof(*w));
	int rc;

	if (w == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	w->item = *item;
	file_transfer_of(w->item.id, item->id);
	rc = outbox_file_size(s->s, item->contact, w->item.id, &w->size);
	w->chunks = rc == 0 ? (w->size + FILE_STEP - 1) / FILE_STEP : -1;
	w->next = s->wholes;
	s->wholes = *out = w;
	return rc == MP_ENONE ? 0 : rc;
}

static void tell_progress(const struct sender *s, const struct whole *w)
{
	int64_t done = w->reached * (int64_t)FILE_STEP;

	if (s->o->progress != NULL && w->chunks > 0)
		s->o->progress(s->o->ctx, w->item.name, done < w->size ? done : w->size, w->size);
}

int settle_reached(struct sender *s, const struct queue_item *item, int64_t chunk)
{
	struct whole *w = find_whole(s, item);
	int rc;

	if (w == NULL && (rc = add_whole(s, item, &w)) != 0)
		return rc;
	if (chunk > w->reached) {
		w->reached = chunk;
		tell_progress(s, w);
	}
	if (w->reached >= w->chunks)
		w->look = true;
	return 0;
}

static int settle_one(struct sender *s, const struct queue_item *item)
{
	int rc = queue_remove(s->s, item->seq);

	if (rc != 0 && rc != MP_ENONE) /* the answer to an offer took it out already */
		return rc;
	if ((rc = confirm(s, item)) != 0 || (rc = planning_sent(s->s, s->cfg, item->contact,
	                                         item->kind, item->id, true, clock_now())) != 0)
		return rc;
	if (is(item, WIRE_MESSAGE))
		return set_sent(s, item);
	if (is(item, WIRE_FILE_STATUS))
		return transfer_told(s->s, item->contact, item->id);
	if (is(item, WIRE_REKEY) || is(item, WIRE_REKEY_DRAINED))
		return rekeying_taken(s->s, item->contact, item->id);
	if (is(item, WIRE_CONTACT_UPDATE) || is(item, WIRE_RECEIPT) || is(item, WIRE_DEVICE_SYNC))
		return telling_taken(s->s, item->contact, item->kind, item->id);
	return is(item, WIRE_FILE) ? settle_reached(s, item, file_chunk_of(item->id)) : 0;
}

static bool gone(struct sender *s, int64_t contact)
{
	struct contact c;

	return contact_by_row(s->s, &c, contact) == MP_ENONE;
}

/* By another process: `mp-queue cancel', or the contact was removed. */
static int cancelled(struct sender *s, const struct queue_item *item)
{
	s->cancelled++;
	return sender_report(s, CLASS_FAILED, item, "cancelled", "it was taken out of the queue");
}

static int fail_whole(struct sender *s, const struct whole *w, const char *code, const char *reason)
{
	s->failed = true;
	return sender_report(s, CLASS_FAILED, &w->item, code, reason);
}

/*
 * Nothing of it is left in the queue.  When its last chunk was never given, its giver broke off: it
 * will never be whole, and who waits for this call must know.  Of another call's file we cannot
 * tell whether more comes.
 */
static int end_whole(struct sender *s, const struct whole *w)
{
	bool mine = sender_mine(s, &w->item);
	enum message_state state;
	int rc = message_get_state(s->s, w->item.contact, DIR_OUT, w->item.id, &state);

	if (rc == 0 && state == MESSAGE_FAILED)
		return mine ? fail_whole(s, w, "declined", "the file is not wanted") : 0;
	if ((rc == 0 && state == MESSAGE_CANCELLED) || (rc == MP_ENONE && gone(s, w->item.contact)))
		return mine ? cancelled(s, &w->item) : 0;
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	rc = 0;
	if (w->reached >= w->chunks)
		rc = set_sent(s, &w->item);
	else if (!mine || s->in == NULL)
		return 0;
	else if ((rc = message_set_state(
	              s->s, w->item.contact, DIR_OUT, w->item.id, MESSAGE_FAILED)) == 0 ||
	         rc == MP_ENONE)
		return fail_whole(s, w, "cut", "only a part of the file was given");
	return rc == 0 && mine ? sender_report(s, CLASS_SENT, &w->item, "204", NULL) : rc;
}

/* Nothing more comes in: what has no row left is at its end. */
static int settle_wholes(struct sender *s)
{
	struct whole **at = &s->wholes, *w;
	int64_t rows, lowest;
	int rc = 0;

	if (!s->input_done)
		return 0;
	while (rc == 0 && (w = *at) != NULL) {
		rows = 1;
		if (w->look)
			rc = queue_file_left(s->s, w->item.contact, w->item.id, &rows, &lowest);
		if (rc != 0 || rows > 0) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		rc = end_whole(s, w);
		free(w);
	}
	return rc;
}

int settle_look(struct sender *s, int64_t contact)
{
	for (struct whole *w = s->wholes; w != NULL; w = w->next)
		if (w->item.contact == contact)
			w->look = true;
	return settle_wholes(s);
}

int settle_flush(struct sender *s)
{
	size_t n = s->nsettled;
	int rc = 0;

	if (n > 0) {
		if ((rc = store_begin(s->s)) != 0)
			return rc;
		for (size_t i = 0; rc == 0 && i < n; i++)
			rc = settle_one(s, &s->settled[i]);
		if (rc == 0)
			rc = store_commit(s->s);
		if (rc != 0) {
			store_rollback(s->s);
			return rc;
		}
	}
	s->nsettled = 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (s->in != NULL)
			roll_drop(intake_roll(s->in), s->settled[i].seq);
		if (!is(&s->settled[i], WIRE_FILE) && sender_mine(s, &s->settled[i]))
			rc = sender_report(s, CLASS_SENT, &s->settled[i], s->codes[i], NULL);
	}
	return rc == 0 ? settle_wholes(s) : rc;
}

int settle_refused(struct sender *s, const struct queue_item *item)
{
	int rc = store_begin(s->s);

	if (rc != 0)
		return rc;
	if ((rc = queue_remove(s->s, item->seq)) == 0)
		rc = planning_sent(
		    s->s, s->cfg, item->contact, item->kind, item->id, false, clock_now());
	if (rc == 0)
		rc = store_commit(s->s);
	if (rc != 0)
		store_rollback(s->s);
	return rc;
}

struct chunks {
	const struct queue_item *item;
	int64_t *seqs;
	size_t n;
};

static int collect_chunk(void *ctx, const struct queue_item *item)
{
	struct chunks *c = ctx;
	int64_t *bigger;

	if (item->contact != c->item->contact || strcmp(item->kind, c->item->kind) != 0 ||
	    memcmp(item->id, c->item->id, 12) != 0 || item->state == QUEUE_FAILED)
		return 0;
	if ((bigger = realloc(c->seqs, (c->n + 1) * sizeof(*bigger))) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	c->seqs = bigger;
	bigger[c->n++] = item->seq;
	return 0;
}

int settle_fail_file(
    struct sender *s, const struct queue_item *item, const char *code, const char *reason)
{
	struct chunks c = {.item = item};
	int rc = queue_each(s->s, collect_chunk, &c);

	if (rc == 0 && (rc = store_begin(s->s)) == 0) {
		for (size_t i = 0; rc == 0 && i < c.n; i++)
			rc = queue_fail(s->s, c.seqs[i], code, reason);
		if (rc == 0)
			rc = store_commit(s->s);
		if (rc != 0)
			store_rollback(s->s);
	}
	free(c.seqs);
	return rc;
}

/* What became of a row that this call gave and somebody else settled? */
static int look_up(void *ctx, const struct queue_item *item)
{
	struct sender *s = ctx;
	struct queue_item there;
	enum message_state state;
	uint8_t id[MESSAGE_ID];
	int rc = outbox_find(s->s, item->contact, item->id, &there);

	if (rc == 0 && there.state == QUEUE_FAILED) {
		s->failed = true;
		return sender_report(s, CLASS_FAILED, &there, there.code, there.reason);
	}
	if (rc == 0 && there.state == QUEUE_CARRIED)
		return sender_report(s, CLASS_SENT, &there, "mesh", NULL);
	if (rc != MP_ENONE)
		return rc;
	memcpy(id, item->id, sizeof(id));
	if (is(item, WIRE_FILE))
		file_transfer_of(id, item->id);
	rc = message_get_state(s->s, item->contact, DIR_OUT, id, &state);
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	if (rc == 0 ? state == MESSAGE_CANCELLED : gone(s, item->contact))
		return cancelled(s, item);
	return rc == 0 && state == MESSAGE_SENT
	           ? sender_report(s, CLASS_SENT, item, "", "delivered by another process")
	           : 0;
}

int settle_others(struct sender *s)
{
	int rc;

	for (struct whole *w = s->wholes; w != NULL; w = w->next)
		w->look = true;
	if ((rc = settle_wholes(s)) == 0 && s->in != NULL)
		rc = roll_each(intake_roll(s->in), look_up, s);
	return rc;
}

void settle_free(struct sender *s)
{
	struct whole *w;

	while ((w = s->wholes) != NULL) {
		s->wholes = w->next;
		free(w);
	}
}
