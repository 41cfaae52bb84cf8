/* What one contact can take of our disk and of our inbox, and that nothing he repeats has an
 * effect. */
#include <sys/stat.h>

#include "files.h"

/* One chunk is all that is missing of each: what is on disk counts. */
static void quota_holds(void)
{
	struct out f;
	int good = 0;

	w.cfg.file_quota = 40 * STEP;
	for (int i = 0; i < 40; i++) {
		f = file_new(&alice, "part", 5 * STEP);
		if (strcmp(put(&f, 0), "from 1") != 0)
			continue;
		good++;
		for (int64_t n = 1; n <= 4; n++)
			put(&f, n);
	}
	is_int(good, 8, "unfinished files come to the quota and no more");
	is_int(world_count(&w, "SELECT sum((next - 1) * step) FROM transfer WHERE state = 1"),
	    32 * STEP, "... on the disk");
	w.cfg.file_quota = INT64_C(4) << 30;
	for (int i = 0; i < 120; i++) {
		f = file_new(&alice, "tiny", 1);
		good += strcmp(put(&f, 0), "from 1") == 0;
	}
	is_int(good, 100, "and there are a hundred of them at most");
	is_str(put(&f, 0), "429", "... the next one waits");
	f = file_new(&bob, "other", 1);
	is_str(put(&f, 0), "from 1", "... another contact's does not");
	put(&f, 1);
}

/* His offer and its bad chunk, again and again. */
static void events_count(void)
{
	struct out f;
	int good = 0;

	w.cfg.inbox_quota = 12;
	for (int i = 0; i < 50; i++) {
		f = file_new(&bob, "bad", STEP);
		f.sha256[0] ^= 1;
		good += strcmp(put(&f, 0), "from 1") == 0 && strcmp(put(&f, 1), "no") == 0;
	}
	ok(good > 0 && good < 12, "events go past no quota");
	w.cfg.inbox_quota = 100000;
}

static void read_all(void)
{
	int64_t n;

	need(world_run(&w, "UPDATE message SET state = 1 WHERE state = 0") == 0, "read");
	need(message_prune(w.s, 0, 0, 0, &n) == 0 && n > 0, "prune");
}

/* What was delivered, failed or was declined stays so after its rows are pruned. */
static void pruned(void)
{
	struct out whole = file_new(&bob, "whole", 2 * STEP), empty = file_new(&bob, "empty", 0);
	struct out bad = file_new(&bob, "wrong", STEP), no = file_new(&bob, "no", 3 * STEP);
	long long seen;

	for (int64_t n = 0; n <= 2; n++)
		put(&whole, n);
	put(&empty, 0);
	bad.sha256[0] ^= 1;
	put(&bad, 0);
	is_str(put(&bad, 1), "no", "one fails");
	w.cfg.file_accept = STEP;
	is_str(put(&no, 0), "wait", "one waits");
	need(incoming_decide(w.s, no.id, false, clock_now() - 1) == 0, "decline");
	is_str(put(&no, 0), "no", "... and is declined");
	w.cfg.file_accept = INT64_C(25) << 20;
	need(world_run(&w, "UPDATE transfer SET touched = touched - 1000") == 0, "age");
	read_all();
	is_int(world_count(&w, "SELECT count(*) FROM transfer WHERE state IN (2, 3, 4)"), 0,
	    "pruned: no row of them");
	seen = world_count(&w, "SELECT count(*) FROM seen");
	is_str(put(&whole, 0), "from 3", "a delivered file offered again: it is complete");
	is_str(put(&whole, 1), "204", "... its chunks have no effect");
	is_str(put(&whole, 2), "204", "... nor the last");
	is_str(put(&empty, 0), "from 1", "an empty one is complete");
	is_int(put_via(&whole, 0, VIA_HAND).status, RECEIVED_TAKEN, "... nor by hand");
	is_int(put_via(&whole, 2, VIA_HAND).status, RECEIVED_TAKEN, "... the chunk");
	is_str(put(&bad, 0), "no", "what failed is not taken either");
	is_str(put(&bad, 1), "no", "... nor its chunk");
	is_str(put(&no, 0), "no", "nor what was declined");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE state = 0"), 0,
	    "the inbox stays empty");
	is_int(world_count(&w, "SELECT count(*) FROM seen"), seen, "nothing more is noted");
	ok(!same_file("files/bob/whole-2", 2 * STEP), "no file came twice");
}

