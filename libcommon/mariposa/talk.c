#include "mariposa/talk.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "mariposa/group.h"
#include "mariposa/membership.h"
#include "wire/chain.h"

#define TAG 8 /* bytes of an onion key that name a member */

/* ---- what we say ---- */

static void set_chain(const struct party *p, const struct chat *c, struct wire_chain *chain,
    const struct chat_entry *e)
{
	memset(chain, 0, sizeof(*chain));
	chain->grouped = true;
	memcpy(chain->group, c->id, GROUP_ID);
	chain->n = e->n;
	memcpy(chain->h, e->h, sizeof(chain->h));
	chat_hash(chain->members, c, p->self);
	for (size_t i = 0; i < c->nm && chain->nseen < PEOPLE_MAX; i++) {
		struct wire_seen *s = &chain->seen[chain->nseen];

		if (c->m[i].gone || !c->m[i].based || c->m[i].n == 0)
			continue;
		memcpy(s->member, c->m[i].who.onion, TAG);
		s->n = c->m[i].n;
		memcpy(s->h, c->m[i].h, sizeof(s->h));
		chain->nseen++;
	}
}

int talk_say(struct party *p, struct flow *f, const uint8_t id[static MESSAGE_ID],
    const uint8_t content[static 32], struct wire_chain *chain)
{
	struct chat *c = &f->u.chat;
	struct chat_entry e = {.n = c->n + 1};
	int rc;

	if (c->state != CHAT_ACTIVE)
		return err_set(MP_EUSAGE, "the group was left");
	if (chat_size(c) < 2)
		return err_set(MP_EUSAGE, "nobody else is in the group '%s'", f->name);
	chain_next(e.h, c->h, c->id, p->self, e.n, content);
	memcpy(e.content, content, sizeof(e.content));
	memcpy(e.id, id, sizeof(e.id));
	c->n = e.n;
	memcpy(c->h, e.h, sizeof(c->h));
	set_chain(p, c, chain, &e);
	if ((rc = p->entry_put(p->ctx, f->row, p->self, &e)) != 0 ||
	    (rc = p->entry_drop(p->ctx, f->row, p->self, e.n - CHAT_WINDOW)) != 0)
		return rc;
	return p->save(p->ctx, f);
}

int talk_again(struct party *p, const struct flow *f, int64_t n, uint8_t id[static MESSAGE_ID],
    struct wire_chain *chain)
{
	struct chat_entry e;
	int rc = p->entry_get(p->ctx, f->row, p->self, n, &e);

	if (rc != 0)
		return rc;
	memcpy(id, e.id, sizeof(e.id));
	set_chain(p, &f->u.chat, chain, &e);
	return 0;
}

/* ---- what others say ---- */

struct hearing {
	struct party *p;
	const struct known *from;
	const struct wire_chain *chain;
	const uint8_t *id, *content;
	struct flow chat;
	struct chat_member *m; /* who says it */
};

/* One of its members said different things; told once for each. */
static int split(struct hearing *x, struct chat_member *m, int64_t n, const char *reason)
{
	json_t *o;

	if (m->split)
		return 0;
	m->split = true;
	o = json_object();
	json_object_set_new(o, "n", json_integer(n));
	json_object_set_new(o, "by", json_string(x->from->name));
	json_object_set_new(o, "reason", json_string(reason));
	return membership_tell(x->p, &x->chat, "group-split", &m->who, o);
}

static int get(struct hearing *x, const struct chat_member *m, int64_t n, struct chat_entry *e)
{
	return x->p->entry_get(x->p->ctx, x->chat.row, m->who.onion, n, e);
}

/* Does the chain lead from h_(n-1) to what stands at n? */
static bool leads(const struct hearing *x, const uint8_t before[static 32], int64_t n,
    const uint8_t content[static 32], const uint8_t h[static 32])
{
	uint8_t want[32];

	chain_next(want, before, x->chat.u.chat.id, x->m->who.onion, n, content);
	return memcmp(want, h, sizeof(want)) == 0;
}

/* A hole is filled: the next hole, if there is one, is what is missing. */
static int shrink(struct hearing *x)
{
	struct chat_member *m = x->m;
	struct chat_entry e;
	int rc = 0;

	while (m->first > 0 && m->first <= m->last && (rc = get(x, m, m->first, &e)) == 0)
		m->first++;
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	if (m->first > m->last)
		m->first = m->last = m->asked = 0;
	return 0;
}

static void miss(struct hearing *x, int64_t first, int64_t last)
{
	struct chat_member *m = x->m;

	if (m->first == 0) {
		m->first = first;
		m->asked = 0;
		m->ask_at = x->p->now + CHAT_ASK;
	}
	m->last = last;
	/* Whoever jumps far has himself to blame. */
	if (m->last - m->first >= CHAT_WINDOW)
		m->first = m->last - CHAT_WINDOW + 1;
}

