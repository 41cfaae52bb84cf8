/*
 * room: one person in a room: who is there, and the sessions that follow each other
 * (mp-otr-protocol(7), ROOM).
 *
 * At most one session is current (messages go there), one is being agreed, and older ones are being
 * closed. Whoever comes or goes makes everybody draw new keys and agree a new session; the current
 * one stays open until the new one is.  No I/O; the time comes in, lines and notes go out by the
 * config's sink.  What a function returns is about this machine only.  room_free() wipes the keys.
 */
#ifndef MP_OTR_ROOM_H
#define MP_OTR_ROOM_H

#include "otr/session.h"

#define ROOM_OLD 8     /* sessions being closed */
#define ROOM_EARLY 256 /* keys of sessions that we do not know yet */
#define ROOM_TRIES 3   /* failures in a row, then it is over */
#define ROOM_DROPS 16  /* attempts given up for a newcomer before newcomers have to wait */
#define ROOM_STRIKES 64
#define ROOM_SPENT 256

/* A long-term key that was there and silent. */
struct room_strike {
	uint8_t key[P256_PUBLIC];
	unsigned count;
	int64_t until; /* hellos with it are passed over */
};

struct otr_room {
	const struct otr_config *cfg;
	struct otr_member own;              /* our hello, as the others know it */
	struct otr_line hello;              /* the same, to be sent again */
	uint8_t *ephemeral;                 /* its secret */
	struct otr_roster set;              /* who would be in the next session */
	struct otr_roster later;            /* who came when `next` was all but open */
	struct otr_session *current, *next; /* next: not open yet */
	struct otr_session *old[ROOM_OLD];
	bool gathering;
	int64_t settle_at, resend_at; /* INT64_MAX: no */
	int64_t quiet_until; /* newcomers do not disturb the current session so soon again */
	unsigned failures, drops;
	bool leaving, over;
	struct room_strike strikes[ROOM_STRIKES];
	uint8_t spent[ROOM_SPENT][OTR_ID]; /* hellos that are history */
	size_t nspent;
	struct otr_line *early[ROOM_EARLY];
	size_t nearly;
};

int room_new(struct otr_room **out, const struct otr_config *cfg, int64_t now);
void room_free(struct otr_room *r);

/* A line of the transport.  MP_EBAD: it is none of this protocol, with a detail. */
int room_line(struct otr_room *r, const char *text, size_t len, int64_t now);

/* MP_EBUSY while there is no open session. */
int room_say(struct otr_room *r, const uint8_t *payload, size_t len, int64_t now);

/* Says farewell: no new session from now on; over when the last one is closed. */
int room_leave(struct otr_room *r, int64_t now);

int room_tick(struct otr_room *r, int64_t now);
int64_t room_wake(const struct otr_room *r);

/* Nothing will come any more: after room_leave(), or after ROOM_TRIES failures. */
bool room_over(const struct otr_room *r);
/* No session is open or being agreed: those that were have been closed. */
bool room_idle(const struct otr_room *r);

/* The parts of it. */
int room_send_hello(struct otr_room *r);
int room_gather(struct otr_room *r, bool keep, int64_t now);
int room_hello(struct otr_room *r, const struct otr_line *l, int64_t now);
bool room_refuses(const struct otr_room *r, const struct otr_member *m, int64_t now);
void room_spend(struct otr_room *r, const uint8_t id[static OTR_ID]);
void room_strike(struct otr_room *r, const struct otr_session *s, uint64_t who, int64_t now);

#endif