/* The event of an offer and the file that follows are two things with two ids. */
static void ids(void)
{
	struct out f = file_new(&bob, "large", 2 * STEP);
	char sql[300], hex[33];

	hex_encode(hex, f.id, 16);
	w.cfg.file_accept = STEP;
	is_str(put(&f, 0), "wait", "a large offer");
	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM message WHERE kind = 'file-offer' AND hex(id) <> upper('%s') AND"
	    " json_extract(CAST(body AS TEXT), '$.file') = '%s'",
	    hex, hex);
	is_int(world_count(&w, sql), 1, "... has an event with an id of its own, that names it");
	need(incoming_decide(w.s, f.id, true, clock_now()) == 0, "accept");
	put(&f, 1);
	put(&f, 2);
	is_int(world_count(&w, "SELECT count(*) FROM (SELECT id FROM message GROUP BY id"
	                       " HAVING count(*) > 1)"),
	    0, "no id stands twice in the inbox");
	w.cfg.file_accept = INT64_C(25) << 20;
}

/* Whoever brought the only copy must know that it was not kept. */
static void by_hand(void)
{
	struct out f = file_new(&bob, "stick", 2 * STEP);
	struct received r;

	w.cfg.file_accept = STEP;
	is_int(put_via(&f, 0, VIA_HAND).status, RECEIVED_TAKEN, "an offer by hand is taken");
	r = put_via(&f, 1, VIA_HAND);
	ok(r.status == RECEIVED_LATER && r.why != NULL && strstr(r.why, "mp-file accept") != NULL,
	    "its bytes are not, until a person accepts them");
	need(incoming_decide(w.s, f.id, true, clock_now()) == 0, "accept");
	r = put_via(&f, 2, VIA_HAND);
	ok(r.status == RECEIVED_LATER && r.why != NULL && strstr(r.why, "missing") != NULL,
	    "a part whose forerunner is missing is not");
	is_int(put_via(&f, 1, VIA_HAND).status, RECEIVED_TAKEN, "in order they are");
	is_int(put_via(&f, 1, VIA_HAND).status, RECEIVED_TAKEN, "... again");
	is_int(put_via(&f, 2, VIA_HAND).status, RECEIVED_TAKEN, "... to the last");
	ok(same_file("files/bob/stick", 2 * STEP), "the file is there");
	w.cfg.file_accept = INT64_C(25) << 20;
}

/* Killed between the link and the commit; then other bytes come for the same chunk. */
static void no_loose_bytes(void)
{
	struct out f = file_new(&bob, "loose", STEP);
	char from[200], to[200];
	struct received r;
	struct transfer t;
	struct wire m;
	int fd;

	put(&f, 0);
	for (int moved = 0; moved <= 1; moved++) {
		need(transfer_get(w.s, &t, bob.row, f.id) == 0, "transfer");
		need(spool_lock(&fd, &t, true) == 0 && spool_own(fd, &t) == 0, "lock");
		need(spool_write(fd, &t, 1, content, STEP) == 0, "write");
		need(spool_finish(fd, &t, f.sha256) == 0, "finish");
		close(fd);
		ok(same_file("files/bob/loose", STEP), "linked, and killed");
		if (moved) {
			snprintf(from, sizeof(from), "%s/files/bob/loose", w.home);
			snprintf(to, sizeof(to), "%s/files/bob/mine", w.home);
			need(rename(from, to) == 0, "rename");
		}
		m = chunk_wire(&f, 1);
		m.body = content + STEP;
		peer_seal(&e, &bob, &m);
		if (moved)
			break;
		/* A store that is busy: not even the failure is noted. */
		need(world_run(&w, "CREATE TRIGGER t BEFORE UPDATE ON transfer BEGIN"
		                   " SELECT raise(ABORT, 'no'); END") == 0,
		    "trigger");
		is_int(take(&w, &e).status, RECEIVED_LATER, "other bytes, and nothing is noted");
		ok(access(strcat(strcpy(from, w.home), "/files/bob/loose"), F_OK) != 0,
		    "nothing lies under the name");
		is_str(put(&f, 1), "503", "the right ones, and nothing is noted");
		ok(access(from, F_OK) != 0, "nothing lies under the name");
		need(world_run(&w, "DROP TRIGGER t") == 0, "trigger");
	}
	r = take(&w, &e);
	buf_free(&r.reply);
	ok(same_file("files/bob/mine", STEP), "what a person has moved away stays as it was");
}

