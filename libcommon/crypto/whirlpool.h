/*
 * whirlpool: the hash of ISO/IEC 10118-3 and HMAC (RFC 2104) over it, from OpenSSL's legacy
 * provider, in a library context of its own: nothing else of the program gets a legacy algorithm.
 *
 * What is hashed is given in parts.  whirlpool_parts() puts each part's length (u32, big endian)
 * before it, so that no two lists of parts are one input.  MP_ESYS when the provider is not
 * installed. Thread-safe.
 */
#ifndef MP_CRYPTO_WHIRLPOOL_H
#define MP_CRYPTO_WHIRLPOOL_H

#include <stddef.h>
#include <stdint.h>

#define WHIRLPOOL_LEN 64

struct part {
	const void *data;
	size_t len;
};

#define PART(array) ((struct part){(array), sizeof(array)})
#define PART_TEXT(s) ((struct part){(s), strlen(s)})

int whirlpool(uint8_t out[static WHIRLPOOL_LEN], const void *data, size_t len);
int whirlpool_parts(uint8_t out[static WHIRLPOOL_LEN], const struct part *parts, size_t n);

int whirlpool_hmac(uint8_t out[static WHIRLPOOL_LEN], const uint8_t *key, size_t key_len,
    const void *data, size_t len);
int whirlpool_hmac_parts(uint8_t out[static WHIRLPOOL_LEN], const uint8_t *key, size_t key_len,
    const struct part *parts, size_t n);

#endif
