/* rekeying: the machine on a store, a peer in memory at the other end. */
#include "rekey.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/base64.h"
#include "node/sealer.h"

static struct world w;
static struct other bob;

static int epochs(void)
{
	return (int)world_count(&w, "SELECT group_concat(epoch, '') FROM key WHERE role = 1");
}

static int64_t sending(void)
{
	struct contact_key k;

	need(key_for_sending(w.s, &k, bob.p.row, KEY_PAIR) == 0, "key_for_sending");
	return k.epoch;
}

static struct buf sealed = BUF_INIT(ENVELOPE_MAX);
static char sealed_kind[RECORD_KIND];

static int take_sealed(void *ctx, const struct record *rec)
{
	(void)ctx;
	buf_clear(&sealed);
	snprintf(sealed_kind, sizeof(sealed_kind), "%s", rec->kind);
	return base64_decode(&sealed, (char *)rec->body.data, rec->body.len);
}

/* Seals a record of ours; what bob reads in it, under the key of that epoch. */
static int seal_record(const struct record *rec)
{
	const struct sealer_options none = {.blank = false};
	struct sealer *z;
	int rc;

	need(sealer_new(&z, w.s, &w.cfg, &none) == 0, "sealer");
	rc = sealer_record(z, rec, take_sealed, NULL);
	sealer_free(z);
	return rc;
}

static int seal_text(const char *text)
{
	struct record r;
	int rc;

	record_init(&r);
	r.class = CLASS_OUT;
	strcpy(r.kind, "message");
	strcpy(r.contact, "bob");
	r.time = RECORD_TIME_ABSENT;
	need(buf_adds(&r.body, text) == 0, "text");
	r.has_body = true;
	rc = seal_record(&r);
	record_free(&r);
	return rc;
}

static bool opens_under(int64_t epoch)
{
	struct wire m;
	bool good = other_opens(&bob, epoch, &sealed, &m) == 0;

	wire_free(&m);
	return good;
}

/* He begins: epochs from - 1 to from. */
static void test_answering(void)
{
	struct wire m = other_half(&bob, 1);
	struct received r;

	need(seal_text("under the old key") == 0, "seal");
	r = other_says(&w, &bob, 0, &m, VIA_REQUEST);
	is_int(other_answered(&w, &bob, 1, &r), 0, "a half is answered with ours");
	is_int(state_of(&w, bob.p.row), REKEY_ANSWERED, "both halves are here");
	is_int(epochs(), 1, "two keys are open");
	is_int(sending(), 0, "the old one seals");
	is_int(world_count(&w, "SELECT secret IS NULL FROM rekey"), 1, "our secret is gone");
	is_int(other_pings(&w, &bob, 0), 204, "the old one opens");
	is_int(state_of(&w, bob.p.row), REKEY_ANSWERED, "and moves nothing");
	r = other_says(&w, &bob, 0, &m, VIA_REQUEST);
	is_int(other_answered(&w, &bob, 1, &r), 0, "the same half gets the same answer");
	is_int(other_pings(&w, &bob, 1), 204, "the new one opens");
	is_int(sending(), 1, "and is sealed under from then on");
	is_int(state_of(&w, bob.p.row), REKEY_SWITCHED, "switched");
	need(seal_text("under the new key") == 0, "seal");
	/* It may be of the same millisecond as the switch, and then counts as sealed before. */
	need(world_run(&w, "UPDATE message SET stored = stored + 1 WHERE"
	                   " CAST(body AS TEXT) = 'under the new key'") == 0,
	    "later");
	ok(opens_under(1) && !opens_under(0), "a message is sealed under it");
	is_int(other_pings(&w, &bob, 0), 204, "what the old one sealed still arrives");
	ok(world_sound(&w), "sound");
}

