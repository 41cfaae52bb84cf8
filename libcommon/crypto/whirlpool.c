#include "crypto/whirlpool.h"

#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "base/buf.h"
#include "base/err.h"

static struct {
	pthread_once_t once;
	OSSL_LIB_CTX *lib;
	EVP_MD *md;
	EVP_MAC *hmac;
} own = {.once = PTHREAD_ONCE_INIT};

/* Kept until the process ends. */
static void fetch(void)
{
	if ((own.lib = OSSL_LIB_CTX_new()) == NULL ||
	    OSSL_PROVIDER_load(own.lib, "legacy") == NULL ||
	    OSSL_PROVIDER_load(own.lib, "default") == NULL)
		return;
	own.md = EVP_MD_fetch(own.lib, "WHIRLPOOL", NULL);
	own.hmac = EVP_MAC_fetch(own.lib, "HMAC", NULL);
}

static int ready(void)
{
	pthread_once(&own.once, fetch);
	if (own.md == NULL || own.hmac == NULL)
		return err_set(
		    MP_ESYS, "OpenSSL has no Whirlpool here: its legacy provider is missing");
	return MP_OK;
}

static int failed(void)
{
	return err_set(MP_ENOMEM, "no memory to hash");
}

static int hash(uint8_t out[static WHIRLPOOL_LEN], const struct part *parts, size_t n, int lengths)
{
	EVP_MD_CTX *ctx;
	uint8_t len[4];
	int r = ready(), good;

	if (r != MP_OK)
		return r;
	ctx = EVP_MD_CTX_new();
	good = ctx != NULL && EVP_DigestInit_ex2(ctx, own.md, NULL) == 1;
	for (size_t i = 0; good && i < n; i++) {
		put32(len, (uint32_t)parts[i].len);
		good = (!lengths || EVP_DigestUpdate(ctx, len, sizeof(len)) == 1) &&
		       EVP_DigestUpdate(ctx, parts[i].data, parts[i].len) == 1;
	}
	good = good && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return good ? MP_OK : failed();
}

int whirlpool(uint8_t out[static WHIRLPOOL_LEN], const void *data, size_t len)
{
	struct part part = {data, len};

	return hash(out, &part, 1, 0);
}

int whirlpool_parts(uint8_t out[static WHIRLPOOL_LEN], const struct part *parts, size_t n)
{
	return hash(out, parts, n, 1);
}

static int hmac(uint8_t out[static WHIRLPOOL_LEN], const uint8_t *key, size_t key_len,
    const struct part *parts, size_t n, int lengths)
{
	char name[] = "WHIRLPOOL";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
	    OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx;
	uint8_t len[4];
	int r = ready(), good;

	if (r != MP_OK)
		return r;
	ctx = EVP_MAC_CTX_new(own.hmac);
	good = ctx != NULL && EVP_MAC_init(ctx, key, key_len, params) == 1;
	for (size_t i = 0; good && i < n; i++) {
		put32(len, (uint32_t)parts[i].len);
		good = (!lengths || EVP_MAC_update(ctx, len, sizeof(len)) == 1) &&
		       EVP_MAC_update(ctx, parts[i].data, parts[i].len) == 1;
	}
	good = good && EVP_MAC_final(ctx, out, NULL, WHIRLPOOL_LEN) == 1;
	EVP_MAC_CTX_free(ctx);
	return good ? MP_OK : failed();
}

int whirlpool_hmac(uint8_t out[static WHIRLPOOL_LEN], const uint8_t *key, size_t key_len,
    const void *data, size_t len)
{
	struct part part = {data, len};

	return hmac(out, key, key_len, &part, 1, 0);
}

int whirlpool_hmac_parts(uint8_t out[static WHIRLPOOL_LEN], const uint8_t *key, size_t key_len,
    const struct part *parts, size_t n)
{
	return hmac(out, key, key_len, parts, n, 1);
}
