/* Onion addresses against published ones, and each way an address can be wrong. */
#include <sodium.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/onion.h"
#include "tap.h"

/* The first is RFC 8032's first test key as tor's own tests spell it, the others are in tor's
 * rend-spec-v3 or in use. */
static const struct {
	const char *key, *address;
} known[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onion"},
    {"79bcc625184b05194975c28b66b66b0469f7f6556fb1ac3189a79b40dda32f1f",
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"},
    {"", "sp3k262uwy4r2k3ycr5awluarykdpag6a7y33jxop4cs2lu5uz5sseqd.onion"},
    {"", "xa4r2iadxm55fbnqgwwi5mymqdcofiu3w6rpbtqn7b2dyn7mgwj64jyd.onion"},
    {"", "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad.onion"},
};

static void test_known(void)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint8_t key[32];
		char text[ONION_TEXT], hex[65];

		is_int(onion_decode(key, known[i].address), 0, known[i].address);
		hex_encode(hex, key, 32);
		if (known[i].key[0] != '\0')
			is_str(hex, known[i].key, "its key");
		onion_encode(text, key);
		is_str(text, known[i].address, "and back");
	}
}

static void test_forms(void)
{
	uint8_t key[32];

	is_int(onion_decode(key, "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid"), 0,
	    "without .onion");
	is_int(onion_decode(key, "25NJQAMCWEFLPVKL73J4SZAHHIHOC4XT3KTCGJNPAINGR5YHKENL5SID.ONION"),
	    0, "in capitals");
}

static void refused(const char *address, const char *why)
{
	uint8_t key[32] = {0};

	is_int(onion_decode(key, address), MP_EBAD, why);
	ok(strstr(err_detail(), why) != NULL, "it says '%s'", err_detail());
	ok(sodium_is_zero(key, 32), "and gives no key out");
}

static void test_wrong(void)
{
	refused("", "56 characters");
	refused("25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5si", "56 characters");
	refused("25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onio", "56 characters");
	refused("25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onions", "56 characters");
	refused("25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onios", "56 characters");
	refused("15njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onion", "letters");
	refused("25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sie.onion", "version 3");
	refused("35njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onion", "checksum");
}

/* One character changed anywhere is never taken for another address. */
static void test_typos(void)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	int taken = 0;

	for (size_t i = 0; i < 56; i++) {
		for (size_t j = 0; j < 32; j++) {
			char text[ONION_TEXT];
			uint8_t key[32];

			strcpy(text, known[0].address);
			if (text[i] == letters[j])
				continue;
			text[i] = letters[j];
			taken += onion_decode(key, text) == 0;
		}
	}
	is_int(taken, 0, "no address with one character changed is taken");
}

/* A correct checksum over a key that agrees on nothing, or on one of eight values. */
static void test_points(void)
{
	static const char *const bad[] = {
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "0200000000000000000000000000000000000000000000000000000000000000",
	    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	};
	static const char order8[] =
	    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
	uint8_t good[32], torsion[32], mixed[32];
	char text[ONION_TEXT];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t key[32];

		hex_decode(key, 32, bad[i]);
		is_int(onion_key_check(key), MP_EBAD, bad[i]);
		onion_encode(text, key);
		refused(text, "unusable key");
	}
	onion_decode(good, known[0].address);
	hex_decode(torsion, 32, order8);
	is_int(crypto_core_ed25519_add(mixed, good, torsion), 0, "a point outside the subgroup");
	is_int(onion_key_check(mixed), MP_EBAD, "is refused");
	is_int(onion_key_check(good), 0, "while the point itself is taken");
}

/* RFC 8410 section 10.1: the public key, and its SubjectPublicKeyInfo. */
static void test_pin(void)
{
	static const char der[] = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
	struct buf spki = BUF_INIT(64);
	uint8_t digest[32];
	char pin[ONION_PIN], want[64] = "sha256//";

	is_int(base64_decode(&spki, der, strlen(der)), 0, "RFC 8410's example");
	crypto_hash_sha256(digest, spki.data, spki.len);
	sodium_bin2base64(want + 8, sizeof(want) - 8, digest, 32, sodium_base64_VARIANT_ORIGINAL);
	onion_pin(pin, spki.data + 12);
	is_str(pin, want, "its pin");
	buf_free(&spki);
}

int main(void)
{
	test_known();
	test_forms();
	test_wrong();
	test_typos();
	test_points();
	test_pin();
	return done();
}