/* The text that was sealed before is not delivered yet. */
static void test_draining(void)
{
	is_int(owed_now(&w, clock_now()), 0, "nothing is owed while mail is under way");
	need(world_run(&w,
	         "UPDATE message SET state = 12 WHERE CAST(body AS TEXT) = 'under the old key'") ==
	         0,
	    "sent");
	is_int(owed_now(&w, clock_now()), 1, "when it was delivered");
	is_str(owed_last.kind, "rekey-drained", "our word is");
	is_int(owed_now(&w, clock_now()), 1, "again the same");
	is_int(other_drained(&w, &bob, 0), 200, "he says so too, and is answered so");
	is_int(state_of(&w, bob.p.row), REKEY_CLEARED, "cleared");
	is_int(other_pings(&w, &bob, 0), 400, "the old key opens nothing");
	is_int(rekeying_taken(w.s, bob.p.row, owed_last.id), 0, "ours was answered");
	is_int(state_of(&w, bob.p.row), REKEY_STEADY, "steady");
	is_int(owed_now(&w, clock_now()), 0, "nothing is owed");
	is_int(world_count(&w, "SELECT open FROM rekey") + world_count(&w, "SELECT n FROM traces"),
	    0, "nothing is to be erased");
	is_int(other_drained(&w, &bob, 0), 200, "his word again has no effect");
	is_int(state_of(&w, bob.p.row), REKEY_STEADY, "steady");
	ok(world_sound(&w), "sound");
}

/* We begin, and his answer comes with the answer to our post: both at once. */
static void test_starting(void)
{
	struct record rec, again;
	struct buf e = BUF_INIT(ENVELOPE_MAX);
	struct wire m, a = other_half(&bob, 2);
	struct received r;

	record_init(&rec);
	record_init(&again);
	is_int(rekeying_start(w.s, "bob", clock_now(), &rec), 0, "begun");
	is_int(rekeying_start(w.s, "bob", clock_now(), &again), 0, "once more");
	ok(memcmp(rec.id, again.id, 16) == 0, "is the same half");
	is_int(seal_record(&rec), 0, "sealed");
	is_int(other_opens(&bob, 1, &sealed, &m), 0, "he reads it");
	ok(m.type == WIRE_REKEY && m.u.rekey.epoch == 2 && !m.reply, "as the next epoch's");
	other_derives(&w, &bob, 2, m.u.rekey.key);
	memcpy(bob.ours, m.id, MESSAGE_ID);
	wire_free(&m);
	a.reply = true;
	memcpy(a.re, bob.ours, MESSAGE_ID);
	seal_with(&e, bob.at[1].send, bob.p.cid, &a);
	is_int(receiver_answer(w.r, bob.p.row, e.data, e.len, &r), 0, "his half in the answer");
	is_int(r.status, 204, "is taken");
	is_int(sending(), 2, "and we seal under the new key at once");
	is_int(rekeying_taken(w.s, bob.p.row, rec.id), 0, "that ours was taken is no news");
	is_int(state_of(&w, bob.p.row), REKEY_SWITCHED, "switched");
	is_int(seal_record(&rec), MP_EUSAGE, "our half cannot be sealed any more");
	is_int(rekeying_start(w.s, "bob", clock_now(), &rec), MP_ENONE, "nor another be begun");
	record_free(&rec);
	record_free(&again);
	buf_free(&e);
}

/* A peer who begins the next one is done with this one. */
static void test_next(void)
{
	struct wire m = other_half(&bob, 3);
	struct received r = other_says(&w, &bob, 1, &m, VIA_REQUEST);

	need(world_run(&w, "UPDATE message SET state = 12 WHERE dir = 1") == 0, "all is sent");
	is_int(r.status, 400, "the next half under the old key is refused");
	r = other_says(&w, &bob, 2, &m, VIA_REQUEST);
	is_int(other_answered(&w, &bob, 3, &r), 0, "under the new one it is answered");
	is_int(epochs(), 23, "and the old key is gone");
	is_int(other_pings(&w, &bob, 3), 204, "switched");
	is_int(other_drained(&w, &bob, 2), 200, "drained");
	is_int(owed_now(&w, clock_now()), 1, "ours");
	need(rekeying_taken(w.s, bob.p.row, owed_last.id) == 0, "taken");
	is_int(state_of(&w, bob.p.row), REKEY_STEADY, "steady");
	ok(world_sound(&w), "sound");
}

/* What an honest peer never sends changes nothing. */
static void refused(struct wire *m, int64_t under, const char *name)
{
	struct dump before = world_dump(&w);
	struct received r;

	randombytes_buf(m->id, sizeof(m->id));
	r = other_says(&w, &bob, under, m, VIA_REQUEST);
	is_int(r.status, 400, name);
	ok(strcmp(world_dump(&w).hex, before.hex) == 0, "... has no effect");
	buf_free(&r.reply);
}

