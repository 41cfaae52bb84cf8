#include "mariposa/rekey.h"

#include <string.h>

#include "base/secret.h"

/* clang-format off */
static const struct rekey_step table[REKEY_STATES][REKEY_EVENTS] = {
    [REKEY_STEADY] = {
        [REKEY_START]   = {REKEY_MAKE,   REKEY_OFFERED},
        [REKEY_OFFER]   = {REKEY_REPLY,  REKEY_ANSWERED},
        [REKEY_ANSWER]  = {REKEY_REFUSE, REKEY_STEADY},
        [REKEY_SAME]    = {REKEY_REFUSE, REKEY_STEADY},
        [REKEY_OTHER]   = {REKEY_WARN,   REKEY_STEADY},
        [REKEY_OLD]     = {REKEY_IGNORE, REKEY_STEADY},
        [REKEY_NEXT]    = {REKEY_REFUSE, REKEY_STEADY},
        [REKEY_WRONG]   = {REKEY_REFUSE, REKEY_STEADY},
        [REKEY_ACKED]   = {REKEY_IGNORE, REKEY_STEADY},
        [REKEY_HEARD]   = {REKEY_IGNORE, REKEY_STEADY},
        [REKEY_DRAINED] = {REKEY_IGNORE, REKEY_STEADY},
        [REKEY_NOTED]   = {REKEY_IGNORE, REKEY_STEADY},
        [REKEY_OVERDUE] = {REKEY_IGNORE, REKEY_STEADY},
    },
    [REKEY_OFFERED] = {
        [REKEY_START]   = {REKEY_IGNORE, REKEY_OFFERED},
        [REKEY_OFFER]   = {REKEY_STORE,  REKEY_ANSWERED},
        [REKEY_ANSWER]  = {REKEY_JOIN,   REKEY_SWITCHED},
        [REKEY_SAME]    = {REKEY_REFUSE, REKEY_OFFERED},
        [REKEY_OTHER]   = {REKEY_WARN,   REKEY_OFFERED},
        [REKEY_OLD]     = {REKEY_IGNORE, REKEY_OFFERED},
        [REKEY_NEXT]    = {REKEY_REFUSE, REKEY_OFFERED},
        [REKEY_WRONG]   = {REKEY_REFUSE, REKEY_OFFERED},
        [REKEY_ACKED]   = {REKEY_NOTE,   REKEY_WAITING},
        [REKEY_HEARD]   = {REKEY_IGNORE, REKEY_OFFERED},
        [REKEY_DRAINED] = {REKEY_IGNORE, REKEY_OFFERED},
        [REKEY_NOTED]   = {REKEY_IGNORE, REKEY_OFFERED},
        [REKEY_OVERDUE] = {REKEY_IGNORE, REKEY_OFFERED},
    },
    [REKEY_WAITING] = {
        [REKEY_START]   = {REKEY_IGNORE, REKEY_WAITING},
        [REKEY_OFFER]   = {REKEY_JOIN,   REKEY_SWITCHED},
        [REKEY_ANSWER]  = {REKEY_JOIN,   REKEY_SWITCHED},
        [REKEY_SAME]    = {REKEY_REFUSE, REKEY_WAITING},
        [REKEY_OTHER]   = {REKEY_WARN,   REKEY_WAITING},
        [REKEY_OLD]     = {REKEY_IGNORE, REKEY_WAITING},
        [REKEY_NEXT]    = {REKEY_REFUSE, REKEY_WAITING},
        [REKEY_WRONG]   = {REKEY_REFUSE, REKEY_WAITING},
        [REKEY_ACKED]   = {REKEY_IGNORE, REKEY_WAITING},
        [REKEY_HEARD]   = {REKEY_IGNORE, REKEY_WAITING},
        [REKEY_DRAINED] = {REKEY_IGNORE, REKEY_WAITING},
        [REKEY_NOTED]   = {REKEY_IGNORE, REKEY_WAITING},
        [REKEY_OVERDUE] = {REKEY_IGNORE, REKEY_WAITING},
    },
    [REKEY_ANSWERED] = {
        [REKEY_START]   = {REKEY_IGNORE, REKEY_ANSWERED},
        [REKEY_OFFER]   = {REKEY_REFUSE, REKEY_ANSWERED},
        [REKEY_ANSWER]  = {REKEY_SWITCH, REKEY_SWITCHED},
        [REKEY_SAME]    = {REKEY_REPEAT, REKEY_ANSWERED},
        [REKEY_OTHER]   = {REKEY_WARN,   REKEY_ANSWERED},
        [REKEY_OLD]     = {REKEY_IGNORE, REKEY_ANSWERED},
        [REKEY_NEXT]    = {REKEY_REFUSE, REKEY_ANSWERED},
        [REKEY_WRONG]   = {REKEY_REFUSE, REKEY_ANSWERED},
        [REKEY_ACKED]   = {REKEY_SWITCH, REKEY_SWITCHED},
        [REKEY_HEARD]   = {REKEY_SWITCH, REKEY_SWITCHED},
        [REKEY_DRAINED] = {REKEY_IGNORE, REKEY_ANSWERED},
        [REKEY_NOTED]   = {REKEY_IGNORE, REKEY_ANSWERED},
        [REKEY_OVERDUE] = {REKEY_IGNORE, REKEY_ANSWERED},
    },
    [REKEY_SWITCHED] = {
        [REKEY_START]   = {REKEY_IGNORE, REKEY_SWITCHED},
        [REKEY_OFFER]   = {REKEY_REFUSE, REKEY_SWITCHED},
        [REKEY_ANSWER]  = {REKEY_REFUSE, REKEY_SWITCHED},
        [REKEY_SAME]    = {REKEY_REPEAT, REKEY_SWITCHED},
        [REKEY_OTHER]   = {REKEY_WARN,   REKEY_SWITCHED},
        [REKEY_OLD]     = {REKEY_IGNORE, REKEY_SWITCHED},
        [REKEY_NEXT]    = {REKEY_RENEW,  REKEY_ANSWERED},
        [REKEY_WRONG]   = {REKEY_REFUSE, REKEY_SWITCHED},
        [REKEY_ACKED]   = {REKEY_IGNORE, REKEY_SWITCHED},
        [REKEY_HEARD]   = {REKEY_IGNORE, REKEY_SWITCHED},
        [REKEY_DRAINED] = {REKEY_DROP,   REKEY_CLEARED},
        [REKEY_NOTED]   = {REKEY_MARK,   REKEY_TOLD},
        [REKEY_OVERDUE] = {REKEY_FORGET, REKEY_STEADY},
    },
    [REKEY_TOLD] = {
        [REKEY_START]   = {REKEY_IGNORE, REKEY_TOLD},
        [REKEY_OFFER]   = {REKEY_REFUSE, REKEY_TOLD},
        [REKEY_ANSWER]  = {REKEY_REFUSE, REKEY_TOLD},
        [REKEY_SAME]    = {REKEY_REPEAT, REKEY_TOLD},
        [REKEY_OTHER]   = {REKEY_WARN,   REKEY_TOLD},
        [REKEY_OLD]     = {REKEY_IGNORE, REKEY_TOLD},
        [REKEY_NEXT]    = {REKEY_RENEW,  REKEY_ANSWERED},
        [REKEY_WRONG]   = {REKEY_REFUSE, REKEY_TOLD},
        [REKEY_ACKED]   = {REKEY_IGNORE, REKEY_TOLD},
        [REKEY_HEARD]   = {REKEY_IGNORE, REKEY_TOLD},
        [REKEY_DRAINED] = {REKEY_DROP,   REKEY_STEADY},
        [REKEY_NOTED]   = {REKEY_IGNORE, REKEY_TOLD},
        [REKEY_OVERDUE] = {REKEY_FORGET, REKEY_STEADY},
    },
    [REKEY_CLEARED] = {
        [REKEY_START]   = {REKEY_IGNORE, REKEY_CLEARED},
        [REKEY_OFFER]   = {REKEY_REFUSE, REKEY_CLEARED},
        [REKEY_ANSWER]  = {REKEY_REFUSE, REKEY_CLEARED},
        [REKEY_SAME]    = {REKEY_REFUSE, REKEY_CLEARED},
        [REKEY_OTHER]   = {REKEY_WARN,   REKEY_CLEARED},
        [REKEY_OLD]     = {REKEY_IGNORE, REKEY_CLEARED},
        [REKEY_NEXT]    = {REKEY_RENEW,  REKEY_ANSWERED},
        [REKEY_WRONG]   = {REKEY_REFUSE, REKEY_CLEARED},
        [REKEY_ACKED]   = {REKEY_IGNORE, REKEY_CLEARED},
        [REKEY_HEARD]   = {REKEY_IGNORE, REKEY_CLEARED},
        [REKEY_DRAINED] = {REKEY_IGNORE, REKEY_CLEARED},
        [REKEY_NOTED]   = {REKEY_MARK,   REKEY_STEADY},
        [REKEY_OVERDUE] = {REKEY_FORGET, REKEY_STEADY},
    },
};
/* clang-format on */

