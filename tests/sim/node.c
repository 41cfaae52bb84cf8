/* What a node does around the steps of the state machines: node/planning.c without a store. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "wire/chain.h"

#define TIMELY (24 * MP_HOUR) /* node/receiver.c: what is older does not tell that he is there */
#define LOOK (6 * MP_HOUR)    /* how often what waits for a person's word is looked at */

/* ---- sealing ---- */

struct packet *packet_hold(struct packet *k)
{
	k->refs++;
	return k;
}

void packet_drop(struct packet *k)
{
	if (k == NULL || --k->refs > 0)
		return;
	buf_free(&k->header);
	buf_free(&k->body);
	free(k);
}

static bool under_temporary_key(enum wire_type t)
{
	return t == WIRE_INTRODUCTION_ACKNOWLEDGEMENT || t == WIRE_TEMPORARY_CONTACT_UPDATE;
}

struct packet *node_seal(struct peer *x, const struct contact *c, struct wire *w)
{
	bool temporary = under_temporary_key(w->type);
	const struct pairkey *key = temporary ? &c->temp : &c->pair;
	struct packet *k;
	int rc;

	if (!key->has || (!temporary && c->temporary))
		fail(x->w, x->i, c->peer, tag_of_wire(w), "a %s is owed without a key for it",
		    wire_type_name(w->type));
	if (x->hostile)
		hostile_alter(x, c, w);
	k = calloc(1, sizeof(*k));
	k->refs = 1;
	k->from = x->i;
	k->to = c->peer;
	k->temporary = temporary;
	memcpy(k->id, key->id, 32);
	memcpy(k->key, key->key, 32);
	k->type = w->type;
	k->time = w->time;
	memcpy(k->mid, w->id, MESSAGE_ID);
	k->header.max = k->body.max = ENVELOPE_MAX;
	if ((rc = wire_encode(&k->header, w)) == 0 && w->blen > 0)
		rc = buf_add(&k->body, w->body, w->blen);
	if (rc != 0 && !x->hostile)
		fail(x->w, x->i, c->peer, tag_of_wire(w), "a %s cannot be encoded: %s",
		    wire_type_name(w->type), err_detail());
	if (rc != 0) {
		packet_drop(k);
		return NULL;
	}
	check_sealed(x, k);
	trace(x->w, x->i, c->peer, tag_of_wire(w), "seals %s %02x%02x for p%d: %.*s",
	    wire_type_name(w->type), w->id[0], w->id[1], c->peer,
	    k->header.len > 330 ? 330 : (int)k->header.len, (const char *)k->header.data);
	return k;
}

/* ---- what was seen ---- */

static uint64_t seen_key(int64_t contact, const uint8_t id[static MESSAGE_ID])
{
	uint64_t v;

	memcpy(&v, id, sizeof(v));
	v ^= (uint64_t)contact * UINT64_C(0x9e3779b97f4a7c15);
	return v == 0 ? 1 : v;
}

static bool seen(const struct peer *x, int64_t contact, const uint8_t id[static MESSAGE_ID])
{
	uint64_t v = seen_key(contact, id);

	for (size_t i = 0; i < x->nseen; i++)
		if (x->seen[i] == v)
			return true;
	return false;
}

static void see(struct peer *x, int64_t contact, const uint8_t id[static MESSAGE_ID])
{
	x->seen = grow(x->seen, &x->seen_room, x->nseen + 1, sizeof(*x->seen));
	x->seen[x->nseen++] = seen_key(contact, id);
}

static bool remembered(enum wire_type t)
{
	return t == WIRE_INTRODUCTION_REQUEST || t == WIRE_GROUP_CHAT_REQUEST ||
	       t == WIRE_GROUP_ADDITION_REQUEST || t == WIRE_NOTICE_OF_GROUP_EXIT ||
	       t == WIRE_INTRODUCTION_PETITION || t == WIRE_MESSAGE;
}

/* ---- receiving ---- */

