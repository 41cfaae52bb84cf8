#include "node/dispatch.h"
#include "base/clock.h"
#include "base/err.h"
#include "node/planning.h"
#include "node/retry.h"
#include "store/message.h"
#include "store/outbox.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE (60 * MP_SECOND)
#define ENOUGH (10 * MP_SECOND) /* of a post without an answer, to call it a failure */
#define RENEW (40 * MP_SECOND)  /* left of a lease when it is renewed */

static void drop_way(struct sender *s, struct way *w)
{
	struct way **at = &s->ways;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (w->posting) {
		if (w->carrying)
			byroad_drop(s, w);
		else
			client_cancel(s->client, w);
		s->posting--;
	}
	buf_free(&w->envelope);
	free(w);
}

/* Hands the lane back. delay in ms from now; failed: as lane_release() says. */
static void release(struct sender *s, struct way *w, int64_t delay, bool failed)
{
	int rc = lane_release(
	    s->s, w->contact.row, w->lane, clock_now() + delay, failed, w->code, w->reason);

	drop_way(s, w);
	s->claim = true;
	if (rc != 0)
		sender_broken(s, rc);
}

static int64_t backoff(struct sender *s, const struct way *w)
{
	int64_t fails = 0;

	lane_fails(s->s, w->contact.row, w->lane, &fails);
	return retry_backoff(s->cfg->retry_min, s->cfg->retry_max, fails, randombytes_random());
}

static void pause_way(struct way *w, int64_t delay)
{
	w->resume = clock_monotonic() + delay;
}

static void say(struct way *w, const char *code, const char *reason)
{
	snprintf(w->code, sizeof(w->code), "%s", code);
	snprintf(w->reason, sizeof(w->reason), "%s", reason);
}

static void post(struct sender *s, struct way *w)
{
	int rc;

	if (byroad_first(s, w) && byroad_take(s, w))
		return;
	if (s->broken)
		return;
	rc = client_post(s->client, w->contact.onion, w->contact.isolation, w->envelope.data,
	    w->envelope.len, w);
	if (rc != 0) { /* memory, or the routes file */
		say(w, "local", err_detail());
		release(s, w, backoff(s, w), true);
		return;
	}
	w->posting = true;
	w->began = clock_monotonic();
	s->posting++;
}

/* Asked before each record: a person may have blocked or removed the contact meanwhile. */
static bool allowed(struct sender *s, struct way *w)
{
	int64_t row = w->contact.row;
	int rc = contact_by_row(s->s, &w->contact, row);

	if (rc == 0 && !w->contact.blocked && w->contact.has_onion)
		return true;
	w->contact.row = row;
	if (rc == 0)
		say(w, "blocked", "the contact is blocked");
	else if (rc == MP_ENONE)
		say(w, "cancelled", "the contact was removed");
	else
		sender_broken(s, rc);
	release(s, w, s->broken ? 0 : s->cfg->retry_max, !s->broken);
	return false;
}

/* The next of the lane, or the lane's end. */
static void go_on(struct sender *s, struct way *w)
{
	int rc;

	buf_clear(&w->envelope);
	if (!s->stopping && !allowed(s, w))
		return;
	rc = s->stopping
	         ? MP_ENONE
	         : lane_next(s->s, w->contact.row, w->lane, w->after, &w->item, &w->envelope);
	if (rc == 0) {
		post(s, w);
		return;
	}
	/* First out of the queue, so that the lane is seen to be empty. */
	if (rc == MP_ENONE && (rc = settle_flush(s)) == 0 && w->lane == LANE_FILE)
		rc = settle_look(s, w->contact.row);
	if (rc != 0)
		sender_broken(s, rc);
	release(s, w, 0, false);
}

static bool used_up(const struct sender *s, const struct way *w)
{
	for (size_t i = 0; i < s->nslow; i++)
		if (s->slow[i] == w->contact.row * LANES + (int64_t)w->lane)
			return true;
	return false;
}

