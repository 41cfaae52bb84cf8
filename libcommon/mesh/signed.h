/*
 * signed: the signed_message (mp-mesh-protocol(7), SIGNED MESSAGES):
 *
 *     {"type": "signed_message", "message": {"content": TEXT, "timestamp": TIME},
 *      "signature": base64, "public_key": base64 of the SPKI}
 *
 * content is the text of a JSON object here, whose "type" says what is signed and whose "to", when
 * it is for one server, which.  A person signs by RSA-PSS, a server by the Ed25519 key inside its
 * onion address.  What is signed: "mp mesh/1 signed\n" TIME "\n" TEXT.
 */
#ifndef MP_MESH_SIGNED_H
#define MP_MESH_SIGNED_H

#include "crypto/identity.h"
#include "mesh/field.h"

struct signed_message {
	bool server;              /* who signed: a server, or a person */
	uint8_t onion[ONION_KEY]; /* the one */
	uint8_t key[RSA_DER];     /* the other */
	int64_t time;
	json_t *content; /* an object */
};

/* Checks the signature; on success the caller calls signed_free(). MP_EBAD. */
int signed_read(struct signed_message *m, const json_t *o);
void signed_free(struct signed_message *m);
/* One that was read, without the members that are not named: what somebody put beside them goes no
 * further.  A new object in *out. */
int signed_copy(json_t **out, const json_t *o);

/* Appends the JSON of content, signed at the time now. */
int signed_by_server(
    struct buf *out, const struct identity *id, const json_t *content, int64_t now);
int signed_by_person(struct buf *out, const struct rsa_key *k, const json_t *content, int64_t now);

/* Ed25519 over any bytes, for votes. */
int server_sign(uint8_t sig[static 64], const struct identity *id, const void *data, size_t len);
int server_verify(const uint8_t onion[static ONION_KEY], const uint8_t sig[static 64],
    const void *data, size_t len);

#endif
