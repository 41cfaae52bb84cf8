/*
 * relay_step: what the files of a relay's node share; nobody else includes it.
 */
#ifndef MP_NODE_RELAY_STEP_H
#define MP_NODE_RELAY_STEP_H

#include "mesh/ack.h"
#include "mesh/ballot.h"
#include "mesh/batch.h"
#include "mesh/packet.h"
#include "mesh/standing.h"
#include "node/relay.h"

/* One request.  A handler returns 0 (out, if any, is the answer), or sets status itself, or MP_E*:
 * MP_EBAD is 400, all else our own trouble. */
struct relay_call {
	struct relay *r;
	const json_t *in; /* NULL: it has no body */
	const char *bearer;
	int64_t now;
	int status; /* 0: by the code */
	int64_t retry_after;
	bool proven, kept;
	int64_t waited; /* ms; INT64_MAX: it has to be answered */
	int64_t later;  /* out, ms: not yet, rather then */
	json_t *out;
	size_t size; /* of the answer at least: spaces are put behind it */
};

int relay_on_packet(struct relay_call *c);
int relay_on_ack(struct relay_call *c);
int relay_on_challenge(struct relay_call *c);
int relay_on_messages(struct relay_call *c);
int relay_on_tokens(struct relay_call *c);
int relay_on_servers(struct relay_call *c);
int relay_on_load(struct relay_call *c);
int relay_on_report(struct relay_call *c);
int relay_on_decision(struct relay_call *c);
int relay_on_batch(struct relay_call *c);
int relay_on_status(struct relay_call *c);
int relay_on_room_post(struct relay_call *c);
int relay_on_room_read(struct relay_call *c);

/* A copy of a packet; from is NULL for a client.  Inside a transaction. */
struct relay_copy {
	const struct packet *p;
	int hops, attempt;
	const struct relay_peer *from;
	int64_t now;
	bool box_full; /* out: it is in no box here because that is full */
};
int relay_take(struct relay *r, struct relay_copy *copy, enum result *result);

/* What was read of o.  *fresh: it said something new, and goes on to the peers.  Inside a
 * transaction. */
int relay_take_ack(struct relay *r, const struct ack *a, const json_t *o, int64_t source,
    int64_t now, bool *fresh);
/* The same for a decision. */
int relay_take_decision(
    struct relay *r, const struct decision *d, int64_t source, int64_t now, bool *fresh);

/* How much of store.max may be in use, in quarters, for this to be taken: what strangers bring
 * leaves room for those who fetch here, and both for what the mesh hands over. */
enum relay_share { SHARE_CLIENT = 2, SHARE_BOX = 3, SHARE_MESH = 4 };
/* MP_EBUSY: it is. */
int relay_has_room(struct relay *r, enum relay_share share);

/* Something about a peer was seen; our vote follows.  Inside a transaction. */
int relay_observe(struct relay *r, struct relay_peer *p, enum observation saw, int64_t now);
/* Our vote is renewed each window while it stands; *fresh: there is a new one to be flooded. */
int relay_vote_renew(struct relay *r, struct relay_peer *p, int64_t now, bool *fresh);
/* Counts again whether a peer is blacklisted. */
int relay_recount(struct relay *r, struct relay_peer *p, int64_t now);

#endif