struct arrival {
	struct peer *x;
	const struct packet *k;
	struct contact *c;
	struct known from;
	bool pair; /* under the pair's key */
	struct wire w;
	struct outcome out;
};

static bool opens(const struct pairkey *key, const struct packet *k)
{
	return key->has && memcmp(key->id, k->id, 32) == 0 && memcmp(key->key, k->key, 32) == 0;
}

/* Whose is it?  Only the two whose keys they are can have made it. */
static bool open_any(struct arrival *a)
{
	const uint8_t *onion = a->x->w->peer[a->k->from].onion;

	for (int64_t i = 1; i < a->x->contacts.n; i++) {
		struct contact *c = a->x->contacts.v[i];

		if (c == NULL || c->blocked || memcmp(c->known.onion, onion, 32) != 0)
			continue;
		if (opens(&c->pair, a->k) || opens(&c->temp, a->k)) {
			a->c = c;
			a->pair = opens(&c->pair, a->k);
			a->from = c->known;
			a->from.usable = !c->temporary;
			return true;
		}
	}
	return false;
}

static int talk(struct arrival *a)
{
	const struct wire_chain *chain = &a->w.u.message.chain;
	struct peer *x = a->x;
	uint8_t content[32];
	char group[33] = "";
	int rc = 0;

	if (a->c->temporary && a->c->pair.has == false)
		fail(x->w, x->i, a->c->peer, NULL, "a temporary contact carries a message");
	if (!chain->grouped) {
		x->hellos++;
		return 0;
	}
	chain_content_message(content, a->w.body, a->w.blen);
	rc = talk_take(&x->p, &a->from, chain, a->w.id, content, &a->out, group);
	if (rc == 0 && a->out.reply == REPLY_TAKEN && !a->out.repeated && group[0] == '\0')
		fail(x->w, x->i, a->c->peer, chain->group, "a message is taken for no group");
	return rc;
}

static int step(struct arrival *a)
{
	struct peer *x = a->x;
	enum wire_type t = a->w.type;

	if (!a->pair)
		return acquaintance_take(&x->p, a->c->known.row, &a->w, &a->out);
	if (t == WIRE_MESSAGE)
		return talk(a);
	if (plan_takes(t))
		return plan_take(&x->p, &a->from, &a->w, &a->out);
	if (introduction_takes(t))
		return introduction_take(&x->p, &a->from, &a->w, &a->out);
	if (group_takes(t))
		return group_take(&x->p, &a->from, &a->w, &a->out);
	a->out.reply = REPLY_REFUSED;
	return 0;
}

static int transact(struct arrival *a)
{
	struct peer *x = a->x;
	int64_t age = a->x->w->now - a->w.time, row = a->c->known.row;
	int rc;

	if (remembered(a->w.type) && seen(x, row, a->w.id)) {
		a->out.repeated = true;
		a->out.reply = REPLY_TAKEN;
		return 0;
	}
	if ((rc = step(a)) != 0)
		return rc;
	if (a->out.reply != REPLY_REFUSED && age < TIMELY && age > -TIMELY && a->pair &&
	    keep_contact(x, row) != NULL && keep_contact(x, row)->introduced)
		rc = acquaintance_heard(&x->p, row);
	return rc;
}

static void keep_heard(struct arrival *a)
{
	const struct wire_chain *c = &a->w.u.message.chain;
	struct peer *x = a->x;

	if (a->w.type != WIRE_MESSAGE || !c->grouped || a->out.repeated)
		return;
	x->heard = grow(x->heard, &x->heard_room, x->nheard + 1, sizeof(*x->heard));
	memcpy(x->heard[x->nheard].group, c->group, GROUP_ID);
	memcpy(x->heard[x->nheard].id, a->w.id, MESSAGE_ID);
	x->heard[x->nheard++].from = a->c->peer;
}

static void answer(struct arrival *a, struct packet **reply)
{
	struct wire *w = &a->out.answer;

	w->time = a->x->w->now;
	w->reply = true;
	randombytes_buf(w->id, sizeof(w->id));
	memcpy(w->re, a->w.id, sizeof(w->re));
	*reply = node_seal(a->x, a->c, w);
}

