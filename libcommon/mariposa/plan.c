#include "mariposa/plan.h"

#include <string.h>

#include "base/err.h"
#include "crypto/onion.h"
#include "mariposa/group.h"

static const struct plan_hooks *const hooks[PLANS] = {
    [PLAN_INTRODUCTION] = &introduction_hooks,
    [PLAN_GROUP] = &group_hooks,
    [PLAN_ADDITION] = &addition_hooks,
};

static const struct {
	enum wire_type request, response, question, status;
} types[PLANS] = {
    [PLAN_INTRODUCTION] = {WIRE_INTRODUCTION_REQUEST, WIRE_INTRODUCTION_RESPONSE,
        WIRE_INTRODUCTION_STATUS_REQUEST, WIRE_INTRODUCTION_STATUS_RESPONSE},
    [PLAN_GROUP] = {WIRE_GROUP_CHAT_REQUEST, WIRE_GROUP_CHAT_RESPONSE,
        WIRE_GROUP_CHAT_STATUS_REQUEST, WIRE_GROUP_CHAT_STATUS_RESPONSE},
    [PLAN_ADDITION] = {WIRE_GROUP_ADDITION_REQUEST, WIRE_GROUP_ADDITION_RESPONSE,
        WIRE_GROUP_ADDITION_STATUS_REQUEST, WIRE_GROUP_ADDITION_STATUS_RESPONSE},
};

const char *plan_key(enum plan plan)
{
	static const char *const keys[PLANS] = {"introduction", "group", "addition"};

	return keys[plan];
}

int plan_find(struct party *p, struct flow *f, enum flow_kind kind, int64_t contact, enum plan plan,
    const uint8_t *id)
{
	struct flow key;

	flow_ref(&key, plan, id);
	return p->find(p->ctx, f, kind, contact, key.ref, key.reflen);
}

void plan_add_person(struct party *p, json_t *list, const struct person *who)
{
	char host[ONION_TEXT];
	json_t *o = json_object();
	struct known k;

	onion_encode(host, who->onion);
	json_object_set_new(o, "onion", json_string(host));
	if (who->nickname[0] != '\0')
		json_object_set_new(o, "nickname", json_string(who->nickname));
	if (memcmp(who->onion, p->self, 32) == 0)
		json_object_set_new(o, "self", json_true());
	else if (p->known_by_onion(p->ctx, who->onion, &k) == 0)
		json_object_set_new(o, "contact", json_string(k.name));
	json_array_append_new(list, o);
}

json_t *plan_about(struct party *p, const struct flow *f)
{
	bool ours = f->kind == FLOW_PROPOSAL;
	enum plan plan = ours ? f->u.proposal.plan : f->u.consent.plan;
	size_t n = ours ? f->u.proposal.n : f->u.consent.n;
	json_t *o = json_object(), *people = json_array(), *added = json_array();

	json_set_hex(
	    o, plan_key(plan), ours ? f->u.proposal.id : f->u.consent.id, plan_id_len(plan));
	for (size_t i = 0; i < n; i++) {
		bool prospective =
		    ours ? f->u.proposal.m[i].prospective : i >= f->u.consent.participants;

		plan_add_person(p, prospective ? added : people,
		    ours ? &f->u.proposal.m[i].who : &f->u.consent.who[i]);
	}
	json_object_set_new(o, "people", people);
	if (json_array_size(added) > 0)
		json_object_set_new(o, "prospective", added);
	else
		json_decref(added);
	return o;
}

void plan_answer(struct outcome *out, const struct flow *f)
{
	memset(&out->answer, 0, sizeof(out->answer));
	out->reply = REPLY_MESSAGE;
	proposal_fill(&f->u.proposal, types[f->u.proposal.plan].status, -1, &out->answer);
}

int plan_perform(struct party *p, struct flow *f, enum proposal_action a, int by)
{
	const struct plan_hooks *h = hooks[f->u.proposal.plan];
	int rc = 0;

	switch (a) {
	case PROPOSAL_CARRY:
		rc = h->carried(p, f);
		break;
	case PROPOSAL_RETRY:
		f->u.proposal.again = group_retry_at(&f->u.proposal, p->now);
		rc = h->dropped(p, f, by);
		break;
	case PROPOSAL_DROP:
		rc = h->dropped(p, f, by);
		break;
	case PROPOSAL_FORGET:
		return p->remove(p->ctx, f);
	case PROPOSAL_NOTHING:
	case PROPOSAL_REFUSE:
		return 0;
	default:
		break;
	}
	return rc != 0 ? rc : p->save(p->ctx, f);
}

