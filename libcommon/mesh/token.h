/*
 * token: a contact's right to the kept part of a box (mp-mesh-protocol(7), DELIVERY TOKENS).
 *
 * Contacts share a secret.  Token i of a day is HMAC-SHA-256(secret, "mp mesh/1 token" | day u32 |
 * i u32).  The recipient registers tokens where he polls, in a signed_message
 *
 *     {"type": "tokens", "to": SERVER, "day": DAY, "tokens": [base64 of 32 bytes, ...]}
 *
 * and a packet carries a token's mark: its handle, 16 bytes of SHA-256("mp mesh/1 handle" | token),
 * and HMAC-SHA-256(token, "mp mesh/1 packet" | packet id).  So a relay on the way cannot take the
 * token off and use it for a packet of its own.  A token is used once; that is for the relay's
 * store.
 */
#ifndef MP_MESH_TOKEN_H
#define MP_MESH_TOKEN_H

#include "mesh/packet.h"
#include "mesh/signed.h"

#define TOKEN_KEY 32
#define TOKEN_HANDLE 16
#define TOKENS_MAX 512 /* in one registration */
#define TOKEN_DAYS 8   /* a token is good on its day and so many days after it */

void token_derive(
    uint8_t token[static TOKEN_KEY], const uint8_t secret[static 32], uint32_t day, uint32_t i);
void token_handle(uint8_t handle[static TOKEN_HANDLE], const uint8_t token[static TOKEN_KEY]);
void token_mark(uint8_t mark[static TOKEN_BYTES], const uint8_t token[static TOKEN_KEY],
    const uint8_t id[static PACKET_ID]);
/* 0 or MP_EBAD: whether the mark is this token's for this packet. */
int token_check(const uint8_t mark[static TOKEN_BYTES], const uint8_t token[static TOKEN_KEY],
    const uint8_t id[static PACKET_ID]);

struct tokens {
	uint8_t key[RSA_DER]; /* whose box */
	uint8_t server[ONION_KEY];
	int64_t time, day;
	size_t n;
	uint8_t token[TOKENS_MAX][TOKEN_KEY];
};

/* Signature checked; for which server is for the caller to see. */
int tokens_read(struct tokens *t, const json_t *o);
int tokens_write(struct buf *out, const struct tokens *t, const struct rsa_key *k, int64_t now);

#endif
