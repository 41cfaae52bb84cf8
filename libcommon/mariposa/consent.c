#include "mariposa/consent.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"

#define POLL_MIN MP_MINUTE
#define POLL_MAX (6 * MP_HOUR)

/* clang-format off */
static const struct consent_step table[CONSENT_STATES][CONSENT_EVENTS] = {
    [CONSENT_ASKED] = {
        [CONSENT_ACCEPT]    = {CONSENT_SAY,     CONSENT_ACCEPTED},
        [CONSENT_DECLINE]   = {CONSENT_SAY,     CONSENT_DECLINED},
        [CONSENT_LIST]      = {CONSENT_REFUSE,  CONSENT_ASKED},
        [CONSENT_BAD_LIST]  = {CONSENT_REFUSE,  CONSENT_ASKED},
        [CONSENT_PENDING]   = {CONSENT_NOTHING, CONSENT_ASKED},
        [CONSENT_INITIATED] = {CONSENT_REFUSE,  CONSENT_ASKED},
        [CONSENT_AGREED]    = {CONSENT_REFUSE,  CONSENT_ASKED},
        [CONSENT_ENDED]     = {CONSENT_DROP,    CONSENT_CANCELLED},
        [CONSENT_UNKNOWN]   = {CONSENT_NOTHING, CONSENT_ASKED},
        [CONSENT_TIME]      = {CONSENT_FORGET,  CONSENT_ASKED},
    },
    [CONSENT_ACCEPTED] = {
        [CONSENT_ACCEPT]    = {CONSENT_NOTHING, CONSENT_ACCEPTED},
        [CONSENT_DECLINE]   = {CONSENT_SAY,     CONSENT_DECLINED},
        [CONSENT_LIST]      = {CONSENT_MEET,    CONSENT_LISTED},
        [CONSENT_BAD_LIST]  = {CONSENT_BREAK,   CONSENT_CANCELLED},
        [CONSENT_PENDING]   = {CONSENT_NOTE,    CONSENT_ACCEPTED},
        [CONSENT_INITIATED] = {CONSENT_REFUSE,  CONSENT_ACCEPTED},
        [CONSENT_AGREED]    = {CONSENT_GO,      CONSENT_CARRIED},
        [CONSENT_ENDED]     = {CONSENT_DROP,    CONSENT_CANCELLED},
        [CONSENT_UNKNOWN]   = {CONSENT_DROP,    CONSENT_CANCELLED},
        [CONSENT_TIME]      = {CONSENT_DROP,    CONSENT_CANCELLED},
    },
    [CONSENT_LISTED] = {
        [CONSENT_ACCEPT]    = {CONSENT_NOTHING, CONSENT_LISTED},
        [CONSENT_DECLINE]   = {CONSENT_SAY,     CONSENT_DECLINED},
        [CONSENT_LIST]      = {CONSENT_NOTHING, CONSENT_LISTED},
        [CONSENT_BAD_LIST]  = {CONSENT_BREAK,   CONSENT_CANCELLED},
        [CONSENT_PENDING]   = {CONSENT_NOTE,    CONSENT_LISTED},
        [CONSENT_INITIATED] = {CONSENT_GO,      CONSENT_CARRIED},
        [CONSENT_AGREED]    = {CONSENT_REFUSE,  CONSENT_LISTED},
        [CONSENT_ENDED]     = {CONSENT_DROP,    CONSENT_CANCELLED},
        [CONSENT_UNKNOWN]   = {CONSENT_DROP,    CONSENT_CANCELLED},
        [CONSENT_TIME]      = {CONSENT_DROP,    CONSENT_CANCELLED},
    },
    [CONSENT_CARRIED] = {
        [CONSENT_ACCEPT]    = {CONSENT_NOTHING, CONSENT_CARRIED},
        [CONSENT_DECLINE]   = {CONSENT_REFUSE,  CONSENT_CARRIED},
        [CONSENT_LIST]      = {CONSENT_NOTHING, CONSENT_CARRIED},
        [CONSENT_BAD_LIST]  = {CONSENT_REFUSE,  CONSENT_CARRIED},
        [CONSENT_PENDING]   = {CONSENT_NOTHING, CONSENT_CARRIED},
        [CONSENT_INITIATED] = {CONSENT_NOTE,    CONSENT_CARRIED},
        [CONSENT_AGREED]    = {CONSENT_NOTE,    CONSENT_CARRIED},
        [CONSENT_ENDED]     = {CONSENT_NOTHING, CONSENT_CARRIED},
        [CONSENT_UNKNOWN]   = {CONSENT_NOTE,    CONSENT_CARRIED},
        [CONSENT_TIME]      = {CONSENT_FORGET,  CONSENT_CARRIED},
    },
    [CONSENT_CANCELLED] = {
        [CONSENT_ACCEPT]    = {CONSENT_REFUSE,  CONSENT_CANCELLED},
        [CONSENT_DECLINE]   = {CONSENT_REFUSE,  CONSENT_CANCELLED},
        [CONSENT_LIST]      = {CONSENT_REFUSE,  CONSENT_CANCELLED},
        [CONSENT_BAD_LIST]  = {CONSENT_REFUSE,  CONSENT_CANCELLED},
        [CONSENT_PENDING]   = {CONSENT_NOTHING, CONSENT_CANCELLED},
        [CONSENT_INITIATED] = {CONSENT_NOTHING, CONSENT_CANCELLED},
        [CONSENT_AGREED]    = {CONSENT_LEAVE,   CONSENT_CANCELLED},
        [CONSENT_ENDED]     = {CONSENT_NOTE,    CONSENT_CANCELLED},
        [CONSENT_UNKNOWN]   = {CONSENT_NOTE,    CONSENT_CANCELLED},
        [CONSENT_TIME]      = {CONSENT_FORGET,  CONSENT_CANCELLED},
    },
    [CONSENT_DECLINED] = {
        [CONSENT_ACCEPT]    = {CONSENT_REFUSE,  CONSENT_DECLINED},
        [CONSENT_DECLINE]   = {CONSENT_NOTHING, CONSENT_DECLINED},
        [CONSENT_LIST]      = {CONSENT_REFUSE,  CONSENT_DECLINED},
        [CONSENT_BAD_LIST]  = {CONSENT_REFUSE,  CONSENT_DECLINED},
        [CONSENT_PENDING]   = {CONSENT_NOTHING, CONSENT_DECLINED},
        [CONSENT_INITIATED] = {CONSENT_NOTHING, CONSENT_DECLINED},
        [CONSENT_AGREED]    = {CONSENT_LEAVE,   CONSENT_DECLINED},
        [CONSENT_ENDED]     = {CONSENT_NOTHING, CONSENT_DECLINED},
        [CONSENT_UNKNOWN]   = {CONSENT_NOTE,    CONSENT_DECLINED},
        [CONSENT_TIME]      = {CONSENT_FORGET,  CONSENT_DECLINED},
    },
};
/* clang-format on */

