/*
 * receiver: the one way in.  Every envelope, whoever brought it, passes receiver_take():
 * trial decryption, replay check, the state machine's step, inbox, what became due and the sealed
 * reply, in one transaction that is on disk before the answer is given.
 *
 * What a stranger can learn from the answer: nothing.  Miss, bad tag, wrong id, malformed, blocked,
 * unknown type, a used card: RECEIVED_REFUSED, the same bytes, after every key was tried.
 * One receiver belongs to one thread.
 */
#ifndef MP_NODE_RECEIVER_H
#define MP_NODE_RECEIVER_H

#include "base/config.h"
#include "base/record.h"
#include "store/contact.h"
#include "wire/wire.h"

/* Who brought it, which decides whether a reply can go back with the answer. */
enum receive_via {
	VIA_REQUEST, /* an HTTP request: the reply is its answer */
	VIA_ANSWER,  /* the answer to our own request: no reply possible */
	VIA_HAND,    /* mp-take, a relay: the reply becomes owed (mp-due) */
};

enum received_status {
	RECEIVED_TAKEN = 204,
	RECEIVED_REPLY = 200,
	RECEIVED_REFUSED = 400,
	RECEIVED_QUOTA = 429, /* authentic, but this contact's quota is full: retry later */
	RECEIVED_LATER = 503, /* store busy, disk full */
};

struct received {
	enum received_status status;
	int64_t retry_after; /* s, with QUOTA and LATER */
	const char *why;     /* the same, unless an MP_E* says it: for who brought it by hand */
	struct buf reply;    /* sealed, with REPLY; the caller frees it */
	int64_t contact;     /* row, 0 when refused */
	bool repeated;       /* taken before: no second effect */
	enum wire_type type;
	uint8_t id[MESSAGE_ID];
};

struct receiver;

/* Borrows s and cfg.  Loads the keyring on first use and again when it changed. */
int receiver_new(struct receiver **out, struct store *s, const struct config *cfg);
void receiver_free(struct receiver *r);

/* Always sets *out; the return value is 0, or the MP_E* behind RECEIVED_LATER (for -v and logs). */
int receiver_take(struct receiver *r, const uint8_t *envelope, size_t len, enum receive_via via,
    struct received *out);

/*
 * What came as the answer to our own request (VIA_ANSWER): only the contact that was asked can have
 * sealed it; another's, kept and handed in by the one who answers, is refused.
 */
int receiver_answer(
    struct receiver *r, int64_t contact, const uint8_t *envelope, size_t len, struct received *out);

/*
 * The same opening without any effect, for mp-open: who sealed it and what it says, as a record of
 * class `in`. MP_EBAD with the one detail when nothing fits.
 */
int receiver_open(struct receiver *r, const uint8_t *envelope, size_t len, struct record *rec);

#endif
