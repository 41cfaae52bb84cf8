/*
 * What is sealed while a key is renewed, what keeps the old key from draining, and that it is in no
 * file when it is gone.
 */
#include "rekey.h"

#include <fcntl.h>
#include <pthread.h>

#include "base/base64.h"
#include "node/sealer.h"

static struct world w;
static struct other bob;
static struct peer carol;

static struct buf sealed = BUF_INIT(ENVELOPE_MAX);
static int64_t under[400]; /* the epoch of each envelope */
static size_t nsealed;

static int64_t epoch_of(const struct buf *e)
{
	struct wire m;

	for (int64_t i = 0; i <= bob.epoch; i++)
		if (other_opens(&bob, i, e, &m) == 0) {
			wire_free(&m);
			return i;
		}
	return -1;
}

/* He renews the key up to the switch: epoch e is current. */
static void renew(struct store *s, int64_t e)
{
	struct world v = w;
	struct wire m = other_half(&bob, e);
	struct received r;

	v.s = s;
	need(receiver_new(&v.r, s, &w.cfg) == 0, "receiver");
	r = other_says(&v, &bob, e - 1, &m, VIA_REQUEST);
	need(other_answered(&v, &bob, e, &r) == 0, "half");
	need(other_pings(&v, &bob, e) == 204, "switch");
	receiver_free(v.r);
}

static int take_sealed(void *ctx, const struct record *rec)
{
	int64_t *change = ctx;

	buf_clear(&sealed);
	need(base64_decode(&sealed, (char *)rec->body.data, rec->body.len) == 0, "base64");
	under[nsealed++] = epoch_of(&sealed);
	if (change != NULL && nsealed == 10)
		renew(w.s, *change);
	return 0;
}

static int seal_text(struct store *s, const char *text)
{
	const struct sealer_options none = {.blank = false};
	struct sealer *z;
	struct record r;
	int rc;

	record_init(&r);
	r.class = CLASS_OUT;
	strcpy(r.kind, "message");
	strcpy(r.contact, "bob");
	r.time = RECORD_TIME_ABSENT;
	r.has_body = true;
	need(buf_adds(&r.body, text) == 0 && sealer_new(&z, s, &w.cfg, &none) == 0, "sealer");
	rc = sealer_record(z, &r, take_sealed, NULL);
	sealer_free(z);
	record_free(&r);
	return rc;
}

/* A key is renewed after ten chunks: the block in hand stays under the old one. */
static void test_file(void)
{
	const struct sealer_options none = {.blank = false};
	int64_t change = 1;
	struct sealer *z;
	int fd, wrong = 0;

	fd = open(w.home, O_TMPFILE | O_RDWR, 0600);
	need(fd >= 0 && ftruncate(fd, 300 * (off_t)FILE_STEP) == 0, "file");
	need(sealer_new(&z, w.s, &w.cfg, &none) == 0, "sealer");
	nsealed = 0;
	is_int(sealer_file(z, "bob", fd, "file", take_sealed, &change, NULL), 0, "a file");
	sealer_free(z);
	close(fd);
	for (size_t i = 0; i < nsealed; i++)
		wrong += under[i] != (i < 256 ? 0 : 1);
	is_int((long long)nsealed, 301, "all of it");
	is_int(wrong, 0, "the first block under the old key, the next under the new one");
	is_int(world_count(&w, "SELECT sealed FROM key WHERE epoch = 1"), 45, "which counts them");
	is_int(owed_now(&w, clock_now()), 0, "the file keeps the old key from draining");
}

/* What each kind of thing under way does: 1 it does. */
static int way(const char *sql)
{
	int rc;

	need(world_run(&w, sql) == 0, sql);
	rc = rekey_under_way(w.s, bob.p.row, 1000);
	need(world_run(&w, "DELETE FROM message; DELETE FROM queue") == 0, "clean");
	return rc;
}

#define MESSAGE(contact, dir, stored, state, kind)                                           \
	"INSERT INTO message (contact, dir, id, kind, time, stored, state) VALUES (" contact \
	", " dir ", randomblob(16), '" kind "', 5, " stored ", " state ")"
#define QUEUE(contact, state, kind, time, added)                                                   \
	"INSERT INTO queue (contact, lane, state, id, kind, time, call, added, expires, envelope)" \
	" VALUES (" contact ", 0, " state ", randomblob(16), '" kind "', " time ", 1, " added      \
	", 9, x'00')"

static void test_under_way(void)
{
	need(world_run(&w, "DELETE FROM message; DELETE FROM queue") == 0, "clean");
	is_int(rekey_under_way(w.s, bob.p.row, 1000), 0, "nothing");
	is_int(way(MESSAGE("1", "1", "999", "10", "message")), 1, "a text that was sealed");
	is_int(way(MESSAGE("1", "1", "1000", "11", "message")), 1, "one that was queued");
	is_int(way(MESSAGE("1", "1", "999", "11", "file")), 1, "a file");
	is_int(way(MESSAGE("NULL", "1", "999", "10", "message")), 1, "one to a group");
	is_int(way(MESSAGE("1", "1", "1001", "10", "message")), 0, "not one from after the switch");
	is_int(way(MESSAGE("1", "1", "999", "12", "message")), 0, "nor one that was delivered");
	is_int(way(MESSAGE("1", "1", "999", "13", "message")), 0, "nor one that was given up");
	is_int(way(MESSAGE("1", "0", "999", "0", "message")), 0, "nor what came");
	is_int(way(MESSAGE("2", "1", "999", "10", "message")), 0, "nor what is another's");
	is_int(way(QUEUE("1", "0", "ping", "5", "1000")), 1, "mail that was queued");
	is_int(way(QUEUE("1", "1", "file", "999", "2000")), 1, "a chunk of a file begun before");
	is_int(way(QUEUE("1", "0", "ping", "5", "1001")), 0, "not mail queued after");
	is_int(way(QUEUE("1", "0", "file", "1001", "2000")), 0, "nor a file begun after");
	is_int(way(QUEUE("1", "2", "ping", "5", "999")), 0, "nor what was set aside");
	is_int(way(QUEUE("2", "0", "ping", "5", "999")), 0, "nor another's");
}

