#include "mariposa/proposal.h"

#include <string.h>

#include <sodium.h>

#include "base/clock.h"

/* clang-format off */
static const struct proposal_step table[PROPOSAL_STATES][PROPOSAL_EVENTS] = {
    [PROPOSAL_PETITIONED] = {
        [PROPOSAL_ACCEPT]     = {PROPOSAL_ASK,     PROPOSAL_OPEN},
        [PROPOSAL_DECLINE]    = {PROPOSAL_TURN,    PROPOSAL_TURNED},
        [PROPOSAL_YES]        = {PROPOSAL_NOTHING, PROPOSAL_PETITIONED},
        [PROPOSAL_AGREED]     = {PROPOSAL_NOTHING, PROPOSAL_PETITIONED},
        [PROPOSAL_DECIDED]    = {PROPOSAL_NOTHING, PROPOSAL_PETITIONED},
        [PROPOSAL_NO]         = {PROPOSAL_NOTHING, PROPOSAL_PETITIONED},
        [PROPOSAL_BUSY]       = {PROPOSAL_NOTHING, PROPOSAL_PETITIONED},
        [PROPOSAL_LISTED]     = {PROPOSAL_NOTHING, PROPOSAL_PETITIONED},
        [PROPOSAL_ALL_LISTED] = {PROPOSAL_NOTHING, PROPOSAL_PETITIONED},
        [PROPOSAL_CANCEL]     = {PROPOSAL_TURN,    PROPOSAL_TURNED},
        [PROPOSAL_SEEN]       = {PROPOSAL_NOTHING, PROPOSAL_PETITIONED},
        [PROPOSAL_TIME]       = {PROPOSAL_TURN,    PROPOSAL_TURNED},
    },
    [PROPOSAL_OPEN] = {
        [PROPOSAL_ACCEPT]     = {PROPOSAL_REFUSE,  PROPOSAL_OPEN},
        [PROPOSAL_DECLINE]    = {PROPOSAL_REFUSE,  PROPOSAL_OPEN},
        [PROPOSAL_YES]        = {PROPOSAL_NOTE,    PROPOSAL_OPEN},
        [PROPOSAL_AGREED]     = {PROPOSAL_LIST,    PROPOSAL_LISTING},
        [PROPOSAL_DECIDED]    = {PROPOSAL_CARRY,   PROPOSAL_CARRIED},
        [PROPOSAL_NO]         = {PROPOSAL_DROP,    PROPOSAL_CANCELLED},
        [PROPOSAL_BUSY]       = {PROPOSAL_RETRY,   PROPOSAL_CANCELLED},
        [PROPOSAL_LISTED]     = {PROPOSAL_NOTHING, PROPOSAL_OPEN},
        [PROPOSAL_ALL_LISTED] = {PROPOSAL_NOTHING, PROPOSAL_OPEN},
        [PROPOSAL_CANCEL]     = {PROPOSAL_DROP,    PROPOSAL_CANCELLED},
        [PROPOSAL_SEEN]       = {PROPOSAL_NOTHING, PROPOSAL_OPEN},
        [PROPOSAL_TIME]       = {PROPOSAL_DROP,    PROPOSAL_CANCELLED},
    },
    [PROPOSAL_LISTING] = {
        [PROPOSAL_ACCEPT]     = {PROPOSAL_REFUSE,  PROPOSAL_LISTING},
        [PROPOSAL_DECLINE]    = {PROPOSAL_REFUSE,  PROPOSAL_LISTING},
        [PROPOSAL_YES]        = {PROPOSAL_NOTHING, PROPOSAL_LISTING},
        [PROPOSAL_AGREED]     = {PROPOSAL_NOTHING, PROPOSAL_LISTING},
        [PROPOSAL_DECIDED]    = {PROPOSAL_NOTHING, PROPOSAL_LISTING},
        [PROPOSAL_NO]         = {PROPOSAL_DROP,    PROPOSAL_CANCELLED},
        [PROPOSAL_BUSY]       = {PROPOSAL_NOTHING, PROPOSAL_LISTING},
        [PROPOSAL_LISTED]     = {PROPOSAL_NOTE,    PROPOSAL_LISTING},
        [PROPOSAL_ALL_LISTED] = {PROPOSAL_CARRY,   PROPOSAL_CARRIED},
        [PROPOSAL_CANCEL]     = {PROPOSAL_DROP,    PROPOSAL_CANCELLED},
        [PROPOSAL_SEEN]       = {PROPOSAL_NOTHING, PROPOSAL_LISTING},
        [PROPOSAL_TIME]       = {PROPOSAL_DROP,    PROPOSAL_CANCELLED},
    },
    [PROPOSAL_CARRIED] = {
        [PROPOSAL_ACCEPT]     = {PROPOSAL_REFUSE,  PROPOSAL_CARRIED},
        [PROPOSAL_DECLINE]    = {PROPOSAL_REFUSE,  PROPOSAL_CARRIED},
        [PROPOSAL_YES]        = {PROPOSAL_NOTHING, PROPOSAL_CARRIED},
        [PROPOSAL_AGREED]     = {PROPOSAL_NOTHING, PROPOSAL_CARRIED},
        [PROPOSAL_DECIDED]    = {PROPOSAL_NOTHING, PROPOSAL_CARRIED},
        [PROPOSAL_NO]         = {PROPOSAL_REFUSE,  PROPOSAL_CARRIED},
        [PROPOSAL_BUSY]       = {PROPOSAL_REFUSE,  PROPOSAL_CARRIED},
        [PROPOSAL_LISTED]     = {PROPOSAL_NOTHING, PROPOSAL_CARRIED},
        [PROPOSAL_ALL_LISTED] = {PROPOSAL_NOTHING, PROPOSAL_CARRIED},
        [PROPOSAL_CANCEL]     = {PROPOSAL_REFUSE,  PROPOSAL_CARRIED},
        [PROPOSAL_SEEN]       = {PROPOSAL_NOTE,    PROPOSAL_CARRIED},
        [PROPOSAL_TIME]       = {PROPOSAL_FORGET,  PROPOSAL_CARRIED},
    },
    [PROPOSAL_CANCELLED] = {
        [PROPOSAL_ACCEPT]     = {PROPOSAL_REFUSE,  PROPOSAL_CANCELLED},
        [PROPOSAL_DECLINE]    = {PROPOSAL_REFUSE,  PROPOSAL_CANCELLED},
        [PROPOSAL_YES]        = {PROPOSAL_NOTHING, PROPOSAL_CANCELLED},
        [PROPOSAL_AGREED]     = {PROPOSAL_NOTHING, PROPOSAL_CANCELLED},
        [PROPOSAL_DECIDED]    = {PROPOSAL_NOTHING, PROPOSAL_CANCELLED},
        [PROPOSAL_NO]         = {PROPOSAL_NOTE,    PROPOSAL_CANCELLED},
        [PROPOSAL_BUSY]       = {PROPOSAL_NOTE,    PROPOSAL_CANCELLED},
        [PROPOSAL_LISTED]     = {PROPOSAL_NOTHING, PROPOSAL_CANCELLED},
        [PROPOSAL_ALL_LISTED] = {PROPOSAL_NOTHING, PROPOSAL_CANCELLED},
        [PROPOSAL_CANCEL]     = {PROPOSAL_REFUSE,  PROPOSAL_CANCELLED},
        [PROPOSAL_SEEN]       = {PROPOSAL_NOTE,    PROPOSAL_CANCELLED},
        [PROPOSAL_TIME]       = {PROPOSAL_FORGET,  PROPOSAL_CANCELLED},
    },
    [PROPOSAL_TURNED] = {
        [PROPOSAL_ACCEPT]     = {PROPOSAL_REFUSE,  PROPOSAL_TURNED},
        [PROPOSAL_DECLINE]    = {PROPOSAL_REFUSE,  PROPOSAL_TURNED},
        [PROPOSAL_YES]        = {PROPOSAL_NOTHING, PROPOSAL_TURNED},
        [PROPOSAL_AGREED]     = {PROPOSAL_NOTHING, PROPOSAL_TURNED},
        [PROPOSAL_DECIDED]    = {PROPOSAL_NOTHING, PROPOSAL_TURNED},
        [PROPOSAL_NO]         = {PROPOSAL_NOTHING, PROPOSAL_TURNED},
        [PROPOSAL_BUSY]       = {PROPOSAL_NOTHING, PROPOSAL_TURNED},
        [PROPOSAL_LISTED]     = {PROPOSAL_NOTHING, PROPOSAL_TURNED},
        [PROPOSAL_ALL_LISTED] = {PROPOSAL_NOTHING, PROPOSAL_TURNED},
        [PROPOSAL_CANCEL]     = {PROPOSAL_REFUSE,  PROPOSAL_TURNED},
        [PROPOSAL_SEEN]       = {PROPOSAL_NOTE,    PROPOSAL_TURNED},
        [PROPOSAL_TIME]       = {PROPOSAL_FORGET,  PROPOSAL_TURNED},
    },
};
/* clang-format on */

