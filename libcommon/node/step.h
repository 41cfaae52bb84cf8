/*
 * step: what one authentic message does; internal to node, between receiver.c (which opens it and
 * owns the transaction) and the files that know one type each.
 *
 * prepare runs before the transaction (slow work: key agreement, the disk), apply inside it, settle
 * after it with what became of it.  A verdict is out->status with return value 0; a negative return
 * value is MP_E*, rolls back and becomes RECEIVED_LATER.
 */
#ifndef MP_NODE_STEP_H
#define MP_NODE_STEP_H

#include "mariposa/file.h"
#include "node/receiver.h"
#include "store/message.h"
#include "store/transfer.h"

#define STEP_LATER 30   /* s: busy store, full disk */
#define STEP_QUOTA 3600 /* s: a person must read or a file must end first */
#define STEP_TOO_MUCH "too much of this contact waits already"

struct step {
	struct store *store;
	const struct config *cfg;
	const struct wire *w;
	enum receive_via via;
	int64_t now;
	struct contact contact;  /* as it stands inside the transaction */
	struct contact_key *key; /* that opened it */
	struct received *out;    /* status 0: no verdict yet */
	bool fresh;              /* not a repetition: the contact was heard of just now */
	bool queue;              /* the outbox changed */
	bool undo;               /* refused when a part was done: that is undone */

	/* a rekey: its new pair of keys needs the seed */
	struct identity *self;
	/* greeting */
	uint8_t *pair; /* send, recv: arena */
	/* a file's chunk */
	struct transfer transfer; /* as it stood before the transaction, then as it stands in it */
	bool pruned;              /* all that is left of it is how it ended */
	bool on_disk;             /* event is what writing the chunk came to */
	int spool;                /* locked, or -1 */
	enum incoming_event event;
};

/*
 * The contact is there, says a message of which nothing is kept, so that a repetition looks the
 * same: for a day by its own time.  Whoever holds it later has nothing.
 */
void step_heard(struct step *s);

/* The verdicts. Return 0. */
int step_refuse(struct step *s);
int step_take(struct step *s);
/* why: for a person who brings it by hand; static. */
int step_later(struct step *s, enum received_status status, const char *why);

/* Is there room on the disk for what comes in, beside the reserve?  0, or a verdict was given. */
int step_room(struct step *s);

/* An event {"KEY":...} for a person, with an id of its own; takes over body. */
int step_event(struct step *s, const char *kind, json_t *body);

int greeting_prepare(struct step *s);
int greeting_apply(struct step *s);
void greeting_settle(struct step *s);

int incoming_prepare(struct step *s);
int incoming_apply(struct step *s);
void incoming_settle(struct step *s, bool committed);

int outgoing_apply(struct step *s); /* a file-status about a file of ours */

#endif
