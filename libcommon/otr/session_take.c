#include "otr/session.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "crypto/ofb.h"

enum { LATER = 0, TAKEN = 1 };

static int contradiction(struct otr_session *s, size_t from, enum otr_why why, int64_t now)
{
	int r = session_event(s, EVENT_CONTRADICTION, why, UINT64_C(1) << from, -1, now);

	return r == MP_OK ? TAKEN : r;
}

/* What was here first stays; a second, signed, other one is a contradiction. */
static int once(struct otr_session *s, size_t from, bool *has, uint8_t *kept, const uint8_t *got,
    size_t len, int64_t now)
{
	if (*has)
		return memcmp(kept, got, len) == 0 ? TAKEN : contradiction(s, from, WHY_TWO, now);
	memcpy(kept, got, len);
	*has = true;
	return TAKEN;
}

/* The MAC says that who has this member's keys chose this signing key, in this session, for us. */
static int take_keys(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	const struct otr_roster *ro = &s->roster;
	uint8_t mac[OTR_MAC];
	int r;

	if (l->data.len != ro->n * OTR_MAC || p256_check(l->key) != MP_OK)
		return TAKEN;
	if ((r = pair_mac(mac, s->secret->pair[from], s->sid, &ro->m[from], &ro->m[s->self],
	         l->key)) != MP_OK)
		return r;
	if (sodium_memcmp(mac, l->data.data + s->self * OTR_MAC, OTR_MAC) != 0)
		return TAKEN;
	return once(s, from, &s->peer[from].has_key, s->peer[from].key, l->key, P256_PUBLIC, now);
}

static int take_share(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	const struct otr_roster *ro = &s->roster;
	uint8_t commitment[OTR_HASH];
	int r;

	if (s->peer[from].has_share)
		return TAKEN;
	if (l->data.len != ro->n * OTR_SEALED)
		return contradiction(s, from, WHY_SHARE, now);
	r = share_open(s->secret->shares[from], s->sid, &ro->m[from], &ro->m[s->self],
	    s->secret->ephemeral, l->data.data + s->self * OTR_SEALED);
	if (r == MP_EBAD)
		return contradiction(s, from, WHY_SHARE, now);
	if (r != MP_OK || (r = share_commit(commitment, s->sid, ro->m[from].id,
	                       s->secret->shares[from])) != MP_OK)
		return r;
	if (memcmp(commitment, s->peer[from].commitment, OTR_HASH) != 0)
		return contradiction(s, from, WHY_SHARE, now);
	s->peer[from].has_share = true;
	return TAKEN;
}

/* Two different hashes that a member signed are a contradiction whether or not one of them is ours.
 */
static int take_hash(struct otr_session *s, const struct otr_line *l, size_t from, bool *has,
    const uint8_t ours[static OTR_HASH], enum otr_why why, int64_t now)
{
	if (memcmp(l->hash, ours, OTR_HASH) != 0)
		return contradiction(s, from, why, now);
	*has = true;
	return TAKEN;
}

static int take_stage(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	struct otr_peer *p = &s->peer[from];
	bool same = false;
	int r;

	switch (l->type) {
	case OTR_COMMIT:
		if (s->stage < STAGE_COMMIT)
			return LATER;
		r = take_hash(s, l, from, &same, s->roster_hash, WHY_ROSTER, now);
		return !same ? r
		             : once(s, from, &p->has_commitment, p->commitment, l->commitment,
		                   OTR_HASH, now);
	case OTR_ECHO:
		return s->stage < STAGE_ECHO ? LATER
		                             : take_hash(s, l, from, &p->has_echo, s->commitments,
		                                   WHY_COMMITMENTS, now);
	case OTR_REVEAL:
		return s->stage < STAGE_REVEAL ? LATER : take_share(s, l, from, now);
	default:
		return s->stage < STAGE_ATTEST
		           ? LATER
		           : take_hash(s, l, from, &p->has_attest, s->view, WHY_VIEW, now);
	}
}

static int take_abort(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	int who = roster_find(&s->roster, l->who);
	enum otr_why why = l->why == WHY_LEFT ? WHY_LEFT : WHY_GAVE_UP;
	int r =
	    session_event(s, EVENT_ABORTED, why, who < 0 ? 0 : UINT64_C(1) << who, (int)from, now);

	return r == MP_OK ? TAKEN : r;
}

/*
 * Nobody publishes before he has the digests of all, ours too: whoever does earlier lets others
 * sign in his name while we still listen.
 */
static int take_publish(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	struct otr_note note = {.kind = NOTE_PUBLISHED,
	    .stage = s->stage,
	    .from = (int)from,
	    .data = l->secret,
	    .len = P256_SECRET};
	struct otr_peer *p = &s->peer[from];
	uint8_t key[P256_PUBLIC];
	int r;

	if (!p->has_key)
		return s->stage == STAGE_KEYS ? LATER : TAKEN;
	r = p256_public(key, l->secret);
	if (r != MP_OK && r != MP_EBAD)
		return r;
	if (r == MP_EBAD || memcmp(key, p->key, P256_PUBLIC) != 0 || p->published)
		return TAKEN;
	if (s->stage == STAGE_COMPARE && !p->has_digest)
		return LATER;
	p->published = true;
	session_tell(s, &note);
	return s->stage < STAGE_COMPARE ? contradiction(s, from, WHY_PUBLISHED, now) : TAKEN;
}

int session_try(struct otr_session *s, struct otr_pending *pending, int64_t now)
{
	const struct otr_line *l = &pending->line;
	int from = roster_find(&s->roster, l->from), r;

	if (from < 0 || (size_t)from == s->self)
		return TAKEN;
	if (l->type == OTR_PUBLISH)
		return take_publish(s, l, (size_t)from, now);
	if (s->stage > STAGE_COMPARE || now >= s->expiry)
		return TAKEN;
	if (l->type == OTR_KEYS)
		return take_keys(s, l, (size_t)from, now);
	if (!s->peer[from].has_key)
		return LATER;
	if (!pending->verified) {
		r = otr_line_verify(l, s->peer[from].key);
		if (r != MP_OK)
			return r == MP_EBAD ? TAKEN : r;
		pending->verified = true;
	}
	if (l->type == OTR_ABORT)
		return take_abort(s, l, (size_t)from, now);
	if (l->type < OTR_MESSAGE)
		return take_stage(s, l, (size_t)from, now);
	return s->stage < STAGE_OPEN ? LATER : session_talk(s, pending, (size_t)from, now);
}
