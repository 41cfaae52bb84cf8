/*
 * rekey: two contacts agree on a new key (mp-protocol(7), REKEY).
 *
 * No I/O: (state, event) gives (action, next state) from one table, which also stands in
 * mp-protocol(7).  struct rekeying is one end; its state follows from its fields.  Randomness and
 * time are arguments.
 *
 * Invariants: a secret, once its public half may have been sent, is kept until the key that comes
 * of it was derived, so that one epoch never has two keys of ours; nothing is sealed under an epoch
 * before the other end can open it; an epoch can be opened from the moment on when the other end
 * may seal under it.
 */
#ifndef MP_MARIPOSA_REKEY_H
#define MP_MARIPOSA_REKEY_H

#include "base/clock.h"
#include "wire/wire.h"

#define REKEY_DRAIN                                                                             \
	(30 * MP_DAY)            /* after the switch we say that we have drained, come what may \
	                          */
#define REKEY_LATE (37 * MP_DAY) /* after the switch the old key goes, come what may */

enum rekey_state {
	REKEY_STEADY,   /* one key */
	REKEY_OFFERED,  /* our half is made, not acknowledged */
	REKEY_WAITING,  /* it is; the other half is missing */
	REKEY_ANSWERED, /* both halves are here, ours is not acknowledged: opens both, seals the old
	                 */
	REKEY_SWITCHED, /* seals the new, opens both */
	REKEY_TOLD,     /* the same, and the other end knows that nothing old comes from us */
	REKEY_CLEARED,  /* the old key is gone; the other end does not know that yet */
	REKEY_STATES
};

enum rekey_event {
	REKEY_START,  /* a person, the age or the count wants it */
	REKEY_OFFER,  /* the other's half for the next epoch */
	REKEY_ANSWER, /* the same, made or sent knowing ours */
	REKEY_SAME,   /* the half that is here already */
	REKEY_OTHER,  /* another half for an epoch that has one, or the answer to a half that is not
	                 ours */
	REKEY_OLD,    /* of an epoch that is over */
	REKEY_NEXT,  /* a half for the epoch after the one just begun: the other end is done with it
	              */
	REKEY_WRONG, /* of an epoch whose turn it is not, or sealed under the wrong one */
	REKEY_ACKED, /* our half was answered 204 or 200 */
	REKEY_HEARD, /* anything authentic under the new key */
	REKEY_DRAINED, /* nothing under the old key comes any more */
	REKEY_NOTED,   /* our own word of that was answered 204 or 200 */
	REKEY_OVERDUE, /* 37 days after the switch */
	REKEY_EVENTS
};

enum rekey_action {
	REKEY_IGNORE, /* taken, no effect */
	REKEY_REFUSE, /* like everything that is not for us */
	REKEY_WARN,   /* the same, and a person is told: once until the switch, once after it */
	REKEY_MAKE,   /* make our half, which is owed until it is acknowledged */
	REKEY_NOTE,   /* it was */
	REKEY_REPLY,  /* make our half, store the other: the new key can be opened; answer with ours
	               */
	REKEY_STORE,  /* the same, ours is made already */
	REKEY_REPEAT, /* answer with ours, no effect */
	REKEY_SWITCH, /* seal under the new key; what is sealed under the old one drains */
	REKEY_JOIN,   /* store the other half and switch */
	REKEY_RENEW,  /* the old key goes, then as REPLY */
	REKEY_DROP,   /* the old key goes */
	REKEY_MARK,   /* our word has arrived */
	REKEY_FORGET, /* the old key goes, nothing is owed any more */
};

struct rekey_step {
	enum rekey_action action;
	enum rekey_state next;
};

struct rekey_step rekey_step(enum rekey_state state, enum rekey_event event);

struct rekeying {
	int64_t epoch; /* that we seal under */
	int64_t since; /* when we began to */

	/* The next epoch; the public halves stay until the old key goes. */
	bool has_own, acked, has_peer;
	uint8_t own[32], peer[32];
	uint8_t secret[32];          /* of own; zero once the key is derived */
	uint8_t id[MESSAGE_ID];      /* of the message that carries own */
	uint8_t answers[MESSAGE_ID]; /* of the message that brought peer */
	int64_t made;                /* when own was */

	/* The last epoch. */
	bool old;                    /* its receiving key is kept */
	bool owing;                  /* our rekey-drained is not acknowledged */
	uint8_t drained[MESSAGE_ID]; /* id of it */
	bool warned;
};

/* The other's half, as it came. */
struct rekey_offer {
	int64_t epoch, under;    /* under: the epoch that it was sealed in */
	const uint8_t *key, *id; /* 32, MESSAGE_ID */
	const uint8_t *re;       /* MESSAGE_ID: that it answers; NULL none */
};

enum rekey_state rekey_state(const struct rekeying *k);

/* Which event they are. epoch of a rekey-drained: the one that has drained. */
enum rekey_event rekey_offered(const struct rekeying *k, const struct rekey_offer *o);
enum rekey_event rekey_drained(const struct rekeying *k, int64_t epoch, int64_t under);

/*
 * The step, done to k.  o: with an event of rekey_offered(), else NULL.  random: a new secret and
 * two message ids, of which a step uses what it needs.  What else the action asks for is the
 * caller's: after REPLY, STORE, JOIN and RENEW he calls rekey_derive() before anything else.
 */
#define REKEY_RANDOM (32 + 2 * MESSAGE_ID)
struct rekey_step rekey_apply(struct rekeying *k, enum rekey_event event,
    const struct rekey_offer *o, const uint8_t random[static REKEY_RANDOM], int64_t now);

/*
 * The key of epoch `epoch` out of the one before it and both halves; the secret is wiped.  MP_EBAD
 * when the other half is no usable point: then k must not be kept.
 */
int rekey_derive(struct rekeying *k, uint8_t out[static KEY_LEN], int64_t epoch,
    const uint8_t key[static KEY_LEN], const uint8_t cid[static CONTACT_ID]);

/* Is our rekey-drained to be sent?  under_way: something that was sealed under the old key is. */
bool rekey_owes_drained(const struct rekeying *k, bool under_way, int64_t now);

#endif
