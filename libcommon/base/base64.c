#include "base/base64.h"
#include "base/err.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#define BASE64_MOST ((size_t)1 << 30) /* EVP counts in int */

int base64_encode(struct buf *out, const void *data, size_t len)
{
	int rc;

	if (len > BASE64_MOST)
		return err_set(MP_ELIMIT, "too long for base64");
	if ((rc = buf_reserve(out, (len + 2) / 3 * 4)) != 0)
		return rc;
	/* EVP ends with a NUL: a buf has the byte for it. */
	out->len += (size_t)EVP_EncodeBlock(out->data + out->len, data, (int)len);
	return 0;
}

static int bad_base64(void)
{
	return err_set(MP_EBAD, "not canonical base64");
}

/* The bits of the last group that its padding says are not there. */
static int tail_bits(const uint8_t *end, size_t pad)
{
	return pad == 2 ? end[-2] | end[-1] : pad == 1 ? end[-1] : 0;
}

/*
 * EVP_DecodeBlock() trims white space at both ends and reads '=' anywhere as zero bits: both
 * are found by the length of what it gives and by looking for '=' first.  In the
 * canonical form the bytes that the padding stands for come out as zero.
 */
int base64_decode(struct buf *out, const char *s, size_t len)
{
	size_t pad = 0, n = len / 4 * 3;
	const uint8_t *end;
	int rc;

	if (len % 4 != 0 || len > BASE64_MOST)
		return bad_base64();
	if (len == 0)
		return 0;
	while (pad < 2 && s[len - 1 - pad] == '=')
		pad++;
	if (memchr(s, '=', len - pad) != NULL)
		return bad_base64();
	if (out->max - out->len < n - pad)
		return err_set(MP_ELIMIT, "larger than %zu bytes", out->max);
	if (out->max - out->len < n) { /* the padding's zeros pass the maximum for a moment */
		struct buf whole = BUF_INIT(n);

		if ((rc = base64_decode(&whole, s, len)) == 0)
			rc = buf_add(out, whole.data, whole.len);
		buf_free(&whole);
		return rc;
	}
	if ((rc = buf_reserve(out, n)) != 0)
		return rc;
	if (EVP_DecodeBlock(out->data + out->len, (const uint8_t *)s, (int)len) != (int)n)
		return bad_base64();
	end = out->data + out->len + n;
	if (tail_bits(end, pad) != 0)
		return bad_base64();
	out->len += n - pad;
	return 0;
}

int base64_secret_encode(struct buf *out, const void *data, size_t len)
{
	size_t n = (len + 2) / 3 * 4;
	int rc;

	if (len > BASE64_MOST)
		return err_set(MP_ELIMIT, "too long for base64");
	if ((rc = buf_reserve(out, n)) != 0)
		return rc;
	sodium_bin2base64(
	    (char *)out->data + out->len, n + 1, data, len, sodium_base64_VARIANT_ORIGINAL);
	out->len += n;
	return 0;
}

int base64_secret_decode(uint8_t *out, size_t n, const char *s, size_t len)
{
	size_t got = 0;

	if (sodium_base642bin(out, n, s, len, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) !=
	        0 ||
	    got != n) {
		sodium_memzero(out, n);
		return bad_base64();
	}
	return 0;
}

/* 0 to 25 are letters, 26 to 31 the digits 2 to 7; no branch and no table. */
static char base32_char(unsigned v, unsigned first)
{
	unsigned digit = (25u - v) >> 8; /* all ones when v > 25 */

	return (char)(((first + v) & ~digit) | (('2' + v - 26u) & digit));
}

void base32_encode(char *out, const uint8_t *data, size_t n, int lower)
{
	unsigned first = lower ? 'a' : 'A', acc = 0, bits = 0;

	for (size_t i = 0; i < n; i++) {
		acc = (acc << 8 | data[i]) & 0xfff;
		for (bits += 8; bits >= 5; bits -= 5)
			*out++ = base32_char(acc >> (bits - 5) & 31, first);
	}
	if (bits > 0)
		*out++ = base32_char(acc << (5 - bits) & 31, first);
	*out = '\0';
}

/* All ones when lo <= c <= hi. */
static unsigned in_range(unsigned c, unsigned lo, unsigned hi)
{
	return ~((c - lo) >> 8 | (hi - c) >> 8) & 0xff;
}

int base32_decode(uint8_t *out, size_t n, const char *s, size_t len)
{
	unsigned acc = 0, bits = 0, bad = 0;
	size_t at = 0;

	if (len != BASE32_LEN(n))
		return err_set(MP_EBAD, "not base32 of %zu bytes", n);
	for (size_t i = 0; i < len; i++) {
		unsigned c = (uint8_t)s[i];
		unsigned upper = in_range(c, 'A', 'Z'), small = in_range(c, 'a', 'z'),
		         digit = in_range(c, '2', '7');
		unsigned v = ((c - 'A') & upper) | ((c - 'a') & small) | ((c - '2' + 26) & digit);

		bad |= ~(upper | small | digit) & 0xff;
		acc = (acc << 5 | (v & 31)) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			out[at++] = (uint8_t)(acc >> bits);
		}
	}
	if (bad != 0 || (acc & ((1u << bits) - 1)) != 0) {
		sodium_memzero(out, n);
		return err_set(MP_EBAD, "not base32");
	}
	return 0;
}
