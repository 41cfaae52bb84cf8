#include "crypto/p256.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include "base/err.h"

/* Longest DER of two integers of 33 bytes. */
#define DER_MAX 72

/* What one calculation needs; all of it goes at the end. */
struct work {
	EC_GROUP *group;
	BN_CTX *ctx;
	EC_POINT *point;
	BIGNUM *scalar;
};

static void work_end(struct work *w)
{
	BN_clear_free(w->scalar);
	EC_POINT_clear_free(w->point);
	BN_CTX_free(w->ctx);
	EC_GROUP_free(w->group);
}

static int work_begin(struct work *w)
{
	w->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	w->ctx = BN_CTX_secure_new();
	w->point = w->group == NULL ? NULL : EC_POINT_new(w->group);
	w->scalar = BN_secure_new();
	if (w->group != NULL && w->ctx != NULL && w->point != NULL && w->scalar != NULL)
		return MP_OK;
	work_end(w);
	return err_set(MP_ENOMEM, "no memory for P-256");
}

static int scalar(struct work *w, const uint8_t secret[static P256_SECRET])
{
	if (BN_bin2bn(secret, P256_SECRET, w->scalar) == NULL)
		return err_set(MP_ENOMEM, "no memory for P-256");
	BN_set_flags(w->scalar, BN_FLG_CONSTTIME);
	if (BN_is_zero(w->scalar) || BN_cmp(w->scalar, EC_GROUP_get0_order(w->group)) >= 0)
		return err_set(MP_EBAD, "no secret key of P-256");
	return MP_OK;
}

static int point(struct work *w, const uint8_t pub[static P256_PUBLIC])
{
	if ((pub[0] != 2 && pub[0] != 3) ||
	    EC_POINT_oct2point(w->group, w->point, pub, P256_PUBLIC, w->ctx) != 1)
		return err_set(MP_EBAD, "no public key of P-256");
	return MP_OK;
}

int p256_check(const uint8_t pub[static P256_PUBLIC])
{
	struct work w;
	int r = work_begin(&w);

	if (r != MP_OK)
		return r;
	r = point(&w, pub);
	work_end(&w);
	return r;
}

int p256_public(uint8_t pub[static P256_PUBLIC], const uint8_t secret[static P256_SECRET])
{
	struct work w;
	int r = work_begin(&w);

	if (r != MP_OK)
		return r;
	if ((r = scalar(&w, secret)) == MP_OK &&
	    (EC_POINT_mul(w.group, w.point, w.scalar, NULL, NULL, w.ctx) != 1 ||
	        EC_POINT_point2oct(w.group, w.point, POINT_CONVERSION_COMPRESSED, pub, P256_PUBLIC,
	            w.ctx) != P256_PUBLIC))
		r = err_set(MP_ENOMEM, "no memory for P-256");
	work_end(&w);
	return r;
}

/* All but one in 2^32 draws are scalars. */
int p256_generate(uint8_t secret[static P256_SECRET], uint8_t pub[static P256_PUBLIC])
{
	int r;

	do {
		randombytes_buf(secret, P256_SECRET);
		r = p256_public(pub, secret);
	} while (r == MP_EBAD);
	return r;
}

int p256_ecdh(uint8_t out[static P256_SHARED], const uint8_t secret[static P256_SECRET],
    const uint8_t pub[static P256_PUBLIC])
{
	struct work w;
	BIGNUM *x = NULL;
	int r = work_begin(&w);

	if (r != MP_OK)
		return r;
	if ((r = scalar(&w, secret)) != MP_OK || (r = point(&w, pub)) != MP_OK)
		goto out;
	if ((x = BN_secure_new()) == NULL ||
	    EC_POINT_mul(w.group, w.point, NULL, w.point, w.scalar, w.ctx) != 1 ||
	    EC_POINT_get_affine_coordinates(w.group, w.point, x, NULL, w.ctx) != 1 ||
	    BN_bn2binpad(x, out, P256_SHARED) != P256_SHARED)
		r = err_set(MP_ENOMEM, "no memory for P-256");
out:
	BN_clear_free(x);
	work_end(&w);
	return r;
}

/* An EVP key of pub, and of secret when that is not NULL. */
static int evp_key(EVP_PKEY **out, const uint8_t *secret, const uint8_t pub[static P256_PUBLIC])
{
	BIGNUM *d = secret == NULL ? NULL : BN_secure_new();
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params = NULL;
	int r = err_set(MP_ENOMEM, "no memory for P-256");

	*out = NULL;
	if (build == NULL || ctx == NULL || (secret != NULL && d == NULL) ||
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, pub, P256_PUBLIC) != 1)
		goto out;
	if (secret != NULL && (BN_bin2bn(secret, P256_SECRET, d) == NULL ||
	                          OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d) != 1))
		goto out;
	if ((params = OSSL_PARAM_BLD_to_param(build)) == NULL || EVP_PKEY_fromdata_init(ctx) != 1)
		goto out;
	if (EVP_PKEY_fromdata(
	        ctx, out, secret == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params) == 1)
		r = MP_OK;
	else
		r = err_set(MP_EBAD, "no key of P-256");
out:
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_clear_free(d);
	return r;
}

static int from_der(uint8_t sig[static P256_SIGNATURE], const uint8_t *der, size_t len)
{
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)len);
	int good = s != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32) == 32 &&
	           BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32) == 32;

	ECDSA_SIG_free(s);
	return good ? MP_OK : err_set(MP_ENOMEM, "no memory for a signature");
}

int p256_sign(uint8_t sig[static P256_SIGNATURE], const uint8_t secret[static P256_SECRET],
    const uint8_t *digest, size_t len)
{
	uint8_t pub[P256_PUBLIC], der[DER_MAX];
	size_t n = sizeof(der);
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key;
	int r = p256_public(pub, secret);

	if (r != MP_OK || (r = evp_key(&key, secret, pub)) != MP_OK)
		return r;
	ctx = EVP_PKEY_CTX_new(key, NULL);
	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_sign(ctx, der, &n, digest, len) != 1)
		r = err_set(MP_ENOMEM, "cannot sign");
	else
		r = from_der(sig, der, n);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return r;
}

/* Returns the length, 0 for no memory. */
static size_t to_der(uint8_t **der, const uint8_t sig[static P256_SIGNATURE])
{
	BIGNUM *r = BN_bin2bn(sig, 32, NULL), *s = BN_bin2bn(sig + 32, 32, NULL);
	ECDSA_SIG *both = ECDSA_SIG_new();
	int len = 0;

	*der = NULL;
	if (r != NULL && s != NULL && both != NULL && ECDSA_SIG_set0(both, r, s) == 1) {
		r = s = NULL; /* both owns them */
		len = i2d_ECDSA_SIG(both, der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(both);
	return len > 0 ? (size_t)len : 0;
}

int p256_verify(const uint8_t sig[static P256_SIGNATURE], const uint8_t pub[static P256_PUBLIC],
    const uint8_t *digest, size_t len)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key;
	uint8_t *der = NULL;
	size_t n;
	int r = evp_key(&key, NULL, pub);

	if (r != MP_OK)
		return r;
	ctx = EVP_PKEY_CTX_new(key, NULL);
	n = to_der(&der, sig);
	if (ctx == NULL || n == 0 || EVP_PKEY_verify_init(ctx) != 1)
		r = err_set(MP_ENOMEM, "no memory to verify");
	else if (EVP_PKEY_verify(ctx, der, n, digest, len) != 1)
		r = err_set(MP_EBAD, "the signature does not hold");
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return r;
}
