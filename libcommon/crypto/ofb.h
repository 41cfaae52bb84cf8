/*
 * ofb: AES-128 in output feedback mode (SP 800-38A), which encrypts and decrypts alike.
 *
 * It authenticates nothing: whoever uses it checks a signature over IV and ciphertext first.
 */
#ifndef MP_CRYPTO_OFB_H
#define MP_CRYPTO_OFB_H

#include <stddef.h>
#include <stdint.h>

#define OFB_KEY 16
#define OFB_IV 16

/* out and in may be one; len at most 2^30. */
int ofb_crypt(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[static OFB_KEY],
    const uint8_t iv[static OFB_IV]);

#endif
