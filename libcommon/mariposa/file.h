/*
 * file: the state machine of an incoming file (mp-protocol(7), FILES).
 *
 * No I/O: (state, event) gives (action, next state) from one table, which also stands in
 * mp-protocol(7).  What an answer says follows from the state alone (file_reply), so that whatever
 * gets lost, the next message of the sender learns where things stand.
 */
#ifndef MP_MARIPOSA_FILE_H
#define MP_MARIPOSA_FILE_H

#include "wire/wire.h"

enum incoming {
	INCOMING_OFFERED,  /* a person decides */
	INCOMING_ACCEPTED, /* chunk `next` is wanted */
	INCOMING_DECLINED,
	INCOMING_COMPLETE,
	INCOMING_FAILED,
	INCOMING_NONE, /* never heard of */
	INCOMING_STATES
};

enum incoming_event {
	INCOMING_OFFER_SMALL, /* new, within what is accepted unasked */
	INCOMING_OFFER_LARGE, /* new, a person must decide */
	INCOMING_OFFER_EMPTY, /* new, and the offer of an empty file is the whole of it */
	INCOMING_OFFER_AGAIN, /* an offer for a transfer that is known */
	INCOMING_EXPECTED,    /* chunk `next`, not the last */
	INCOMING_LAST,        /* chunk `next`, the last, and the hash is right */
	INCOMING_WRONG,       /* chunk `next`, the last, and the hash is wrong */
	INCOMING_REPEATED,    /* a chunk below `next` */
	INCOMING_FUTURE,      /* a chunk above `next` */
	INCOMING_LOST,        /* chunk `next`, but what came before is gone from the spool */
	INCOMING_ACCEPT,      /* the person's word */
	INCOMING_DECLINE,
	INCOMING_FULL, /* a new offer or a wanted chunk that a quota or the disk has no room for */
	INCOMING_EVENTS
};

enum incoming_action {
	INCOMING_IGNORE,  /* taken, no effect */
	INCOMING_REFUSE,  /* like everything that is not for us; for a person: too late */
	INCOMING_LATER,   /* try again later */
	INCOMING_ADD,     /* store the transfer, answer file_reply() */
	INCOMING_ASK,     /* the same, and an event for the person */
	INCOMING_ANSWER,  /* file_reply(), no effect */
	INCOMING_STORE,   /* the bytes are on disk: next + 1 */
	INCOMING_FINISH,  /* the file is in place: the inbox gets it */
	INCOMING_RESTART, /* next = 1, answer file_reply() */
	INCOMING_DROP,    /* drop the spool, an event for the person, answer file_reply() */
	INCOMING_OWE,     /* the person decided: file_reply() is owed to the sender */
	INCOMING_CANCEL,  /* the same, and drop the spool */
};

struct incoming_step {
	enum incoming_action action;
	enum incoming next;
};

struct incoming_step incoming_step(enum incoming state, enum incoming_event event);

/* Which event a chunk (not 0) is, as long as the disk and the hash have no say. */
enum incoming_event incoming_chunk(int64_t next, int64_t chunk, int64_t chunks);

/* What the sender is told in that state. next, chunks: as in the transfer. */
void file_reply(struct wire_file_status *out, const uint8_t transfer[static MESSAGE_ID],
    enum incoming state, int64_t next, int64_t chunks);

#endif
