#include "mariposa/group.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "wire/chain.h"

#define TRIES_MAX 8

static int no(struct outcome *out)
{
	out->reply = REPLY_REFUSED;
	return 0;
}

static int find_chat(struct party *p, struct flow *chat, const uint8_t group[static GROUP_ID])
{
	return plan_find(p, chat, FLOW_CHAT, 0, PLAN_GROUP, group);
}

static bool is_self(const struct party *p, const uint8_t onion[static 32])
{
	return memcmp(onion, p->self, 32) == 0;
}

static const char *name_of(const struct flow *f)
{
	return f->name[0] != '\0' ? f->name : NULL;
}

json_t *group_about(struct party *p, const struct flow *chat)
{
	json_t *o = json_object(), *people = json_array();

	json_set_hex(o, "group", chat->u.chat.id, GROUP_ID);
	for (size_t i = 0; i < chat->u.chat.nm; i++)
		if (!chat->u.chat.m[i].gone)
			plan_add_person(p, people, &chat->u.chat.m[i].who);
	json_object_set_new(o, "people", people);
	return o;
}

/* Something about one of its people. */
int group_tell(struct party *p, const struct flow *chat, const char *kind,
    const struct person *who, json_t *more)
{
	json_t *o = more != NULL ? more : json_object(), *people = json_array();
	struct known k;

	json_set_hex(o, "group", chat->u.chat.id, GROUP_ID);
	plan_add_person(p, people, who);
	json_object_set_new(o, "people", people);
	if (p->known_by_onion(p->ctx, who->onion, &k) != 0)
		k.row = 0;
	return p->tell(p->ctx, k.row, kind, name_of(chat), o);
}

/* ---- a chat out of an accepted plan ---- */

/* A group that we left and are in again is a new one. */
static int clear_left(struct party *p, const uint8_t group[static GROUP_ID])
{
	struct flow old;
	int rc = find_chat(p, &old, group);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	return old.u.chat.state == CHAT_LEFT ? p->remove(p->ctx, &old) : 0;
}

/* f, whose name it takes over, is saved. */
static int keep_chat(struct party *p, struct flow *f, struct flow *chat)
{
	int rc;

	chat->u.chat.created = chat->u.chat.touched = p->now;
	flow_set(chat, FLOW_CHAT, 0);
	memcpy(chat->name, f->name, sizeof(chat->name));
	memset(f->name, 0, sizeof(f->name));
	if ((rc = p->save(p->ctx, f)) != 0)
		return rc;
	return p->save(p->ctx, chat);
}

/* Who of a consent will be in the group: not those who left, nor whom the initiator leaves out. */
static bool stays(const struct consent *c, size_t i, const struct wire_plan *status)
{
	return !c->left[i] && (status == NULL || status->people.n == 0 ||
	                          people_find(&status->people, c->who[i].onion) >= 0);
}

static int chat_of_consent(struct party *p, struct flow *f, const struct wire_plan *status,
    enum chat_state state, struct flow *chat)
{
	const struct consent *c = &f->u.consent;
	const uint8_t *group = c->plan == PLAN_GROUP ? c->id : c->group;
	int rc = clear_left(p, group);

	if (rc != 0)
		return rc;
	memset(chat, 0, sizeof(*chat));
	memcpy(chat->u.chat.id, group, GROUP_ID);
	chat->u.chat.state = state;
	/* Whoever was in it before us has said things that we shall not get. */
	for (size_t i = 0; i < c->n; i++)
		if (!is_self(p, c->who[i].onion) && stays(c, i, status))
			chat_join(&chat->u.chat, &c->who[i],
			    c->plan == PLAN_GROUP || i >= c->participants);
	return keep_chat(p, f, chat);
}

/* People to a chat that is there. */
static int join_all(struct party *p, struct flow *chat, const struct person *who, size_t n)
{
	int rc = 0;

	chat_remember(&chat->u.chat, p->self);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (chat_join(&chat->u.chat, &who[i], true) < 0)
			continue;
		rc = p->entry_drop(p->ctx, chat->row, who[i].onion, INT64_MAX);
	}
	if (rc != 0 || (rc = p->save(p->ctx, chat)) != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = group_tell(p, chat, "group-member-added", &who[i], NULL);
	return rc;
}

