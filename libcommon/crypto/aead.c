#include "crypto/aead.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "crypto/gcm.h"

static int begin(EVP_CIPHER_CTX *ctx, const struct aead *a, int encrypt)
{
	int n;

	return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)a->ivlen, NULL) == 1 &&
	       EVP_CipherInit_ex(ctx, NULL, NULL, a->key, a->iv, encrypt) == 1 &&
	       (a->aadlen == 0 || EVP_CipherUpdate(ctx, NULL, &n, a->aad, (int)a->aadlen) == 1);
}

int aead_seal(uint8_t *out, const struct aead *a, const void *plain, size_t len)
{
	EVP_CIPHER_CTX *ctx = gcm_context();
	int n, good;

	if (ctx == NULL)
		return MP_ENOMEM;
	good = begin(ctx, a, 1) &&
	       (len == 0 || EVP_CipherUpdate(ctx, out, &n, plain, (int)len) == 1) &&
	       EVP_CipherFinal_ex(ctx, out + len, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)a->tag, out + len) == 1;
	gcm_forget(ctx);
	return good ? 0 : err_set(MP_ENOMEM, "cannot encrypt");
}

int aead_open(uint8_t *out, const struct aead *a, const uint8_t *sealed, size_t len)
{
	EVP_CIPHER_CTX *ctx = gcm_context();
	uint8_t tag[16];
	size_t text;
	int n, good;

	if (ctx == NULL)
		return MP_ENOMEM;
	if (len < a->tag)
		return err_set(MP_EBAD, "what was encrypted is too short");
	text = len - a->tag;
	memcpy(tag, sealed + text, a->tag);
	good = begin(ctx, a, 0) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)a->tag, tag) == 1 &&
	       (text == 0 || EVP_CipherUpdate(ctx, out, &n, sealed, (int)text) == 1) &&
	       EVP_CipherFinal_ex(ctx, out + text, &n) == 1;
	gcm_forget(ctx);
	if (good)
		return 0;
	if (text > 0)
		sodium_memzero(out, text);
	return err_set(MP_EBAD, "what was encrypted is not authentic");
}
