/*
 * chat: a group that we are in: its members, and what each of them said so far
 * (mp-protocol(7), GROUPS).
 *
 * Every member counts its messages to the group and chains their hashes, and tells in each what it
 * has seen of the others.  So what is missing is noticed and asked for again, and a member that
 * says one thing to some and another to others is found out.
 *
 * No I/O; single messages are kept by the caller (struct chat_entry, by way of struct party).
 * Plain values, nothing to free.
 */
#ifndef MP_MARIPOSA_CHAT_H
#define MP_MARIPOSA_CHAT_H

#include "mariposa/proposal.h"

#define CHAT_PAST 8                  /* hashes of earlier memberships that are remembered */
#define CHAT_PLACES (2 * PEOPLE_MAX) /* members, and those who left lately */
#define CHAT_WINDOW 1024             /* entries that are kept a member */
#define CHAT_RESEND 64               /* messages that are sent again at a time */
#define CHAT_STRANGE (7 * MP_DAY)    /* of an unknown membership, then our person is told */

enum chat_state {
	CHAT_ACTIVE,
	CHAT_LEFT, /* by us: the others are told */
};

struct chat_member {
	struct person who;
	bool gone;       /* left; then */
	int64_t end;     /* its last counter */
	int64_t gone_at; /* and when we were told */
	int64_t since;   /* when it was added to a group that we were in, 0 before */
	bool based;      /* n and h say where its chain stands; else the next message does */
	int64_t n;       /* the highest counter of its messages that we have */
	uint8_t h[32];
	int64_t first, last;           /* what is missing below n: 0 nothing */
	int64_t ask_at;                /* when it is asked for */
	int64_t asked;                 /* how often it was */
	int64_t claimed;               /* the highest counter that others have seen */
	bool split;                    /* told to our person */
	bool told;                     /* knows that we left */
	int64_t owed_first, owed_last; /* what it asks us for again, 0 nothing */
};

struct chat {
	enum chat_state state;
	uint8_t id[GROUP_ID];
	int64_t n; /* our own counter */
	uint8_t h[32];
	size_t nm; /* without ourselves */
	struct chat_member m[CHAT_PLACES];
	size_t npast;
	uint8_t past[CHAT_PAST][32];
	int64_t strange_at;  /* since when a member names a membership that we do not know, 0 no */
	uint8_t strange[32]; /* its hash */
	bool told_strange;
	int64_t created, touched;
};

/* -1 when no member, nor one that left lately. */
int chat_find(const struct chat *c, const uint8_t onion[static 32]);
/* Of all who are in it, ourselves among them. */
void chat_hash(uint8_t out[static 32], const struct chat *c, const uint8_t self[static 32]);
/* Was that the hash of an earlier membership? */
bool chat_was(const struct chat *c, const uint8_t hash[static 32]);
/*
 * Is that the hash of a membership which somebody can have seen who heard of the exits and
 * additions of late in another order than we did?  at: when he named it.
 */
bool chat_explains(
    const struct chat *c, const uint8_t self[static 32], const uint8_t hash[static 32], int64_t at);
/* To be called before a change: the membership as it is becomes an earlier one. */
void chat_remember(struct chat *c, const uint8_t self[static 32]);
/* A member from now on, its place; one that left begins anew.  -1: there is no place. */
int chat_join(struct chat *c, const struct person *who, bool based);
/* How many are in it, ourselves among them. */
size_t chat_size(const struct chat *c);

int chat_owes(const struct chat *c, plan_owes *fn, void *ctx);
int64_t chat_time(const struct chat *c);

#endif
