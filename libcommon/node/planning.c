#include "node/planning.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "mariposa/group.h"
#include "mariposa/introduction.h"
#include "mariposa/talk.h"
#include "node/sealer.h"
#include "store/entry.h"
#include "store/queue.h"
#include "wire/chain.h"

/* Their ids are remembered for ever: sent once more after all is forgotten, they do nothing. */
static bool remembered(enum wire_type t)
{
	return t == WIRE_INTRODUCTION_REQUEST || t == WIRE_GROUP_CHAT_REQUEST ||
	       t == WIRE_GROUP_ADDITION_REQUEST || t == WIRE_NOTICE_OF_GROUP_EXIT ||
	       t == WIRE_INTRODUCTION_PETITION;
}

/* What makes an event for our person counts like a message. */
static int room(struct step *s)
{
	int rc = message_full(s->store, s->contact.row, s->cfg->inbox_quota);

	if (rc != 0)
		return rc < 0 ? rc : step_later(s, RECEIVED_QUOTA, STEP_TOO_MUCH);
	return step_room(s);
}

static int reply(struct step *s, struct wire *answer)
{
	if (s->via != VIA_REQUEST) /* who asked asks again, and what is final is sent anyway */
		return step_take(s);
	answer->time = s->now;
	answer->reply = true;
	randombytes_buf(answer->id, sizeof(answer->id));
	memcpy(answer->re, s->w->id, sizeof(answer->re));
	s->out->status = RECEIVED_REPLY;
	return seal_wire(&s->out->reply, s->store, s->contact.row, answer);
}

static int verdict(struct step *s, struct outcome *o)
{
	s->out->repeated = o->repeated;
	switch (o->reply) {
	case REPLY_TAKEN:
		step_heard(s);
		return step_take(s);
	case REPLY_MESSAGE:
		step_heard(s);
		return reply(s, &o->answer);
	case REPLY_LATER:
		return step_later(s, RECEIVED_LATER, "what it depends on is not here yet");
	case REPLY_QUOTA:
		return step_later(s, RECEIVED_QUOTA, STEP_TOO_MUCH);
	default:
		return step_refuse(s);
	}
}

static int dispatch(struct step *s, struct keeper *k, struct outcome *o)
{
	struct known from;

	if (s->key->role == KEY_TEMPORARY)
		return acquaintance_take(&k->p, s->contact.row, s->w, o);
	keeper_known(&from, &s->contact);
	if (plan_takes(s->w->type))
		return plan_take(&k->p, &from, s->w, o);
	if (introduction_takes(s->w->type))
		return introduction_take(&k->p, &from, s->w, o);
	if (group_takes(s->w->type))
		return group_take(&k->p, &from, s->w, o);
	o->reply = REPLY_REFUSED;
	return 0;
}

int planning_apply(struct step *s)
{
	struct outcome o;
	struct keeper k;
	int rc;

	memset(&o, 0, sizeof(o));
	if (remembered(s->w->type)) {
		rc = seen_get(s->store, s->contact.row, s->w->id, NULL);
		if (rc < 0)
			return rc;
		if (rc == 1) {
			s->out->repeated = true;
			return step_take(s);
		}
	}
	if ((rc = room(s)) != 0 || s->out->status != 0)
		return rc;
	if ((rc = keeper_open(&k, s->store, s->cfg, s->now)) != 0 ||
	    (rc = dispatch(s, &k, &o)) != 0)
		return rc;
	/* What says the same once more is not: else whoever repeats himself fills the store. */
	if (remembered(s->w->type) && o.reply == REPLY_TAKEN && !o.repeated &&
	    (rc = seen_add(s->store, s->contact.row, s->w->id, NULL, 0)) != 0)
		return rc;
	return verdict(s, &o);
}

int planning_talk(struct step *s, const struct wire_chain *chain, const uint8_t content[static 32],
    char group[static 33])
{
	struct known from;
	struct outcome o;
	struct keeper k;
	int rc = keeper_open(&k, s->store, s->cfg, s->now);

	keeper_known(&from, &s->contact);
	if (rc != 0 || (rc = talk_take(&k.p, &from, chain, s->w->id, content, &o, group)) != 0)
		return rc;
	if (o.reply == REPLY_TAKEN && !o.repeated)
		return 1;
	return verdict(s, &o);
}

int planning_offered(struct step *s, const struct transfer *t, const uint8_t sha256[static 32])
{
	uint8_t content[32];
	struct keeper k;
	struct contact c;
	struct entry e;
	struct flow f;
	int64_t n;
	int rc;

	if ((rc = contact_by_row(s->store, &c, t->contact)) != 0 ||
	    (rc = keeper_open(&k, s->store, s->cfg, s->now)) != 0 ||
	    (rc = k.p.by_name(&k, &f, t->ref)) != 0 ||
	    (rc = entry_by_id(s->store, f.row, c.onion, t->id, &n)) != 0 ||
	    (rc = entry_get(s->store, &e, f.row, c.onion, n)) != 0)
		return rc == MP_ENONE ? 1 : rc; /* left, or long ago: its own hash must do */
	chain_content_file(content, t->id, t->size, sha256, t->name);
	return memcmp(content, e.content, sizeof(content)) == 0;
}

