/*
 * What a hostile introducer can do, and a stranger: nothing but what a person was asked about, and
 * the introducer can spoil only what is his own.  We are asked by alice to meet carol and dave.
 */
#include <sodium.h>

#include "plans.h"

static struct peer alice, mallory, carol, dave, eve;

/* The temporary contact that the introducer made for one of them and us, as that one has it. */
static struct peer temporary(const struct peer *who)
{
	struct peer t = *who;

	randombytes_buf(t.cid, sizeof(t.cid));
	randombytes_buf(t.secret, sizeof(t.secret));
	need(kdf_pair(t.send, t.recv, t.id, w.self->key, t.secret, t.cid) == 0, "pair");
	return t;
}

static struct wire request(const uint8_t id[16], const struct peer *a, const struct peer *b)
{
	struct wire m = about(WIRE_INTRODUCTION_REQUEST, id);

	add_person(&m.u.plan.people, w.self->key, "bob");
	add_person(&m.u.plan.people, a->id->key, "carol");
	if (b != NULL)
		add_person(&m.u.plan.people, b->id->key, "dave");
	return m;
}

static void add_key(struct wire *m, const uint8_t onion[32], const struct peer *t)
{
	struct wire_key *k = &m->u.plan.keys[m->u.plan.nkeys++];

	memcpy(k->onion, onion, 32);
	memcpy(k->id, t->cid, 32);
	memcpy(k->key, t->secret, 32);
}

static struct wire list(const uint8_t id[16], const struct peer *a, const struct peer *b)
{
	struct wire m = about(WIRE_INTRODUCTION_CONTACTS, id);

	add_key(&m, a->id->key, a);
	if (b != NULL)
		add_key(&m, b->id->key, b);
	return m;
}

static struct wire initiated(const uint8_t id[16], enum plan_status s)
{
	return status_of(WIRE_INTRODUCTION_STATUS_RESPONSE, id, s);
}

static struct wire number(int64_t round, uint8_t each, const uint8_t key[32])
{
	struct wire m = wire_make(WIRE_INTRODUCTION_ACKNOWLEDGEMENT);

	m.u.plan.round = round;
	memset(m.u.plan.number, each, 32);
	memcpy(m.u.plan.key, key, 32);
	return m;
}

static struct wire update(int64_t round, const uint8_t sealed[PLAN_SEALED])
{
	struct wire m = wire_make(WIRE_TEMPORARY_CONTACT_UPDATE);

	m.u.plan.round = round;
	memcpy(m.u.plan.sealed, sealed, PLAN_SEALED);
	return m;
}

static int state(const uint8_t id[16])
{
	return state_of(FLOW_CONSENT, &alice, PLAN_INTRODUCTION, id, NULL);
}

static long long rows(const char *from)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", from);
	return world_count(&w, sql);
}

/* Asked and accepted. */
static void begin(uint8_t id[16], const struct peer *a, const struct peer *b)
{
	struct wire m;

	randombytes_buf(id, 16);
	m = request(id, a, b);
	need(sends(&alice, &m) == RECEIVED_TAKEN, "a request");
	need(decides(&alice, PLAN_INTRODUCTION, id, true) == 0, "accepted");
}

static struct flow acquaintance(const char *name)
{
	struct keeper k;
	struct contact c;
	struct flow f;

	open_keeper(&k);
	need(contact_get(w.s, &c, name) == 0 &&
	         k.p.find(&k, &f, FLOW_ACQUAINTANCE, c.row, NULL, 0) == 0,
	    "an acquaintance");
	close_keeper(0);
	return f;
}

/* ---- requests and lists ---- */