int plan_undergo(
    struct party *p, struct flow *f, enum consent_action a, const struct wire_plan *status)
{
	const struct plan_hooks *h = hooks[f->u.consent.plan];
	int rc = 0;

	switch (a) {
	case CONSENT_GO:
		rc = h->go(p, f, status);
		break;
	case CONSENT_DROP:
	case CONSENT_BREAK:
		rc = h->gone(p, f);
		break;
	case CONSENT_LEAVE:
		rc = h->leave(p, f);
		break;
	case CONSENT_FORGET:
		return p->remove(p->ctx, f);
	case CONSENT_NOTHING:
	case CONSENT_REFUSE:
		return 0;
	default:
		break;
	}
	return rc != 0 ? rc : p->save(p->ctx, f);
}

static int no(struct outcome *out, int rc)
{
	if (rc != 0 && rc != MP_ENONE && rc != MP_EBAD)
		return rc;
	out->reply = REPLY_REFUSED;
	return 0;
}

static int again(struct outcome *out)
{
	out->repeated = true;
	out->reply = REPLY_TAKEN;
	return 0;
}

int plan_policy(struct party *p, struct flow *f)
{
	bool petition = f->kind == FLOW_PROPOSAL;
	enum plan plan = petition ? f->u.proposal.plan : f->u.consent.plan;
	struct known k;
	int rc;

	if (petition ? f->u.proposal.state != PROPOSAL_PETITIONED
	             : f->u.consent.state != CONSENT_ASKED)
		return 0;
	rc = petition ? p->known_by_onion(
	                    p->ctx, f->u.proposal.m[f->u.proposal.petitioner].who.onion, &k)
	              : p->known_by_row(p->ctx, f->contact, &k);
	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	switch (p->policy(p->ctx, &k, plan)) {
	case POLICY_ACCEPT:
		rc = plan_decide(p, f, true);
		return rc == MP_EUSAGE ? 0 : rc; /* somebody is missing */
	case POLICY_DECLINE:
		return plan_decide(p, f, false);
	default:
		return 0;
	}
}

/* A request that is new. */
static int take_new(struct party *p, struct flow *f, const struct known *from, const struct wire *w,
    struct outcome *out)
{
	struct consent *c = &f->u.consent;
	bool busy = false;
	int64_t n;
	int rc;

	memset(f, 0, sizeof(*f));
	if ((rc = consent_new(c, w, p->self, p->now)) != 0)
		return no(out, rc);
	if ((rc = p->count(p->ctx, from->row, &n)) != 0)
		return rc;
	if (n >= PLANS_MAX) {
		out->reply = REPLY_QUOTA;
		return 0;
	}
	flow_set(f, FLOW_CONSENT, from->row);
	out->reply = REPLY_TAKEN;
	if ((rc = hooks[c->plan]->asked(p, f, from, &out->reply, &busy)) != 0 ||
	    out->reply != REPLY_TAKEN)
		return no(out, rc);
	if (busy)
		(void)consent_decided(c, ANSWER_BUSY, p->now);
	if ((rc = p->save(p->ctx, f)) != 0 || busy)
		return rc;
	return plan_policy(p, f);
}

static int take_request(struct party *p, const struct known *from, const struct wire *w,
    enum plan plan, struct outcome *out)
{
	struct flow f;
	int rc = plan_find(p, &f, FLOW_CONSENT, from->row, plan, plan_id_of(plan, w));

	if (rc == MP_ENONE)
		return take_new(p, &f, from, w, out);
	if (rc != 0)
		return rc;
	return consent_same(&f.u.consent, w) ? again(out) : no(out, MP_EBAD);
}

/* The proposal that a message from one of those who are asked is about, and which of them. */
static int asked(struct party *p, struct flow *f, const struct known *from, const struct wire *w,
    enum plan plan, int *who)
{
	int rc = plan_find(p, f, FLOW_PROPOSAL, 0, plan, plan_id_of(plan, w));

	if (rc != 0)
		return rc;
	*who = proposal_find(&f->u.proposal, from->onion);
	if (*who < 0 || f->u.proposal.state == PROPOSAL_PETITIONED ||
	    (plan == PLAN_ADDITION && memcmp(f->u.proposal.group, w->u.plan.group, GROUP_ID) != 0))
		return MP_ENONE;
	return 0;
}

