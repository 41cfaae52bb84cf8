/*
 * rekey: the machine, every state and event; and two of them over a network that loses, repeats,
 * reorders and holds back, with seeded chance: never is a message sealed that the other end cannot
 * open, and when the network is good again both have one key and no old one.
 */
#include <sodium.h>

#include "base/err.h"
#include "mariposa/rekey.h"
#include "tap.h"

#define RUNS 3000
#define EPOCHS 24
#define MAIL 64

static const uint8_t cid[CONTACT_ID] = "the contact id";

/* ---- The table. */

static enum rekey_state after(enum rekey_action a, enum rekey_state now)
{
	switch (a) {
	case REKEY_MAKE:
		return REKEY_OFFERED;
	case REKEY_NOTE:
		return REKEY_WAITING;
	case REKEY_REPLY:
	case REKEY_STORE:
	case REKEY_RENEW:
		return REKEY_ANSWERED;
	case REKEY_SWITCH:
	case REKEY_JOIN:
		return REKEY_SWITCHED;
	case REKEY_DROP:
		return now == REKEY_SWITCHED ? REKEY_CLEARED : REKEY_STEADY;
	case REKEY_MARK:
		return now == REKEY_SWITCHED ? REKEY_TOLD : REKEY_STEADY;
	case REKEY_FORGET:
		return REKEY_STEADY;
	default:
		return now;
	}
}

/* An end in that state, at epoch 5 with halves that are 1... and 2... */
static struct rekeying in_state(enum rekey_state s)
{
	struct rekeying k = {.epoch = 5, .since = 1000};

	if (s == REKEY_SWITCHED || s == REKEY_TOLD)
		k.old = true;
	if (s == REKEY_SWITCHED || s == REKEY_CLEARED)
		k.owing = true;
	k.has_own = s != REKEY_STEADY && s != REKEY_CLEARED;
	k.acked = s == REKEY_WAITING || k.old;
	k.has_peer = s == REKEY_ANSWERED || k.old;
	if (k.has_own) {
		memset(k.secret, 1, sizeof(k.secret));
		kdf_rekey_public(k.own, k.secret);
		memset(k.id, 3, sizeof(k.id));
	}
	if (k.has_peer)
		memset(k.peer, 2, sizeof(k.peer));
	return k;
}

static void test_table(void)
{
	static const uint8_t key[32] = {9}, id[MESSAGE_ID] = {8}, random[REKEY_RANDOM] = {7};
	int wrong = 0, secret = 0, twice = 0;

	for (int s = 0; s < REKEY_STATES; s++)
		for (int e = 0; e < REKEY_EVENTS; e++) {
			struct rekeying k = in_state((enum rekey_state)s), before = k;
			struct rekey_offer o = {.epoch = 6, .under = 5, .key = key, .id = id};
			struct rekey_step m;

			is_int(rekey_state(&k), s, "the state that its fields say");
			m = rekey_apply(&k, (enum rekey_event)e, &o, random, 77);
			if (!ok(m.next == after(m.action, (enum rekey_state)s) &&
			            rekey_state(&k) == m.next,
			        "state %d, event %d", s, e))
				wrong++;
			if (m.next == (enum rekey_state)s && m.action != REKEY_WARN &&
			    memcmp(&k, &before, sizeof(k)) != 0)
				wrong++;
			/* No second half of ours for an epoch that may have one under way. */
			if (before.has_own && !before.old && k.has_own && k.epoch == before.epoch &&
			    memcmp(k.own, before.own, 32) != 0)
				secret++;
			if (k.epoch > before.epoch + 1)
				twice++;
		}
	is_int(wrong, 0, "what has no effect changes nothing");
	is_int(secret, 0, "a half that was made is never made anew");
	is_int(twice, 0, "one epoch at a time");
}

static enum rekey_event offered(
    enum rekey_state s, int64_t epoch, int64_t under, uint8_t key, const uint8_t *re)
{
	struct rekeying k = in_state(s);
	uint8_t bytes[32], id[MESSAGE_ID] = {8};
	struct rekey_offer o = {.epoch = epoch, .under = under, .key = bytes, .id = id, .re = re};

	memset(bytes, key, sizeof(bytes));
	return rekey_offered(&k, &o);
}