/* In how many of the store's files these 32 bytes are. */
static int found(const uint8_t secret[32])
{
	static const char *const files[] = {"store.db", "store.db-wal"};
	struct buf b = BUF_INIT(64u << 20);
	int n = 0;

	for (size_t i = 0; i < 2; i++) {
		buf_clear(&b);
		if (file_read(home_file(files[i]), &b) == 0)
			n += memmem(b.data, b.len, secret, 32) != NULL;
	}
	buf_free(&b);
	return n;
}

/* Many rows move about on the pages meanwhile, which leaves copies (store/slack.h). */
static void stir(void)
{
	static int n;
	struct peer p;
	char name[33];

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "n%d", n++);
		peer_meet(&w, &p, name, CONTACT_ACTIVE, 0);
		if (i % 3 == 0)
			need(contact_remove(w.s, p.row) == 0, "remove");
	}
}

static void test_erased(void)
{
	uint8_t half[32];
	struct record rec;
	struct rekey row;

	stir();
	ok(found(bob.at[0].key) > 0 && found(bob.at[0].send) > 0 && found(bob.at[0].recv) > 0,
	    "the old key is in the files");
	is_int(other_drained(&w, &bob, 0), 200, "he has drained");
	need(owed_now(&w, clock_now()) == 1, "we too");
	is_int(found(bob.at[0].key) + found(bob.at[0].send) + found(bob.at[0].recv), 0,
	    "then it is in none");
	ok(found(bob.at[1].key) > 0, "the new one is");
	need(rekeying_taken(w.s, bob.p.row, owed_last.id) == 0, "taken");

	/* The secret of a half that was used. */
	record_init(&rec);
	need(rekeying_start(w.s, "bob", clock_now(), &rec) == 0, "start");
	record_free(&rec);
	need(rekey_get(w.s, &row, bob.p.row) == 0 && row.has_secret, "secret");
	memcpy(half, row.secret, 32);
	ok(found(half) > 0, "the secret of our half is");
	renew(w.s, 2);
	stir();
	is_int(other_drained(&w, &bob, 1), 200, "he has drained");
	(void)owed_now(&w, clock_now());
	is_int(found(half) + found(bob.at[1].key), 0, "after the rekey it is not");
	ok(world_sound(&w), "sound");
}

/* Neither says anything: the old key goes by time. */
static void test_overdue(void)
{
	int64_t now = clock_now();

	need(owed_now(&w, now) == 1 && rekeying_taken(w.s, bob.p.row, owed_last.id) == 0, "told");
	renew(w.s, 3);
	need(seal_text(w.s, "x") == 0, "seal");
	need(world_run(&w, "UPDATE message SET stored = 1 WHERE dir = 1") == 0, "before");
	is_int(owed_now(&w, now + 29 * MP_DAY), 0, "mail under way: nothing after 29 days");
	is_int(owed_now(&w, now + 31 * MP_DAY), 1, "after 30 we say so");
	is_int(state_of(&w, bob.p.row), REKEY_SWITCHED, "the old key is there");
	(void)owed_now(&w, now + 36 * MP_DAY);
	is_int(other_pings(&w, &bob, 2), 204, "and opens after 36");
	(void)owed_now(&w, now + 38 * MP_DAY);
	is_int(state_of(&w, bob.p.row), REKEY_STEADY, "gone after 38");
	is_int(other_pings(&w, &bob, 2), 400, "it opens nothing");
	is_int(found(bob.at[2].key) + found(bob.at[2].recv), 0, "and is in no file");
	ok(world_sound(&w), "sound");
}

static struct store *other;

static void *seal_beside(void *ctx)
{
	(void)ctx;
	/* It finds the old key, and then waits for the lock that the renewal holds. */
	need(seal_text(other, "race") == 0, "seal");
	return NULL;
}

/* The switch comes between the look for the key and the commit of what was sealed with it. */
static void test_race(void)
{
	struct timespec ts = {.tv_nsec = 100000000};
	struct wire m = other_half(&bob, 4);
	struct received r = other_says(&w, &bob, 3, &m, VIA_REQUEST);
	pthread_t t;

	need(other_answered(&w, &bob, 4, &r) == 0 && store_open(&other) == 0, "half");
	nsealed = 0;
	need(store_begin(w.s) == 0 && pthread_create(&t, NULL, seal_beside, NULL) == 0, "thread");
	nanosleep(&ts, NULL); /* nothing but time tells that it waits */
	need(other_pings(&w, &bob, 4) == 204, "switch");
	need(store_commit(w.s) == 0 && pthread_join(t, NULL) == 0, "commit");
	is_int(under[0], 4, "what is kept after the switch is sealed under the new key");
	is_int(world_count(&w, "SELECT sealed FROM key WHERE epoch = 4"), 1, "and counted there");
	store_close(other);
}

int main(void)
{
	struct peer p;

	world_open(&w);
	peer_meet(&w, &p, "bob", CONTACT_ACTIVE, 0);
	peer_meet(&w, &carol, "carol", CONTACT_ACTIVE, 0);
	other_init(&bob, &p);
	test_file();
	test_under_way();
	test_erased();
	test_overdue();
	test_race();
	world_close();
	return done();
}
