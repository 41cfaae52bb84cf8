/*
 * envelope: the sealed object that travels (mp-protocol(7), ENVELOPE).
 *
 *   IV 12 | AES-256-GCM ciphertext | tag 16          AAD "mariposa/1"
 *   plaintext: contact id 32 | hlen u32 | blen u32 | header | body | zeros,
 *   in all exactly max(1024, padme(40 + hlen + blen)) bytes
 *
 * The matcher finds whose key fits at the price of one AES block a key, whatever the envelope's
 * size: the first keystream block must turn the first ciphertext block into the first half of the
 * contact id.
 */
#ifndef MP_CRYPTO_ENVELOPE_H
#define MP_CRYPTO_ENVELOPE_H

#include <stdint.h>
#include "base/buf.h"
#include "crypto/kdf.h"

#define ENVELOPE_MAX (512u * 1024u) /* an envelope's bytes, at most */
#define ENVELOPE_MIN (12u + 1024u + 16u)
#define ENVELOPE_OVERHEAD 28u  /* IV and tag */
#define ENVELOPE_CHUNK 262144u /* 40 + hlen + blen of a file's chunk, at most */

/*
 * Plaintext length for len = 40 + hlen + blen.  Padme: with E = floor(log2 len) and S = floor(log2
 * E) + 1, up to a multiple of 2^(E-S).
 */
size_t envelope_padded(size_t len);

/* Appends a new envelope with a random IV. MP_ELIMIT past ENVELOPE_MAX. */
int envelope_seal(struct buf *out, const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID], const void *header, size_t hlen, const void *body,
    size_t blen);

/* The same with a given IV, for vectors only. */
int envelope_seal_iv(struct buf *out, const uint8_t iv[static 12],
    const uint8_t key[static KEY_LEN], const uint8_t id[static CONTACT_ID], const void *header,
    size_t hlen, const void *body, size_t blen);

/*
 * Verified in full (tag, whole id in constant time, lengths, exact padding) before a byte is given
 * out: header and body point into plain, which the caller owns.  Every failure is MP_EBAD,
 * with one and the same detail.
 */
struct envelope {
	const uint8_t *header, *body;
	size_t hlen, blen;
};
int envelope_open(struct envelope *out, struct buf *plain, const uint8_t *data, size_t len,
    const uint8_t key[static KEY_LEN], const uint8_t id[static CONTACT_ID]);

/*
 * keyring: receiving keys packed for trial decryption, one slot of 64 bytes a key:
 *   key 32 | first half of the contact id 16 | owner u64 big endian (the store's row) | zero 8
 * The bytes are the cached row of the store as it is.
 */
#define KEYRING_SLOT 64
struct matcher; /* a reused cipher context; one a thread */
int matcher_new(struct matcher **out);
void matcher_free(struct matcher *m);

/*
 * Every slot is tried, always.  Returns the number of slots that fit and stores the
 * owners of the first max of them (a second hit is chance or an attack; open decides).
 */
size_t matcher_find(struct matcher *m, const uint8_t *slots, size_t n, const uint8_t *envelope,
    size_t len, uint64_t *owners, size_t max);

void keyring_slot(uint8_t out[static KEYRING_SLOT], const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID], uint64_t owner);

#endif