/* What is said of files, or of nothing, without end. */
static void words(void)
{
	struct wire m;
	struct out f;
	struct record rec;
	long long seen;
	int bad = 0;

	f = file_new(&alice, "ours", 2 * STEP);
	record_init(&rec);
	strcpy(rec.kind, "file");
	memcpy(rec.id, f.id, 16);
	rec.has_id = true;
	need(message_add(w.s, alice.row, DIR_OUT, MESSAGE_QUEUED, &rec, clock_now()) == 0, "ours");
	seen = world_count(&w, "SELECT count(*) FROM seen");
	for (int sent = 0; sent <= 1; sent++) {
		for (int i = 0; i < 20; i++) {
			m = wire_make(WIRE_FILE_STATUS);
			memcpy(m.u.status.file, f.id, 16);
			m.u.status.answer = sent && i == 0 ? FILE_NO : FILE_FROM;
			m.u.status.from = m.u.status.answer == FILE_NO ? 0 : 2;
			peer_seal(&e, &alice, &m);
			bad += take(&w, &e).status != RECEIVED_TAKEN;
		}
		need(message_set_state(w.s, alice.row, DIR_OUT, f.id, MESSAGE_SENT) == 0, "sent");
	}
	is_int(bad, 0, "words about a file of ours are taken");
	is_int(world_count(&w, "SELECT count(*) FROM seen"), seen, "... none is noted");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE dir = 1 AND state = 12"), 1,
	    "... and a file that was sent stays so");
	record_free(&rec);
}

static long long alive(enum wire_type type, int64_t age)
{
	struct wire m = wire_make(type);

	m.time -= age;
	m.u.status.answer = FILE_WAIT;
	if (type == WIRE_PING)
		m.u.ping.grouped = false;
	peer_seal(&e, &alice, &m);
	need(world_run(&w, "UPDATE contact SET seen = 5") == 0, "unseen");
	need(world_run(&w, "UPDATE lane SET due = 9999999999999, woken = 0") == 0, "later");
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "taken");
	return world_count(&w, "SELECT count(*) FROM contact WHERE seen > 5") * 10 +
	       world_count(&w, "SELECT count(*) FROM lane WHERE due < 9999999999999");
}

/* Somebody kept a ping. */
static void old_words(void)
{
	struct queue_item q = {.contact = alice.row,
	    .lane = LANE_MESSAGE,
	    .kind = "message",
	    .id = {7},
	    .expires = INT64_MAX};
	const enum wire_type types[] = {WIRE_PING, WIRE_FILE_STATUS};
	int64_t now = clock_now(), n;

	need(queue_add(w.s, &q, "x", 1) == 0, "mail");
	for (int i = 0; i < 2; i++) {
		is_int(alive(types[i], 0), 11, "now he is there, and his mail is due");
		is_int(alive(types[i], 23 * MP_HOUR), 11, "... by a word of today");
		is_int(alive(types[i], 25 * MP_HOUR), 0, "... not by an old one");
		is_int(alive(types[i], -25 * MP_HOUR), 0, "... nor by one of tomorrow");
	}
	/* One try for many pings. */
	need(world_run(&w, "UPDATE lane SET due = 9999999999999, woken = 0") == 0, "later");
	need(lane_heard(w.s, alice.row, now, 30000, &n) == 0 && n == 1, "heard");
	is_int(world_count(&w, "SELECT max(due) FROM lane"), now, "heard: due at once");
	need(world_run(&w, "UPDATE lane SET due = 9999999999999") == 0, "the try failed");
	need(lane_heard(w.s, alice.row, now + 1000, 30000, &n) == 0 && n == 1, "heard");
	is_int(world_count(&w, "SELECT max(due) FROM lane"), now + 30000,
	    "heard again: no sooner than 30 s after");
	need(lane_heard(w.s, alice.row, now + 2000, 30000, &n) == 0 && n == 0, "heard");
	need(world_run(&w, "UPDATE lane SET due = 9999999999999") == 0, "the try failed");
	need(lane_heard(w.s, alice.row, now - 900000, 30000, &n) == 0 && n == 1, "heard");
	is_int(world_count(&w, "SELECT max(due) FROM lane"), now - 870000,
	    "a clock that was set back holds up nothing");
}

