/*
 * rsa: RSA-2048 keys of the relay mesh: one signs (PSS, SHA-256), another opens (OAEP, SHA-256);
 * never one key for both.
 *
 * A public key travels as its SubjectPublicKeyInfo in DER.  With 2048 bits and the exponent 65537
 * that has one form of RSA_DER bytes; everything else is refused, so that a key has one address.
 *
 * A sealed blob: OAEP of a fresh AES-256 key, RSA_BYTES | IV 12 | ciphertext | tag 16, with the AAD
 * "mp mesh/1".  The owner of a struct rsa_key frees it.
 */
#ifndef MP_CRYPTO_RSA_H
#define MP_CRYPTO_RSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define RSA_BYTES 256 /* of a signature, of a modulus */
#define RSA_DER 294
#define RSA_OVERHEAD (RSA_BYTES + 12 + 16) /* what sealing adds */

struct rsa_key;

/* Whether der is the one form of a key; the numbers in it are not looked at further. */
bool rsa_der_ok(const uint8_t der[static RSA_DER]);

int rsa_new(struct rsa_key **out);
/* PKCS#8 PEM; another kind or size of key is MP_EBAD. */
int rsa_read(struct rsa_key **out, const void *pem, size_t len);
int rsa_write(const struct rsa_key *k, struct buf *pem);
void rsa_free(struct rsa_key *k);
const uint8_t *rsa_der(const struct rsa_key *k); /* RSA_DER bytes, borrowed */

int rsa_sign(uint8_t sig[static RSA_BYTES], const struct rsa_key *k, const void *data, size_t len);
/* 0 or MP_EBAD, for a key that is none, too. */
int rsa_verify(const uint8_t der[static RSA_DER], const uint8_t sig[static RSA_BYTES],
    const void *data, size_t len);

/* Appends the blob of data to the key der. */
int rsa_seal(struct buf *out, const uint8_t der[static RSA_DER], const void *data, size_t len);
/* Appends the plaintext; every failure is MP_EBAD with one and the same detail. */
int rsa_open(struct buf *out, const struct rsa_key *k, const void *blob, size_t len);

#endif
