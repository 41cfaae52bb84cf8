/*
 * sender: the one way out.  Records go into the durable queue, then lanes are claimed by lease and
 * delivered, up to config send.parallel at once, in order within a lane.
 *
 *   204, 200      delivered; a 200's reply goes through receiver_take()
 *   no connection, 429, 503   the lane waits: retry.min doubling to retry.max, +-25 % jitter, or
 *                 Retry-After when that is longer
 *   400, 413      the record is tried again after 1 s and 5 s, then set aside as failed; the next
 *                 one goes
 *
 * What was answered is taken out of the queue a moment later, many at once: a repetition, which the
 * receiver tells from its id, costs less than a commit each.
 */
#ifndef MP_NODE_SENDER_H
#define MP_NODE_SENDER_H

#include "base/config.h"
#include "base/record.h"
#include "store/queue.h"

struct sender_options {
	int input;                /* descriptor with sealed records, -1 none */
	const char *input_name;   /* stands in messages */
	bool follow;              /* never ends by itself: the outbox is kept going (mp-serve) */
	bool flush;               /* all that waits, whatever its due time (mp-queue flush) */
	const uint8_t (*ids)[16]; /* flush speaks of these alone; NULL: of all */
	size_t nids;
	int64_t wait; /* ms after the end of input; -1 for ever */
	int stop_fd;  /* readable: finish what is under way for at most 5 s and return; -1 none */
	/* Each outcome of this call's records (class sent, queued, failed; ref code; body reason).
	 * Non-zero ends the call.  May be NULL. */
	int (*report)(void *ctx, const struct record *rec);
	/* One line for a person; also called by the input's thread.  May be NULL. */
	void (*problem)(void *ctx, const char *line);
	/* How much of a file its receiver has, in bytes, and of how many.  May be NULL. */
	void (*progress)(void *ctx, const char *contact, int64_t done, int64_t all);
	void *ctx;
};

/*
 * Returns an exit status (mp-send(1)): 0 all delivered, 1 empty input, 100 a record is bad, was
 * set aside or cancelled, 111 some are still queued.  Opens its own store; starts a thread for the
 * input, which is left behind when it still reads at the end: the process is to exit then.
 */
int sender_run(const struct config *cfg, const struct sender_options *o);

#endif
