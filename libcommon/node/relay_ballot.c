/* What a relay makes of its peers: observations, votes, quorum. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "mesh/report.h"
#include "mesh/servers.h"
#include "node/relay_step.h"

#define REPORT_SHOWN ((size_t)200) /* bytes of what a report says that go to the log */

/* The votes on one server, and who may vote. */
struct tally {
	size_t n, n_peers;
	struct vote vote[VOTES_MAX];
	uint8_t peer[VOTES_MAX][ONION_KEY];
};

static int add_vote(void *ctx, const struct relay_vote *v)
{
	struct tally *t = ctx;
	struct vote *to = &t->vote[t->n];

	if (t->n == VOTES_MAX)
		return 1;
	memcpy(to->about, v->about, ONION_KEY);
	memcpy(to->voter, v->voter, ONION_KEY);
	memcpy(to->signature, v->signature, sizeof(to->signature));
	to->value = (enum verdict)v->value;
	to->window = v->day;
	t->n++;
	return 0;
}

static int add_peer(void *ctx, const struct relay_peer *p)
{
	struct tally *t = ctx;

	if (t->n_peers == VOTES_MAX)
		return 1;
	memcpy(t->peer[t->n_peers++], p->server, ONION_KEY);
	return 0;
}

int relay_recount(struct relay *r, struct relay_peer *p, int64_t now)
{
	struct tally *t = calloc(1, sizeof(*t));
	bool black = p->black;
	int rc;

	if (t == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	if ((rc = relay_vote_each(r->s, p->server, add_vote, t)) >= 0 &&
	    (rc = relay_peer_each(r->s, add_peer, t)) >= 0) {
		rc = 0;
		p->black =
		    ballot_count(t->vote, t->n, (const uint8_t(*)[ONION_KEY])t->peer, t->n_peers,
		        r->id->key, p->server, now / r->cfg.vote_window) == VERDICT_BLACKLISTED;
	}
	free(t);
	if (rc == 0 && p->black != black && (rc = relay_peer_update(r->s, p)) == 0)
		rc = relay_log(r->s, p->server, now,
		    p->black ? "blacklisted by quorum" : "no longer blacklisted");
	return rc;
}

/* All votes on the peer that we know, with what they come to here. */
static int flood_votes(struct relay *r, const struct relay_peer *p, enum verdict ours, int64_t now)
{
	struct decision *d = calloc(1, sizeof(*d));
	struct tally *t = calloc(1, sizeof(*t));
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	json_t *o = NULL;
	int rc = MP_ENOMEM;

	if (d == NULL || t == NULL)
		goto out;
	if ((rc = relay_vote_each(r->s, p->server, add_vote, t)) < 0)
		goto out;
	memcpy(d->about, p->server, ONION_KEY);
	/* Who contradicted himself has none; one wrong vote would have the whole refused. */
	for (size_t i = 0; i < t->n; i++)
		if (t->vote[i].value != VERDICT_NONE && vote_verify(&t->vote[i]) == 0)
			d->vote[d->n++] = t->vote[i];
	d->final = p->black ? VERDICT_BLACKLISTED : ours;
	d->time = now;
	if ((rc = decision_write(&o, d)) == 0 && (rc = json_write(&text, o)) == 0)
		rc = relay_flood_text(r->s, RELAY_DECISION, text.data, text.len, 0, now);
out:
	json_decref(o);
	buf_free(&text);
	free(d);
	free(t);
	return rc;
}

int relay_vote_renew(struct relay *r, struct relay_peer *p, int64_t now, bool *fresh)
{
	int64_t window = now / r->cfg.vote_window;
	enum verdict want = standing_vote(p->score, (enum verdict)p->vote);
	struct relay_vote row;
	struct vote v;
	int rc;

	if (want == VERDICT_NONE)
		return 0;
	memcpy(row.about, p->server, ONION_KEY);
	memcpy(row.voter, r->id->key, ONION_KEY);
	if ((rc = relay_vote_get(r->s, &row)) != 0 && rc != MP_ENONE)
		return rc;
	/* One vote a window: two would contradict each other.  A whitelisting is said once. */
	if (rc == 0 &&
	    (row.day >= window || (want == VERDICT_WHITELISTED && row.value == (int)want)))
		return 0;
	memcpy(v.about, p->server, ONION_KEY);
	v.value = want;
	v.window = window;
	if ((rc = vote_sign(&v, r->id)) != 0)
		return rc;
	row.value = (int)want;
	row.day = window;
	memcpy(row.signature, v.signature, sizeof(row.signature));
	*fresh = true;
	if (p->vote != (int)want) {
		p->vote = (int)want;
		if ((rc = relay_peer_update(r->s, p)) != 0 ||
		    (rc = relay_log(r->s, p->server, now,
		         want == VERDICT_BLACKLISTED ? "we vote to blacklist it"
		                                     : "we vote to whitelist it")) != 0)
			return rc;
	}
	if ((rc = relay_vote_put(r->s, &row)) != 0)
		return rc;
	return flood_votes(r, p, want, now);
}

int relay_observe(struct relay *r, struct relay_peer *p, enum observation saw, int64_t now)
{
	static const char *const said[] = {[SAW_DELIVERED] = NULL,
	    [SAW_LOST] = "an audit was lost",
	    [SAW_GARBAGE] = "garbage for an answer",
	    [SAW_CONTRADICTION] = "it contradicts itself"};
	bool fresh;
	int rc;

	p->score = standing_step(p->score, saw);
	if (saw == SAW_DELIVERED || saw == SAW_LOST) {
		p->audits++;
		p->lost += saw == SAW_LOST;
	}
	if ((rc = relay_peer_update(r->s, p)) != 0 ||
	    (said[saw] != NULL && (rc = relay_log(r->s, p->server, now, said[saw])) != 0))
		return rc;
	return relay_vote_renew(r, p, now, &fresh);
}

/* A vote of an accepted peer, newer than his last; a second one in its window is a contradiction.
 */
static int take_vote(struct relay *r, const struct vote *v, int64_t now, bool *fresh)
{
	int64_t window = now / r->cfg.vote_window;
	struct relay_vote row;
	struct relay_peer voter;
	int rc = relay_peer_get(r->s, &voter, v->voter);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	if (v->window > window + 1 || v->window < window - VOTE_DAYS)
		return 0;
	memcpy(row.about, v->about, ONION_KEY);
	memcpy(row.voter, v->voter, ONION_KEY);
	rc = relay_vote_get(r->s, &row);
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	if (rc == 0 && row.day == v->window && row.value != VERDICT_NONE &&
	    row.value != (int)v->value &&
	    memcmp(row.signature, v->signature, sizeof(row.signature)) != 0) {
		*fresh = true;
		/* Once: from now on he has no vote, until both have lapsed. */
		if ((rc = relay_observe(r, &voter, SAW_CONTRADICTION, now)) != 0)
			return rc;
		row.value = VERDICT_NONE;
		row.day = v->window + VOTE_DAYS;
		return relay_vote_put(r->s, &row);
	}
	if (rc == 0 && row.day >= v->window)
		return 0;
	row.value = (int)v->value;
	row.day = v->window;
	memcpy(row.signature, v->signature, sizeof(row.signature));
	*fresh = true;
	return relay_vote_put(r->s, &row);
}

/* Written anew: what somebody put beside its members goes no further. */
static int pass_on(struct relay *r, const struct decision *d, int64_t source, int64_t now)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	json_t *o = NULL;
	int rc = relay_has_room(r, SHARE_MESH);

	if (rc == 0 && (rc = decision_write(&o, d)) == 0 && (rc = json_write(&text, o)) == 0)
		rc = relay_flood_text(r->s, RELAY_DECISION, text.data, text.len, source, now);
	json_decref(o);
	buf_free(&text);
	return rc == MP_EBUSY ? 0 : rc;
}