struct consent_step consent_step(enum consent_state state, enum consent_event event)
{
	return table[state][event];
}

static void take(struct consent *c, const struct wire_people *p)
{
	for (size_t i = 0; i < p->n; i++)
		person_set(&c->who[c->n++], p->person[i].onion, p->person[i].nickname);
}

int consent_new(
    struct consent *c, const struct wire *request, const uint8_t self[static 32], int64_t now)
{
	const struct wire_plan *f = &request->u.plan;

	memset(c, 0, sizeof(*c));
	if (!plan_of_type(request->type, &c->plan))
		return err_set(MP_EBAD, "no request");
	if (people_find(&f->people, self) < 0 && people_find(&f->prospective, self) < 0)
		return err_set(MP_EBAD, "we are not among those who are asked");
	memcpy(c->id, plan_id_of(c->plan, request), plan_id_len(c->plan));
	memcpy(c->group, f->group, sizeof(c->group));
	memcpy(c->base, f->base, sizeof(c->base));
	if (f->name != NULL && strlen(f->name) < sizeof(c->name))
		memcpy(c->name, f->name, strlen(f->name) + 1);
	take(c, &f->people);
	c->participants = c->n;
	take(c, &f->prospective);
	c->state = CONSENT_ASKED;
	c->created = c->touched = c->heard = now;
	return 0;
}