int planning_shares(struct step *s, const uint8_t group[static GROUP_ID])
{
	struct known from;
	struct keeper k;
	char name[33];
	int rc = keeper_open(&k, s->store, s->cfg, s->now);

	keeper_known(&from, &s->contact);
	if (rc == 0)
		rc = talk_shares(&k.p, &from, group, name);
	return rc == MP_ENONE ? 0 : rc != 0 ? rc : 1;
}

int planning_heard(struct step *s)
{
	struct keeper k;
	int rc;

	if (s->key->role != KEY_PAIR || s->contact.introducer[0] == '\0')
		return 0;
	rc = keeper_open(&k, s->store, s->cfg, s->now);
	return rc != 0 ? rc : acquaintance_heard(&k.p, s->contact.row);
}

bool planning_owns(const char *kind)
{
	enum wire_type t;

	return wire_type_parse(&t, kind) == 0 && wire_is_plan(t);
}

static int sent(struct keeper *k, const struct owed *o, struct flow *f, bool taken)
{
	uint8_t to[32];
	struct sent x;
	int rc = keeper_sent(k, &x, o, f, to);

	if (rc != 0)
		return rc;
	switch (f->kind) {
	case FLOW_PROPOSAL:
	case FLOW_CONSENT:
		return plan_sent(&k->p, f, &x, taken);
	case FLOW_ACQUAINTANCE:
		return acquaintance_sent(&k->p, f, &x, taken);
	default:
		return group_sent(&k->p, f, &x, taken);
	}
}

int planning_sent(struct store *s, const struct config *cfg, int64_t contact, const char *kind,
    const uint8_t id[static 16], bool taken, int64_t now)
{
	struct keeper k;
	struct flow f;
	struct owed o;
	int rc;

	if (!planning_owns(kind) && strcmp(kind, wire_type_name(WIRE_MESSAGE)) != 0)
		return 0;
	if ((rc = owed_get(s, &o, contact, id)) != 0)
		return rc == MP_ENONE ? 0 : rc;
	if ((rc = keeper_open(&k, s, cfg, now)) != 0 ||
	    (rc = keeper_owed(&k, contact, id, &o, &f)) != 0)
		return rc == MP_ENONE ? 0 : rc;
	rc = sent(&k, &o, &f, taken);
	flow_wipe(&f);
	return rc;
}

static void fill(struct keeper *k, const struct flow *f, const struct sent *x, struct wire *w)
{
	switch (f->kind) {
	case FLOW_PROPOSAL:
		proposal_fill(&f->u.proposal, x->type,
		    x->to != NULL ? proposal_find(&f->u.proposal, x->to) : -1, w);
		break;
	case FLOW_CONSENT:
		consent_fill(&f->u.consent, x->type, w);
		break;
	case FLOW_ACQUAINTANCE:
		acquaintance_fill(&f->u.acquaintance, x->type, w);
		break;
	default:
		break;
	}
	if (f->kind == FLOW_CHAT || x->type == WIRE_INTRODUCTION_PETITION)
		(void)group_fill(&k->p, f, x, w);
}

int planning_complete(struct keeper *k, int64_t contact, const uint8_t id[static 16],
    enum wire_type type, struct flow *f, struct wire *w)
{
	struct owed o;
	struct sent x;
	uint8_t to[32];
	int rc = keeper_owed(k, contact, id, &o, f);

	if (rc == 0 && strcmp(o.kind, wire_type_name(type)) != 0)
		rc = MP_ENONE;
	if (rc == MP_ENONE)
		return err_set(MP_EUSAGE, "this '%s' is not owed (any more)", wire_type_name(type));
	if (rc == 0)
		rc = keeper_sent(k, &x, &o, f, to);
	if (rc == 0)
		fill(k, f, &x, w);
	return rc;
}

/* ---- time ---- */

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

struct tick {
	struct keeper k;
	int64_t now;
};

/* One flow, by fn, in a transaction of its own. */
static int in_transaction(struct tick *t, int64_t row, int (*fn)(struct tick *t, struct flow *f))
{
	struct flow f;
	int rc = store_begin(t->k.s);

	if (rc != 0)
		return rc;
	if ((rc = t->k.p.load(&t->k, &f, row)) == 0) {
		rc = fn(t, &f);
		flow_wipe(&f);
	}
	if (rc == MP_ENONE)
		rc = 0;
	if (rc == 0)
		rc = store_commit(t->k.s);
	if (rc != 0)
		store_rollback(t->k.s);
	return rc;
}

