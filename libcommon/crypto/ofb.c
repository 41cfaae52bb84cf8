#include "crypto/ofb.h"

#include <openssl/evp.h>

#include "base/err.h"

int ofb_crypt(uint8_t *out, const uint8_t *in, size_t len, const uint8_t key[static OFB_KEY],
    const uint8_t iv[static OFB_IV])
{
	EVP_CIPHER_CTX *ctx;
	int n, good;

	if (len > 1u << 30)
		return err_set(MP_ELIMIT, "too long to encrypt");
	ctx = EVP_CIPHER_CTX_new();
	good = ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_128_ofb(), NULL, key, iv) == 1 &&
	       EVP_EncryptUpdate(ctx, out, &n, in, (int)len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return good ? MP_OK : err_set(MP_ENOMEM, "no memory to encrypt");
}