static void set_used_up(struct sender *s, const struct way *w)
{
	int64_t *bigger = realloc(s->slow, (s->nslow + 1) * sizeof(*bigger));

	if (bigger == NULL)
		return;
	s->slow = bigger;
	bigger[s->nslow++] = w->contact.row * LANES + (int64_t)w->lane;
}

/* ms to the next quick try, or -1. */
static int64_t quick(struct sender *s, struct way *w)
{
	int64_t delay;

	if (s->o->follow || s->stopping || used_up(s, w) || !sender_mine(s, &w->item))
		return -1;
	delay = retry_quick(++w->failed);
	if (delay >= 0 && (s->deadline == INT64_MAX || clock_monotonic() + delay < s->deadline))
		return delay;
	set_used_up(s, w);
	return -1;
}

/* No answer, or one that says later: the whole lane waits. */
static void unreachable(struct sender *s, struct way *w, const struct post_result *r)
{
	int64_t wait, delay;

	if (r->status == 0 && byroad_take(s, w))
		return;
	delay = r->status == 0 ? quick(s, w) : -1;
	say(w, r->code, r->reason);
	if (delay >= 0) {
		pause_way(w, delay);
		return;
	}
	if (s->o->follow && sender_report(s, CLASS_QUEUED, &w->item, r->code, r->reason) != 0)
		return;
	/* A peer may ask for fewer tries than we would make, never for more. */
	wait = backoff(s, w);
	release(s, w, r->retry_after > wait ? r->retry_after : wait, true);
}

/* The record itself is not acceptable: twice more, then the next one goes. */
static void refused(struct sender *s, struct way *w, const struct post_result *r)
{
	int64_t delay = retry_refused(w->item.refused + 1);
	int rc = queue_refused(s->s, w->item.seq, r->code, r->reason);

	say(w, r->code, r->reason);
	if (rc == 0 && delay >= 0) {
		pause_way(w, delay);
		return;
	}
	if (rc == 0 && strcmp(w->item.kind, wire_type_name(WIRE_FILE)) == 0)
		rc = settle_fail_file(s, &w->item, r->code, r->reason);
	else if (rc == 0 && planning_owns(w->item.kind))
		rc = settle_refused(s, &w->item);
	else if (rc == 0)
		rc = queue_fail(s->s, w->item.seq, r->code, r->reason);
	if (rc == 0 && sender_mine(s, &w->item)) {
		s->failed = true;
		if (s->in != NULL)
			roll_drop(intake_roll(s->in), w->item.seq);
		rc = sender_report(s, CLASS_FAILED, &w->item, r->code, r->reason);
	}
	if (rc != 0 && rc != MP_ENONE) { /* none: it was cancelled meanwhile */
		sender_broken(s, rc);
		return;
	}
	w->after = w->item.seq;
	go_on(s, w);
}

/* What the sealed reply says about the file at hand: 1 and *f, or 0 when it does not. */
static int answer_of(
    struct sender *s, struct way *w, const struct post_result *r, struct wire_file_status *f)
{
	struct record rec;
	struct wire a;
	uint8_t transfer[MESSAGE_ID];
	int found = 0;

	record_init(&rec);
	file_transfer_of(transfer, w->item.id);
	if (receiver_open(s->receiver, r->reply.data, r->reply.len, &rec) == 0 &&
	    strcmp(rec.kind, wire_type_name(WIRE_FILE_STATUS)) == 0 &&
	    strcmp(rec.contact, w->contact.name) == 0 &&
	    wire_from_body(&a, WIRE_FILE_STATUS, (const char *)rec.body.data, rec.body.len) == 0) {
		*f = a.u.status;
		found = memcmp(f->file, transfer, sizeof(transfer)) == 0;
		wire_free(&a);
	}
	record_free(&rec);
	return found;
}