struct proposal_step proposal_step(enum proposal_state state, enum proposal_event event)
{
	return table[state][event];
}

void proposal_new(struct proposal *p, enum plan plan, int64_t now)
{
	memset(p, 0, sizeof(*p));
	p->plan = plan;
	p->state = PROPOSAL_OPEN;
	randombytes_buf(p->id, plan_id_len(plan));
	randombytes_buf(p->secret, sizeof(p->secret));
	p->petitioner = -1;
	p->created = p->touched = now;
}

int proposal_find(const struct proposal *p, const uint8_t onion[static 32])
{
	for (size_t i = 0; i < p->n; i++)
		if (memcmp(p->m[i].who.onion, onion, 32) == 0)
			return (int)i;
	return -1;
}

static bool final(const struct proposal *p)
{
	return p->state == PROPOSAL_CARRIED || p->state == PROPOSAL_CANCELLED ||
	       p->state == PROPOSAL_TURNED;
}

enum proposal_action proposal_happened(
    struct proposal *p, enum proposal_event event, int who, int64_t now)
{
	struct proposal_step s = table[p->state][event];
	struct asked *m = who >= 0 ? &p->m[who] : NULL;

	if (s.action == PROPOSAL_NOTHING || s.action == PROPOSAL_REFUSE)
		return s.action;
	p->state = s.next;
	p->touched = now;
	if (final(p)) /* nobody is told a key any more */
		sodium_memzero(p->secret, sizeof(p->secret));
	if (m == NULL)
		return s.action;
	switch (event) {
	case PROPOSAL_YES:
	case PROPOSAL_AGREED:
	case PROPOSAL_DECIDED:
		m->asked = m->answered = true;
		break;
	case PROPOSAL_NO: /* who ends it need not be told that it ended */
		m->saw = true;
		break;
	case PROPOSAL_LISTED:
	case PROPOSAL_ALL_LISTED:
		m->listed = true;
		break;
	case PROPOSAL_SEEN:
		m->saw = true;
		break;
	default:
		break;
	}
	return s.action;
}

