#include "crypto/serverkey.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/secret.h"

#define COMMENT "untrusted comment: "

struct serverkey {
	EVP_PKEY *pkey;
	uint8_t *der; /* SubjectPublicKeyInfo, OpenSSL's */
	size_t derlen;
};

void fingerprint_text(
    char out[static FINGERPRINT_TEXT], const char *label, const void *data, size_t len)
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	char text[BASE32_LEN(20) + 1];

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)label, strlen(label));
	crypto_hash_sha256_update(&state, data, len);
	crypto_hash_sha256_final(&state, digest);
	base32_encode(text, digest, 20, 1);
	for (size_t i = 0; i < 8; i++) {
		memcpy(out + 5 * i, text + 4 * i, 4);
		out[5 * i + 4] = i == 7 ? '\0' : ' ';
	}
}

/* Takes over pkey. */
static int adopt(struct serverkey **out, EVP_PKEY *pkey)
{
	struct serverkey *k;
	int n;

	*out = NULL;
	if (pkey == NULL || EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA ||
	    EVP_PKEY_get_bits(pkey) != 2048) {
		EVP_PKEY_free(pkey);
		return err_set(MP_EBAD, "no RSA key of 2048 bits");
	}
	if ((k = calloc(1, sizeof(*k))) == NULL) {
		EVP_PKEY_free(pkey);
		return err_set(MP_ENOMEM, "out of memory");
	}
	k->pkey = pkey;
	if ((n = i2d_PUBKEY(pkey, &k->der)) <= 0) {
		serverkey_free(k);
		return err_set(MP_ENOMEM, "out of memory");
	}
	k->derlen = (size_t)n;
	*out = k;
	return 0;
}

int serverkey_new(struct serverkey **out)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048);

	*out = NULL;
	return pkey == NULL ? err_set(MP_ENOMEM, "cannot make an RSA key") : adopt(out, pkey);
}

void serverkey_free(struct serverkey *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	OPENSSL_free(k->der);
	free(k);
}

int serverkey_write(struct buf *pem, const struct serverkey *k)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *data;
	long n;
	int rc;

	if (bio == NULL || PEM_write_bio_PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) != 1 ||
	    (n = BIO_get_mem_data(bio, &data)) <= 0)
		rc = err_set(MP_ENOMEM, "cannot write the key");
	else
		rc = buf_add(pem, data, (size_t)n);
	BIO_free(bio);
	return rc;
}

int serverkey_read(struct serverkey **out, const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
	EVP_PKEY *pkey = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return adopt(out, pkey);
}

int serverkey_public(struct buf *text, const struct serverkey *k)
{
	char print[FINGERPRINT_TEXT];
	int rc;

	serverkey_fingerprint(print, k);
	if ((rc = buf_addf(text, COMMENT "mp-chatd key, fingerprint %s\n", print)) == 0 &&
	    (rc = base64_encode(text, k->der, k->derlen)) == 0)
		rc = buf_addc(text, '\n');
	return rc;
}

int serverkey_from_public(struct serverkey **out, const char *text, size_t len)
{
	struct buf der = BUF_INIT(1024);
	const uint8_t *p;
	const char *lf;
	int rc;

	*out = NULL;
	if (len > sizeof(COMMENT) && memcmp(text, COMMENT, sizeof(COMMENT) - 1) == 0 &&
	    (lf = memchr(text, '\n', len)) != NULL) {
		len -= (size_t)(lf + 1 - text);
		text = lf + 1;
	}
	while (len > 0 && strchr("\r\n \t", text[len - 1]) != NULL)
		len--;
	if ((rc = base64_decode(&der, text, len)) == 0) {
		p = der.data;
		rc = adopt(out, d2i_PUBKEY(NULL, &p, (long)der.len));
	}
	/* What stands behind the key, or another way to write it, would be another fingerprint. */
	if (rc == 0 && ((*out)->derlen != der.len || memcmp((*out)->der, der.data, der.len) != 0)) {
		serverkey_free(*out);
		*out = NULL;
		rc = MP_EBAD;
	}
	buf_free(&der);
	return rc == MP_EBAD || rc == MP_ELIMIT ? err_set(MP_EBAD, "no key of a chat server") : rc;
}

void serverkey_fingerprint(char out[static FINGERPRINT_TEXT], const struct serverkey *k)
{
	fingerprint_text(out, "mp-chat/1 server", k->der, k->derlen);
}

static EVP_PKEY_CTX *oaep(const struct serverkey *k, bool wrap)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->pkey, NULL);

	if (ctx != NULL && (wrap ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_decrypt_init(ctx)) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

int serverkey_wrap(uint8_t out[static SERVERKEY_WRAPPED], const struct serverkey *k,
    const uint8_t secret[static 32])
{
	EVP_PKEY_CTX *ctx = oaep(k, true);
	size_t n = SERVERKEY_WRAPPED;
	int good = ctx != NULL && EVP_PKEY_encrypt(ctx, out, &n, secret, 32) == 1 &&
	           n == SERVERKEY_WRAPPED;

	EVP_PKEY_CTX_free(ctx);
	return good ? 0 : err_set(MP_ENOMEM, "cannot encrypt for the server");
}

int serverkey_unwrap(uint8_t secret[static 32], const struct serverkey *k,
    const uint8_t in[static SERVERKEY_WRAPPED])
{
	EVP_PKEY_CTX *ctx = oaep(k, false);
	uint8_t plain[SERVERKEY_WRAPPED];
	size_t n = sizeof(plain);
	int good =
	    ctx != NULL && EVP_PKEY_decrypt(ctx, plain, &n, in, SERVERKEY_WRAPPED) == 1 && n == 32;

	if (good)
		memcpy(secret, plain, 32);
	secret_wipe(plain, sizeof(plain));
	EVP_PKEY_CTX_free(ctx);
	return good ? 0 : err_set(MP_EBAD, "the key does not open");
}
