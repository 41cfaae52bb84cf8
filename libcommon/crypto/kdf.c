#include "crypto/kdf.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sodium.h>

#include "base/err.h"
#include "crypto/onion.h"

static OSSL_PARAM octets(const char *name, const uint8_t *data, size_t len)
{
	static uint8_t none;

	/* OSSL_PARAM has no const form, though HKDF only reads, and NULL is an error even when
	 * empty. */
	return OSSL_PARAM_construct_octet_string(
	    name, data == NULL ? &none : (void *)(uintptr_t)data, len);
}

int hkdf_sha256(uint8_t *out, size_t out_len, const uint8_t *ikm, size_t ikm_len,
    const uint8_t *salt, size_t salt_len, const uint8_t *info, size_t info_len)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
	    octets(OSSL_KDF_PARAM_KEY, ikm, ikm_len),
	    octets(OSSL_KDF_PARAM_SALT, salt, salt_len),
	    octets(OSSL_KDF_PARAM_INFO, info, info_len),
	    OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
	int r = MP_OK;

	if (ctx == NULL)
		r = err_set(MP_ENOMEM, "no memory to derive a key");
	else if (EVP_KDF_derive(ctx, out, out_len, params) != 1)
		r = err_set(MP_ELIMIT, "cannot derive a key of %zu bytes", out_len);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return r;
}

/* K(from to to): one direction. */
static int derive(uint8_t out[static KEY_LEN], const uint8_t ikm[static 64],
    const uint8_t id[static CONTACT_ID], const uint8_t from[static 32], const uint8_t to[static 32])
{
	static const char label[16] = "mariposa/1 from ", mid[4] = " to ";
	uint8_t info[sizeof(label) + 32 + sizeof(mid) + 32];

	memcpy(info, label, sizeof(label));
	memcpy(info + sizeof(label), from, 32);
	memcpy(info + sizeof(label) + 32, mid, sizeof(mid));
	memcpy(info + sizeof(label) + 32 + sizeof(mid), to, 32);
	return hkdf_sha256(out, KEY_LEN, ikm, 64, id, CONTACT_ID, info, sizeof(info));
}

int kdf_pair(uint8_t send[static KEY_LEN], uint8_t recv[static KEY_LEN],
    const struct identity *self, const uint8_t peer[static 32], const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID])
{
	uint8_t ikm[64], point[32];
	int r;

	if (memcmp(peer, self->key, 32) == 0)
		return err_set(MP_EBAD, "the onion address is this identity's own");
	if ((r = onion_key_check(peer)) != MP_OK)
		return r;
	memcpy(ikm, key, KEY_LEN);
	if (crypto_sign_ed25519_pk_to_curve25519(point, peer) != 0 ||
	    crypto_scalarmult(ikm + KEY_LEN, self->secret, point) != 0) {
		r = err_set(MP_EBAD, "the onion address agrees on no secret");
		goto out;
	}
	if ((r = derive(send, ikm, id, self->key, peer)) != MP_OK)
		goto out;
	r = derive(recv, ikm, id, peer, self->key);
out:
	sodium_memzero(ikm, sizeof(ikm));
	return r;
}

int kdf_offer(uint8_t out[static KEY_LEN], const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID], const uint8_t to[static 32])
{
	static const char label[20] = "mariposa/1 offer to ";
	uint8_t info[sizeof(label) + 32];

	memcpy(info, label, sizeof(label));
	memcpy(info + sizeof(label), to, 32);
	return hkdf_sha256(out, KEY_LEN, key, KEY_LEN, id, CONTACT_ID, info, sizeof(info));
}

void kdf_proof(
    uint8_t out[static 32], const uint8_t send[static KEY_LEN], const uint8_t mid[static 16])
{
	static const char label[15] = "initial-contact";
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, send, KEY_LEN);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)label, sizeof(label));
	crypto_auth_hmacsha256_update(&state, mid, 16);
	crypto_auth_hmacsha256_final(&state, out);
	sodium_memzero(&state, sizeof(state));
}

void kdf_rekey_public(uint8_t out[static 32], const uint8_t secret[static 32])
{
	crypto_scalarmult_base(out, secret);
}

int kdf_rekey_check(const uint8_t peer[static 32])
{
	static const uint8_t any[32] = {8};
	uint8_t out[32];

	/* Every secret is a multiple of 8, so a point of low order is the same to all. */
	return crypto_scalarmult(out, any, peer) == 0
	           ? MP_OK
	           : err_set(MP_EBAD, "the key agrees on no secret");
}

int kdf_rekey(uint8_t out[static KEY_LEN], const uint8_t key[static KEY_LEN],
    const uint8_t id[static CONTACT_ID], int64_t epoch, const uint8_t secret[static 32],
    const uint8_t peer[static 32])
{
	static const char label[16] = "mariposa/1 rekey";
	uint8_t ikm[KEY_LEN + 32], own[32], info[sizeof(label) + 8 + 64];
	int order, r;

	kdf_rekey_public(own, secret);
	order = memcmp(own, peer, sizeof(own));
	memcpy(info, label, sizeof(label));
	put32(info + sizeof(label), (uint32_t)((uint64_t)epoch >> 32));
	put32(info + sizeof(label) + 4, (uint32_t)epoch);
	memcpy(info + sizeof(label) + 8, order < 0 ? own : peer, 32);
	memcpy(info + sizeof(label) + 40, order < 0 ? peer : own, 32);
	memcpy(ikm, key, KEY_LEN);
	if (crypto_scalarmult(ikm + KEY_LEN, secret, peer) != 0)
		r = err_set(MP_EBAD, "the key agrees on no secret");
	else
		r = hkdf_sha256(out, KEY_LEN, ikm, sizeof(ikm), id, CONTACT_ID, info, sizeof(info));
	sodium_memzero(ikm, sizeof(ikm));
	return r;
}
