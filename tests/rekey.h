/*
 * rekey: a peer in memory who renews keys with a home (world.h), as the protocol says and
 * otherwise.
 */
#ifndef MP_TESTS_REKEY_H
#define MP_TESTS_REKEY_H

#include "node/rekeying.h"
#include "store/traces.h"
#include "tap.h"
#include "world.h"

#define REKEYS 200

/* Plain memory, so that it can be shared with a child. */
struct other {
	struct peer p;
	int64_t epoch; /* the last whose key he has */
	struct {
		uint8_t key[32], send[32], recv[32];
		uint8_t secret[32], half[32], id[MESSAGE_ID];
	} at[REKEYS];
	uint8_t ours[MESSAGE_ID]; /* id of the last half of the home that came to him */
};

__attribute__((unused)) static void other_init(struct other *o, const struct peer *p)
{
	memset(o, 0, sizeof(*o));
	o->p = *p;
	memcpy(o->at[0].key, p->secret, 32);
	memcpy(o->at[0].send, p->send, 32);
	memcpy(o->at[0].recv, p->recv, 32);
	for (int i = 1; i < REKEYS; i++) {
		randombytes_buf(o->at[i].secret, 32);
		randombytes_buf(o->at[i].id, MESSAGE_ID);
		kdf_rekey_public(o->at[i].half, o->at[i].secret);
	}
}

/* Any message of his, under the key of that epoch. */
__attribute__((unused)) static struct received other_says(
    struct world *w, struct other *o, int64_t under, const struct wire *m, enum receive_via via)
{
	static struct buf e = BUF_INIT(ENVELOPE_MAX);

	seal_with(&e, o->at[under].send, o->p.cid, m);
	return take_via(w, e.data, e.len, via);
}

__attribute__((unused)) static struct wire other_half(struct other *o, int64_t epoch)
{
	struct wire m = wire_make(WIRE_REKEY);

	memcpy(m.id, o->at[epoch].id, MESSAGE_ID);
	m.u.rekey.epoch = epoch;
	memcpy(m.u.rekey.key, o->at[epoch].half, 32);
	return m;
}

/* Our half has come to him: he has the key of that epoch. */
__attribute__((unused)) static void other_derives(
    struct world *w, struct other *o, int64_t epoch, const uint8_t half[32])
{
	need(kdf_rekey(o->at[epoch].key, o->at[epoch - 1].key, o->p.cid, epoch, o->at[epoch].secret,
	         half) == 0 &&
	         kdf_pair(o->at[epoch].send, o->at[epoch].recv, o->p.id, w->self->key,
	             o->at[epoch].key, o->p.cid) == 0,
	    "derive");
	o->epoch = epoch;
}

/* Opens what we sealed for him under the key of that epoch. */
__attribute__((unused)) static int other_opens(
    struct other *o, int64_t under, const struct buf *e, struct wire *m)
{
	static struct buf plain = BUF_INIT(ENVELOPE_MAX);
	struct envelope env;
	int rc;

	memset(m, 0, sizeof(*m));
	rc = envelope_open(&env, &plain, e->data, e->len, o->at[under].recv, o->p.cid);

	return rc != 0 ? rc : wire_decode(m, &env);
}

/* Our half out of an answer; 0 when it is one, for that epoch and sealed under the one before. */
__attribute__((unused)) static int other_answered(
    struct world *w, struct other *o, int64_t epoch, struct received *r)
{
	struct wire m = {.json = NULL};
	int rc = r->status == RECEIVED_REPLY ? other_opens(o, epoch - 1, &r->reply, &m) : -1;

	if (rc == 0 && (m.type != WIRE_REKEY || m.u.rekey.epoch != epoch || !m.reply ||
	                   memcmp(m.re, o->at[epoch].id, MESSAGE_ID) != 0))
		rc = -1;
	if (rc == 0) {
		memcpy(o->ours, m.id, MESSAGE_ID);
		other_derives(w, o, epoch, m.u.rekey.key);
	}
	wire_free(&m);
	buf_free(&r->reply);
	return rc;
}

/* He says that the old key has drained; the status. */
__attribute__((unused)) static int other_drained(struct world *w, struct other *o, int64_t epoch)
{
	struct wire m = wire_make(WIRE_REKEY_DRAINED);
	struct received r;

	m.u.rekey.epoch = epoch;
	r = other_says(w, o, epoch + 1, &m, VIA_REQUEST);
	buf_free(&r.reply);
	return (int)r.status;
}

__attribute__((unused)) static int other_pings(struct world *w, struct other *o, int64_t under)
{
	struct wire m = wire_make(WIRE_PING);

	return (int)other_says(w, o, under, &m, VIA_REQUEST).status;
}

/* The machine's state of that contact. */
__attribute__((unused)) static enum rekey_state state_of(struct world *w, int64_t row)
{
	struct contact c;
	struct rekey_work *r;
	enum rekey_state state;
	int rc;

	need(contact_by_row(w->s, &c, row) == 0, "contact");
	r = rekeying_load(w->s, &c, &rc);
	need(rc == 0, "load");
	state = rekey_state(&r->k);
	secret_free(r);
	return state;
}

/* What is owed: the number of records, the last of them in *last (no body). */
static struct record owed_last;
static int owed_count;

static int owed_take(void *ctx, const struct record *rec)
{
	(void)ctx;
	owed_last = *rec;
	owed_count++;
	return 0;
}

__attribute__((unused)) static int owed_now(struct world *w, int64_t now)
{
	int64_t n = 0;

	owed_count = 0;
	need(rekeying_due(w->s, &w->cfg, now, owed_take, NULL, &n) == 0, "rekeying_due");
	need(traces_erase(w->s) == 0, "traces_erase");
	need(n == owed_count, "count");
	return owed_count;
}

static int world_findings;

static void world_finding(void *ctx, const char *finding)
{
	(void)ctx;
	printf("# %s\n", finding);
	world_findings++;
}

__attribute__((unused)) static int world_sound(struct world *w)
{
	world_findings = 0;
	return store_check(w->s, world_finding, NULL) == 0 && world_findings == 0;
}

#endif