/* The sealed reply of a 200 goes in like everything else; false when it could not be stored. */
static bool take_reply(struct sender *s, const struct way *w, const struct post_result *r)
{
	struct received in;
	bool taken;

	memset(&in, 0, sizeof(in));
	receiver_answer(s->receiver, w->contact.row, r->reply.data, r->reply.len, &in);
	taken = in.status != RECEIVED_LATER;
	buf_free(&in.reply);
	s->claim = true; /* it may have released a file */
	return taken;
}

static void later(struct sender *s, struct way *w, struct post_result *r, const char *reason)
{
	r->status = 503;
	snprintf(r->code, sizeof(r->code), "store");
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	unreachable(s, w, r);
}

void dispatch_settled(struct sender *s, struct way *w, const char *code)
{
	int rc;

	w->failed = 0;
	w->after = w->item.seq;
	if ((rc = settle_add(s, &w->item, code)) != 0)
		sender_broken(s, rc);
	else
		go_on(s, w);
}

static void settled(struct sender *s, struct way *w, const struct post_result *r)
{
	dispatch_settled(s, w, r->code);
}

void dispatch_go_on(struct sender *s, struct way *w)
{
	w->after = w->item.seq;
	go_on(s, w);
}

void dispatch_wait(
    struct sender *s, struct way *w, const char *code, const char *reason, int64_t delay)
{
	say(w, code, reason);
	if (s->o->follow && sender_report(s, CLASS_QUEUED, &w->item, code, reason) != 0)
		return;
	set_used_up(s, w);
	release(s, w, delay >= 0 ? delay : backoff(s, w), true);
}

/*
 * A chunk that is answered by a status was not taken: the queue now holds what the receiver wants,
 * and only that counts.  When this is the same chunk again, it is one that he refuses.
 */
static void chunk_answered(
    struct sender *s, struct way *w, struct post_result *r, const struct wire_file_status *f)
{
	struct queue_item item;
	int rc;

	if (f->answer == FILE_WAIT) {
		rc = outbox_hold(s->s, w->contact.row, f->file);
		w->after = 0;
	} else {
		rc = outbox_find(s->s, w->contact.row, w->item.id, &item);
	}
	if (rc == MP_ENONE) {
		settled(s, w, r);
	} else if (rc != 0) {
		sender_broken(s, rc);
	} else if (f->answer == FILE_WAIT) {
		go_on(s, w);
	} else {
		snprintf(
		    r->reason, sizeof(r->reason), "the receiver asks for the same chunk again");
		refused(s, w, r);
	}
}

static void delivered(struct sender *s, struct way *w, struct post_result *r)
{
	struct wire_file_status f;
	bool file = strcmp(w->item.kind, wire_type_name(WIRE_FILE)) == 0, status = false;
	int rc;

	if (r->status != 200 || r->reply.len == 0) {
		settled(s, w, r);
		return;
	}
	/* The answer is about what is not in the queue any more, too. */
	if (file && (rc = settle_flush(s)) != 0) {
		sender_broken(s, rc);
		return;
	}
	if (file)
		status = answer_of(s, w, r, &f) != 0;
	if (status && f.answer == FILE_FROM &&
	    (rc = settle_reached(s, &w->item, f.from - 1)) != 0) {
		sender_broken(s, rc);
		return;
	}
	if (!take_reply(s, w, r)) /* the same question gets the same answer later */
		later(s, w, r, "the answer could not be stored");
	else if (status && file_chunk_of(w->item.id) > 0)
		chunk_answered(s, w, r, &f);
	else
		settled(s, w, r);
}

void dispatch_result(struct sender *s, struct post_result *r)
{
	struct way *w = r->tag;

	if (byroad_result(s, r))
		return;
	w->posting = false;
	s->posting--;
	if (s->broken)
		pause_way(w, MP_HOUR);
	else if (r->status == 200 || r->status == 204)
		delivered(s, w, r);
	else if (r->status == 400 || r->status == 413)
		refused(s, w, r);
	else
		unreachable(s, w, r);
	buf_free(&r->reply);
}

