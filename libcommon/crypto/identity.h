/*
 * identity: one Ed25519 seed and what is derived from it: the onion address, tor's expanded
 * key, the TLS key and self-signed certificate, and the X25519 secret that contacts agree with.
 *
 * Lives in the locked arena; identity_free() wipes it.  On disk: $MP_HOME/identity (0600), one
 * comment line "untrusted comment: mp identity, onion address X" and one base64 line of "Ed" |
 * seed.
 */
#ifndef MP_CRYPTO_IDENTITY_H
#define MP_CRYPTO_IDENTITY_H

#include <stdint.h>
#include "base/buf.h"

struct identity {
	uint8_t seed[32];
	uint8_t key[32];    /* Ed25519 public key: the onion key */
	uint8_t secret[32]; /* X25519 secret scalar, clamped SHA-512(seed)[0..32] */
};

int identity_new(struct identity **out);
int identity_from_seed(struct identity **out, const uint8_t seed[static 32]);
/* MP_EUSAGE when home has none ("no identity in 'HOME': run mp-keygen"). */
int identity_load(struct identity **out);
void identity_free(struct identity *id);

/* The public key alone, from tor/service/hs_ed25519_public_key: the seed stays on disk. */
int identity_public(uint8_t key[static 32]);

/*
 * Writes, whole or not at all and never over an existing identity (MP_EEXIST):
 *   tor/service/{hs_ed25519_secret_key,hs_ed25519_public_key,hostname}, tls/key.pem, tls/cert.pem,
 *   and last identity, whose presence says that the rest is there.
 */
int identity_write(const struct identity *id);

/* The same derived files again from identity (a restored backup); overwrites only them. */
int identity_rewrite(const struct identity *id);

/* 64 bytes: the clamped SHA-512 of the seed, tor's secret key form; base64 of it goes to ADD_ONION.
 */
void identity_expanded(uint8_t out[static 64], const struct identity *id);

/* PEM of the PKCS#8 key and of the certificate (20 years, CN the address). */
int identity_tls(const struct identity *id, struct buf *key_pem, struct buf *cert_pem);

/*
 * What two people compare aloud: SHA-256 over "mariposa/1 fingerprint" | both onion keys sorted |
 * contact id, first 20 bytes as eight groups of 4 lower-case base32 characters with spaces.
 */
#define FINGERPRINT_TEXT 40
void fingerprint(char out[static FINGERPRINT_TEXT], const uint8_t a[static 32],
    const uint8_t b[static 32], const uint8_t contact_id[static 32]);

#endif
