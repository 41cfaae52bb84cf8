#include "otr/session.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "crypto/whirlpool.h"

static uint64_t bit(size_t i)
{
	return UINT64_C(1) << i;
}

static int hash_parts(uint8_t out[static OTR_HASH], const struct part *parts, size_t n)
{
	uint8_t hash[WHIRLPOOL_LEN];
	int r = whirlpool_parts(hash, parts, n);

	if (r == MP_OK)
		memcpy(out, hash, OTR_HASH);
	return r;
}

int session_send(struct otr_session *s, struct otr_line *l)
{
	struct buf text = BUF_INIT(OTR_LINE_MAX);
	int r = MP_OK;

	memcpy(l->sid, s->sid, OTR_SID);
	memcpy(l->from, s->roster.m[s->self].id, OTR_ID);
	if (l->type != OTR_KEYS && l->type != OTR_PUBLISH)
		r = otr_line_sign(l, s->secret->signing);
	if (r == MP_OK && (r = otr_line_write(&text, l)) == MP_OK)
		s->cfg->sink.line(s->cfg->sink.ctx, (const char *)text.data, text.len);
	buf_free(&text);
	return r;
}

void session_tell(struct otr_session *s, struct otr_note *note)
{
	note->session = s;
	s->cfg->sink.note(s->cfg->sink.ctx, note);
}

/* A line with one hash and nothing else. */
static int send_hash(struct otr_session *s, enum otr_type type, const uint8_t hash[static OTR_HASH])
{
	struct otr_line l;
	int r;

	otr_line_init(&l);
	l.type = type;
	memcpy(l.hash, hash, OTR_HASH);
	if (type == OTR_COMMIT)
		memcpy(l.commitment, s->peer[s->self].commitment, OTR_HASH);
	r = session_send(s, &l);
	otr_line_free(&l);
	return r;
}

int session_send_keys(struct otr_session *s)
{
	const struct otr_member *self = &s->roster.m[s->self];
	uint8_t mac[OTR_MAC];
	struct otr_line l;
	int r = MP_OK;

	otr_line_init(&l);
	l.type = OTR_KEYS;
	memcpy(l.key, s->peer[s->self].key, P256_PUBLIC);
	for (size_t i = 0; r == MP_OK && i < s->roster.n; i++) {
		memset(mac, 0, sizeof(mac));
		if (i != s->self)
			r = pair_mac(mac, s->secret->pair[i], s->sid, self, &s->roster.m[i], l.key);
		if (r == MP_OK)
			r = buf_add(&l.data, mac, sizeof(mac));
	}
	if (r == MP_OK)
		r = session_send(s, &l);
	otr_line_free(&l);
	return r;
}

/* The roster with the signing keys; and a contribution. */
static int commit(struct otr_session *s)
{
	static const char label[] = "mpotr/1 roster";
	struct part parts[2 + 2 * OTR_MEMBERS] = {PART_TEXT(label), PART(s->sid)};
	struct otr_peer *self = &s->peer[s->self];
	size_t n = 2;
	int r;

	for (size_t i = 0; i < s->roster.n; i++) {
		parts[n++] = PART(s->roster.m[i].id);
		parts[n++] = PART(s->peer[i].key);
	}
	randombytes_buf(s->secret->shares[s->self], OTR_SHARE);
	if ((r = hash_parts(s->roster_hash, parts, n)) != MP_OK ||
	    (r = share_commit(self->commitment, s->sid, s->roster.m[s->self].id,
	         s->secret->shares[s->self])) != MP_OK)
		return r;
	self->has_commitment = true;
	return send_hash(s, OTR_COMMIT, s->roster_hash);
}

static int echo(struct otr_session *s)
{
	static const char label[] = "mpotr/1 commitments";
	struct part parts[2 + OTR_MEMBERS] = {PART_TEXT(label), PART(s->sid)};
	int r;

	for (size_t i = 0; i < s->roster.n; i++)
		parts[2 + i] = PART(s->peer[i].commitment);
	if ((r = hash_parts(s->commitments, parts, 2 + s->roster.n)) != MP_OK)
		return r;
	s->peer[s->self].has_echo = true;
	return send_hash(s, OTR_ECHO, s->commitments);
}

static int reveal(struct otr_session *s)
{
	const struct otr_member *self = &s->roster.m[s->self];
	uint8_t sealed[OTR_SEALED];
	struct otr_line l;
	int r = MP_OK;

	otr_line_init(&l);
	l.type = OTR_REVEAL;
	for (size_t i = 0; r == MP_OK && i < s->roster.n; i++) {
		memset(sealed, 0, sizeof(sealed));
		if (i != s->self)
			r = share_seal(
			    sealed, s->sid, self, &s->roster.m[i], s->secret->shares[s->self]);
		if (r == MP_OK)
			r = buf_add(&l.data, sealed, sizeof(sealed));
	}
	s->peer[s->self].has_share = true;
	if (r == MP_OK)
		r = session_send(s, &l);
	otr_line_free(&l);
	return r;
}

