/*
 * packet: what a client posts and what is flooded (mp-mesh-protocol(7), CLIENT MESSAGE PACKET):
 *
 *     {"recipient": KEY, "message": SEALED, "signature": SEALED, "token": TOKEN}
 *
 * message and signature are independent blobs of crypto/rsa.h, kept here decoded; token may be
 * absent.  The id is SHA-256 of the decoded recipient, message and signature, each behind its
 * length as 4 bytes: of all that a relay cannot check, so that a damaged copy is another packet.
 * packet_free() frees what the buffers hold.
 */
#ifndef MP_MESH_PACKET_H
#define MP_MESH_PACKET_H

#include "mesh/field.h"

#define TOKEN_BYTES 48 /* as it stands in a packet: handle 16 | MAC 32 */

struct packet {
	uint8_t id[PACKET_ID];
	uint8_t recipient[RSA_DER];
	struct buf message, signature;
	bool has_token;
	uint8_t token[TOKEN_BYTES];
};

void packet_init(struct packet *p);
void packet_free(struct packet *p);

/* Sets everything, the id too; p was initialised. MP_EBAD. */
int packet_read(struct packet *p, const json_t *o);
/* A new object in *out. */
int packet_write(json_t **out, const struct packet *p);

/* To be called when recipient, message or signature were set by hand. */
void packet_identify(struct packet *p);

/* What tells copies of one packet apart whose tokens differ: SHA-256 of id and token, and the id
 * when it has none.  So a copy whose token was taken off or spoilt takes the place of none. */
void packet_whole(uint8_t whole[static PACKET_ID], const struct packet *p);

/* A recipient's box: SHA-256 of his key. */
void packet_box(uint8_t box[static 32], const uint8_t recipient[static RSA_DER]);

#endif