/* Senders who never go on. */
static void stale(void)
{
	struct out f = file_new(&bob, "half", 2 * STEP), g = file_new(&bob, "fresh", 2 * STEP);
	char sql[200], hex[33];

	put(&f, 0);
	put(&f, 1);
	put(&g, 0);
	put(&g, 1);
	hex_encode(hex, f.id, 16);
	snprintf(sql, sizeof(sql),
	    "UPDATE transfer SET touched = touched - %lld WHERE hex(id) = upper('%s')",
	    (long long)(31 * MP_DAY), hex);
	need(world_run(&w, sql) == 0 && incoming_expire(w.s, clock_now()) == 0, "expire");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'file-failed' AND"
	                       " CAST(body AS TEXT) LIKE '%half%30 days%'"),
	    1, "a file that does not go on is given up after 30 days");
	snprintf(sql, sizeof(sql), "ls %s/spool | grep -c %s", w.home, hex);
	ok(system(sql) != 0, "... and leaves the spool");
	is_str(put(&f, 2), "no", "... its sender is told");
	is_str(put(&g, 2), "204", "another goes on");
}

/* Who sent much goes in many steps, with all that is his. */
static void removed(void)
{
	struct wire m = wire_make(WIRE_MESSAGE);

	m.body = content;
	m.blen = sizeof(content);
	for (int i = 0; i < 250; i++) {
		randombytes_buf(m.id, sizeof(m.id));
		peer_seal(&e, &bob, &m);
		need(take(&w, &e).status == RECEIVED_TAKEN, "message");
	}
	need(world_run(&w, "CREATE TRIGGER t BEFORE DELETE ON contact BEGIN"
	                   " SELECT raise(ABORT, 'no'); END") == 0,
	    "trigger");
	ok(contact_remove(w.s, bob.row) != 0, "a removal is cut short");
	ok(world_count(&w, "SELECT count(*) FROM message WHERE contact = 2") < 200,
	    "... when something is gone");
	m = wire_make(WIRE_PING);
	peer_seal(&e, &bob, &m);
	is_int(take(&w, &e).status, RECEIVED_REFUSED, "... nothing comes in then");
	need(world_run(&w, "DROP TRIGGER t") == 0, "trigger");
	is_int(contact_remove(w.s, bob.row), 0, "once more");
	is_int(world_count(&w, "SELECT (SELECT count(*) FROM message WHERE contact = 2) +"
	                       " (SELECT count(*) FROM contact WHERE id = 2) +"
	                       " (SELECT count(*) FROM seen WHERE contact = 2)"),
	    0, "... and all is gone");
}

int main(void)
{
	world_open(&w);
	randombytes_buf(content, sizeof(content));
	peer_meet(&w, &alice, "alice", CONTACT_ACTIVE, 0);
	peer_meet(&w, &bob, "bob", CONTACT_ACTIVE, 0);
	quota_holds();
	events_count();
	pruned();
	ids();
	by_hand();
	no_loose_bytes();
	words();
	old_words();
	stale();
	removed();
	identity_free(alice.id);
	identity_free(bob.id);
	buf_free(&e);
	world_close();
	return done();
}
