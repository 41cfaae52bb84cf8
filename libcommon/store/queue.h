/*
 * queue: the outbox.  A lane is one contact's control, message or file mail, delivered in order.
 *
 * A message or file lane is not due while the same contact's control lane has mail: nothing
 * overtakes an initial-contact.  Rows of state held, failed or carried do not count as mail.
 */
#ifndef MP_STORE_QUEUE_H
#define MP_STORE_QUEUE_H

#include "store/lease.h"
#include "store/store.h"
#include "wire/wire.h"

/* Carried: a relay of the mesh has it (store/carried.h). */
enum queue_state { QUEUE_WAITING, QUEUE_HELD, QUEUE_FAILED, QUEUE_CARRIED };

struct queue_item {
	int64_t seq, contact, call;
	char name[33]; /* the contact's */
	enum wire_lane lane;
	enum queue_state state;
	uint8_t id[16];
	char kind[40];
	int64_t time, added, expires, refused;
	char code[16], reason[160]; /* of the last try, "" none */
};

/*
 * What becomes of a row is told to the message it came from, in the same transaction: failed,
 * cancelled, queued again.  A delivered one is the caller's to mark: queue_remove() and
 * message_set_state().
 */

/* Adds; MP_EEXIST when (contact, id) is in the queue already. Sets seq. Makes the lane's row. */
int queue_add(struct store *s, struct queue_item *item, const void *envelope, size_t len);
int queue_each(struct store *s, int (*fn)(void *ctx, const struct queue_item *item), void *ctx);
int queue_count_call(struct store *s, int64_t call, int64_t *n); /* neither failed nor carried */
int queue_remove(struct store *s, int64_t seq);
int queue_fail(struct store *s, int64_t seq, const char *code, const char *reason);
/* refused + 1 */
int queue_refused(struct store *s, int64_t seq, const char *code, const char *reason);
/* Every row of the id (a file: the whole transfer) back to waiting, lane due now; MP_ENONE. */
int queue_retry(struct store *s, const uint8_t id[static 16]);
/* Removes every row of the id (a file: the whole transfer), message states cancelled. MP_ENONE. */
int queue_cancel(struct store *s, const uint8_t id[static 16]);
/* Past expires: failed. *n of them. */
int queue_expire(struct store *s, int64_t now, int64_t *n);

/* A file's chunks: below `from` gone, the rest waiting (what an answer "from N" says). */
int queue_file_release(
    struct store *s, int64_t contact, const uint8_t transfer[static 16], int64_t from);
int queue_file_drop(struct store *s, int64_t contact, const uint8_t transfer[static 16]);
/* Rows of a transfer still in the queue, and the lowest chunk among them (-1: none). */
int queue_file_left(struct store *s, int64_t contact, const uint8_t transfer[static 16],
    int64_t *rows, int64_t *lowest);

/*
 * Claims a lane that has waiting mail, is due and is not leased, neither by another nor by this
 * process: for ms.  MP_ENONE when there is none; *next is then when the next one is due or
 * another's lease ends (INT64_MAX none).  Who wants mail tried although its lane backs off calls
 * lane_wake().
 */
int lane_claim(struct store *s, int64_t *contact, enum wire_lane *lane, int64_t now, int64_t ms,
    int64_t *next);
int lane_renew(struct store *s, int64_t contact, enum wire_lane lane, int64_t now, int64_t ms);
/* The lane's first waiting item with seq above `after`, its envelope appended. MP_ENONE. */
int lane_next(struct store *s, int64_t contact, enum wire_lane lane, int64_t after,
    struct queue_item *item, struct buf *envelope);
/* Lets go: fails 0 after success, else due later with the reason. An empty lane's row goes. */
int lane_release(struct store *s, int64_t contact, enum wire_lane lane, int64_t due, bool failed,
    const char *code, const char *reason);
int lane_fails(struct store *s, int64_t contact, enum wire_lane lane, int64_t *fails);
/*
 * Due at once, for we want it so: one contact, or all (contact 0: we came online).
 * *n lanes; n may be NULL.
 */
int lane_wake(struct store *s, int64_t contact, int64_t now, int64_t *n);
/* An authentic message came from the contact: due at once, but no sooner than `floor` after the
 * last time that one did this, or each of his pings would cost us a post. *n lanes. */
int lane_heard(struct store *s, int64_t contact, int64_t now, int64_t floor, int64_t *n);

#endif
