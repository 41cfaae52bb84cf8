/*
 * onion: a Tor v3 onion address and the Ed25519 public key inside it
 * (rend-spec-v3 section 6: base32(pubkey | checksum | version)).
 */
#ifndef MP_CRYPTO_ONION_H
#define MP_CRYPTO_ONION_H

#include <stddef.h>
#include <stdint.h>

#define ONION_KEY 32
#define ONION_TEXT 63 /* 56 characters, ".onion", NUL */

/* "xxx.onion" in lower case. */
void onion_encode(char out[static ONION_TEXT], const uint8_t key[static ONION_KEY]);

/*
 * Takes 56 characters of either case, with or without ".onion".  MP_EBAD for a wrong length,
 * character, checksum or version, and for a key that is no point of the main subgroup (it could
 * never agree on a secret).
 */
int onion_decode(uint8_t key[static ONION_KEY], const char *text);

/* 0, or MP_EBAD for a point that is invalid, of low order or outside the main subgroup. */
int onion_key_check(const uint8_t key[static ONION_KEY]);

/* curl's pin: "sha256//" and base64 of SHA-256 of the RFC 8410 SubjectPublicKeyInfo. */
#define ONION_PIN 53
void onion_pin(char out[static ONION_PIN], const uint8_t key[static ONION_KEY]);

#endif
