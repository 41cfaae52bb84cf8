#include "crypto/onion.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/base64.h"
#include "base/err.h"

#define RAW 35 /* public key, checksum 2, version */
#define CHARS 56
#define VERSION 3

/* RFC 8410 section 4: SubjectPublicKeyInfo of an Ed25519 key, up to the key itself. */
static const uint8_t spki_head[12] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static void checksum(uint8_t out[static 2], const uint8_t key[static ONION_KEY])
{
	static const char label[15] = ".onion checksum";
	uint8_t in[sizeof(label) + ONION_KEY + 1], digest[32];
	size_t n = sizeof(digest);

	memcpy(in, label, sizeof(label));
	memcpy(in + sizeof(label), key, ONION_KEY);
	in[sizeof(in) - 1] = VERSION;
	if (EVP_Q_digest(NULL, "SHA3-256", NULL, in, sizeof(in), digest, &n) != 1)
		abort(); /* no memory, or an OpenSSL without SHA-3 */
	memcpy(out, digest, 2);
}

void onion_encode(char out[static ONION_TEXT], const uint8_t key[static ONION_KEY])
{
	uint8_t raw[RAW];

	memcpy(raw, key, ONION_KEY);
	checksum(raw + ONION_KEY, key);
	raw[RAW - 1] = VERSION;
	base32_encode(out, raw, sizeof(raw), 1);
	memcpy(out + CHARS, ".onion", sizeof(".onion"));
}

int onion_key_check(const uint8_t key[static ONION_KEY])
{
	if (!crypto_core_ed25519_is_valid_point(key))
		return err_set(MP_EBAD, "the onion address holds an unusable key");
	return MP_OK;
}

int onion_decode(uint8_t key[static ONION_KEY], const char *text)
{
	size_t len = strlen(text);
	uint8_t raw[RAW], sum[2];

	if (len == ONION_TEXT - 1 && strcasecmp(text + CHARS, ".onion") == 0)
		len = CHARS;
	if (len != CHARS)
		return err_set(MP_EBAD, "an onion address has 56 characters and '.onion'");
	if (base32_decode(raw, sizeof(raw), text, len) != MP_OK)
		return err_set(MP_EBAD, "an onion address has only letters and the digits 2 to 7");
	if (raw[RAW - 1] != VERSION)
		return err_set(MP_EBAD, "the onion address is not of version 3");
	checksum(sum, raw);
	if (memcmp(sum, raw + ONION_KEY, sizeof(sum)) != 0)
		return err_set(MP_EBAD, "the onion address is mistyped: its checksum is wrong");
	if (onion_key_check(raw) != MP_OK)
		return MP_EBAD;
	memcpy(key, raw, ONION_KEY);
	return MP_OK;
}

void onion_pin(char out[static ONION_PIN], const uint8_t key[static ONION_KEY])
{
	static const char scheme[8] = "sha256//";
	uint8_t spki[sizeof(spki_head) + ONION_KEY], digest[crypto_hash_sha256_BYTES];

	memcpy(spki, spki_head, sizeof(spki_head));
	memcpy(spki + sizeof(spki_head), key, ONION_KEY);
	crypto_hash_sha256(digest, spki, sizeof(spki));
	memcpy(out, scheme, sizeof(scheme));
	sodium_bin2base64(out + sizeof(scheme), ONION_PIN - sizeof(scheme), digest, sizeof(digest),
	    sodium_base64_VARIANT_ORIGINAL);
}
