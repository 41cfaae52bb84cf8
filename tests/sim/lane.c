/* The queues of a peer, and the network between them. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "node/retry.h"

#define PATIENCE (60 * MP_SECOND) /* of a post without an answer */
#define RETRY_MIN (30 * MP_SECOND)
#define RETRY_MAX (6 * MP_HOUR)
#define QUEUE_MAX 3000 /* of one lane: more grows without bound */

static size_t lane_of(struct peer *x, int64_t contact, enum wire_lane which)
{
	for (size_t i = 0; i < x->nlanes; i++)
		if (x->lanes[i].contact == contact && x->lanes[i].which == which)
			return i;
	x->lanes = realloc(x->lanes, (x->nlanes + 1) * sizeof(*x->lanes));
	x->lanes[x->nlanes] = (struct lane){.contact = contact, .which = which};
	return x->nlanes++;
}

void lane_add(struct peer *x, int64_t contact, struct packet *k)
{
	size_t i = lane_of(x, contact, wire_lane(k->type));
	struct lane *l = &x->lanes[i];
	struct item *item = calloc(1, sizeof(*item));

	item->k = k;
	if (l->tail != NULL)
		l->tail->next = item;
	else
		l->head = item;
	l->tail = item;
	if (++l->n > QUEUE_MAX && !x->hostile)
		fail(x->w, x->i, k->to, NULL, "a queue grows without bound");
	lane_kick(x, i);
}

bool lane_has(const struct peer *x, int64_t contact, const uint8_t id[static MESSAGE_ID])
{
	for (size_t i = 0; i < x->nlanes; i++) {
		if (x->lanes[i].contact != contact)
			continue;
		for (const struct item *t = x->lanes[i].head; t != NULL; t = t->next)
			if (memcmp(t->k->mid, id, MESSAGE_ID) == 0)
				return true;
	}
	return false;
}

static void pop(struct lane *l)
{
	struct item *t = l->head;

	l->head = t->next;
	if (l->head == NULL)
		l->tail = NULL;
	l->n--;
	packet_drop(t->k);
	free(t);
}

void lane_forget(struct peer *x, int64_t contact)
{
	for (size_t i = 0; i < x->nlanes; i++) {
		struct lane *l = &x->lanes[i];

		if (l->contact != contact)
			continue;
		while (l->head != NULL)
			pop(l);
		l->posting = false;
		l->token++;
	}
}

void lane_free(struct peer *x)
{
	for (size_t i = 0; i < x->nlanes; i++)
		while (x->lanes[i].head != NULL)
			pop(&x->lanes[i]);
	free(x->lanes);
}

/* ---- the network ---- */

/* Mostly soon, sometimes much later, so that what was sent first comes last. */
static int64_t latency(struct world *w)
{
	if (w->healed || rng_chance(&w->rng, 0.9))
		return rng_between(&w->rng, 50, 4 * MP_SECOND);
	if (rng_chance(&w->rng, 0.8))
		return rng_between(&w->rng, 4 * MP_SECOND, MP_HOUR);
	return rng_between(&w->rng, MP_HOUR, 5 * MP_DAY);
}

static void copy(struct peer *x, size_t lane, const struct item *t, int64_t token)
{
	struct world *w = x->w;
	struct event *e = world_at(w, w->now + latency(w), DELIVER, t->k->to);

	e->a = token;
	e->b = (int64_t)lane;
	e->ptr = packet_hold(t->k);
}

static void post(struct peer *x, size_t lane)
{
	struct lane *l = &x->lanes[lane];
	struct world *w = x->w;
	struct item *t = l->head;
	struct event *e;

	l->posting = true;
	l->token++;
	w->counts->posts++;
	e = world_at(w, w->now + PATIENCE, TIMEOUT, x->i);
	e->a = l->token;
	e->b = (int64_t)lane;
	if (t->k->to < 0)
		return;
	if (rng_chance(&w->rng, w->loss))
		w->counts->lost++;
	else
		copy(x, lane, t, l->token);
	if (rng_chance(&w->rng, w->dup)) {
		w->counts->repeated++;
		copy(x, lane, t, -1);
	}
}

void lane_kick(struct peer *x, size_t lane)
{
	struct lane *l = &x->lanes[lane];

	if (!x->up || l->posting || l->head == NULL)
		return;
	if (l->wake <= x->w->now) {
		post(x, lane);
	} else if (l->alarm != l->wake) {
		l->alarm = l->wake;
		world_at(x->w, l->wake, WAKE, x->i)->b = (int64_t)lane;
	}
}

/* Anything authentic of a contact makes what waits for him due at once. */
void lane_heard(struct peer *x, int64_t contact)
{
	for (size_t i = 0; i < x->nlanes; i++)
		if (x->lanes[i].contact == contact && x->lanes[i].wake > x->w->now) {
			x->lanes[i].wake = x->w->now;
			lane_kick(x, i);
		}
}