static void requests(uint8_t id[16])
{
	struct wire m = about(WIRE_INTRODUCTION_REQUEST, id);
	struct peer none;

	add_person(&m.u.plan.people, carol.id->key, "carol");
	add_person(&m.u.plan.people, dave.id->key, "dave");
	refused("a request that leaves us out", &alice, &m);
	m = request(id, &carol, &alice);
	refused("one that has its initiator in it", &alice, &m);
	m = request(id, &carol, &dave);
	taken("a request", &alice, &m);
	told("introduction-request", 1, "our person is asked");
	no_change("the same message once more", &alice, &m, RECEIVED_TAKEN);
	again("the same request in another message", &alice, m);
	m = request(id, &carol, &mallory);
	refused("another request under its id", &alice, &m);
	m = request(id, &carol, NULL);
	refused("one that is shorter", &alice, &m);
	none = temporary(&carol);
	m = list(id, &none, &none);
	m.u.plan.nkeys = 1;
	add_key(&m, dave.id->key, &none);
	refused("a list before we accepted", &alice, &m);
	m = initiated(id, STATUS_INITIATED);
	refused("initiated before we accepted", &alice, &m);
	m = answer_to(WIRE_INTRODUCTION_RESPONSE, id, ANSWER_ACCEPT);
	refused("an answer to what we did not ask", &alice, &m);
	m = about(WIRE_INTRODUCTION_STATUS_REQUEST, id);
	refused("a question about what is hers", &alice, &m);
	m = initiated(id, STATUS_CANCELLED);
	no_change("another contact cancels it", &mallory, &m, RECEIVED_TAKEN);
	m = initiated(id, STATUS_INITIATED);
	refused("another contact initiates it", &mallory, &m);
}

static void accepted(const uint8_t id[16], const struct peer *tc, const struct peer *td)
{
	struct wire m;

	is_int(decides(&alice, PLAN_INTRODUCTION, id, true), 0, "our person accepts");
	m = initiated(id, STATUS_INITIATED);
	refused("initiated before the list", &alice, &m);
	m = list(id, tc, td);
	refused("the list from another contact", &mallory, &m);
	m = number(0, 1, tc->id->key);
	refused("a number before the list", (struct peer *)(uintptr_t)tc, &m);
	m = list(id, tc, td);
	taken("the list", &alice, &m);
	is_int(rows("contact WHERE state = 3"), 2, "two temporary contacts");
	again("the list once more", &alice, m);
	m = initiated(id, STATUS_INITIATED);
	taken("initiated", &alice, &m);
	again("once more", &alice, m);
	m = initiated(id, STATUS_CANCELLED);
	again("cancelled after that", &alice, m);
	m = initiated(id, STATUS_PENDING);
	again("pending after that", &alice, m);
	m = list(id, td, tc);
	m.u.plan.nkeys = 1;
	refused("another list after that", &alice, &m);
}

/* Each costs her the introduction, and brings nobody else in. */
static void bad_list(const char *what, void (*spoil)(struct wire *m))
{
	long long contacts = rows("contact"), keys = rows("key");
	struct peer tc = temporary(&carol), td = temporary(&dave);
	struct wire m, good;
	uint8_t id[16];

	begin(id, &carol, &dave);
	m = good = list(id, &tc, &td);
	spoil(&m);
	is_int(sends(&alice, &m), RECEIVED_REFUSED, what);
	is_int(state(id), CONSENT_CANCELLED, "... and the introduction is cancelled");
	ok(rows("contact") == contacts && rows("key") == keys, "... without a contact or key");
	refused("... the right one is too late", &alice, &good);
	m = initiated(id, STATUS_INITIATED);
	again("... and so is what she says then", &alice, m);
}

static void other_address(struct wire *m)
{
	memcpy(m->u.plan.keys[1].onion, eve.id->key, 32);
}

static void our_address(struct wire *m)
{
	memcpy(m->u.plan.keys[1].onion, w.self->key, 32);
}

static void her_address(struct wire *m)
{
	memcpy(m->u.plan.keys[1].onion, alice.id->key, 32);
}

static void one_less(struct wire *m)
{
	m->u.plan.nkeys = 1;
}

static void one_more(struct wire *m)
{
	m->u.plan.keys[2] = m->u.plan.keys[1];
	memcpy(m->u.plan.keys[2].onion, eve.id->key, 32);
	m->u.plan.nkeys = 3;
}

/* ---- what she sends from her own machine under the temporary key that she made ---- */

