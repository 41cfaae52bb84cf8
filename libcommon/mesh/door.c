#include "mesh/door.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/kdf.h"

#include <string.h>

#include <sodium.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD 4 /* the length */

static const uint8_t ad[] = "mp room/1";

_Static_assert(
    DOOR_SEALED >= NONCE + TAG + (DOOR_LINE + HEAD + DOOR_STEP - 1) / DOOR_STEP * DOOR_STEP,
    "the longest line fits");

/* With their lengths, so that no other room and password give the same bytes. */
static int join(struct buf *b, const char *room, const char *password)
{
	int rc;

	if ((rc = buf_add32(b, (uint32_t)strlen(room))) == 0 && (rc = buf_adds(b, room)) == 0 &&
	    (rc = buf_add32(b, (uint32_t)strlen(password))) == 0)
		rc = buf_adds(b, password);
	return rc;
}

int door_make(
    struct door *d, const char *room, const uint8_t server[static ONION_KEY], const char *password)
{
	struct buf words = BUF_INIT(4096);
	uint8_t salt[crypto_pwhash_SALTBYTES], slow[32];
	int rc = join(&words, room, password);

	if (rc == 0)
		rc = hkdf_sha256(salt, sizeof(salt), server, ONION_KEY, NULL, 0,
		    (const uint8_t *)"mp room/1 salt", 14);
	if (rc == 0 && crypto_pwhash(slow, sizeof(slow), (const char *)words.data, words.len, salt,
	                   crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE,
	                   crypto_pwhash_ALG_ARGON2ID13) != 0)
		rc = err_set(MP_ENOMEM, "out of memory");
	if (rc == 0 && (rc = hkdf_sha256(d->id, DOOR_ID, slow, sizeof(slow), NULL, 0,
	                    (const uint8_t *)"mp room/1 id", 12)) == 0)
		rc = hkdf_sha256(d->key, sizeof(d->key), slow, sizeof(slow), NULL, 0,
		    (const uint8_t *)"mp room/1 key", 13);
	secret_wipe(slow, sizeof(slow));
	buf_free(&words);
	return rc;
}

void door_wipe(struct door *d)
{
	secret_wipe(d, sizeof(*d));
}

static size_t padded(size_t len)
{
	return (HEAD + len + DOOR_STEP - 1) / DOOR_STEP * DOOR_STEP;
}

int door_seal(struct buf *out, const struct door *d, const void *line, size_t len)
{
	uint8_t plain[DOOR_SEALED] = {0}, *at;
	size_t size = padded(len);
	int rc;

	if (len > DOOR_LINE)
		return err_set(MP_ELIMIT, "a line of more than %d bytes", DOOR_LINE);
	if ((rc = buf_reserve(out, NONCE + size + TAG)) != 0)
		return rc;
	put32(plain, (uint32_t)len);
	memcpy(plain + HEAD, line, len);
	at = out->data + out->len;
	randombytes_buf(at, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    at + NONCE, NULL, plain, size, ad, sizeof(ad) - 1, NULL, at, d->key);
	out->len += NONCE + size + TAG;
	secret_wipe(plain, size);
	return 0;
}

static int read_plain(const uint8_t **line, size_t *len, const struct buf *plain)
{
	size_t n = get32(plain->data);

	*line = plain->data + HEAD;
	*len = n;
	if (n > DOOR_LINE || plain->len != padded(n) || memchr(*line, '\n', n) != NULL ||
	    !sodium_is_zero(*line + n, plain->len - HEAD - n))
		return err_set(MP_EBAD, "a sealed line is none");
	return 0;
}

int door_open(const uint8_t **line, size_t *len, struct buf *plain, const struct door *d,
    const uint8_t *sealed, size_t sealed_len)
{
	int rc;

	buf_clear(plain);
	if (sealed_len < NONCE + TAG + DOOR_STEP || sealed_len > DOOR_SEALED)
		return err_set(MP_EBAD, "a sealed line of a wrong size");
	if ((rc = buf_reserve(plain, sealed_len - NONCE - TAG)) != 0)
		return rc;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain->data, NULL, NULL, sealed + NONCE,
	        sealed_len - NONCE, ad, sizeof(ad) - 1, sealed, d->key) != 0)
		return err_set(MP_EBAD, "a line that nobody of this room sealed");
	plain->len = sealed_len - NONCE - TAG;
	return read_plain(line, len, plain);
}

void door_mark(uint8_t mark[static DOOR_MARK], const uint8_t *sealed, size_t len)
{
	crypto_generichash(mark, DOOR_MARK, sealed, len, NULL, 0);
}