bool consent_same(const struct consent *c, const struct wire *request)
{
	const struct wire_plan *f = &request->u.plan;

	if (c->participants != f->people.n || c->n != f->people.n + f->prospective.n ||
	    memcmp(c->group, f->group, sizeof(c->group)) != 0 ||
	    memcmp(c->base, f->base, sizeof(c->base)) != 0)
		return false;
	for (size_t i = 0; i < c->n; i++) {
		const struct wire_people *p = i < c->participants ? &f->people : &f->prospective;
		size_t at = i < c->participants ? i : i - c->participants;

		if (memcmp(c->who[i].onion, p->person[at].onion, 32) != 0)
			return false;
	}
	return true;
}

bool consent_list_fits(
    const struct consent *c, const struct wire_plan *list, const uint8_t self[static 32])
{
	if (list->nkeys != c->n - 1)
		return false;
	for (size_t i = 0; i < list->nkeys; i++) /* none is there twice: wire.h */
		if (memcmp(list->keys[i].onion, self, 32) == 0 ||
		    consent_find(c, list->keys[i].onion) < 0)
			return false;
	return true;
}

int consent_find(const struct consent *c, const uint8_t onion[static 32])
{
	for (size_t i = 0; i < c->n; i++)
		if (memcmp(c->who[i].onion, onion, 32) == 0)
			return (int)i;
	return -1;
}

/* The longer nothing changed, the seldomer. */
static void poll_later(struct consent *c, int64_t now)
{
	int64_t wait = (now - c->touched) / 4;

	if (wait < POLL_MIN)
		wait = POLL_MIN;
	c->poll_at = now + (wait > POLL_MAX ? POLL_MAX : wait);
	c->polls++;
}

enum consent_action consent_happened(struct consent *c, enum consent_event event, int64_t now)
{
	struct consent_step s = table[c->state][event];

	if (s.action == CONSENT_REFUSE || s.action == CONSENT_NOTHING)
		return s.action;
	if (s.action == CONSENT_NOTE) {
		if (event == CONSENT_PENDING) {
			poll_later(c, now);
			c->heard = now;
		} else if (c->state == CONSENT_DECLINED) {
			c->responded = true;
		} else {
			c->told = true;
		}
		return s.action;
	}
	c->state = s.next;
	c->touched = now;
	c->agreed = c->agreed || event == CONSENT_ACCEPT;
	if (event != CONSENT_TIME && event != CONSENT_UNKNOWN)
		c->heard = now;
	/* Asked for at once, for that is what the next step waits for. */
	c->poll_at = now;
	/* Who does not know it, or is not there, need not be told. */
	if (event == CONSENT_UNKNOWN || event == CONSENT_TIME)
		c->told = true;
	return s.action;
}

enum consent_action consent_decided(struct consent *c, enum plan_answer answer, int64_t now)
{
	enum consent_action a =
	    consent_happened(c, answer == ANSWER_ACCEPT ? CONSENT_ACCEPT : CONSENT_DECLINE, now);

	if (a == CONSENT_SAY) {
		c->answer = answer;
		c->responded = false;
		c->poll_at = now + POLL_MIN;
	}
	return a;
}

static bool final(const struct consent *c)
{
	return c->state == CONSENT_CARRIED || c->state == CONSENT_CANCELLED ||
	       c->state == CONSENT_DECLINED;
}

