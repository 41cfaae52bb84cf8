#include "tap.h"
#include "base/base64.h"
#include "base/err.h"

static struct buf out = BUF_INIT(1 << 20);

/* RFC 4648, section 10. */
static const struct {
	const char *plain, *base64, *base32;
} vectors[] = {{"", "", ""}, {"f", "Zg==", "MY"}, {"fo", "Zm8=", "MZXQ"}, {"foo", "Zm9v", "MZXW6"},
    {"foob", "Zm9vYg==", "MZXW6YQ"}, {"fooba", "Zm9vYmE=", "MZXW6YTB"},
    {"foobar", "Zm9vYmFy", "MZXW6YTBOI"}};

static int decodes(const char *s, const char *want)
{
	buf_clear(&out);
	return base64_decode(&out, s, strlen(s)) == 0 && out.len == strlen(want) &&
	       memcmp(out.data, want, out.len) == 0;
}

static void rfc4648(void)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const char *p = vectors[i].plain, *b64 = vectors[i].base64,
		           *b32 = vectors[i].base32;
		size_t n = strlen(p);
		uint8_t bytes[8];
		char text[16];

		buf_clear(&out);
		base64_encode(&out, p, n);
		buf_terminate(&out);
		is_str((char *)out.data, b64, "base64");
		buf_clear(&out);
		base64_secret_encode(&out, p, n);
		buf_terminate(&out);
		is_str((char *)out.data, b64, "base64 of a secret");
		ok(decodes(b64, p), "'%s' decodes", b64);
		ok(base64_secret_decode(bytes, n, b64, strlen(b64)) == 0 &&
		        memcmp(bytes, p, n) == 0,
		    "as a secret");
		base32_encode(text, (const uint8_t *)p, n, 0);
		is_str(text, b32, "base32");
		ok(base32_decode(bytes, n, b32, strlen(b32)) == 0 && memcmp(bytes, p, n) == 0,
		    "'%s' decodes", b32);
	}
}

static void not_canonical(void)
{
	static const char *const bad[] = {"Zg",
	    "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v\n", " Zm9v",
	    "    Zm9v", "Zm9v    ", "Zm9v\n\n\n\n", "Zm 9", "Zm9-", "Zm_v", "Zg=A", "Z=g=", "=Zm9",
	    "Zm9v----", "----Zm9v", "Zm9\xff"};
	uint8_t bytes[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&out);
		buf_adds(&out, "kept");
		ok(base64_decode(&out, bad[i], strlen(bad[i])) == MP_EBAD && out.len == 4,
		    "bad base64 %zu is refused", i);
		for (size_t n = 0; n <= 12; n++)
			if (base64_secret_decode(bytes, n, bad[i], strlen(bad[i])) != MP_EBAD)
				break;
			else if (n == 12)
				ok(1, "and as a secret");
	}
	is_int(base64_decode(&out, "Zm9\0", 4), MP_EBAD, "a NUL is refused");
	is_int(base64_secret_decode(bytes, 2, "Zm9v", 4), MP_EBAD, "a secret of another length");
	is_int(base64_secret_decode(bytes, 4, "Zm9v", 4), MP_EBAD, "is refused both ways");
}

static void limits(void)
{
	struct buf b = BUF_INIT(4);

	is_int(base64_decode(&b, "Zm9vYg==", 8), 0, "what just fits when decoded");
	ok(b.len == 4 && memcmp(b.data, "foob", 4) == 0, "is decoded");
	is_int(base64_decode(&b, "Zg==", 4), MP_ELIMIT, "a byte more is refused");
	is_int(base64_encode(&b, "f", 1), MP_ELIMIT, "encoding has the limit too");
	is_int(base64_secret_encode(&b, "f", 1), MP_ELIMIT, "of a secret too");
	buf_free(&b);
}

static void all_lengths(void)
{
	uint8_t bytes[300], back[300];
	char text[BASE32_LEN(300) + 1];
	int bad = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + 3);
	for (size_t n = 0; n < sizeof(bytes); n++) {
		struct buf b = BUF_INIT(1000), c = BUF_INIT(1000);

		bad += base64_encode(&b, bytes, n) != 0 ||
		       base64_decode(&c, (char *)b.data, b.len) != 0 || c.len != n ||
		       (n > 0 && memcmp(c.data, bytes, n) != 0);
		base32_encode(text, bytes, n, n & 1);
		bad += strlen(text) != BASE32_LEN(n) ||
		       base32_decode(back, n, text, strlen(text)) != 0 ||
		       memcmp(back, bytes, n) != 0;
		buf_free(&b);
		buf_free(&c);
	}
	is_int(bad, 0, "300 lengths come back from base64 and base32");
}

static void base32(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567abcdefghijklmnopqrstuvwxyz";
	uint8_t bytes[8];
	char text[16], s[9] = "AAAAAAAA";
	int taken = 0, wrong = 0;

	base32_encode(text, (const uint8_t *)"\x00\x44\x32\x14\xc7\x42\x54\xb6\x35\xcf", 5, 1);
	is_str(text, "abcdefgh", "lower case when asked for");
	for (int c = 0; c < 256; c++) {
		const char *at = c == 0 ? NULL : strchr(alphabet, c);
		int rc;

		s[7] = (char)c;
		rc = base32_decode(bytes, 5, s, 8);
		taken += rc == 0;
		wrong += (rc == 0) != (at != NULL);
		if (rc == 0 && at != NULL)
			wrong += bytes[4] != (at - alphabet) % 32;
	}
	ok(taken == 58 && wrong == 0,
	    "exactly the 58 characters are taken, as what they stand for");
	is_int(base32_decode(bytes, 1, "MZ", 2), MP_EBAD, "bits behind the end must be zero");
	is_int(base32_decode(bytes, 1, "M", 1), MP_EBAD, "too short");
	is_int(base32_decode(bytes, 1, "MYA", 3), MP_EBAD, "too long");
	is_int(base32_decode(bytes, 1, "M=", 2), MP_EBAD, "no padding");
}

int main(void)
{
	rfc4648();
	not_canonical();
	limits();
	all_lengths();
	base32();
	buf_free(&out);
	return done();
}
