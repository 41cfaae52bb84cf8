/* Who posts, polls and acknowledges. */
#include "sim/mesh/mesh.h"

#include "mesh/chance.h"

static int any_relay(struct mesh *m)
{
	int r;

	do
		r = (int)rng_below(&m->rng, m->n);
	while (m->relay[r].down || !m->relay[r].listed);
	return r;
}

void post(struct mesh *m, int msg)
{
	struct message *x = &m->message[msg];
	struct item item = {.msg = (uint32_t)msg, .hops = MESH_HOPS};
	const struct box *box = m->person[x->to].box;
	int r;

	if (x->got >= 0 || x->accepted >= 0)
		return;
	do
		r = any_relay(m);
	while (r == box[0].relay || r == box[1].relay);
	m->reposts += x->tries++ > 0;
	if (m->relay[r].kind == HONEST)
		x->accepted = m->now;
	else
		mesh_at(m, m->now + 6 * MP_HOUR, POST, msg, 0, 0);
	take(m, r, -1, &item);
}

/* One poll in five comes after some hours or days offline. */
static int64_t until_poll(struct mesh *m)
{
	int64_t wait = chance_wait(15 * MP_MINUTE, draw, m), away = 0;

	if (rng_below(&m->rng, 5) == 0)
		away = chance_wait(12 * MP_HOUR, draw, m);
	return wait + (away < 2 * MP_DAY ? away : 2 * MP_DAY);
}

void poll_soon(struct mesh *m, int person)
{
	if (m->person[person].polls)
		return;
	m->person[person].polls = true;
	mesh_at(m, m->now + until_poll(m), POLL, person, 0, 0);
}

/* Everybody's friends carry tokens, so that what strangers filled leaves them room. */
static void put(struct mesh *m, struct box *b, struct row *row, int msg)
{
	struct message *x = &m->message[msg];

	if (box_admit(&b->state, m->size.packet, true) == BOX_FULL)
		fail(m, "a box has no room for a token", x->to, msg);
	b->state.used += m->size.packet;
	b->msg = grown(b->msg, &b->cap, b->n, sizeof(*b->msg));
	b->msg[b->n++] = (uint32_t)msg;
	row->flags |= BOXED;
	if (x->boxed < 0)
		x->boxed = m->now;
	poll_soon(m, x->to);
}

void put_in_box(struct mesh *m, int relay, int msg)
{
	struct person *p = &m->person[m->message[msg].to];
	struct row *row = row_of(m, relay, msg);

	if ((row->flags & (BOXED | ACKED)) != 0 || m->relay[relay].kind == HOARDER)
		return;
	for (int i = 0; i < RX; i++)
		if (p->box[i].relay == relay) {
			put(m, &p->box[i], row, msg);
			return;
		}
}

/* He chooses another relay in the place of one that is on no list any more. */
static void move_box(struct mesh *m, int person, struct box *b)
{
	struct person *p = &m->person[person];

	do
		b->relay = any_relay(m);
	while (p->box[0].relay == p->box[1].relay);
	b->n = b->cursor = 0;
	b->state.used = b->state.open = 0;
	for (int i = p->last; i >= 0; i = m->message[i].before) {
		struct row *row = row_of(m, b->relay, i), before = *row;

		if ((row->flags & KNOWN) != 0 && ((row->flags & ENTRY) != 0 || row->queued > 0))
			put_in_box(m, b->relay, i);
		row_count(m, b->relay, row, &before);
	}
}

static void fetched(struct mesh *m, int relay, int msg)
{
	struct message *x = &m->message[msg];
	struct row *row = row_of(m, relay, msg);
	struct item ack = {.msg = (uint32_t)msg, .ack = 1};

	if ((row->flags & FETCHED) != 0)
		fail(m, "one relay gave a message twice", relay, msg);
	row->flags |= FETCHED;
	if (x->got >= 0)
		m->doubles++;
	else
		x->got = m->now;
	take_ack(m, relay, -1, &ack);
}

static bool fetch(struct mesh *m, struct box *b)
{
	struct relay *r = &m->relay[b->relay];

	if (r->down)
		return false;
	for (; b->cursor < b->n; b->cursor++) {
		int msg = (int)b->msg[b->cursor];

		b->state.used -= m->size.packet;
		if ((row_of(m, b->relay, msg)->flags & ACKED) == 0)
			fetched(m, b->relay, msg);
	}
	return true;
}

void poll_now(struct mesh *m, int person)
{
	struct person *p = &m->person[person];
	bool all = true;

	p->polls = false;
	for (int i = 0; i < RX; i++) {
		if (!m->relay[p->box[i].relay].listed || p->box[0].relay == p->box[1].relay)
			move_box(m, person, &p->box[i]);
		all = fetch(m, &p->box[i]) && all;
	}
	if (!all)
		poll_soon(m, person);
}

void leave_relay(struct mesh *m, int relay)
{
	for (int p = 0; p < m->people; p++)
		for (int i = 0; i < RX; i++)
			if (m->person[p].box[i].relay == relay)
				poll_soon(m, p);
}