int consent_status(const struct consent *c, enum plan_status status, enum consent_event *event)
{
	switch (status) {
	case STATUS_PENDING:
		*event = CONSENT_PENDING;
		return 0;
	case STATUS_ACCEPTED:
		*event = c->plan == PLAN_INTRODUCTION || (final(c) && !c->agreed) ? CONSENT_PENDING
		                                                                  : CONSENT_AGREED;
		return 0;
	case STATUS_INITIATED:
		*event = CONSENT_INITIATED;
		return c->plan == PLAN_INTRODUCTION ? 0 : MP_EBAD;
	case STATUS_CANCELLED:
		*event = CONSENT_ENDED;
		return 0;
	default:
		return err_set(MP_EBAD, "no such status");
	}
}

int64_t consent_time(const struct consent *c)
{
	return c->touched + (final(c) ? PLAN_MEMORY : PLAN_LIFE);
}

static const enum wire_type responses[PLANS] = {
    [PLAN_INTRODUCTION] = WIRE_INTRODUCTION_RESPONSE,
    [PLAN_GROUP] = WIRE_GROUP_CHAT_RESPONSE,
    [PLAN_ADDITION] = WIRE_GROUP_ADDITION_RESPONSE,
};
static const enum wire_type questions[PLANS] = {
    [PLAN_INTRODUCTION] = WIRE_INTRODUCTION_STATUS_REQUEST,
    [PLAN_GROUP] = WIRE_GROUP_CHAT_STATUS_REQUEST,
    [PLAN_ADDITION] = WIRE_GROUP_ADDITION_STATUS_REQUEST,
};

int consent_owes(const struct consent *c, plan_owes *fn, void *ctx)
{
	switch (c->state) {
	case CONSENT_ASKED:
		return c->petitioning != PETITION_OWED
		           ? 0
		           : fn(ctx, WIRE_INTRODUCTION_PETITION, -1, 0, c->created);
	case CONSENT_ACCEPTED:
	case CONSENT_LISTED:
		if (!c->responded)
			return fn(ctx, responses[c->plan], -1, c->answer, c->touched);
		return fn(ctx, questions[c->plan], -1, c->polls, c->poll_at);
	case CONSENT_CARRIED:
	case CONSENT_CANCELLED:
		return c->told ? 0 : fn(ctx, questions[c->plan], -1, -1, c->touched);
	case CONSENT_DECLINED:
		return c->responded ? 0 : fn(ctx, responses[c->plan], -1, c->answer, c->touched);
	default:
		return 0;
	}
}

void consent_fill(const struct consent *c, enum wire_type type, struct wire *w)
{
	struct wire_plan *f = &w->u.plan;

	w->type = type;
	memset(f, 0, sizeof(*f));
	if (type == WIRE_INTRODUCTION_PETITION) {
		memcpy(f->introduction, c->petition, PLAN_ID);
		memcpy(f->group, c->group, sizeof(f->group));
		f->has_addition = c->plan == PLAN_ADDITION;
		if (f->has_addition)
			memcpy(f->addition, c->id, PLAN_ID);
		return; /* whom it names the caller knows */
	}
	memcpy(c->plan == PLAN_INTRODUCTION ? f->introduction
	       : c->plan == PLAN_ADDITION   ? f->addition
	                                    : f->group,
	    c->id, plan_id_len(c->plan));
	if (c->plan == PLAN_ADDITION)
		memcpy(f->group, c->group, sizeof(f->group));
	if (type == responses[c->plan]) {
		f->answer = c->answer;
		return;
	}
	f->has_seen = c->state == CONSENT_CARRIED || c->state == CONSENT_CANCELLED;
	if (c->state == CONSENT_CANCELLED)
		f->seen = STATUS_CANCELLED;
	else if (f->has_seen)
		f->seen = c->plan == PLAN_INTRODUCTION ? STATUS_INITIATED : STATUS_ACCEPTED;
}
