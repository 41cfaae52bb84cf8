#include "crypto/envelope.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "crypto/gcm.h"

#define IV GCM_IV
#define TAG 16
#define PREFIX 40u /* contact id 32, hlen 4, blen 4 */

static const uint8_t aad[10] = "mariposa/1";
static unsigned log2_floor(size_t n)
{
	unsigned e = 0;

	while (n >>= 1)
		e++;
	return e;
}

size_t envelope_padded(size_t len)
{
	unsigned e, s;
	size_t mask;

	if (len <= ENVELOPE_MIN - ENVELOPE_OVERHEAD)
		return ENVELOPE_MIN - ENVELOPE_OVERHEAD;
	e = log2_floor(len);
	s = log2_floor(e) + 1;
	mask = ((size_t)1 << (e - s)) - 1;
	return (len + mask) & ~mask;
}

/* Each part is encrypted straight into its place: at 256 KiB a copy would be a tenth of the work.
 */
static int encrypt(EVP_CIPHER_CTX *ctx, uint8_t *p, const uint8_t prefix[static PREFIX],
    const void *header, size_t hlen, const void *body, size_t blen, size_t pad)
{
	int n;

	if (EVP_EncryptUpdate(ctx, NULL, &n, aad, sizeof(aad)) != 1 ||
	    EVP_EncryptUpdate(ctx, p, &n, prefix, PREFIX) != 1)
		return 0;
	p += PREFIX;
	if (hlen > 0 && EVP_EncryptUpdate(ctx, p, &n, header, (int)hlen) != 1)
		return 0;
	p += hlen;
	if (blen > 0 && EVP_EncryptUpdate(ctx, p, &n, body, (int)blen) != 1)
		return 0;
	p += blen;
	memset(p, 0, pad);
	if (pad > 0 && EVP_EncryptUpdate(ctx, p, &n, p, (int)pad) != 1)
		return 0;
	p += pad;
	return EVP_EncryptFinal_ex(ctx, p, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, p) == 1;
}

int envelope_seal_iv(struct buf *out, const uint8_t iv[static 12],
    const uint8_t key[static KEY_LEN], const uint8_t id[static CONTACT_ID], const void *header,
    size_t hlen, const void *body, size_t blen)
{
	EVP_CIPHER_CTX *ctx = gcm_context();
	uint8_t prefix[PREFIX], *p;
	size_t used, total;
	int r;

	if (ctx == NULL)
		return MP_ENOMEM;
	if (hlen > ENVELOPE_MAX || blen > ENVELOPE_MAX ||
	    (total = envelope_padded(used = PREFIX + hlen + blen)) >
	        ENVELOPE_MAX - ENVELOPE_OVERHEAD)
		return err_set(MP_ELIMIT, "too large for an envelope: %zu bytes", hlen + blen);
	if ((r = buf_reserve(out, total + ENVELOPE_OVERHEAD)) != MP_OK)
		return r;
	memcpy(prefix, id, CONTACT_ID);
	put32(prefix + 32, (uint32_t)hlen);
	put32(prefix + 36, (uint32_t)blen);
	p = out->data + out->len;
	memcpy(p, iv, IV);
	if (EVP_EncryptInit_ex(ctx, NULL, NULL, key, iv) == 1 &&
	    encrypt(ctx, p + IV, prefix, header, hlen, body, blen, total - used))
		out->len += total + ENVELOPE_OVERHEAD;
	else
		r = err_set(MP_ENOMEM, "cannot seal the envelope");
	gcm_forget(ctx);
	sodium_memzero(prefix, sizeof(prefix));
	return r;
}

int envelope_seal(struct buf *out, const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID], const void *header, size_t hlen, const void *body,
    size_t blen)
{
	uint8_t iv[IV];

	randombytes_buf(iv, sizeof(iv));
	return envelope_seal_iv(out, iv, key, id, header, hlen, body, blen);
}

static int decrypt(EVP_CIPHER_CTX *ctx, uint8_t *out, const uint8_t *data, size_t total,
    const uint8_t key[static KEY_LEN])
{
	/* EVP takes the tag as non-const and copies it. */
	uint8_t tag[TAG];
	int n;

	memcpy(tag, data + IV + total, TAG);
	return EVP_DecryptInit_ex(ctx, NULL, NULL, key, data) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
	       EVP_DecryptUpdate(ctx, NULL, &n, aad, sizeof(aad)) == 1 &&
	       EVP_DecryptUpdate(ctx, out, &n, data + IV, (int)total) == 1 &&
	       EVP_DecryptFinal_ex(ctx, out + n, &n) == 1;
}

/* The plaintext is authentic: is it of this contact, and of the one form that its lengths allow? */
static int parse(
    struct envelope *out, const uint8_t *p, size_t total, const uint8_t id[static CONTACT_ID])
{
	size_t hlen = get32(p + 32), blen = get32(p + 36), used;
	const uint8_t *pad;

	if (sodium_memcmp(p, id, CONTACT_ID) != 0)
		return 0;
	if (hlen > ENVELOPE_MAX || blen > ENVELOPE_MAX || (used = PREFIX + hlen + blen) > total ||
	    envelope_padded(used) != total)
		return 0;
	pad = p + used;
	if (used < total && (pad[0] != 0 || memcmp(pad, pad + 1, total - used - 1) != 0))
		return 0;
	*out = (struct envelope){
	    .header = p + PREFIX, .body = p + PREFIX + hlen, .hlen = hlen, .blen = blen};
	return 1;
}

int envelope_open(struct envelope *out, struct buf *plain, const uint8_t *data, size_t len,
    const uint8_t key[static KEY_LEN], const uint8_t id[static CONTACT_ID])
{
	EVP_CIPHER_CTX *ctx = gcm_context();
	size_t total;
	int r, good;

	if (ctx == NULL)
		return MP_ENOMEM;
	buf_clear(plain);
	if (len < ENVELOPE_MIN || len > ENVELOPE_MAX)
		goto bad;
	total = len - ENVELOPE_OVERHEAD;
	if ((r = buf_reserve(plain, total)) != MP_OK)
		return r;
	good = decrypt(ctx, plain->data, data, total, key);
	gcm_forget(ctx);
	if (!good || !parse(out, plain->data, total, id)) {
		sodium_memzero(plain->data, total);
		goto bad;
	}
	plain->len = total;
	return MP_OK;
bad:
	return err_set(MP_EBAD, "the envelope does not open");
}