/* Both messages under that key. */
static void inject(const char *what, const struct peer *t, const uint8_t key[32])
{
	struct peer forged = *t;
	uint8_t sealed[PLAN_SEALED], both[64];
	struct flow f = acquaintance("carol");
	struct wire m = number(0, 0xff, alice.id->key);
	char name[120];

	memcpy(forged.send, key, 32);
	snprintf(name, sizeof(name), "a number sealed with %s", what);
	refused(name, &forged, &m);
	randombytes_buf(both, sizeof(both));
	need(crypto_box_seal(sealed, both, sizeof(both), f.u.acquaintance.key) == 0, "box");
	m = update(0, sealed);
	snprintf(name, sizeof(name), "a new key sealed with %s", what);
	refused(name, &forged, &m);
}

static void injected(const struct peer *t)
{
	uint8_t send[32], recv[32];

	need(kdf_pair(send, recv, alice.id, w.self->key, t->secret, t->cid) == 0, "pair");
	inject("what she and the temporary key make", t, send);
	inject("the other half of that", t, recv);
	need(kdf_pair(send, recv, mallory.id, w.self->key, t->secret, t->cid) == 0, "pair");
	inject("what a friend of hers makes of it", t, send);
	need(kdf_offer(send, t->secret, t->cid, w.self->key) == 0, "offer");
	inject("the key of an offer", t, send);
	inject("the temporary key itself", t, t->secret);
	inject("what we send with", t, t->recv);
	/* Under the key that she really has with us. */
	{
		struct wire m = number(0, 0xff, alice.id->key);

		refused("a number under her own key", &alice, &m);
	}
}

static void carries_nothing(struct peer *t)
{
	struct wire m = wire_make(WIRE_MESSAGE);
	uint8_t id[32] = {7};

	m.body = (const uint8_t *)"hello";
	m.blen = 5;
	refused("a message of a temporary contact", t, &m);
	m = wire_make(WIRE_PING);
	refused("its ping", t, &m);
	m = request(id, &eve, NULL);
	refused("its introduction", t, &m);
	m = about(WIRE_GROUP_CHAT_REQUEST, id);
	add_person(&m.u.plan.people, w.self->key, NULL);
	add_person(&m.u.plan.people, t->id->key, NULL);
	refused("its group", t, &m);
	m = wire_make(WIRE_REKEY);
	m.u.rekey.epoch = 1;
	refused("its rekey", t, &m);
}

/* ---- the two ends ---- */

static void settles(struct peer *t)
{
	uint8_t pk[32], sk[32], sealed[PLAN_SEALED], both[64], junk[PLAN_SEALED];
	struct contact c;
	struct wire m, first;
	struct flow f;
	struct peer now;

	crypto_box_keypair(pk, sk);
	first = number(0, 0xff, pk);
	memset(junk, 1, sizeof(junk));
	m = update(0, junk);
	is_int(sends(t, &m), RECEIVED_LATER, "a new key before the number waits");
	m = update(0, junk);
	no_change("... for the number", t, &m, RECEIVED_LATER);
	taken("a number", t, &first);
	again("the same number", t, first);
	m = number(0, 0xfe, pk);
	refused("another one", t, &m);
	m = number(0, 0xff, alice.id->key);
	refused("the same with another key", t, &m);
	m = number(1, 1, pk);
	refused("one of the next round", t, &m);
	m = number(200, 1, pk);
	refused("one of a round far away", t, &m);
	m = update(0, junk);
	refused("a new key that does not open", t, &m);
	f = acquaintance("carol");
	randombytes_buf(both, sizeof(both));
	need(crypto_box_seal(sealed, both, sizeof(both), f.u.acquaintance.key) == 0, "box");
	m = update(1, sealed);
	refused("one of another round", t, &m);
	m = update(0, sealed);
	taken("the new key", t, &m);
	again("once more", t, m);
	need(contact_get(w.s, &c, "carol") == 0, "carol");
	ok(c.state == CONTACT_ACTIVE && !c.verified && strcmp(c.introducer, "alice") == 0 &&
	        memcmp(c.onion, carol.id->key, 32) == 0,
	    "carol is a contact, unverified, introduced by alice");
	told("contact-introduced", 1, "which our person is told");
	need(crypto_box_seal(junk, both, sizeof(both), f.u.acquaintance.key) == 0, "box");
	m = update(0, junk);
	refused("a second new key", t, &m);

	now = carol;
	memcpy(now.cid, both, 32);
	memcpy(now.secret, both + 32, 32);
	need(kdf_pair(now.send, now.recv, now.id, w.self->key, now.secret, now.cid) == 0, "pair");
	m = wire_make(WIRE_PING);
	taken("carol under the new key", &now, &m);
	is_int(rows("key WHERE role = 2 AND contact = (SELECT id FROM contact WHERE name = "
	            "'carol')"),
	    0, "the temporary key is gone");
	m = update(0, sealed);
	refused("what is sealed with it opens no more", t, &m);
	carol = now;
	carol.row = c.row;
}

