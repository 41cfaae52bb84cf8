#include "node/relays.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/meshself.h"

#define POST_TERM (7 * MP_DAY)
#define FETCH_TERM (14 * MP_DAY) /* half of it beside the next one: nothing is left behind */
#define WRONG 4                  /* points for a wrong answer; a right one takes one away */
#define OUT 8
#define AWAY_FIRST (30 * MP_SECOND)
#define AWAY_MOST MP_HOUR
#define AWAY_FAILS 8 /* in a row: the role goes to another */

bool relays_out(const struct meshserver *v)
{
	return v->wrong >= OUT;
}

static bool has_role(const struct meshserver *v, enum meshrole role, int64_t now)
{
	return v->role == role && v->until > now && !relays_out(v);
}

static bool among(int64_t row, const int64_t *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i] == row)
			return true;
	return false;
}

int relays_next(
    struct store *s, enum meshrole role, int64_t after, int64_t now, struct meshserver *out)
{
	int rc;

	while ((rc = meshserver_next(s, out, after)) == 0 && !has_role(out, role, now))
		after = out->row;
	return rc;
}

struct survey {
	enum meshrole role;
	const int64_t *tried;
	size_t n;
	int64_t now;
	struct meshserver had, best[2]; /* who has the role; two of who has none, drawn */
	uint32_t nhad, nfree;
	bool spare; /* somebody who is not fetched from is left for posting, beside who is chosen */
};

/* One of all, each as likely, though they come one by one. */
static bool draw(uint32_t *count)
{
	return randombytes_uniform(++*count) == 0;
}

static void consider(struct survey *y, const struct meshserver *v)
{
	bool taken = v->until > y->now && v->role != ROLE_NONE;

	if (relays_out(v) || among(v->row, y->tried, y->n) || v->retry > y->now)
		return;
	if (has_role(v, y->role, y->now)) {
		if (draw(&y->nhad))
			y->had = *v;
	} else if (!taken && y->nfree < 2) {
		y->best[y->nfree++] = *v;
	} else if (!taken && randombytes_uniform(++y->nfree) < 2) {
		y->best[randombytes_uniform(2)] = *v;
	}
}

static int survey(struct store *s, struct survey *y)
{
	struct meshserver v = {.row = 0};
	size_t others = 0;
	int rc;

	while ((rc = meshserver_next(s, &v, v.row)) == 0) {
		consider(y, &v);
		if (!relays_out(&v) && !has_role(&v, ROLE_FETCH, y->now))
			others++;
	}
	y->spare = others > 1;
	return rc == MP_ENONE ? 0 : rc;
}

static int64_t load_of(const struct meshserver *v)
{
	return v->load < 0 ? 50 : v->load;
}

static int appoint(struct store *s, struct survey *y, struct meshserver *out)
{
	int rc;

	if (y->nfree == 0 || (y->role == ROLE_FETCH && !y->spare))
		return err_set(MP_ENONE, "no relay to %s: see mp-mesh servers",
		    y->role == ROLE_POST ? "post to" : "fetch from");
	*out =
	    y->nfree > 1 && load_of(&y->best[1]) < load_of(&y->best[0]) ? y->best[1] : y->best[0];
	out->role = y->role;
	out->until = y->now + (y->role == ROLE_POST ? POST_TERM : FETCH_TERM);
	out->tokens = 0;
	out->cursor = 0; /* whatever it said when it was last asked */
	randombytes_buf(out->isolation, sizeof(out->isolation));
	if ((rc = meshserver_update(s, out)) == 0 && y->role == ROLE_FETCH)
		rc = meshself_changed(s);
	return rc;
}

int relays_pick(struct store *s, enum meshrole role, const int64_t *tried, size_t n, int64_t now,
    struct meshserver *out)
{
	struct survey y = {.role = role, .tried = tried, .n = n, .now = now};
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	if ((rc = survey(s, &y)) == 0 && y.nhad > 0)
		*out = y.had;
	else if (rc == 0)
		rc = appoint(s, &y, out);
	return store_end(s, rc);
}

/* The rows of who is posted to since before then, as many as there is place for. */
static int posted_to(struct store *s, int64_t since, int64_t now, int64_t *rows, size_t *n)
{
	struct meshserver v = {.row = 0};
	size_t most = *n;
	int rc = 0;

	*n = 0;
	while (*n < most && (rc = relays_next(s, ROLE_POST, v.row, now, &v)) == 0)
		if (v.until - POST_TERM <= since)
			rows[(*n)++] = v.row;
	return rc == MP_ENONE ? 0 : rc;
}

/* With nobody else they keep it. */
static int turn(struct store *s, int64_t since, int64_t now)
{
	int64_t old[16];
	struct survey y = {.role = ROLE_POST, .tried = old, .n = 16, .now = now};
	struct meshserver v;
	int rc = posted_to(s, since, now, old, &y.n);

	if (rc != 0 || y.n == 0)
		return rc;
	if ((rc = survey(s, &y)) == 0 && y.nhad == 0)
		rc = appoint(s, &y, &v);
	for (size_t i = 0; i < y.n && rc == 0; i++)
		if ((rc = meshserver_next(s, &v, old[i] - 1)) == 0) {
			v.role = ROLE_NONE;
			rc = meshserver_update(s, &v);
		}
	return rc == MP_ENONE ? 0 : rc;
}

int relays_turn(struct store *s, int64_t since, int64_t now)
{
	int rc = store_begin(s);

	return rc != 0 ? rc : store_end(s, turn(s, since, now));
}

int relays_few(struct store *s, int64_t now, bool *few)
{
	struct meshserver v = {.row = 0};
	int n = 0, rc;

	while ((rc = relays_next(s, ROLE_FETCH, v.row, now, &v)) == 0)
		if (v.until > now + FETCH_TERM / 2 && v.fails < AWAY_FAILS)
			n++;
	*few = n < RELAYS_FETCH;
	return rc == MP_ENONE ? 0 : rc;
}

int relays_nobody(struct store *s, int64_t now)
{
	struct meshserver v = {.row = 0};
	int sound = 0, away = 0, rc;

	while ((rc = meshserver_next(s, &v, v.row)) == 0) {
		sound += !relays_out(&v);
		away += !relays_out(&v) && v.retry > now;
	}
	if (rc != MP_ENONE)
		return rc;
	return away > 0 && sound > 1
	           ? err_set(MP_ETEMP, "no relay answers: each is left alone for a while")
	           : err_set(MP_ENONE, "no relay to fetch from: see mp-mesh servers");
}

static void judge(struct meshserver *v, enum relay_said said, int64_t now)
{
	int64_t wait = AWAY_MOST;

	if (said == SAID_NOTHING) {
		if (v->fails < 7)
			wait = AWAY_FIRST << v->fails;
		v->retry = now + (wait < AWAY_MOST ? wait : AWAY_MOST);
		v->fails++;
		if (v->role == ROLE_POST || v->fails >= AWAY_FAILS)
			v->role = ROLE_NONE;
	} else {
		v->fails = v->retry = 0;
		v->wrong += said == SAID_WRONG ? WRONG : v->wrong > 0 ? -1 : 0;
		if (relays_out(v))
			v->role = ROLE_NONE;
	}
}

/* What it was when it was asked may be long ago: it may have another role by now. */
int relays_judge(struct store *s, struct meshserver *v, enum relay_said said, int64_t now)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	if ((rc = meshserver_get(s, v, v->onion)) == 0) {
		judge(v, said, now);
		rc = meshserver_update(s, v);
	}
	rc = store_end(s, rc);
	return rc == MP_ENONE ? 0 : rc; /* a person removed it */
}
