/* The one way in: who is refused, that refusing has no effect, and what an authentic message does.
 */
#include <openssl/evp.h>

#include "tap.h"
#include "world.h"

static struct world w;
static struct peer alice, bob, blocked, removed;
static struct buf e = BUF_INIT(ENVELOPE_MAX + 64);

/* Exactly the one refusal. */
static int refused(struct received r)
{
	return r.status == RECEIVED_REFUSED && r.retry_after == 0 && r.reply.len == 0 &&
	       r.contact == 0;
}

static void no_effect(const char *what, const struct buf *b)
{
	struct dump before = world_dump(&w);
	int good = refused(take(&w, b));

	ok(good, "%s: refused", what);
	is_str(world_dump(&w).hex, before.hex, "... and has no effect");
}

static struct wire text(const char *s)
{
	struct wire m = wire_make(WIRE_MESSAGE);

	m.body = (const uint8_t *)s;
	m.blen = strlen(s);
	return m;
}

/* Any plaintext under any key, as no sealer would make it. */
static void seal_raw(const uint8_t key[32], const uint8_t *plain, size_t len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;

	buf_clear(&e);
	need(buf_reserve(&e, len + 28) == 0, "room");
	randombytes_buf(e.data, 12);
	EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, e.data);
	EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)"mariposa/1", 10);
	EVP_EncryptUpdate(c, e.data + 12, &n, plain, (int)len);
	EVP_EncryptFinal_ex(c, e.data + 12 + len, &n);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, e.data + 12 + len);
	EVP_CIPHER_CTX_free(c);
	e.len = len + 28;
}

static void seal_header(struct peer *p, const char *header, const char *body)
{
	buf_clear(&e);
	need(envelope_seal(&e, p->send, p->cid, header, strlen(header), body, strlen(body)) == 0,
	    "seal");
}

static void strangers(void)
{
	struct wire m = text("hello");
	uint8_t send[32], recv[32];
	struct peer mallory, dave;

	for (size_t n = 0; n <= 5000; n += 500) {
		buf_clear(&e);
		need(buf_reserve(&e, n) == 0, "room");
		e.len = n;
		randombytes_buf(e.data, n);
		if (!refused(take(&w, &e)))
			ok(0, "%zu random bytes", n);
	}
	no_effect("random bytes", &e);
	e.len = 0;
	no_effect("nothing", &e);

	seal_with(&e, alice.recv, alice.cid, &m);
	no_effect("a message of ours, reflected", &e);

	peer_new(&w, &dave);
	kdf_pair(send, recv, alice.id, dave.id->key, alice.secret, alice.cid);
	seal_with(&e, send, alice.cid, &m);
	no_effect("alice's message to another address", &e);

	peer_new(&w, &mallory);
	kdf_pair(send, recv, mallory.id, w.self->key, alice.secret, alice.cid);
	seal_with(&e, send, alice.cid, &m);
	no_effect("forged by somebody with alice's card", &e);
	kdf_offer(send, alice.secret, alice.cid, w.self->key);
	seal_with(&e, send, alice.cid, &m);
	no_effect("forged under the card's offer key", &e);
	seal_with(&e, alice.secret, alice.cid, &m);
	no_effect("forged under the card's key itself", &e);
	seal_with(&e, alice.send, bob.cid, &m);
	no_effect("alice's key with bob's id", &e);

	peer_seal(&e, &blocked, &m);
	no_effect("a blocked contact's", &e);
	peer_seal(&e, &removed, &m);
	no_effect("a removed contact's", &e);
	identity_free(mallory.id);
	identity_free(dave.id);
}

static void damaged(void)
{
	struct dump before = world_dump(&w);
	struct wire m = text("hello");
	int bad = 0;
	size_t len;

	peer_seal(&e, &alice, &m);
	len = e.len;
	for (size_t bit = 0; bit < len * 8; bit++) {
		e.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		bad += !refused(take(&w, &e));
		e.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	is_int(bad, 0, "any one bit flipped: refused");
	for (e.len = 0; e.len < len; e.len++)
		bad += !refused(take(&w, &e));
	is_int(bad, 0, "truncated anywhere: refused");
	need(buf_reserve(&e, 64) == 0, "room");
	memset(e.data + len, 0, 64);
	for (e.len = len + 1; e.len <= len + 64; e.len++)
		bad += !refused(take(&w, &e));
	is_int(bad, 0, "extended: refused");
	is_str(world_dump(&w).hex, before.hex, "... and nothing of it has an effect");
	e.len = len;
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "the envelope itself is taken");
}

