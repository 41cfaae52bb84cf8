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

/* The next message of a member: counted before it is shown, so that what was shown is in every
 * digest. */
static int read_message(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	struct buf plain = BUF_INIT(OTR_CIPHERTEXT);
	struct otr_note note = {.kind = NOTE_MESSAGE, .from = (int)from, .n = l->n};
	int r;

	if ((r = buf_reserve(&plain, l->data.len)) != MP_OK ||
	    (r = ofb_crypt(plain.data, l->data.data, l->data.len, s->secret->group, l->iv)) !=
	        MP_OK ||
	    (r = transcript_add(&s->transcript, from, l)) != MP_OK)
		goto out;
	plain.len = l->data.len;
	note.data = plain.data;
	note.len = plain.len;
	session_tell(s, &note);
	s->unchecked++;
	if (s->check_at == INT64_MAX && s->stage == STAGE_OPEN)
		s->check_at = now + s->cfg->settle;
	r = TAKEN;
out:
	buf_free(&plain);
	return r;
}

static int take_message(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	const struct otr_peer *p = &s->peer[from];
	int64_t count = s->transcript.chains[from].count;
	int r;

	if (l->n <= count) {
		r = transcript_has(&s->transcript, from, l);
		if (r == 0)
			return contradiction(s, from, WHY_TWO, now);
		return r == 1 || r == MP_ENONE ? TAKEN : r;
	}
	if (s->stage == STAGE_COMPARE)
		return TAKEN;
	if (p->has_close && l->n > p->close)
		return contradiction(s, from, WHY_TWO, now);
	return l->n == count + 1 ? read_message(s, l, from, now) : LATER;
}

static int take_check(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	uint32_t counts[OTR_MEMBERS];
	uint8_t digest[OTR_HASH];
	int r;

	if (l->data.len != 4 * s->roster.n)
		return TAKEN;
	for (size_t i = 0; i < s->roster.n; i++) {
		counts[i] = get32(l->data.data + 4 * i);
		if (counts[i] <= s->transcript.chains[i].count)
			continue;
		if (i == s->self) /* we wrote no such message */
			return contradiction(s, from, WHY_TRANSCRIPT, now);
		return s->stage == STAGE_COMPARE ? TAKEN : LATER;
	}
	r = transcript_digest_at(digest, &s->transcript, counts);
	if (r == MP_ENONE)
		return TAKEN; /* so long ago that the end will tell */
	if (r != MP_OK)
		return r;
	return memcmp(digest, l->hash, OTR_HASH) == 0 ? TAKEN
	                                              : contradiction(s, from, WHY_TRANSCRIPT, now);
}

static int take_close(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	struct otr_note note = {.kind = NOTE_LEFT, .from = (int)from};
	struct otr_peer *p = &s->peer[from];
	int r;

	if (p->has_close && p->close == l->n)
		return TAKEN;
	if (p->has_close || l->n < s->transcript.chains[from].count)
		return contradiction(s, from, WHY_TWO, now);
	p->has_close = true;
	p->close = l->n;
	p->leaves = l->why == 1;
	if (p->leaves)
		session_tell(s, &note);
	r = session_event(s, EVENT_CLOSE, WHY_LEFT, UINT64_C(1) << from, (int)from, now);
	return r == MP_OK ? TAKEN : r;
}

static int take_digest(struct otr_session *s, const struct otr_line *l, size_t from, int64_t now)
{
	struct otr_peer *p = &s->peer[from];

	if (p->has_digest)
		return memcmp(p->digest, l->hash, OTR_HASH) == 0
		           ? TAKEN
		           : contradiction(s, from, WHY_TWO, now);
	if (s->stage == STAGE_COMPARE && memcmp(l->hash, s->digest, OTR_HASH) != 0)
		return contradiction(s, from, WHY_TRANSCRIPT, now);
	memcpy(p->digest, l->hash, OTR_HASH);
	p->has_digest = true;
	return TAKEN;
}

int session_talk(struct otr_session *s, struct otr_pending *pending, size_t from, int64_t now)
{
	const struct otr_line *l = &pending->line;

	switch (l->type) {
	case OTR_MESSAGE:
		return take_message(s, l, from, now);
	case OTR_CHECK:
		return take_check(s, l, from, now);
	case OTR_CLOSE:
		return take_close(s, l, from, now);
	default:
		return take_digest(s, l, from, now);
	}
}