static void test_hostile(void)
{
	static const uint8_t low[][32] = {{0}, {1},
	    {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f,
	        0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16,
	        0x5f, 0x49, 0xb8, 0x00}};
	struct wire m = other_half(&bob, 5), d = wire_make(WIRE_REKEY_DRAINED);
	int64_t events;

	refused(&m, 3, "a half for an epoch too far");
	for (size_t i = 0; i < 3; i++) {
		m = other_half(&bob, 4);
		memcpy(m.u.rekey.key, low[i], 32);
		refused(&m, 3, "a point of low order");
	}
	d.u.rekey.epoch = 3;
	refused(&d, 3, "the current key drained");
	d.u.rekey.epoch = 900;
	refused(&d, 3, "one that is not drained");
	events = world_count(&w, "SELECT count(*) FROM message WHERE kind = 'rekey-refused'");
	for (int i = 0; i < 3; i++) {
		m = other_half(&bob, 4);
		m.reply = true;
		randombytes_buf(m.re, sizeof(m.re));
		randombytes_buf(m.id, sizeof(m.id));
		is_int(other_says(&w, &bob, 3, &m, VIA_REQUEST).status, 400,
		    "the answer to a half that we did not send");
	}
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'rekey-refused'"),
	    events + 1, "is told once");
	is_int(epochs(), 3, "and makes no key");
	ok(world_sound(&w), "sound");
}

/* He goes back to a backup while we have switched: the same half again gets him on, another not. */
static void test_peer_restored(void)
{
	struct wire m = other_half(&bob, 4), another = m;
	struct received r = other_says(&w, &bob, 3, &m, VIA_REQUEST);

	is_int(other_answered(&w, &bob, 4, &r), 0, "a half");
	is_int(other_pings(&w, &bob, 4), 204, "switched");
	memset(bob.at[4].send, 0, 32);
	r = other_says(&w, &bob, 3, &m, VIA_REQUEST);
	is_int(other_answered(&w, &bob, 4, &r), 0, "the same half again gets the same answer");
	is_int(other_pings(&w, &bob, 4), 204, "and the same key");
	another.u.rekey.key[3] ^= 1;
	randombytes_buf(another.id, sizeof(another.id));
	is_int(other_says(&w, &bob, 3, &another, VIA_REQUEST).status, 400, "another is refused");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'rekey-refused'"), 2,
	    "and told");
	is_int(sending(), 4, "the key stays");
	is_int(other_drained(&w, &bob, 3), 200, "drained");
	need(owed_now(&w, clock_now()) == 1 && rekeying_taken(w.s, bob.p.row, owed_last.id) == 0,
	    "taken");
}

static void shut(void)
{
	receiver_free(w.r);
	store_close(w.s);
	w.r = NULL;
	w.s = NULL;
}

static void reopen(void)
{
	shut();
	need(store_open(&w.s) == 0 && receiver_new(&w.r, w.s, &w.cfg) == 0, "open");
}

/* We go back: what was under way goes on; what was not known cannot be. */
static void test_restored(void)
{
	struct wire m, a = other_half(&bob, 5);
	struct buf e = BUF_INIT(ENVELOPE_MAX);
	struct received r;
	struct record rec;
	char command[400];

	record_init(&rec);
	need(store_backup(w.s, home_file("before.db")) == 0, "backup");
	need(rekeying_start(w.s, "bob", clock_now(), &rec) == 0, "start");
	need(store_backup(w.s, home_file("midway.db")) == 0, "backup");
	need(seal_record(&rec) == 0 && other_opens(&bob, 4, &sealed, &m) == 0, "half");
	other_derives(&w, &bob, 5, m.u.rekey.key);
	wire_free(&m);
	a.reply = true;
	memcpy(a.re, rec.id, MESSAGE_ID);
	seal_with(&e, bob.at[4].send, bob.p.cid, &a);
	for (int i = 0; i < 2; i++) {
		need(receiver_answer(w.r, bob.p.row, e.data, e.len, &r) == 0, "answer");
		is_int(sending(), 5, i == 0 ? "switched" : "the same answer has the same effect");
		is_int(other_pings(&w, &bob, 5), 204, "the key is the same");
		snprintf(command, sizeof(command), "cd '%s' && rm store.db-* && mv %s.db store.db",
		    w.home, i == 0 ? "midway" : "before");
		need(system(command) == 0, "restore");
		reopen();
		is_int(sending(), 4, "gone back");
		is_int(other_pings(&w, &bob, 5), 400, "the new key opens nothing");
		is_int(other_pings(&w, &bob, 4), 204, "the old one does");
	}
	is_int(receiver_answer(w.r, bob.p.row, e.data, e.len, &r), 0, "his answer");
	is_int(r.status, 400, "to a half that we do not know is refused");
	is_int(
	    world_count(&w,
	        "SELECT count(*) FROM message WHERE kind = 'rekey-refused' AND CAST(body AS TEXT)"
	        " = '{\"epoch\":5}'"),
	    1, "and told");
	record_free(&rec);
	buf_free(&e);
}