static bool over(const struct proposal *p)
{
	return p->state == PROPOSAL_CARRIED || p->state == PROPOSAL_CANCELLED;
}

static int take_response(struct party *p, const struct known *from, const struct wire *w,
    enum plan plan, struct outcome *out)
{
	enum proposal_action a;
	struct flow f;
	bool late;
	int who, rc = asked(p, &f, from, w, plan, &who);

	if (rc != 0)
		return no(out, rc);
	late = over(&f.u.proposal);
	a = proposal_happened(
	    &f.u.proposal, proposal_answer(&f.u.proposal, who, w->u.plan.answer), who, p->now);
	if ((rc = plan_perform(p, &f, a, who)) != 0)
		return rc;
	out->repeated = a == PROPOSAL_NOTHING || a == PROPOSAL_REFUSE;
	out->reply = REPLY_TAKEN;
	if (late)
		plan_answer(out, &f);
	return 0;
}

static int take_question(struct party *p, const struct known *from, const struct wire *w,
    enum plan plan, struct outcome *out)
{
	struct flow f;
	int who, rc = asked(p, &f, from, w, plan, &who);

	if (rc != 0)
		return no(out, rc);
	if (!w->u.plan.has_seen || !over(&f.u.proposal) ||
	    w->u.plan.seen != proposal_status(&f.u.proposal)) {
		plan_answer(out, &f);
		return 0;
	}
	if (f.u.proposal.m[who].saw)
		return again(out);
	out->reply = REPLY_TAKEN;
	return plan_perform(
	    p, &f, proposal_happened(&f.u.proposal, PROPOSAL_SEEN, who, p->now), who);
}

static int take_status(struct party *p, const struct known *from, const struct wire *w,
    enum plan plan, struct outcome *out)
{
	enum consent_action a;
	enum consent_event e;
	struct flow f;
	int rc = plan_find(p, &f, FLOW_CONSENT, from->row, plan, plan_id_of(plan, w));

	/* What was cancelled before the request came needs nothing. */
	if (rc == MP_ENONE && w->u.plan.status == STATUS_CANCELLED)
		return again(out);
	if (rc == 0 && plan == PLAN_ADDITION &&
	    memcmp(f.u.consent.group, w->u.plan.group, GROUP_ID) != 0)
		rc = MP_EBAD;
	if (rc != 0 || (rc = consent_status(&f.u.consent, w->u.plan.status, &e)) != 0)
		return no(out, rc);
	a = consent_happened(&f.u.consent, e, p->now);
	out->repeated = a == CONSENT_NOTHING;
	out->reply = a == CONSENT_REFUSE ? REPLY_REFUSED : REPLY_TAKEN;
	/* That it was taken tells the initiator what an answer to our own question does not. */
	if ((a == CONSENT_GO || a == CONSENT_DROP || a == CONSENT_NOTE) && !w->reply &&
	    e != CONSENT_PENDING)
		f.u.consent.told = true;
	return plan_undergo(p, &f, a, &w->u.plan);
}

bool plan_takes(enum wire_type t)
{
	enum plan plan;

	return plan_of_type(t, &plan) && (t == types[plan].request || t == types[plan].response ||
	                                     t == types[plan].question || t == types[plan].status);
}

int plan_take(struct party *p, const struct known *from, const struct wire *w, struct outcome *out)
{
	enum plan plan;

	memset(out, 0, sizeof(*out));
	if (!plan_of_type(w->type, &plan))
		return no(out, MP_EBAD);
	if (w->type == types[plan].request)
		return take_request(p, from, w, plan, out);
	if (w->type == types[plan].response)
		return take_response(p, from, w, plan, out);
	if (w->type == types[plan].question)
		return take_question(p, from, w, plan, out);
	return take_status(p, from, w, plan, out);
}

static int proposal_sent(struct party *p, struct flow *f, const struct sent *s, bool taken)
{
	struct proposal *q = &f->u.proposal;
	int who = proposal_find(q, s->to);
	enum proposal_event e;

	if (who < 0)
		return 0;
	if (s->type == types[q->plan].request) {
		if (taken && q->state == PROPOSAL_OPEN) {
			q->m[who].asked = true;
			q->touched = p->now;
			return p->save(p->ctx, f);
		}
		e = PROPOSAL_NO;
		if (taken || q->state != PROPOSAL_OPEN)
			return 0;
	} else if (s->type == WIRE_INTRODUCTION_CONTACTS) {
		e = taken ? proposal_list_taken(q, who) : PROPOSAL_NO;
		if (!taken && q->state != PROPOSAL_LISTING)
			return 0;
	} else {
		e = PROPOSAL_SEEN;
	}
	return plan_perform(p, f, proposal_happened(q, e, who, p->now), who);
}