static void test_events(void)
{
	static const uint8_t none[MESSAGE_ID] = {4};
	struct rekeying k = in_state(REKEY_OFFERED);
	const struct rekey_offer mine = {.epoch = 6, .under = 5, .key = k.own, .id = k.id};
	uint8_t ours[MESSAGE_ID];

	memset(ours, 3, sizeof(ours));
	is_int(offered(REKEY_STEADY, 6, 5, 2, NULL), REKEY_OFFER, "a half");
	is_int(offered(REKEY_STEADY, 6, 5, 2, ours), REKEY_OTHER, "the answer to none");
	is_int(offered(REKEY_STEADY, 5, 4, 2, NULL), REKEY_OLD, "of this epoch");
	is_int(offered(REKEY_STEADY, 1, 5, 2, NULL), REKEY_OLD, "of one long past");
	is_int(offered(REKEY_STEADY, 7, 5, 2, NULL), REKEY_WRONG, "of one too far");
	is_int(offered(REKEY_STEADY, INT64_MAX, 5, 2, NULL), REKEY_WRONG, "of the last there is");
	is_int(offered(REKEY_STEADY, 6, 4, 2, NULL), REKEY_WRONG, "under an older key");
	is_int(offered(REKEY_OFFERED, 6, 5, 2, NULL), REKEY_OFFER, "one that crosses ours");
	is_int(offered(REKEY_OFFERED, 6, 5, 2, ours), REKEY_ANSWER, "one that answers ours");
	is_int(offered(REKEY_OFFERED, 6, 5, 2, none), REKEY_OTHER, "one that answers another");
	is_int(rekey_offered(&k, &mine), REKEY_WRONG, "our own, sent back");
	is_int(offered(REKEY_WAITING, 6, 5, 2, ours), REKEY_ANSWER, "what we wait for");
	is_int(offered(REKEY_ANSWERED, 6, 5, 2, NULL), REKEY_SAME, "the same again");
	is_int(offered(REKEY_ANSWERED, 6, 5, 2, ours), REKEY_ANSWER, "the same, knowing ours");
	is_int(offered(REKEY_ANSWERED, 6, 5, 5, ours), REKEY_OTHER, "another half");
	is_int(offered(REKEY_ANSWERED, 5, 4, 5, NULL), REKEY_OLD, "a late one of this epoch");
	is_int(offered(REKEY_SWITCHED, 5, 4, 2, NULL), REKEY_SAME, "the same, after the switch");
	is_int(offered(REKEY_TOLD, 5, 4, 5, NULL), REKEY_OTHER, "another, after the switch");
	is_int(offered(REKEY_CLEARED, 5, 4, 5, NULL), REKEY_OLD, "when nothing of it is known");
	is_int(offered(REKEY_SWITCHED, 6, 5, 5, NULL), REKEY_NEXT, "the next");
	is_int(offered(REKEY_TOLD, 6, 4, 5, NULL), REKEY_WRONG, "the next under the old key");
	is_int(offered(REKEY_CLEARED, 6, 5, 5, NULL), REKEY_NEXT, "the next, late in ours");
	is_int(offered(REKEY_CLEARED, 6, 5, 5, ours), REKEY_OTHER, "an answer to none yet");
	is_int(offered(REKEY_SWITCHED, 7, 5, 5, NULL), REKEY_WRONG, "the one after");
	k = in_state(REKEY_SWITCHED);
	is_int(rekey_drained(&k, 4, 5), REKEY_DRAINED, "the old one has drained");
	is_int(rekey_drained(&k, 3, 5), REKEY_OLD, "one before it");
	is_int(rekey_drained(&k, 5, 5), REKEY_WRONG, "the current one");
	is_int(rekey_drained(&k, 4, 4), REKEY_WRONG, "said under itself");
	ok(!rekey_owes_drained(&k, true, k.since + REKEY_DRAIN - 1), "not while mail is under way");
	ok(rekey_owes_drained(&k, true, k.since + REKEY_DRAIN), "but after 30 days");
	ok(rekey_owes_drained(&k, false, k.since), "at once when there is none");
	k = in_state(REKEY_TOLD);
	ok(!rekey_owes_drained(&k, false, k.since), "and once");
}

