#include "otr/session.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/ofb.h"

/* Lines that wait for their turn, at most. */
#define PENDING_BYTES ((size_t)4 << 20)
/* So many messages at most go unchecked. */
#define CHECK_EVERY 32

static uint64_t bit(size_t i)
{
	return UINT64_C(1) << i;
}

/* In an open session: the members whose messages somebody has and we have not. */
static uint64_t gaps(const struct otr_session *s)
{
	uint64_t who = 0;

	for (const struct otr_pending *p = s->pending; p != NULL; p = p->next) {
		int from = roster_find(&s->roster, p->line.from);

		if (!p->verified || from < 0)
			continue;
		if (p->line.type == OTR_MESSAGE)
			who |= bit((size_t)from);
		for (size_t i = 0; p->line.type == OTR_CHECK && i < s->roster.n; i++)
			if (get32(p->line.data.data + 4 * i) > s->transcript.chains[i].count)
				who |= bit(i);
	}
	return who;
}

static bool here(const struct otr_session *s, size_t i)
{
	const struct otr_peer *p = &s->peer[i];

	switch (s->stage) {
	case STAGE_KEYS:
		return p->has_key;
	case STAGE_COMMIT:
		return p->has_commitment;
	case STAGE_ECHO:
		return p->has_echo;
	case STAGE_REVEAL:
		return p->has_share;
	case STAGE_ATTEST:
		return p->has_attest;
	case STAGE_CLOSING:
		return p->has_close && p->close == s->transcript.chains[i].count;
	case STAGE_COMPARE:
		return p->has_digest;
	default:
		return true;
	}
}

uint64_t session_missing(const struct otr_session *s)
{
	uint64_t who = 0;

	if (s->stage == STAGE_OPEN)
		return gaps(s);
	for (size_t i = 0; i < s->roster.n; i++)
		if (!here(s, i))
			who |= bit(i);
	return who;
}

int session_event(
    struct otr_session *s, enum otr_event e, enum otr_why why, uint64_t who, int from, int64_t now)
{
	struct otr_step step = otr_step(s->stage, e);
	struct otr_note note = {
	    .kind = NOTE_ABORT, .stage = s->stage, .why = why, .who = who, .from = from};
	uint64_t missing = e == EVENT_LATE || e == EVENT_ABORTED ? session_missing(s) : 0;
	bool waits =
	    step.next <= STAGE_ATTEST || step.next == STAGE_CLOSING || step.next == STAGE_COMPARE;

	/* When another was the first to lose patience, who was silent for me for half the time was
	 * silent. */
	if (step.next == STAGE_DEAD && s->stage != STAGE_DEAD &&
	    now >= s->deadline - s->cfg->wait / 2)
		s->missed = missing;
	if (step.next != s->stage)
		s->deadline = waits ? now + s->cfg->wait : INT64_MAX;
	if (step.action == ACTION_OPEN)
		s->opened = now;
	s->stage = step.next;
	return session_act(s, step.action, &note, now);
}

static void drop(struct otr_session *s, struct otr_pending **at)
{
	struct otr_pending *p = *at;

	*at = p->next;
	s->pending_bytes -= sizeof(*p) + p->line.data.cap;
	otr_line_free(&p->line);
	free(p);
}

/* Everything whose turn has come, until nothing moves; and the stages that this completes. */
int session_advance(struct otr_session *s, int64_t now)
{
	bool moved = true;
	int r = MP_OK;

	while (r >= 0 && moved) {
		moved = false;
		for (struct otr_pending **at = &s->pending; r >= 0 && *at != NULL;) {
			if ((r = session_try(s, *at, now)) == 1) {
				drop(s, at);
				moved = true;
			} else {
				at = &(*at)->next;
			}
		}
		if (r >= 0 && session_missing(s) == 0 && s->stage != STAGE_OPEN &&
		    s->stage <= STAGE_COMPARE) {
			r = session_event(s, EVENT_COMPLETE, 0, 0, -1, now);
			moved = true;
		}
	}
	if (r >= 0 && s->stage == STAGE_OPEN) {
		if (gaps(s) == 0)
			s->deadline = INT64_MAX;
		else if (s->deadline == INT64_MAX)
			s->deadline = now + s->cfg->wait;
	}
	return r < 0 ? r : MP_OK;
}

