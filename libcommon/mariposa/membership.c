#include "mariposa/membership.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"

int membership_find(struct party *p, struct flow *chat, const uint8_t group[static GROUP_ID])
{
	return plan_find(p, chat, FLOW_CHAT, 0, PLAN_GROUP, group);
}

bool membership_is_self(const struct party *p, const uint8_t onion[static 32])
{
	return memcmp(onion, p->self, 32) == 0;
}

const char *membership_name(const struct flow *f)
{
	return f->name[0] != '\0' ? f->name : NULL;
}

json_t *membership_people(struct party *p, const struct flow *chat)
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
int membership_tell(struct party *p, const struct flow *chat, const char *kind,
    const struct person *who, json_t *more)
{
	json_t *o = more != NULL ? more : json_object(), *people = json_array();
	struct known k;

	json_set_hex(o, "group", chat->u.chat.id, GROUP_ID);
	plan_add_person(p, people, who);
	json_object_set_new(o, "people", people);
	if (p->known_by_onion(p->ctx, who->onion, &k) != 0)
		k.row = 0;
	return p->tell(p->ctx, k.row, kind, membership_name(chat), o);
}

/* ---- out of an accepted plan ---- */

/* A group that we left and are in again is a new one. */
static int clear_left(struct party *p, const uint8_t group[static GROUP_ID])
{
	struct flow old;
	int rc = membership_find(p, &old, group);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	return old.u.chat.state == CHAT_LEFT ? p->remove(p->ctx, &old) : 0;
}

/* f, whose name it takes over, is saved. */
int membership_keep(struct party *p, struct flow *f, struct flow *chat)
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

int membership_of_consent(struct party *p, struct flow *f, const struct wire_plan *status,
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
		if (!membership_is_self(p, c->who[i].onion) && stays(c, i, status))
			chat_join(&chat->u.chat, &c->who[i],
			    c->plan == PLAN_GROUP || i >= c->participants);
	return membership_keep(p, f, chat);
}

/* People to a chat that is there. */
int membership_join(struct party *p, struct flow *chat, const struct person *who, size_t n)
{
	int rc = 0;

	chat_remember(&chat->u.chat, p->self);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		int at = chat_join(&chat->u.chat, &who[i], true);

		if (at < 0)
			continue;
		chat->u.chat.m[at].since = p->now;
		rc = p->entry_drop(p->ctx, chat->row, who[i].onion, INT64_MAX);
	}
	if (rc != 0 || (rc = p->save(p->ctx, chat)) != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = membership_tell(p, chat, "group-member-added", &who[i], NULL);
	return rc;
}

int membership_part(struct party *p, struct flow *chat, const struct person *who, size_t n)
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
size_t membership_prospective(const struct consent *c, struct person who[static PEOPLE_MAX])
{
	size_t n = 0;

	for (size_t i = c->participants; i < c->n; i++)
		if (!c->left[i])
			who[n++] = c->who[i];
	return n;
}

/* ---- changes under way ---- */

struct change {
	const uint8_t *group;
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

bool membership_about(const struct flow *f, const uint8_t group[static GROUP_ID])
{
	const uint8_t *of = group_of(f);

	return of != NULL && memcmp(of, group, GROUP_ID) == 0;
}

static int pending_consent(void *arg, struct flow *f)
{
	struct change *x = arg;

	if (f->u.consent.plan == PLAN_ADDITION && membership_about(f, x->group) &&
	    (f->u.consent.state == CONSENT_ASKED || f->u.consent.state == CONSENT_ACCEPTED))
		x->found = true;
	return 0;
}

static int pending_proposal(void *arg, struct flow *f)
{
	struct change *x = arg;

	if (f->u.proposal.plan == PLAN_ADDITION && membership_about(f, x->group) &&
	    f->u.proposal.state == PROPOSAL_OPEN)
		x->found = true;
	return 0;
}

/* 1 when another change of this group is under way here, 0 or MP_E*. */
int membership_changing(struct party *p, const uint8_t group[static GROUP_ID])
{
	struct change x = {group, false};
	int rc = p->each(p->ctx, FLOW_CONSENT, -1, pending_consent, &x);

	if (rc == 0)
		rc = p->each(p->ctx, FLOW_PROPOSAL, 0, pending_proposal, &x);
	return rc != 0 ? rc : x.found;
}

/* Appends who of it we cannot write to. */
int membership_missing(struct party *p, const struct consent *c, struct wire_people *out)
{
	struct known k;
	int rc;

	out->n = 0;
	for (size_t i = 0; i < c->n; i++) {
		if (c->left[i] || membership_is_self(p, c->who[i].onion))
			continue;
		rc = p->known_by_onion(p->ctx, c->who[i].onion, &k);
		if (rc != 0 && rc != MP_ENONE)
			return rc;
		if (rc == MP_ENONE || !k.usable)
			memcpy(out->person[out->n++].onion, c->who[i].onion, 32);
	}
	return 0;
}