static void test_derive(void)
{
	static const uint8_t key[32] = "key", zero[32] = {0}, one[32] = {1};
	struct rekeying a = {.epoch = 0}, b = {.epoch = 0};
	uint8_t x[32], y[32];

	memset(a.secret, 1, 32);
	memset(b.secret, 2, 32);
	kdf_rekey_public(a.own, a.secret);
	kdf_rekey_public(b.own, b.secret);
	memcpy(a.peer, b.own, 32);
	memcpy(b.peer, a.own, 32);
	is_int(rekey_derive(&a, x, 1, key, cid) | rekey_derive(&b, y, 1, key, cid), 0, "derived");
	ok(memcmp(x, y, 32) == 0, "both the same");
	ok(sodium_is_zero(a.secret, 32) && sodium_is_zero(b.secret, 32), "the secrets are gone");
	memset(a.secret, 1, 32);
	is_int(rekey_derive(&a, y, 2, key, cid), 0, "of another epoch");
	ok(memcmp(x, y, 32) != 0, "another");
	memset(a.secret, 1, 32);
	is_int(rekey_derive(&a, y, 1, one, cid), 0, "out of another key");
	ok(memcmp(x, y, 32) != 0, "another");
	memset(a.secret, 1, 32);
	memcpy(a.peer, zero, 32);
	is_int(rekey_derive(&a, y, 1, key, cid), MP_EBAD, "a point of order 1");
	is_int(kdf_rekey_check(zero), MP_EBAD, "is found before");
	is_int(kdf_rekey_check(one), MP_EBAD, "and one of order 4");
	is_int(kdf_rekey_check(b.own), 0, "an honest one is good");
}

/* ---- Two ends. */

enum type { TEXT, HALF, DRAINED };

struct mail {
	enum type type;
	int64_t under; /* epoch, and the key of it */
	uint8_t key[32];
	int64_t epoch; /* that it speaks of */
	uint8_t half[32], id[MESSAGE_ID], re[MESSAGE_ID];
	bool has_re;
};

struct end {
	struct rekeying k;
	bool opens[EPOCHS];
	uint8_t key[EPOCHS][32];
	struct mail box[MAIL]; /* what is not acknowledged */
	size_t n;
	int64_t now;
};

static uint64_t chance;
static int unread, refused, warned, renewed, worked;

static unsigned any(unsigned below)
{
	chance = chance * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(chance >> 33) % below;
}

static void random_bytes(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)any(256);
}

static struct rekey_step step(struct end *me, enum rekey_event e, const struct rekey_offer *o)
{
	uint8_t random[REKEY_RANDOM];

	random_bytes(random, sizeof(random));
	return rekey_apply(&me->k, e, o, random, me->now);
}

/* As the store does: our half is owed no more. */
static void cancel(struct end *me)
{
	for (size_t i = 0; i < me->n; i++)
		if (me->box[i].type == HALF && memcmp(me->box[i].id, me->k.id, MESSAGE_ID) == 0)
			me->box[i--] = me->box[--me->n];
}

static void derive(struct end *me, int64_t epoch)
{
	if (rekey_derive(&me->k, me->key[epoch], epoch, me->key[epoch - 1], cid) != 0)
		abort();
	me->opens[epoch] = true;
}

static struct mail half_of(const struct end *me, int64_t epoch, int64_t under)
{
	struct mail m = {.type = HALF, .epoch = epoch, .under = under};

	memcpy(m.key, me->key[under], 32);
	memcpy(m.half, me->k.own, 32);
	memcpy(m.id, me->k.id, MESSAGE_ID);
	return m;
}

/* What is done with a half: true when it is refused. */
static bool take_half(struct end *me, const struct mail *m, struct mail *reply, bool *replies)
{
	struct rekey_offer o = {.epoch = m->epoch,
	    .under = m->under,
	    .key = m->half,
	    .id = m->id,
	    .re = m->has_re ? m->re : NULL};
	struct rekey_step s = step(me, rekey_offered(&me->k, &o), &o);

	if (s.action == REKEY_RENEW)
		me->opens[m->epoch - 2] = false;
	if (s.action == REKEY_REPLY || s.action == REKEY_STORE || s.action == REKEY_JOIN ||
	    s.action == REKEY_RENEW)
		derive(me, m->epoch);
	if (s.action == REKEY_JOIN || s.action == REKEY_SWITCH)
		cancel(me);
	if (s.action == REKEY_REPLY || s.action == REKEY_STORE || s.action == REKEY_RENEW ||
	    s.action == REKEY_REPEAT) {
		*replies = true;
		*reply = half_of(me, m->epoch, m->under);
		reply->has_re = true;
		memcpy(reply->re, m->id, MESSAGE_ID);
	}
	warned += s.action == REKEY_WARN;
	return s.action == REKEY_WARN || s.action == REKEY_REFUSE;
}

