/*
 * intake: sealed records from a descriptor into the durable queue, by a thread of its own with its
 * own store; internal to the sender.
 *
 * While more records are at hand they share a commit.  A record is on disk before it counts.
 */
#ifndef MP_NODE_INTAKE_H
#define MP_NODE_INTAKE_H

#include "node/roll.h"
#include "node/sender.h"

struct intake;

/* call marks the rows. */
int intake_start(
    struct intake **out, const struct config *cfg, const struct sender_options *o, int64_t call);

/* An eventfd: readable after each commit and at the end. */
int intake_fd(const struct intake *in);

/* Stops waiting for it; what it holds is freed when it has ended. */
void intake_leave(struct intake *in);

/* True once all was read; *given records came, *status is the worst of them so far. */
bool intake_state(struct intake *in, unsigned long *given, int *status);

/* The code for which it gave up, which was said already; 0 none. */
int intake_fatal(struct intake *in);

/* True for a row that was in the queue before and was given again to this call. */
bool intake_repeated(struct intake *in, int64_t seq);

/* How many such rows there are. */
size_t intake_repeats(struct intake *in);

/* The records of this call whose end was not seen yet; empty for a sender that follows. */
struct roll *intake_roll(struct intake *in);

#endif
