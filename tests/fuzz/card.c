/*
 * fuzz/card: any text as a card.  What is taken is the one card that encoding gives, up to case and
 * blanks.  Behind a first byte 0 the rest are a card's bytes, which get a right checksum.
 */
#include "fuzz.h"

#include "base/base64.h"
#include "base/err.h"
#include "wire/card.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void check(const char *text, size_t n)
{
	struct card c, back;
	char line[CARD_TEXT];
	int rc = card_decode(&c, text, n);

	must(rc == 0 || (rc == MP_EBAD && err_detail()[0] != '\0'));
	if (rc != 0)
		return;
	card_encode(line, &c);
	must(card_decode(&back, line, CARD_TEXT - 1) == 0);
	must(memcmp(&c, &back, sizeof(c)) == 0);
	while (n > 0 && strchr(" \t\r\n", *text) != NULL) {
		text++;
		n--;
	}
	must(n >= CARD_TEXT - 1 && strncasecmp(line, text, CARD_TEXT - 1) == 0);
}

static void checksummed(const uint8_t *data, size_t size)
{
	uint8_t raw[300], in[15 + 300], digest[32];
	char line[9 + BASE32_LEN(300) + 1] = "MARIPOSA:";
	size_t n = size < sizeof(raw) - 4 ? size : sizeof(raw) - 4;

	memcpy(raw, data, n);
	memcpy(in, "mariposa/1 card", 15);
	memcpy(in + 15, raw, n);
	crypto_hash_sha256(digest, in, 15 + n);
	memcpy(raw + n, digest, 4);
	base32_encode(line + 9, raw, n + 4, 0);
	check(line, strlen(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 0)
		checksummed(data + 1, size - 1);
	else
		check((const char *)data, size);
	return 0;
}