static enum status verdict(struct arrival *a, bool is_answer, struct packet **reply)
{
	switch (a->out.reply) {
	case REPLY_TAKEN:
		return STATUS_204;
	case REPLY_MESSAGE:
		if (is_answer)
			return STATUS_204;
		answer(a, reply);
		return *reply != NULL ? STATUS_200 : STATUS_204;
	case REPLY_LATER:
		return STATUS_503;
	case REPLY_QUOTA:
		return STATUS_429;
	default:
		return STATUS_400;
	}
}

static enum status receive(struct arrival *a, bool is_answer, struct packet **reply)
{
	struct peer *x = a->x;
	int64_t row = a->c->known.row;
	enum status s;
	int rc;

	keep_begin(x);
	rc = transact(a);
	if (rc != 0 && rc != MP_EFULL)
		fail(x->w, x->i, a->k->from, tag_of_wire(&a->w), "a step of %s fails: %d, %s",
		    wire_type_name(a->w.type), rc, err_detail());
	/* The disk was full, or we die here: nothing of it is kept, and it comes again. */
	if (rc != 0) {
		keep_rollback(x);
		return STATUS_503;
	}
	if (remembered(a->w.type) && a->out.reply == REPLY_TAKEN && !a->out.repeated)
		see(x, row, a->w.id);
	if (a->out.reply == REPLY_TAKEN)
		keep_heard(a);
	a->c = keep_contact(x, row);
	s = verdict(a, is_answer && a->c != NULL, reply);
	keep_commit(x);
	if (s != STATUS_400)
		lane_heard(x, row);
	return s;
}

enum status node_receive(
    struct peer *x, const struct packet *k, bool is_answer, struct packet **reply)
{
	struct arrival *a = calloc(1, sizeof(*a));
	struct envelope e = {k->header.data, k->body.data, k->header.len, k->body.len};
	enum status s = STATUS_400;

	*reply = NULL;
	a->x = x;
	a->k = k;
	if (open_any(a) && wire_decode(&a->w, &e) == 0) {
		if (under_temporary_key(a->w.type) == !a->pair)
			s = receive(a, is_answer, reply);
		trace(x->w, x->i, k->from, tag_of_wire(&a->w), "%s %s %02x%02x of p%d: %d%s",
		    is_answer ? "is answered" : "gets", wire_type_name(k->type), k->mid[0],
		    k->mid[1], k->from, (int)s, a->out.repeated ? ", nothing new" : "");
		wire_free(&a->w);
	} else {
		trace(x->w, x->i, k->from, NULL, "cannot open %s %02x%02x of p%d",
		    wire_type_name(k->type), k->mid[0], k->mid[1], k->from);
	}
	free(a);
	return s;
}

/* ---- what was taken or refused ---- */

static int sent(struct peer *x, struct flow *f, const struct sent *s, bool taken)
{
	switch (f->kind) {
	case FLOW_PROPOSAL:
	case FLOW_CONSENT:
		return plan_sent(&x->p, f, s, taken);
	case FLOW_ACQUAINTANCE:
		return acquaintance_sent(&x->p, f, s, taken);
	default:
		return group_sent(&x->p, f, s, taken);
	}
}

/* The flow that owes this, and what. */
static bool find_owed(const struct peer *x, int64_t contact, const uint8_t id[static MESSAGE_ID],
    struct flow *f, struct duty *d)
{
	for (int64_t i = 1; i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		for (size_t j = 0; k != NULL && j < k->nowed; j++)
			if (k->owed[j].contact == contact &&
			    memcmp(k->owed[j].id, id, MESSAGE_ID) == 0) {
				keep_read(f, k);
				*d = k->owed[j];
				return true;
			}
	}
	return false;
}

static void set_sent(
    struct sent *s, const struct peer *x, const struct flow *f, const struct duty *d)
{
	const struct contact *c = keep_contact(x, d->contact);

