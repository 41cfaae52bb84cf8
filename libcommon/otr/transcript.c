#include "otr/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/whirlpool.h"

static int link_first(uint8_t out[static OTR_HASH], const uint8_t sid[static OTR_SID],
    const uint8_t id[static OTR_ID])
{
	static const char label[] = "mpotr/1 transcript";
	struct part parts[] = {PART_TEXT(label), {sid, OTR_SID}, {id, OTR_ID}};
	uint8_t hash[WHIRLPOOL_LEN];
	int r = whirlpool_parts(hash, parts, 3);

	if (r == MP_OK)
		memcpy(out, hash, OTR_HASH);
	return r;
}

static int link_next(
    uint8_t out[static OTR_HASH], const uint8_t before[static OTR_HASH], const struct otr_line *l)
{
	struct part parts[] = {{before, OTR_HASH}, PART(l->iv), {l->data.data, l->data.len}};
	uint8_t hash[WHIRLPOOL_LEN];
	int r = whirlpool_parts(hash, parts, 3);

	if (r == MP_OK)
		memcpy(out, hash, OTR_HASH);
	return r;
}

int transcript_new(
    struct transcript *t, const uint8_t sid[static OTR_SID], const struct otr_roster *r)
{
	int rc = MP_OK;

	t->n = r->n;
	memcpy(t->sid, sid, OTR_SID);
	if ((t->chains = calloc(r->n, sizeof(*t->chains))) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	for (size_t i = 0; rc == MP_OK && i < r->n; i++)
		rc = link_first(t->chains[i].link[0], sid, r->m[i].id);
	return rc;
}

void transcript_free(struct transcript *t)
{
	free(t->chains);
	t->chains = NULL;
}

int transcript_add(struct transcript *t, size_t i, const struct otr_line *message)
{
	struct transcript_chain *c = &t->chains[i];
	int r = link_next(c->link[(c->count + 1) % TRANSCRIPT_KEPT],
	    c->link[c->count % TRANSCRIPT_KEPT], message);

	if (r == MP_OK)
		c->count++;
	return r;
}

int transcript_has(const struct transcript *t, size_t i, const struct otr_line *message)
{
	const struct transcript_chain *c = &t->chains[i];
	uint32_t n = (uint32_t)message->n;
	uint8_t link[OTR_HASH];
	int r;

	if (n == 0 || n > c->count || c->count - (n - 1) >= TRANSCRIPT_KEPT)
		return MP_ENONE;
	if ((r = link_next(link, c->link[(n - 1) % TRANSCRIPT_KEPT], message)) != MP_OK)
		return r;
	return memcmp(link, c->link[n % TRANSCRIPT_KEPT], OTR_HASH) == 0;
}

int transcript_digest_at(
    uint8_t out[static OTR_HASH], const struct transcript *t, const uint32_t *counts)
{
	static const char label[] = "mpotr/1 digest";
	struct part parts[2 + 2 * OTR_MEMBERS] = {PART_TEXT(label), PART(t->sid)};
	uint8_t number[OTR_MEMBERS][4], hash[WHIRLPOOL_LEN];
	size_t n = 2;
	int r;

	for (size_t i = 0; i < t->n; i++) {
		const struct transcript_chain *c = &t->chains[i];

		if (counts[i] > c->count || c->count - counts[i] >= TRANSCRIPT_KEPT)
			return MP_ENONE;
		put32(number[i], counts[i]);
		parts[n++] = PART(number[i]);
		parts[n++] = (struct part){c->link[counts[i] % TRANSCRIPT_KEPT], OTR_HASH};
	}
	if ((r = whirlpool_parts(hash, parts, n)) == MP_OK)
		memcpy(out, hash, OTR_HASH);
	return r;
}

int transcript_digest(uint8_t out[static OTR_HASH], const struct transcript *t)
{
	uint32_t counts[OTR_MEMBERS];

	for (size_t i = 0; i < t->n; i++)
		counts[i] = t->chains[i].count;
	return transcript_digest_at(out, t, counts);
}
