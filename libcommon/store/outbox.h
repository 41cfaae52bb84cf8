/*
 * outbox: what the sender asks about single rows of the queue and about lanes.
 */
#ifndef MP_STORE_OUTBOX_H
#define MP_STORE_OUTBOX_H

#include "store/queue.h"

/* The row of (contact, id). MP_ENONE. */
int outbox_find(
    struct store *s, int64_t contact, const uint8_t id[static 16], struct queue_item *item);

/* The contact's next message behind that row, whatever its state; MP_ENONE. */
int outbox_next_message(struct store *s, int64_t contact, int64_t after, struct queue_item *item);
/* It was sealed once more. */
int outbox_reseal(struct store *s, int64_t seq, const void *envelope, size_t len);

/*
 * Must a further chunk of this transfer wait for the answer to its offer?  Yes while the offer or
 * a held chunk is in the queue: the answer removes the one and releases the others at once.
 */
int outbox_waits(struct store *s, int64_t contact, const uint8_t transfer[static 16], bool *waits);

/* The chunks of a transfer wait again: its receiver has not decided. */
int outbox_hold(struct store *s, int64_t contact, const uint8_t transfer[static 16]);

/* How many rows of a call were set aside as failed, by whomever. */
int outbox_failed(struct store *s, int64_t call, int64_t *n);

/* The size that the history says a file of ours has. MP_ENONE: it was pruned, or sealed elsewhere.
 */
int outbox_file_size(
    struct store *s, int64_t contact, const uint8_t transfer[static 16], int64_t *size);

struct outbox_lane {
	int64_t due, fails;
	bool taken; /* by another process */
};
/* MP_ENONE: no such lane, so nothing in it waits. */
int outbox_lane(
    struct store *s, int64_t contact, enum wire_lane lane, int64_t now, struct outbox_lane *l);

#endif