static void start(struct sender *s, int64_t contact, enum wire_lane lane)
{
	struct way *w = calloc(1, sizeof(*w));

	if (w == NULL) { /* the lease runs out by itself */
		sender_broken(s, err_set(MP_ENOMEM, "out of memory"));
		return;
	}
	w->lane = lane;
	w->leased = clock_now() + LEASE;
	w->envelope.max = ENVELOPE_MAX;
	w->next = s->ways;
	s->ways = w;
	w->contact.row = contact;
	go_on(s, w);
}

void dispatch_claim(struct sender *s)
{
	int64_t contact, next, now;
	enum wire_lane lane;
	int rc = 0;

	s->claim = false;
	s->next_due = INT64_MAX;
	while (!s->broken && !s->stopping && s->posting < (size_t)s->cfg->send_parallel) {
		now = clock_now();
		rc = lane_claim(s->s, &contact, &lane, now, LEASE, &next);
		if (rc != 0)
			break;
		start(s, contact, lane);
	}
	s->claim = false;
	if (rc == MP_ENONE && next != INT64_MAX)
		s->next_due = clock_monotonic() + (next > now ? next - now : 0);
	else if (rc == MP_EBUSY)
		s->next_due = clock_monotonic() + MP_SECOND;
	else if (rc != 0 && rc != MP_ENONE)
		sender_broken(s, rc);
}

/* All in one transaction; a lane that was lost to somebody else is let go. */
static int renew(struct sender *s, int64_t now)
{
	struct way *next;
	bool open = false;
	int rc = 0;

	for (struct way *w = s->ways; rc == 0 && w != NULL; w = next) {
		next = w->next;
		if (w->leased - now > RENEW)
			continue;
		if (!open && (rc = store_begin(s->s)) != 0)
			break;
		open = true;
		rc = lane_renew(s->s, w->contact.row, w->lane, now, LEASE);
		if (rc == 0) {
			w->leased = now + LEASE;
		} else if (rc == MP_ENONE) {
			drop_way(s, w);
			rc = 0;
		}
	}
	if (open && rc == 0)
		rc = store_commit(s->s);
	if (rc != 0)
		store_rollback(s->s);
	return rc;
}

void dispatch_tick(struct sender *s)
{
	int64_t mono = clock_monotonic();
	struct way *next;
	int rc = renew(s, clock_now());

	if (rc != 0 && rc != MP_EBUSY) /* busy: there is time for more tries */
		sender_broken(s, rc);
	for (struct way *w = s->ways; w != NULL; w = next) {
		next = w->next;
		if (!w->posting && w->resume <= mono && !s->stopping && !s->broken &&
		    s->posting < (size_t)s->cfg->send_parallel)
			go_on(s, w);
	}
}

int64_t dispatch_resume(const struct sender *s)
{
	int64_t first = INT64_MAX;

	for (const struct way *w = s->ways; w != NULL; w = w->next)
		if (!w->posting && w->resume < first)
			first = w->resume;
	return first;
}

bool dispatch_mine(struct sender *s)
{
	for (const struct way *w = s->ways; w != NULL; w = w->next)
		if (sender_mine(s, &w->item))
			return true;
	return false;
}

/*
 * A post that is broken off may have arrived: it is repeated.  Our own records had their time,
 * which counts as a failure of the lane; another call's had not.
 */
void dispatch_end(struct sender *s)
{
	int64_t mono = clock_monotonic();

	while (s->ways != NULL) {
		struct way *w = s->ways;
		int64_t delay = 0;

		if (w->posting) {
			say(w, "timeout", "the call ended before an answer came");
			if (!s->told && (mono - w->began >= ENOUGH || sender_mine(s, &w->item)))
				delay = backoff(s, w);
		} else if (w->failed > 0) {
			delay = backoff(s, w);
		} else {
			delay = w->resume > mono ? w->resume - mono : 0;
		}
		release(s, w, delay, true);
	}
}
