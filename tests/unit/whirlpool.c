/*
 * Whirlpool by the test vectors of ISO/IEC 10118-3, and HMAC over it: keys and data of RFC 4231,
 * the values by libgcrypt 1.10.1.
 */
#include "base/err.h"
#include "base/text.h"
#include "crypto/whirlpool.h"
#include "tap.h"

struct vector {
	const char *text, *digest;
};

static const struct vector iso[] = {
    {"", "19fa61d75522a4669b44e39c1d2e1726c530232130d407f89afee0964997f7a7"
         "3e83be698b288febcf88e3e03c4f0757ea8964e59b63d93708b138cc42a66eb3"},
    {"a", "8aca2602792aec6f11a67206531fb7d7f0dff59413145e6973c45001d0087b42"
          "d11bc645413aeff63a42391a39145a591a92200d560195e53b478584fdae231a"},
    {"abc", "4e2448a4c6f486bb16b6562c73b4020bf3043e3a731bce721ae1b303d97e6d4c"
            "7181eebdb6c57e277d0e34957114cbd6c797fc9d95d8b582d225292076d4eef5"},
    {"message digest", "378c84a4126e2dc6e56dcc7458377aac838d00032230f53ce1f5700c0ffb4d3b"
                       "8421557659ef55c106b4b52ac5a4aaa692ed920052838f3362e86dbd37a8903e"},
    {"abcdefghijklmnopqrstuvwxyz",
        "f1d754662636ffe92c82ebb9212a484a8d38631ead4238f5442ee13b8054e41b"
        "08bf2a9251c30b6a0b8aae86177ab4a6f68f673e7207865d5d9819a3dba4eb3b"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        "dc37e008cf9ee69bf11f00ed9aba26901dd7c28cdec066cc6af42e40f82f3a1e"
        "08eba26629129d8fb7cb57211b9281a65517cc879d7b962142c65f5a7af01467"},
    {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
        "466ef18babb0154d25b9d38a6414f5c08784372bccb204d6549c4afadb601429"
        "4d5bd8df2a6c44e538cd047b2681a51a2c60481e88c5a20b2c2a80cf3a9a083b"},
    {"abcdbcdecdefdefgefghfghighijhijk",
        "2a987ea40f917061f5d6f0a0e4644f488a7a5a52deee656207c562f988e95c69"
        "16bdc8031bc5be1b7b947639fe050b56939baaa0adff9ae6745b7b181c3be3fd"},
};

struct mac_vector {
	const char *key, *data, *mac;
};

static const struct mac_vector gcrypt[] = {
    {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
        "8a2c9b1ccf4b28660de78af9db15b7c94d129ec960ca9a950a665ea5e88362e2"
        "4f4474354e18512d956d9bb7e6bbbb50b9ba0d3093b0a17c6ec2aa91e57169ce"},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        "3d595ccd1d4f4cfd045af53ba7d5c8283fee6ded6eaf1269071b6b4ea6480005"
        "6b5077c6a942cfa1221bd4e5aed791276e5dd46a407d2b8007163d3e7cd1de66"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
        "dddddddddddddddddddddddddddddddddddd",
        "ea252f252e230e3d1950cf44679e31d9de70d1dec6f41dbe38a12d76e2b54cff"
        "a2637f0408a48a0a387315ef1118055d373dc295bba3563276f846a0957fb823"},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "35bc33e2ed71e1cb01c140ddd3291ae3f84e9f0dce18005a1123df199983a211"
        "fe744b244449a1c093b17584069359bc6a95352271d78e2ef7a6f21dc28ab3c1"},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a"
        "65204b6579202d2048617368204b6579204669727374",
        "bf0c49ca78d52e92357e0ff1c2978f8820c9b4bcbbf5118179ca40385d51bd78"
        "956d5a3ba7010effebcbaf5c431f1757742982bdeb69e6bfb415151ab2c2b43f"},
};

static void is_hex(const uint8_t got[static WHIRLPOOL_LEN], const char *want, const char *name)
{
	char text[2 * WHIRLPOOL_LEN + 1];

	hex_encode(text, got, WHIRLPOOL_LEN);
	is_str(text, want, name);
}

static void test_hash(void)
{
	static uint8_t million[1000000];
	uint8_t out[WHIRLPOOL_LEN];

	for (size_t i = 0; i < sizeof(iso) / sizeof(iso[0]); i++) {
		is_int(whirlpool(out, iso[i].text, strlen(iso[i].text)), 0, "hashes");
		is_hex(out, iso[i].digest, iso[i].text);
	}
	memset(million, 'a', sizeof(million));
	is_int(whirlpool(out, million, sizeof(million)), 0, "hashes");
	is_hex(out,
	    "0c99005beb57eff50a7cf005560ddf5d29057fd86b20bfd62deca0f1ccea4af5"
	    "1fc15490eddc47af32bb2b66c34ff9ad8c6008ad677f77126953b226e4ed8b01",
	    "a million times a");
}

static void test_hmac(void)
{
	for (size_t i = 0; i < sizeof(gcrypt) / sizeof(gcrypt[0]); i++) {
		const struct mac_vector *v = &gcrypt[i];
		size_t nk = strlen(v->key) / 2, nd = strlen(v->data) / 2;
		uint8_t key[256], data[256], out[WHIRLPOOL_LEN];

		if (hex_decode(key, nk, v->key) != 0 || hex_decode(data, nd, v->data) != 0)
			abort();
		is_int(whirlpool_hmac(out, key, nk, data, nd), 0, "a MAC");
		is_hex(out, v->mac, "by another implementation");
	}
}

/* No two lists of parts are one input. */
static void test_parts(void)
{
	static const uint8_t flat[] = {0, 0, 0, 2, 'a', 'b', 0, 0, 0, 1, 'c'};
	struct part one[] = {{"ab", 2}, {"c", 1}}, two[] = {{"a", 1}, {"bc", 2}};
	uint8_t a[WHIRLPOOL_LEN], b[WHIRLPOOL_LEN], key[] = "key";

	is_int(whirlpool_parts(a, one, 2), 0, "parts");
	is_int(whirlpool(b, flat, sizeof(flat)), 0, "and their lengths by hand");
	ok(memcmp(a, b, sizeof(a)) == 0, "are the same");
	is_int(whirlpool_parts(b, two, 2), 0, "cut elsewhere");
	ok(memcmp(a, b, sizeof(a)) != 0, "they are not");
	is_int(whirlpool_hmac_parts(a, key, 3, one, 2), 0, "a MAC of parts");
	is_int(whirlpool_hmac(b, key, 3, flat, sizeof(flat)), 0, "and by hand");
	ok(memcmp(a, b, sizeof(a)) == 0, "are the same");
}

int main(void)
{
	test_hash();
	test_hmac();
	test_parts();
	return done();
}
