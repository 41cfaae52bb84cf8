/*
 * kdf: the keys that seal, derived from what two contacts share (mp-protocol(7), KEYS).
 *
 *   K(S to X) = HKDF-SHA-256(ikm = key | X25519(S, X), salt = contact id,
 *               info = "mariposa/1 from " | S | " to " | X)
 *   K0        = HKDF-SHA-256(ikm = key, salt = contact id, info = "mariposa/1 offer to " | X)
 *   key of epoch e = HKDF-SHA-256(ikm = key of e - 1 | X25519(a, b), salt = contact id,
 *               info = "mariposa/1 rekey" | u64 e | low | high)
 *
 * S and X are 32-byte onion keys.  No reflection, no moving to another contact or address, and only
 * the two ends can compute K, so that a copy of the card or a temporary contact's maker cannot.
 */
#ifndef MP_CRYPTO_KDF_H
#define MP_CRYPTO_KDF_H

#include <stdint.h>
#include "crypto/identity.h"

#define KEY_LEN 32
#define CONTACT_ID 32

/*
 * Both directions between self and peer. MP_EBAD when peer is no usable point, the agreement
 * is all zero, or peer is self.
 */
int kdf_pair(uint8_t send[static KEY_LEN], uint8_t recv[static KEY_LEN],
    const struct identity *self, const uint8_t peer[static 32], const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID]);

/* K0, towards the offerer whose onion key is to. */
int kdf_offer(uint8_t out[static KEY_LEN], const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID], const uint8_t to[static 32]);

/* HMAC-SHA-256(K(S to X), "initial-contact" | message id): the acceptor holds S's secret. */
void kdf_proof(
    uint8_t out[static 32], const uint8_t send[static KEY_LEN], const uint8_t mid[static 16]);

/* A fresh X25519 public key's half of a rekey. */
void kdf_rekey_public(uint8_t out[static 32], const uint8_t secret[static 32]);

/* MP_EBAD for a public key that agrees on all zeros, with whatever secret. */
int kdf_rekey_check(const uint8_t peer[static 32]);

/*
 * The key that takes key's place in epoch e: secret is ours, peer the other's public key.  low and
 * high are both public keys in order of their bytes.  MP_EBAD when they agree on all zeros.
 */
int kdf_rekey(uint8_t out[static KEY_LEN], const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID], int64_t epoch, const uint8_t secret[static 32],
    const uint8_t peer[static 32]);

/* HKDF-SHA-256, extract and expand (RFC 5869); out_len <= 8160. */
int hkdf_sha256(uint8_t *out, size_t out_len, const uint8_t *ikm, size_t ikm_len,
    const uint8_t *salt, size_t salt_len, const uint8_t *info, size_t info_len);

#endif