/* Does anything of ours go about under the old key? */
static bool under_way(const struct end *me)
{
	for (size_t i = 0; i < me->n; i++)
		if (me->box[i].under < me->k.epoch)
			return true;
	return false;
}

/* Answered by our own word, where we have drained, too. */
static bool take_drained(struct end *me, const struct mail *m, struct mail *reply, bool *replies)
{
	struct rekey_step s = step(me, rekey_drained(&me->k, m->epoch, m->under), NULL);

	if (s.action == REKEY_DROP)
		me->opens[m->epoch] = false;
	if (s.action == REKEY_REFUSE)
		return true;
	*replies = m->epoch == me->k.epoch - 1 &&
	           (!me->k.owing || rekey_owes_drained(&me->k, under_way(me), me->now));
	memset(reply, 0, sizeof(*reply));
	reply->type = DRAINED;
	reply->epoch = m->epoch;
	reply->under = m->under;
	memcpy(reply->key, me->key[m->under], 32);
	return false;
}

/* True when it is taken. */
static bool receive(struct end *me, const struct mail *m, struct mail *reply, bool *replies)
{
	*replies = false;
	if (!me->opens[m->under] || memcmp(me->key[m->under], m->key, 32) != 0)
		return false;
	if (m->under > me->k.epoch && step(me, REKEY_HEARD, NULL).action == REKEY_SWITCH)
		cancel(me);
	if (m->type == HALF)
		return !take_half(me, m, reply, replies);
	return m->type == TEXT || !take_drained(me, m, reply, replies);
}

/* One of ours was taken. */
static void acknowledged(struct end *me, const struct mail *m)
{
	if (m->type == HALF && me->k.has_own && memcmp(m->id, me->k.id, MESSAGE_ID) == 0) {
		if (step(me, REKEY_ACKED, NULL).action == REKEY_SWITCH)
			cancel(me);
	} else if (m->type == DRAINED && me->k.owing &&
	           memcmp(m->id, me->k.drained, MESSAGE_ID) == 0) {
		step(me, REKEY_NOTED, NULL);
	}
	for (size_t i = 0; i < me->n; i++)
		if (memcmp(me->box[i].id, m->id, MESSAGE_ID) == 0)
			me->box[i--] = me->box[--me->n];
}

static void put(struct end *me, struct mail m)
{
	m.under = me->k.epoch;
	memcpy(m.key, me->key[m.under], 32);
	if (me->n < MAIL)
		me->box[me->n++] = m;
}

static bool boxed(const struct end *me, const uint8_t id[MESSAGE_ID])
{
	for (size_t i = 0; i < me->n; i++)
		if (memcmp(me->box[i].id, id, MESSAGE_ID) == 0)
			return true;
	return false;
}

/* What mp-due does. */
static void due(struct end *me)
{
	enum rekey_state s = rekey_state(&me->k);

	if ((s == REKEY_OFFERED || s == REKEY_ANSWERED) && !boxed(me, me->k.id)) {
		struct mail m = half_of(me, me->k.epoch + 1, me->k.epoch);

		m.has_re = me->k.has_peer;
		memcpy(m.re, me->k.answers, MESSAGE_ID);
		put(me, m);
	}
	if (rekey_owes_drained(&me->k, under_way(me), me->now) && !boxed(me, me->k.drained)) {
		struct mail m = {.type = DRAINED, .epoch = me->k.epoch - 1};

		memcpy(m.id, me->k.drained, MESSAGE_ID);
		put(me, m);
	}
}

struct net {
	unsigned lost, held; /* per cent */
	bool deaf;           /* the second end sends nothing of its own accord */
	struct mail late[MAIL];
	bool to[MAIL];
	size_t n;
};

/* Of a message that its sender still has, so that it counts when it cannot be read. */
static void deliver(struct net *net, struct end *ends, int from, size_t i)
{
	struct end *me = &ends[from], *you = &ends[!from];
	struct mail m = me->box[i], reply, more;
	bool replies, taken, again;

	if (any(100) < net->held && net->n < MAIL) {
		net->to[net->n] = !from;
		net->late[net->n++] = m;
	}
	if (any(100) < net->lost)
		return;
	taken = receive(you, &m, &reply, &replies);
	if (!taken && m.type == TEXT)
		unread++;
	refused += !taken;
	if (any(100) < net->lost || !taken)
		return;
	if (replies)
		receive(me, &reply, &more, &again);
	acknowledged(me, &m);
}

