/* HKDF against RFC 5869; the properties of a contact's keys. */
#include <sodium.h>

#include "base/err.h"
#include "base/text.h"
#include "crypto/kdf.h"
#include "crypto/onion.h"
#include "tap.h"

struct vector {
	const char *ikm, *salt, *info, *okm;
};

/* RFC 5869 appendix A.1 to A.3. */
static const struct vector rfc5869[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
        "f0f1f2f3f4f5f6f7f8f9",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
     "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
     "404142434445464748494a4b4c4d4e4f",
        "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
        "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
        "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
        "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
        "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
        "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
        "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
        "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
        "9d201395faa4b61a96c8"},
};

static size_t bytes(uint8_t *out, const char *hex)
{
	size_t n = strlen(hex) / 2;

	hex_decode(out, n, hex);
	return n;
}

static void test_hkdf(void)
{
	for (size_t i = 0; i < 3; i++) {
		uint8_t ikm[128], salt[128], info[128], okm[128], got[128];
		size_t nikm = bytes(ikm, rfc5869[i].ikm), nsalt = bytes(salt, rfc5869[i].salt);
		size_t ninfo = bytes(info, rfc5869[i].info), nokm = bytes(okm, rfc5869[i].okm);

		is_int(hkdf_sha256(got, nokm, ikm, nikm, salt, nsalt, info, ninfo), 0, "derives");
		ok(memcmp(got, okm, nokm) == 0, "RFC 5869 A.%zu", i + 1);
	}
	static uint8_t big[8161];

	is_int(hkdf_sha256(big, 8160, big, 1, NULL, 0, NULL, 0), 0, "8160 bytes are the most");
	is_int(hkdf_sha256(big, 8161, big, 1, NULL, 0, NULL, 0), MP_ELIMIT, "one more is refused");
}

static struct identity *person(uint8_t n)
{
	uint8_t seed[32];
	struct identity *id;

	memset(seed, n, sizeof(seed));
	if (identity_from_seed(&id, seed) != 0)
		abort();
	return id;
}

struct pair {
	uint8_t send[32], recv[32];
};

static struct pair pair(
    const struct identity *self, const struct identity *peer, const uint8_t *key, const uint8_t *id)
{
	struct pair p;

	if (kdf_pair(p.send, p.recv, self, peer->key, key, id) != 0)
		abort();
	return p;
}

static int same(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, 32) == 0;
}

static void test_pair(void)
{
	struct identity *s = person(1), *x = person(2), *other = person(3);
	uint8_t key[32] = "key", id[32] = "id", key2[32] = "kez", id2[32] = "ie", out[32];
	struct pair a = pair(s, x, key, id), b = pair(x, s, key, id), c;

	ok(same(a.send, b.recv) && same(a.recv, b.send), "both ends agree");
	ok(!same(a.send, a.recv), "the two directions differ");
	c = pair(s, x, key2, id);
	ok(!same(a.send, c.send) && !same(a.recv, c.recv), "another shared key");
	c = pair(s, x, key, id2);
	ok(!same(a.send, c.send) && !same(a.recv, c.recv), "another contact id");
	c = pair(s, other, key, id);
	ok(!same(a.send, c.send) && !same(a.recv, c.recv), "another recipient");
	c = pair(other, x, key, id);
	ok(!same(a.send, c.send) && !same(a.recv, c.recv), "another sender");
	is_int(kdf_offer(out, key, id, x->key), 0, "an offer's key");
	ok(!same(out, a.send) && !same(out, a.recv), "is no direction's key");
	is_int(kdf_offer(c.send, key, id, s->key), 0, "towards another");
	ok(!same(out, c.send), "is another key");
	is_int(kdf_pair(c.send, c.recv, s, s->key, key, id), MP_EBAD, "no contact with oneself");
	identity_free(s);
	identity_free(x);
	identity_free(other);
}

/* Who has the card (key, id, both addresses) but no secret gets no key: the agreement is in it. */
static void test_card_copied(void)
{
	struct identity *s = person(1), *x = person(2), *thief = person(4);
	uint8_t key[32] = "key", id[32] = "id";
	struct pair real = pair(s, x, key, id), forged;
	struct identity mask = *thief;

	memcpy(mask.key, s->key, 32);
	is_int(kdf_pair(forged.send, forged.recv, &mask, x->key, key, id), 0, "S's name");
	ok(!same(forged.send, real.send) && !same(forged.recv, real.recv), "without S's secret");
	identity_free(s);
	identity_free(x);
	identity_free(thief);
}

static void test_unusable(void)
{
	static const char *const bad[] = {
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	    "0200000000000000000000000000000000000000000000000000000000000000",
	};
	struct identity *s = person(1);
	uint8_t key[32] = {0}, id[32] = {0}, peer[32], send[32], recv[32];

	for (size_t i = 0; i < 3; i++) {
		hex_decode(peer, 32, bad[i]);
		is_int(kdf_pair(send, recv, s, peer, key, id), MP_EBAD, bad[i]);
	}
	identity_free(s);
}

/* The formulas of mp-protocol(7), once more with libsodium's parts alone. */
static void test_formula(void)
{
	struct identity *s = person(1), *x = person(2);
	uint8_t key[32] = "key", id[32] = "id", ikm[64], info[84], prk[32], want[32], point[32];
	struct pair p = pair(s, x, key, id);
	crypto_auth_hmacsha256_state h;
	uint8_t one = 1, mid[16] = "message id", proof[32];

	memcpy(ikm, key, 32);
	is_int(crypto_sign_ed25519_pk_to_curve25519(point, s->key), 0, "the other end's view");
	is_int(crypto_scalarmult(ikm + 32, x->secret, point), 0, "of the agreement");
	crypto_auth_hmacsha256_init(&h, id, 32);
	crypto_auth_hmacsha256_update(&h, ikm, 64);
	crypto_auth_hmacsha256_final(&h, prk);
	memcpy(info, "mariposa/1 from ", 16);
	memcpy(info + 16, s->key, 32);
	memcpy(info + 48, " to ", 4);
	memcpy(info + 52, x->key, 32);
	crypto_auth_hmacsha256_init(&h, prk, 32);
	crypto_auth_hmacsha256_update(&h, info, sizeof(info));
	crypto_auth_hmacsha256_update(&h, &one, 1);
	crypto_auth_hmacsha256_final(&h, want);
	ok(same(p.send, want), "K(S to X)");
	kdf_proof(proof, p.send, mid);
	crypto_auth_hmacsha256_init(&h, p.send, 32);
	crypto_auth_hmacsha256_update(
	    &h, (const uint8_t *)"initial-contactmessage id\0\0\0\0\0\0", 31);
	crypto_auth_hmacsha256_final(&h, want);
	ok(same(proof, want), "the proof of an initial-contact");
	identity_free(s);
	identity_free(x);
}

int main(void)
{
	test_hkdf();
	test_pair();
	test_card_copied();
	test_unusable();
	test_formula();
	return done();
}