int session_take(struct otr_session *s, const struct otr_line *l, int64_t now)
{
	struct otr_pending *p, **end = &s->pending;
	int r;

	if (s->pending_bytes + sizeof(*p) + l->data.len > PENDING_BYTES)
		return MP_OK; /* the transport floods us; what is missing will be named */
	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	p->line = *l;
	p->line.data = (struct buf)BUF_INIT(OTR_CIPHERTEXT);
	if ((r = buf_add(&p->line.data, l->data.data, l->data.len)) != MP_OK) {
		free(p);
		return r;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = p;
	s->pending_bytes += sizeof(*p) + p->line.data.cap;
	return session_advance(s, now);
}

int session_say(struct otr_session *s, const uint8_t *payload, size_t len, int64_t now)
{
	struct otr_line l;
	int r;

	if (s->stage != STAGE_OPEN || now >= s->expiry)
		return err_set(MP_EBUSY, "there is no open session");
	otr_line_init(&l);
	l.type = OTR_MESSAGE;
	l.n = (int64_t)s->transcript.chains[s->self].count + 1;
	randombytes_buf(l.iv, sizeof(l.iv));
	if ((r = buf_add(&l.data, payload, len)) == MP_OK &&
	    (r = ofb_crypt(l.data.data, l.data.data, len, s->secret->group, l.iv)) == MP_OK &&
	    (r = transcript_add(&s->transcript, s->self, &l)) == MP_OK)
		r = session_send(s, &l);
	otr_line_free(&l);
	s->unchecked++;
	if (s->check_at == INT64_MAX)
		s->check_at = now + s->cfg->settle;
	return r;
}

int session_close(struct otr_session *s, bool leaving, int64_t now)
{
	int r;

	s->leaving = leaving;
	r = session_event(s, EVENT_CLOSE, WHY_LEFT, bit(s->self), -1, now);
	return r == MP_OK ? session_advance(s, now) : r;
}

int session_tick(struct otr_session *s, int64_t now)
{
	int r = MP_OK;

	if (s->stage <= STAGE_COMPARE && now >= s->expiry)
		r = session_event(s, EVENT_EXPIRED, WHY_EXPIRED, 0, -1, now);
	else if (s->stage <= STAGE_COMPARE && now >= s->deadline)
		r = session_event(s, EVENT_LATE, WHY_LATE, session_missing(s), -1, now);
	else if (s->stage == STAGE_RETIRED && now >= s->expiry + s->cfg->skew)
		r = session_event(s, EVENT_RELEASE, 0, 0, -1, now);
	else if (s->stage == STAGE_OPEN && (now >= s->check_at || s->unchecked >= CHECK_EVERY))
		r = session_check(s);
	return r;
}

int64_t session_wake(const struct otr_session *s)
{
	int64_t at = s->deadline;

	if (s->stage == STAGE_RETIRED)
		return s->expiry + s->cfg->skew;
	if (s->stage > STAGE_COMPARE)
		return INT64_MAX;
	if (s->expiry < at)
		at = s->expiry;
	if (s->stage == STAGE_OPEN && s->check_at < at)
		at = s->check_at;
	return s->stage == STAGE_OPEN && s->unchecked >= CHECK_EVERY ? INT64_MIN : at;
}

static int make_keys(struct otr_session *s)
{
	const struct otr_member *self = &s->roster.m[s->self];
	int r = p256_generate(s->secret->signing, s->peer[s->self].key);

	for (size_t i = 0; r == MP_OK && i < s->roster.n; i++)
		if (i != s->self)
			r = pair_key(s->secret->pair[i], s->sid, self, s->cfg->self->secret,
			    s->secret->ephemeral, &s->roster.m[i]);
	s->peer[s->self].has_key = r == MP_OK;
	return r;
}

int session_new(struct otr_session **out, const struct otr_config *cfg,
    const struct otr_roster *roster, const uint8_t ephemeral[static P256_SECRET], int64_t now)
{
	int self = roster_find_key(roster, cfg->self->key), r;
	struct otr_session *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	s->cfg = cfg;
	s->roster = *roster;
	s->self = (size_t)self;
	s->stage = STAGE_KEYS;
	s->expiry = roster_expiry(roster);
	s->deadline = now + cfg->wait;
	s->check_at = INT64_MAX;
	s->secret = secret_alloc(sizeof(*s->secret));
	memcpy(s->secret->ephemeral, ephemeral, P256_SECRET);
	if (self < 0)
		r = err_set(MP_EUSAGE, "a session without oneself");
	else if ((r = roster_sid(s->sid, roster, cfg->room, cfg->server)) == MP_OK &&
	         (r = make_keys(s)) == MP_OK)
		r = session_send_keys(s);
	if (r != MP_OK) {
		session_free(s);
		return r;
	}
	*out = s;
	return MP_OK;
}

void session_free(struct otr_session *s)
{
	if (s == NULL)
		return;
	while (s->pending != NULL)
		drop(s, &s->pending);
	transcript_free(&s->transcript);
	secret_free(s->secret);
	free(s);
}
