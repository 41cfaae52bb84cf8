/* Relays, circles, bridges, people; what happens when. */
#include "sim/mesh/mesh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(const struct mesh *m, const char *what, int a, int b)
{
	printf(
	    "broken after %.3f days: %s (%d, %d)\n", (double)m->now / (double)MP_DAY, what, a, b);
	exit(1);
}

uint32_t draw(void *m)
{
	return (uint32_t)(rng_next(&((struct mesh *)m)->rng) >> 32);
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (p == NULL) {
		fputs("mesh: out of memory\n", stderr);
		exit(111);
	}
	return p;
}

void *grown(void *p, size_t *cap, size_t n, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap == 0 ? 16 : *cap * 2;
	if ((p = realloc(p, *cap * size)) == NULL) {
		fputs("mesh: out of memory\n", stderr);
		exit(111);
	}
	return p;
}

static bool sooner(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->serial < b->serial;
}

void mesh_at(struct mesh *m, int64_t at, enum what what, int a, int b, int c)
{
	struct event e = {at, m->serial++, what, a, b, c};
	size_t i = m->events;

	m->heap = grown(m->heap, &m->cap, m->events, sizeof(e));
	m->events++;
	for (; i > 0 && sooner(&e, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = e;
}

bool mesh_next(struct mesh *m, struct event *e)
{
	struct event last;
	size_t i = 0, k;

	if (m->events == 0 || m->heap[0].at > m->end)
		return false;
	*e = m->heap[0];
	last = m->heap[--m->events];
	while ((k = 2 * i + 1) < m->events) {
		if (k + 1 < m->events && sooner(&m->heap[k + 1], &m->heap[k]))
			k++;
		if (!sooner(&m->heap[k], &last))
			break;
		m->heap[i] = m->heap[k];
		i = k;
	}
	m->heap[i] = last;
	m->now = e->at;
	return true;
}

static bool are_peers(const struct relay *r, int to)
{
	for (int i = 0; i < r->degree; i++)
		if (r->link[i]->to == to)
			return true;
	return false;
}

static void connect_one(struct mesh *m, int from, int to)
{
	struct relay *r = &m->relay[from];
	struct link *l = &m->link[m->links];

	l->from = from;
	l->to = to;
	l->last = AUDIT_WAIT;
	r->link[r->degree++] = l;
	mesh_at(m, rng_below(&m->rng, MP_HOUR), AUDIT, m->links++, 0, 0);
}

static void connect_both(struct mesh *m, int a, int b)
{
	if (a == b || are_peers(&m->relay[a], b) || m->relay[a].degree == DEGREE_MAX ||
	    m->relay[b].degree == DEGREE_MAX)
		return;
	connect_one(m, a, b);
	connect_one(m, b, a);
}

/* One in ten is bad, of the three kinds in turn, and never more than three in a circle. */
static void make_bad(struct mesh *m)
{
	int *in_circle = zeroed((size_t)(m->n / CIRCLE), sizeof(int));

	for (int bad = 0; bad < m->n / 10;) {
		int r = (int)rng_below(&m->rng, m->n);

		if (m->relay[r].kind != HONEST || in_circle[r / CIRCLE] == 3)
			continue;
		in_circle[r / CIRCLE]++;
		m->relay[r].kind = (enum kind)(DROPPER + bad++ % (KINDS - 1));
	}
	free(in_circle);
}

static void make_relays(struct mesh *m)
{
	for (int r = 0; r < m->n; r++) {
		m->relay[r].listed = true;
		m->relay[r].shut_out = -1;
		for (int k = r + 1; k < m->n && k / CIRCLE == r / CIRCLE; k++)
			connect_both(m, r, k);
	}
	make_bad(m);
	for (int r = 0; r < m->n; r++)
		for (int k = 0; k < BRIDGES / 2; k++)
			connect_both(m, r, (int)rng_below(&m->rng, m->n));
	for (int r = 0; r < m->n; r++)
		for (int k = 0; k < 2 && m->relay[r].kind == HONEST; k++) {
			int64_t at = rng_below(&m->rng, m->posting);

			mesh_at(m, at, DOWN, r, 0, 0);
			mesh_at(
			    m, at + rng_between(&m->rng, 10 * MP_MINUTE, 6 * MP_HOUR), UP, r, 0, 0);
		}
}

/* What strangers can put into a box before anything else comes. */
static int64_t gang_fills(struct mesh *m)
{
	struct box_state b = {.quota = QUOTA};

	while (box_admit(&b, m->size.packet, false) == BOX_TAKE) {
		b.used += m->size.packet;
		b.open += m->size.packet;
	}
	if (b.open > QUOTA / BOX_OPEN_SHARE)
		fail(m, "strangers have more than their part of a box", 0, 0);
	return b.open;
}

static void make_people(struct mesh *m)
{
	int64_t junk = gang_fills(m);

	for (int p = 0; p < m->people; p++) {
		m->person[p].last = -1;
		for (int i = 0; i < RX; i++) {
			m->person[p].box[i].relay = (int)rng_below(&m->rng, m->n);
			m->person[p].box[i].state =
			    (struct box_state){.quota = QUOTA, .used = junk, .open = junk};
		}
	}
	for (int i = 0; i < m->messages; i++) {
		struct message *x = &m->message[i];

		x->to = (int)rng_below(&m->rng, m->people);
		x->before = m->person[x->to].last;
		m->person[x->to].last = i;
		x->accepted = x->boxed = x->got = -1;
		x->posted = rng_below(&m->rng, m->posting);
		mesh_at(m, x->posted, POST, i, 0, 0);
	}
}

void mesh_make(struct mesh *m, uint64_t seed)
{
	rng_seed(&m->rng, seed);
	m->end = m->posting + KEEP;
	m->relay = zeroed((size_t)m->n, sizeof(*m->relay));
	m->link = zeroed((size_t)m->n * DEGREE_MAX, sizeof(*m->link));
	m->person = zeroed((size_t)m->people, sizeof(*m->person));
	m->message = zeroed((size_t)m->messages, sizeof(*m->message));
	m->row = zeroed((size_t)m->messages * (size_t)m->n, sizeof(*m->row));
	make_relays(m);
	make_people(m);
	liars_vote(m);
}

void mesh_free(struct mesh *m)
{
	for (int i = 0; i < m->links; i++)
		free(m->link[i].q);
	for (int p = 0; p < m->people; p++)
		for (int i = 0; i < RX; i++)
			free(m->person[p].box[i].msg);
	free(m->relay);
	free(m->link);
	free(m->person);
	free(m->message);
	free(m->row);
	free(m->heap);
}
