/* Audits, votes and quorum; liars and strangers vote, too. */
#include "sim/mesh/mesh.h"

#include <string.h>

#include "mesh/chance.h"

static void key_of(uint8_t key[static ONION_KEY], int relay)
{
	memset(key, 0, ONION_KEY);
	put32(key, (uint32_t)relay);
}

static struct link *find(struct mesh *m, int from, int to)
{
	struct relay *r = &m->relay[from];

	for (int i = 0; i < r->degree; i++)
		if (r->link[i]->to == to)
			return r->link[i];
	return NULL;
}

void audit(struct mesh *m, int link)
{
	struct link *l = &m->link[link];
	struct relay *peer = &m->relay[l->to];
	bool lost = peer->kind == HOARDER || peer->kind == CUTTER ||
	            (peer->kind == DROPPER && rng_below(&m->rng, 3) == 0);

	mesh_at(m, m->now + chance_wait(MP_HOUR, draw, m) + 1, AUDIT, link, 0, 0);
	if (m->relay[l->from].kind != HONEST || m->relay[l->from].down || peer->down || l->audited)
		return;
	m->audits++;
	l->audited = true;
	l->waited = false;
	l->posted = m->now;
	mesh_at(m, m->now + audit_wait(PATIENCE, AGAIN_FIRST, draw, m), JUDGE, link, !lost, 0);
}

static void count_others(struct mesh *m, const struct link *l, struct audit_look *look)
{
	const struct relay *r = &m->relay[l->from];

	for (int i = 0; i < r->degree; i++) {
		const struct link *o = r->link[i];

		if (o == l || o->black || o->last == AUDIT_WAIT)
			continue;
		look->others++;
		look->others_lost += o->last == AUDIT_LOST;
	}
}

void judge(struct mesh *m, int link, bool came)
{
	struct link *l = &m->link[link];
	struct audit_look look = {
	    .came = came, .waited = l->waited, .posted = l->posted, .now = m->now};
	enum verdict before = l->vote;
	enum audit_outcome outcome;

	/* An audit that entered just before its relay went away comes when that is back. */
	if (came && m->relay[l->to].down && (l->waited || rng_below(&m->rng, 10) == 0)) {
		look.came = false;
		look.failing = true;
		look.seen = l->posted;
	}
	count_others(m, l, &look);
	outcome = audit_judge(&look, &l->waited);
	if (outcome == AUDIT_WAIT) {
		m->waited++;
		mesh_at(m, m->now + audit_grace(PATIENCE, AGAIN_FIRST), JUDGE, link, came, 0);
		return;
	}
	l->audited = false;
	l->last = outcome == AUDIT_CAME ? AUDIT_CAME : AUDIT_LOST;
	m->failed += outcome == AUDIT_LOST;
	m->voided += outcome == AUDIT_VOID;
	if (outcome == AUDIT_VOID)
		return;
	l->score = standing_step(l->score, outcome == AUDIT_CAME ? SAW_DELIVERED : SAW_LOST);
	l->vote = standing_vote(l->score, l->vote);
	if (l->vote != before)
		recount(m, l->to);
}

static size_t add_vote(
    struct vote *v, size_t n, int voter, int about, enum verdict value, int64_t day)
{
	key_of(v[n].voter, voter);
	key_of(v[n].about, about);
	v[n].value = value;
	v[n].window = day;
	return n + 1;
}

/* As one of the peers of `about` counts. */
static bool counts_black(struct mesh *m, struct link *own)
{
	struct relay *r = &m->relay[own->from];
	uint8_t peers[DEGREE_MAX][ONION_KEY], self[ONION_KEY], about[ONION_KEY];
	struct vote votes[DEGREE_MAX + 1 + GANG];
	int64_t today = m->now / MP_DAY;
	size_t n = 0;

	for (int i = 0; i < r->degree; i++) {
		struct link *l = find(m, r->link[i]->to, own->to);

		key_of(peers[i], r->link[i]->to);
		if (l != NULL && l->vote != VERDICT_NONE)
			n = add_vote(votes, n, l->from, own->to, l->vote, today);
	}
	if (own->vote != VERDICT_NONE)
		n = add_vote(votes, n, own->from, own->to, own->vote, today);
	for (int i = 0; i < GANG; i++)
		n = add_vote(votes, n, m->n + i, own->to, VERDICT_BLACKLISTED, today);
	key_of(self, own->from);
	key_of(about, own->to);
	return ballot_count(votes, n, (const uint8_t(*)[ONION_KEY])peers, (size_t)r->degree, self,
	           about, today) == VERDICT_BLACKLISTED;
}

void recount(struct mesh *m, int about)
{
	struct relay *x = &m->relay[about];
	bool all = true;

	for (int i = 0; i < x->degree; i++) {
		struct link *l = find(m, x->link[i]->to, about);

		if (m->relay[l->from].kind != HONEST)
			continue;
		l->black = counts_black(m, l);
		if (l->black && x->kind == HONEST)
			fail(m, "an honest relay is blacklisted", about, l->from);
		all = all && (l->black || l->from / CIRCLE != about / CIRCLE);
		if (!l->black)
			link_start(m, l);
	}
	if (all && x->kind != HONEST && x->shut_out < 0) {
		x->shut_out = m->now;
		x->listed = false;
		leave_relay(m, about);
	}
}

void liars_vote(struct mesh *m)
{
	for (int i = 0; i < m->links; i++)
		if (m->relay[m->link[i].from].kind != HONEST &&
		    m->relay[m->link[i].to].kind == HONEST)
			m->link[i].vote = VERDICT_BLACKLISTED;
	for (int r = 0; r < m->n; r++)
		recount(m, r);
}
