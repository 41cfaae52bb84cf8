/* What a client of the mesh keeps: its keys, relays, contacts' places, receipts, what is carried.
 */
#include "base/clock.h"
#include "home.h"
#include "store/carried.h"
#include "store/letterbox.h"
#include "store/meshself.h"
#include "store/meshserver.h"
#include "store/outbox.h"
#include "store/receipt.h"
#include "store/sql.h"

static struct store *s;
static int64_t a, b, blocked;

static void test_self(void)
{
	struct buf signing = BUF_INIT(100), opening = BUF_INIT(100), k1 = BUF_INIT(100),
	           k2 = BUF_INIT(100);
	struct meshself m = {.made = 77}, got;

	is_int(meshself_get(s, &got), MP_ENONE, "no keys at first");
	is_str(err_detail(), "no keys of the mesh: run mp-mesh keys", "... which is said");
	is_int(meshself_keys(s, &k1, &k2), MP_ENONE, "... nor secret ones");
	MUST(meshself_changed(s));
	memset(m.address, 1, sizeof(m.address));
	memset(m.encryption, 2, sizeof(m.encryption));
	memset(m.certificate, 3, sizeof(m.certificate));
	memset(m.device, 4, sizeof(m.device));
	MUST(buf_adds(&signing, "signing"));
	MUST(buf_adds(&opening, "opening"));
	is_int(meshself_make(s, &m, &signing, &opening), 0, "they are made");
	is_int(meshself_make(s, &m, &opening, &signing), MP_EEXIST, "... once");
	is_int(meshself_get(s, &got), 0, "they are there");
	ok(memcmp(got.address, m.address, sizeof(m.address)) == 0 &&
	        memcmp(got.encryption, m.encryption, sizeof(m.encryption)) == 0 &&
	        memcmp(got.certificate, m.certificate, sizeof(m.certificate)) == 0 &&
	        memcmp(got.device, m.device, sizeof(m.device)) == 0 && got.made == 77,
	    "... as they were made");
	is_int(got.version, 1, "... in the first version");
	MUST(meshself_changed(s));
	MUST(meshself_get(s, &got));
	is_int(got.version, 2, "what contacts were told is no longer so");
	MUST(meshself_keys(s, &k1, &k2));
	ok(k1.len == 7 && memcmp(k1.data, "signing", 7) == 0 && k2.len == 7 &&
	        memcmp(k2.data, "opening", 7) == 0,
	    "the secret ones are the first that were made");
	buf_free(&signing);
	buf_free(&opening);
	buf_free(&k1);
	buf_free(&k2);
}

static void name(uint8_t onion[ONION_KEY], int i)
{
	memset(onion, 0, ONION_KEY);
	onion[0] = (uint8_t)i;
	onion[1] = (uint8_t)(i >> 8);
}

static void test_server(void)
{
	uint8_t onion[ONION_KEY], zero[16] = {0};
	struct meshserver v, w;
	int n = 0, rc;

	name(onion, 0);
	is_int(meshserver_get(s, &v, onion), MP_ENONE, "no server at first");
	is_int(meshserver_next(s, &v, 0), MP_ENONE, "... none at all");
	is_int(meshserver_remove(s, onion), MP_ENONE, "... to be removed");
	is_int(meshserver_add(s, onion), 0, "one is added");
	is_int(meshserver_add(s, onion), MP_EEXIST, "... once");
	MUST(meshserver_get(s, &v, onion));
	ok(v.role == ROLE_NONE && v.load == -1 && v.cursor == 0 && v.wrong == 0 && v.fails == 0,
	    "it is used for nothing yet");
	ok(memcmp(v.isolation, zero, 16) != 0, "... and has an identity of its own");
	v.role = ROLE_FETCH;
	v.until = 11;
	memset(v.isolation, 9, 16);
	v.load = 30;
	v.asked = 12;
	v.wrong = 4;
	v.fails = 5;
	v.retry = 13;
	v.cursor = INT64_C(1) << 53;
	v.tokens = 14;
	MUST(meshserver_update(s, &v));
	MUST(meshserver_get(s, &w, onion));
	ok(w.row == v.row && memcmp(w.onion, onion, ONION_KEY) == 0 && w.role == v.role &&
	        w.until == v.until && memcmp(w.isolation, v.isolation, 16) == 0 &&
	        w.load == v.load && w.asked == v.asked && w.wrong == v.wrong &&
	        w.fails == v.fails && w.retry == v.retry && w.cursor == v.cursor &&
	        w.tokens == v.tokens,
	    "each member comes back");
	MUST(meshserver_retoken(s));
	MUST(meshserver_get(s, &w, onion));
	is_int(w.tokens, 0, "tokens are to be registered again");
	for (int i = 1; i < MESHSERVERS_MAX; i++) {
		name(onion, i);
		MUST(meshserver_add(s, onion));
	}
	name(onion, MESHSERVERS_MAX);
	is_int(meshserver_add(s, onion), MP_ELIMIT, "there is an end to it");
	name(onion, 5);
	is_int(meshserver_add(s, onion), MP_EEXIST, "... and who is known is known then, too");
	MUST(meshserver_remove(s, onion));
	for (v.row = 0; (rc = meshserver_next(s, &v, v.row)) == 0; n++)
		;
	is_int(rc, MP_ENONE, "a walk comes to an end");
	is_int(n, MESHSERVERS_MAX - 1, "... with each of them once");
	name(onion, 7);
	MUST(meshserver_get(s, &v, onion));
	MUST(meshserver_remove(s, onion));
	is_int(meshserver_update(s, &v), 0, "an update of one that went is no error");
	is_int(meshserver_get(s, &v, onion), MP_ENONE, "... and does not bring it back");
}

