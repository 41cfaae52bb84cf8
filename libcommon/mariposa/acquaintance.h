/*
 * acquaintance: two people who were introduced make a contact of their own, out of a temporary one
 * whose key the introducer knows (mp-protocol(7), ACQUAINTANCE).
 *
 * Both send a random number and an X25519 key; who drew the higher number makes the new id and key
 * and sends them sealed to the other's key.  All of it travels under the pair keys of the temporary
 * contact, which the introducer cannot compute.  Once the new key was sent nothing but a refusal
 * ends it: the other end may have it, so it is sent until the answer comes or anything is heard
 * under it.
 *
 * No I/O.  Plain values with secrets in them: wipe after use.
 */
#ifndef MP_MARIPOSA_ACQUAINTANCE_H
#define MP_MARIPOSA_ACQUAINTANCE_H

#include "mariposa/proposal.h"

enum acquaintance_state {
	ACQUAINTANCE_WAITING,  /* the introduction is not initiated yet */
	ACQUAINTANCE_DRAWN,    /* our number is out */
	ACQUAINTANCE_UPDATING, /* ours was the higher one: the new key is under way */
	ACQUAINTANCE_SETTLED,  /* both have the new key; nothing was heard under it yet */
	ACQUAINTANCE_STATES
};

enum acquaintance_event {
	ACQUAINTANCE_INITIATED, /* the introduction is */
	ACQUAINTANCE_LOWER,     /* the other's number is lower than ours */
	ACQUAINTANCE_HIGHER,
	ACQUAINTANCE_TIE,
	ACQUAINTANCE_AGAIN,   /* his number of this round or an earlier one once more, or one of the
	                         next round while ours of this one is not answered */
	ACQUAINTANCE_OTHER,   /* another number than the one that he sent in this round */
	ACQUAINTANCE_UPDATE,  /* the new key, from him whose number is the higher one */
	ACQUAINTANCE_BAD,     /* a new key that is not acceptable */
	ACQUAINTANCE_SAME,    /* the new key that we have, once more */
	ACQUAINTANCE_TAKEN,   /* our new key was taken */
	ACQUAINTANCE_HEARD,   /* anything under the new key */
	ACQUAINTANCE_REFUSED, /* what we sent was: the other end has no such temporary contact */
	ACQUAINTANCE_OVER,    /* the introduction was cancelled */
	ACQUAINTANCE_TIME,    /* nothing happened for too long: acquaintance_time() */
	ACQUAINTANCE_EVENTS
};

enum acquaintance_action {
	ACQUAINTANCE_NOTHING,
	ACQUAINTANCE_REFUSE, /* 400 */
	ACQUAINTANCE_DRAW,   /* a number; compared at once when the other's is here */
	ACQUAINTANCE_KEEP,   /* his number is stored */
	ACQUAINTANCE_MAKE, /* new id and key are made, stored beside the temporary ones, and owed */
	ACQUAINTANCE_SETTLE, /* the new id and key are ours: a contact; temporary key kept */
	ACQUAINTANCE_FINISH, /* a contact; the temporary key is forgotten */
	ACQUAINTANCE_PART,   /* the temporary contact is forgotten */
};

struct acquaintance_step {
	enum acquaintance_action action;
	enum acquaintance_state next; /* after FINISH and PART none: it is gone */
};

struct acquaintance_step acquaintance_step(
    enum acquaintance_state state, enum acquaintance_event event);

#define ROUNDS 8 /* ties, after which somebody does not draw at random */

struct acquaintance {
	enum acquaintance_state state;
	uint8_t onion[32];           /* the other's */
	int64_t consent;             /* the introduction's flow */
	int64_t round;               /* ours */
	uint8_t number[32];          /* 0 before DRAWN */
	uint8_t secret[32], key[32]; /* X25519; the secret until the new key is here or made */
	bool acked;                  /* our number was taken */
	bool has_peer; /* his number of our round is here, or of round 0 before DRAWN */
	uint8_t peer_number[32], peer_key[32];
	uint8_t id[32], pair[32]; /* the new ones, in UPDATING and SETTLED */
	uint8_t sealed[PLAN_SEALED];
	int64_t touched;
};

void acquaintance_new(
    struct acquaintance *a, const uint8_t onion[static 32], int64_t consent, int64_t now);

/* An acknowledgement, update, or any other event; what is not refused is stored in a. */
enum acquaintance_action acquaintance_number(
    struct acquaintance *a, const struct wire_plan *f, int64_t now);
enum acquaintance_action acquaintance_update(
    struct acquaintance *a, const struct wire_plan *f, int64_t now);
enum acquaintance_action acquaintance_happened(
    struct acquaintance *a, enum acquaintance_event event, int64_t now);
/* Our number was taken: no event of the table, for only what is owed changes. */
void acquaintance_acked(struct acquaintance *a, int64_t round);
int64_t acquaintance_time(const struct acquaintance *a); /* INT64_MAX never */

int acquaintance_owes(const struct acquaintance *a, plan_owes *fn, void *ctx);
void acquaintance_fill(const struct acquaintance *a, enum wire_type type, struct wire *w);

#endif
