/* What must hold, whatever happens. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#define OWED_MAX (PEOPLE_MAX * CHAT_RESEND)

/* ---- after each step ---- */

static bool ended(int state)
{
	return state == PROPOSAL_CARRIED || state == PROPOSAL_CANCELLED || state == PROPOSAL_TURNED;
}

static void check_proposal(struct peer *x, const struct flow *f)
{
	const struct proposal *q = &f->u.proposal;
	struct fate *t = keep_fate(x->w, x->i, q->plan, q->id);

	if (q->n > PEOPLE_MAX)
		fail(x->w, x->i, -1, q->id, "a proposal of %zu people", q->n);
	if (t->state >= 0 && ended(t->state) && (int)q->state != t->state && !x->hostile)
		fail(x->w, x->i, -1, q->id, "a plan goes from final state %d to %d", t->state,
		    (int)q->state);
	t->state = (int)q->state;
	memcpy(t->group, q->group, GROUP_ID);
	for (size_t i = 0; i < q->n; i++) {
		int peer = keep_peer(x->w, q->m[i].who.onion);

		if (peer >= 0)
			t->in[peer] = true;
	}
}

static void check_consent(struct peer *x, const struct flow *old, const struct flow *f)
{
	const struct consent *c = &f->u.consent;
	struct fate *t = keep_fate(x->w, keep_contact(x, f->contact)->peer, c->plan, c->id);
	int was = old != NULL ? (int)old->u.consent.state : -1;

	t->at[x->i].asked = true;
	t->at[x->i].state = (int)c->state;
	t->at[x->i].adopted = t->at[x->i].adopted || c->adopted;
	if (was == (int)c->state || was < 0)
		return;
	if (was == CONSENT_CARRIED || was == CONSENT_CANCELLED || was == CONSENT_DECLINED)
		fail(x->w, x->i, -1, c->id, "what was accepted goes from final state %d to %d", was,
		    (int)c->state);
}

void check_flow(struct peer *x, const struct flow *old, const struct flow *f)
{
	trace(x->w, x->i, -1, tag_of_flow(f), "keeps flow %lld: %s, state %d", (long long)f->row,
	    f->kind == FLOW_PROPOSAL       ? "proposal"
	    : f->kind == FLOW_CONSENT      ? "consent"
	    : f->kind == FLOW_ACQUAINTANCE ? "acquaintance"
	                                   : "chat",
	    flow_state(f));
	if (f->kind == FLOW_PROPOSAL) {
		check_proposal(x, f);
		/* It goes with the final state. */
		if (!x->hostile && !sodium_is_zero(f->u.proposal.secret, 32))
			set_add(&x->w->secrets, f->u.proposal.secret);
	} else if (f->kind == FLOW_CONSENT) {
		check_consent(x, old, f);
	} else if (f->kind == FLOW_ACQUAINTANCE) {
		if (f->u.acquaintance.state != ACQUAINTANCE_WAITING && !x->hostile)
			set_add(&x->w->secrets, f->u.acquaintance.secret);
	} else if (f->u.chat.nm > CHAT_PLACES || chat_size(&f->u.chat) > PEOPLE_MAX) {
		fail(x->w, x->i, -1, f->u.chat.id, "a group of %zu people", chat_size(&f->u.chat));
	}
}

void check_undone(struct peer *x, const struct flow *old, const struct flow *f)
{
	if (f->kind == FLOW_PROPOSAL)
		keep_fate(x->w, x->i, f->u.proposal.plan, f->u.proposal.id)->state =
		    old != NULL ? (int)old->u.proposal.state : -1;
	else if (f->kind == FLOW_CONSENT && old != NULL && keep_contact(x, f->contact) != NULL)
		keep_fate(
		    x->w, keep_contact(x, f->contact)->peer, f->u.consent.plan, f->u.consent.id)
		    ->at[x->i]
		    .state = (int)old->u.consent.state;
}