/* Its place in the sender's chain. */
static int place(struct hearing *x)
{
	const struct wire_chain *c = x->chain;
	struct chat_member *m = x->m;
	struct chat_entry next;
	bool good = true;
	int rc = 0;

	if (m->based && c->n == m->n + 1) {
		good = leads(x, m->h, c->n, x->content, c->h);
	} else if (m->based && c->n <= m->n) {
		rc = get(x, m, c->n - 1, &next);
		if (rc == 0)
			good = leads(x, next.h, c->n, x->content, c->h);
		if (rc == 0 || rc == MP_ENONE)
			rc = get(x, m, c->n + 1, &next);
		if (rc == 0)
			good = good && leads(x, c->h, c->n + 1, next.content, next.h);
		if (rc != 0 && rc != MP_ENONE)
			return rc;
	} else if (m->based) {
		miss(x, m->n + 1, c->n - 1);
	}
	if (!m->based || c->n > m->n) {
		m->based = true;
		m->n = c->n;
		memcpy(m->h, c->h, sizeof(m->h));
	}
	return good ? 0 : split(x, m, c->n, "its messages do not follow one from the other");
}

/* What the sender has seen of another member, or of us. */
static int compare(struct hearing *x, const struct wire_seen *s)
{
	struct party *p = x->p;
	struct chat *c = &x->chat.u.chat;
	struct chat_member *m = NULL;
	struct chat_entry e;
	int rc;

	if (memcmp(s->member, p->self, TAG) == 0) {
		rc = p->entry_get(p->ctx, x->chat.row, p->self, s->n, &e);
		if (rc == 0 && memcmp(e.h, s->h, sizeof(e.h)) != 0)
			return split(x, x->m, s->n, "it has something else from us");
		return rc == MP_ENONE ? 0 : rc;
	}
	for (size_t i = 0; i < c->nm && m == NULL; i++)
		if (memcmp(c->m[i].who.onion, s->member, TAG) == 0)
			m = &c->m[i];
	if (m == NULL || m == x->m)
		return 0;
	rc = get(x, m, s->n, &e);
	if (rc == 0 && memcmp(e.h, s->h, sizeof(e.h)) != 0)
		return split(x, m, s->n, "another member has something else from it");
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	if (m->based && s->n > m->n && s->n > m->claimed) {
		if (m->claimed <= m->n && m->first == 0) {
			m->asked = 0;
			m->ask_at = p->now + MP_DAY;
		}
		m->claimed = s->n;
	}
	return 0;
}

/* The hash of the members if the plan were carried. */
static void hash_if(
    struct party *p, const struct flow *f, const struct flow *chat, uint8_t out[static 32])
{
	const struct consent *c = &f->u.consent;
	struct chat with;

	if (chat != NULL)
		with = chat->u.chat;
	else
		memset(&with, 0, sizeof(with));
	memcpy(with.id, c->plan == PLAN_GROUP ? c->id : c->group, GROUP_ID);
	for (size_t i = chat != NULL ? c->participants : 0; i < c->n; i++)
		if (!c->left[i] && memcmp(c->who[i].onion, p->self, 32) != 0)
			chat_join(&with, &c->who[i], true);
	chat_hash(out, &with, p->self);
}

struct doubt {
	struct party *p;
	const struct wire_chain *chain;
	const struct flow *chat; /* NULL: we are in no such group */
	const uint8_t *from;
	int64_t row; /* of the consent that would explain it, 0 none */
};

static int would_explain(void *arg, struct flow *f)
{
	struct doubt *d = arg;
	const struct consent *c = &f->u.consent;
	uint8_t hash[32];

	if (d->row != 0 || c->state != CONSENT_ACCEPTED || c->adopted ||
	    c->plan == PLAN_INTRODUCTION ||
	    memcmp(c->plan == PLAN_GROUP ? c->id : c->group, d->chain->group, GROUP_ID) != 0 ||
	    consent_find(c, d->from) < 0)
		return 0;
	hash_if(d->p, f, d->chat, hash);
	/* Who is not in the group yet does not know what its members are by now. */
	if (d->chat == NULL || memcmp(hash, d->chain->members, sizeof(hash)) == 0)
		d->row = f->row;
	return 0;
}

/*
 * A message that names a membership which we know only from a plan that we accepted.  The initiator
 * is asked at once; only when he has been silent for long is the member believed, until the
 * initiator says otherwise.  1: adopted, 0 *out says what to answer.
 */
static int doubt(struct hearing *x, bool in_chat, struct outcome *out)
{
	struct doubt d = {x->p, x->chain, in_chat ? &x->chat : NULL, x->from->onion, 0};
	struct party *p = x->p;
	struct flow f;
	int rc = p->each(p->ctx, FLOW_CONSENT, -1, would_explain, &d);

	if (rc != 0)
		return rc;
	if (d.row == 0) {
		out->reply = REPLY_REFUSED;
		return 0;
	}
	if ((rc = p->load(p->ctx, &f, d.row)) != 0)
		return rc;
	out->reply = REPLY_LATER;
	if (p->now - f.u.consent.heard < CHAT_DOUBT) {
		f.u.consent.poll_at = p->now;
		return p->save(p->ctx, &f);
	}
	rc = group_adopt(p, &f);
	return rc != 0 ? rc : 1;
}