static int part_all(struct party *p, struct flow *chat, const struct person *who, size_t n)
{
	chat_remember(&chat->u.chat, p->self);
	for (size_t i = 0; i < n; i++) {
		int at = chat_find(&chat->u.chat, who[i].onion);

		if (at >= 0) {
			chat->u.chat.m[at].gone = true;
			chat->u.chat.m[at].gone_at = p->now;
		}
	}
	return p->save(p->ctx, chat);
}

/* Those who are to be added and have not left; the number. */
static size_t prospective(const struct consent *c, struct person who[static PEOPLE_MAX])
{
	size_t n = 0;

	for (size_t i = c->participants; i < c->n; i++)
		if (!c->left[i])
			who[n++] = c->who[i];
	return n;
}

/* ---- requests ---- */

struct same {
	const uint8_t *group;
	int64_t but; /* this flow does not count */
	bool found;
};

static const uint8_t *group_of(const struct flow *f)
{
	if (f->kind == FLOW_CONSENT)
		return f->u.consent.plan == PLAN_GROUP      ? f->u.consent.id
		       : f->u.consent.plan == PLAN_ADDITION ? f->u.consent.group
		                                            : NULL;
	return f->u.proposal.plan == PLAN_GROUP      ? f->u.proposal.id
	       : f->u.proposal.plan == PLAN_ADDITION ? f->u.proposal.group
	                                             : NULL;
}

static bool about(const struct flow *f, const uint8_t group[static GROUP_ID])
{
	const uint8_t *of = group_of(f);

	return of != NULL && memcmp(of, group, GROUP_ID) == 0;
}

static int same_group(void *arg, struct flow *f)
{
	struct same *x = arg;
	bool ended = f->u.consent.state == CONSENT_CANCELLED ||
	             f->u.consent.state == CONSENT_DECLINED;

	if (f->row != x->but && !ended && about(f, x->group))
		x->found = true;
	return 0;
}

static int asked_group(
    struct party *p, struct flow *f, const struct known *from, enum reply *reply, bool *busy)
{
	struct consent *c = &f->u.consent;
	struct same x = {c->id, 0, false};
	struct flow other;
	int rc = find_chat(p, &other, c->id);

	(void)busy;
	if (rc == MP_ENONE)
		rc = plan_find(p, &other, FLOW_PROPOSAL, 0, PLAN_GROUP, c->id);
	if (rc == 0)
		x.found = true;
	else if (rc != MP_ENONE ||
	         (rc = p->each(p->ctx, FLOW_CONSENT, -1, same_group, &x)) != 0)
		return rc;
	if (x.found || consent_find(c, from->onion) < 0) {
		*reply = REPLY_REFUSED;
		return 0;
	}
	if ((rc = p->name(p->ctx, f->name, c->name, true)) != 0)
		return rc;
	return p->tell(p->ctx, from->row, "group-chat-request", f->name, plan_about(p, f));
}

static int pending_consent(void *arg, struct flow *f)
{
	struct same *x = arg;

	if (f->u.consent.plan == PLAN_ADDITION && about(f, x->group) &&
	    (f->u.consent.state == CONSENT_ASKED || f->u.consent.state == CONSENT_ACCEPTED))
		x->found = true;
	return 0;
}

static int pending_proposal(void *arg, struct flow *f)
{
	struct same *x = arg;

	if (f->u.proposal.plan == PLAN_ADDITION && about(f, x->group) &&
	    f->u.proposal.state == PROPOSAL_OPEN)
		x->found = true;
	return 0;
}

