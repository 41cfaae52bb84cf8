#include "mariposa/flow.h"

#include <string.h>

#include <sodium.h>

void flow_ref(struct flow *f, enum plan plan, const uint8_t *id)
{
	f->ref[0] = (uint8_t)plan;
	f->reflen = 1 + plan_id_len(plan);
	memcpy(f->ref + 1, id, plan_id_len(plan));
}

void flow_set(struct flow *f, enum flow_kind kind, int64_t contact)
{
	f->kind = kind;
	f->contact = contact;
	f->reflen = 0;
	switch (kind) {
	case FLOW_PROPOSAL:
		flow_ref(f, f->u.proposal.plan, f->u.proposal.id);
		break;
	case FLOW_CONSENT:
		flow_ref(f, f->u.consent.plan, f->u.consent.id);
		break;
	case FLOW_CHAT:
		flow_ref(f, PLAN_GROUP, f->u.chat.id);
		break;
	default:
		break;
	}
}

struct owing {
	const struct flow *f;
	flow_owed *fn;
	void *ctx;
};

static int owed(void *arg, enum wire_type type, int who, int64_t serial, int64_t at)
{
	const struct owing *o = arg;
	const uint8_t *to = NULL;

	if (who >= 0)
		to = o->f->kind == FLOW_PROPOSAL ? o->f->u.proposal.m[who].who.onion
		                                 : o->f->u.chat.m[who].who.onion;
	return o->fn(o->ctx, type, to, serial, at);
}

int flow_owes(const struct flow *f, flow_owed *fn, void *ctx)
{
	struct owing o = {f, fn, ctx};

	switch (f->kind) {
	case FLOW_PROPOSAL:
		return proposal_owes(&f->u.proposal, owed, &o);
	case FLOW_CONSENT:
		return consent_owes(&f->u.consent, owed, &o);
	case FLOW_ACQUAINTANCE:
		return acquaintance_owes(&f->u.acquaintance, owed, &o);
	case FLOW_CHAT:
		return chat_owes(&f->u.chat, owed, &o);
	default:
		return 0;
	}
}

int64_t flow_time(const struct flow *f)
{
	switch (f->kind) {
	case FLOW_PROPOSAL:
		return proposal_time(&f->u.proposal);
	case FLOW_CONSENT:
		return consent_time(&f->u.consent);
	case FLOW_ACQUAINTANCE:
		return acquaintance_time(&f->u.acquaintance);
	case FLOW_CHAT:
		return chat_time(&f->u.chat);
	default:
		return INT64_MAX;
	}
}

int flow_state(const struct flow *f)
{
	switch (f->kind) {
	case FLOW_PROPOSAL:
		return (int)f->u.proposal.state;
	case FLOW_CONSENT:
		return (int)f->u.consent.state;
	case FLOW_ACQUAINTANCE:
		return (int)f->u.acquaintance.state;
	default:
		return (int)f->u.chat.state;
	}
}

void flow_wipe(struct flow *f)
{
	sodium_memzero(f, sizeof(*f));
}