static int time_over(struct tick *t, struct flow *f)
{
	return flow_time(f) <= t->now ? expire(&t->k.p, f) : 0;
}

static int time_row(void *ctx, int64_t row)
{
	return in_transaction(ctx, row, time_over);
}

/* Somebody who is no contact any more answers nothing: as if he had declined. */
static int missing(struct tick *t, struct flow *f)
{
	struct proposal *q = &f->u.proposal;
	struct known k;
	int rc;

	if (q->state != PROPOSAL_OPEN && q->state != PROPOSAL_LISTING)
		return 0;
	for (int i = 0; i < (int)q->n; i++) {
		if (q->m[i].left || memcmp(q->m[i].who.onion, t->k.self, 32) == 0)
			continue;
		rc = t->k.p.known_by_onion(&t->k, q->m[i].who.onion, &k);
		if (rc == MP_ENONE || (rc == 0 && !k.usable))
			return plan_perform(
			    &t->k.p, f, proposal_happened(q, PROPOSAL_NO, i, t->now), i);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int look(struct tick *t, struct flow *f)
{
	int rc = f->kind == FLOW_PROPOSAL ? missing(t, f) : 0;

	return rc != 0 ? rc : plan_policy(&t->k.p, f);
}

static int look_row(void *ctx, int64_t row)
{
	return in_transaction(ctx, row, look);
}

int planning_tick(struct store *s, const struct config *cfg, int64_t now)
{
	struct tick t = {.now = now};
	int rc = keeper_open(&t.k, s, cfg, now);

	if (rc == 0)
		rc = flow_rows_due(s, now, time_row, &t);
	if (rc == 0)
		rc = flow_rows_open(s, FLOW_PROPOSAL, PROPOSAL_CARRIED, look_row, &t);
	if (rc == 0)
		rc = flow_rows_open(s, FLOW_CONSENT, CONSENT_ACCEPTED, look_row, &t);
	return rc;
}

/* What the sealer will seal under this id; its secrets are not in it. */
static int again_to_record(
    struct keeper *k, struct record *rec, const struct owed *o, const struct contact *c)
{
	int rc = message_get_text(k->s, o->id, rec);

	/* The text is gone from the history: nothing more can be sent. */
	if (rc == MP_ENONE) {
		rc = planning_sent(k->s, k->cfg, o->contact, o->kind, o->id, false, k->p.now);
		return rc != 0 ? rc : MP_ENONE;
	}
	rec->class = CLASS_OUT;
	memcpy(rec->contact, c->name, sizeof(rec->contact));
	return rc;
}

static int to_record(struct keeper *k, struct record *rec, const struct owed *o)
{
	struct contact c;
	struct flow f;
	struct wire w;
	int rc = contact_by_row(k->s, &c, o->contact);

	memset(&w, 0, sizeof(w));
	if (rc == 0)
		rc = wire_type_parse(&w.type, o->kind);
	if (rc == 0 && w.type == WIRE_MESSAGE)
		return again_to_record(k, rec, o, &c);
	if (rc == 0)
		rc = planning_complete(k, o->contact, o->id, w.type, &f, &w);
	if (rc != 0)
		return rc;
	rec->class = CLASS_OUT;
	snprintf(rec->kind, sizeof(rec->kind), "%s", o->kind);
	memcpy(rec->contact, c.name, sizeof(rec->contact));
	rec->has_id = rec->has_body = true;
	memcpy(rec->id, o->id, sizeof(rec->id));
	rec->time = o->at;
	snprintf(rec->ref, sizeof(rec->ref), "%s", f.kind == FLOW_CHAT ? f.name : "");
	buf_clear(&rec->body);
	rc = wire_to_body(&rec->body, &w);
	wire_free(&w);
	flow_wipe(&f);
	return rc;
}

struct duty {
	struct keeper k;
	int (*fn)(void *ctx, const struct owed *o, const struct record *rec);
	void *ctx;
	struct record rec;
};

static int print(void *ctx, const struct owed *o)
{
	struct duty *d = ctx;
	int rc = to_record(&d->k, &d->rec, o);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	return d->fn(d->ctx, o, &d->rec);
}

int planning_due(struct store *s, const struct config *cfg, int64_t now,
    int (*fn)(void *ctx, const struct owed *o, const struct record *rec), void *ctx)
{
	struct duty d = {.fn = fn, .ctx = ctx};
	int rc = keeper_open(&d.k, s, cfg, now);

	record_init(&d.rec);
	if (rc == 0)
		rc = owed_due(s, now, print, &d);
	record_free(&d.rec);
	return rc;
}
