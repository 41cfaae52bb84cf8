#include "node/sender.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/watch.h"
#include "node/dispatch.h"
#include "node/meshcall.h"
#include "store/outbox.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOP_WAIT (5 * MP_SECOND)
#define OTHERS_WAIT MP_SECOND       /* for another call's posts, when our own are done */
#define LOOK_AGAIN (10 * MP_SECOND) /* for what a killed process left */
#define OTHERS 200                  /* ms between looks at what another process has leased */
#define CONNECT_WAIT MP_MINUTE      /* Tor builds circuits */

bool sender_mine(struct sender *s, const struct queue_item *item)
{
	if (!s->o->flush)
		return item->call == s->call ||
		       (s->in != NULL && intake_repeated(s->in, item->seq));
	if (s->o->ids == NULL)
		return item->seq <= s->newest;
	for (size_t i = 0; i < s->o->nids; i++) {
		bool file = strcmp(item->kind, wire_type_name(WIRE_FILE)) == 0;

		if (memcmp(item->id, s->o->ids[i], file ? 12 : 16) == 0)
			return true;
	}
	return false;
}

int sender_report(struct sender *s, enum record_class class, const struct queue_item *item,
    const char *code, const char *reason)
{
	struct record rec;
	int rc = 0;

	if (s->o->report == NULL)
		return 0;
	record_init(&rec);
	rec.class = class;
	strcpy(rec.kind, item->kind);
	strcpy(rec.contact, item->name);
	rec.has_id = true;
	memcpy(rec.id, item->id, RECORD_ID);
	if (strcmp(item->kind, wire_type_name(WIRE_FILE)) == 0)
		file_transfer_of(rec.id, item->id);
	rec.time = item->time;
	snprintf(rec.ref, sizeof(rec.ref), "%s", code);
	if (reason != NULL && reason[0] != '\0') {
		rec.has_body = true;
		rc = buf_adds(&rec.body, reason);
	}
	if (rc == 0)
		rc = s->o->report(s->o->ctx, &rec);
	record_free(&rec);
	if (rc != 0)
		sender_broken(s, rc);
	return rc;
}

void sender_broken(struct sender *s, int rc)
{
	/* A disk that is full for the one is so for the other: one line says it. */
	bool said = s->broken || (s->in != NULL && intake_fatal(s->in) == rc);

	if (!said && s->o->problem != NULL)
		s->o->problem(s->o->ctx, err_detail());
	s->broken = true;
	s->status = err_worse(s->status, err_status(rc));
}

static int find_newest(void *ctx, const struct queue_item *item)
{
	struct sender *s = ctx;

	if (item->state != QUEUE_FAILED && item->state != QUEUE_CARRIED) {
		s->newest = item->seq;
		s->given++;
	}
	return 0;
}

static int begin(struct sender *s)
{
	struct client_options co = {.timeout = s->cfg->send_timeout,
	    .connect = CONNECT_WAIT,
	    .media_type = MESH_MEDIA_TYPE,
	    .body_max = MESH_BODY_MAX};
	int64_t n, now = clock_now();
	int rc;

	s->watch = -1;
	s->deadline = s->next_due = INT64_MAX;
	s->status = EXIT_DONE;
	s->claim = true;
	randombytes_buf(&s->call, sizeof(s->call));
	s->call = s->call & INT64_MAX;
	if ((rc = store_open(&s->s)) != 0 || (rc = receiver_new(&s->receiver, s->s, s->cfg)) != 0 ||
	    (rc = client_new(&s->client, &co)) != 0 || (rc = queue_expire(s->s, now, &n)) != 0)
		return rc;
	if (s->o->flush && ((rc = lane_wake(s->s, 0, now, NULL)) != 0 ||
	                       (rc = queue_each(s->s, find_newest, s)) != 0))
		return rc;
	/* Best effort: without it, what other processes queue is found a little later. */
	s->watch = watch_open(home_file("run"));
	if (s->o->input >= 0)
		return intake_start(&s->in, s->cfg, s->o, s->call);
	return 0;
}

