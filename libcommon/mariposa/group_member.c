#include "mariposa/group.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "mariposa/membership.h"

static int no(struct outcome *out)
{
	out->reply = REPLY_REFUSED;
	return 0;
}

/* ---- exits ---- */

struct leaving {
	struct party *p;
	const uint8_t *group, *onion;
	bool found, news;
};

static int left_consent(void *arg, struct flow *f)
{
	struct leaving *x = arg;
	int at;

	if (!membership_about(f, x->group) || (at = consent_find(&f->u.consent, x->onion)) < 0)
		return 0;
	x->found = true;
	if (f->u.consent.left[at])
		return 0;
	f->u.consent.left[at] = x->news = true;
	return x->p->save(x->p->ctx, f);
}

static int left_proposal(void *arg, struct flow *f)
{
	struct leaving *x = arg;
	struct proposal *q = &f->u.proposal;
	enum proposal_event e;
	int at;

	if (!membership_about(f, x->group) || (at = proposal_find(q, x->onion)) < 0)
		return 0;
	x->found = true;
	if (q->m[at].left)
		return 0;
	q->m[at].left = x->news = true;
	/* It may have been the last answer that was waited for. */
	e = proposal_answer(q, at, ANSWER_ACCEPT);
	if (q->state == PROPOSAL_OPEN && e == PROPOSAL_DECIDED)
		return plan_perform(x->p, f, proposal_happened(q, e, at, x->p->now), at);
	return x->p->save(x->p->ctx, f);
}

static int take_exit(
    struct party *p, const struct known *from, const struct wire *w, struct outcome *out)
{
	struct leaving x = {p, w->u.plan.group, from->onion, false, false};
	struct chat_member *m = NULL;
	struct flow chat;
	int at, rc = membership_find(p, &chat, x.group);

	if (rc == 0 && (at = chat_find(&chat.u.chat, from->onion)) >= 0)
		m = &chat.u.chat.m[at];
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	if (m != NULL && !m->gone) {
		if (chat.u.chat.state == CHAT_ACTIVE) {
			chat_remember(&chat.u.chat, p->self);
			rc = membership_tell(p, &chat, "group-member-left", &m->who, NULL);
		}
		m->gone = x.news = true;
		m->gone_at = p->now;
		m->end = w->u.plan.n;
		if (rc == 0)
			rc = p->save(p->ctx, &chat);
		if (rc != 0)
			return rc;
	}
	if ((rc = p->each(p->ctx, FLOW_CONSENT, -1, left_consent, &x)) != 0 ||
	    (rc = p->each(p->ctx, FLOW_PROPOSAL, 0, left_proposal, &x)) != 0)
		return rc;
	if (m == NULL && !x.found)
		return no(out);
	out->repeated = !x.news;
	return 0;
}

/* ---- what is asked for again ---- */

static int take_resend(
    struct party *p, const struct known *from, const struct wire *w, struct outcome *out)
{
	int64_t first = w->u.plan.first, last = w->u.plan.last;
	struct chat_member *m;
	struct chat_entry e;
	struct flow chat;
	int at, rc = membership_find(p, &chat, w->u.plan.group);

	if (rc != 0)
		return rc == MP_ENONE ? no(out) : rc;
	at = chat_find(&chat.u.chat, from->onion);
	if (at < 0 || chat.u.chat.m[at].gone || chat.u.chat.state != CHAT_ACTIVE)
		return no(out);
	m = &chat.u.chat.m[at];
	if (last > chat.u.chat.n)
		last = chat.u.chat.n;
	while (
	    first <= last && (rc = p->entry_get(p->ctx, chat.row, p->self, first, &e)) == MP_ENONE)
		first++;
	if (first > last)
		return 0;
	if (rc != 0)
		return rc;
	if (m->owed_first > 0 && m->owed_first <= first && m->owed_last >= last) {
		out->repeated = true;
		return 0;
	}
	m->owed_first = first;
	m->owed_last = last;
	return p->save(p->ctx, &chat);
}

bool group_takes(enum wire_type t)
{
	return t == WIRE_NOTICE_OF_GROUP_EXIT || t == WIRE_GROUP_RESEND_REQUEST;
}

