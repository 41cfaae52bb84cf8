#include "mariposa/acquaintance.h"

#include <string.h>

#include <sodium.h>

#include "base/clock.h"

/* clang-format off */
static const struct acquaintance_step table[ACQUAINTANCE_STATES][ACQUAINTANCE_EVENTS] = {
    [ACQUAINTANCE_WAITING] = {
        [ACQUAINTANCE_INITIATED] = {ACQUAINTANCE_DRAW,    ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_LOWER]     = {ACQUAINTANCE_KEEP,    ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_HIGHER]    = {ACQUAINTANCE_KEEP,    ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_TIE]       = {ACQUAINTANCE_KEEP,    ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_AGAIN]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_OTHER]     = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_UPDATE]    = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_BAD]       = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_SAME]      = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_TAKEN]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_HEARD]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_REFUSED]   = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_OVER]      = {ACQUAINTANCE_PART,    ACQUAINTANCE_WAITING},
        [ACQUAINTANCE_TIME]      = {ACQUAINTANCE_PART,    ACQUAINTANCE_WAITING},
    },
    [ACQUAINTANCE_DRAWN] = {
        [ACQUAINTANCE_INITIATED] = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_LOWER]     = {ACQUAINTANCE_MAKE,    ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_HIGHER]    = {ACQUAINTANCE_KEEP,    ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_TIE]       = {ACQUAINTANCE_DRAW,    ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_AGAIN]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_OTHER]     = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_UPDATE]    = {ACQUAINTANCE_SETTLE,  ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_BAD]       = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_SAME]      = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_TAKEN]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_HEARD]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_REFUSED]   = {ACQUAINTANCE_PART,    ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_OVER]      = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_DRAWN},
        [ACQUAINTANCE_TIME]      = {ACQUAINTANCE_PART,    ACQUAINTANCE_DRAWN},
    },
    [ACQUAINTANCE_UPDATING] = {
        [ACQUAINTANCE_INITIATED] = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_LOWER]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_HIGHER]    = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_TIE]       = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_AGAIN]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_OTHER]     = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_UPDATE]    = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_BAD]       = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_SAME]      = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_TAKEN]     = {ACQUAINTANCE_SETTLE,  ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_HEARD]     = {ACQUAINTANCE_SETTLE,  ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_REFUSED]   = {ACQUAINTANCE_PART,    ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_OVER]      = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_UPDATING},
        [ACQUAINTANCE_TIME]      = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_UPDATING},
    },
    [ACQUAINTANCE_SETTLED] = {
        [ACQUAINTANCE_INITIATED] = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_LOWER]     = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_HIGHER]    = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_TIE]       = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_AGAIN]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_OTHER]     = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_UPDATE]    = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_BAD]       = {ACQUAINTANCE_REFUSE,  ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_SAME]      = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_TAKEN]     = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_HEARD]     = {ACQUAINTANCE_FINISH,  ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_REFUSED]   = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_OVER]      = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_SETTLED},
        [ACQUAINTANCE_TIME]      = {ACQUAINTANCE_NOTHING, ACQUAINTANCE_SETTLED},
    },
};
/* clang-format on */

struct acquaintance_step acquaintance_step(
    enum acquaintance_state state, enum acquaintance_event event)
{
	return table[state][event];
}

void acquaintance_new(
    struct acquaintance *a, const uint8_t onion[static 32], int64_t consent, int64_t now)
{
	memset(a, 0, sizeof(*a));
	memcpy(a->onion, onion, sizeof(a->onion));
	a->consent = consent;
	a->touched = now;
}

static enum acquaintance_event compare(const struct acquaintance *a)
{
	int c = memcmp(a->peer_number, a->number, sizeof(a->number));

	return c < 0 ? ACQUAINTANCE_LOWER : c > 0 ? ACQUAINTANCE_HIGHER : ACQUAINTANCE_TIE;
}

static void draw(struct acquaintance *a)
{
	randombytes_buf(a->number, sizeof(a->number));
	crypto_box_keypair(a->key, a->secret);
	a->acked = false;
}

static void make(struct acquaintance *a)
{
	uint8_t both[64];

	randombytes_buf(a->id, sizeof(a->id));
	randombytes_buf(a->pair, sizeof(a->pair));
	memcpy(both, a->id, 32);
	memcpy(both + 32, a->pair, 32);
	/* Fails only for a key of low order, of which the peer then knows the secret: it is his
	 * own loss, but he gets nothing that we could not repeat. */
	if (crypto_box_seal(a->sealed, both, sizeof(both), a->peer_key) != 0)
		randombytes_buf(a->sealed, sizeof(a->sealed));
	sodium_memzero(both, sizeof(both));
	sodium_memzero(a->secret, sizeof(a->secret)); /* nothing is sealed to us in this round */
}

enum acquaintance_action acquaintance_happened(
    struct acquaintance *a, enum acquaintance_event event, int64_t now)
{
	struct acquaintance_step s = table[a->state][event];

	if (s.action == ACQUAINTANCE_NOTHING || s.action == ACQUAINTANCE_REFUSE)
		return s.action;
	a->state = s.next;
	a->touched = now;
	if (s.action == ACQUAINTANCE_DRAW) {
		if (event == ACQUAINTANCE_TIE) {
			a->round++;
			a->has_peer = false;
		}
		draw(a);
		if (a->has_peer)
			return acquaintance_happened(a, compare(a), now);
	} else if (s.action == ACQUAINTANCE_MAKE) {
		make(a);
	}
	return s.action;
}

