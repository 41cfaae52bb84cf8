/*
 * Somebody who keeps no rule: his own machines, whose messages he alters, and messages of no
 * machine at all, about whatever plan or group there is in his world, even those of which he cannot
 * know.
 */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

static bool often(struct peer *x, double p)
{
	return rng_chance(&x->w->rng, p);
}

static int64_t below(struct peer *x, int64_t n)
{
	return rng_below(&x->w->rng, n);
}

/* An address: a person's of this world, or nobody's. */
static void address(struct peer *x, uint8_t onion[static 32])
{
	uint8_t seed[32], secret[64];

	if (often(x, 0.7)) {
		memcpy(onion, x->w->peer[below(x, x->w->n)].onion, 32);
		return;
	}
	randombytes_buf(seed, sizeof(seed));
	crypto_sign_seed_keypair(onion, secret, seed);
}

/* One more, one less, or another. */
static void alter_people(struct peer *x, struct wire_people *l)
{
	int64_t what = below(x, 3);

	if (what == 0 && l->n > 0) {
		l->person[below(x, (int64_t)l->n)] = l->person[l->n - 1];
		l->n--;
	} else if (what == 1 && l->n < PEOPLE_MAX) {
		l->person[l->n].nickname = NULL;
		address(x, l->person[l->n++].onion);
	} else if (l->n > 0) {
		address(x, l->person[below(x, (int64_t)l->n)].onion);
	}
}

static void alter_keys(struct peer *x, struct wire_plan *q)
{
	struct wire_key *k;

	if (q->nkeys == 0)
		return;
	k = &q->keys[below(x, (int64_t)q->nkeys)];
	switch (below(x, 4)) {
	case 0:
		address(x, k->onion);
		break;
	case 1:
		randombytes_buf(k->key, sizeof(k->key));
		break;
	case 2:
		randombytes_buf(k->id, sizeof(k->id));
		break;
	default:
		*k = q->keys[--q->nkeys];
		break;
	}
}

static void alter_chain(struct peer *x, struct wire_chain *c)
{
	switch (below(x, 4)) {
	case 0:
		c->n += below(x, 2000) - 3;
		break;
	case 1:
		randombytes_buf(c->h, sizeof(c->h));
		break;
	case 2:
		randombytes_buf(c->members, sizeof(c->members));
		break;
	default:
		if (c->nseen > 0)
			c->seen[below(x, (int64_t)c->nseen)].n += 1 + below(x, 100);
		break;
	}
	if (c->n < 1)
		c->n = 1;
}

/* What his machines say, otherwise to each. */
void hostile_alter(struct peer *x, const struct contact *to, struct wire *w)
{
	struct wire_plan *q = &w->u.plan;

	(void)to;
	if (!often(x, 0.3))
		return;
	x->w->counts->hostile++;
	if (w->type == WIRE_MESSAGE) {
		if (w->u.message.chain.grouped)
			alter_chain(x, &w->u.message.chain);
		return;
	}
	if (!wire_is_plan(w->type))
		return;
	alter_people(x, often(x, 0.5) ? &q->people : &q->prospective);
	alter_keys(x, q);
	q->answer = (enum plan_answer)below(x, 3);
	q->status = (enum plan_status)below(x, 4);
	if (often(x, 0.2))
		randombytes_buf(q->number, sizeof(q->number));
	if (often(x, 0.2))
		q->sealed[below(x, PLAN_SEALED)] ^= 1;
	if (often(x, 0.2))
		q->round = below(x, 12);
}

/* A plan or group of this world, or none. */
static void about(struct peer *x, struct wire_plan *q)
{
	const struct world *w = x->w;
	const struct fate *t;

	randombytes_buf(q->introduction, sizeof(q->introduction));
	randombytes_buf(q->addition, sizeof(q->addition));
	randombytes_buf(q->group, sizeof(q->group));
	if (w->nfates == 0 || often(x, 0.2))
		return;
	t = &w->fates[below(x, (int64_t)w->nfates)];
	memcpy(q->introduction, t->id, sizeof(q->introduction));
	memcpy(q->addition, t->id, sizeof(q->addition));
	memcpy(q->group, t->plan == PLAN_ADDITION ? t->group : t->id, sizeof(q->group));
}

static struct packet *made_up(struct peer *x, const struct contact *c)
{
	struct wire *w = calloc(1, sizeof(*w));
	struct wire_plan *q = &w->u.plan;
	struct packet *k;

	w->type =
	    (enum wire_type)(WIRE_INTRODUCTION_REQUEST +
	                     below(x, WIRE_GROUP_RESEND_REQUEST - WIRE_INTRODUCTION_REQUEST + 1));
	w->time = x->w->now;
	randombytes_buf(w->id, sizeof(w->id));
	about(x, q);
	for (int64_t i = below(x, 6); i > 0; i--)
		alter_people(x, &q->people);
	for (int64_t i = below(x, 3); i > 0; i--)
		alter_people(x, &q->prospective);
	q->nkeys = (size_t)below(x, 4);
	for (size_t i = 0; i < q->nkeys; i++) {
		address(x, q->keys[i].onion);
		randombytes_buf(q->keys[i].id, 32);
		randombytes_buf(q->keys[i].key, 32);
	}
	q->answer = (enum plan_answer)below(x, 3);
	q->status = (enum plan_status)below(x, 4);
	randombytes_buf(q->base, sizeof(q->base));
	randombytes_buf(q->number, sizeof(q->number));
	randombytes_buf(q->key, sizeof(q->key));
	randombytes_buf(q->sealed, sizeof(q->sealed));
	q->first = 1 + below(x, 10);
	q->last = q->first + below(x, 2000);
	q->n = below(x, 20);
	k = (w->type == WIRE_INTRODUCTION_ACKNOWLEDGEMENT ||
	        w->type == WIRE_TEMPORARY_CONTACT_UPDATE) &&
	            !c->temp.has
	        ? NULL
	        : node_seal(x, c, w);
	free(w);
	return k;
}

/* To each contact a few, sometimes a flood. */
void hostile_acts(struct peer *x)
{
	int64_t n = often(x, 0.02) ? 200 : 1 + below(x, 6);

	for (int64_t i = 1; x->up && i < x->contacts.n; i++) {
		const struct contact *c = x->contacts.v[i];

		if (c == NULL || c->temporary || c->blocked || c->peer < 0)
			continue;
		for (int64_t j = n; j > 0; j--) {
			struct packet *k = made_up(x, c);

			x->w->counts->hostile++;
			if (k != NULL)
				lane_add(x, c->known.row, k);
		}
	}
	if (!x->w->healed)
		world_at(x->w, x->w->now + rng_between(&x->w->rng, MP_MINUTE, 12 * MP_HOUR),
		    HOSTILE, x->i);
}
