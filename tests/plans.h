/*
 * plans: introductions and groups between a home and peers who exist only as keys (world.h), for
 * the tests of what hostile ones can do.
 */
#ifndef MP_TESTS_PLANS_H
#define MP_TESTS_PLANS_H

#include "mariposa/group.h"
#include "mariposa/introduction.h"
#include "node/keeper.h"
#include "node/planning.h"
#include "tap.h"
#include "wire/chain.h"
#include "world.h"

static struct world w;

/* What it looks like, without what only counts what was sealed. */
static struct dump still(void)
{
	need(world_run(&w, "UPDATE key SET sealed = 0") == 0, "counters");
	return world_dump(&w);
}

/* The status of what the peer sends; a reply is opened into *reply if that is not NULL. */
static enum received_status sends_for(struct peer *p, const struct wire *m, enum plan_status *reply)
{
	struct buf e = BUF_INIT(ENVELOPE_MAX), plain = BUF_INIT(ENVELOPE_MAX);
	struct received got;
	struct wire answer;

	peer_seal(&e, p, m);
	got = take(&w, &e);
	if (reply != NULL && got.status == RECEIVED_REPLY) {
		need(peer_open(p, &got.reply, &plain, &answer) == 0, "a reply opens");
		*reply = answer.type == WIRE_INTRODUCTION_PETITION_DECLINATION
		             ? STATUS_NONE
		             : answer.u.plan.status;
		wire_free(&answer);
	}
	buf_free(&got.reply);
	buf_free(&e);
	buf_free(&plain);
	return got.status;
}

static enum received_status sends(struct peer *p, const struct wire *m)
{
	return sends_for(p, m, NULL);
}

__attribute__((unused)) static void taken(const char *what, struct peer *p, const struct wire *m)
{
	is_int(sends(p, m), RECEIVED_TAKEN, what);
}

static void no_change(
    const char *what, struct peer *p, const struct wire *m, enum received_status want)
{
	struct dump before = still();

	is_int(sends(p, m), want, what);
	is_str(still().hex, before.hex, "... and has no effect");
}

__attribute__((unused)) static void refused(const char *what, struct peer *p, const struct wire *m)
{
	no_change(what, p, m, RECEIVED_REFUSED);
}

/* Under another message's id, so that only what it says can be known already. */
__attribute__((unused)) static void again(const char *what, struct peer *p, struct wire m)
{
	randombytes_buf(m.id, sizeof(m.id));
	no_change(what, p, &m, RECEIVED_TAKEN);
}

/* Who was heard of within the last minute is not noted anew. */
static void ping(struct peer *p)
{
	struct wire m = wire_make(WIRE_PING);

	need(sends(p, &m) == RECEIVED_TAKEN, "a ping");
}

static void known(struct peer *p, const char *name)
{
	peer_meet(&w, p, name, CONTACT_ACTIVE, 0);
	ping(p);
}

/* ---- messages ---- */

/* A message about a plan; id is 16 bytes, of a group 32. */
static struct wire about(enum wire_type t, const uint8_t *id)
{
	struct wire m = wire_make(t);
	enum plan plan;

	need(plan_of_type(t, &plan), "a plan's message");
	memcpy(plan == PLAN_INTRODUCTION ? m.u.plan.introduction
	       : plan == PLAN_ADDITION   ? m.u.plan.addition
	                                 : m.u.plan.group,
	    id, plan_id_len(plan));
	return m;
}

static void add_person(struct wire_people *list, const uint8_t onion[32], const char *nickname)
{
	memcpy(list->person[list->n].onion, onion, 32);
	list->person[list->n++].nickname = nickname;
}

__attribute__((unused)) static struct wire status_of(
    enum wire_type t, const uint8_t *id, enum plan_status status)
{
	struct wire m = about(t, id);

	m.u.plan.status = status;
	return m;
}

__attribute__((unused)) static struct wire answer_to(
    enum wire_type t, const uint8_t *id, enum plan_answer answer)
{
	struct wire m = about(t, id);

	m.u.plan.answer = answer;
	return m;
}

/* ---- our person ---- */

static void open_keeper(struct keeper *k)
{
	need(keeper_open(k, w.s, &w.cfg, clock_now()) == 0 && store_begin(w.s) == 0, "keeper");
}

static int close_keeper(int rc)
{
	if (rc == 0)
		need(store_commit(w.s) == 0, "commit");
	else
		store_rollback(w.s);
	return rc;
}

/* About what p proposed. */
__attribute__((unused)) static int decides(
    const struct peer *p, enum plan plan, const uint8_t *id, bool accept)
{
	struct keeper k;
	struct flow f;
	int rc;

	open_keeper(&k);
	rc = plan_find(&k.p, &f, FLOW_CONSENT, p->row, plan, id);
	return close_keeper(rc != 0 ? rc : plan_decide(&k.p, &f, accept));
}

/* The flow's state, -1 none; of, when it is not NULL, is set to the flow. */
__attribute__((unused)) static int state_of(
    enum flow_kind kind, const struct peer *p, enum plan plan, const uint8_t *id, struct flow *of)
{
	struct keeper k;
	struct flow f;
	int rc;

	open_keeper(&k);
	rc = plan_find(&k.p, &f, kind, p != NULL ? p->row : 0, plan, id);
	close_keeper(0);
	if (rc == 0 && of != NULL)
		*of = f;
	return rc == 0 ? flow_state(&f) : -1;
}

static long long events(const char *kind)
{
	char sql[120];

	snprintf(
	    sql, sizeof(sql), "SELECT count(*) FROM message WHERE dir = 2 AND kind = '%s'", kind);
	return world_count(&w, sql);
}

static void told(const char *kind, long long want, const char *what)
{
	is_int(events(kind), want, what);
}

#endif
