#include "mariposa/group.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "mariposa/membership.h"

#define TRIES_MAX 8

static int add_people(struct party *p, struct proposal *q, const struct known *people, size_t n,
    bool prospective_ones)
{
	for (size_t i = 0; i < n; i++) {
		struct asked *m = &q->m[q->n];

		if (q->n == PEOPLE_MAX)
			return err_set(MP_EUSAGE, "a group has at most %d members", PEOPLE_MAX);
		if (!people[i].usable)
			return err_set(MP_EUSAGE, "'%s' cannot be written to", people[i].name);
		if (proposal_find(q, people[i].onion) >= 0)
			return err_set(MP_EUSAGE, "'%s' is in it already", people[i].name);
		memset(m, 0, sizeof(*m));
		person_set(&m->who, people[i].onion,
		    people[i].nickname[0] != '\0' ? people[i].nickname : people[i].name);
		m->prospective = prospective_ones;
		q->n++;
	}
	(void)p;
	return 0;
}

static void add_self(struct party *p, struct proposal *q)
{
	struct asked *m = &q->m[q->n++];

	memset(m, 0, sizeof(*m));
	person_set(&m->who, p->self, NULL);
	m->asked = m->answered = m->listed = m->saw = true;
}

int group_create(
    struct party *p, struct flow *f, const char *name, const struct known *people, size_t n)
{
	struct proposal *q = &f->u.proposal;
	struct flow other;
	int rc = p->by_name(p->ctx, &other, name);

	if (rc == 0)
		return err_set(MP_EEXIST, "there is a group '%s' already", name);
	if (rc != MP_ENONE)
		return rc;
	if (n < 1)
		return err_set(MP_EUSAGE, "a group is of two people at least");
	memset(f, 0, sizeof(*f));
	proposal_new(q, PLAN_GROUP, p->now);
	snprintf(q->name, sizeof(q->name), "%s", name);
	snprintf(f->name, sizeof(f->name), "%s", name);
	add_self(p, q);
	if ((rc = add_people(p, q, people, n, false)) != 0)
		return rc;
	flow_set(f, FLOW_PROPOSAL, 0);
	return p->save(p->ctx, f);
}

/* What an addition builds on: the members as they are now. */
static int begin_addition(struct party *p, const struct flow *chat, struct flow *f)
{
	struct proposal *q = &f->u.proposal;

	memset(f, 0, sizeof(*f));
	proposal_new(q, PLAN_ADDITION, p->now);
	memcpy(q->group, chat->u.chat.id, GROUP_ID);
	chat_hash(q->base, &chat->u.chat, p->self);
	snprintf(q->name, sizeof(q->name), "%s", chat->name);
	add_self(p, q);
	for (size_t i = 0; i < chat->u.chat.nm; i++)
		if (!chat->u.chat.m[i].gone && q->n < PEOPLE_MAX)
			q->m[q->n++] = (struct asked){.who = chat->u.chat.m[i].who};
	return 0;
}

int group_add(
    struct party *p, const struct flow *chat, struct flow *f, const struct known *people, size_t n)
{
	int rc;

	if (chat->u.chat.state != CHAT_ACTIVE)
		return err_set(MP_EUSAGE, "the group '%s' was left", chat->name);
	if (n < 1)
		return err_set(MP_EUSAGE, "nobody to add is named");
	if ((rc = membership_changing(p, chat->u.chat.id)) != 0)
		return rc < 0 ? rc
		              : err_set(MP_EUSAGE,
		                    "somebody is being added to '%s' already: wait for that",
		                    chat->name);
	if ((rc = begin_addition(p, chat, f)) != 0 ||
	    (rc = add_people(p, &f->u.proposal, people, n, true)) != 0)
		return rc;
	flow_set(f, FLOW_PROPOSAL, 0);
	return p->save(p->ctx, f);
}

int64_t group_retry_at(const struct proposal *q, int64_t now)
{
	return q->tries >= TRIES_MAX
	           ? 0
	           : now + ((MP_MINUTE + (int64_t)randombytes_uniform(9 * MP_MINUTE)) << q->tries);
}