struct rekey_step rekey_step(enum rekey_state state, enum rekey_event event)
{
	return table[state][event];
}

enum rekey_state rekey_state(const struct rekeying *k)
{
	if (k->old)
		return k->owing ? REKEY_SWITCHED : REKEY_TOLD;
	if (k->owing)
		return REKEY_CLEARED;
	if (!k->has_own)
		return REKEY_STEADY;
	if (k->has_peer)
		return REKEY_ANSWERED;
	return k->acked ? REKEY_WAITING : REKEY_OFFERED;
}

static bool same(const uint8_t *a, const uint8_t *b, size_t n)
{
	return memcmp(a, b, n) == 0;
}

/* Public values all, which whoever sent them knows: nothing is learnt from the time. */
enum rekey_event rekey_offered(const struct rekeying *k, const struct rekey_offer *o)
{
	bool known = k->has_peer && same(o->key, k->peer, sizeof(k->peer));
	bool ours = o->re != NULL && k->has_own && same(o->re, k->id, MESSAGE_ID);

	if (o->epoch < k->epoch || (o->epoch == k->epoch && !k->old))
		return REKEY_OLD;
	if (k->has_own && same(o->key, k->own, sizeof(k->own)))
		return REKEY_WRONG;
	if (k->old || k->owing) {
		if (o->epoch == k->epoch)
			return known ? REKEY_SAME : REKEY_OTHER;
		if (o->epoch > k->epoch + 1 || o->under != k->epoch)
			return REKEY_WRONG;
		return o->re == NULL ? REKEY_NEXT : REKEY_OTHER;
	}
	if (o->epoch != k->epoch + 1 || o->under != k->epoch)
		return REKEY_WRONG;
	if (k->has_peer && !known)
		return REKEY_OTHER;
	if (ours)
		return REKEY_ANSWER;
	if (k->has_peer)
		return REKEY_SAME;
	return o->re == NULL ? REKEY_OFFER : REKEY_OTHER;
}

