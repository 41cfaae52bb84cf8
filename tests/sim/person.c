/* What people do. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "wire/chain.h"

static void looks_at(struct peer *x, int64_t at)
{
	if (x->person)
		return;
	x->person = true;
	world_at(x->w, at, PERSON, x->i);
}

void person_told(struct peer *x, unsigned tells)
{
	struct rng *r = &x->w->rng;

	if ((tells & TELL_ASKED) != 0 && !x->w->quiet)
		looks_at(
		    x, x->w->now + (rng_chance(r, 0.7) ? rng_between(r, MP_SECOND, 30 * MP_MINUTE)
		                                       : rng_between(r, MP_MINUTE, 3 * MP_DAY)));
}

/* One word of the person about f, in a transaction. 0, or what it said. */
static int say(
    struct peer *x, struct flow *f, int (*word)(struct party *p, struct flow *f), const char *what)
{
	int rc;

	keep_begin(x);
	trace(x->w, x->i, -1, tag_of_flow(f), "wants to %s flow %lld", what, (long long)f->row);
	rc = word(&x->p, f);
	if (rc != 0) {
		trace(x->w, x->i, -1, tag_of_flow(f), "cannot: %s", err_detail());
		keep_rollback(x);
	} else {
		keep_commit(x);
	}
	if (rc != 0 && rc != MP_EUSAGE && rc != MP_EFULL && rc != MP_ENONE && rc != MP_EEXIST)
		fail(x->w, x->i, -1, tag_of_flow(f), "a person's word fails: %d, %s", rc,
		    err_detail());
	return rc;
}

static int accept(struct party *p, struct flow *f)
{
	return plan_decide(p, f, true);
}

static int decline(struct party *p, struct flow *f)
{
	return plan_decide(p, f, false);
}

static bool waits_for_word(const struct flow *f)
{
	return (f->kind == FLOW_CONSENT && f->u.consent.state == CONSENT_ASKED) ||
	       (f->kind == FLOW_PROPOSAL && f->u.proposal.state == PROPOSAL_PETITIONED);
}

/* Every plan that waits for an answer; who lacks contacts asks for them and comes back. */
void person_looks(struct peer *x)
{
	struct flow *f = calloc(1, sizeof(*f));
	struct rng *r = &x->w->rng;
	bool open = false;

	x->person = false;
	for (int64_t i = 1; x->up && i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k == NULL || !waits_for_word(k->f))
			continue;
		keep_read(f, k);
		if (rng_chance(r, 0.2)) {
			open = true;
		} else if (rng_chance(r, x->w->decline)) {
			open = say(x, f, decline, "decline") != 0 || open;
		} else if (say(x, f, accept, "accept") != 0) {
			open = true;
			keep_read(f, x->flows.v[i]);
			if (f->kind == FLOW_CONSENT && f->u.consent.plan != PLAN_INTRODUCTION)
				(void)say(x, f, group_petition, "petition for");
		}
	}
	free(f);
	if (open || !x->up)
		looks_at(x, x->w->now + rng_between(r, MP_HOUR, MP_DAY));
}

/* ---- acts of a scene ---- */

/* The contacts of x, in random order; the number. */
static size_t contacts(struct peer *x, struct known out[static PEERS_MAX])
{
	size_t n = 0;

	for (int64_t i = 1; i < x->contacts.n; i++) {
		const struct contact *c = x->contacts.v[i];

		if (c == NULL || c->temporary || c->blocked || n == PEERS_MAX)
			continue;
		out[n] = c->known;
		out[n++].usable = true;
	}
	for (size_t i = 0; i + 1 < n; i++) {
		size_t j = i + (size_t)rng_below(&x->w->rng, (int64_t)(n - i));
		struct known t = out[i];

		out[i] = out[j];
		out[j] = t;
	}
	return n;
}

/* One flow that fits, at random, or 0. */
static int64_t pick(struct peer *x, bool (*fits)(const struct flow *f))
{
	int64_t n = 0, found = 0;

	for (int64_t i = 1; i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k != NULL && fits(k->f) && rng_below(&x->w->rng, ++n) == 0)
			found = i;
	}
	return found;
}

static bool is_consent(const struct flow *f)
{
	return f->kind == FLOW_CONSENT;
}

static bool is_proposal(const struct flow *f)
{
	return f->kind == FLOW_PROPOSAL && f->u.proposal.state < PROPOSAL_CARRIED;
}

static bool is_active(const struct flow *f)
{
	return f->kind == FLOW_CHAT && f->u.chat.state == CHAT_ACTIVE;
}

static void finish(struct peer *x, int rc, const char *what, const struct flow *f)
{
	if (rc == 0) {
		trace(x->w, x->i, -1, tag_of_flow(f), "%s", what);
		keep_commit(x);
		return;
	}
	keep_rollback(x);
	if (rc != MP_EUSAGE && rc != MP_EFULL && rc != MP_EEXIST)
		fail(x->w, x->i, -1, NULL, "%s: %d, %s", what, rc, err_detail());
}

/* An introduction of n people. */
static bool offer(struct peer *x, struct flow *f, int64_t n)
{
	struct known people[PEERS_MAX];
	size_t have = contacts(x, people);
	int rc;

	if (n > (int64_t)have)
		n = (int64_t)have;
	if (n < 2)
		return true;
	keep_begin(x);
	rc = introduction_offer(&x->p, f, people, (size_t)n);
	finish(x, rc, "offers an introduction", f);
	return rc == 0;
}

static bool create(struct peer *x, struct flow *f, int64_t n)
{
	struct known people[PEERS_MAX];
	size_t have = contacts(x, people);
	int rc;

	if (n > (int64_t)have)
		n = (int64_t)have;
	keep_begin(x);
	rc = group_create(&x->p, f, "friends", people, (size_t)n);
	finish(x, rc, "creates a group", f);
	return rc != MP_EFULL;
}

