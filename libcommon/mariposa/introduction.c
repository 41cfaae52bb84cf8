#include "mariposa/introduction.h"

#include <string.h>

#include "base/err.h"

#define PETITIONS_MAX 16 /* of one contact, that our person has not decided; PLANS_MAX in all */

static int no(struct outcome *out)
{
	out->reply = REPLY_REFUSED;
	return 0;
}

/* The flows that hang on one introduction. */
struct pairs {
	struct party *p;
	int64_t consent;
	enum acquaintance_event event;
};

static int pair_happened(void *arg, struct flow *f)
{
	struct pairs *x = arg;
	struct party *p = x->p;
	enum acquaintance_action a;

	if (f->u.acquaintance.consent != x->consent)
		return 0;
	a = acquaintance_happened(&f->u.acquaintance, x->event, p->now);
	if (a == ACQUAINTANCE_NOTHING)
		return 0;
	if (a == ACQUAINTANCE_PART)
		return p->part(p->ctx, f->contact);
	if (a == ACQUAINTANCE_MAKE) {
		int rc = p->pair(p->ctx, f->contact, f->u.acquaintance.id, f->u.acquaintance.pair);

		if (rc != 0)
			return rc;
	}
	return p->save(p->ctx, f);
}

static int pairs_happened(struct party *p, int64_t consent, enum acquaintance_event event)
{
	struct pairs x = {p, consent, event};

	return p->each(p->ctx, FLOW_ACQUAINTANCE, -1, pair_happened, &x);
}

static int asked(
    struct party *p, struct flow *f, const struct known *from, enum reply *reply, bool *busy)
{
	(void)busy;
	if (consent_find(&f->u.consent, from->onion) >= 0) { /* who introduces is none of them */
		*reply = REPLY_REFUSED;
		return 0;
	}
	return p->tell(p->ctx, from->row, "introduction-request", NULL, plan_about(p, f));
}

static int may(struct party *p, const struct flow *f)
{
	(void)p;
	(void)f;
	return 0;
}

static int go(struct party *p, struct flow *f, const struct wire_plan *status)
{
	int rc = pairs_happened(p, f->row, ACQUAINTANCE_INITIATED);

	(void)status;
	return rc != 0
	           ? rc
	           : p->tell(p->ctx, f->contact, "introduction-initiated", NULL, plan_about(p, f));
}

static int gone(struct party *p, struct flow *f)
{
	int rc = pairs_happened(p, f->row, ACQUAINTANCE_OVER);

	/* Of what we ended ourselves we need not be told. */
	if (rc != 0 || f->u.consent.state == CONSENT_DECLINED)
		return rc;
	return p->tell(p->ctx, f->contact, "introduction-cancelled", NULL, plan_about(p, f));
}

static int leave(struct party *p, struct flow *f)
{
	(void)p;
	(void)f;
	return 0;
}

static int carried(struct party *p, struct flow *f)
{
	return p->tell(p->ctx, 0, "introduction-initiated", NULL, plan_about(p, f));
}

static int dropped(struct party *p, struct flow *f, int by)
{
	struct known k = {.row = 0};

	if (by >= 0 && p->known_by_onion(p->ctx, f->u.proposal.m[by].who.onion, &k) != 0)
		k.row = 0;
	return p->tell(p->ctx, k.row, "introduction-cancelled", NULL, plan_about(p, f));
}

const struct plan_hooks introduction_hooks = {asked, may, go, gone, leave, carried, dropped};

/* Who is known is never replaced; our person hears that he is among them. */
static int tell_known(struct party *p, const struct flow *consent, const struct known *k)
{
	json_t *o = json_object(), *people = json_array();
	struct person who;

	person_set(&who, k->onion, NULL);
	json_set_hex(o, "introduction", consent->u.consent.id, PLAN_ID);
	plan_add_person(p, people, &who);
	json_object_set_new(o, "people", people);
	return p->tell(p->ctx, k->row, "already-contact", NULL, o);
}

/* One temporary contact of a list, unless we know him. */
static int meet(struct party *p, const struct flow *consent, const struct wire_key *k)
{
	const struct consent *c = &consent->u.consent;
	struct known known;
	struct flow f;
	int64_t row;
	int rc = p->known_by_onion(p->ctx, k->onion, &known);

	if (rc == 0)
		return tell_known(p, consent, &known);
	if (rc != MP_ENONE)
		return rc;
	rc = p->meet(
	    p->ctx, &c->who[consent_find(c, k->onion)], consent->contact, k->id, k->key, &row);
	if (rc == MP_EBAD) /* an address that agrees on no secret: the introducer's lie */
		return 0;
	if (rc != 0)
		return rc;
	memset(&f, 0, sizeof(f));
	acquaintance_new(&f.u.acquaintance, k->onion, consent->row, p->now);
	flow_set(&f, FLOW_ACQUAINTANCE, row);
	return p->save(p->ctx, &f);
}