static void crash_now(struct peer *x)
{
	struct world *w = x->w;
	int64_t down = rng_chance(&w->rng, 0.8) ? rng_between(&w->rng, 500, 5 * MP_MINUTE)
	                                        : rng_between(&w->rng, MP_MINUTE, 12 * MP_HOUR);

	world_at(w, w->now, CRASH, x->i)->a = down;
}

void lane_deliver(struct peer *x, const struct event *e)
{
	struct packet *k = e->ptr, *reply = NULL;
	struct world *w = x->w;
	bool cut = w->cut[k->from][k->to] > w->now;
	struct event *back;
	enum status s;

	if (!x->up || cut || (x->hostile && rng_chance(&w->rng, 0.02))) {
		packet_drop(k);
		return;
	}
	s = node_receive(x, k, false, &reply);
	if (x->hostile && rng_chance(&w->rng, 0.1))
		s = rng_chance(&w->rng, 0.5) ? STATUS_400 : STATUS_204;
	/* Killed after the commit and before the answer. */
	if (rng_chance(&w->rng, w->crash)) {
		crash_now(x);
		s = 0;
	}
	if (s != 0 && e->a >= 0 && !rng_chance(&w->rng, w->loss)) {
		back = world_at(w, w->now + latency(w), ANSWER, k->from);
		back->a = e->a;
		back->b = e->b;
		back->c = (int64_t)s;
		back->ptr = reply;
	} else {
		packet_drop(reply);
	}
	packet_drop(k);
}

/* ---- what comes of a post ---- */

static void wait_more(struct peer *x, size_t lane)
{
	struct lane *l = &x->lanes[lane];

	l->posting = false;
	l->wake = x->w->now +
	          retry_backoff(RETRY_MIN, RETRY_MAX, l->fails++, (uint32_t)rng_next(&x->w->rng));
	lane_kick(x, lane);
}

void lane_timeout(struct peer *x, const struct event *e)
{
	const struct lane *l = &x->lanes[e->b];

	if (l->posting && l->token == e->a && x->up)
		wait_more(x, (size_t)e->b);
}

/* Out of the queue first, then what it means: a crash between the two leaves it owed. */
static void settle(struct peer *x, size_t lane, bool taken)
{
	struct packet *k = packet_hold(x->lanes[lane].head->k);
	int64_t contact = x->lanes[lane].contact;

	pop(&x->lanes[lane]);
	x->lanes[lane].posting = false;
	x->lanes[lane].wake = x->w->now;
	if (taken)
		x->lanes[lane].fails = 0;
	/* What was asked for again is a message like any other: refused, it is owed still. */
	if (taken || k->type != WIRE_MESSAGE)
		node_sent(x, k, contact, taken);
	packet_drop(k);
	lane_kick(x, lane);
}

static void set_aside(struct peer *x, const struct lane *l)
{
	const struct packet *k = l->head->k;
	const struct contact *c = keep_contact(x, l->contact);

	for (size_t i = 0; c != NULL && k->type == WIRE_MESSAGE && i < x->w->nsaid; i++)
		if (x->w->said[i].by == x->i && memcmp(x->w->said[i].id, k->mid, MESSAGE_ID) == 0)
			x->w->said[i].aside[c->peer] = true;
}

static void refused(struct peer *x, size_t lane)
{
	struct lane *l = &x->lanes[lane];
	int64_t delay = retry_refused(++l->head->refused);

	if (delay < 0) {
		set_aside(x, l);
		settle(x, lane, false);
		return;
	}
	l->posting = false;
	l->wake = x->w->now + delay;
	lane_kick(x, lane);
}

void lane_answer(struct peer *x, const struct event *e)
{
	struct packet *reply = e->ptr, *none = NULL;
	size_t lane = (size_t)e->b;
	bool stored = true, current = x->lanes[lane].posting && x->lanes[lane].token == e->a;

	if (!x->up || !current) {
		packet_drop(reply);
		return;
	}
	if (reply != NULL)
		stored = node_receive(x, reply, true, &none) != STATUS_503;
	packet_drop(reply);
	/* Its contact may have gone with what the answer said; a crash between the two. */
	if (!x->lanes[lane].posting || x->lanes[lane].token != e->a)
		return;
	if (rng_chance(&x->w->rng, x->w->crash)) {
		crash_now(x);
		return;
	}
	if (!stored || e->c == STATUS_503 || e->c == STATUS_429)
		wait_more(x, lane);
	else if (e->c == STATUS_400)
		refused(x, lane);
	else
		settle(x, lane, true);
}

void lane_crash(struct peer *x)
{
	for (size_t i = 0; i < x->nlanes; i++) {
		x->lanes[i].posting = false;
		x->lanes[i].token++;
	}
}

void lane_restart(struct peer *x)
{
	for (size_t i = 0; i < x->nlanes; i++) {
		x->lanes[i].alarm = 0;
		lane_kick(x, i);
	}
}