/* The members that it names are ours, or were; else that is noted. 1: a plan explains it. */
static int check_members(struct hearing *x)
{
	struct chat *c = &x->chat.u.chat;
	struct doubt d = {x->p, x->chain, &x->chat, x->from->onion, 0};
	uint8_t now[32];
	int rc;

	chat_hash(now, c, x->p->self);
	if (memcmp(now, x->chain->members, sizeof(now)) == 0) {
		if (c->strange_at > 0)
			c->strange_at = 0;
		return 0;
	}
	if (chat_was(c, x->chain->members))
		return 0;
	rc = x->p->each(x->p->ctx, FLOW_CONSENT, -1, would_explain, &d);
	if (rc != 0 || d.row != 0)
		return rc != 0 ? rc : 1;
	if (c->strange_at == 0 && !c->told_strange &&
	    !chat_explains(c, x->p->self, x->chain->members, x->p->now)) {
		c->strange_at = x->p->now;
		memcpy(c->strange, x->chain->members, sizeof(c->strange));
	}
	return 0;
}

static int take_entry(struct hearing *x, struct outcome *out)
{
	struct party *p = x->p;
	struct chat_entry e = {.n = x->chain->n}, known;
	int rc = get(x, x->m, e.n, &known);

	if (rc == 0) {
		if (memcmp(known.id, x->id, MESSAGE_ID) == 0 &&
		    memcmp(known.h, x->chain->h, sizeof(known.h)) == 0) {
			out->repeated = true;
			return 0;
		}
		out->reply = REPLY_REFUSED;
		rc = split(x, x->m, e.n, "it said two things at once");
		return rc != 0 ? rc : p->save(p->ctx, &x->chat);
	}
	if (rc != MP_ENONE || (rc = place(x)) != 0)
		return rc;
	memcpy(e.h, x->chain->h, sizeof(e.h));
	memcpy(e.content, x->content, sizeof(e.content));
	memcpy(e.id, x->id, sizeof(e.id));
	if ((rc = p->entry_put(p->ctx, x->chat.row, x->m->who.onion, &e)) != 0 ||
	    (rc = p->entry_drop(p->ctx, x->chat.row, x->m->who.onion, x->m->n - CHAT_WINDOW)) !=
	        0 ||
	    (rc = shrink(x)) != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < x->chain->nseen; i++)
		rc = compare(x, &x->chain->seen[i]);
	return rc != 0 ? rc : p->save(p->ctx, &x->chat);
}

/* The chat, and who of it says this: 1, or 0 and *out says what to answer. */
static int attend(struct hearing *x, struct outcome *out)
{
	struct party *p = x->p;
	struct chat *c = &x->chat.u.chat;
	int at, rc = plan_find(p, &x->chat, FLOW_CHAT, 0, PLAN_GROUP, x->chain->group);

	if (rc == MP_ENONE)
		return doubt(x, false, out);
	if (rc != 0)
		return rc;
	if (c->state == CHAT_LEFT) { /* he will know soon */
		out->repeated = true;
		return 0;
	}
	at = chat_find(c, x->from->onion);
	if (at < 0)
		return doubt(x, true, out);
	x->m = &c->m[at];
	if (x->m->gone && x->chain->n > x->m->end) {
		out->reply = REPLY_REFUSED;
		return 0;
	}
	if ((rc = check_members(x)) < 0)
		return rc;
	return rc > 0 ? doubt(x, true, out) : 2;
}

int talk_take(struct party *p, const struct known *from, const struct wire_chain *chain,
    const uint8_t id[static MESSAGE_ID], const uint8_t content[static 32], struct outcome *out,
    char group[static 33])
{
	struct hearing x = {.p = p, .from = from, .chain = chain, .id = id, .content = content};
	int rc;

	memset(out, 0, sizeof(*out));
	rc = attend(&x, out);
	if (rc == 1) { /* adopted: the chat is another one now */
		out->reply = REPLY_TAKEN;
		rc = attend(&x, out);
		if (rc == 1)
			rc = err_set(MP_EBAD, "a plan was adopted twice");
	}
	if (rc <= 0)
		return rc;
	memcpy(group, x.chat.name, sizeof(x.chat.name));
	return take_entry(&x, out);
}

int talk_shares(struct party *p, const struct known *from, const uint8_t group[static GROUP_ID],
    char name[static 33])
{
	struct flow chat;
	int at, rc = plan_find(p, &chat, FLOW_CHAT, 0, PLAN_GROUP, group);

	if (rc != 0)
		return rc;
	at = chat_find(&chat.u.chat, from->onion);
	if (chat.u.chat.state != CHAT_ACTIVE || at < 0 || chat.u.chat.m[at].gone)
		return err_set(MP_ENONE, "no such group");
	memcpy(name, chat.name, sizeof(chat.name));
	return 0;
}
