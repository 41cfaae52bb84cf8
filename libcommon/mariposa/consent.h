/*
 * consent: an introduction, group or addition that a contact, the initiator, proposed to us
 * (mp-protocol(7), PROPOSALS).
 *
 * Our person accepts or declines; who accepted asks the initiator for the status until it is final.
 * The first final status is believed for ever.  An introduction can only be initiated once its list
 * of contacts came and was the one that was asked for.
 *
 * No I/O: table, and consent_owes() for what has to be sent in a state.  Plain values, nothing to
 * free.
 */
#ifndef MP_MARIPOSA_CONSENT_H
#define MP_MARIPOSA_CONSENT_H

#include "mariposa/proposal.h"

enum consent_state {
	CONSENT_ASKED,    /* our person decides */
	CONSENT_ACCEPTED, /* the status is asked for */
	CONSENT_LISTED,   /* and the list of contacts is here */
	CONSENT_CARRIED,  /* final: initiated, or for groups and additions accepted */
	CONSENT_CANCELLED,
	CONSENT_DECLINED, /* by us */
	CONSENT_STATES
};

enum consent_event {
	CONSENT_ACCEPT,    /* our person, or the policy */
	CONSENT_DECLINE,   /* the same: also a change of mind */
	CONSENT_LIST,      /* the list that was announced */
	CONSENT_BAD_LIST,  /* another one */
	CONSENT_PENDING,   /* a status: nothing final yet */
	CONSENT_INITIATED, /* a status: of an introduction */
	CONSENT_AGREED,    /* a status: accepted, of a group or an addition */
	CONSENT_ENDED,     /* a status: cancelled */
	CONSENT_UNKNOWN,   /* the initiator refuses our answer or question: he does not know it */
	CONSENT_TIME,      /* nothing happened for too long: consent_time() */
	CONSENT_EVENTS
};

enum consent_action {
	CONSENT_NOTHING,
	CONSENT_REFUSE, /* like everything that is not for us; for a person: too late */
	CONSENT_SAY,    /* our answer is owed */
	CONSENT_NOTE,   /* stored: the status is asked for again later */
	CONSENT_MEET,   /* temporary contacts are made from the list */
	CONSENT_GO,     /* final: acknowledgements begin, or the group is used */
	CONSENT_DROP,   /* final: cancelled; temporary contacts go */
	CONSENT_BREAK,  /* the same, and the list is refused */
	CONSENT_LEAVE,  /* we declined or gave up too late and are in the group: leave it */
	CONSENT_FORGET, /* nothing of it is kept */
};

struct consent_step {
	enum consent_action action;
	enum consent_state next;
};

struct consent_step consent_step(enum consent_state state, enum consent_event event);

enum petition_state { PETITION_NONE, PETITION_OWED, PETITION_SENT, PETITION_DECLINED };

struct consent {
	enum plan plan;
	enum consent_state state;
	uint8_t id[32];
	uint8_t group[32]; /* of an addition */
	uint8_t base[32];  /* of an addition */
	char name[NICKNAME];
	size_t n, participants; /* who[0..participants) are, the rest is to be added */
	struct person who[PEOPLE_MAX];
	bool left[PEOPLE_MAX]; /* of a group or addition: left it meanwhile */
	enum plan_answer answer;
	bool agreed;    /* our person, or the policy, once accepted it */
	bool responded; /* our answer was taken */
	bool told;      /* the initiator knows that we saw the final state */
	bool adopted;   /* an addition used without the initiator's word, because a member does */
	int64_t polls;  /* status requests answered */
	int64_t poll_at;
	int64_t heard; /* when the initiator last said anything about it */
	enum petition_state petitioning;
	uint8_t petition[PLAN_ID]; /* the introduction that we asked for */
	int64_t created, touched;
};

/* From a request; MP_EBAD when self is not among those who are asked. */
int consent_new(
    struct consent *c, const struct wire *request, const uint8_t self[static 32], int64_t now);
/* Does the request, once more, say what the first one said? */
bool consent_same(const struct consent *c, const struct wire *request);
/* Is it about the same people, each with a key, ourselves left out? */
bool consent_list_fits(
    const struct consent *c, const struct wire_plan *list, const uint8_t self[static 32]);
/* -1 when not among them. */
int consent_find(const struct consent *c, const uint8_t onion[static 32]);

/* answer: with CONSENT_DECLINE also ANSWER_BUSY. */
enum consent_action consent_decided(struct consent *c, enum plan_answer answer, int64_t now);
enum consent_action consent_happened(struct consent *c, enum consent_event event, int64_t now);
/*
 * The event that a status is; MP_EBAD when the plan has no such status.  That all accepted cannot
 * be when we never did: such a status says nothing.
 */
int consent_status(const struct consent *c, enum plan_status status, enum consent_event *event);
int64_t consent_time(const struct consent *c);

/* who is -1: the initiator. */
int consent_owes(const struct consent *c, plan_owes *fn, void *ctx);
void consent_fill(const struct consent *c, enum wire_type type, struct wire *w);

#endif