/* What came in since; after the end of input the clock runs. */
static void read_intake(struct sender *s)
{
	uint64_t n;
	int status = EXIT_DONE;

	if (s->input_done)
		return;
	if (s->in != NULL) {
		if (read(intake_fd(s->in), &n, sizeof(n)) > 0)
			s->claim = true;
		s->input_done = intake_state(s->in, &s->given, &status);
		s->status = err_worse(s->status, status);
	} else {
		s->input_done = true;
	}
	if (s->input_done) {
		s->claim = true;
		if (s->o->wait >= 0 && !s->o->follow)
			s->deadline = clock_monotonic() + s->o->wait;
	}
}

struct rest {
	struct sender *s;
	int64_t until; /* wall clock */
	bool report;
	struct queue_item last; /* reported */
	int64_t n, possible;
};

/* Can this row still go before the time is over? */
static bool possible(struct rest *r, const struct queue_item *item)
{
	struct outbox_lane l;

	if (item->state != QUEUE_WAITING ||
	    outbox_lane(r->s->s, item->contact, item->lane, clock_now(), &l) != 0)
		return false;
	return l.taken || l.due <= r->until;
}

static int report_rest(struct rest *r, const struct queue_item *item)
{
	bool file = strcmp(item->kind, wire_type_name(WIRE_FILE)) == 0;
	const char *code = item->code, *reason = item->reason;

	if (file && r->last.contact == item->contact && memcmp(r->last.id, item->id, 12) == 0)
		return 0;
	r->last = *item;
	if (item->state == QUEUE_HELD) {
		code = "held";
		reason = "waits for the answer to its offer";
	}
	return sender_report(r->s, CLASS_QUEUED, item, code, reason);
}

static int count_rest(void *ctx, const struct queue_item *item)
{
	struct rest *r = ctx;

	if (!sender_mine(r->s, item) || item->state == QUEUE_CARRIED)
		return 0;
	if (item->state == QUEUE_FAILED) {
		/* One that was retried by its id; of all others it is old news. */
		r->s->failed |= r->s->o->ids != NULL;
		return 0;
	}
	r->n++;
	if (r->report)
		return report_rest(r, item);
	r->possible += possible(r, item);
	return r->possible > 0; /* enough is known */
}

/* This call's records that are still in the queue. */
static int count(struct sender *s, struct rest *r, bool report)
{
	int64_t now = clock_now(), mono = clock_monotonic();
	int64_t n = 0;
	int rc;

	memset(r, 0, sizeof(*r));
	r->s = s;
	r->report = report;
	r->until = s->deadline == INT64_MAX ? INT64_MAX : now + (s->deadline - mono);
	if (!s->o->flush && (s->in == NULL || intake_repeats(s->in) == 0)) {
		rc = queue_count_call(s->s, s->call, &n);
		if (rc != 0 || n == 0)
			return rc;
	}
	rc = queue_each(s->s, count_rest, r);
	return rc < 0 ? rc : 0;
}

/* Nothing of this call is under way: is there a point in waiting on? */
static bool exhausted(struct sender *s)
{
	struct rest r;
	int rc;

	if (s->given == 0 && s->in != NULL) /* no input: what is due gets its one try */
		return s->ways == NULL && s->next_due > clock_monotonic();
	if ((rc = settle_flush(s)) != 0 || (rc = count(s, &r, false)) != 0) {
		sender_broken(s, rc);
		return true;
	}
	return r.n == 0 || r.possible == 0;
}

/* Is it time to look for lanes?  A call's own records go first, so the first of them is waited for.
 */
