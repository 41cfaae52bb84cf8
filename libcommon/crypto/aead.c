#include "crypto/aead.h"

#include <pthread.h>
#include <string.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/err.h"

static const uint8_t no_key[32];

/* One context a thread: making one costs more than sealing a short frame.  Its thread's end frees
 * it. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t slot;
static _Thread_local EVP_CIPHER_CTX *gcm;

static void free_context(void *ctx)
{
	EVP_CIPHER_CTX_free(ctx);
}

static void make_slot(void)
{
	pthread_key_create(&slot, free_context);
}

static EVP_CIPHER_CTX *context(void)
{
	if (gcm != NULL)
		return gcm;
	pthread_once(&once, make_slot);
	gcm = EVP_CIPHER_CTX_new();
	if (gcm == NULL || EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, NULL, NULL) != 1 ||
	    pthread_setspecific(slot, gcm) != 0) {
		EVP_CIPHER_CTX_free(gcm);
		gcm = NULL;
		err_set(MP_ENOMEM, "no memory for a cipher");
	}
	return gcm;
}

static void forget(EVP_CIPHER_CTX *ctx)
{
	EVP_EncryptInit_ex(ctx, NULL, NULL, no_key, NULL);
}

static int begin(EVP_CIPHER_CTX *ctx, const struct aead *a, int encrypt)
{
	int n;

	return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)a->ivlen, NULL) == 1 &&
	       EVP_CipherInit_ex(ctx, NULL, NULL, a->key, a->iv, encrypt) == 1 &&
	       (a->aadlen == 0 || EVP_CipherUpdate(ctx, NULL, &n, a->aad, (int)a->aadlen) == 1);
}

int aead_seal(uint8_t *out, const struct aead *a, const void *plain, size_t len)
{
	EVP_CIPHER_CTX *ctx = context();
	int n, good;

	if (ctx == NULL)
		return MP_ENOMEM;
	good = begin(ctx, a, 1) &&
	       (len == 0 || EVP_CipherUpdate(ctx, out, &n, plain, (int)len) == 1) &&
	       EVP_CipherFinal_ex(ctx, out + len, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)a->tag, out + len) == 1;
	forget(ctx);
	return good ? 0 : err_set(MP_ENOMEM, "cannot encrypt");
}

int aead_open(uint8_t *out, const struct aead *a, const uint8_t *sealed, size_t len)
{
	EVP_CIPHER_CTX *ctx = context();
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
	forget(ctx);
	if (good)
		return 0;
	if (text > 0)
		sodium_memzero(out, text);
	return err_set(MP_EBAD, "what was encrypted is not authentic");
}