static int take_contacts(
    struct party *p, const struct known *from, const struct wire *w, struct outcome *out)
{
	const struct wire_plan *l = &w->u.plan;
	enum consent_action a;
	struct flow f;
	int rc = plan_find(p, &f, FLOW_CONSENT, from->row, PLAN_INTRODUCTION, l->introduction);

	if (rc != 0)
		return rc == MP_ENONE ? no(out) : rc;
	a = consent_happened(&f.u.consent,
	    consent_list_fits(&f.u.consent, l, p->self) ? CONSENT_LIST : CONSENT_BAD_LIST, p->now);
	out->reply = a == CONSENT_REFUSE || a == CONSENT_BREAK ? REPLY_REFUSED : REPLY_TAKEN;
	out->repeated = a == CONSENT_NOTHING;
	for (size_t i = 0; a == CONSENT_MEET && i < l->nkeys; i++)
		if ((rc = meet(p, &f, &l->keys[i])) != 0)
			return rc;
	return plan_undergo(p, &f, a, NULL);
}

struct petitions {
	const uint8_t *onion;
	int64_t waiting, all; /* those that ended are remembered for a while, and count */
};

static int count_petition(void *arg, struct flow *f)
{
	struct petitions *x = arg;
	const struct proposal *q = &f->u.proposal;

	if (q->petitioner >= 0 && memcmp(q->m[q->petitioner].who.onion, x->onion, 32) == 0) {
		x->waiting += q->state == PROPOSAL_PETITIONED;
		x->all++;
	}
	return 0;
}

/* A person of a petition as he goes into the proposal; MP_ENONE when he is no contact. */
static int add_asked(struct party *p, struct proposal *q, const uint8_t onion[static 32])
{
	struct known k;
	int rc = p->known_by_onion(p->ctx, onion, &k);

	if (rc != 0)
		return rc;
	if (!k.usable)
		return MP_ENONE;
	person_set(&q->m[q->n++].who, onion, k.nickname[0] != '\0' ? k.nickname : k.name);
	return 0;
}

/* Does it name people of a group or addition that we initiated, and its petitioner too? */
static int petition_fits(struct party *p, const struct known *from, const struct wire_plan *w)
{
	enum plan plan = w->has_addition ? PLAN_ADDITION : PLAN_GROUP;
	struct flow f;
	int rc = plan_find(p, &f, FLOW_PROPOSAL, 0, plan, w->has_addition ? w->addition : w->group);

	if (rc != 0)
		return rc;
	if (f.u.proposal.state == PROPOSAL_CANCELLED ||
	    proposal_find(&f.u.proposal, from->onion) < 0)
		return MP_ENONE;
	for (size_t i = 0; i < w->people.n; i++)
		if (proposal_find(&f.u.proposal, w->people.person[i].onion) < 0 ||
		    memcmp(w->people.person[i].onion, from->onion, 32) == 0 ||
		    memcmp(w->people.person[i].onion, p->self, 32) == 0)
			return MP_ENONE;
	return 0;
}

/* In the same words whatever the reason: who asks must not learn whom we know. */
static int decline(const struct wire *w, struct outcome *out)
{
	memset(&out->answer, 0, sizeof(out->answer));
	out->answer.type = WIRE_INTRODUCTION_PETITION_DECLINATION;
	memcpy(out->answer.u.plan.introduction, w->u.plan.introduction, PLAN_ID);
	out->reply = REPLY_MESSAGE;
	return 0;
}

static int take_petition(
    struct party *p, const struct known *from, const struct wire *w, struct outcome *out)
{
	struct petitions x = {from->onion, 0, 0};
	const struct wire_plan *q = &w->u.plan;
	struct flow f;
	int rc = plan_find(p, &f, FLOW_PROPOSAL, 0, PLAN_INTRODUCTION, q->introduction);