/* We drew the higher number: it is ours to make the key. */
static void ours(struct peer *t)
{
	uint8_t pk[32], sk[32], sealed[PLAN_SEALED], both[64] = {1};
	struct wire m;
	struct flow f;

	crypto_box_keypair(pk, sk);
	m = number(0, 0, pk);
	taken("a lower number", t, &m);
	again("once more", t, m);
	f = acquaintance("dave");
	is_int(f.u.acquaintance.state, ACQUAINTANCE_UPDATING, "the new key is ours to make");
	m = number(0, 0xff, pk);
	refused("a higher one now", t, &m);
	need(crypto_box_seal(sealed, both, sizeof(both), f.u.acquaintance.key) == 0, "box");
	m = update(0, sealed);
	refused("a new key of his", t, &m);
	ok(memcmp(acquaintance("dave").u.acquaintance.pair, f.u.acquaintance.pair, 32) == 0,
	    "ours stays");
}

/* ---- whom we know already, and addresses that are none ---- */

static void known_person(void)
{
	struct peer tc = temporary(&carol), te = temporary(&eve);
	long long keys =
	    world_count(&w, "SELECT sum(k.id) FROM key k JOIN contact c ON c.id = k.contact WHERE "
	                    "c.name = 'carol'");
	struct wire m;
	uint8_t id[16];

	begin(id, &carol, &eve);
	m = list(id, &tc, &te);
	taken("a list with somebody whom we know", &alice, &m);
	told("already-contact", 1, "our person is told");
	is_int(world_count(&w,
	           "SELECT sum(k.id) FROM key k JOIN contact c ON c.id = k.contact WHERE c.name = "
	           "'carol'"),
	    keys, "his keys stay as they are");
	is_int(rows("contact WHERE nickname = 'carol'"), 1, "and he is there once");
	m = number(0, 0xff, carol.id->key);
	refused("what is sealed with the temporary key for him opens not", &tc, &m);
}

static void no_point(void)
{
	struct identity fake = {.key = {1}}; /* of low order: no secret is agreed on */
	struct peer none = {.id = &fake};
	uint8_t id[16] = {5};
	struct wire m = request(id, &none, NULL);

	refused("a request with an address that is no key", &alice, &m);
}

/* Whom do you know?  The answer is the same for everybody. */
static void probes(void)
{
	enum plan_status answer = STATUS_PENDING;
	struct dump before;
	struct wire m;

	for (int i = 0; i < 3; i++) {
		m = wire_make(WIRE_INTRODUCTION_PETITION);
		randombytes_buf(m.u.plan.introduction, 16);
		randombytes_buf(m.u.plan.group, 32);
		add_person(&m.u.plan.people,
		    i == 0   ? carol.id->key
		    : i == 1 ? eve.id->key
		             : mallory.id->key,
		    NULL);
		before = still();
		is_int(sends_for(&alice, &m, &answer), RECEIVED_REPLY, "a petition is answered");
		is_int(answer, STATUS_NONE, "... it is declined");
		is_str(still().hex, before.hex, "... and has no effect");
	}
}

/* ---- she gave us and him two different keys ---- */

