#include "crypto/rsa.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

#define AAD "mp mesh/1"

struct rsa_key {
	EVP_PKEY *pkey;
	uint8_t der[RSA_DER];
};

/* What stands before the modulus, and the exponent behind it (RFC 8017, RFC 5280). */
static const uint8_t der_head[] = {0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48,
    0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01,
    0x0a, 0x02, 0x82, 0x01, 0x01, 0x00};
static const uint8_t der_tail[] = {0x02, 0x03, 0x01, 0x00, 0x01};

_Static_assert(sizeof(der_head) + RSA_BYTES + sizeof(der_tail) == RSA_DER, "a key's one form");

bool rsa_der_ok(const uint8_t der[static RSA_DER])
{
	const uint8_t *n = der + sizeof(der_head);

	return memcmp(der, der_head, sizeof(der_head)) == 0 &&
	       memcmp(n + RSA_BYTES, der_tail, sizeof(der_tail)) == 0 && (n[0] & 0x80) != 0 &&
	       (n[RSA_BYTES - 1] & 1) != 0;
}

/* Takes pkey over. */
static int wrap(struct rsa_key **out, EVP_PKEY *pkey)
{
	struct rsa_key *k = calloc(1, sizeof(*k));
	uint8_t *der = NULL;
	int n;

	*out = NULL;
	if (k == NULL) {
		EVP_PKEY_free(pkey);
		return err_set(MP_ENOMEM, "out of memory");
	}
	k->pkey = pkey;
	n = i2d_PUBKEY(pkey, &der);
	if (n == RSA_DER)
		memcpy(k->der, der, RSA_DER);
	OPENSSL_free(der);
	if (n != RSA_DER || !rsa_der_ok(k->der)) {
		rsa_free(k);
		return err_set(MP_EBAD, "not an RSA key of 2048 bits with exponent 65537");
	}
	*out = k;
	return 0;
}

int rsa_new(struct rsa_key **out)
{
	EVP_PKEY *pkey = EVP_RSA_gen(8 * RSA_BYTES);

	*out = NULL;
	return pkey == NULL ? err_set(MP_ENOMEM, "cannot make an RSA key") : wrap(out, pkey);
}

int rsa_read(struct rsa_key **out, const void *pem, size_t len)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");

	*out = NULL;
	BIO_free(bio);
	return pkey == NULL ? err_set(MP_EBAD, "not a private key in PEM") : wrap(out, pkey);
}

int rsa_write(const struct rsa_key *k, struct buf *pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data = NULL;
	long n;
	int rc;

	if (bio == NULL ||
	    PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
		BIO_free(bio);
		return err_set(MP_ENOMEM, "cannot write an RSA key");
	}
	n = BIO_get_mem_data(bio, &data);
	rc = buf_add(pem, data, (size_t)n);
	BIO_free(bio); /* wipes */
	return rc;
}

void rsa_free(struct rsa_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

const uint8_t *rsa_der(const struct rsa_key *k)
{
	return k->der;
}

static EVP_PKEY *parse(const uint8_t der[static RSA_DER])
{
	const uint8_t *p = der;

	return rsa_der_ok(der) ? d2i_PUBKEY(NULL, &p, RSA_DER) : NULL;
}

static bool set_pss(EVP_PKEY_CTX *c)
{
	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST) == 1;
}

int rsa_sign(uint8_t sig[static RSA_BYTES], const struct rsa_key *k, const void *data, size_t len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *c;
	size_t n = RSA_BYTES;
	bool good = md != NULL && EVP_DigestSignInit(md, &c, EVP_sha256(), NULL, k->pkey) == 1 &&
	            set_pss(c) && EVP_DigestSign(md, sig, &n, data, len) == 1 && n == RSA_BYTES;

	EVP_MD_CTX_free(md);
	return good ? 0 : err_set(MP_ENOMEM, "cannot sign");
}

int rsa_verify(const uint8_t der[static RSA_DER], const uint8_t sig[static RSA_BYTES],
    const void *data, size_t len)
{
	EVP_PKEY *pkey = parse(der);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *c;
	bool good = pkey != NULL && md != NULL &&
	            EVP_DigestVerifyInit(md, &c, EVP_sha256(), NULL, pkey) == 1 && set_pss(c) &&
	            EVP_DigestVerify(md, sig, RSA_BYTES, data, len) == 1;

	EVP_MD_CTX_free(md);
	EVP_PKEY_free(pkey);
	return good ? 0 : err_set(MP_EBAD, "wrong signature");
}

