/* P-256: ECDH of RFC 5903, ECDSA of RFC 6979, and what must be refused. */
#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/p256.h"
#include "tap.h"

#include <sodium.h>

static void bytes(uint8_t *out, size_t n, const char *hex)
{
	if (hex_decode(out, n, hex) != 0)
		abort();
}

/* A point given by both coordinates, compressed. */
static void point(uint8_t pub[static P256_PUBLIC], const char *x, const char *y)
{
	uint8_t last[32];

	bytes(last, 32, y);
	pub[0] = (uint8_t)(2 + (last[31] & 1));
	bytes(pub + 1, 32, x);
}

/* RFC 5903, 8.1. */
static void test_ecdh(void)
{
	uint8_t i[32], r[32], gi[33], gr[33], got[33], want[32], shared[32];

	bytes(i, 32, "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433");
	point(gi, "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180",
	    "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3");
	bytes(r, 32, "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53");
	point(gr, "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63",
	    "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab");
	bytes(want, 32, "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
	is_int(p256_public(got, i), 0, "the public key of i");
	ok(memcmp(got, gi, 33) == 0, "is RFC 5903's");
	is_int(p256_public(got, r), 0, "the public key of r");
	ok(memcmp(got, gr, 33) == 0, "is RFC 5903's");
	is_int(p256_ecdh(shared, i, gr), 0, "i with g^r");
	ok(memcmp(shared, want, 32) == 0, "is RFC 5903's secret");
	is_int(p256_ecdh(shared, r, gi), 0, "r with g^i");
	ok(memcmp(shared, want, 32) == 0, "is the same");
}

struct signed_text {
	const char *text, *r, *s;
	int sha512;
};

/* RFC 6979, A.2.5; with SHA-512 the digest is longer than the order and its first half counts. */
static const struct signed_text rfc6979[] = {
    {"sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8", 0},
    {"test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083", 0},
    {"sample", "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00",
        "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe", 1},
    {"test", "461d93f31b6540894788fd206c07cfa0cc35f46fa3c91816fff1040ad1581a04",
        "39af9f15de0db8d97e72719c74820d304ce5226e32dedae67519e840d1194e55", 1},
};

static void test_ecdsa(void)
{
	uint8_t secret[32], pub[33], got[33], sig[64], digest[64];

	bytes(secret, 32, "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
	point(pub, "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
	    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
	is_int(p256_public(got, secret), 0, "RFC 6979's key");
	ok(memcmp(got, pub, 33) == 0, "has the public key that it has there");
	for (size_t i = 0; i < sizeof(rfc6979) / sizeof(rfc6979[0]); i++) {
		const struct signed_text *v = &rfc6979[i];
		const unsigned char *text = (const unsigned char *)v->text;
		size_t len = v->sha512 ? 64 : 32;

		if (v->sha512)
			crypto_hash_sha512(digest, text, strlen(v->text));
		else
			crypto_hash_sha256(digest, text, strlen(v->text));
		bytes(sig, 32, v->r);
		bytes(sig + 32, 32, v->s);
		is_int(p256_verify(sig, pub, digest, len), 0, "RFC 6979's signature holds");
		for (size_t k = 0; k < 64; k += 21) {
			sig[k] ^= 1;
			is_int(p256_verify(sig, pub, digest, len), MP_EBAD, "not when altered");
			sig[k] ^= 1;
		}
		digest[0] ^= 1;
		is_int(p256_verify(sig, pub, digest, len), MP_EBAD, "not for another digest");
		is_int(p256_sign(sig, secret, digest, len), 0, "signed here");
		is_int(p256_verify(sig, pub, digest, len), 0, "it holds");
	}
	memset(sig, 0, sizeof(sig));
	is_int(p256_verify(sig, pub, digest, 64), MP_EBAD, "zeros are no signature");
	memset(sig, 0xff, sizeof(sig));
	is_int(p256_verify(sig, pub, digest, 64), MP_EBAD, "nor is what is over the order");
}

static void test_refused(void)
{
	uint8_t secret[32], pub[33], other[33], out[64];

	is_int(p256_generate(secret, pub), 0, "a pair");
	is_int(p256_check(pub), 0, "whose public key is a point");
	memcpy(other, pub, 33);
	other[0] = 4;
	is_int(p256_check(other), MP_EBAD, "another form is none");
	memset(other, 0, 33);
	is_int(p256_check(other), MP_EBAD, "nor is infinity");
	other[0] = 2;
	other[32] = 1; /* x = 1 is on no point of P-256 */
	is_int(p256_check(other), MP_EBAD, "nor what is not on the curve");
	is_int(p256_ecdh(out, secret, other), MP_EBAD, "no agreement with it");
	is_int(p256_verify(out, other, out, 32), MP_EBAD, "no signature by it");
	memset(other + 1, 0xff, 32);
	is_int(p256_check(other), MP_EBAD, "nor a coordinate over p");
	memset(secret, 0, 32);
	is_int(p256_public(pub, secret), MP_EBAD, "zero is no secret");
	is_int(p256_sign(out, secret, out, 32), MP_EBAD, "and signs nothing");
	bytes(secret, 32, "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
	is_int(p256_public(pub, secret), MP_EBAD, "nor is the order");
	secret[31]--;
	is_int(p256_public(pub, secret), 0, "one less is");
}

int main(void)
{
	secret_init();
	test_ecdh();
	test_ecdsa();
	test_refused();
	return done();
}