static bool same_box(const struct letterbox *x, const struct letterbox *y)
{
	return x->contact == y->contact && x->has_ours == y->has_ours &&
	       memcmp(x->ours, y->ours, 32) == 0 && x->told == y->told &&
	       x->telling == y->telling && memcmp(x->id, y->id, 16) == 0 &&
	       x->has_theirs == y->has_theirs && x->time == y->time &&
	       memcmp(x->address, y->address, RSA_DER) == 0 &&
	       memcmp(x->encryption, y->encryption, RSA_DER) == 0 &&
	       memcmp(x->theirs, y->theirs, 32) == 0 && x->n == y->n &&
	       memcmp(x->relay, y->relay, x->n * ONION_KEY) == 0 && x->day == y->day &&
	       x->used == y->used;
}

static void test_letterbox(void)
{
	struct letterbox x, y;
	int64_t i = -1, who = 0;

	is_int(letterbox_get(s, &x, a), MP_ENONE, "nothing was said at first");
	is_int(x.contact, a, "... by that contact");
	ok(!x.has_ours && !x.has_theirs && x.n == 0, "... at all");
	is_int(letterbox_token(s, a, 5, &i), MP_ENONE, "... so there is no token");
	is_int(letterbox_ours(s, &y, 0), MP_ENONE, "nobody has tokens of ours");
	x.has_ours = true;
	memset(x.ours, 1, 32);
	MUST(letterbox_put(s, &x));
	MUST(letterbox_get(s, &y, a));
	ok(same_box(&x, &y), "our half alone comes back");
	x.has_theirs = true;
	x.told = 1;
	x.telling = 2;
	memset(x.id, 3, 16);
	x.time = 4;
	memset(x.address, 5, RSA_DER);
	memset(x.encryption, 6, RSA_DER);
	memset(x.theirs, 7, 32);
	x.n = LETTERBOX_RELAYS;
	for (size_t k = 0; k < x.n; k++)
		memset(x.relay[k], 10 + (int)k, ONION_KEY);
	x.day = 8;
	x.used = 9;
	MUST(letterbox_put(s, &x));
	MUST(letterbox_get(s, &y, a));
	ok(same_box(&x, &y), "both halves come back, with as many relays as there can be");
	x.n = 0;
	MUST(letterbox_put(s, &x));
	MUST(letterbox_get(s, &y, a));
	ok(same_box(&x, &y), "... and with none");
	MUST(letterbox_token(s, a, 8, &i));
	is_int(i, 9, "the next token of the same day");
	MUST(letterbox_token(s, a, 9, &i));
	is_int(i, 0, "the first one of the next");
	MUST(letterbox_token(s, a, 9, &i));
	is_int(i, 1, "... and the second");
	MUST(letterbox_untold(s, 0, 2, &who));
	is_int(who, a, "a lacks version 2");
	MUST(letterbox_untold(s, 0, 1, &who));
	is_int(who, b, "... has version 1, which b lacks, of whom nothing is known");
	is_int(letterbox_untold(s, b, 2, &who), MP_ENONE, "whoever is blocked is told nothing");
	memset(&y, 0, sizeof(y));
	y.contact = blocked;
	y.has_ours = true;
	MUST(letterbox_put(s, &y));
	MUST(letterbox_count(s, &i));
	is_int(i, 2, "two have tokens of ours");
	MUST(letterbox_ours(s, &y, 0));
	is_int(y.contact, a, "the first of them");
	is_int(letterbox_ours(s, &y, a), MP_ENONE, "for who is blocked none are registered");
}

static void queue_one(int64_t contact, uint8_t id, struct queue_item *item)
{
	*item =
	    (struct queue_item){.contact = contact, .lane = LANE_MESSAGE, .time = 1, .expires = 99};
	strcpy(item->kind, "message");
	item->id[0] = id;
	MUST(queue_add(s, item, "x", 1));
}

static enum queue_state state_of(const struct queue_item *item)
{
	struct queue_item got;

	return outbox_find(s, item->contact, item->id, &got) == 0 ? got.state
	                                                          : (enum queue_state) - 1;
}