/* A legitimate contact who sends what no sealer makes: it costs only himself. */
static void hostile(void)
{
	static const char good[] =
	    "{\"type\":\"message\",\"id\":\"000102030405060708090a0b0c0d0e0f\","
	    "\"time\":\"2026-11-20T10:00:00.000Z\"}";
	uint8_t plain[2048] = {0};
	size_t n = strlen(good);

	memcpy(plain, alice.cid, 32);
	put32(plain + 32, (uint32_t)n);
	put32(plain + 36, 5);
	memcpy(plain + 40, good, n);
	memcpy(plain + 40 + n, "hello", 5);
	plain[1023] = 1;
	seal_raw(alice.send, plain, 1024);
	no_effect("a padding byte that is not zero", &e);
	plain[1023] = 0;
	seal_raw(alice.send, plain, 1088);
	no_effect("a padded length that is not the one", &e);
	put32(plain + 36, 0xffffffff);
	seal_raw(alice.send, plain, 1024);
	no_effect("a body longer than the envelope", &e);
	put32(plain + 36, 5);
	plain[31] ^= 1;
	seal_raw(alice.send, plain, 1024);
	no_effect("another contact id in its second half", &e);

	seal_header(&alice,
	    "{\"type\":\"letter\",\"id\":\"000102030405060708090a0b0c0d0e0f\","
	    "\"time\":\"2026-11-20T10:00:00.000Z\"}",
	    "hello");
	no_effect("an unknown type", &e);
	seal_header(&alice, "no json", "hello");
	no_effect("a header that is no JSON", &e);
	seal_header(&alice, good, "");
	no_effect("an empty message", &e);
	seal_header(&alice,
	    "{\"type\":\"message\",\"id\":\"000102030405060708090a0b0c0d0e0f\","
	    "\"type\":\"ping\",\"time\":\"2026-11-20T10:00:00.000Z\"}",
	    "hello");
	no_effect("a key twice in the header", &e);
	seal_header(&alice,
	    "{\"type\":\"message\",\"id\":\"000102030405060708090a0b0c0d0e0f\",\"group\":"
	    "\"0000000000000000000000000000000000000000000000000000000000000000\","
	    "\"time\":\"2026-11-20T10:00:00.000Z\"}",
	    "hello");
	no_effect("a message to a group that is not", &e);
	seal_header(&alice,
	    "{\"type\":\"ping\",\"id\":\"000102030405060708090a0b0c0d0e0f\",\"group\":"
	    "\"0000000000000000000000000000000000000000000000000000000000000000\","
	    "\"time\":\"2026-11-20T10:00:00.000Z\"}",
	    "");
	no_effect("a ping to one", &e);
	seal_header(&alice,
	    "{\"type\":\"file\",\"id\":\"000102030405060708090a0b00000000\",\"group\":"
	    "\"0000000000000000000000000000000000000000000000000000000000000000\","
	    "\"name\":\"x\",\"size\":1,\"chunk\":0,\"chunks\":1,\"step\":1024,"
	    "\"time\":\"2026-11-20T10:00:00.000Z\"}",
	    "");
	no_effect("a file to one", &e);
	{
		struct wire g = wire_make(WIRE_INITIAL_CONTACT);

		memcpy(g.u.initial.sender, alice.id->key, 32);
		kdf_proof(g.u.initial.proof, alice.send, g.id);
		peer_seal(&e, &alice, &g);
		no_effect("an initial-contact under a pair's key", &e);
	}
}

static void messages(void)
{
	struct wire m = text("hello"), p = wire_make(WIRE_PING);
	struct dump before;
	struct received r;

	peer_seal(&e, &bob, &m);
	r = take(&w, &e);
	ok(r.status == RECEIVED_TAKEN && !r.repeated && r.contact == bob.row, "a message is taken");
	is_int(
	    world_count(&w, "SELECT count(*) FROM message WHERE dir = 0 AND body = x'68656c6c6f'"),
	    2, "... and is in the store");
	is_int(world_count(&w, "SELECT count(*) FROM contact WHERE name = 'bob' AND seen > 0"), 1,
	    "... and bob was heard of");
	before = world_dump(&w);
	r = take(&w, &e);
	ok(r.status == RECEIVED_TAKEN && r.repeated, "replayed, it gets the same answer");
	peer_seal(&e, &bob, &m);
	r = take(&w, &e);
	ok(r.status == RECEIVED_TAKEN && r.repeated, "sealed once more, too");
	is_str(world_dump(&w).hex, before.hex, "... and neither has an effect");
	peer_seal(&e, &bob, &p);
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "a ping is answered");
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "... again");
	is_str(world_dump(&w).hex, before.hex, "... and leaves nothing");
	/* The same id from somebody else is another message. */
	peer_seal(&e, &alice, &m);
	r = take(&w, &e);
	ok(r.status == RECEIVED_TAKEN && !r.repeated,
	    "one contact's ids do not stand in another's way");
}