static void test_wanted(void)
{
	int64_t now = clock_now();
	struct peer p;

	w.cfg.rekey_age = 1000 * MP_DAY;
	w.cfg.rekey_count = 0;
	is_int(owed_now(&w, now), 0, "a young key is not renewed");
	is_int(owed_now(&w, now + 999 * MP_DAY), 0, "nor one a little older");
	need(world_run(&w, "UPDATE contact SET blocked = 1") == 0, "blocked");
	is_int(owed_now(&w, now + 1001 * MP_DAY), 0, "nor that of one who is blocked");
	need(world_run(&w, "UPDATE contact SET blocked = 0, state = 1") == 0, "pending");
	is_int(owed_now(&w, now + 1001 * MP_DAY), 0, "nor of one who is not active");
	need(world_run(&w, "UPDATE contact SET state = 2") == 0, "active");
	w.cfg.rekey_age = 0;
	is_int(owed_now(&w, now + 1001 * MP_DAY), 0, "nor by age when that is 0");
	w.cfg.rekey_age = 1000 * MP_DAY;
	is_int(owed_now(&w, now + 1001 * MP_DAY), 1, "an old one is");
	is_str(owed_last.kind, "rekey", "by a half");
	w.cfg.rekey_age = 90 * MP_DAY;
	peer_meet(&w, &p, "carol", CONTACT_ACTIVE, 0);
	need(world_run(&w, "UPDATE key SET sealed = 999 WHERE contact = (SELECT max(id) FROM "
	                   "contact)") == 0,
	    "sealed");
	w.cfg.rekey_count = 1000;
	is_int(owed_now(&w, now), 1, "one that has sealed a little less");
	need(world_run(&w, "UPDATE key SET sealed = 1000 WHERE contact = (SELECT max(id) FROM "
	                   "contact)") == 0,
	    "sealed");
	is_int(owed_now(&w, now), 2, "one that has sealed enough");
	need(contact_remove(w.s, p.row) == 0, "remove");
	is_int(world_count(&w, "SELECT count(*) FROM rekey"), 1, "who is removed leaves nothing");
}

/* The other end does not know the type: set aside, and tried again when it is time. */
static void test_set_aside(void)
{
	struct queue_item item = {.contact = bob.p.row, .expires = INT64_MAX, .kind = "rekey"};
	int64_t now = clock_now();

	need(owed_now(&w, now) == 1, "owed");
	memcpy(item.id, owed_last.id, 16);
	need(queue_add(w.s, &item, "sealed", 6) == 0, "queue");
	is_int(owed_now(&w, now), 0, "what is queued is not named again");
	need(queue_fail(w.s, item.seq, "400", "no") == 0, "fail");
	is_int(owed_now(&w, now), 0, "nor what was set aside");
	is_int(sending(), 4, "the old key seals");
	is_int(owed_now(&w, now + 1100 * MP_DAY), 1, "until the next is due");
	ok(memcmp(item.id, owed_last.id, 16) == 0, "unchanged");
	is_int(owed_now(&w, now + 1100 * MP_DAY), 0, "once");
}

/* ---- Killed at each write: the next try goes on from what is on disk. */

static int writes_left = -1;

static ssize_t deadly_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (writes_left == 0)
		kill(getpid(), SIGKILL);
	if (writes_left > 0)
		writes_left--;
	return pwrite(fd, p, n, at);
}

static struct other *dave; /* shared with the children */
static volatile int *stage;

/* His side of one renewal: each stage is repeated until its answer came. */
static void he_begins(int64_t e)
{
	struct wire m = other_half(dave, e);
	struct received r;

	if (*stage == 0) {
		r = other_says(&w, dave, e - 1, &m, VIA_REQUEST);
		*stage += other_answered(&w, dave, e, &r) == 0;
	}
	if (*stage == 1)
		*stage += other_pings(&w, dave, e) == 204;
	if (*stage == 2)
		*stage += other_drained(&w, dave, e - 1) == 200;
}

static struct record start_record;