/* 1 when another change of this group is under way here, 0 or MP_E*. */
static int changing(struct party *p, const uint8_t group[static GROUP_ID])
{
	struct same x = {group, 0, false};
	int rc = p->each(p->ctx, FLOW_CONSENT, -1, pending_consent, &x);

	if (rc == 0)
		rc = p->each(p->ctx, FLOW_PROPOSAL, 0, pending_proposal, &x);
	return rc != 0 ? rc : x.found;
}

/* Does the request build on the membership that we know? Those who left may be in it still. */
static bool builds_on(const struct party *p, const struct chat *c, const struct consent *q)
{
	if (consent_find(q, p->self) < 0 || consent_find(q, p->self) >= (int)q->participants)
		return false;
	for (size_t i = 0; i < c->nm; i++) {
		int at = consent_find(q, c->m[i].who.onion);

		if (!c->m[i].gone && (at < 0 || at >= (int)q->participants))
			return false;
	}
	for (size_t i = 0; i < q->n; i++) {
		int at = chat_find(c, q->who[i].onion);

		if (is_self(p, q->who[i].onion))
			continue;
		if (i < q->participants ? at < 0 : at >= 0 && !c->m[at].gone)
			return false;
	}
	return true;
}

static int asked_member(struct party *p, struct flow *f, const struct known *from,
    const struct flow *chat, enum reply *reply, bool *busy)
{
	const struct consent *c = &f->u.consent;
	int at = chat_find(&chat->u.chat, from->onion), rc;

	if (at < 0 || chat->u.chat.m[at].gone) {
		*reply = REPLY_REFUSED;
		return 0;
	}
	if ((rc = changing(p, c->group)) < 0)
		return rc;
	*busy = rc > 0 || !builds_on(p, &chat->u.chat, c);
	if (*busy)
		return 0;
	return p->tell(
	    p->ctx, from->row, "group-addition-request", name_of(chat), plan_about(p, f));
}

static int asked_addition(
    struct party *p, struct flow *f, const struct known *from, enum reply *reply, bool *busy)
{
	struct consent *c = &f->u.consent;
	int self = consent_find(c, p->self), by = consent_find(c, from->onion);
	struct flow chat;
	int rc = find_chat(p, &chat, c->group);
	bool active = rc == 0 && chat.u.chat.state == CHAT_ACTIVE;

	if (rc != 0 && rc != MP_ENONE)
		return rc;
	if (by < 0 || by >= (int)c->participants || active != (self < (int)c->participants)) {
		*reply = REPLY_REFUSED;
		return 0;
	}
	if (active)
		return asked_member(p, f, from, &chat, reply, busy);
	if ((rc = p->name(p->ctx, f->name, c->name, true)) != 0)
		return rc;
	return p->tell(p->ctx, from->row, "group-addition-request", f->name, plan_about(p, f));
}

/* Appends who of it we cannot write to. */
static int missing(struct party *p, const struct consent *c, struct wire_people *out)
{
	struct known k;
	int rc;

	out->n = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (c->left[i] || is_self(p, c->who[i].onion))
			continue;
		rc = p->known_by_onion(p->ctx, c->who[i].onion, &k);
		if (rc != 0 && rc != MP_ENONE)
			return rc;
		if (rc == MP_ENONE || !k.usable)
			memcpy(out->person[out->n++].onion, c->who[i].onion, 32);
	}
	return 0;
}

static int may(struct party *p, const struct flow *f)
{
	const struct consent *c = &f->u.consent;
	struct wire_people lacking;
	const char *first = "";
	int rc = missing(p, c, &lacking), at;

	if (rc != 0 || lacking.n == 0)
		return rc;
	at = consent_find(c, lacking.person[0].onion);
	first = c->who[at].nickname[0] != '\0' ? c->who[at].nickname : "somebody";
	if (lacking.n == 1)
		return err_set(MP_EUSAGE,
		    "'%s' is no contact yet: ask for an introduction (mp-group petition)", first);
	return err_set(MP_EUSAGE,
	    "'%s' and %zu more are no contacts yet: ask for an introduction (mp-group petition)",
	    first, lacking.n - 1);
}

/* ---- what a final state means ---- */

