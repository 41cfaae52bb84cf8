#include "mesh/retrieval.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#include <sodium.h>

#define PHRASE "I AM WHO I SAY I AM\n"
#define INT_MOST (INT64_C(1) << 53)

static void put64(uint8_t out[static 8], uint64_t v)
{
	put32(out, (uint32_t)(v >> 32));
	put32(out + 4, (uint32_t)v);
}

static void authenticate(
    uint8_t mac[static 32], const uint8_t c[static 24], const uint8_t secret[32])
{
	crypto_auth_hmacsha256_state h;

	crypto_auth_hmacsha256_init(&h, secret, 32);
	crypto_auth_hmacsha256_update(&h, (const uint8_t *)"mp mesh/1 challenge", 19);
	crypto_auth_hmacsha256_update(&h, c, 24);
	crypto_auth_hmacsha256_final(&h, mac);
}

void challenge_make(
    uint8_t out[static CHALLENGE_BYTES], const uint8_t secret[static 32], int64_t now)
{
	uint8_t mac[32];

	put64(out, (uint64_t)now);
	randombytes_buf(out + 8, 16);
	authenticate(mac, out, secret);
	memcpy(out + 24, mac, 16);
}

int challenge_check(
    const uint8_t challenge[static CHALLENGE_BYTES], const uint8_t secret[static 32], int64_t now)
{
	uint64_t at = (uint64_t)get32(challenge) << 32 | get32(challenge + 4);
	uint8_t mac[32];

	authenticate(mac, challenge, secret);
	if (sodium_memcmp(mac, challenge + 24, 16) != 0)
		return err_set(MP_EBAD, "not our challenge");
	if (at > (uint64_t)now || (uint64_t)now - at > CHALLENGE_TIME)
		return err_set(MP_EBAD, "the challenge is too old");
	return 0;
}

int challenge_write(json_t **out, const uint8_t c[static CHALLENGE_BYTES], int64_t now)
{
	json_t *o = json_object();
	int rc;

	if ((rc = field_set_text(o, "type", "challenge")) == 0 &&
	    (rc = field_set_bytes(o, "challenge", c, CHALLENGE_BYTES)) == 0)
		rc = field_set_time(o, "timestamp", now);
	if (rc != 0) {
		json_decref(o);
		o = NULL;
	}
	*out = o;
	return rc;
}

int challenge_read(uint8_t c[static CHALLENGE_BYTES], const json_t *o)
{
	int64_t time;
	int rc;

	if ((rc = field_type(o, "challenge")) != 0 || (rc = field_time(o, "timestamp", &time)) != 0)
		return rc;
	return field_bytes(o, "challenge", c, CHALLENGE_BYTES);
}

int retrieval_read(struct retrieval *r, const json_t *o)
{
	int rc;

	if ((rc = field_key(o, "public_key", r->key)) != 0 ||
	    (rc = field_bytes(o, "signature", r->signature, RSA_BYTES)) != 0 ||
	    (rc = field_bytes(o, "challenge", r->challenge, CHALLENGE_BYTES)) != 0 ||
	    (rc = field_time(o, "timestamp", &r->time)) != 0 ||
	    (rc = json_hex(o, "device", r->device, MESH_DEVICE)) != 0)
		return rc;
	r->size = 0;
	if (json_object_get(o, "size") != NULL &&
	    (rc = json_int(o, "size", 1, RETRIEVAL_SIZE, &r->size)) != 0)
		return rc;
	return json_int(o, "cursor", 0, INT_MOST, &r->cursor);
}

/* The time is signed as we write it: one instant has one text. */
static int phrase(
    struct buf *out, const struct retrieval *r, const uint8_t server[static ONION_KEY])
{
	char name[ONION_TEXT], time[CLOCK_TEXT], device[2 * MESH_DEVICE + 1];
	int rc;

	onion_encode(name, server);
	clock_format(time, r->time);
	hex_encode(device, r->device, MESH_DEVICE);
	if ((rc = buf_addf(out, PHRASE "%s\n", name)) != 0 ||
	    (rc = base64_encode(out, r->challenge, CHALLENGE_BYTES)) != 0)
		return rc;
	return buf_addf(out, "\n%s\n%s\n%" PRId64, time, device, r->cursor);
}

int retrieval_verify(const struct retrieval *r, const uint8_t server[static ONION_KEY])
{
	struct buf text = BUF_INIT(1024);
	int rc = phrase(&text, r, server);

	if (rc == 0)
		rc = rsa_verify(r->key, r->signature, text.data, text.len);
	buf_free(&text);
	return rc;
}

int retrieval_write(json_t **out, struct retrieval *r, const struct rsa_key *k,
    const uint8_t server[static ONION_KEY])
{
	struct buf text = BUF_INIT(1024);
	json_t *o = json_object();
	int rc;

	*out = NULL;
	memcpy(r->key, rsa_der(k), RSA_DER);
	if ((rc = phrase(&text, r, server)) == 0 &&
	    (rc = rsa_sign(r->signature, k, text.data, text.len)) == 0 &&
	    (rc = field_set_bytes(o, "public_key", r->key, RSA_DER)) == 0 &&
	    (rc = field_set_bytes(o, "signature", r->signature, RSA_BYTES)) == 0 &&
	    (rc = field_set_bytes(o, "challenge", r->challenge, CHALLENGE_BYTES)) == 0 &&
	    (rc = field_set_time(o, "timestamp", r->time)) == 0 &&
	    (rc = json_set_hex(o, "device", r->device, MESH_DEVICE)) == 0)
		rc = field_set_int(o, "cursor", r->cursor);
	if (rc == 0 && r->size > 0)
		rc = field_set_int(o, "size", r->size);
	buf_free(&text);
	if (rc != 0)
		json_decref(o);
	else
		*out = o;
	return rc;
}
