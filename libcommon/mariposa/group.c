#include "mariposa/group.h"

#include <string.h>

#include "base/err.h"
#include "mariposa/membership.h"

/* ---- requests ---- */

struct same {
	const uint8_t *group;
	bool found;
};

static int same_group(void *arg, struct flow *f)
{
	struct same *x = arg;
	bool ended =
	    f->u.consent.state == CONSENT_CANCELLED || f->u.consent.state == CONSENT_DECLINED;

	if (!ended && membership_about(f, x->group))
		x->found = true;
	return 0;
}

static int asked_group(
    struct party *p, struct flow *f, const struct known *from, enum reply *reply, bool *busy)
{
	struct consent *c = &f->u.consent;
	struct same x = {c->id, false};
	struct flow other;
	int rc = membership_find(p, &other, c->id);

	(void)busy;
	if (rc == MP_ENONE)
		rc = plan_find(p, &other, FLOW_PROPOSAL, 0, PLAN_GROUP, c->id);
	if (rc == 0)
		x.found = true;
	else if (rc != MP_ENONE || (rc = p->each(p->ctx, FLOW_CONSENT, -1, same_group, &x)) != 0)
		return rc;
	if (x.found || consent_find(c, from->onion) < 0) {
		*reply = REPLY_REFUSED;
		return 0;
	}
	if ((rc = p->name(p->ctx, f->name, c->name, true)) != 0)
		return rc;
	return p->tell(p->ctx, from->row, "group-chat-request", f->name, plan_about(p, f));
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

		if (membership_is_self(p, q->who[i].onion))
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
	if ((rc = membership_changing(p, c->group)) < 0)
		return rc;
	*busy = rc > 0 || !builds_on(p, &chat->u.chat, c);
	if (*busy)
		return 0;
	return p->tell(
	    p->ctx, from->row, "group-addition-request", membership_name(chat), plan_about(p, f));
}

static int asked_addition(
    struct party *p, struct flow *f, const struct known *from, enum reply *reply, bool *busy)
{
	struct consent *c = &f->u.consent;
	int self = consent_find(c, p->self), by = consent_find(c, from->onion);
	struct flow chat;
	int rc = membership_find(p, &chat, c->group);
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

static int may(struct party *p, const struct flow *f)
{
	const struct consent *c = &f->u.consent;
	struct wire_people lacking;
	const char *first = "";
	int rc = membership_missing(p, c, &lacking), at;

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
	if ((rc = membership_of_consent(p, f, NULL, CHAT_ACTIVE, &chat)) != 0)
		return rc;
	return p->tell(p->ctx, f->contact, "group-chat-started", membership_name(&chat),
	    membership_people(p, &chat));
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
	rc = membership_find(p, &chat, c->group);
	if (rc == 0 && chat.u.chat.state == CHAT_ACTIVE)
		return membership_join(p, &chat, who, membership_prospective(c, who));
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	/* We left the group while we were asked about it. */
	if (consent_find(c, p->self) < (int)c->participants)
		return 0;
	if ((rc = membership_of_consent(p, f, status, CHAT_ACTIVE, &chat)) != 0)
		return rc;
	return p->tell(p->ctx, f->contact, "group-chat-started", membership_name(&chat),
	    membership_people(p, &chat));
}

/* What was adopted without the initiator's word, against which it is. */
static int revert(struct party *p, struct flow *f)
{
	struct consent *c = &f->u.consent;
	struct person who[PEOPLE_MAX];
	struct flow chat;
	int rc = membership_find(p, &chat, c->plan == PLAN_GROUP ? c->id : c->group);

	c->adopted = false;
	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	if (c->plan == PLAN_ADDITION && consent_find(c, p->self) < (int)c->participants)
		return membership_part(p, &chat, who, membership_prospective(c, who));
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
	int rc = membership_find(p, &chat, c->plan == PLAN_GROUP ? c->id : c->group);

	if (rc != MP_ENONE) {
		/* A member who changed his mind about an addition: it is carried all the same. */
		if (rc == 0 && c->plan == PLAN_ADDITION && chat.u.chat.state == CHAT_ACTIVE)
			return go_addition(p, f, NULL);
		return rc;
	}
	return membership_of_consent(p, f, NULL, CHAT_LEFT, &chat);
}

static int carried_group(struct party *p, struct flow *f)
{
	const struct proposal *q = &f->u.proposal;
	struct flow chat;
	int rc;

	memset(&chat, 0, sizeof(chat));
	memcpy(chat.u.chat.id, q->id, GROUP_ID);
	for (size_t i = 0; i < q->n; i++)
		if (!membership_is_self(p, q->m[i].who.onion) && !q->m[i].left)
			chat_join(&chat.u.chat, &q->m[i].who, true);
	if ((rc = membership_keep(p, f, &chat)) != 0)
		return rc;
	return p->tell(
	    p->ctx, 0, "group-chat-started", membership_name(&chat), membership_people(p, &chat));
}

static int carried_addition(struct party *p, struct flow *f)
{
	const struct proposal *q = &f->u.proposal;
	struct person who[PEOPLE_MAX];
	struct flow chat;
	size_t n = 0;
	int rc = membership_find(p, &chat, q->group);

	if (rc != 0 || chat.u.chat.state != CHAT_ACTIVE)
		return rc == MP_ENONE ? 0 : rc;
	for (size_t i = 0; i < q->n; i++)
		if (q->m[i].prospective && !q->m[i].left)
			who[n++] = q->m[i].who;
	return membership_join(p, &chat, who, n);
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
	if (!group && (rc = membership_find(p, &chat, f->u.proposal.group)) == 0)
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