static int go_group(struct party *p, struct flow *f, const struct wire_plan *status)
{
	struct flow chat;
	int rc;

	(void)status;
	if (f->u.consent.adopted) {
		f->u.consent.adopted = false;
		return 0;
	}
	if ((rc = chat_of_consent(p, f, NULL, CHAT_ACTIVE, &chat)) != 0)
		return rc;
	return p->tell(
	    p->ctx, f->contact, "group-chat-started", name_of(&chat), group_about(p, &chat));
}

static int go_addition(struct party *p, struct flow *f, const struct wire_plan *status)
{
	struct consent *c = &f->u.consent;
	struct person who[PEOPLE_MAX];
	struct flow chat;
	int rc;

	if (c->adopted) {
		c->adopted = false;
		return 0;
	}
	rc = find_chat(p, &chat, c->group);
	if (rc == 0 && chat.u.chat.state == CHAT_ACTIVE)
		return join_all(p, &chat, who, prospective(c, who));
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	/* We left the group while we were asked about it. */
	if (consent_find(c, p->self) < (int)c->participants)
		return 0;
	if ((rc = chat_of_consent(p, f, status, CHAT_ACTIVE, &chat)) != 0)
		return rc;
	return p->tell(
	    p->ctx, f->contact, "group-chat-started", name_of(&chat), group_about(p, &chat));
}

/* What was adopted without the initiator's word, against which it is. */
static int revert(struct party *p, struct flow *f)
{
	struct consent *c = &f->u.consent;
	struct person who[PEOPLE_MAX];
	struct flow chat;
	int rc = find_chat(p, &chat, c->plan == PLAN_GROUP ? c->id : c->group);

	c->adopted = false;
	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	if (c->plan == PLAN_ADDITION && consent_find(c, p->self) < (int)c->participants)
		return part_all(p, &chat, who, prospective(c, who));
	memcpy(f->name, chat.name, sizeof(f->name));
	return p->remove(p->ctx, &chat);
}

static int gone(struct party *p, struct flow *f)
{
	bool group = f->u.consent.plan == PLAN_GROUP;
	char name[33];
	int rc = f->u.consent.adopted ? revert(p, f) : 0;

	memcpy(name, f->name, sizeof(name));
	memset(f->name, 0, sizeof(f->name)); /* it is free again */
	if (rc != 0 || f->u.consent.state == CONSENT_DECLINED)
		return rc;
	return p->tell(p->ctx, f->contact,
	    group ? "group-chat-cancelled" : "group-addition-cancelled",
	    name[0] != '\0' ? name : NULL, plan_about(p, f));
}

static int leave(struct party *p, struct flow *f)
{
	struct consent *c = &f->u.consent;
	struct flow chat;
	int rc = find_chat(p, &chat, c->plan == PLAN_GROUP ? c->id : c->group);

	if (rc != MP_ENONE) {
		/* A member who changed his mind about an addition: it is carried all the same. */
		if (rc == 0 && c->plan == PLAN_ADDITION && chat.u.chat.state == CHAT_ACTIVE)
			return go_addition(p, f, NULL);
		return rc;
	}
	return chat_of_consent(p, f, NULL, CHAT_LEFT, &chat);
}

static int carried_group(struct party *p, struct flow *f)
{
	const struct proposal *q = &f->u.proposal;
	struct flow chat;
	int rc;

	memset(&chat, 0, sizeof(chat));
	memcpy(chat.u.chat.id, q->id, GROUP_ID);
	for (size_t i = 0; i < q->n; i++)
		if (!is_self(p, q->m[i].who.onion) && !q->m[i].left)
			chat_join(&chat.u.chat, &q->m[i].who, true);
	if ((rc = keep_chat(p, f, &chat)) != 0)
		return rc;
	return p->tell(
	    p->ctx, 0, "group-chat-started", name_of(&chat), group_about(p, &chat));
}

