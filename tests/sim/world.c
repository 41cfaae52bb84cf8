#include "sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define BEGAN (INT64_C(1767225600) * 1000) /* 2026-01-01 */
#define EVENTS_MAX 60000000                /* of one world: more is a storm that does not end */

void *grow(void *v, size_t *room, size_t want, size_t each)
{
	if (want <= *room)
		return v;
	*room = *room == 0 ? 16 : *room * 2;
	if (*room < want)
		*room = want;
	v = realloc(v, *room * each);
	if (v == NULL)
		abort();
	return v;
}

/* ---- the trace ---- */

static void short_tag(char out[static 9], const uint8_t *tag)
{
	out[0] = '\0';
	if (tag != NULL)
		snprintf(out, 9, "%02x%02x%02x%02x", tag[0], tag[1], tag[2], tag[3]);
}

void trace(struct world *w, int peer, int other, const uint8_t *tag, const char *fmt, ...)
{
	int64_t t = w->now - w->began;
	char text[512];
	struct line *l;
	va_list ap;
	int n;

	if (!w->tracing)
		return;
	w->lines = realloc(w->lines, (w->nlines + 1) * sizeof(*w->lines));
	l = &w->lines[w->nlines++];
	l->peer = peer;
	l->other = other;
	short_tag(l->tag, tag);
	n = snprintf(text, sizeof(text), "%8lld %3lldd %02lld:%02lld:%02lld.%03lld %8s  p%-2d ",
	    (long long)w->counts->steps, (long long)(t / MP_DAY), (long long)(t / MP_HOUR % 24),
	    (long long)(t / MP_MINUTE % 60), (long long)(t / MP_SECOND % 60),
	    (long long)(t % MP_SECOND), l->tag, peer);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	l->text = strdup(text);
}

void fail(struct world *w, int a, int b, const uint8_t *tag, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
	short_tag(w->why_tag, tag);
	w->why_a = a;
	w->why_b = b;
	longjmp(w->out, 1);
}

static bool concerns(const struct world *w, const struct line *l)
{
	bool both = w->why_b < 0 || l->peer == w->why_b || l->other == w->why_b || l->other < 0;

	if (w->why_tag[0] != '\0' && l->tag[0] != '\0' && strcmp(w->why_tag, l->tag) != 0)
		return false;
	return w->why_a < 0 || ((l->peer == w->why_a || l->other == w->why_a) && both) ||
	       (l->peer == w->why_b && (l->other == w->why_a || l->other < 0));
}

void world_print(const struct world *w, FILE *to)
{
	size_t n = 0, skip;

	for (size_t i = 0; i < w->nlines; i++)
		n += concerns(w, &w->lines[i]);
	skip = n > 160 ? n - 160 : 0;
	for (size_t i = 0; i < w->nlines; i++)
		if (concerns(w, &w->lines[i]) && (skip == 0 || skip-- == 0))
			fprintf(to, "# %s\n", w->lines[i].text);
}

static const uint8_t *not_zero(const uint8_t *id, size_t len)
{
	return sodium_is_zero(id, len) ? NULL : id;
}

const uint8_t *tag_of_wire(const struct wire *w)
{
	const uint8_t *id;

	if (w->type == WIRE_MESSAGE)
		return w->u.message.chain.grouped ? w->u.message.chain.group : NULL;
	if (!wire_is_plan(w->type))
		return NULL;
	if ((id = not_zero(w->u.plan.addition, PLAN_ID)) == NULL &&
	    (id = not_zero(w->u.plan.introduction, PLAN_ID)) == NULL)
		id = not_zero(w->u.plan.group, GROUP_ID);
	return id;
}

const uint8_t *tag_of_flow(const struct flow *f)
{
	switch (f->kind) {
	case FLOW_PROPOSAL:
		return f->u.proposal.id;
	case FLOW_CONSENT:
		return f->u.consent.id;
	case FLOW_CHAT:
		return f->u.chat.id;
	default:
		return NULL;
	}
}

/* ---- sets ---- */

static uint64_t short_of(const uint8_t v[static 32])
{
	uint64_t s;

	memcpy(&s, v, sizeof(s));
	return s == 0 ? 1 : s;
}