static bool claims(const struct sender *s)
{
	if (!s->claim || s->o->wait == 0 || s->stopping)
		return false;
	return s->in == NULL || s->o->follow || s->given > 0 || s->input_done;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What is under way may still be answered: broken off, it would have to be repeated. */
static void stop(struct sender *s, int64_t wait)
{
	s->stopping = true;
	s->stop_at = least(clock_monotonic() + wait, s->told ? INT64_MAX : s->deadline);
}

static bool over(struct sender *s)
{
	if (s->broken)
		return true;
	if (s->stopping)
		return s->posting == 0 || clock_monotonic() >= s->stop_at;
	if (s->o->follow || !s->input_done)
		return false;
	if (clock_monotonic() >= s->deadline)
		return true;
	if (claims(s) || dispatch_mine(s) || !exhausted(s))
		return false;
	stop(s, OTHERS_WAIT);
	return s->posting == 0;
}

/* ms until something is to be done without an event. */
static int64_t patience(struct sender *s)
{
	int64_t now = clock_monotonic(), at = now + LOOK_AGAIN;

	if (claims(s))
		return 0;
	if (s->posting < (size_t)s->cfg->send_parallel)
		at = least(at, least(s->next_due, dispatch_resume(s)));
	at = least(at, s->stopping ? s->stop_at : s->deadline);
	if (s->nsettled > 0)
		at = least(at, s->settle_at);
	if (s->input_done && !s->o->follow && s->posting == 0)
		at = least(at, now + OTHERS);
	return at > now ? at - now : 0;
}

static void wait_for_event(struct sender *s)
{
	struct pollfd extra[3];
	struct post_result r;
	int64_t before = clock_monotonic(), timeout = patience(s);
	unsigned n = 0;
	int rc;

	if (s->watch >= 0)
		extra[n++] = (struct pollfd){.fd = s->watch, .events = POLLIN};
	if (s->in != NULL && !s->input_done)
		extra[n++] = (struct pollfd){.fd = intake_fd(s->in), .events = POLLIN};
	if (s->o->stop_fd >= 0 && !s->told)
		extra[n++] = (struct pollfd){.fd = s->o->stop_fd, .events = POLLIN};
	rc = client_poll(s->client, &r, extra, n, timeout);
	if (rc < 0)
		sender_broken(s, rc);
	if (n > 0 && extra[n - 1].fd == s->o->stop_fd && extra[n - 1].revents != 0) {
		s->told = true;
		stop(s, STOP_WAIT);
	}
	for (; rc == 1; rc = client_poll(s->client, &r, NULL, 0, 0))
		dispatch_result(s, &r);
	if (s->next_due <= clock_monotonic() || clock_monotonic() - before >= OTHERS)
		s->claim = true;
}

static void loop(struct sender *s)
{
	int rc;

	for (;;) {
		read_intake(s);
		if (claims(s))
			dispatch_claim(s);
		if (over(s))
			return;
		wait_for_event(s);
		/* Somebody queued something, or woke a lane. */
		if (watch_touched(s->watch, "queue"))
			s->claim = true;
		dispatch_tick(s);
		if (!s->broken && s->nsettled > 0 && clock_monotonic() >= s->settle_at &&
		    (rc = settle_flush(s)) != 0)
			sender_broken(s, rc);
	}
}

static void say_cancelled(struct sender *s)
{
	char line[60];

	s->failed = true;
	snprintf(line, sizeof(line),
	    s->cancelled == 1 ? "1 record was cancelled" : "%lu records were cancelled",
	    s->cancelled);
	if (s->o->problem != NULL)
		s->o->problem(s->o->ctx, line);
}

static void finish(struct sender *s)
{
	struct rest r;
	int64_t failed = 0;
	int rc = settle_flush(s);

	dispatch_end(s);
	/* Another process may have had one of our lanes. */
	if (rc == 0 && s->in != NULL && (rc = outbox_failed(s->s, s->call, &failed)) == 0)
		s->failed |= failed > 0;
	if (rc == 0 && !s->o->follow)
		rc = settle_others(s);
	if (s->cancelled > 0)
		say_cancelled(s);
	if (rc == 0 && !s->o->follow && (rc = count(s, &r, s->o->report != NULL)) == 0 && r.n > 0)
		s->status = err_worse(s->status, EXIT_TEMPORARY);
	if (rc != 0)
		sender_broken(s, rc);
	if (s->failed)
		s->status = err_worse(s->status, EXIT_PERMANENT);
	if (s->given == 0 && !s->o->follow)
		s->status = err_worse(s->status, EXIT_NO);
	store_wake_queue(); /* whoever follows the queue sees when it is due now */
}

int sender_run(const struct config *cfg, const struct sender_options *o)
{
	struct sender *s = calloc(1, sizeof(*s));
	int rc, status;

	if (s == NULL)
		return err_status(err_set(MP_ENOMEM, "out of memory"));
	s->cfg = cfg;
	s->o = o;
	if ((rc = begin(s)) != 0) {
		sender_broken(s, rc);
	} else {
		loop(s);
		finish(s);
	}
	intake_leave(s->in);
	settle_free(s);
	courier_free(s->courier);
	client_free(s->client);
	receiver_free(s->receiver);
	store_close(s->s);
	if (s->watch >= 0)
		close(s->watch);
	free(s->slow);
	status = s->status;
	free(s);
	return status;
}