enum rekey_event rekey_drained(const struct rekeying *k, int64_t epoch, int64_t under)
{
	if (epoch >= under || epoch >= k->epoch)
		return REKEY_WRONG;
	return epoch == k->epoch - 1 ? REKEY_DRAINED : REKEY_OLD;
}

static void forget_halves(struct rekeying *k)
{
	k->has_own = k->has_peer = k->acked = false;
	secret_wipe(k->secret, sizeof(k->secret));
	memset(k->own, 0, sizeof(k->own));
	memset(k->peer, 0, sizeof(k->peer));
}

static void make(struct rekeying *k, const uint8_t *random, int64_t now)
{
	forget_halves(k);
	memcpy(k->secret, random, sizeof(k->secret));
	kdf_rekey_public(k->own, k->secret);
	memcpy(k->id, random + 32, MESSAGE_ID);
	k->has_own = true;
	k->made = now;
}

static void store(struct rekeying *k, const struct rekey_offer *o)
{
	memcpy(k->peer, o->key, sizeof(k->peer));
	memcpy(k->answers, o->id, MESSAGE_ID);
	k->has_peer = true;
}

static void begin(struct rekeying *k, const uint8_t *random, int64_t now)
{
	k->acked = true;
	k->epoch++;
	k->since = now;
	k->old = k->owing = true;
	k->warned = false;
	memcpy(k->drained, random + 32 + MESSAGE_ID, MESSAGE_ID);
}

static void drop(struct rekeying *k)
{
	k->old = k->warned = false;
	forget_halves(k);
}

struct rekey_step rekey_apply(struct rekeying *k, enum rekey_event event,
    const struct rekey_offer *o, const uint8_t random[static REKEY_RANDOM], int64_t now)
{
	struct rekey_step m = rekey_step(rekey_state(k), event);

	switch (m.action) {
	case REKEY_IGNORE:
	case REKEY_REFUSE:
	case REKEY_REPEAT:
		break;
	case REKEY_WARN:
		k->warned = true;
		break;
	case REKEY_MAKE:
		make(k, random, now);
		break;
	case REKEY_NOTE:
		k->acked = true;
		break;
	case REKEY_RENEW:
		drop(k);
		k->owing = false;
		make(k, random, now);
		store(k, o);
		break;
	case REKEY_REPLY:
		make(k, random, now);
		store(k, o);
		break;
	case REKEY_STORE:
		store(k, o);
		break;
	case REKEY_JOIN:
		store(k, o);
		begin(k, random, now);
		break;
	case REKEY_SWITCH:
		begin(k, random, now);
		break;
	case REKEY_DROP:
		drop(k);
		break;
	case REKEY_MARK:
		k->owing = false;
		break;
	case REKEY_FORGET:
		drop(k);
		k->owing = false;
		break;
	}
	return m;
}

int rekey_derive(struct rekeying *k, uint8_t out[static KEY_LEN], int64_t epoch,
    const uint8_t key[static KEY_LEN], const uint8_t cid[static CONTACT_ID])
{
	int rc = kdf_rekey(out, key, cid, epoch, k->secret, k->peer);

	secret_wipe(k->secret, sizeof(k->secret));
	return rc;
}

bool rekey_owes_drained(const struct rekeying *k, bool under_way, int64_t now)
{
	return k->owing && (!under_way || now - k->since >= REKEY_DRAIN);
}