static size_t place(const struct set *s, uint64_t v)
{
	size_t i = (size_t)(v * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (s->room - 1);

	while (s->v[i] != 0 && s->v[i] != v)
		i = (i + 1) & (s->room - 1);
	return i;
}

bool set_has(const struct set *s, const uint8_t v[static 32])
{
	return s->room > 0 && s->v[place(s, short_of(v))] != 0;
}

void set_add(struct set *s, const uint8_t v[static 32])
{
	if (2 * (s->n + 1) > s->room) {
		struct set bigger = {.room = s->room == 0 ? 1024 : 2 * s->room, .n = s->n};

		bigger.v = calloc(bigger.room, sizeof(*bigger.v));
		for (size_t i = 0; i < s->room; i++)
			if (s->v[i] != 0)
				bigger.v[place(&bigger, s->v[i])] = s->v[i];
		free(s->v);
		*s = bigger;
	}
	if (!set_has(s, v)) {
		s->v[place(s, short_of(v))] = short_of(v);
		s->n++;
	}
}

/* ---- what happens when ---- */

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void swap(struct event *a, struct event *b)
{
	struct event t = *a;

	*a = *b;
	*b = t;
}

/* Valid until the next call: the caller sets a, b, c and ptr at once. */
struct event *world_at(struct world *w, int64_t at, enum happening what, int peer)
{
	size_t i = w->nheap;

	w->heap = grow(w->heap, &w->heap_room, w->nheap + 1, sizeof(*w->heap));
	w->heap[w->nheap++] = (struct event){
	    .at = at < w->now ? w->now : at, .seq = w->seq++, .what = what, .peer = peer};
	while (i > 0 && before(&w->heap[i], &w->heap[(i - 1) / 2])) {
		swap(&w->heap[i], &w->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	return &w->heap[i];
}

static struct event take_first(struct world *w)
{
	struct event e = w->heap[0];
	size_t i = 0, child;

	w->heap[0] = w->heap[--w->nheap];
	while ((child = 2 * i + 1) < w->nheap) {
		if (child + 1 < w->nheap && before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!before(&w->heap[child], &w->heap[i]))
			break;
		swap(&w->heap[i], &w->heap[child]);
		i = child;
	}
	return e;
}

static void crash(struct peer *x, const struct event *e)
{
	struct world *w = x->w;

	if (!x->up)
		return;
	trace(w, x->i, -1, NULL, "crashes");
	x->up = false;
	w->counts->crashes++;
	lane_crash(x);
	world_at(w, w->now + e->a, RESTART, x->i);
}

static void restart(struct peer *x)
{
	if (x->up)
		return;
	trace(x->w, x->i, -1, NULL, "is up again");
	x->up = true;
	x->w->counts->restarts++;
	keep_restart(x);
	lane_restart(x);
	x->due_at = INT64_MAX;
	node_due_soon(x, x->w->now);
}

static void heal(struct world *w)
{
	trace(w, -1, -1, NULL, "the network is whole from now on");
	w->loss = w->dup = w->crash = w->fault = 0;
	w->healed = true;
	memset(w->cut, 0, sizeof(w->cut));
	for (int i = 0; i < w->n; i++)
		restart(&w->peer[i]);
}

static void happen(struct world *w, const struct event *e)
{
	struct peer *x = &w->peer[e->peer];

	switch (e->what) {
	case DELIVER:
		lane_deliver(x, e);
		break;
	case ANSWER:
		lane_answer(x, e);
		break;
	case TIMEOUT:
		lane_timeout(x, e);
		break;
	case WAKE:
		lane_kick(x, (size_t)e->b);
		break;
	case DUE:
		if (x->up && e->at >= x->due_at) {
			x->due_at = INT64_MAX;
			node_due(x);
		}
		break;
	case PERSON:
		person_looks(x);
		break;
	case ACT:
		person_acts(x, e);
		break;
	case CRASH:
		crash(x, e);
		break;
	case RESTART:
		restart(x);
		break;
	case HOSTILE:
		hostile_acts(x);
		break;
	case HEAL:
		heal(w);
		break;
	}
}

void world_run(struct world *w, int64_t until)
{
	int64_t n = 0;

	while (w->nheap > 0 && w->heap[0].at <= until) {
		struct event e = take_first(w);

		w->now = e.at;
		w->counts->events++;
		w->counts->steps++;
		if (++n > EVENTS_MAX)
			fail(w, -1, -1, NULL, "it does not end");
		happen(w, &e);
	}
	w->now = until;
}

struct world *world_new(uint64_t seed, int64_t number, struct counts *counts, bool tracing)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL)
		abort();
	w->seed = seed;
	w->number = number;
	w->counts = counts;
	w->tracing = tracing;
	w->now = w->began = BEGAN;
	counts->steps = 0;
	rng_seed(&w->rng, rng_mix(seed, (uint64_t)number));
	rng_reseed_sodium(rng_mix(seed ^ UINT64_C(0x5eed), (uint64_t)number));
	return w;
}

void world_people(struct world *w, int n)
{
	w->n = n;
	w->peer = calloc((size_t)n, sizeof(*w->peer));
	for (int i = 0; i < n; i++) {
		struct peer *x = &w->peer[i];
		uint8_t secret[64], seed[32];

		x->w = w;
		x->i = i;
		x->up = true;
		x->due_at = INT64_MAX;
		randombytes_buf(seed, sizeof(seed));
		crypto_sign_seed_keypair(x->onion, secret, seed);
		keep_open(x);
	}
}

void world_free(struct world *w)
{
	for (size_t i = 0; i < w->nheap; i++)
		if (w->heap[i].what == DELIVER || w->heap[i].what == ANSWER)
			packet_drop(w->heap[i].ptr);
	for (int i = 0; i < w->n; i++) {
		lane_free(&w->peer[i]);
		keep_close(&w->peer[i]);
	}
	for (size_t i = 0; i < w->nlines; i++)
		free(w->lines[i].text);
	free(w->lines);
	free(w->fates);
	free(w->said);
	free(w->secrets.v);
	free(w->clear.v);
	free(w->heap);
	free(w->peer);
	free(w);
}