static int carried_addition(struct party *p, struct flow *f)
{
	const struct proposal *q = &f->u.proposal;
	struct person who[PEOPLE_MAX];
	struct flow chat;
	size_t n = 0;
	int rc = find_chat(p, &chat, q->group);

	if (rc != 0 || chat.u.chat.state != CHAT_ACTIVE)
		return rc == MP_ENONE ? 0 : rc;
	for (size_t i = 0; i < q->n; i++)
		if (q->m[i].prospective && !q->m[i].left)
			who[n++] = q->m[i].who;
	return join_all(p, &chat, who, n);
}

static int dropped(struct party *p, struct flow *f, int by)
{
	bool group = f->u.proposal.plan == PLAN_GROUP;
	struct known k = {.row = 0};
	struct flow chat;
	char name[33];
	json_t *o;
	int rc;

	memcpy(name, f->name, sizeof(name));
	memset(f->name, 0, sizeof(f->name));
	if (f->u.proposal.again > 0) /* nobody need know yet */
		return 0;
	if (by >= 0 && p->known_by_onion(p->ctx, f->u.proposal.m[by].who.onion, &k) != 0)
		k.row = 0;
	if (!group && (rc = find_chat(p, &chat, f->u.proposal.group)) == 0)
		memcpy(name, chat.name, sizeof(name));
	o = plan_about(p, f);
	if (f->u.proposal.tries > 0)
		json_object_set_new(o, "reason", json_string("others change the group, too"));
	return p->tell(p->ctx, k.row, group ? "group-chat-cancelled" : "group-addition-cancelled",
	    name[0] != '\0' ? name : NULL, o);
}

const struct plan_hooks group_hooks = {
    asked_group, may, go_group, gone, leave, carried_group, dropped};
const struct plan_hooks addition_hooks = {
    asked_addition, may, go_addition, gone, leave, carried_addition, dropped};

int group_adopt(struct party *p, struct flow *f)
{
	int rc = f->u.consent.plan == PLAN_GROUP ? go_group(p, f, NULL) : go_addition(p, f, NULL);

	f->u.consent.adopted = true;
	return rc != 0 ? rc : p->save(p->ctx, f);
}

/* ---- exits ---- */

struct leaving {
	struct party *p;
	const uint8_t *group, *onion;
	bool found;
};

static int left_consent(void *arg, struct flow *f)
{
	struct leaving *x = arg;
	int at;

	if (!about(f, x->group) || (at = consent_find(&f->u.consent, x->onion)) < 0)
		return 0;
	x->found = true;
	if (f->u.consent.left[at])
		return 0;
	f->u.consent.left[at] = true;
	return x->p->save(x->p->ctx, f);
}

static int left_proposal(void *arg, struct flow *f)
{
	struct leaving *x = arg;
	struct proposal *q = &f->u.proposal;
	enum proposal_event e;
	int at;

	if (!about(f, x->group) || (at = proposal_find(q, x->onion)) < 0)
		return 0;
	x->found = true;
	if (q->m[at].left)
		return 0;
	q->m[at].left = true;
	/* It may have been the last answer that was waited for. */
	e = proposal_answer(q, at, ANSWER_ACCEPT);
	if (q->state == PROPOSAL_OPEN && e == PROPOSAL_DECIDED)
		return plan_perform(x->p, f, proposal_happened(q, e, at, x->p->now), at);
	return x->p->save(x->p->ctx, f);
}

static int take_exit(
    struct party *p, const struct known *from, const struct wire *w, struct outcome *out)
{
	struct leaving x = {p, w->u.plan.group, from->onion, false};
	struct chat_member *m = NULL;
	struct flow chat;
	int at, rc = find_chat(p, &chat, x.group);