/* A copy that was held back: its sender may have forgotten it long ago. */
static void late(struct net *net, struct end *ends)
{
	struct mail m, reply;
	bool replies;
	size_t i;

	if (net->n == 0)
		return;
	i = any((unsigned)net->n);
	m = net->late[i];
	receive(&ends[net->to[i]], &m, &reply, &replies);
	net->late[i] = net->late[--net->n];
	net->to[i] = net->to[net->n];
}

static void write_text(struct end *me)
{
	struct mail m = {.type = TEXT};

	if (me->n > MAIL / 2)
		return;
	random_bytes(m.id, sizeof(m.id));
	put(me, m);
}

static void turn(struct net *net, struct end *ends, bool starts)
{
	int from = net->deaf ? 0 : (int)any(2);
	struct end *me = &ends[from];

	switch (any(12)) {
	case 0:
		if (starts && me->k.epoch + 3 < EPOCHS)
			step(me, REKEY_START, NULL);
		break;
	case 1:
	case 2:
		write_text(me);
		break;
	case 3:
	case 4:
		due(me);
		break;
	case 5:
		late(net, ends);
		break;
	default:
		if (me->n > 0)
			deliver(net, ends, from, any((unsigned)me->n));
	}
}

/* The network is good, and what the machines owe is done until nothing is. */
static void calm(struct net *net, struct end *ends)
{
	net->lost = net->held = 0;
	for (int i = 0; i < 40; i++)
		for (int from = 0; from < (net->deaf ? 1 : 2); from++) {
			due(&ends[from]);
			while (ends[from].n > 0) {
				size_t n = ends[from].n;

				deliver(net, ends, from, 0);
				if (ends[from].n == n) /* refused: it is set aside */
					ends[from].box[0] = ends[from].box[--ends[from].n];
			}
		}
}

static bool agree(const struct end *a, const struct end *b, bool deaf)
{
	int64_t e = a->k.epoch;

	if (e != b->k.epoch || memcmp(a->key[e], b->key[e], 32) != 0)
		return false;
	for (int64_t i = 0; i < EPOCHS; i++)
		if (a->opens[i] != (i == e) || b->opens[i] != (i == e))
			return false;
	/* Who is never heard of his own accord keeps owing the word that the old key drained. */
	return rekey_state(&a->k) == REKEY_STEADY &&
	       (rekey_state(&b->k) == REKEY_STEADY ||
	           (deaf && rekey_state(&b->k) == REKEY_CLEARED));
}

static bool run(uint64_t seed, unsigned lost, unsigned held, bool deaf)
{
	struct net net = {.lost = lost, .held = held, .deaf = deaf};
	static struct end ends[2];

	chance = seed;
	memset(ends, 0, sizeof(ends));
	ends[0].opens[0] = ends[1].opens[0] = true;
	for (int i = 0; i < 300; i++) {
		ends[0].now++;
		ends[1].now++;
		turn(&net, ends, true);
	}
	calm(&net, ends);
	while (net.n > 0)
		late(&net, ends);
	calm(&net, ends);
	renewed += (int)ends[0].k.epoch;
	worked += ends[0].k.epoch > 0;
	return agree(&ends[0], &ends[1], deaf);
}

static void test_network(unsigned lost, unsigned held, bool deaf, const char *name)
{
	int apart = 0;
	uint64_t first = 0;

	unread = refused = warned = renewed = worked = 0;
	for (uint64_t seed = 1; seed <= RUNS; seed++)
		if (!run(seed * 7919, lost, held, deaf)) {
			apart++;
			first = first == 0 ? seed : first;
		}
	is_int(apart, 0, name);
	if (apart > 0)
		printf("# first of them: %llu\n", (unsigned long long)first);
	is_int(unread, 0, "every message could be read");
	is_int(warned, 0, "nobody was warned of an honest end");
	ok(worked > RUNS / 2, "%d keys were renewed in %d runs, %d messages refused", renewed, RUNS,
	    refused);
}

int main(void)
{
	if (sodium_init() < 0)
		return 99;
	test_table();
	test_events();
	test_derive();
	test_network(0, 0, false, "a good network: both end with one key");
	test_network(30, 30, false, "30 % lost, 30 % repeated late: both end with one key");
	test_network(70, 60, false, "70 % lost: both end with one key");
	test_network(20, 30, true, "one end cannot be reached: both end with one key");
	return done();
}
