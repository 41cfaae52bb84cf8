#include "otr/room.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"

static bool ended(const struct otr_session *s)
{
	return s->stage >= STAGE_DONE;
}

static void shift_early(struct otr_room *r, size_t i)
{
	otr_line_free(r->early[i]);
	free(r->early[i]);
	r->nearly--;
	memmove(r->early + i, r->early + i + 1, (r->nearly - i) * sizeof(r->early[0]));
}

/* A session that others have begun already; the oldest goes when there are too many. */
static int keep_early(struct otr_room *r, struct otr_line *l)
{
	struct otr_line *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	if (r->nearly == ROOM_EARLY)
		shift_early(r, 0);
	*copy = *l;
	otr_line_init(l); /* what it owned is the copy's now */
	r->early[r->nearly++] = copy;
	return MP_OK;
}

static int replay_early(struct otr_room *r, struct otr_session *s, int64_t now)
{
	int rc = MP_OK;

	for (size_t i = 0; rc == MP_OK && i < r->nearly;) {
		if (memcmp(r->early[i]->sid, s->sid, OTR_SID) != 0) {
			i++;
			continue;
		}
		rc = session_take(s, r->early[i], now);
		shift_early(r, i);
	}
	return rc;
}

static struct otr_session *find(const struct otr_room *r, const uint8_t sid[static OTR_SID])
{
	if (r->next != NULL && memcmp(r->next->sid, sid, OTR_SID) == 0)
		return r->next;
	if (r->current != NULL && memcmp(r->current->sid, sid, OTR_SID) == 0)
		return r->current;
	for (size_t i = 0; i < ROOM_OLD; i++)
		if (r->old[i] != NULL && memcmp(r->old[i]->sid, sid, OTR_SID) == 0)
			return r->old[i];
	return NULL;
}

/* Its hellos are history: one of them that comes again is a repetition. */
static void retire(struct otr_room *r, struct otr_session *s)
{
	size_t at = 0;

	for (size_t i = 0; i < s->roster.n; i++)
		room_spend(r, s->roster.m[i].id);
	for (size_t i = 0; i < ROOM_OLD; i++) {
		if (r->old[i] == NULL) {
			at = i;
			break;
		}
		if (r->old[i]->stage == STAGE_DONE)
			at = i;
	}
	session_free(r->old[at]);
	r->old[at] = s;
}

static int begin(struct otr_room *r, int64_t now)
{
	int rc;

	r->gathering = false;
	r->settle_at = INT64_MAX;
	if ((rc = session_new(&r->next, r->cfg, &r->set, r->ephemeral, now)) != MP_OK)
		return rc;
	return replay_early(r, r->next, now);
}

/* Who sent keys for another roster is not silent. */
static uint64_t silent(const struct otr_room *r, const struct otr_session *s)
{
	uint64_t who = s->missed;

	for (size_t i = 0; i < r->nearly; i++) {
		int at = roster_find(&s->roster, r->early[i]->from);

		if (at >= 0)
			who &= ~(UINT64_C(1) << at);
	}
	return who;
}

static int failed(struct otr_room *r, int64_t now)
{
	room_strike(r, r->next, silent(r, r->next), now);
	session_free(r->next);
	r->next = NULL;
	r->drops = 0;
	r->quiet_until = now + r->cfg->wait;
	if (++r->failures >= ROOM_TRIES && r->current == NULL)
		r->over = true;
	if (r->leaving || r->over || r->failures >= ROOM_TRIES)
		return MP_OK;
	return room_gather(r, false, now);
}

/* The new session takes the place of the current one. */
static int promote(struct otr_room *r, int64_t now)
{
	struct otr_session *before = r->current;
	int rc = MP_OK;

	r->current = r->next;
	r->next = NULL;
	r->failures = r->drops = 0;
	if (before != NULL && before->stage == STAGE_OPEN)
		rc = session_close(before, false, now);
	if (before != NULL)
		retire(r, before);
	return rc == MP_OK && r->later.n > 0 ? room_gather(r, false, now) : rc;
}

/* What follows from where the sessions stand now. */
static int settle(struct otr_room *r, int64_t now)
{
	struct otr_session *s;
	int rc = MP_OK;

	if (r->next != NULL && r->next->stage == STAGE_DEAD) {
		if ((rc = failed(r, now)) != MP_OK)
			return rc;
	} else if (r->next != NULL && r->next->stage >= STAGE_OPEN) {
		if ((rc = promote(r, now)) != MP_OK)
			return rc;
	}
	s = r->current;
	if (s != NULL && s->stage != STAGE_OPEN) {
		retire(r, s);
		r->current = NULL;
		if (!r->leaving && r->next == NULL && !r->gathering) {
			r->failures = 0;
			rc = room_gather(r, false, now);
		}
	}
	return rc;
}