static bool all_others(const struct proposal *p, int who, size_t flag)
{
	for (size_t i = 0; i < p->n; i++)
		if ((int)i != who && !p->m[i].left &&
		    !*(const bool *)((const char *)&p->m[i] + flag))
			return false;
	return true;
}

enum proposal_event proposal_answer(const struct proposal *p, int who, enum plan_answer answer)
{
	if (answer == ANSWER_BUSY)
		return PROPOSAL_BUSY;
	if (answer == ANSWER_DECLINE)
		return PROPOSAL_NO;
	if (!all_others(p, who, offsetof(struct asked, answered)))
		return PROPOSAL_YES;
	return p->plan == PLAN_INTRODUCTION ? PROPOSAL_AGREED : PROPOSAL_DECIDED;
}

enum proposal_event proposal_list_taken(const struct proposal *p, int who)
{
	return all_others(p, who, offsetof(struct asked, listed)) ? PROPOSAL_ALL_LISTED
	                                                          : PROPOSAL_LISTED;
}

int64_t proposal_time(const struct proposal *p)
{
	return p->again > 0 ? p->again : p->touched + (final(p) ? PLAN_MEMORY : PLAN_LIFE);
}

enum plan_status proposal_status(const struct proposal *p)
{
	switch (p->state) {
	case PROPOSAL_LISTING:
		return STATUS_ACCEPTED;
	case PROPOSAL_CARRIED:
		return p->plan == PLAN_INTRODUCTION ? STATUS_INITIATED : STATUS_ACCEPTED;
	case PROPOSAL_CANCELLED:
	case PROPOSAL_TURNED:
		return STATUS_CANCELLED;
	default:
		return STATUS_PENDING;
	}
}

static const enum wire_type requests[PLANS] = {
    [PLAN_INTRODUCTION] = WIRE_INTRODUCTION_REQUEST,
    [PLAN_GROUP] = WIRE_GROUP_CHAT_REQUEST,
    [PLAN_ADDITION] = WIRE_GROUP_ADDITION_REQUEST,
};
static const enum wire_type statuses[PLANS] = {
    [PLAN_INTRODUCTION] = WIRE_INTRODUCTION_STATUS_RESPONSE,
    [PLAN_GROUP] = WIRE_GROUP_CHAT_STATUS_RESPONSE,
    [PLAN_ADDITION] = WIRE_GROUP_ADDITION_STATUS_RESPONSE,
};