static void test_carried(void)
{
	struct queue_item x, y, z;
	struct buf envelope = BUF_INIT(100);
	int64_t n = -1;

	queue_one(a, 1, &x);
	queue_one(a, 2, &y);
	queue_one(b, 3, &z);
	is_int(carried_add(s, x.seq, 100), 0, "a relay has it");
	is_int(state_of(&x), QUEUE_CARRIED, "... which is seen");
	is_int(state_of(&y), QUEUE_WAITING, "... of that one alone");
	is_int(carried_add(s, x.seq, 200), MP_ENONE, "what is carried waits for nobody");
	is_int(carried_add(s, 9999, 100), MP_ENONE, "what is not there is not carried");
	MUST(carried_add(s, z.seq, 200));
	is_int(lane_next(s, b, LANE_MESSAGE, 0, &y, &envelope), MP_ENONE, "... stands in no lane");
	is_int(carried_again(s, 99, &n), 0, "before its time");
	is_int(n, 0, "... nothing waits again");
	MUST(carried_again(s, 100, &n));
	is_int(n, 1, "in its time it does");
	is_int(state_of(&x), QUEUE_WAITING, "... that one");
	is_int(state_of(&z), QUEUE_CARRIED, "... and no other");
	MUST(carried_again(s, 100, &n));
	is_int(n, 0, "... once");
	MUST(carried_add(s, x.seq, 300));
	is_int(state_of(&x), QUEUE_CARRIED, "... and a relay takes it once more");
	MUST(queue_remove(s, x.seq));
	is_int(number(s, "SELECT count(*) FROM carried"), 1,
	    "who is out of the queue is carried no more");
	MUST(carried_again(s, 1000, &n));
	is_int(n, 1, "the rest");
	MUST(lane_next(s, b, LANE_MESSAGE, 0, &y, &envelope));
	is_int(y.seq, z.seq, "... is in its lane again");
	buf_free(&envelope);
}

static void test_receipt(void)
{
	uint8_t id[16] = {0}, first[16] = {1}, second[16] = {2}, at[16] = {0};
	struct wire_receipt r;
	int64_t who = 0;

	is_int(receipt_owed(s, 0, &who), MP_ENONE, "no receipt is owed at first");
	is_int(receipt_make(s, a, first), MP_ENONE, "... none to be made");
	for (int i = 0; i < RECEIPT_MAX + 2; i++) {
		id[0] = (uint8_t)i;
		MUST(receipt_add(s, a, id));
	}
	MUST(receipt_add(s, a, id));
	id[1] = 9;
	MUST(receipt_add(s, blocked, id));
	is_int(number(s, "SELECT count(*) FROM receipt"), RECEIPT_MAX + 3,
	    "what comes twice is one row");
	MUST(receipt_owed(s, 0, &who));
	is_int(who, a, "a is owed one");
	is_int(receipt_owed(s, a, &who), MP_ENONE, "who is blocked is not");
	is_int(receipt_next(s, a, at), MP_ENONE, "it has no name yet");
	MUST(receipt_make(s, a, first));
	MUST(receipt_make(s, a, second));
	is_int(receipt_make(s, a, id), MP_ENONE, "all are in one");
	MUST(receipt_next(s, a, at));
	ok(memcmp(at, first, 16) == 0, "the first name");
	MUST(receipt_read(s, a, first, &r));
	is_int((long long)r.n, RECEIPT_MAX, "... has as many as one takes");
	MUST(receipt_next(s, a, at));
	ok(memcmp(at, second, 16) == 0, "the second name");
	MUST(receipt_read(s, a, second, &r));
	is_int((long long)r.n, 2, "... has the rest");
	is_int(receipt_next(s, a, at), MP_ENONE, "and that is all");
	MUST(receipt_read(s, b, first, &r));
	is_int((long long)r.n, 0, "a name is one contact's");
	MUST(receipt_done(s, b, first));
	MUST(receipt_done(s, a, first));
	is_int(number(s, "SELECT count(*) FROM receipt"), 3, "what was delivered is over");
	id[1] = 0;
	id[0] = 0;
	MUST(receipt_add(s, a, id));
	MUST(receipt_make(s, a, first));
	MUST(receipt_read(s, a, first, &r));
	is_int((long long)r.n, 1, "what comes once more is told once more");
}

int main(void)
{
	s = home_store();
	a = home_contact(s, "a");
	b = home_contact(s, "b");
	blocked = home_contact(s, "c");
	MUST(sql_exec(s, "UPDATE contact SET blocked = 1 WHERE id = ?", "i", blocked));
	test_self();
	test_server();
	test_letterbox();
	test_carried();
	test_receipt();
	MUST(sql_exec(s, "DELETE FROM contact WHERE id = ?", "i", a));
	is_int(
	    number(s, "SELECT count(*) FROM letterbox") + number(s, "SELECT count(*) FROM receipt"),
	    2, "with a contact goes what was his");
	store_close(s);
	return done();
}
