/*
 * plan: what introductions, groups and additions have in common, at both ends: a request, answers,
 * status requests and their answers (mp-protocol(7), PROPOSALS).
 *
 * What a final state means is the plan's own: introduction.h and group.h.
 */
#ifndef MP_MARIPOSA_PLAN_H
#define MP_MARIPOSA_PLAN_H

#include "mariposa/party.h"

#define PLANS_MAX 64 /* flows of one contact, ended ones that are remembered among them */

/* What each plan does when. The flow was changed and is saved behind it. */
struct plan_hooks {
	/* A new request: *reply says what to answer if it is not taken; decline: ANSWER_BUSY. */
	int (*asked)(struct party *p, struct flow *f, const struct known *from, enum reply *reply,
	    bool *busy);
	/* Can our person accept? MP_EUSAGE with a detail when something is missing. */
	int (*may)(struct party *p, const struct flow *f);
	int (*go)(struct party *p, struct flow *f, const struct wire_plan *status);
	int (*gone)(struct party *p, struct flow *f);
	int (*leave)(struct party *p, struct flow *f);
	/* The initiator's. by: index of who ended it, -1 ourselves or time. */
	int (*carried)(struct party *p, struct flow *f);
	int (*dropped)(struct party *p, struct flow *f, int by);
};

bool plan_takes(enum wire_type t);
int plan_take(struct party *p, const struct known *from, const struct wire *w, struct outcome *out);

/* What we sent of a proposal or consent was taken, or refused for good. */
int plan_sent(struct party *p, struct flow *f, const struct sent *s, bool taken);
/* flow_time() of a proposal or consent is over. */
int plan_time(struct party *p, struct flow *f);
/* What our person decided beforehand, about a consent or petition that waits. */
int plan_policy(struct party *p, struct flow *f);

/*
 * Our person's words about a consent or petition (accept, decline), or about anything that is not
 * final (cancel).  MP_EUSAGE: too late, or somebody is missing.
 */
int plan_decide(struct party *p, struct flow *f, bool accept);
int plan_cancel(struct party *p, struct flow *f);

/* {"KEY":ID, "people":[{onion, nickname, contact}] ...} for our person. */
json_t *plan_about(struct party *p, const struct flow *f);
/* Appends {onion, nickname, contact}. */
void plan_add_person(struct party *p, json_t *list, const struct person *who);
const char *plan_key(enum plan plan); /* introduction, group, addition */

/* For introduction.c and group.c. */
extern const struct plan_hooks introduction_hooks, group_hooks, addition_hooks;

/* What an action of the initiator's table asks for beside the new state; then saves f. by: as
 * dropped(). */
int plan_perform(struct party *p, struct flow *f, enum proposal_action a, int by);
/* The same for the other end. */
int plan_undergo(
    struct party *p, struct flow *f, enum consent_action a, const struct wire_plan *status);

/* f of a consent or proposal that a message of from is about. MP_ENONE. */
int plan_find(struct party *p, struct flow *f, enum flow_kind kind, int64_t contact, enum plan plan,
    const uint8_t *id);
/* The answer to a status request. */
void plan_answer(struct outcome *out, const struct flow *f);

#endif
