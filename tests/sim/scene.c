/* Worlds: who knows whom, what the network does to them, and what they do when. */
#include "sim/sim.h"

#include <string.h>

#include <sodium.h>

#define AFTER (80 * MP_DAY) /* of a whole network, then everything has ended */

static void know(struct world *w, int a, int b)
{
	uint8_t id[32], key[32];

	if (keep_contact_of(&w->peer[a], b, false) != NULL)
		return;
	randombytes_buf(id, sizeof(id));
	randombytes_buf(key, sizeof(key));
	keep_add_contact(&w->peer[a], b, id, key);
	keep_add_contact(&w->peer[b], a, id, key);
}

static void act(struct world *w, int64_t at, int peer, enum act what, int64_t n)
{
	struct event *e = world_at(w, at, ACT, peer);

	e->a = what;
	e->b = n;
}

/* What befalls the people of this world until the network is whole. */
static void weather(struct world *w)
{
	struct rng *r = &w->rng;
	int64_t span;

	w->outages = rng_chance(r, 0.1);
	span = w->outages ? 60 * MP_DAY : 15 * MP_DAY;
	w->heal = w->began + span;
	w->crash = rng_chance(r, 0.7) ? 0.005 : 0;
	w->fault = rng_chance(r, 0.7) ? 0.01 : 0;
	w->decline = rng_chance(r, 0.8) ? 0 : 0.5 / w->n;
	for (int64_t i = rng_below(r, 4); i > 0; i--) {
		int64_t at = w->began + rng_below(r, span);

		world_at(w, at, CRASH, (int)rng_below(r, w->n))->a =
		    w->outages ? rng_between(r, MP_HOUR, 45 * MP_DAY)
		               : rng_between(r, MP_HOUR, 3 * MP_DAY);
	}
	for (int64_t i = rng_below(r, 4); i > 0; i--) {
		int64_t a = rng_below(r, w->n), b = rng_below(r, w->n);

		w->cut[a][b] = w->began + rng_below(r, 8 * MP_DAY);
	}
	for (int i = 0; i < w->n; i++)
		if (rng_chance(r, 0.3))
			w->peer[i].policy = POLICY_ACCEPT;
	world_at(w, w->heal, HEAL, 0);
}

/* One of them keeps no rule: the initiator, a member, or somebody whom they know. */
static void enmity(struct world *w)
{
	int i = rng_chance(&w->rng, 0.5) ? 0 : (int)rng_below(&w->rng, w->n);

	w->hostile = true;
	w->peer[i].hostile = true;
	world_at(w, w->now + rng_below(&w->rng, MP_HOUR), HOSTILE, i);
}

/* Until all has ended; then everybody writes to everybody, and that ends, too. */
static void run(struct world *w)
{
	world_run(w, w->heal + AFTER);
	w->quiet = true;
	for (int i = 0; i < w->n; i++)
		act(w, w->now + i * MP_SECOND, i, ACT_HELLO, 0);
	world_run(w, w->now + MP_DAY);
	for (int i = 0; i < w->n; i++)
		act(w, w->now + i * MP_SECOND, i, ACT_HELLO, 0);
	world_run(w, w->now + MP_DAY);
	check_end(w);
}

void scene_introductions(struct world *w, int n, bool hostile)
{
	struct rng *r = &w->rng;
	int64_t more = rng_chance(r, 0.2) ? rng_between(r, 1, 3) : 0;

	world_people(w, n + 2);
	/* p0 knows everybody, p1 many; some know each other already. */
	for (int i = 1; i < w->n; i++)
		know(w, 0, i);
	for (int i = 2; i < w->n; i++)
		if (rng_chance(r, 0.6))
			know(w, 1, i);
	for (int64_t i = rng_below(r, 4); i > 0; i--) {
		int a = (int)rng_between(r, 1, w->n - 1), b = (int)rng_between(r, 1, w->n - 1);

		if (a != b)
			know(w, a, b);
	}
	weather(w);
	if (hostile)
		enmity(w);
	act(w, w->now, 0, ACT_OFFER, n);
	w->counts->introductions++;
	for (; more > 0; more--) {
		act(w, w->now + rng_below(r, 2 * MP_DAY), (int)rng_below(r, 2), ACT_OFFER,
		    rng_between(r, 2, n));
		w->counts->introductions++;
	}
	if (rng_chance(r, 0.1))
		act(w, w->now + rng_below(r, 2 * MP_DAY), 0, ACT_CANCEL, 0);
	if (rng_chance(r, 0.2))
		act(w, w->now + rng_below(r, 2 * MP_DAY), (int)rng_between(r, 1, w->n - 1),
		    ACT_CHANGE, 0);
	run(w);
}

void scene_groups(struct world *w, int n, bool hostile)
{
	struct rng *r = &w->rng;

	world_people(w, n + 3 > PEERS_MAX ? PEERS_MAX : n + 3);
	for (int i = 0; i < w->n; i++)
		for (int j = 0; j < i; j++)
			if (i == 0 || j == 0 || !rng_chance(r, 0.02))
				know(w, i, j);
	weather(w);
	if (hostile)
		enmity(w);
	act(w, w->now, 0, ACT_GROUP, n - 1);
	w->counts->groups++;
	for (int64_t i = rng_between(r, 3, n + 6); i > 0; i--)
		act(w, w->now + rng_between(r, MP_HOUR, 14 * MP_DAY), (int)rng_below(r, w->n),
		    ACT_SAY, 0);
	for (int64_t i = rng_below(r, 4); i > 0; i--)
		act(w, w->now + rng_between(r, MP_HOUR, 10 * MP_DAY), (int)rng_below(r, w->n),
		    ACT_ADD, 0);
	for (int64_t i = rng_below(r, 3); i > 0; i--)
		act(w, w->now + rng_between(r, MP_HOUR, 12 * MP_DAY), (int)rng_below(r, w->n),
		    ACT_LEAVE, 0);
	if (rng_chance(r, 0.1))
		act(w, w->now + rng_below(r, 2 * MP_DAY), (int)rng_below(r, w->n), ACT_CHANGE, 0);
	if (rng_chance(r, 0.1))
		act(w, w->now + rng_below(r, 2 * MP_DAY), 0, ACT_CANCEL, 0);
	if (w->outages && rng_chance(r, 0.5))
		act(w, w->now + rng_below(r, 3 * MP_DAY), 0, ACT_VANISH, 58 * MP_DAY);
	run(w);
}