static int petition_sent(struct party *p, struct flow *f, bool taken)
{
	struct consent *c = &f->u.consent;
	int rc = 0;

	if (c->petitioning != PETITION_OWED)
		return 0;
	c->petitioning = taken ? PETITION_SENT : PETITION_DECLINED;
	if (!taken)
		rc = p->tell(p->ctx, f->contact, "petition-declined",
		    f->name[0] != '\0' ? f->name : NULL, plan_about(p, f));
	return rc != 0 ? rc : p->save(p->ctx, f);
}

static int consent_sent(struct party *p, struct flow *f, const struct sent *s, bool taken)
{
	struct consent *c = &f->u.consent;

	if (s->type == WIRE_INTRODUCTION_PETITION)
		return petition_sent(p, f, taken);
	if (!taken)
		return plan_undergo(p, f, consent_happened(c, CONSENT_UNKNOWN, p->now), NULL);
	if (s->type == types[c->plan].response) {
		if (s->serial != (int64_t)c->answer)
			return 0;
		c->responded = true;
		c->heard = p->now;
	} else if (s->serial == -1) {
		c->told = true;
	} else if (s->serial == c->polls) { /* an answer without a status */
		return plan_undergo(p, f, consent_happened(c, CONSENT_PENDING, p->now), NULL);
	}
	return p->save(p->ctx, f);
}

int plan_sent(struct party *p, struct flow *f, const struct sent *s, bool taken)
{
	return f->kind == FLOW_PROPOSAL ? proposal_sent(p, f, s, taken)
	                                : consent_sent(p, f, s, taken);
}

int plan_time(struct party *p, struct flow *f)
{
	if (f->kind == FLOW_PROPOSAL && f->u.proposal.again > 0 && f->u.proposal.again <= p->now)
		return group_again(p, f);
	if (f->kind == FLOW_PROPOSAL)
		return plan_perform(
		    p, f, proposal_happened(&f->u.proposal, PROPOSAL_TIME, -1, p->now), -1);
	return plan_undergo(p, f, consent_happened(&f->u.consent, CONSENT_TIME, p->now), NULL);
}

static int too_late(const struct flow *f)
{
	enum plan plan = f->kind == FLOW_PROPOSAL ? f->u.proposal.plan : f->u.consent.plan;

	return err_set(MP_EUSAGE, "too late: the %s is decided", plan_key(plan));
}

static int decide_petition(struct party *p, struct flow *f, bool accept)
{
	enum proposal_action a = proposal_happened(
	    &f->u.proposal, accept ? PROPOSAL_ACCEPT : PROPOSAL_DECLINE, -1, p->now);

	return a == PROPOSAL_REFUSE ? too_late(f) : plan_perform(p, f, a, -1);
}

int plan_decide(struct party *p, struct flow *f, bool accept)
{
	enum consent_action a;
	bool was;
	int rc;

	if (f->kind == FLOW_PROPOSAL)
		return decide_petition(p, f, accept);
	was = f->u.consent.state == CONSENT_ACCEPTED || f->u.consent.state == CONSENT_LISTED;
	if (accept && f->u.consent.state == CONSENT_ASKED &&
	    (rc = hooks[f->u.consent.plan]->may(p, f)) != 0)
		return rc;
	a = consent_decided(&f->u.consent, accept ? ANSWER_ACCEPT : ANSWER_DECLINE, p->now);
	if (a == CONSENT_REFUSE)
		return too_late(f);
	/* A change of mind: what was prepared goes. */
	if (a == CONSENT_SAY && was && (rc = hooks[f->u.consent.plan]->gone(p, f)) != 0)
		return rc;
	return plan_undergo(p, f, a, NULL);
}

int plan_cancel(struct party *p, struct flow *f)
{
	enum proposal_action a;

	if (f->kind == FLOW_CONSENT)
		return plan_decide(p, f, false);
	a = proposal_happened(&f->u.proposal, PROPOSAL_CANCEL, -1, p->now);
	return a == PROPOSAL_REFUSE ? too_late(f) : plan_perform(p, f, a, -1);
}
