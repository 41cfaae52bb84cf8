/* The card: its bytes, and a clear line for each way it can be wrong. */
#include <ctype.h>
#include <sodium.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "crypto/identity.h"
#include "wire/card.h"
#include "tap.h"

static struct card card;
static char text[CARD_TEXT];

static void make(void)
{
	uint8_t seed[32] = "a seed";
	struct identity *id;

	if (identity_from_seed(&id, seed) != 0)
		abort();
	randombytes_buf(card.id, 32);
	randombytes_buf(card.key, 32);
	memcpy(card.onion, id->key, 32);
	card.expires = INT64_C(1795170994000);
	identity_free(id);
	card_encode(text, &card);
}

static int same(const struct card *c)
{
	return memcmp(c->id, card.id, 32) == 0 && memcmp(c->key, card.key, 32) == 0 &&
	       memcmp(c->onion, card.onion, 32) == 0 && c->expires == card.expires;
}

static void test_form(void)
{
	uint8_t raw[CARD_BYTES], in[15 + 101], digest[32];

	is_int((long long)strlen(text), 177, "177 characters");
	ok(strncmp(text, "MARIPOSA:", 9) == 0, "the prefix");
	is_int((long long)strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:"), 177,
	    "QR alphanumeric mode");
	is_int(base32_decode(raw, sizeof(raw), text + 9, 168), 0, "base32");
	is_int(raw[0], 1, "version 1");
	ok(memcmp(raw + 1, card.id, 32) == 0 && memcmp(raw + 33, card.key, 32) == 0 &&
	        memcmp(raw + 65, card.onion, 32) == 0,
	    "contact id, key, onion key");
	is_int(get32(raw + 97), 1795170994, "expiry in seconds");
	memcpy(in, "mariposa/1 card", 15);
	memcpy(in + 15, raw, 101);
	crypto_hash_sha256(digest, in, sizeof(in));
	ok(memcmp(raw + 101, digest, 4) == 0, "checksum");
}

static void taken(const char *what, const char *s, size_t n)
{
	struct card c;

	is_int(card_decode(&c, s, n), 0, what);
	ok(same(&c), "the same card");
}

static void test_forms(void)
{
	char around[CARD_TEXT + 20], lower[CARD_TEXT];
	int n;

	taken("as it is", text, strlen(text));
	n = snprintf(around, sizeof(around), " \t\r\n%s \r\n\n", text);
	taken("blanks and line ends around it", around, (size_t)n);
	for (size_t i = 0; i < CARD_TEXT; i++)
		lower[i] = (char)tolower((unsigned char)text[i]);
	taken("lower case", lower, strlen(lower));
}

static void test_expiry(void)
{
	struct card c = card, d;
	char t[CARD_TEXT];

	c.expires = 1999;
	card_encode(t, &c);
	is_int(card_decode(&d, t, strlen(t)), 0, "an early expiry");
	is_int(d.expires, 1000, "cut to the second");
	c.expires = -5;
	card_encode(t, &c);
	card_decode(&d, t, strlen(t));
	is_int(d.expires, 0, "before 1970 is 1970");
	c.expires = INT64_MAX;
	card_encode(t, &c);
	card_decode(&d, t, strlen(t));
	is_int(d.expires, INT64_C(4294967295000), "after 2106 is 2106");
}

static void refused(const char *s, size_t n, const char *why)
{
	struct card c;

	memset(&c, 0x55, sizeof(c));
	is_int(card_decode(&c, s, n), MP_EBAD, why);
	ok(strstr(err_detail(), why) != NULL && strchr(err_detail(), '\n') == NULL, "it says '%s'",
	    err_detail());
	ok(c.id[0] == 0x55 && c.key[31] == 0x55 && c.onion[0] == 0x55, "and gives nothing out");
}

/* A card made anew around changed bytes, with a right checksum. */
static void remade(size_t at, const uint8_t *bytes, size_t n, size_t total, const char *why)
{
	uint8_t raw[CARD_BYTES + 100] = {0}, in[15 + CARD_BYTES + 100], digest[32];
	char t[512] = "MARIPOSA:";

	base32_decode(raw, CARD_BYTES, text + 9, 168);
	memcpy(raw + at, bytes, n);
	memcpy(in, "mariposa/1 card", 15);
	memcpy(in + 15, raw, total - 4);
	crypto_hash_sha256(digest, in, 15 + total - 4);
	memcpy(raw + total - 4, digest, 4);
	base32_encode(t + 9, raw, total, 0);
	refused(t, strlen(t), why);
}

static void test_wrong(void)
{
	static const uint8_t version = 2, one[32] = {1}, same_version = 1;
	char t[CARD_TEXT + 1];

	refused("", 0, "not a contact card");
	refused("\n", 1, "not a contact card");
	refused("MARIPOSA", 8, "not a contact card");
	refused("hello", 5, "not a contact card");
	refused("MARIPOSA:", 9, "length");
	refused(text, strlen(text) - 1, "length");
	/* Also when no bit of the last character is left over. */
	strcpy(t, text);
	for (const char *c = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; *c != '\0'; c++) {
		t[strlen(text) - 2] = *c;
		refused(t, strlen(text) - 1, "length");
	}
	snprintf(t, sizeof(t), "%sA", text);
	refused(t, strlen(t), "length");
	strcpy(t, text);
	t[50] = '1';
	refused(t, strlen(t), "character");
	t[50] = ' ';
	refused(t, strlen(t), "character");
	t[50] = '\0';
	refused(t, strlen(text), "character");
	strcpy(t, text);
	t[50] = t[50] == 'A' ? 'B' : 'A';
	refused(t, strlen(t), "checksum");
	remade(0, &version, 1, CARD_BYTES, "version 2");
	remade(0, &version, 1, CARD_BYTES + 40, "version 2");
	remade(0, &same_version, 1, CARD_BYTES + 40, "length");
	remade(65, one, 32, CARD_BYTES, "unusable key");
}

/* A letter misread anywhere, two swapped, one lost: never a card. */
static void test_typos(void)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	int changed = 0, swapped = 0, lost = 0;
	char t[CARD_TEXT];
	struct card c;

	for (size_t i = 9; i < 177; i++) {
		for (size_t j = 0; j < 32; j++) {
			strcpy(t, text);
			t[i] = letters[j];
			changed += letters[j] != text[i] && card_decode(&c, t, 177) == 0;
		}
		strcpy(t, text);
		memmove(t + i, text + i + 1, 177 - i);
		lost += card_decode(&c, t, 176) == 0;
		strcpy(t, text);
		if (i == 176 || t[i] == t[i + 1])
			continue;
		t[i] = text[i + 1];
		t[i + 1] = text[i];
		swapped += card_decode(&c, t, 177) == 0;
	}
	is_int(changed, 0, "no card with one character changed is taken");
	is_int(swapped, 0, "nor with two neighbours swapped");
	is_int(lost, 0, "nor with one lost");
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	make();
	test_form();
	test_forms();
	test_expiry();
	test_wrong();
	test_typos();
	return done();
}