int group_take(struct party *p, const struct known *from, const struct wire *w, struct outcome *out)
{
	memset(out, 0, sizeof(*out));
	return w->type == WIRE_NOTICE_OF_GROUP_EXIT ? take_exit(p, from, w, out)
	                                            : take_resend(p, from, w, out);
}

int group_sent(struct party *p, struct flow *f, const struct sent *s, bool taken)
{
	struct chat *c = &f->u.chat;
	int at = s->to != NULL ? chat_find(c, s->to) : -1;
	struct chat_member *m;

	if (at < 0)
		return 0;
	m = &c->m[at];
	if (s->type == WIRE_NOTICE_OF_GROUP_EXIT) {
		m->told = true;
		c->touched = p->now;
	} else if (s->type == WIRE_GROUP_RESEND_REQUEST) {
		if (s->serial != m->asked)
			return 0;
		m->asked = taken ? m->asked + 1 : CHAT_ASK_MOST;
		m->ask_at = p->now + MP_DAY;
	} else if (m->owed_first > 0 && s->serial >= m->owed_first) {
		m->owed_first = s->serial + 1;
		if (m->owed_first > m->owed_last)
			m->owed_first = m->owed_last = 0;
	}
	return p->save(p->ctx, f);
}

/* ---- time ---- */

/* Asked for often enough: it will not come.  What only others claimed is no loss of ours. */
static int give_up(struct party *p, const struct flow *f, struct chat_member *m)
{
	json_t *o;
	int64_t first = m->first, last = m->last;

	m->claimed = m->first = m->last = m->asked = 0;
	if (first == 0)
		return 0;
	o = json_object();
	json_object_set_new(o, "first", json_integer(first));
	json_object_set_new(o, "last", json_integer(last));
	return membership_tell(p, f, "group-gap", &m->who, o);
}

static int forget_gone(struct party *p, struct flow *f)
{
	struct chat *c = &f->u.chat;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->nm;) {
		if (!c->m[i].gone || p->now < c->m[i].gone_at + PLAN_MEMORY) {
			i++;
			continue;
		}
		rc = p->entry_drop(p->ctx, f->row, c->m[i].who.onion, INT64_MAX);
		c->m[i] = c->m[--c->nm];
	}
	return rc;
}

int group_time(struct party *p, struct flow *f)
{
	struct chat *c = &f->u.chat;
	int rc = 0;

	if (c->state == CHAT_LEFT)
		return p->remove(p->ctx, f);
	for (size_t i = 0; rc == 0 && i < c->nm; i++)
		if (c->m[i].asked >= CHAT_ASK_MOST && p->now >= c->m[i].ask_at)
			rc = give_up(p, f, &c->m[i]);
	/* What explains it may have come since. */
	if (c->strange_at > 0 && chat_explains(c, p->self, c->strange, c->strange_at))
		c->strange_at = 0;
	if (rc == 0 && c->strange_at > 0 && p->now >= c->strange_at + CHAT_STRANGE) {
		json_t *o = membership_people(p, f);

		c->strange_at = 0;
		json_object_set_new(
		    o, "reason", json_string("a member counts others among the members"));
		if (!c->told_strange)
			rc = p->tell(p->ctx, 0, "group-split", membership_name(f), o);
		else
			json_decref(o);
		c->told_strange = true;
	}
	if (rc == 0)
		rc = forget_gone(p, f);
	return rc != 0 ? rc : p->save(p->ctx, f);
}

int group_fill(struct party *p, const struct flow *f, const struct sent *s, struct wire *w)
{
	struct wire_plan *q = &w->u.plan;
	const struct chat_member *m;
	int at;

	if (s->type == WIRE_INTRODUCTION_PETITION)
		return membership_missing(p, &f->u.consent, &q->people);
	w->type = s->type;
	memset(q, 0, sizeof(*q));
	memcpy(q->group, f->u.chat.id, GROUP_ID);
	if (s->type == WIRE_NOTICE_OF_GROUP_EXIT) {
		q->n = f->u.chat.n;
		return 0;
	}
	if (s->to == NULL || (at = chat_find(&f->u.chat, s->to)) < 0)
		return MP_ENONE;
	m = &f->u.chat.m[at];
	q->first = m->first > 0 ? m->first : m->n + 1;
	q->last = m->first > 0 ? m->last : m->claimed;
	if (q->last - q->first >= CHAT_WINDOW)
		q->last = q->first + CHAT_WINDOW - 1;
	return 0;
}