/* Each 32 bytes in hex that a message says, to whomever. */
void check_sealed(struct peer *x, const struct packet *k)
{
	const char *s = (const char *)k->header.data;
	struct world *w = x->w;
	size_t run = 0;
	uint8_t v[32];

	if (k->type == WIRE_MESSAGE && k->temporary)
		fail(w, x->i, k->to, NULL, "a temporary contact carries a message");
	for (size_t i = 0; i < k->header.len; i++) {
		bool hex = (s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f');

		run = hex ? run + 1 : 0;
		if (run == 0 || run % 64 != 0)
			continue;
		if (sodium_hex2bin(v, sizeof(v), s + i - 63, 64, NULL, NULL, NULL) != 0)
			continue;
		if (!x->hostile && set_has(&w->secrets, v))
			fail(w, x->i, k->to, NULL, "a secret stands in a %s",
			    wire_type_name(k->type));
		if (k->type != WIRE_TEMPORARY_CONTACT_UPDATE)
			set_add(&w->clear, v);
	}
}

/* Who has become a contact at one end is one at the other, or will be: it has the key. */
void check_solid(struct peer *x, const struct contact *c)
{
	const struct peer *y;

	if (x->hostile || c->peer < 0 || x->w->peer[c->peer].hostile)
		return;
	y = &x->w->peer[c->peer];
	for (int64_t i = 1; i < y->contacts.n; i++) {
		const struct contact *o = y->contacts.v[i];

		if (o != NULL && o->peer == x->i && o->pair.has &&
		    memcmp(o->pair.id, c->pair.id, 32) == 0 &&
		    memcmp(o->pair.key, c->pair.key, 32) == 0)
			return;
	}
	fail(x->w, x->i, c->peer, NULL, "p%d is a contact of p%d, who has no such key", c->peer,
	    x->i);
}

/* Among honest people nobody says two things at once, and nothing is lost for good. */
void check_told(struct peer *x, const char *kind, const char *body)
{
	const char *at = strstr(body, "\"group\":\"");
	uint8_t group[GROUP_ID] = {0};

	if (x->w->hostile || (strcmp(kind, "group-split") != 0 && strcmp(kind, "group-gap") != 0))
		return;
	/* Who is away for weeks keeps his messages, and the others from knowing that he left. */
	if (x->w->outages &&
	    (strcmp(kind, "group-gap") == 0 || strstr(body, "counts others") != NULL))
		return;
	if (at != NULL)
		sodium_hex2bin(group, sizeof(group), at + 9, 64, NULL, NULL, NULL);
	fail(x->w, x->i, -1, group, "is told %s: %s", kind, body);
}

void check_bounds(struct peer *x)
{
	int64_t flows[PEERS_MAX] = {0};

	for (int64_t i = 1; i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k == NULL)
			continue;
		if (k->nowed > OWED_MAX)
			fail(x->w, x->i, -1, tag_of_flow(k->f), "a flow owes %zu messages",
			    k->nowed);
		if (k->f->contact > 0 && k->f->contact < PEERS_MAX &&
		    ++flows[k->f->contact] > PLANS_MAX)
			fail(x->w, x->i, -1, tag_of_flow(k->f), "a contact has %d plans here",
			    PLANS_MAX + 1);
	}
}

/* ---- at the end ---- */

static bool honest(const struct world *w, int i)
{
	return i >= 0 && !w->peer[i].hostile;
}

static void check_pair_of(struct peer *x, const struct contact *c)
{
	const struct peer *y = &x->w->peer[c->peer];

	for (int64_t i = 1; i < y->contacts.n; i++) {
		const struct contact *o = y->contacts.v[i];

		if (o != NULL && o->peer == x->i && !o->temporary &&
		    memcmp(o->pair.id, c->pair.id, 32) == 0 &&
		    memcmp(o->pair.key, c->pair.key, 32) == 0)
			return;
	}
	fail(x->w, x->i, c->peer, NULL, "p%d has a contact p%d that is none at the other end", x->i,
	    c->peer);
}

static void check_contacts(struct world *w)
{
	for (int i = 0; i < w->n; i++) {
		struct peer *x = &w->peer[i];

		for (int64_t r = 1; !x->hostile && r < x->contacts.n; r++) {
			const struct contact *c = x->contacts.v[r];

			if (c == NULL || !honest(w, c->peer))
				continue;
			if (c->temporary)
				fail(w, i, c->peer, NULL, "a temporary contact for ever");
			if (c->temp.has)
				fail(w, i, c->peer, NULL, "a temporary key for ever");
			if (set_has(&w->clear, c->pair.key))
				fail(w, i, c->peer, NULL, "a pair's key was said in the clear");
			check_pair_of(x, c);
			w->counts->pairs += c->introduced;
		}
	}
}

static bool introduced(const struct peer *x, int peer)
{
	const struct contact *c = keep_contact_of(x, peer, false);

	return c != NULL && c->introduced;
}

/* All who accepted what was carried know each other; nobody else was introduced. */
static void check_introductions(struct world *w)
{
	bool carried[PEERS_MAX][PEERS_MAX] = {{false}};

	for (size_t i = 0; i < w->nfates; i++) {
		struct fate *t = &w->fates[i];

		if (t->plan != PLAN_INTRODUCTION)
			continue;
		w->counts->carried += t->state == PROPOSAL_CARRIED;
		w->counts->cancelled += t->state == PROPOSAL_CANCELLED;
		for (int a = 0; a < w->n; a++) {
			if (honest(w, a) && honest(w, t->by) && t->at[a].state == CONSENT_CARRIED &&
			    t->state != PROPOSAL_CARRIED)
				fail(w, a, t->by, t->id,
				    "initiated at p%d, but not at its initiator", a);
			if (honest(w, a) && honest(w, t->by) && t->state == PROPOSAL_CARRIED &&
			    t->in[a] && t->at[a].state != CONSENT_CARRIED &&
			    t->at[a].state != CONSENT_DECLINED && !t->timed)
				fail(w, a, t->by, t->id, "initiated, but p%d is in state %d", a,
				    t->at[a].state);
			for (int b = 0; b < w->n; b++) {
				if (a == b || !t->in[a] || !t->in[b] ||
				    t->state != PROPOSAL_CARRIED)
					continue;
				carried[a][b] = true;
				if (w->hostile || t->at[a].state != CONSENT_CARRIED ||
				    t->at[b].state != CONSENT_CARRIED)
					continue;
				if (keep_contact_of(&w->peer[a], b, false) == NULL &&
				    !(w->outages && (w->expired[a][b] || w->expired[b][a])))
					fail(w, a, b, NULL,
					    "an introduction was initiated, and p%d does not know "
					    "p%d",
					    a, b);
			}
		}
	}
	for (int a = 0; a < w->n; a++)
		for (int b = 0; b < w->n; b++)
			if (!w->hostile && introduced(&w->peer[a], b) && !carried[a][b])
				fail(w, a, b, NULL, "p%d and p%d were introduced by nobody", a, b);
}

