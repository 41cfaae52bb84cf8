/* What relays do with packets and acknowledgements, and what becomes of batches on the way. */
#include "sim/mesh/mesh.h"

#include <string.h>

struct row *row_of(struct mesh *m, int relay, int msg)
{
	return &m->row[(size_t)msg * (size_t)m->n + (size_t)relay];
}

/* Whether its text is kept: in a box, where it entered and is not confirmed, or for a peer. */
static bool has_text(const struct row *row)
{
	return (row->flags & BOXED) != 0 || (row->flags & (ENTRY | ACKED)) == ENTRY ||
	       row->queued > 0;
}

void row_count(struct mesh *m, int relay, struct row *row, const struct row *before)
{
	struct relay *r = &m->relay[relay];

	r->rows += (row->flags & KNOWN) - (before->flags & KNOWN);
	r->texts += m->size.packet * ((int)has_text(row) - (int)has_text(before));
	if (r->texts > r->peak)
		r->peak = r->texts;
}

static int64_t tor(struct mesh *m)
{
	return rng_between(&m->rng, 300, 2000);
}

static void link_push(struct mesh *m, struct link *l, const struct item *item)
{
	l->q = grown(l->q, &l->cap, l->n, sizeof(*l->q));
	l->q[l->n++] = *item;
	if (!item->ack && ++row_of(m, l->from, (int)item->msg)->queued == UINT8_MAX)
		fail(m, "a copy waits in too many places", l->from, (int)item->msg);
	link_start(m, l);
}

/* To all peers but where it came from; a bad one has its own ways. */
static void pass_on(struct mesh *m, int relay, int from, struct item item)
{
	struct relay *r = &m->relay[relay];

	if (r->kind == HOARDER || (r->kind == DROPPER && rng_below(&m->rng, 3) == 0))
		return;
	if (r->kind == CUTTER && !item.ack) {
		item.hops = 0;
		item.attempt = ATTEMPTS;
	}
	for (int i = 0; i < r->degree; i++)
		if (r->link[i]->to != from && !r->link[i]->black)
			link_push(m, r->link[i], &item);
}

void take(struct mesh *m, int relay, int from, const struct item *item)
{
	struct row *row = row_of(m, relay, (int)item->msg), before = *row;
	struct flood_seen seen = {.known = (row->flags & KNOWN) != 0,
	    .acked = (row->flags & ACKED) != 0,
	    .hops = row->hops,
	    .attempt = row->attempt,
	    .since = (int64_t)row->since * 1000};
	struct item on = *item;

	/* A client knows of no attempts. */
	if (seen.known && from < 0)
		on.attempt = row->attempt;
	if (flood_judge(&seen, on.hops, on.attempt, AGAIN_FIRST, m->now) == FLOOD_DROP)
		return;
	row->attempt = (uint8_t)flood_believe(&seen, on.attempt, AGAIN_FIRST, m->now);
	row->hops = on.hops;
	if (!seen.known)
		row->since = (uint32_t)(m->now / 1000);
	row->flags |= KNOWN;
	if (from < 0 && (row->flags & ENTRY) == 0) {
		row->flags |= ENTRY;
		mesh_at(m, m->now + flood_due(1, AGAIN_FIRST), AGAIN, relay, (int)item->msg, 1);
	}
	put_in_box(m, relay, (int)item->msg);
	if (on.hops > 0) {
		on.hops--;
		pass_on(m, relay, from, on);
	}
	row_count(m, relay, row, &before);
}

void flood_again(struct mesh *m, int relay, int msg, int attempt)
{
	struct row *row = row_of(m, relay, msg), before = *row;
	struct item item = {
	    .msg = (uint32_t)msg, .hops = MESH_HOPS - 1, .attempt = (uint8_t)attempt};
	int64_t since = (int64_t)row->since * 1000;

	if ((row->flags & ACKED) != 0 || m->relay[relay].kind == HOARDER)
		return;
	if (m->relay[relay].down) {
		mesh_at(m, m->now + MP_MINUTE, AGAIN, relay, msg, attempt);
		return;
	}
	if (attempt > row->attempt)
		row->attempt = (uint8_t)attempt;
	pass_on(m, relay, -1, item);
	row_count(m, relay, row, &before);
	if (attempt < ATTEMPTS)
		mesh_at(
		    m, since + flood_due(attempt + 1, AGAIN_FIRST), AGAIN, relay, msg, attempt + 1);
}

void take_ack(struct mesh *m, int relay, int from, const struct item *item)
{
	struct row *row = row_of(m, relay, (int)item->msg), before = *row;

	if ((row->flags & (KNOWN | ACKED)) != KNOWN)
		return;
	row->flags = (uint8_t)((row->flags | ACKED) & ~BOXED);
	if (from < 0)
		m->acks++;
	pass_on(m, relay, from, *item);
	row_count(m, relay, row, &before);
}

void link_start(struct mesh *m, struct link *l)
{
	if (l->busy || l->n == 0 || l->black || m->relay[l->from].down)
		return;
	l->busy = true;
	l->taken = l->n < BATCH_ITEMS ? l->n : BATCH_ITEMS;
	mesh_at(m, m->now + tor(m), ARRIVE, (int)(l - m->link), 0, 0);
}

static bool refuses(const struct relay *r, int from)
{
	for (int i = 0; i < r->degree; i++)
		if (r->link[i]->to == from)
			return r->link[i]->black;
	return true;
}

static void hand_over(struct mesh *m, struct link *l, const struct item *item, bool refused)
{
	m->copies += !item->ack;
	m->first += !item->ack && item->attempt == 0;
	m->bytes += item->ack ? m->size.ack : m->size.packet;
	if (!refused && item->ack)
		take_ack(m, l->to, l->from, item);
	else if (!refused)
		take(m, l->to, l->from, item);
	if (!item->ack) {
		struct row *row = row_of(m, l->from, (int)item->msg), before = *row;

		row->queued--;
		row_count(m, l->from, row, &before);
	}
}

void link_arrive(struct mesh *m, int link)
{
	struct link *l = &m->link[link];
	bool refused = refuses(&m->relay[l->to], l->from);
	int64_t wait = MP_SECOND << (l->failures < 20 ? l->failures : 20);

	if (m->relay[l->to].down) {
		l->failures++;
		mesh_at(
		    m, m->now + (wait < 10 * MP_MINUTE ? wait : 10 * MP_MINUTE), RETRY, link, 0, 0);
		return;
	}
	l->failures = 0;
	m->posts++;
	m->bytes += m->size.batch;
	for (size_t i = 0; i < l->taken; i++) {
		struct item item = l->q[i];

		hand_over(m, l, &item, refused);
	}
	l->n -= l->taken;
	memmove(l->q, l->q + l->taken, l->n * sizeof(*l->q));
	mesh_at(m, m->now + tor(m), ANSWERED, link, 0, 0);
}