static int answer_start(int64_t e)
{
	struct wire m, a = other_half(dave, e);
	struct buf envelope = BUF_INIT(ENVELOPE_MAX);
	struct received r;

	if (other_opens(dave, e - 1, &sealed, &m) != 0)
		return 0;
	/* One epoch, one half of ours, whatever was lost. */
	if (dave->epoch == e && memcmp(dave->ours, m.u.rekey.key, 16) != 0)
		return 0;
	other_derives(&w, dave, e, m.u.rekey.key);
	memcpy(dave->ours, m.u.rekey.key, 16);
	a.reply = true;
	memcpy(a.re, m.id, MESSAGE_ID);
	wire_free(&m);
	seal_with(&envelope, dave->at[e - 1].send, dave->p.cid, &a);
	(void)receiver_answer(w.r, dave->p.row, envelope.data, envelope.len, &r);
	buf_free(&envelope);
	return r.status == 204;
}

/* Ours: until we have switched. */
static void we_begin(int64_t e)
{
	if (*stage == 0) {
		record_init(&start_record);
		if (rekeying_start(w.s, "dave", clock_now(), &start_record) == 0 &&
		    seal_record(&start_record) == 0)
			*stage += answer_start(e);
		else if (state_of(&w, dave->p.row) == REKEY_SWITCHED)
			*stage = 1;
		record_free(&start_record);
	}
	if (*stage == 1)
		*stage += other_pings(&w, dave, e) == 204;
	if (*stage == 2)
		*stage += other_drained(&w, dave, e - 1) == 200;
}

/* What our own sender does, and mp-due. */
static void finish(void)
{
	if (owed_now(&w, clock_now()) == 1)
		need(rekeying_taken(w.s, dave->p.row, owed_last.id) == 0, "taken");
	(void)owed_now(&w, clock_now());
}

static bool settled(int64_t e)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM key WHERE contact = %lld AND NOT (role = 1 AND epoch = %lld)",
	    (long long)dave->p.row, (long long)e);
	return *stage == 3 && state_of(&w, dave->p.row) == REKEY_STEADY &&
	       world_count(&w, sql) == 0 && other_pings(&w, dave, e) == 204 && world_sound(&w);
}

/* 1 when the child was killed. */
static int killed_after(int writes, void (*work)(int64_t e), int64_t e)
{
	int status;
	pid_t pid;

	fflush(stdout);
	shut(); /* a connection does not survive fork() */
	pid = fork();
	if (pid == 0) {
		reopen();
		writes_left = writes;
		work(e);
		finish();
		_exit(0);
	}
	need(waitpid(pid, &status, 0) == pid, "waitpid");
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void test_killed(void (*work)(int64_t e), const char *name)
{
	int apart = 0, n = 0, killed;
	int64_t e;

	do {
		e = dave->epoch + 1;
		*stage = 0;
		killed = killed_after(n, work, e);
		reopen();
		work(e);
		finish();
		if (!settled(e)) {
			printf("# killed at write %d: stage %d, state %d\n", n, *stage,
			    (int)state_of(&w, dave->p.row));
			apart++;
			break;
		}
		n++;
	} while (killed && n < REKEYS / 2 - 2);
	is_int(apart, 0, name);
	ok(n > 8 && !killed, "at each of %d writes", n);
}

static void test_kills(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	struct peer p;

	vfs->xSetSystemCall(vfs, "pwrite", (void (*)(void))deadly_pwrite);
	vfs->xSetSystemCall(vfs, "pwrite64", (void (*)(void))deadly_pwrite);
	dave = mmap(NULL, sizeof(*dave) + sizeof(*stage), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(dave != MAP_FAILED, "mmap");
	stage = (volatile int *)(dave + 1);
	need(contact_remove(w.s, bob.p.row) == 0, "remove");
	peer_meet(&w, &p, "dave", CONTACT_ACTIVE, 0);
	other_init(dave, &p);
	test_killed(he_begins, "killed while he begins: goes on");
	test_killed(we_begin, "killed while we begin: goes on");
}

int main(void)
{
	struct peer p;

	world_open(&w);
	peer_meet(&w, &p, "bob", CONTACT_ACTIVE, 0);
	other_init(&bob, &p);
	test_answering();
	test_draining();
	test_starting();
	test_next();
	test_hostile();
	test_peer_restored();
	test_restored();
	test_wanted();
	test_set_aside();
	test_kills();
	ok(world_sound(&w), "sound");
	world_close();
	return done();
}
