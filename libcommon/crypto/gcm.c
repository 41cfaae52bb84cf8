#include "crypto/gcm.h"

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"

static const uint8_t no_key[32];

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

static int make(void)
{
	pthread_once(&once, make_slot);
	gcm = EVP_CIPHER_CTX_new();
	if (gcm != NULL && EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1 &&
	    pthread_setspecific(slot, gcm) == 0)
		return 1;
	EVP_CIPHER_CTX_free(gcm);
	gcm = NULL;
	return 0;
}

EVP_CIPHER_CTX *gcm_context(void)
{
	if ((gcm != NULL || make()) &&
	    EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_IVLEN, GCM_IV, NULL) == 1)
		return gcm;
	err_set(MP_ENOMEM, "no memory for a cipher");
	return NULL;
}

void gcm_forget(EVP_CIPHER_CTX *ctx)
{
	EVP_EncryptInit_ex(ctx, NULL, NULL, no_key, NULL);
}
