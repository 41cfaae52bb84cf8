#include "otr/share.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "crypto/whirlpool.h"

static int cut(uint8_t *out, size_t len, const struct part *parts, size_t n)
{
	uint8_t hash[WHIRLPOOL_LEN];
	int r = whirlpool_parts(hash, parts, n);

	if (r == MP_OK)
		memcpy(out, hash, len);
	sodium_memzero(hash, sizeof(hash));
	return r;
}

static int cut_hmac(uint8_t *out, size_t len, const uint8_t *key, size_t key_len,
    const struct part *parts, size_t n)
{
	uint8_t hash[WHIRLPOOL_LEN];
	int r = whirlpool_hmac_parts(hash, key, key_len, parts, n);

	if (r == MP_OK)
		memcpy(out, hash, len);
	sodium_memzero(hash, sizeof(hash));
	return r;
}

/* Which of two members is low. */
static bool is_low(const struct otr_member *a, const struct otr_member *b)
{
	return memcmp(a->long_key, b->long_key, P256_PUBLIC) < 0;
}

/* z: ECDH(L_low, e_high) | ECDH(e_low, L_high) | ECDH(e_low, e_high); wiped. */
static int pair_mix(uint8_t out[static OTR_PAIR], uint8_t z[static 3 * P256_SHARED],
    const uint8_t sid[static OTR_SID], const struct otr_member *low, const struct otr_member *high)
{
	static const char label[] = "mpotr/1 pair";
	struct part parts[] = {PART_TEXT(label), {sid, OTR_SID}, PART(low->id), PART(high->id)};
	int r = cut_hmac(out, OTR_PAIR, z, 3 * P256_SHARED, parts, 4);

	sodium_memzero(z, 3 * P256_SHARED);
	return r;
}

int pair_key(uint8_t out[static OTR_PAIR], const uint8_t sid[static OTR_SID],
    const struct otr_member *self, const uint8_t long_secret[static P256_SECRET],
    const uint8_t ephemeral_secret[static P256_SECRET], const struct otr_member *peer)
{
	bool low = is_low(self, peer);
	uint8_t z[3 * P256_SHARED];
	int r;

	if ((r = p256_ecdh(z, low ? long_secret : ephemeral_secret,
	         low ? peer->ephemeral : peer->long_key)) != MP_OK ||
	    (r = p256_ecdh(z + P256_SHARED, low ? ephemeral_secret : long_secret,
	         low ? peer->long_key : peer->ephemeral)) != MP_OK ||
	    (r = p256_ecdh(z + 2 * P256_SHARED, ephemeral_secret, peer->ephemeral)) != MP_OK) {
		sodium_memzero(z, sizeof(z));
		return r;
	}
	return pair_mix(out, z, sid, low ? self : peer, low ? peer : self);
}

int pair_forge(uint8_t out[static OTR_PAIR], const uint8_t sid[static OTR_SID],
    const struct otr_member *a, const uint8_t a_ephemeral[static P256_SECRET],
    const struct otr_member *b, const uint8_t b_ephemeral[static P256_SECRET])
{
	bool low = is_low(a, b);
	const struct otr_member *l = low ? a : b, *h = low ? b : a;
	const uint8_t *l_secret = low ? a_ephemeral : b_ephemeral;
	const uint8_t *h_secret = low ? b_ephemeral : a_ephemeral;
	uint8_t z[3 * P256_SHARED];
	int r;

	if ((r = p256_ecdh(z, h_secret, l->long_key)) != MP_OK ||
	    (r = p256_ecdh(z + P256_SHARED, l_secret, h->long_key)) != MP_OK ||
	    (r = p256_ecdh(z + 2 * P256_SHARED, l_secret, h->ephemeral)) != MP_OK)
		return r;
	return pair_mix(out, z, sid, l, h);
}