int relay_take_decision(
    struct relay *r, const struct decision *d, int64_t source, int64_t now, bool *fresh)
{
	struct relay_peer about;
	bool any = false;
	int rc;

	/* Votes on somebody who is no peer of ours are nothing to us. */
	if ((rc = relay_peer_get(r->s, &about, d->about)) != 0)
		return rc == MP_ENONE ? 0 : rc;
	for (size_t i = 0; i < d->n && rc == 0; i++)
		rc = take_vote(r, &d->vote[i], now, &any);
	/* It may be a voter himself, of whom we now think otherwise. */
	if (rc == 0 && any && (rc = pass_on(r, d, source, now)) == 0 &&
	    (rc = relay_peer_get(r->s, &about, d->about)) == 0)
		rc = relay_recount(r, &about, now);
	*fresh = *fresh || any;
	return rc;
}

/* Signatures are checked before the store is locked: strangers can make us check many. */
int relay_on_decision(struct relay_call *c)
{
	struct decision *d = calloc(1, sizeof(*d));
	bool fresh = false;
	int rc = MP_ENOMEM;

	if (d != NULL && (rc = decision_read(d, c->in)) == 0 && (rc = relay_begin(c->r->s)) == 0)
		rc = relay_end(c->r->s, relay_take_decision(c->r, d, 0, c->now, &fresh));
	free(d);
	if (rc == 0 && fresh)
		relay_wake();
	return rc;
}

