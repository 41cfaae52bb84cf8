#include "wire/card.h"

#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "crypto/onion.h"

#define PREFIX "MARIPOSA:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)
#define VERSION 1
#define SUM 4
#define RAW_MAX 512 /* a later version may be longer, but still fits a QR code */

static void checksum(uint8_t out[static SUM], const uint8_t *data, size_t len)
{
	static const char label[15] = "mariposa/1 card";
	uint8_t digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)label, sizeof(label));
	crypto_hash_sha256_update(&state, data, len);
	crypto_hash_sha256_final(&state, digest);
	memcpy(out, digest, SUM);
	sodium_memzero(&state, sizeof(state));
}

static uint32_t to_seconds(int64_t ms)
{
	if (ms < 0)
		return 0;
	return ms / 1000 > UINT32_MAX ? UINT32_MAX : (uint32_t)(ms / 1000);
}

void card_encode(char out[static CARD_TEXT], const struct card *c)
{
	uint8_t raw[CARD_BYTES];

	raw[0] = VERSION;
	memcpy(raw + 1, c->id, CONTACT_ID);
	memcpy(raw + 33, c->key, KEY_LEN);
	memcpy(raw + 65, c->onion, 32);
	put32(raw + 97, to_seconds(c->expires));
	checksum(raw + CARD_BYTES - SUM, raw, CARD_BYTES - SUM);
	memcpy(out, PREFIX, PREFIX_LEN);
	base32_encode(out + PREFIX_LEN, raw, sizeof(raw), 0);
	sodium_memzero(raw, sizeof(raw));
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *len)
{
	while (*len > 0 && is_blank((*text)[0])) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && is_blank((*text)[*len - 1]))
		(*len)--;
}

/*
 * Of every version the first byte tells which and the last four are the checksum,
 * so that a damaged card and one from the future are told apart.
 */
static int check(const uint8_t *raw, size_t n)
{
	uint8_t sum[SUM];

	checksum(sum, raw, n - SUM);
	if (memcmp(sum, raw + n - SUM, SUM) != 0)
		return err_set(MP_EBAD, "the contact card is damaged: its %s is wrong",
		    n == CARD_BYTES ? "checksum" : "length");
	if (raw[0] != VERSION)
		return err_set(MP_EBAD, "the contact card has version %u: this program knows %u",
		    raw[0], VERSION);
	if (n != CARD_BYTES)
		return err_set(MP_EBAD, "the contact card is damaged: its length is wrong");
	return onion_key_check(raw + 65);
}

int card_decode(struct card *c, const char *text, size_t len)
{
	uint8_t raw[RAW_MAX];
	size_t n;
	int r;

	trim(&text, &len);
	if (len < PREFIX_LEN || strncasecmp(text, PREFIX, PREFIX_LEN) != 0)
		return err_set(MP_EBAD, "not a contact card: it does not start with '" PREFIX "'");
	text += PREFIX_LEN;
	len -= PREFIX_LEN;
	n = len * 5 / 8;
	if (n < 1 + SUM || n > RAW_MAX || BASE32_LEN(n) != len)
		return err_set(MP_EBAD, "the contact card is damaged: its length is wrong");
	if (base32_decode(raw, n, text, len) != MP_OK)
		r = err_set(MP_EBAD, "the contact card is damaged: %s is wrong",
		    len == BASE32_LEN(CARD_BYTES) ? "a character" : "its length");
	else if ((r = check(raw, n)) == MP_OK) {
		memcpy(c->id, raw + 1, CONTACT_ID);
		memcpy(c->key, raw + 33, KEY_LEN);
		memcpy(c->onion, raw + 65, 32);
		c->expires = (int64_t)get32(raw + 97) * 1000;
	}
	sodium_memzero(raw, sizeof(raw));
	return r;
}
