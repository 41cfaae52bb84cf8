/*
 * base64 and base32 of whole buffers.
 *
 * base64 of ciphertext is OpenSSL's block coder (fast), base64 of secrets is
 * libsodium's (constant time).  Only the canonical padded form on one line is read:
 * wrong padding bits, white space or a missing '=' is MP_EBAD.
 * base32 (RFC 4648, capitals, no padding) is ours, because no dependency has one; it
 * uses no table, so that a card's secret does not steer a memory access.
 */
#ifndef MP_BASE_BASE64_H
#define MP_BASE_BASE64_H

#include "base/buf.h"

int base64_encode(struct buf *out, const void *data, size_t len);
int base64_decode(struct buf *out, const char *s, size_t len); /* appends to out */

int base64_secret_encode(struct buf *out, const void *data, size_t len);
/* Exactly n bytes or MP_EBAD. */
int base64_secret_decode(uint8_t *out, size_t n, const char *s, size_t len);

/* Characters for n bytes, without the NUL. */
#define BASE32_LEN(n) (((n)*8 + 4) / 5)
/* out[BASE32_LEN(n)+1], NUL-terminated. `lower` gives the letters of an onion address. */
void base32_encode(char *out, const uint8_t *data, size_t n, int lower);
/* Exactly n bytes from exactly BASE32_LEN(n) characters of either case, zero tail bits, or MP_EBAD.
 */
int base32_decode(uint8_t *out, size_t n, const char *s, size_t len);

#endif