static void add(struct peer *x, struct flow *f)
{
	struct known people[PEERS_MAX];
	size_t have = contacts(x, people), n = 0;
	int64_t row = pick(x, is_active), most = rng_between(&x->w->rng, 1, 2);
	struct flow *chat;

	if (row == 0)
		return;
	chat = calloc(1, sizeof(*chat));
	keep_read(chat, x->flows.v[row]);
	for (size_t i = 0; i < have && (int64_t)n < most; i++) {
		int at = chat_find(&chat->u.chat, people[i].onion);

		if (at < 0 || chat->u.chat.m[at].gone)
			people[n++] = people[i];
	}
	if (n > 0) {
		keep_begin(x);
		finish(x, group_add(&x->p, chat, f, people, n), "adds people", f);
	}
	free(chat);
}

static struct saying *remember(struct peer *x, const struct flow *f, const uint8_t *id)
{
	struct world *w = x->w;
	struct saying *s;

	w->said = realloc(w->said, (w->nsaid + 1) * sizeof(*w->said));
	s = &w->said[w->nsaid++];
	memset(s, 0, sizeof(*s));
	memcpy(s->group, f->u.chat.id, GROUP_ID);
	memcpy(s->id, id, MESSAGE_ID);
	s->n = f->u.chat.n;
	s->at = w->now;
	s->by = x->i;
	return s;
}

/* A message to a group, sealed for each that the speaker counts as a member. */
static void talk(struct peer *x, struct flow *f)
{
	int64_t row = pick(x, is_active);
	struct wire *w = calloc(1, sizeof(*w));
	uint8_t content[32], id[MESSAGE_ID];
	struct saying *s;
	char text[40];
	int rc;

	if (row == 0) {
		free(w);
		return;
	}
	keep_read(f, x->flows.v[row]);
	randombytes_buf(id, sizeof(id));
	snprintf(text, sizeof(text), "message %02x%02x%02x%02x", id[0], id[1], id[2], id[3]);
	w->type = WIRE_MESSAGE;
	w->body = (const uint8_t *)text;
	w->blen = strlen(text);
	w->time = x->w->now;
	memcpy(w->id, id, sizeof(id));
	chain_content_message(content, w->body, w->blen);
	keep_begin(x);
	rc = talk_say(&x->p, f, id, content, &w->u.message.chain);
	finish(x, rc, "says something", f);
	if (rc == 0) {
		s = remember(x, f, id);
		x->w->counts->messages++;
		for (size_t i = 0; i < f->u.chat.nm; i++) {
			const struct contact *c = NULL;
			int peer = keep_peer(x->w, f->u.chat.m[i].who.onion);
			struct packet *k;

			if (peer >= 0 && !f->u.chat.m[i].gone)
				c = keep_contact_of(x, peer, false);
			if (c == NULL || c->blocked)
				continue;
			s->to[peer] = true;
			if ((k = node_seal(x, c, w)) != NULL)
				lane_add(x, c->known.row, k);
		}
	}
	free(w);
}

static void hello(struct peer *x)
{
	for (int64_t i = 1; i < x->contacts.n; i++) {
		const struct contact *c = x->contacts.v[i];
		struct wire *w;
		struct packet *k;

		if (c == NULL || c->temporary || c->blocked || c->peer < 0)
			continue;
		w = calloc(1, sizeof(*w));
		w->type = WIRE_MESSAGE;
		w->time = x->w->now;
		w->body = (const uint8_t *)"hello";
		w->blen = 5;
		randombytes_buf(w->id, sizeof(w->id));
		if ((k = node_seal(x, c, w)) != NULL)
			lane_add(x, c->known.row, k);
		free(w);
	}
}

/* A change of mind about anything that was asked or begun. */
static void change(struct peer *x, struct flow *f, bool own)
{
	int64_t row = pick(x, own ? is_proposal : is_consent);

	if (row == 0)
		return;
	keep_read(f, x->flows.v[row]);
	(void)say(x, f, plan_cancel, "give up");
}

static void leave(struct peer *x, struct flow *f)
{
	int64_t row = pick(x, is_active);

	if (row == 0)
		return;
	keep_read(f, x->flows.v[row]);
	if (say(x, f, group_leave, "leave") == 0)
		x->w->left[x->i][keep_group(x->w, f->u.chat.id)] = true;
}

/* a: which act, b: how many people. */
void person_acts(struct peer *x, const struct event *e)
{
	struct flow *f = calloc(1, sizeof(*f));
	bool done = x->up;

	if (e->a == ACT_VANISH) {
		trace(x->w, x->i, -1, NULL, "disappears");
		world_at(x->w, x->w->now, CRASH, x->i)->a = e->b;
		done = true;
	} else if (x->up) {
		switch ((enum act)e->a) {
		case ACT_OFFER:
			done = offer(x, f, e->b);
			break;
		case ACT_CHANGE:
			change(x, f, false);
			break;
		case ACT_CANCEL:
			change(x, f, true);
			break;
		case ACT_GROUP:
			done = create(x, f, e->b);
			break;
		case ACT_SAY:
			talk(x, f);
			break;
		case ACT_ADD:
			add(x, f);
			break;
		case ACT_LEAVE:
			leave(x, f);
			break;
		case ACT_HELLO:
			hello(x);
			break;
		default:
			break;
		}
	}
	if (!done && e->a != ACT_HELLO) {
		int64_t a = e->a, b = e->b;
		struct event *again = world_at(x->w, x->w->now + MP_HOUR, ACT, x->i);

		again->a = a;
		again->b = b;
	}
	free(f);
}