static int attest(struct otr_session *s)
{
	static const char label[] = "mpotr/1 attest";
	uint8_t version[4], expiry[8], confirm[OTR_HASH];
	struct part parts[] = {PART_TEXT(label), PART(s->sid), PART(version),
	    PART_TEXT(s->cfg->server), PART_TEXT(s->cfg->room), PART(expiry), PART(s->roster_hash),
	    PART(confirm)};
	int r;

	put32(version, OTR_VERSION);
	put32(expiry, (uint32_t)((uint64_t)s->expiry >> 32));
	put32(expiry + 4, (uint32_t)s->expiry);
	if ((r = group_key(s->secret->group, s->sid, s->secret->shares[0], s->roster.n)) != MP_OK ||
	    (r = group_confirm(confirm, s->sid, s->secret->group)) != MP_OK ||
	    (r = hash_parts(s->view, parts, sizeof(parts) / sizeof(parts[0]))) != MP_OK)
		return r;
	sodium_memzero(s->secret->shares, sizeof(s->secret->shares));
	s->peer[s->self].has_attest = true;
	return send_hash(s, OTR_ATTEST, s->view);
}

/* The secrets that led to the group key have done their work. */
static int opened(struct otr_session *s)
{
	struct otr_note note = {.kind = NOTE_OPEN, .from = -1};
	int r = transcript_new(&s->transcript, s->sid, &s->roster);

	sodium_memzero(s->secret->ephemeral, sizeof(s->secret->ephemeral));
	sodium_memzero(s->secret->pair, sizeof(s->secret->pair));
	if (r == MP_OK)
		session_tell(s, &note);
	return r;
}

static int send_close(struct otr_session *s)
{
	struct otr_line l;
	int r;

	otr_line_init(&l);
	l.type = OTR_CLOSE;
	l.n = s->transcript.chains[s->self].count;
	l.why = s->leaving;
	s->peer[s->self].has_close = true;
	s->peer[s->self].close = l.n;
	s->check_at = INT64_MAX;
	r = session_send(s, &l);
	otr_line_free(&l);
	return r;
}

/* Digests may have come before our own. */
static int compare(struct otr_session *s, int64_t now)
{
	int r = transcript_digest(s->digest, &s->transcript);
	uint64_t others = 0;

	if (r != MP_OK)
		return r;
	sodium_memzero(s->secret->group, sizeof(s->secret->group));
	s->peer[s->self].has_digest = true;
	memcpy(s->peer[s->self].digest, s->digest, OTR_HASH);
	if ((r = send_hash(s, OTR_DIGEST, s->digest)) != MP_OK)
		return r;
	for (size_t i = 0; i < s->roster.n; i++)
		if (s->peer[i].has_digest && memcmp(s->peer[i].digest, s->digest, OTR_HASH) != 0)
			others |= bit(i);
	return others == 0 ? MP_OK
	                   : session_event(s, EVENT_CONTRADICTION, WHY_TRANSCRIPT, others, -1, now);
}

static int publish(struct otr_session *s, bool verified)
{
	struct otr_note note = {
	    .kind = NOTE_VERIFIED, .from = -1, .data = s->digest, .len = OTR_HASH};
	struct otr_line l;
	int r;

	otr_line_init(&l);
	l.type = OTR_PUBLISH;
	memcpy(l.secret, s->secret->signing, P256_SECRET);
	s->peer[s->self].published = true;
	r = session_send(s, &l);
	otr_line_free(&l);
	sodium_memzero(s->secret->signing, P256_SECRET);
	if (verified)
		session_tell(s, &note);
	return r;
}

static int give_up(struct otr_session *s, bool say, struct otr_note *note)
{
	struct otr_line l;
	int r = MP_OK;

	if (say) {
		otr_line_init(&l);
		l.type = OTR_ABORT;
		l.n = note->stage;
		l.why = note->why;
		for (size_t i = 0; i < s->roster.n; i++)
			if ((note->who & bit(i)) != 0) {
				memcpy(l.who, s->roster.m[i].id, OTR_ID);
				break;
			}
		r = session_send(s, &l);
		otr_line_free(&l);
	}
	sodium_memzero(s->secret->group, sizeof(s->secret->group));
	session_tell(s, note);
	return r;
}

int session_act(struct otr_session *s, enum otr_action a, struct otr_note *note, int64_t now)
{
	switch (a) {
	case ACTION_COMMIT:
		return commit(s);
	case ACTION_ECHO:
		return echo(s);
	case ACTION_REVEAL:
		return reveal(s);
	case ACTION_ATTEST:
		return attest(s);
	case ACTION_OPEN:
		return opened(s);
	case ACTION_CLOSE:
		return send_close(s);
	case ACTION_COMPARE:
		return compare(s, now);
	case ACTION_PUBLISH:
		return publish(s, true);
	case ACTION_RELEASE:
		return publish(s, false);
	case ACTION_ABORT:
		return give_up(s, true, note);
	case ACTION_STOP:
		return give_up(s, false, note);
	case ACTION_NONE:
		break;
	}
	return MP_OK;
}

/* What we have seen so far. */
int session_check(struct otr_session *s)
{
	struct otr_line l;
	int r;

	otr_line_init(&l);
	l.type = OTR_CHECK;
	r = transcript_digest(l.hash, &s->transcript);
	for (size_t i = 0; r == MP_OK && i < s->roster.n; i++)
		r = buf_add32(&l.data, s->transcript.chains[i].count);
	if (r == MP_OK)
		r = session_send(s, &l);
	otr_line_free(&l);
	s->check_at = INT64_MAX;
	s->unchecked = 0;
	return r;
}
