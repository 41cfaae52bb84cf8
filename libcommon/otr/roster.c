#include "otr/roster.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "crypto/whirlpool.h"

int otr_member_of(struct otr_member *m, const struct otr_line *hello)
{
	uint8_t hash[WHIRLPOOL_LEN];
	int r;

	if ((r = p256_check(hello->long_key)) != MP_OK ||
	    (r = p256_check(hello->ephemeral)) != MP_OK ||
	    (r = otr_line_hash(hash, hello)) != MP_OK)
		return r;
	memset(m, 0, sizeof(*m));
	memcpy(m->id, hash, OTR_ID);
	memcpy(m->nick, hello->nick, sizeof(m->nick));
	memcpy(m->nonce, hello->nonce, sizeof(m->nonce));
	memcpy(m->long_key, hello->long_key, sizeof(m->long_key));
	memcpy(m->ephemeral, hello->ephemeral, sizeof(m->ephemeral));
	m->time = hello->time;
	m->life = hello->life;
	return MP_OK;
}

int roster_find(const struct otr_roster *r, const uint8_t id[static OTR_ID])
{
	for (size_t i = 0; i < r->n; i++)
		if (memcmp(r->m[i].id, id, OTR_ID) == 0)
			return (int)i;
	return -1;
}

int roster_find_key(const struct otr_roster *r, const uint8_t long_key[static P256_PUBLIC])
{
	for (size_t i = 0; i < r->n; i++)
		if (memcmp(r->m[i].long_key, long_key, P256_PUBLIC) == 0)
			return (int)i;
	return -1;
}

void roster_remove(struct otr_roster *r, size_t i)
{
	memmove(r->m + i, r->m + i + 1, (r->n - i - 1) * sizeof(r->m[0]));
	r->n--;
}

int roster_add(struct otr_roster *r, const struct otr_member *m)
{
	int same = roster_find_key(r, m->long_key);
	size_t at = 0;

	if (same >= 0) {
		if (r->m[same].time >= m->time)
			return 0;
		roster_remove(r, (size_t)same);
	}
	if (r->n == OTR_MEMBERS)
		return err_set(MP_ELIMIT, "more than %d members", OTR_MEMBERS);
	while (at < r->n && memcmp(r->m[at].id, m->id, OTR_ID) < 0)
		at++;
	memmove(r->m + at + 1, r->m + at, (r->n - at) * sizeof(r->m[0]));
	r->m[at] = *m;
	r->n++;
	return 1;
}

int64_t roster_expiry(const struct otr_roster *r)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < r->n; i++)
		if (r->m[i].time + r->m[i].life < first)
			first = r->m[i].time + r->m[i].life;
	return first;
}

int roster_sid(
    uint8_t sid[static OTR_SID], const struct otr_roster *r, const char *room, const char *server)
{
	static const char label[] = "mpotr/1 session";
	struct part parts[3 + OTR_MEMBERS] = {PART_TEXT(label), PART_TEXT(room), PART_TEXT(server)};
	uint8_t hash[WHIRLPOOL_LEN];
	int rc;

	for (size_t i = 0; i < r->n; i++)
		parts[3 + i] = PART(r->m[i].id);
	if ((rc = whirlpool_parts(hash, parts, 3 + r->n)) == MP_OK)
		memcpy(sid, hash, OTR_SID);
	return rc;
}

static int key_hash(uint8_t hash[static WHIRLPOOL_LEN], const uint8_t key[static P256_PUBLIC])
{
	static const char label[] = "mpotr/1 fingerprint";
	struct part parts[] = {PART_TEXT(label), {key, P256_PUBLIC}};

	return whirlpool_parts(hash, parts, 2);
}

int otr_fingerprint(char out[static OTR_FINGERPRINT], const uint8_t long_key[static P256_PUBLIC])
{
	uint8_t hash[WHIRLPOOL_LEN];
	int r = key_hash(hash, long_key);

	for (size_t i = 0; r == MP_OK && i < 10; i++) {
		hex_encode(out + 5 * i, hash + 2 * i, 2);
		out[5 * i + 4] = i < 9 ? ' ' : '\0';
	}
	return r;
}

int otr_short(char out[static OTR_SHORT], const uint8_t long_key[static P256_PUBLIC])
{
	uint8_t hash[WHIRLPOOL_LEN];
	int r = key_hash(hash, long_key);

	if (r == MP_OK)
		hex_encode(out, hash, 8);
	return r;
}
