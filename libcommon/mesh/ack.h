/*
 * ack: the recipient says what one of his devices has (mp-mesh-protocol(7), ACKNOWLEDGEMENTS).
 *
 * A signed_message of his, whose content is
 *
 *     {"type": "ack", "device": 16 hex, "packets": [64 hex, ...]}
 *
 * It is good at every relay, for it names no server: all that it can do is to end copies that its
 * signer has.
 */
#ifndef MP_MESH_ACK_H
#define MP_MESH_ACK_H

#include "mesh/signed.h"

#define ACK_MAX 500 /* packets in one */
#define ACK_TEXT                                                                         \
	40000 /* bytes of its content: each relay of the mesh keeps and passes on an ack \
	       */

struct ack {
	uint8_t key[RSA_DER]; /* whose */
	uint8_t device[MESH_DEVICE];
	int64_t time;
	size_t n;
	uint8_t id[ACK_MAX][PACKET_ID];
};

/* Signature checked. MP_EBAD. */
int ack_read(struct ack *a, const json_t *o);
/* Appends a->device and a->id as JSON, signed by k. */
int ack_write(struct buf *out, const struct ack *a, const struct rsa_key *k, int64_t now);

#endif