static void two_keys(void)
{
	struct peer gina, mine, his;
	struct wire m;
	uint8_t id[16];

	peer_new(&w, &gina);
	mine = temporary(&gina);
	his = temporary(&gina);
	begin(id, &gina, NULL);
	m = list(id, &mine, NULL);
	need(sends(&alice, &m) == RECEIVED_TAKEN, "a list");
	m = initiated(id, STATUS_INITIATED);
	need(sends(&alice, &m) == RECEIVED_TAKEN, "initiated");
	m = number(0, 0xff, gina.id->key);
	refused("a number under the key that he was given", &his, &m);
	need(kdf_pair(his.send, his.recv, his.id, eve.id->key, mine.secret, mine.cid) == 0, "pair");
	refused("one for the address that he was given", &his, &m);
	is_int(planning_tick(w.s, &w.cfg, clock_now() + PLAN_LIFE + MP_DAY), 0, "a month later");
	told("introduction-failed", 1, "it has failed, which our person is told");
	is_int(rows("contact WHERE state = 3"), 1, "dave stays, who may have the key that we made");
	is_int(rows("key WHERE role = 2"), 1, "his is the only temporary key");
}

/* ---- a flood ---- */

static void flood(void)
{
	long long flows = rows("flow"), seen;
	int status[600] = {0}, all = 0;
	struct wire m;
	uint8_t id[16];

	for (int i = 0; i < 200; i++) {
		randombytes_buf(id, sizeof(id));
		m = request(id, &eve, NULL);
		status[sends(&alice, &m)]++;
	}
	is_int(status[RECEIVED_TAKEN] + status[RECEIVED_QUOTA], 200, "200 requests");
	ok(status[RECEIVED_QUOTA] >= 100, "most of them are too many");
	ok(rows("flow") <= flows + PLANS_MAX, "no more are kept than one may have");
	seen = rows("seen");
	for (int i = 0; i < 200; i++) {
		m = request(id, &eve, NULL);
		all += sends(&alice, &m) == RECEIVED_QUOTA;
	}
	is_int(rows("seen"), seen, "what is refused leaves nothing");
	is_int(all, 200, "and stays refused");
	m = request(id, &carol, NULL);
	m.u.plan.people.person[1] = m.u.plan.people.person[0];
	memcpy(m.u.plan.people.person[1].onion, eve.id->key, 32);
	taken("others are not kept out", &mallory, &m);
}

/* ---- a stranger ---- */

static void stranger(void)
{
	struct peer card, nobody, blocked;
	uint8_t id[16] = {9};
	struct wire m = request(id, &eve, NULL);

	peer_new(&w, &nobody);
	refused("a request of a stranger", &nobody, &m);
	peer_meet(&w, &card, "card", CONTACT_OFFERED, 0);
	refused("of one who has our card, under the pair's key", &card, &m);
	need(kdf_offer(card.send, card.secret, card.cid, w.self->key) == 0, "offer");
	refused("... under the card's", &card, &m);
	m = about(WIRE_INTRODUCTION_CONTACTS, id);
	add_key(&m, eve.id->key, &card);
	refused("... a list", &card, &m);
	m = number(0, 1, card.id->key);
	refused("... a number", &card, &m);
	known(&blocked, "blocked");
	need(contact_set_blocked(w.s, blocked.row, true) == 0, "blocked");
	m = request(id, &eve, NULL);
	refused("of one who is blocked", &blocked, &m);
}

int main(void)
{
	struct peer tc, td;
	uint8_t id[16];

	world_open(&w);
	known(&alice, "alice");
	known(&mallory, "mallory");
	peer_new(&w, &carol);
	peer_new(&w, &dave);
	peer_new(&w, &eve);
	tc = temporary(&carol);
	td = temporary(&dave);
	randombytes_buf(id, sizeof(id));
	requests(id);
	bad_list("a list with another address", other_address);
	bad_list("one with our own", our_address);
	bad_list("one with her own", her_address);
	bad_list("one that is too short", one_less);
	bad_list("one that is too long", one_more);
	accepted(id, &tc, &td);
	injected(&tc);
	carries_nothing(&tc);
	settles(&tc);
	ours(&td);
	known_person();
	no_point();
	probes();
	stranger();
	two_keys();
	flood();
	world_close();
	return done();
}