int pair_mac(uint8_t out[static OTR_MAC], const uint8_t pair[static OTR_PAIR],
    const uint8_t sid[static OTR_SID], const struct otr_member *from, const struct otr_member *to,
    const uint8_t signing_key[static P256_PUBLIC])
{
	const char *role = is_low(from, to) ? "mpotr/1 low" : "mpotr/1 high";
	struct part parts[] = {PART_TEXT(role), {sid, OTR_SID}, {signing_key, P256_PUBLIC}};

	return cut_hmac(out, OTR_MAC, pair, OTR_PAIR, parts, 3);
}

int share_commit(uint8_t out[static OTR_HASH], const uint8_t sid[static OTR_SID],
    const uint8_t id[static OTR_ID], const uint8_t share[static OTR_SHARE])
{
	static const char label[] = "mpotr/1 commitment";
	struct part parts[] = {PART_TEXT(label), {sid, OTR_SID}, {id, OTR_ID}, {share, OTR_SHARE}};

	return cut(out, OTR_HASH, parts, 4);
}

/* The one-time pad of a sealed contribution. */
static int pad(uint8_t out[static OTR_SHARE], const uint8_t z[static P256_SHARED],
    const uint8_t point[static P256_PUBLIC], const uint8_t sid[static OTR_SID],
    const struct otr_member *from, const struct otr_member *to)
{
	static const char label[] = "mpotr/1 contribution";
	struct part parts[] = {
	    PART_TEXT(label), {sid, OTR_SID}, PART(from->id), PART(to->id), {point, P256_PUBLIC}};

	return cut_hmac(out, OTR_SHARE, z, P256_SHARED, parts, 5);
}

int share_seal(uint8_t out[static OTR_SEALED], const uint8_t sid[static OTR_SID],
    const struct otr_member *from, const struct otr_member *to,
    const uint8_t share[static OTR_SHARE])
{
	uint8_t secret[P256_SECRET], z[P256_SHARED];
	int r;

	if ((r = p256_generate(secret, out)) != MP_OK ||
	    (r = p256_ecdh(z, secret, to->ephemeral)) != MP_OK ||
	    (r = pad(out + P256_PUBLIC, z, out, sid, from, to)) != MP_OK)
		goto out;
	for (size_t i = 0; i < OTR_SHARE; i++)
		out[P256_PUBLIC + i] ^= share[i];
out:
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(z, sizeof(z));
	return r;
}

int share_open(uint8_t share[static OTR_SHARE], const uint8_t sid[static OTR_SID],
    const struct otr_member *from, const struct otr_member *to,
    const uint8_t to_secret[static P256_SECRET], const uint8_t sealed[static OTR_SEALED])
{
	uint8_t z[P256_SHARED];
	int r;

	if ((r = p256_ecdh(z, to_secret, sealed)) != MP_OK ||
	    (r = pad(share, z, sealed, sid, from, to)) != MP_OK)
		goto out;
	for (size_t i = 0; i < OTR_SHARE; i++)
		share[i] ^= sealed[P256_PUBLIC + i];
out:
	sodium_memzero(z, sizeof(z));
	return r;
}

int group_key(uint8_t out[static OTR_GROUP], const uint8_t sid[static OTR_SID],
    const uint8_t *shares, size_t n)
{
	static const char label[] = "mpotr/1 group";
	uint8_t all[OTR_SHARE] = {0};
	struct part parts[] = {PART_TEXT(label), {sid, OTR_SID}, PART(all)};
	int r;

	for (size_t i = 0; i < n * OTR_SHARE; i++)
		all[i % OTR_SHARE] ^= shares[i];
	r = cut(out, OTR_GROUP, parts, 3);
	sodium_memzero(all, sizeof(all));
	return r;
}

int group_confirm(uint8_t out[static OTR_HASH], const uint8_t sid[static OTR_SID],
    const uint8_t group[static OTR_GROUP])
{
	static const char label[] = "mpotr/1 confirm";
	struct part parts[] = {PART_TEXT(label), {sid, OTR_SID}, {group, OTR_GROUP}};

	return cut(out, OTR_HASH, parts, 3);
}
