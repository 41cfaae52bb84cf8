/*
 * dispatch: the parts that the sender is made of; internal to it.
 *
 *   sender.c    the loop: input, time, the end
 *   dispatch.c  lanes at work: claim, post, what an answer means, let go
 *   byroad.c    what goes by the relay mesh
 *   settle.c    what was answered is taken out of the queue, many at once
 *   intake.c    what comes in
 *   roll.c      which of it has no end yet
 */
#ifndef MP_NODE_DISPATCH_H
#define MP_NODE_DISPATCH_H

#include "net/client.h"
#include "node/courier.h"
#include "node/intake.h"
#include "node/receiver.h"
#include "store/contact.h"

#define SETTLE_MOST 64
#define SETTLE_WAIT 20 /* ms */

/* A lane that is ours by lease. */
struct way {
	struct way *next;
	struct contact contact;
	enum wire_lane lane;
	struct queue_item item; /* at hand, its envelope with it */
	struct buf envelope;
	int64_t after;              /* the row that was answered last, in the queue perhaps still */
	bool posting, carrying;     /* carrying: to a relay of the mesh */
	bool byroad;                /* no onion answered: the lane's mail goes by the mesh */
	int64_t began;              /* the post: monotonic */
	int64_t resume;             /* when not posting: monotonic */
	unsigned failed;            /* quick tries that failed in a row */
	char code[16], reason[160]; /* of the last of them */
	int64_t leased;             /* until, wall clock */
};

/* A file on its way: how far it got.  It is whole once its last chunk was taken. */
struct whole {
	struct whole *next;
	struct queue_item item;  /* the id is the transfer's */
	int64_t chunks, reached; /* chunks: -1 nobody knows */
	int64_t size;            /* bytes */
	bool look;               /* nothing of it may be left */
};

struct sender {
	const struct config *cfg;
	const struct sender_options *o;
	struct store *s;
	struct receiver *receiver;
	struct client *client;
	struct courier *courier; /* NULL: not needed yet, or we have no keys */
	struct intake *in;
	int watch;            /* of run/, or -1 */
	int64_t call, newest; /* newest: the last row that a flush speaks of */

	struct way *ways;
	size_t posting;
	int64_t *slow; /* lanes whose quick tries are used up: contact * LANES + lane */
	size_t nslow;

	struct queue_item settled[SETTLE_MOST];
	char codes[SETTLE_MOST][16];
	size_t nsettled;
	int64_t settle_at; /* monotonic */
	struct whole *wholes;

	bool input_done, claim;
	bool stopping; /* nothing new is posted */
	bool told;     /* somebody told us to */
	unsigned long given;
	int64_t next_due; /* monotonic: when a lane that nobody has is due */
	int64_t deadline; /* monotonic, INT64_MAX none */
	int64_t stop_at;
	bool failed;             /* a record of this call was given up */
	unsigned long cancelled; /* of this call, by another process */
	int status;
	bool broken; /* the call cannot go on; status says why */
};

/* Is this row one that the call speaks of? */
bool sender_mine(struct sender *s, const struct queue_item *item);
int sender_report(struct sender *s, enum record_class class, const struct queue_item *item,
    const char *code, const char *reason);
/* The call cannot go on. */
void sender_broken(struct sender *s, int rc);

/* Claims lanes that are due while there is room, and sets next_due. */
void dispatch_claim(struct sender *s);
void dispatch_result(struct sender *s, struct post_result *r);
/* Ways whose pause is over go on; leases are renewed. */
void dispatch_tick(struct sender *s);
/* The earliest end of a pause, monotonic. */
int64_t dispatch_resume(const struct sender *s);
/*
 * What became of the record at hand: it was delivered, or lets the lane wait (delay in ms, or -1:
 * as after any failure), or neither: go on.  The way may be gone afterwards.
 */
void dispatch_settled(struct sender *s, struct way *w, const char *code);
void dispatch_wait(
    struct sender *s, struct way *w, const char *code, const char *reason, int64_t delay);
void dispatch_go_on(struct sender *s, struct way *w);
/* True while a record of this call is under way. */
bool dispatch_mine(struct sender *s);
/* Gives up every lane. */
void dispatch_end(struct sender *s);

/*
 * Hands the record at hand to the mesh, when the route setting and its kind allow it: true.  With
 * cover it waits for a slot instead, and the way is gone.
 */
bool byroad_take(struct sender *s, struct way *w);
/* The setting is to ask the mesh at first. */
bool byroad_first(const struct sender *s, const struct way *w);
/* A result that was the mesh's: true. */
bool byroad_result(struct sender *s, struct post_result *r);
void byroad_drop(struct sender *s, struct way *w);

int settle_add(struct sender *s, const struct queue_item *item, const char *code);
int settle_flush(struct sender *s);
/* What the protocols owed is refused for good: they know, and it is in the queue no more. */
int settle_refused(struct sender *s, const struct queue_item *item);
/* The receiver of this file has its chunks up to this one. */
int settle_reached(struct sender *s, const struct queue_item *item, int64_t chunk);
/* The file lane of this contact is empty: which of its files are at their end? */
int settle_look(struct sender *s, int64_t contact);
/* A file without one of its chunks is no file: all of them are set aside together. */
int settle_fail_file(
    struct sender *s, const struct queue_item *item, const char *code, const char *reason);
/* At the end: what other processes did with this call's records is found out and reported. */
int settle_others(struct sender *s);
void settle_free(struct sender *s);

#endif
