/*
 * proposal: an introduction, group or addition that we initiated (mp-protocol(7), PROPOSALS).
 *
 * All who are concerned are asked; one who declines ends it for everybody; when all accepted it is
 * carried, an introduction once each has taken its list of contacts.  Final states are told to
 * everybody, by answers to status requests and unasked.  Never from one final state to the other.
 *
 * No I/O: the table gives (state, event) -> (action, next state); proposal_owes() gives what has to
 * be sent in a state, so that whatever got lost is sent again.  Plain values, nothing to free; the
 * secret, and with it the temporary contacts' keys, goes with the final state.
 */
#ifndef MP_MARIPOSA_PROPOSAL_H
#define MP_MARIPOSA_PROPOSAL_H

#include "mariposa/people.h"

enum proposal_state {
	PROPOSAL_PETITIONED, /* somebody asked for this introduction; our person decides */
	PROPOSAL_OPEN,       /* not all have answered */
	PROPOSAL_LISTING,    /* all accepted an introduction; their lists are under way */
	PROPOSAL_CARRIED,    /* final: initiated, or for groups and additions accepted */
	PROPOSAL_CANCELLED,  /* final */
	PROPOSAL_TURNED,     /* final: the petition was declined */
	PROPOSAL_STATES
};

enum proposal_event {
	PROPOSAL_ACCEPT,     /* our person, about a petition */
	PROPOSAL_DECLINE,    /* the same */
	PROPOSAL_YES,        /* somebody accepts, others have not answered */
	PROPOSAL_AGREED,     /* the last one accepts an introduction */
	PROPOSAL_DECIDED,    /* the last one accepts a group or an addition */
	PROPOSAL_NO,         /* somebody declines, refuses a request or a list, or is no contact */
	PROPOSAL_BUSY,       /* somebody has another addition at hand */
	PROPOSAL_LISTED,     /* somebody has his list, others have not */
	PROPOSAL_ALL_LISTED, /* the last one has */
	PROPOSAL_CANCEL,     /* our person */
	PROPOSAL_SEEN,       /* somebody has seen the final state */
	PROPOSAL_TIME,       /* nothing happened for too long: proposal_time() */
	PROPOSAL_EVENTS
};

enum proposal_action {
	PROPOSAL_NOTHING,
	PROPOSAL_REFUSE, /* to a person: too late; a peer is told the state */
	PROPOSAL_NOTE,   /* what it says is stored */
	PROPOSAL_ASK,    /* requests are owed */
	PROPOSAL_LIST,   /* lists of contacts are owed */
	PROPOSAL_CARRY,  /* final, everybody is told */
	PROPOSAL_DROP,   /* the same: cancelled */
	PROPOSAL_RETRY,  /* cancelled, and made again later as a new one */
	PROPOSAL_TURN,   /* a declination is owed */
	PROPOSAL_FORGET, /* nothing of it is kept */
};

struct proposal_step {
	enum proposal_action action;
	enum proposal_state next;
};

struct proposal_step proposal_step(enum proposal_state state, enum proposal_event event);

struct asked {
	struct person who;
	bool prospective; /* to be added; else a participant */
	bool asked;       /* has the request */
	bool answered;    /* accepted */
	bool listed;      /* has the list */
	bool saw;         /* the final state */
	bool left;        /* of an addition: left the group meanwhile */
};

struct proposal {
	enum plan plan;
	enum proposal_state state;
	uint8_t id[32];
	uint8_t group[32]; /* of an addition, and of a petition's group */
	uint8_t base[32];  /* of an addition: the hash of the membership that it builds on */
	char name[NICKNAME];
	uint8_t secret[32];
	size_t n; /* of a group or addition with ourselves, who have answered and seen */
	struct asked m[PEOPLE_MAX];
	int petitioner; /* index in m, -1 none */
	int64_t tries;  /* of an addition: how often it was made again */
	int64_t again;  /* when it is made again, 0 never */
	int64_t created, touched;
};

#define PLAN_LIFE (30 * MP_DAY)   /* without progress, then it ends */
#define PLAN_MEMORY (37 * MP_DAY) /* of an end, so that late questions are answered */

/* A new one with random id and secret; the caller fills m. */
void proposal_new(struct proposal *p, enum plan plan, int64_t now);
/* -1 when not asked. */
int proposal_find(const struct proposal *p, const uint8_t onion[static 32]);

/* Applies what happened with m[who] (or -1: nobody in particular) to state, flags and touched. */
enum proposal_action proposal_happened(
    struct proposal *p, enum proposal_event event, int who, int64_t now);
/* The event that an answer, or a list that was taken, is. */
enum proposal_event proposal_answer(const struct proposal *p, int who, enum plan_answer answer);
enum proposal_event proposal_list_taken(const struct proposal *p, int who);
/* When time alone changes it. */
int64_t proposal_time(const struct proposal *p);

/* What is asked is told. */
enum plan_status proposal_status(const struct proposal *p);

/*
 * What is owed: type, to m[who], from now on.  fn returns non-zero to stop, which is handed back.
 */
typedef int plan_owes(void *ctx, enum wire_type type, int who, int64_t serial, int64_t at);
int proposal_owes(const struct proposal *p, plan_owes *fn, void *ctx);
/* The fields of an owed message; borrows p. */
void proposal_fill(const struct proposal *p, enum wire_type type, int who, struct wire *w);

/* The temporary contact of two people: the same for both, known to us too. */
void proposal_key(const struct proposal *p, const uint8_t a[static 32], const uint8_t b[static 32],
    uint8_t id[static 32], uint8_t key[static 32]);

#endif
