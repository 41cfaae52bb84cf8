/*
 * serverkey: the RSA-2048 key of a chat server, and what a client has of it.
 *
 * OAEP with SHA-256 (and MGF1 with SHA-256), no label.  The public form that travels from hand to
 * hand is two lines: a comment with the fingerprint, and base64 of the SubjectPublicKeyInfo in DER.
 * The caller frees with serverkey_free(), NULL is nothing.
 */
#ifndef MP_CRYPTO_SERVERKEY_H
#define MP_CRYPTO_SERVERKEY_H

#include "base/buf.h"
#include "crypto/identity.h"

#define SERVERKEY_WRAPPED 256

struct serverkey;

int serverkey_new(struct serverkey **out);
void serverkey_free(struct serverkey *k);

/* PEM of the private key (PKCS#8). */
int serverkey_write(struct buf *pem, const struct serverkey *k);
int serverkey_read(struct serverkey **out, const struct buf *pem);

/* The two lines. Read: MP_EBAD unless the key is RSA-2048 and the base64 is canonical. */
int serverkey_public(struct buf *text, const struct serverkey *k);
int serverkey_from_public(struct serverkey **out, const char *text, size_t len);

void serverkey_fingerprint(char out[static FINGERPRINT_TEXT], const struct serverkey *k);

int serverkey_wrap(uint8_t out[static SERVERKEY_WRAPPED], const struct serverkey *k,
    const uint8_t secret[static 32]);
/* MP_EBAD for everything that was not made by serverkey_wrap(). */
int serverkey_unwrap(uint8_t secret[static 32], const struct serverkey *k,
    const uint8_t in[static SERVERKEY_WRAPPED]);

/* SHA-256 over label | data, cut to 20 bytes: eight groups of 4 lower-case base32 characters. */
void fingerprint_text(
    char out[static FINGERPRINT_TEXT], const char *label, const void *data, size_t len);

#endif