/* A report makes us look sooner, not oftener than four times the usual. */
static bool look_due(const struct relay *r, const struct relay_peer *p, int64_t now)
{
	return now - p->reported >= r->cfg.audit_every / 4;
}

/* What somebody said, for the operator. */
static int log_report(struct relay *r, const struct report *p, int64_t now)
{
	struct buf line = BUF_INIT(8 * REPORT_SHOWN);
	size_t n = p->evidence.len < REPORT_SHOWN ? p->evidence.len : REPORT_SHOWN;
	int rc = buf_adds(&line, n > 0 ? "somebody reports it: " : "somebody reports it");

	if (rc == 0 && (rc = text_display(&line, p->evidence.data, n, 0)) == 0 &&
	    (rc = buf_terminate(&line)) == 0)
		rc = relay_log(r->s, p->server, now, (const char *)line.data);
	buf_free(&line);
	return rc;
}

static int look_sooner(
    struct relay *r, struct relay_peer *peer, const struct report *p, int64_t now)
{
	int rc;

	peer->reported = now;
	if (peer->audit > now)
		peer->audit = now;
	rc = relay_peer_update(r->s, peer);
	return rc == 0 ? log_report(r, p, now) : rc;
}

/* Whether it is about a peer, and new to us: else nothing is written, and nobody is kept waiting.
 */
static int report_matters(
    struct relay *r, const struct report *p, struct relay_peer *peer, bool proof, int64_t now)
{
	int rc = relay_peer_get(r->s, peer, p->server);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	return look_due(r, peer, now) || (proof && peer->score < STANDING_BAD);
}

static int take_report(struct relay *r, const struct report *p, bool proof, int64_t now)
{
	struct relay_peer peer;
	int rc = report_matters(r, p, &peer, proof, now);

	if (rc <= 0)
		return rc;
	rc = look_due(r, &peer, now) ? look_sooner(r, &peer, p, now) : 0;
	if (rc == 0 && proof && peer.score < STANDING_BAD)
		rc = relay_observe(r, &peer, SAW_CONTRADICTION, now);
	return rc;
}

/* Anybody can send any number: what it costs to look at one is not spent inside the transaction. */
int relay_on_report(struct relay_call *c)
{
	struct relay_peer peer;
	struct report p;
	bool proof = false;
	int rc = report_read(&p, c->in);

	if (rc == 0) {
		proof = report_proves(&p, c->now / c->r->cfg.vote_window - VOTE_DAYS);
		rc = report_matters(c->r, &p, &peer, proof, c->now);
	}
	if (rc == 1 && (rc = relay_begin(c->r->s)) == 0 &&
	    (rc = relay_end(c->r->s, take_report(c->r, &p, proof, c->now))) == 0)
		relay_wake();
	report_free(&p);
	return rc;
}