	if (rc == 0 && f.u.proposal.petitioner >= 0 && f.u.proposal.state != PROPOSAL_TURNED &&
	    memcmp(f.u.proposal.m[f.u.proposal.petitioner].who.onion, from->onion, 32) == 0) {
		out->repeated = true;
		return 0;
	}
	if (rc == 0)
		return decline(w, out);
	if (rc == MP_ENONE)
		rc = petition_fits(p, from, q);
	if (rc != 0)
		return rc == MP_ENONE ? decline(w, out) : rc;
	if ((rc = p->each(p->ctx, FLOW_PROPOSAL, 0, count_petition, &x)) != 0)
		return rc;
	if (x.waiting >= PETITIONS_MAX || x.all >= PLANS_MAX) {
		out->reply = REPLY_QUOTA;
		return 0;
	}
	memset(&f, 0, sizeof(f));
	proposal_new(&f.u.proposal, PLAN_INTRODUCTION, p->now);
	memcpy(f.u.proposal.id, q->introduction, PLAN_ID);
	f.u.proposal.state = PROPOSAL_PETITIONED;
	f.u.proposal.petitioner = 0;
	memcpy(f.u.proposal.group, q->group, GROUP_ID);
	rc = add_asked(p, &f.u.proposal, from->onion);
	for (size_t i = 0; rc == 0 && i < q->people.n; i++)
		rc = add_asked(p, &f.u.proposal, q->people.person[i].onion);
	if (rc != 0)
		return rc == MP_ENONE ? decline(w, out) : rc;
	flow_set(&f, FLOW_PROPOSAL, 0);
	if ((rc = p->save(p->ctx, &f)) != 0 ||
	    (rc = p->tell(p->ctx, from->row, "introduction-petition", NULL, plan_about(p, &f))) !=
	        0)
		return rc;
	return plan_policy(p, &f);
}

struct declined {
	struct party *p;
	const uint8_t *introduction;
	bool found;
};

static int petition_declined(void *arg, struct flow *f)
{
	struct declined *x = arg;
	struct consent *c = &f->u.consent;
	struct party *p = x->p;
	int rc;

	if (c->petitioning == PETITION_NONE || memcmp(c->petition, x->introduction, PLAN_ID) != 0)
		return 0;
	x->found = true;
	if (c->petitioning == PETITION_DECLINED)
		return 0;
	c->petitioning = PETITION_DECLINED;
	rc = p->tell(p->ctx, f->contact, "petition-declined", f->name[0] != '\0' ? f->name : NULL,
	    plan_about(p, f));
	return rc != 0 ? rc : p->save(p->ctx, f);
}

static int take_declination(
    struct party *p, const struct known *from, const struct wire *w, struct outcome *out)
{
	struct declined x = {p, w->u.plan.introduction, false};
	int rc = p->each(p->ctx, FLOW_CONSENT, from->row, petition_declined, &x);

	if (rc == 0 && !x.found)
		return no(out);
	return rc;
}

bool introduction_takes(enum wire_type t)
{
	return t == WIRE_INTRODUCTION_CONTACTS || t == WIRE_INTRODUCTION_PETITION ||
	       t == WIRE_INTRODUCTION_PETITION_DECLINATION;
}

int introduction_take(
    struct party *p, const struct known *from, const struct wire *w, struct outcome *out)
{
	memset(out, 0, sizeof(*out));
	if (w->type == WIRE_INTRODUCTION_CONTACTS)
		return take_contacts(p, from, w, out);
	if (w->type == WIRE_INTRODUCTION_PETITION)
		return take_petition(p, from, w, out);
	return take_declination(p, from, w, out);
}

int introduction_offer(struct party *p, struct flow *f, const struct known *people, size_t n)
{
	struct proposal *q = &f->u.proposal;

	if (n < 2 || n > PEOPLE_MAX)
		return err_set(
		    MP_EUSAGE, "an introduction is of 2 to %d people, not of %zu", PEOPLE_MAX, n);
	memset(f, 0, sizeof(*f));
	proposal_new(q, PLAN_INTRODUCTION, p->now);
	for (size_t i = 0; i < n; i++) {
		if (!people[i].usable)
			return err_set(MP_EUSAGE, "'%s' cannot be written to", people[i].name);
		if (proposal_find(q, people[i].onion) >= 0)
			return err_set(MP_EUSAGE, "'%s' is named twice", people[i].name);
		person_set(&q->m[q->n++].who, people[i].onion,
		    people[i].nickname[0] != '\0' ? people[i].nickname : people[i].name);
	}
	flow_set(f, FLOW_PROPOSAL, 0);
	return p->save(p->ctx, f);
}
