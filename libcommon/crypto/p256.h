/*
 * p256: NIST P-256 over OpenSSL: key pairs, ECDH, ECDSA.
 *
 * A secret is a scalar of 32 bytes, 1 to n - 1; a public key is a compressed point of 33 bytes; a
 * signature is r | s, 64 bytes.  Points are decoded with their curve equation checked, and the
 * curve has no small subgroup, so what decodes is valid.  Secrets live in the caller's memory;
 * nothing here keeps one.  MP_EBAD: no point, no scalar, or a signature that does not hold.
 */
#ifndef MP_CRYPTO_P256_H
#define MP_CRYPTO_P256_H

#include <stddef.h>
#include <stdint.h>

#define P256_SECRET 32
#define P256_PUBLIC 33
#define P256_SHARED 32
#define P256_SIGNATURE 64

int p256_generate(uint8_t secret[static P256_SECRET], uint8_t pub[static P256_PUBLIC]);
int p256_public(uint8_t pub[static P256_PUBLIC], const uint8_t secret[static P256_SECRET]);
int p256_check(const uint8_t pub[static P256_PUBLIC]);

/* The x coordinate of secret * pub. */
int p256_ecdh(uint8_t out[static P256_SHARED], const uint8_t secret[static P256_SECRET],
    const uint8_t pub[static P256_PUBLIC]);

/* Over a digest of any hash, of which ECDSA takes the first 32 bytes. */
int p256_sign(uint8_t sig[static P256_SIGNATURE], const uint8_t secret[static P256_SECRET],
    const uint8_t *digest, size_t len);
int p256_verify(const uint8_t sig[static P256_SIGNATURE], const uint8_t pub[static P256_PUBLIC],
    const uint8_t *digest, size_t len);

#endif
