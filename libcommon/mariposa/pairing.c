/* The two ends of an acquaintance: acknowledgements and updates. */
#include "mariposa/introduction.h"

#include <string.h>

#include "base/err.h"

static json_t *about(struct party *p, const struct flow *f)
{
	struct person who;
	json_t *o = json_object(), *people = json_array();
	struct flow consent;

	person_set(&who, f->u.acquaintance.onion, NULL);
	if (p->load(p->ctx, &consent, f->u.acquaintance.consent) == 0 &&
	    consent.kind == FLOW_CONSENT) {
		int i = consent_find(&consent.u.consent, who.onion);

		if (i >= 0)
			who = consent.u.consent.who[i];
		json_set_hex(o, "introduction", consent.u.consent.id, PLAN_ID);
	}
	plan_add_person(p, people, &who);
	json_object_set_new(o, "people", people);
	return o;
}

/* It will be no contact: told, unless we came to know him in another way. */
static int part(struct party *p, struct flow *f, const char *reason)
{
	struct known k;
	json_t *o;
	int rc = p->known_by_onion(p->ctx, f->u.acquaintance.onion, &k);

	if (rc == 0)
		return p->part(p->ctx, f->contact);
	if (rc != MP_ENONE)
		return rc;
	o = about(p, f);
	json_object_set_new(o, "reason", json_string(reason));
	if ((rc = p->tell(p->ctx, 0, "introduction-failed", NULL, o)) != 0)
		return rc;
	return p->part(p->ctx, f->contact);
}

static int perform(struct party *p, struct flow *f, enum acquaintance_action a, const char *reason)
{
	struct acquaintance *x = &f->u.acquaintance;
	int rc = 0;

	switch (a) {
	case ACQUAINTANCE_MAKE:
		rc = p->pair(p->ctx, f->contact, x->id, x->pair);
		break;
	case ACQUAINTANCE_FINISH:
		if ((rc = p->solidify(p->ctx, f->contact, true)) != 0)
			return rc;
		return p->remove(p->ctx, f);
	case ACQUAINTANCE_PART:
		return part(p, f, reason);
	case ACQUAINTANCE_NOTHING:
	case ACQUAINTANCE_REFUSE:
		return 0;
	default:
		break;
	}
	return rc != 0 ? rc : p->save(p->ctx, f);
}

/* Ours from now on: the key, the state, and a word to our person. */
static int settle(struct party *p, struct flow *f, bool make)
{
	struct acquaintance *x = &f->u.acquaintance;
	int rc = 0;

	if (make)
		rc = p->pair(p->ctx, f->contact, x->id, x->pair);
	if (rc != 0 || (rc = p->solidify(p->ctx, f->contact, false)) != 0 ||
	    (rc = p->save(p->ctx, f)) != 0)
		return rc;
	return p->tell(p->ctx, f->contact, "contact-introduced", NULL, about(p, f));
}

static int find(struct party *p, struct flow *f, int64_t contact)
{
	return p->find(p->ctx, f, FLOW_ACQUAINTANCE, contact, NULL, 0);
}

int acquaintance_take(struct party *p, int64_t temporary, const struct wire *w, struct outcome *out)
{
	enum acquaintance_action a;
	struct flow f;
	int rc = find(p, &f, temporary);

	memset(out, 0, sizeof(*out));
	out->reply = REPLY_REFUSED;
	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	if (w->type == WIRE_INTRODUCTION_ACKNOWLEDGEMENT) {
		a = acquaintance_number(&f.u.acquaintance, &w->u.plan, p->now);
	} else if (w->type == WIRE_TEMPORARY_CONTACT_UPDATE) {
		/* What it depends on is still on its way. */
		if (f.u.acquaintance.state == ACQUAINTANCE_WAITING ||
		    (f.u.acquaintance.state == ACQUAINTANCE_DRAWN && !f.u.acquaintance.has_peer)) {
			out->reply = REPLY_LATER;
			return 0;
		}
		a = acquaintance_update(&f.u.acquaintance, &w->u.plan, p->now);
	} else {
		return 0;
	}
	if (a == ACQUAINTANCE_REFUSE)
		return 0;
	out->reply = REPLY_TAKEN;
	out->repeated = a == ACQUAINTANCE_NOTHING;
	rc = a == ACQUAINTANCE_SETTLE ? settle(p, &f, true) : perform(p, &f, a, NULL);
	flow_wipe(&f);
	return rc;
}

int acquaintance_heard(struct party *p, int64_t contact)
{
	enum acquaintance_action a;
	struct flow f;
	int rc = find(p, &f, contact);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	a = acquaintance_happened(&f.u.acquaintance, ACQUAINTANCE_HEARD, p->now);
	rc = a == ACQUAINTANCE_SETTLE ? settle(p, &f, false) : perform(p, &f, a, NULL);
	flow_wipe(&f);
	return rc;
}

int acquaintance_sent(struct party *p, struct flow *f, const struct sent *s, bool taken)
{
	struct acquaintance *x = &f->u.acquaintance;
	enum acquaintance_action a;

	if (s->serial != x->round)
		return 0;
	if (!taken) {
		/* A number that was taken before all the same is refused no more. */
		if (s->type == WIRE_INTRODUCTION_ACKNOWLEDGEMENT && x->acked)
			return 0;
		a = acquaintance_happened(x, ACQUAINTANCE_REFUSED, p->now);
		return perform(p, f, a, "the other end refused it");
	}
	if (s->type == WIRE_INTRODUCTION_ACKNOWLEDGEMENT) {
		acquaintance_acked(x, s->serial);
		return p->save(p->ctx, f);
	}
	a = acquaintance_happened(x, ACQUAINTANCE_TAKEN, p->now);
	return a == ACQUAINTANCE_SETTLE ? settle(p, f, false) : perform(p, f, a, NULL);
}

int acquaintance_expire(struct party *p, struct flow *f)
{
	return perform(p, f, acquaintance_happened(&f->u.acquaintance, ACQUAINTANCE_TIME, p->now),
	    "nothing was heard for 30 days");
}
