/*
 * batch: what one server hands to another (mp-mesh-protocol(7), SERVER TO SERVER).  A
 * signed_message of the server, whose content is
 *
 *     {"type": "batch", "to": SERVER, "packets": [{"packet": PACKET, "hops": 0 to 7, "attempt": 0
 * to 9},
 *      ...], "acks": [SIGNED MESSAGE, ...], "decisions": [DECISION, ...]}
 *
 * hops is how often a packet may still be passed on.  The answer has one result a packet, in order:
 *
 *     {"type": "batch_answer", "results": ["taken" | "seen" | "full" | "refused", ...],
 *      "timestamp": TIME}
 *
 * An item that is malformed refuses itself, not the batch: its sender may only have passed it on.
 */
#ifndef MP_MESH_BATCH_H
#define MP_MESH_BATCH_H

#include "mesh/signed.h"

#define BATCH_ITEMS 256
#define BATCH_BYTES \
	(700u << 10) /* of items: what stays below MESH_BODY_MAX with all quotes escaped */
#define ATTEMPTS 9

struct batch {
	struct signed_message from;
	json_t *packets, *acks, *decisions; /* arrays, borrowed from it */
};

/* A batch of a server's, for us. MP_EBAD. batch_free() after success. */
int batch_read(struct batch *b, const json_t *o, const uint8_t self[static ONION_KEY]);
void batch_free(struct batch *b);

/* One of b->packets: the packet's object, borrowed. */
int batch_item(const json_t *item, const json_t **packet, int *hops, int *attempt);

/* Takes the arrays, of which each may be NULL. */
int batch_write(struct buf *out, const struct identity *id, const uint8_t to[static ONION_KEY],
    json_t *packets, json_t *acks, json_t *decisions, int64_t now);
json_t *batch_item_new(json_t *packet, int hops, int attempt); /* takes packet */

enum result { RESULT_TAKEN, RESULT_SEEN, RESULT_FULL, RESULT_REFUSED };

int batch_answer_write(json_t **out, const enum result *r, size_t n, int64_t now);
/* Exactly n results. */
int batch_answer_read(enum result *r, size_t n, const json_t *o);

#endif