static void quota(void)
{
	struct wire m = text("x");
	struct peer chatty;
	struct received r;

	peer_meet(&w, &chatty, "chatty", CONTACT_ACTIVE, 0);
	w.cfg.inbox_quota = 3;
	for (int i = 0; i < 3; i++) {
		m = text("x");
		peer_seal(&e, &chatty, &m);
		is_int(take(&w, &e).status, RECEIVED_TAKEN, "below the quota");
	}
	r = take(&w, &e);
	ok(r.status == RECEIVED_TAKEN && r.repeated, "what was taken is so, quota or not");
	m = text("x");
	peer_seal(&e, &chatty, &m);
	r = take(&w, &e);
	ok(r.status == RECEIVED_QUOTA && r.retry_after == 3600, "above it: later");
	peer_seal(&e, &bob, &m);
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "others do not feel it");
	is_int(world_count(&w, "SELECT count(*) FROM message m JOIN contact c ON c.id = m.contact"
	                       " WHERE c.name = 'chatty'"),
	    3, "three are kept");
	w.cfg.inbox_quota = 100000;
	peer_seal(&e, &chatty, &m);
	r = take(&w, &e);
	ok(r.status == RECEIVED_TAKEN && !r.repeated, "with room again it is taken");
	identity_free(chatty.id);
}

static void pending(void)
{
	struct wire m = text("x"), p = wire_make(WIRE_PING);
	struct peer carol, dora;

	peer_meet(&w, &carol, "carol", CONTACT_PENDING, 0);
	peer_seal(&e, &carol, &m);
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "a pending contact's message is taken");
	is_int(world_count(&w, "SELECT state FROM contact WHERE name = 'carol'"), CONTACT_ACTIVE,
	    "... and confirms him");
	peer_meet(&w, &dora, "dora", CONTACT_PENDING, 0);
	peer_seal(&e, &dora, &p);
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "a ping does, too");
	is_int(world_count(&w, "SELECT state FROM contact WHERE name = 'dora'"), CONTACT_ACTIVE,
	    "... active");
	identity_free(carol.id);
	identity_free(dora.id);
}

/* An authentic message makes his mail due at once; a replay, which anybody may bring, does not. */
static void wakes(void)
{
	struct queue_item q = {
	    .contact = bob.row, .lane = LANE_MESSAGE, .kind = "message", .expires = INT64_MAX};
	int64_t contact = 0, next, now = clock_now();
	struct wire m = text("are you there");
	enum wire_lane lane;

	randombytes_buf(q.id, 16);
	need(queue_add(w.s, &q, "x", 1) == 0, "queue_add");
	need(lane_claim(w.s, &contact, &lane, now, 1000, &next) == 0, "claim");
	need(lane_release(w.s, contact, lane, now + 1000000, true, "connect", "") == 0, "release");
	need(lane_claim(w.s, &contact, &lane, now, 1000, &next) == MP_ENONE, "not due");
	peer_seal(&e, &bob, &m);
	take(&w, &e);
	is_int(lane_claim(w.s, &contact, &lane, clock_now(), 1000, &next), 0,
	    "a message makes the mail due");
	need(lane_release(w.s, contact, lane, now + 1000000, true, "connect", "") == 0, "release");
	take(&w, &e);
	is_int(lane_claim(w.s, &contact, &lane, clock_now(), 1000, &next), MP_ENONE,
	    "its replay does not");
	need(queue_cancel(w.s, q.id) == 0, "cancel");
}