int proposal_owes(const struct proposal *p, plan_owes *fn, void *ctx)
{
	int rc = 0;

	if (p->state == PROPOSAL_TURNED && !p->m[p->petitioner].saw)
		return fn(
		    ctx, WIRE_INTRODUCTION_PETITION_DECLINATION, p->petitioner, 0, p->touched);
	for (int i = 0; rc == 0 && i < (int)p->n; i++) {
		const struct asked *m = &p->m[i];

		if (m->left)
			continue;
		if (p->state == PROPOSAL_OPEN && !m->asked)
			rc = fn(ctx, requests[p->plan], i, 0, p->created);
		else if (p->state == PROPOSAL_LISTING && !m->listed)
			rc = fn(ctx, WIRE_INTRODUCTION_CONTACTS, i, 0, p->touched);
		else if ((p->state == PROPOSAL_CARRIED || p->state == PROPOSAL_CANCELLED) &&
		         !m->saw)
			rc = fn(ctx, statuses[p->plan], i, 0, p->touched);
	}
	return rc;
}

void proposal_key(const struct proposal *p, const uint8_t a[static 32], const uint8_t b[static 32],
    uint8_t id[static 32], uint8_t key[static 32])
{
	static const char label[] = "mariposa/1 temporary contact";
	bool swap = memcmp(a, b, 32) > 0;
	crypto_generichash_state st;
	uint8_t out[64];

	crypto_generichash_init(&st, p->secret, sizeof(p->secret), sizeof(out));
	crypto_generichash_update(&st, (const uint8_t *)label, sizeof(label));
	crypto_generichash_update(&st, swap ? b : a, 32);
	crypto_generichash_update(&st, swap ? a : b, 32);
	crypto_generichash_final(&st, out, sizeof(out));
	memcpy(id, out, 32);
	memcpy(key, out + 32, 32);
	sodium_memzero(out, sizeof(out));
	sodium_memzero(&st, sizeof(st));
}

static void fill_keys(const struct proposal *p, int who, struct wire_plan *w)
{
	for (int i = 0; i < (int)p->n; i++) {
		struct wire_key *k = &w->keys[w->nkeys];

		if (i == who)
			continue;
		memcpy(k->onion, p->m[i].who.onion, 32);
		proposal_key(p, p->m[who].who.onion, p->m[i].who.onion, k->id, k->key);
		w->nkeys++;
	}
}

static void add(struct wire_people *to, const struct person *who)
{
	person_wire(&to->person[to->n++], who);
}

static void fill_people(const struct proposal *p, struct wire_plan *w)
{
	for (size_t i = 0; i < p->n; i++)
		add(p->m[i].prospective ? &w->prospective : &w->people, &p->m[i].who);
}

/* Of a carried addition: who the members are then. */
static void fill_members(const struct proposal *p, struct wire_plan *w)
{
	for (size_t i = 0; i < p->n; i++)
		if (!p->m[i].left) {
			add(&w->people, &p->m[i].who);
			w->people.person[w->people.n - 1].nickname = NULL;
		}
}

void proposal_fill(const struct proposal *p, enum wire_type type, int who, struct wire *w)
{
	struct wire_plan *f = &w->u.plan;
	bool carried = p->state == PROPOSAL_CARRIED;

	w->type = type;
	memset(f, 0, sizeof(*f));
	memcpy(p->plan == PLAN_INTRODUCTION ? f->introduction
	       : p->plan == PLAN_ADDITION   ? f->addition
	                                    : f->group,
	    p->id, plan_id_len(p->plan));
	if (p->plan == PLAN_ADDITION)
		memcpy(f->group, p->group, sizeof(f->group));
	if (type == WIRE_INTRODUCTION_CONTACTS) {
		fill_keys(p, who, f);
	} else if (type == requests[p->plan]) {
		memcpy(f->base, p->base, sizeof(f->base));
		f->name = p->name[0] != '\0' ? p->name : NULL;
		fill_people(p, f);
	} else if (type == statuses[p->plan]) {
		f->status = proposal_status(p);
		if (p->plan == PLAN_ADDITION && carried)
			fill_members(p, f);
	}
}