static void check_left_over(struct peer *x)
{
	for (int64_t i = 1; i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k == NULL || (k->f->kind == FLOW_CHAT && k->f->u.chat.state == CHAT_ACTIVE))
			continue;
		if (k->f->kind == FLOW_ACQUAINTANCE &&
		    !honest(x->w, keep_contact(x, k->f->contact)->peer))
			continue;
		fail(x->w, x->i, -1, tag_of_flow(k->f), "a flow for ever: kind %d in state %d",
		    (int)k->f->kind, flow_state(k->f));
	}
	for (size_t i = 0; i < x->nlanes; i++) {
		const struct contact *c = keep_contact(x, x->lanes[i].contact);

		if (x->lanes[i].n > 0 && c != NULL && honest(x->w, c->peer) && !c->blocked)
			fail(x->w, x->i, c->peer, NULL, "%zu messages for ever in a queue: %s",
			    x->lanes[i].n, wire_type_name(x->lanes[i].head->k->type));
	}
}

/* ---- groups ---- */

static const struct kept *chat_of(const struct peer *x, const uint8_t group[static GROUP_ID])
{
	for (int64_t i = 1; i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k != NULL && k->f->kind == FLOW_CHAT && k->f->u.chat.state == CHAT_ACTIVE &&
		    memcmp(k->f->u.chat.id, group, GROUP_ID) == 0)
			return k;
	}
	return NULL;
}

static void check_membership(struct world *w, const uint8_t group[static GROUP_ID])
{
	uint8_t first[32], hash[32];
	int by = -1;

	for (int i = 0; i < w->n; i++) {
		const struct kept *k = chat_of(&w->peer[i], group);

		if (k == NULL || w->peer[i].hostile)
			continue;
		chat_hash(hash, &k->f->u.chat, w->peer[i].onion);
		if (by >= 0 && !w->hostile && memcmp(first, hash, 32) != 0)
			fail(w, by, i, group, "p%d and p%d count other members", by, i);
		memcpy(first, hash, 32);
		by = i;
		for (size_t m = 0; m < k->f->u.chat.nm; m++) {
			const struct chat_member *o = &k->f->u.chat.m[m];
			int peer = keep_peer(w, o->who.onion);

			if (!o->gone && honest(w, peer) && !w->hostile &&
			    chat_of(&w->peer[peer], group) == NULL)
				fail(w, i, peer, group, "p%d counts p%d, who is not in the group",
				    i, peer);
		}
	}
}

static void check_saying(struct world *w, const struct saying *s)
{
	size_t group = keep_group(w, s->group);

	for (int i = 0; i < w->n; i++) {
		const struct peer *x = &w->peer[i];
		size_t n = 0;

		if (!s->to[i] || x->hostile || !honest(w, s->by))
			continue;
		for (size_t j = 0; j < x->nheard; j++)
			n += memcmp(x->heard[j].id, s->id, MESSAGE_ID) == 0;
		if (n > 1)
			fail(w, s->by, i, s->group, "p%d has message %02x%02x of p%d %zu times", i,
			    s->id[0], s->id[1], s->by, n);
		if (n == 1 || w->left[i][group] || chat_of(x, s->group) == NULL)
			continue;
		/* Whom a hostile initiator told one and him another may not know each other there.
		 */
		if (w->hostile &&
		    chat_find(&chat_of(x, s->group)->f->u.chat, w->peer[s->by].onion) < 0)
			continue;
		/* Whom he told before the other had accepted: refused and set aside, which its
		 * sender was told; the other asks for it when he hears of a later one. */
		if (w->hostile && s->aside[i])
			continue;
		fail(w, s->by, i, s->group, "p%d never got message %02x%02x, n %lld of p%d", i,
		    s->id[0], s->id[1], (long long)s->n, s->by);
	}
}

static void check_groups(struct world *w)
{
	for (size_t i = 0; i < w->nfates; i++)
		if (w->fates[i].plan == PLAN_GROUP)
			check_membership(w, w->fates[i].id);
	for (size_t i = 0; i < w->nsaid; i++)
		check_saying(w, &w->said[i]);
}

void check_end(struct world *w)
{
	check_contacts(w);
	check_introductions(w);
	check_groups(w);
	for (int i = 0; i < w->n; i++)
		if (!w->peer[i].hostile)
			check_left_over(&w->peer[i]);
}
