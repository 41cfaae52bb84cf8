/*
 * aead: AES-256-GCM in one call, for the protocols that choose their own nonce and tag.
 *
 * Who calls answers for the nonce: one that comes twice under one key gives both texts away.
 * Nothing is kept between calls, no key either.
 */
#ifndef MP_CRYPTO_AEAD_H
#define MP_CRYPTO_AEAD_H

#include <stddef.h>
#include <stdint.h>

struct aead {
	const uint8_t *key; /* 32 bytes */
	const uint8_t *iv;
	size_t ivlen; /* 1 to 16 */
	const void *aad;
	size_t aadlen;
	size_t tag; /* 12 to 16: the first bytes of GCM's tag */
};

/* len + tag bytes to out. MP_ENOMEM. */
int aead_seal(uint8_t *out, const struct aead *a, const void *plain, size_t len);
/* len bytes, the tag among them, to len - tag at out, which is wiped on failure. MP_EBAD. */
int aead_open(uint8_t *out, const struct aead *a, const uint8_t *sealed, size_t len);

#endif
