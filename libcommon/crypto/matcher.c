/* The matcher of crypto/envelope.h. */
#include "crypto/envelope.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/err.h"

#define BLOCK 16
#define IV 12

struct matcher {
	EVP_CIPHER_CTX *ecb;
};

/*
 * Padding stays on, though no last block is ever asked for: turned off, OpenSSL 3.0 looks
 * its setting up by name at each new key, which takes half as long again.
 */
int matcher_new(struct matcher **out)
{
	struct matcher *m = calloc(1, sizeof(*m));

	if (m == NULL || (m->ecb = EVP_CIPHER_CTX_new()) == NULL ||
	    EVP_EncryptInit_ex(m->ecb, EVP_aes_256_ecb(), NULL, NULL, NULL) != 1) {
		matcher_free(m);
		return err_set(MP_ENOMEM, "no memory for a cipher");
	}
	*out = m;
	return MP_OK;
}

void matcher_free(struct matcher *m)
{
	if (m == NULL)
		return;
	EVP_CIPHER_CTX_free(m->ecb);
	free(m);
}

static int fits(EVP_CIPHER_CTX *ecb, const uint8_t slot[static KEYRING_SLOT],
    const uint8_t counter[static BLOCK], const uint8_t first[static BLOCK])
{
	uint64_t stream[2], want[2], have[2];
	int n = 0;

	if (EVP_EncryptInit_ex(ecb, NULL, NULL, slot, NULL) != 1 ||
	    EVP_EncryptUpdate(ecb, (uint8_t *)stream, &n, counter, BLOCK) != 1 || n != BLOCK)
		return 0;
	memcpy(want, slot + KEY_LEN, BLOCK);
	memcpy(have, first, BLOCK);
	return ((stream[0] ^ want[0] ^ have[0]) | (stream[1] ^ want[1] ^ have[1])) == 0;
}

static uint64_t owner(const uint8_t slot[static KEYRING_SLOT])
{
	const uint8_t *p = slot + KEY_LEN + BLOCK;

	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

size_t matcher_find(struct matcher *m, const uint8_t *slots, size_t n, const uint8_t *envelope,
    size_t len, uint64_t *owners, size_t max)
{
	static const uint8_t no_key[KEY_LEN];
	uint8_t counter[BLOCK] = {0};
	size_t found = 0;

	if (len < ENVELOPE_MIN || len > ENVELOPE_MAX)
		return 0;
	/* GCM with a 96-bit IV: block 1 masks the tag, block 2 the first ciphertext block. */
	memcpy(counter, envelope, IV);
	counter[BLOCK - 1] = 2;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *slot = slots + i * KEYRING_SLOT;

		if (!fits(m->ecb, slot, counter, envelope + IV))
			continue;
		if (found < max)
			owners[found] = owner(slot);
		found++;
	}
	EVP_EncryptInit_ex(m->ecb, NULL, NULL, no_key, NULL);
	return found;
}

void keyring_slot(uint8_t out[static KEYRING_SLOT], const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID], uint64_t owner_row)
{
	memset(out, 0, KEYRING_SLOT);
	memcpy(out, key, KEY_LEN);
	memcpy(out + KEY_LEN, id, BLOCK);
	put32(out + KEY_LEN + BLOCK, (uint32_t)(owner_row >> 32));
	put32(out + KEY_LEN + BLOCK + 4, (uint32_t)owner_row);
}
