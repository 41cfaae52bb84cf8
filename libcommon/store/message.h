/*
 * message: what was received, what was sent, and events; states in mp-store(5).
 *
 *   in, event:  new -> read | failed        (mark; a hook's verdict)
 *   out:        sealed -> queued -> sent | failed | cancelled
 */
#ifndef MP_STORE_MESSAGE_H
#define MP_STORE_MESSAGE_H

#include "base/record.h"
#include "store/lease.h"
#include "store/store.h"

enum message_dir { DIR_IN, DIR_OUT, DIR_EVENT };
enum message_state {
	MESSAGE_NEW = 0,
	MESSAGE_READ = 1,
	MESSAGE_GIVEN_UP = 2,
	MESSAGE_SEALED = 10,
	MESSAGE_QUEUED = 11,
	MESSAGE_SENT = 12,
	MESSAGE_FAILED = 13,
	MESSAGE_CANCELLED = 14,
};

/*
 * Stores rec (its kind, id, time, ref, body) as state; contact 0 for an event without one, and for
 * what we said to a group, which its ref names.
 * MP_EEXIST when (contact, dir, id) is there already, unchanged.  A new one touches run/inbox after
 * the commit.
 */
int message_add(struct store *s, int64_t contact, enum message_dir dir, enum message_state state,
    const struct record *rec, int64_t now);

/* An event with a fresh id: body is text, or one JSON object for kinds that have one.  Wakes too.
 */
int message_event(
    struct store *s, int64_t contact, const char *kind, const char *body, int64_t now);

/* Out messages: MP_ENONE when there is none such. */
int message_set_state(struct store *s, int64_t contact, enum message_dir dir,
    const uint8_t id[static 16], enum message_state state);
int message_get_state(struct store *s, int64_t contact, enum message_dir dir,
    const uint8_t id[static 16], enum message_state *state);

/* What we said to a group (contact 0 above): with its text. MP_ENONE. */
int message_get_text(struct store *s, const uint8_t id[static 16], struct record *rec);

/* What we said to a contact, with its text. MP_ENONE. */
int message_sent_text(
    struct store *s, int64_t contact, const uint8_t id[static 16], struct record *rec);

/* Has this id been taken before?  1 yes (reply appended when one is stored), 0 no, or MP_E*. */
int seen_get(struct store *s, int64_t contact, const uint8_t id[static 16], struct buf *reply);
int seen_add(
    struct store *s, int64_t contact, const uint8_t id[static 16], const void *reply, size_t len);

struct message_query {
	bool all; /* history: in, was and events in order of arrival; else only what is new */
	const char *contact; /* NULL: any; a name */
	int64_t after;       /* only seq above this */
	int64_t limit; /* 0: no limit; else the newest that many (all) or oldest that many (new) */
};
/*
 * Each message as a record (class in, was or event) in order of seq.  fn gets the seq; non-zero
 * stops and is handed back. The record is valid during the call.  No transaction is held while fn
 * runs: rows are read in batches, so that a slow reader of stdout does not keep the -wal from being
 * emptied.
 */
int message_each(struct store *s, const struct message_query *q,
    int (*fn)(void *ctx, const struct record *rec, int64_t seq), void *ctx);

/* Marks an in or event message read; MP_ENONE when no such id; again is 0. */
int message_mark(struct store *s, const uint8_t id[static 16]);
/* The same for the one that a record of class in or event tells of: a contact may choose an id that
 * another's message has. */
int message_mark_record(struct store *s, const struct record *rec);

/* Number of unread messages of a contact (for the quota), events about him included. */
int message_unread(struct store *s, int64_t contact, int64_t *n);
/* 1 when they are quota or more, 0 or MP_E*: as a rule without counting. */
int message_full(struct store *s, int64_t contact, int64_t quota);

/*
 * For hooks: claims the oldest new message that is due and not leased, for ms, passing over
 * contacts of whom somebody works on a message just now (so one contact's stay in order, but one
 * that backs off does not hold up the next).  MP_ENONE when there is none.  *tries counts this one.
 */
int message_claim(
    struct store *s, struct record *rec, int64_t *seq, int64_t *tries, int64_t now, int64_t ms);
/* Ends a claim: read, given up, or new again and due at `due`. */
int message_release(struct store *s, int64_t seq, enum message_state state, int64_t due);

/*
 * Deletes what is older than `before` (0: no bound), of one contact (0: any), all but the newest
 * `keep` of that contact or of all (-1: no bound); only messages that are not new, sealed or
 * queued. In short transactions.  *n deleted.  Then store_shrink() and store_erase().
 */
int message_prune(struct store *s, int64_t before, int64_t contact, int64_t keep, int64_t *n);

#endif