/* As a new one, of those who are not in it yet, on the membership as it is now. */
int group_again(struct party *p, struct flow *f)
{
	struct proposal *old = &f->u.proposal;
	struct flow chat, again;
	int rc = membership_find(p, &chat, old->group);

	old->again = 0;
	if (rc == 0 && chat.u.chat.state == CHAT_ACTIVE) {
		if ((rc = membership_changing(p, old->group)) > 0) { /* not yet */
			old->again = group_retry_at(old, p->now);
			return p->save(p->ctx, f);
		}
		if (rc < 0 || (rc = begin_addition(p, &chat, &again)) != 0)
			return rc;
		again.u.proposal.tries = old->tries + 1;
		for (size_t i = 0; i < old->n; i++)
			if (old->m[i].prospective && again.u.proposal.n < PEOPLE_MAX &&
			    proposal_find(&again.u.proposal, old->m[i].who.onion) < 0)
				again.u.proposal.m[again.u.proposal.n++] =
				    (struct asked){.who = old->m[i].who, .prospective = true};
		if (again.u.proposal.m[again.u.proposal.n - 1].prospective) {
			flow_set(&again, FLOW_PROPOSAL, 0);
			if ((rc = p->save(p->ctx, &again)) != 0)
				return rc;
		}
	} else if (rc != 0 && rc != MP_ENONE) {
		return rc;
	}
	return p->save(p->ctx, f);
}

struct told {
	struct party *p;
	struct flow *chat;
};

/* Who is being added to what we leave must know, too, if we are contacts. */
static int tell_prospective(void *arg, struct flow *f)
{
	struct told *x = arg;
	const struct consent *c = &f->u.consent;

	if (c->plan != PLAN_ADDITION || !membership_about(f, x->chat->u.chat.id) ||
	    c->state != CONSENT_ACCEPTED)
		return 0;
	for (size_t i = c->participants; i < c->n; i++)
		if (!c->left[i])
			chat_join(&x->chat->u.chat, &c->who[i], true);
	return 0;
}

static int cancel_own(void *arg, struct flow *f)
{
	struct told *x = arg;

	if (f->u.proposal.plan != PLAN_ADDITION || !membership_about(f, x->chat->u.chat.id))
		return 0;
	f->u.proposal.again = 0;
	if (f->u.proposal.state != PROPOSAL_OPEN)
		return x->p->save(x->p->ctx, f);
	return plan_cancel(x->p, f);
}

int group_leave(struct party *p, struct flow *f)
{
	struct told x = {p, f};
	int rc;

	if (f->kind != FLOW_CHAT)
		return plan_cancel(p, f);
	if (f->u.chat.state == CHAT_LEFT)
		return 0;
	if ((rc = p->each(p->ctx, FLOW_PROPOSAL, 0, cancel_own, &x)) != 0 ||
	    (rc = p->each(p->ctx, FLOW_CONSENT, -1, tell_prospective, &x)) != 0)
		return rc;
	f->u.chat.state = CHAT_LEFT;
	f->u.chat.touched = p->now;
	memset(f->name, 0, sizeof(f->name));
	return p->save(p->ctx, f);
}

int group_petition(struct party *p, struct flow *f)
{
	struct consent *c = &f->u.consent;
	struct wire_people lacking;
	int rc;

	if (f->kind != FLOW_CONSENT || c->state != CONSENT_ASKED)
		return err_set(MP_ENONE, "no request of this group waits for an answer");
	if ((rc = membership_missing(p, c, &lacking)) != 0)
		return rc;
	if (lacking.n == 0)
		return err_set(MP_ENONE, "nobody is missing: accept it");
	if (c->petitioning == PETITION_OWED || c->petitioning == PETITION_SENT)
		return 0;
	c->petitioning = PETITION_OWED;
	randombytes_buf(c->petition, sizeof(c->petition));
	return p->save(p->ctx, f);
}