int room_line(struct otr_room *r, const char *text, size_t len, int64_t now)
{
	struct otr_session *s;
	struct otr_line l;
	int rc;

	otr_line_init(&l);
	if ((rc = otr_line_read(&l, text, len)) != MP_OK)
		goto out;
	if (l.type == OTR_HELLO)
		rc = room_hello(r, &l, now);
	else if ((s = find(r, l.sid)) != NULL)
		rc = session_take(s, &l, now);
	else if (l.type == OTR_KEYS) /* nothing else goes before we have sent ours */
		rc = keep_early(r, &l);
	if (rc == MP_OK)
		rc = settle(r, now);
out:
	otr_line_free(&l);
	return rc;
}

int room_say(struct otr_room *r, const uint8_t *payload, size_t len, int64_t now)
{
	if (r->current == NULL || r->leaving)
		return err_set(MP_EBUSY, "there is no open session");
	return session_say(r->current, payload, len, now);
}

int room_leave(struct otr_room *r, int64_t now)
{
	int rc = MP_OK;

	r->leaving = true;
	r->gathering = false;
	r->settle_at = r->resend_at = INT64_MAX;
	if (r->next != NULL)
		rc = session_close(r->next, true, now);
	if (rc == MP_OK && r->current != NULL)
		rc = session_close(r->current, true, now);
	return rc == MP_OK ? settle(r, now) : rc;
}

/* A session is renewed before it expires. */
static int64_t renew_at(const struct otr_room *r)
{
	if (r->current == NULL || r->gathering || r->next != NULL || r->leaving)
		return INT64_MAX;
	return r->current->expiry - (r->current->expiry - r->current->opened) / 8;
}

/* Alone: the hello stays fresh.  Alone beside an open session: nobody wants another one. */
static int settled(struct otr_room *r, int64_t now)
{
	if (r->set.n > 1)
		return begin(r, now);
	if (r->current != NULL) {
		r->gathering = false;
		r->settle_at = INT64_MAX;
		return MP_OK;
	}
	r->settle_at = now + r->cfg->wait;
	return now - r->own.time >= r->cfg->wait ? room_gather(r, false, now) : MP_OK;
}

static int tick_sessions(struct otr_room *r, int64_t now)
{
	int rc = MP_OK;

	if (r->next != NULL)
		rc = session_tick(r->next, now);
	if (rc == MP_OK && r->current != NULL)
		rc = session_tick(r->current, now);
	for (size_t i = 0; rc == MP_OK && i < ROOM_OLD; i++)
		if (r->old[i] != NULL)
			rc = session_tick(r->old[i], now);
	return rc;
}

int room_tick(struct otr_room *r, int64_t now)
{
	int rc = tick_sessions(r, now);

	if (rc == MP_OK)
		rc = settle(r, now);
	if (rc == MP_OK && now >= renew_at(r))
		rc = room_gather(r, false, now);
	if (rc == MP_OK && now >= r->resend_at)
		rc = room_send_hello(r);
	if (rc == MP_OK && r->gathering && now >= r->settle_at)
		rc = settled(r, now);
	return rc == MP_OK ? settle(r, now) : rc;
}

static void earlier(int64_t *at, int64_t other)
{
	if (other < *at)
		*at = other;
}

int64_t room_wake(const struct otr_room *r)
{
	int64_t at = renew_at(r);

	earlier(&at, r->resend_at);
	if (r->gathering)
		earlier(&at, r->settle_at);
	if (r->next != NULL)
		earlier(&at, session_wake(r->next));
	if (r->current != NULL)
		earlier(&at, session_wake(r->current));
	for (size_t i = 0; i < ROOM_OLD; i++)
		if (r->old[i] != NULL)
			earlier(&at, session_wake(r->old[i]));
	return at;
}

static bool all_closed(const struct otr_room *r)
{
	if (r->current != NULL && !ended(r->current))
		return false;
	for (size_t i = 0; i < ROOM_OLD; i++)
		if (r->old[i] != NULL && !ended(r->old[i]))
			return false;
	return true;
}

bool room_over(const struct otr_room *r)
{
	return r->leaving ? all_closed(r) : r->over;
}

bool room_idle(const struct otr_room *r)
{
	return r->next == NULL && all_closed(r);
}

int room_new(struct otr_room **out, const struct otr_config *cfg, int64_t now)
{
	struct otr_room *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (r == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	r->cfg = cfg;
	r->ephemeral = secret_alloc(P256_SECRET);
	r->settle_at = r->resend_at = INT64_MAX;
	if ((rc = room_gather(r, false, now)) != MP_OK) {
		room_free(r);
		return rc;
	}
	*out = r;
	return MP_OK;
}

void room_free(struct otr_room *r)
{
	if (r == NULL)
		return;
	session_free(r->next);
	session_free(r->current);
	for (size_t i = 0; i < ROOM_OLD; i++)
		session_free(r->old[i]);
	while (r->nearly > 0)
		shift_early(r, r->nearly - 1);
	otr_line_free(&r->hello);
	secret_free(r->ephemeral);
	free(r);
}