static bool set_oaep(EVP_PKEY_CTX *c)
{
	return EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) == 1;
}

static bool wrap_key(
    uint8_t out[static RSA_BYTES], const uint8_t der[static RSA_DER], const uint8_t key[static 32])
{
	EVP_PKEY *pkey = parse(der);
	EVP_PKEY_CTX *c = pkey == NULL ? NULL : EVP_PKEY_CTX_new(pkey, NULL);
	size_t n = RSA_BYTES;
	bool good = c != NULL && EVP_PKEY_encrypt_init(c) == 1 && set_oaep(c) &&
	            EVP_PKEY_encrypt(c, out, &n, key, 32) == 1 && n == RSA_BYTES;

	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(pkey);
	return good;
}

static bool unwrap_key(
    uint8_t key[static RSA_BYTES], const struct rsa_key *k, const uint8_t in[static RSA_BYTES])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->pkey, NULL);
	size_t n = RSA_BYTES;
	bool good = c != NULL && EVP_PKEY_decrypt_init(c) == 1 && set_oaep(c) &&
	            EVP_PKEY_decrypt(c, key, &n, in, RSA_BYTES) == 1 && n == 32;

	EVP_PKEY_CTX_free(c);
	return good;
}

static bool encrypt(uint8_t *out, uint8_t tag[static 16], const uint8_t key[static 32],
    const uint8_t iv[static 12], const void *data, size_t len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;
	bool good = c != NULL && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv) == 1 &&
	            EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)AAD, sizeof(AAD) - 1) == 1 &&
	            EVP_EncryptUpdate(c, out, &n, data, (int)len) == 1 &&
	            EVP_EncryptFinal_ex(c, out + n, &n) == 1 &&
	            EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1;

	EVP_CIPHER_CTX_free(c);
	return good;
}

static bool decrypt(uint8_t *out, const uint8_t tag[static 16], const uint8_t key[static 32],
    const uint8_t iv[static 12], const uint8_t *data, size_t len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t rest[16];
	int n;
	bool good =
	    c != NULL && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv) == 1 &&
	    EVP_DecryptUpdate(c, NULL, &n, (const uint8_t *)AAD, sizeof(AAD) - 1) == 1 &&
	    EVP_DecryptUpdate(c, out, &n, data, (int)len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(uintptr_t)tag) == 1 &&
	    EVP_DecryptFinal_ex(c, rest, &n) == 1;

	EVP_CIPHER_CTX_free(c);
	return good;
}

int rsa_seal(struct buf *out, const uint8_t der[static RSA_DER], const void *data, size_t len)
{
	uint8_t key[32], *p;
	int rc;

	if (len > (size_t)INT32_MAX - RSA_OVERHEAD)
		return err_set(MP_ELIMIT, "too large to seal");
	if ((rc = buf_reserve(out, len + RSA_OVERHEAD)) != 0)
		return rc;
	p = out->data + out->len;
	randombytes_buf(key, sizeof(key));
	randombytes_buf(p + RSA_BYTES, 12);
	if (!wrap_key(p, der, key))
		rc = err_set(MP_EBAD, "not an RSA key that can be sealed to");
	else if (!encrypt(
	             p + RSA_BYTES + 12, p + RSA_BYTES + 12 + len, key, p + RSA_BYTES, data, len))
		rc = err_set(MP_ENOMEM, "cannot seal");
	else
		out->len += len + RSA_OVERHEAD;
	secret_wipe(key, sizeof(key));
	return rc;
}

int rsa_open(struct buf *out, const struct rsa_key *k, const void *blob, size_t len)
{
	const uint8_t *p = blob;
	uint8_t key[RSA_BYTES];
	size_t n;
	int rc;

	if (len <= RSA_OVERHEAD || len > INT32_MAX)
		return err_set(MP_EBAD, "not sealed to this key");
	n = len - RSA_OVERHEAD;
	if ((rc = buf_reserve(out, n)) != 0)
		return rc;
	if (!unwrap_key(key, k, p) ||
	    !decrypt(out->data + out->len, p + len - 16, key, p + RSA_BYTES, p + RSA_BYTES + 12, n))
		rc = err_set(MP_EBAD, "not sealed to this key");
	else
		out->len += n;
	secret_wipe(key, sizeof(key));
	return rc;
}
