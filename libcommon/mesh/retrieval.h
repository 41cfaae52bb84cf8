/*
 * retrieval: how a recipient proves who he is when he fetches (mp-mesh-protocol(7), RETRIEVAL):
 *
 *     {"public_key": KEY, "signature": base64, "challenge": base64, "timestamp": TIME,
 *      "device": 16 hex, "cursor": NUMBER, "size": NUMBER, or absent}
 *
 * The signature is over the lines `I AM WHO I SAY I AM`, the server's name, the challenge, the
 * time, the device and the cursor, so a proof is good for one server and one challenge.  A
 * challenge is the server's own: time u64 ms | 16 random bytes | 16 of HMAC(secret, those); it
 * keeps nothing for it until a proof came.  That a challenge is used once is for the caller's
 * store.
 */
#ifndef MP_MESH_RETRIEVAL_H
#define MP_MESH_RETRIEVAL_H

#include "mesh/field.h"

#define CHALLENGE_BYTES 40
#define RETRIEVAL_SIZE 65536           /* the most that can be asked for */
#define CHALLENGE_TIME INT64_C(120000) /* ms it is good for */

struct retrieval {
	uint8_t key[RSA_DER], signature[RSA_BYTES], challenge[CHALLENGE_BYTES];
	int64_t time, cursor;
	uint8_t device[MESH_DEVICE];
	int64_t size; /* bytes of the answer, 0: as many as it takes */
};

void challenge_make(
    uint8_t out[static CHALLENGE_BYTES], const uint8_t secret[static 32], int64_t now);
/* 0 or MP_EBAD: another server's, or too old. */
int challenge_check(
    const uint8_t challenge[static CHALLENGE_BYTES], const uint8_t secret[static 32], int64_t now);

/* {"type": "challenge", "challenge": base64, "timestamp": TIME} */
int challenge_write(json_t **out, const uint8_t c[static CHALLENGE_BYTES], int64_t now);
int challenge_read(uint8_t c[static CHALLENGE_BYTES], const json_t *o);

/* The shape alone. */
int retrieval_read(struct retrieval *r, const json_t *o);
/* The signature, for the server that was asked. */
int retrieval_verify(const struct retrieval *r, const uint8_t server[static ONION_KEY]);
/* Sets key and signature, and writes. */
int retrieval_write(json_t **out, struct retrieval *r, const struct rsa_key *k,
    const uint8_t server[static ONION_KEY]);

#endif