	s->flow = f;
	s->type = d->type;
	s->serial = d->serial;
	s->to = f->kind == FLOW_CONSENT || f->kind == FLOW_ACQUAINTANCE ? NULL : c->known.onion;
}

void node_sent(struct peer *x, const struct packet *k, int64_t contact, bool taken)
{
	struct flow *f = calloc(1, sizeof(*f));
	struct sent s;
	struct duty d;
	int rc;

	do { /* the store that is full now has room soon: the node tries until it is kept */
		if (!find_owed(x, contact, k->mid, f, &d))
			break;
		set_sent(&s, x, f, &d);
		keep_begin(x);
		trace(x->w, x->i, k->to, tag_of_flow(f), "%s %02x%02x was %s",
		    wire_type_name(k->type), k->mid[0], k->mid[1], taken ? "taken" : "refused");
		rc = sent(x, f, &s, taken);
		if (rc != 0 && rc != MP_EFULL)
			fail(x->w, x->i, k->to, tag_of_flow(f), "what became of a %s: %d, %s",
			    wire_type_name(k->type), rc, err_detail());
		if (rc == 0)
			keep_commit(x);
		else
			keep_rollback(x);
	} while (rc != 0);
	free(f);
}

/* ---- what is due ---- */

void node_due_soon(struct peer *x, int64_t at)
{
	if (at >= x->due_at || at == INT64_MAX)
		return;
	x->due_at = at;
	world_at(x->w, at, DUE, x->i);
}

static int expire(struct party *p, struct flow *f)
{
	switch (f->kind) {
	case FLOW_PROPOSAL:
	case FLOW_CONSENT:
		return plan_time(p, f);
	case FLOW_ACQUAINTANCE:
		return acquaintance_expire(p, f);
	default:
		return group_time(p, f);
	}
}