/* The number of a round that is not ours. */
static enum acquaintance_event other_round(const struct acquaintance *a, int64_t round)
{
	if (round < a->round)
		return ACQUAINTANCE_AGAIN;
	/* He saw a tie that we did not see yet: only in the round after ours, and few times. */
	return a->state == ACQUAINTANCE_DRAWN && !a->has_peer && round == a->round + 1 &&
	               round < ROUNDS
	           ? ACQUAINTANCE_TIE
	           : ACQUAINTANCE_OTHER;
}

enum acquaintance_action acquaintance_number(
    struct acquaintance *a, const struct wire_plan *f, int64_t now)
{
	enum acquaintance_event e = ACQUAINTANCE_AGAIN;
	enum acquaintance_action done;
	bool tie;

	if (f->round != a->round)
		e = other_round(a, f->round);
	else if (a->has_peer)
		e = memcmp(a->peer_number, f->number, 32) == 0 &&
		            memcmp(a->peer_key, f->key, 32) == 0
		        ? ACQUAINTANCE_AGAIN
		        : ACQUAINTANCE_OTHER;
	if (e == ACQUAINTANCE_OTHER || (f->round < a->round || a->has_peer))
		return table[a->state][e].action;
	tie = f->round == a->round + 1;
	if (tie)
		(void)acquaintance_happened(a, ACQUAINTANCE_TIE, now);
	a->has_peer = true;
	memcpy(a->peer_number, f->number, 32);
	memcpy(a->peer_key, f->key, 32);
	e = compare(a);
	if (e == ACQUAINTANCE_TIE && a->state == ACQUAINTANCE_DRAWN && a->round + 1 >= ROUNDS)
		return ACQUAINTANCE_REFUSE;
	done = acquaintance_happened(a, e, now);
	return tie && done == ACQUAINTANCE_KEEP ? ACQUAINTANCE_DRAW : done;
}

static bool open_box(
    const struct acquaintance *a, const uint8_t sealed[static PLAN_SEALED], uint8_t both[static 64])
{
	return crypto_box_seal_open(both, sealed, PLAN_SEALED, a->key, a->secret) == 0;
}

enum acquaintance_action acquaintance_update(
    struct acquaintance *a, const struct wire_plan *f, int64_t now)
{
	enum acquaintance_event e = ACQUAINTANCE_BAD;
	enum acquaintance_action done;
	uint8_t both[64];

	if (a->state == ACQUAINTANCE_SETTLED)
		e = f->round == a->round && memcmp(f->sealed, a->sealed, PLAN_SEALED) == 0
		        ? ACQUAINTANCE_SAME
		        : ACQUAINTANCE_BAD;
	else if (a->state == ACQUAINTANCE_DRAWN && a->has_peer && f->round == a->round &&
	         compare(a) == ACQUAINTANCE_HIGHER && open_box(a, f->sealed, both))
		e = ACQUAINTANCE_UPDATE;
	done = acquaintance_happened(a, e, now);
	if (done == ACQUAINTANCE_SETTLE) {
		memcpy(a->id, both, 32);
		memcpy(a->pair, both + 32, 32);
		memcpy(a->sealed, f->sealed, PLAN_SEALED);
		a->acked = true;
		sodium_memzero(both, sizeof(both));
		sodium_memzero(a->secret, sizeof(a->secret));
	}
	return done;
}

void acquaintance_acked(struct acquaintance *a, int64_t round)
{
	if (round == a->round && a->state != ACQUAINTANCE_WAITING)
		a->acked = true;
}

int64_t acquaintance_time(const struct acquaintance *a)
{
	return a->state == ACQUAINTANCE_WAITING || a->state == ACQUAINTANCE_DRAWN
	           ? a->touched + PLAN_LIFE
	           : INT64_MAX;
}

int acquaintance_owes(const struct acquaintance *a, plan_owes *fn, void *ctx)
{
	if (a->state == ACQUAINTANCE_WAITING || a->state == ACQUAINTANCE_SETTLED)
		return 0;
	/* In this order: without our number the other cannot judge the new key. */
	if (!a->acked)
		return fn(ctx, WIRE_INTRODUCTION_ACKNOWLEDGEMENT, -1, a->round, a->touched);
	if (a->state == ACQUAINTANCE_UPDATING)
		return fn(ctx, WIRE_TEMPORARY_CONTACT_UPDATE, -1, a->round, a->touched);
	return 0;
}

void acquaintance_fill(const struct acquaintance *a, enum wire_type type, struct wire *w)
{
	struct wire_plan *f = &w->u.plan;

	w->type = type;
	memset(f, 0, sizeof(*f));
	f->round = a->round;
	if (type == WIRE_TEMPORARY_CONTACT_UPDATE) {
		memcpy(f->sealed, a->sealed, PLAN_SEALED);
		return;
	}
	memcpy(f->number, a->number, sizeof(f->number));
	memcpy(f->key, a->key, sizeof(f->key));
}