static void greetings(void)
{
	struct peer card, one, two, late;
	uint8_t id[16] = {7}, other[16] = {8};
	struct wire m = text("x");
	struct dump before;
	struct received r;

	peer_meet(&w, &card, "erin", CONTACT_OFFERED, clock_now() + 60000);
	peer_new(&w, &one);
	peer_new(&w, &two);

	/* Whoever saw the card has the offer's key, and nothing but the proof is missing. */
	{
		struct wire g = wire_make(WIRE_INITIAL_CONTACT);
		uint8_t offer[32];

		kdf_offer(offer, card.secret, card.cid, w.self->key);
		memcpy(g.u.initial.sender, one.id->key, 32);
		seal_with(&e, offer, card.cid, &g);
		no_effect("an initial-contact in another's name", &e);
		memcpy(g.u.initial.sender, w.self->key, 32);
		seal_with(&e, offer, card.cid, &g);
		no_effect("an initial-contact in our own name", &e);
		seal_with(&e, offer, card.cid, &m);
		no_effect("a message under the offer's key", &e);
	}
	peer_greet(&w, &e, &card, one.id, id, "One");
	r = take(&w, &e);
	ok(r.status == RECEIVED_TAKEN && !r.repeated, "the first acceptor is taken");
	is_int(world_count(&w, "SELECT state FROM contact WHERE name = 'erin'"), CONTACT_ACTIVE,
	    "... active");
	is_int(world_count(&w, "SELECT count(*) FROM contact WHERE nickname = 'One'"), 1,
	    "... with his nickname");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'contact-active'"), 1,
	    "... and an event");
	kdf_pair(card.send, card.recv, one.id, w.self->key, card.secret, card.cid);
	peer_seal(&e, &card, &m);
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "he can write at once");

	before = world_dump(&w);
	peer_greet(&w, &e, &card, one.id, id, "One");
	r = take(&w, &e);
	ok(r.status == RECEIVED_TAKEN && r.repeated, "the same greeting again: the same answer");
	is_str(world_dump(&w).hex, before.hex, "... no effect");

	peer_greet(&w, &e, &card, two.id, other, "Two");
	ok(refused(take(&w, &e)), "a second acceptor is refused");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'card-reused'"), 1,
	    "... with a warning");
	is_int(world_count(&w, "SELECT count(*) FROM contact WHERE nickname = 'One'"), 1,
	    "... the first stays");
	ok(refused(take(&w, &e)), "once more");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'card-reused'"), 1,
	    "... no second warning");
	peer_greet(&w, &e, &card, two.id, id, "Two");
	ok(refused(take(&w, &e)), "a second acceptor under the first one's message id is refused");
	for (uint8_t i = 0; i < 40; i++) {
		other[1] = i;
		peer_greet(&w, &e, &card, i % 2 ? one.id : two.id, other, NULL);
		if (!refused(take(&w, &e)))
			ok(0, "attempt %d", i);
	}
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'card-reused'"), 4,
	    "four warnings a card");

	peer_meet(&w, &card, "again", CONTACT_OFFERED, 0);
	peer_greet(&w, &e, &card, one.id, id, NULL);
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "a known address may be a second contact");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'contact-active' AND"
	                       " json_extract(CAST(body AS TEXT), '$.also') = 'erin'"),
	    1, "... and the event says whose it is");

	peer_meet(&w, &late, "late", CONTACT_OFFERED, clock_now() - 1);
	peer_greet(&w, &e, &late, two.id, id, NULL);
	no_effect("an expired card's acceptor", &e);
	identity_free(one.id);
	identity_free(two.id);
}

static void opens(void)
{
	struct wire m = text("hello");
	struct dump before = world_dump(&w);
	struct record rec;

	record_init(&rec);
	peer_seal(&e, &alice, &m);
	is_int(receiver_open(w.r, e.data, e.len, &rec), 0, "a message opens");
	ok(rec.class == CLASS_IN && strcmp(rec.contact, "alice") == 0 &&
	        strcmp(rec.kind, "message") == 0 && memcmp(rec.id, m.id, 16) == 0 &&
	        rec.body.len == 5,
	    "... as an in record");
	is_int(receiver_open(w.r, e.data, e.len, &rec), 0, "... again");
	e.data[20] ^= 1;
	is_int(receiver_open(w.r, e.data, e.len, &rec), MP_EBAD, "a damaged one does not");
	is_str(world_dump(&w).hex, before.hex, "opening has no effect");
	record_free(&rec);
}

int main(void)
{
	world_open(&w);
	peer_meet(&w, &alice, "alice", CONTACT_ACTIVE, 0);
	peer_meet(&w, &bob, "bob", CONTACT_ACTIVE, 0);
	peer_meet(&w, &blocked, "blocked", CONTACT_ACTIVE, 0);
	peer_meet(&w, &removed, "removed", CONTACT_ACTIVE, 0);
	need(contact_set_blocked(w.s, blocked.row, true) == 0, "block");
	need(contact_remove(w.s, removed.row) == 0, "remove");
	strangers();
	damaged();
	hostile();
	messages();
	quota();
	pending();
	wakes();
	greetings();
	opens();
	identity_free(alice.id);
	identity_free(bob.id);
	identity_free(blocked.id);
	identity_free(removed.id);
	buf_free(&e);
	world_close();
	return done();
}