/* Somebody who is no contact any more answers nothing: as if he had declined. */
static int missing(struct peer *x, struct flow *f)
{
	struct proposal *q = &f->u.proposal;
	struct known k;
	int rc;

	if (q->state != PROPOSAL_OPEN && q->state != PROPOSAL_LISTING)
		return 0;
	for (int i = 0; i < (int)q->n; i++) {
		if (q->m[i].left || memcmp(q->m[i].who.onion, x->onion, 32) == 0)
			continue;
		rc = x->p.known_by_onion(x, q->m[i].who.onion, &k);
		if (rc == MP_ENONE || (rc == 0 && !k.usable))
			return plan_perform(
			    &x->p, f, proposal_happened(q, PROPOSAL_NO, i, x->p.now), i);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int look(struct peer *x, struct flow *f)
{
	int rc = f->kind == FLOW_PROPOSAL ? missing(x, f) : 0;

	return rc != 0 ? rc : plan_policy(&x->p, f);
}

static void in_transaction(
    struct peer *x, int64_t row, struct flow *f, int (*fn)(struct peer *x, struct flow *f))
{
	const struct kept *k = keep_flow(x, row);
	int rc;

	if (k == NULL)
		return;
	keep_begin(x);
	keep_read(f, k);
	rc = fn(x, f);
	if (rc != 0 && rc != MP_EFULL)
		fail(x->w, x->i, -1, tag_of_flow(f), "time brings %d, %s", rc, err_detail());
	if (rc != 0)
		keep_rollback(x);
	else
		keep_commit(x);
}

static int time_over(struct peer *x, struct flow *f)
{
	if (flow_time(f) > x->w->now)
		return 0;
	trace(x->w, x->i, -1, tag_of_flow(f), "time is over for flow %lld", (long long)f->row);
	if (f->kind == FLOW_CONSENT &&
	    (f->u.consent.state == CONSENT_ACCEPTED || f->u.consent.state == CONSENT_LISTED ||
	        f->u.consent.state == CONSENT_ASKED))
		keep_fate(
		    x->w, keep_contact(x, f->contact)->peer, f->u.consent.plan, f->u.consent.id)
		    ->timed = true;
	if (f->kind == FLOW_PROPOSAL && f->u.proposal.state <= PROPOSAL_LISTING)
		keep_fate(x->w, x->i, f->u.proposal.plan, f->u.proposal.id)->timed = true;
	if (f->kind == FLOW_ACQUAINTANCE) {
		int peer = keep_peer(x->w, f->u.acquaintance.onion);

		if (peer >= 0)
			x->w->expired[x->i][peer] = true;
	}
	return expire(&x->p, f);
}

static void fill(struct peer *x, const struct flow *f, const struct sent *s, struct wire *w)
{
	switch (f->kind) {
	case FLOW_PROPOSAL:
		proposal_fill(&f->u.proposal, s->type,
		    s->to != NULL ? proposal_find(&f->u.proposal, s->to) : -1, w);
		break;
	case FLOW_CONSENT:
		consent_fill(&f->u.consent, s->type, w);
		break;
	case FLOW_ACQUAINTANCE:
		acquaintance_fill(&f->u.acquaintance, s->type, w);
		break;
	default:
		break;
	}
	if (f->kind == FLOW_CHAT || s->type == WIRE_INTRODUCTION_PETITION)
		(void)group_fill(&x->p, f, s, w);
}

/* A message that a member asks for again, with the text that it had. */
static bool fill_again(
    struct peer *x, const struct flow *f, int64_t n, struct wire *w, char text[static 40])
{
	uint8_t id[MESSAGE_ID];

	w->type = WIRE_MESSAGE;
	if (talk_again(&x->p, f, n, id, &w->u.message.chain) != 0)
		return false;
	snprintf(text, 40, "message %02x%02x%02x%02x", id[0], id[1], id[2], id[3]);
	w->body = (const uint8_t *)text;
	w->blen = strlen(text);
	return true;
}

static void give(struct peer *x, const struct flow *f, const struct duty *d)
{
	struct wire *w = calloc(1, sizeof(*w));
	struct packet *k = NULL;
	struct sent s;
	char text[40];

	set_sent(&s, x, f, d);
	x->calls = x->fault_at = 0;
	if (d->type != WIRE_MESSAGE)
		fill(x, f, &s, w);
	if (d->type != WIRE_MESSAGE || fill_again(x, f, d->serial, w, text)) {
		memcpy(w->id, d->id, sizeof(w->id));
		w->time = d->at;
		k = node_seal(x, keep_contact(x, d->contact), w);
	}
	if (k != NULL)
		lane_add(x, d->contact, k);
	free(w);
}

static int64_t give_all(struct peer *x, const struct kept *k)
{
	int64_t next = flow_time(k->f);

	for (size_t i = 0; i < k->nowed; i++) {
		const struct duty *d = &k->owed[i];
		const struct contact *c = keep_contact(x, d->contact);

		if (c == NULL || c->blocked)
			continue;
		if (d->at > x->w->now && d->at < next)
			next = d->at;
		if (d->at <= x->w->now && !lane_has(x, d->contact, d->id))
			give(x, k->f, d);
	}
	return next;
}

void node_due(struct peer *x)
{
	struct flow *f = calloc(1, sizeof(*f));
	int64_t next = INT64_MAX, at;

	for (int64_t i = 1; i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k == NULL)
			continue;
		if (flow_time(k->f) <= x->w->now)
			in_transaction(x, i, f, time_over);
		if ((k = x->flows.v[i]) == NULL)
			continue;
		if ((k->f->kind == FLOW_PROPOSAL && k->f->u.proposal.state < PROPOSAL_CARRIED) ||
		    (k->f->kind == FLOW_CONSENT && k->f->u.consent.state == CONSENT_ASKED)) {
			in_transaction(x, i, f, look);
			if (x->w->now + LOOK < next)
				next = x->w->now + LOOK;
		}
		if ((k = x->flows.v[i]) == NULL)
			continue;
		at = give_all(x, k);
		if (at <= x->w->now)
			at = x->w->now + MP_MINUTE;
		if (at < next)
			next = at;
	}
	free(f);
	node_due_soon(x, next);
}