	if (rc == 0 && (at = chat_find(&chat.u.chat, from->onion)) >= 0)
		m = &chat.u.chat.m[at];
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	if (m != NULL && !m->gone) {
		if (chat.u.chat.state == CHAT_ACTIVE) {
			chat_remember(&chat.u.chat, p->self);
			rc = group_tell(p, &chat, "group-member-left", &m->who, NULL);
		}
		m->gone = true;
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
	int at, rc = find_chat(p, &chat, w->u.plan.group);

	if (rc != 0)
		return rc == MP_ENONE ? no(out) : rc;
	at = chat_find(&chat.u.chat, from->onion);
	if (at < 0 || chat.u.chat.m[at].gone || chat.u.chat.state != CHAT_ACTIVE)
		return no(out);
	m = &chat.u.chat.m[at];
	if (last > chat.u.chat.n)
		last = chat.u.chat.n;
	while (first <= last &&
	       (rc = p->entry_get(p->ctx, chat.row, p->self, first, &e)) == MP_ENONE)
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
	return group_tell(p, f, "group-gap", &m->who, o);
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
	if (rc == 0 && c->strange_at > 0 && p->now >= c->strange_at + CHAT_STRANGE) {
		json_t *o = group_about(p, f);

		c->strange_at = 0;
		json_object_set_new(
		    o, "reason", json_string("a member counts others among the members"));
		if (!c->told_strange)
			rc = p->tell(p->ctx, 0, "group-split", name_of(f), o);
		else
			json_decref(o);
		c->told_strange = true;
	}
	if (rc == 0)
		rc = forget_gone(p, f);
	return rc != 0 ? rc : p->save(p->ctx, f);
}

/* ---- our person ---- */

static int add_people(struct party *p, struct proposal *q, const struct known *people, size_t n,
    bool prospective_ones)
{
	for (size_t i = 0; i < n; i++) {
		struct asked *m = &q->m[q->n];

		if (q->n == PEOPLE_MAX)
			return err_set(
			    MP_EUSAGE, "a group has at most %d members", PEOPLE_MAX);
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

int group_add(struct party *p, const struct flow *chat, struct flow *f, const struct known *people,
    size_t n)
{
	int rc;

	if (chat->u.chat.state != CHAT_ACTIVE)
		return err_set(MP_EUSAGE, "the group '%s' was left", chat->name);
	if (n < 1)
		return err_set(MP_EUSAGE, "nobody to add is named");
	if ((rc = changing(p, chat->u.chat.id)) != 0)
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
	int rc = find_chat(p, &chat, old->group);

	old->again = 0;
	if (rc == 0 && chat.u.chat.state == CHAT_ACTIVE) {
		if ((rc = changing(p, old->group)) > 0) { /* not yet */
			old->again = group_retry_at(old, p->now);
			return p->save(p->ctx, f);
		}
		if (rc < 0 || (rc = begin_addition(p, &chat, &again)) != 0)
			return rc;
		again.u.proposal.tries = old->tries + 1;
		for (size_t i = 0; i < old->n; i++)
			if (old->m[i].prospective && again.u.proposal.n < PEOPLE_MAX &&
			    proposal_find(&again.u.proposal, old->m[i].who.onion) < 0)
				again.u.proposal.m[again.u.proposal.n++] = (struct asked){
				    .who = old->m[i].who, .prospective = true};
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

	if (c->plan != PLAN_ADDITION || !about(f, x->chat->u.chat.id) ||
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

	if (f->u.proposal.plan != PLAN_ADDITION || !about(f, x->chat->u.chat.id))
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
		return err_set(MP_EUSAGE, "no request of this group waits for an answer");
	if ((rc = missing(p, c, &lacking)) != 0)
		return rc;
	if (lacking.n == 0)
		return err_set(MP_ENONE, "nobody is missing: accept it");
	if (c->petitioning == PETITION_OWED || c->petitioning == PETITION_SENT)
		return 0;
	c->petitioning = PETITION_OWED;
	randombytes_buf(c->petition, sizeof(c->petition));
	return p->save(p->ctx, f);
}

int group_fill(struct party *p, const struct flow *f, const struct sent *s, struct wire *w)
{
	struct wire_plan *q = &w->u.plan;
	const struct chat_member *m;
	int at;

	if (s->type == WIRE_INTRODUCTION_PETITION)
		return missing(p, &f->u.consent, &q->people);
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
