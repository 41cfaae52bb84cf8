/*
 * roll: the records of a call whose end was not seen yet; internal to the sender.
 *
 * Whoever takes a row out of the queue, another process too, must not leave the call in the belief
 * that it was delivered.  Two threads use one.
 */
#ifndef MP_NODE_ROLL_H
#define MP_NODE_ROLL_H

#include "store/queue.h"

struct roll;

int roll_new(struct roll **out);
void roll_free(struct roll *r); /* NULL is fine */

/* Once for each row. */
int roll_add(struct roll *r, const struct queue_item *item);
void roll_drop(struct roll *r, int64_t seq);

/* fn for each, with the columns of an item that no try changes; non-zero stops and is handed back.
 * fn may not use the roll. */
int roll_each(struct roll *r, int (*fn)(void *ctx, const struct queue_item *item), void *ctx);

#endif
