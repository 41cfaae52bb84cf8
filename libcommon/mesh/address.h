/*
 * address: what a contact must have to write to somebody through the mesh (mp-mesh-protocol(7),
 * ADDRESSES):
 *
 *     {"type": "mesh_address", "address": KEY, "encryption": KEY, "certificate": base64,
 *      "relays": [SERVER, ...], "tokens": base64 of a secret of 32 bytes}
 *
 * address is the signing key; the certificate is its signature over "mp mesh/1 encryption key\n"
 * and the encryption key.  relays, where he polls, are a hint.  The secret is one contact's own, so
 * the whole is for that contact only.
 */
#ifndef MP_MESH_ADDRESS_H
#define MP_MESH_ADDRESS_H

#include "mesh/field.h"

#define ADDRESS_RELAYS 8

struct address {
	uint8_t key[RSA_DER], encryption[RSA_DER], certificate[RSA_BYTES];
	size_t n;
	uint8_t relay[ADDRESS_RELAYS][ONION_KEY];
	uint8_t secret[32];
};

/* Sets key, encryption and certificate. */
int address_certify(
    struct address *a, const struct rsa_key *signing, const struct rsa_key *encryption);
/* The certificate is checked, and that the keys are two. MP_EBAD. */
int address_read(struct address *a, const json_t *o);
int address_write(json_t **out, const struct address *a);

#endif
