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

#define CHAT_PAST 8             /* hashes of earlier memberships that are remembered */
#define CHAT_PLACES (2 * PEOPLE_MAX) /* members, and those who left lately */
#define CHAT_WINDOW 1024        /* entries that are kept a member */

enum chat_state {
	CHAT_ACTIVE,
	CHAT_LEFT, /* by us: the others are told */
};

struct chat_member {
	struct person who;
	bool gone;       /* left; then */
	int64_t end;     /* its last counter */
	int64_t gone_at; /* and when we were told */
	bool based;      /* n and h say where its chain stands; else the next message does */
	int64_t n;       /* the highest counter of its messages that we have */
	uint8_t h[32];
	int64_t first, last; /* what is missing below n: 0 nothing */
	int64_t ask_at;      /* when it is asked for */
	int64_t asked;       /* how often it was */
	int64_t claimed;     /* the highest counter that others have seen */
	bool split;          /* told to our person */
	bool told;           /* knows that we left */
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
	int64_t created, touched;
};

#endif
