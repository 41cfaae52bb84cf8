/* Files that come in, and what receivers say about ours. */
#include <sys/stat.h>

#include "files.h"

static void whole(void)
{
	struct out f = file_new(&alice, "report.pdf", 2 * STEP + 100), g;
	struct dump before;
	char path[200];
	struct stat st;

	is_str(put(&f, 0), "from 1", "a small offer is accepted");
	is_str(put(&f, 0), "from 1", "... again");
	is_str(put(&f, 3), "from 1", "a chunk from the future is not taken");
	is_str(put(&f, 1), "204", "the first chunk");
	is_str(put(&f, 1), "204", "... again");
	is_str(put(&f, 0), "from 2", "the offer again tells where we are");
	is_str(put(&f, 2), "204", "the second");
	is_int(
	    world_count(&w, "SELECT count(*) FROM message WHERE kind = 'file'"), 0, "nothing yet");
	ok(!same_file("files/alice/report.pdf", (size_t)f.size), "nothing in its place yet");
	is_str(put(&f, 3), "204", "the last");
	ok(same_file("files/alice/report.pdf", (size_t)f.size), "the file is in its place");
	snprintf(path, sizeof(path), "%s/files/alice/report.pdf", w.home);
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "... for its owner alone");
	is_int(spool_files(), 0, "... and nothing is left in the spool");
	is_int(world_count(&w,
	           "SELECT count(*) FROM message WHERE dir = 0 AND kind = 'file' AND"
	           " json_extract(CAST(body AS TEXT), '$.size') = 2148 AND"
	           " json_extract(CAST(body AS TEXT), '$.path') LIKE '%/files/alice/report.pdf'"),
	    1, "the inbox has it");
	before = world_dump(&w);
	is_str(put(&f, 3), "204", "the last chunk again");
	is_str(put(&f, 1), "204", "an early chunk again");
	is_str(world_dump(&w).hex, before.hex, "... no effect");
	is_str(put(&f, 0), "from 4", "the offer again: complete");

	g = file_new(&alice, "report.pdf", STEP);
	is_str(put(&g, 0), "from 1", "another file of that name");
	is_str(put(&g, 1), "204", "... is taken");
	ok(same_file("files/alice/report-2.pdf", STEP) &&
	        same_file("files/alice/report.pdf", (size_t)f.size),
	    "... and lies beside the first");

	g = file_new(&alice, "nothing.txt", 0);
	is_str(put(&g, 0), "204", "an empty file is complete at once");
	ok(same_file("files/alice/nothing.txt", 0), "... and in its place");
	is_str(put(&g, 0), "from 1", "... the offer again: complete");
	g = file_new(&alice, "nothing.txt", 0);
	g.sha256[0] ^= 1;
	is_str(put(&g, 0), "400", "an empty file with a wrong hash is no file");
}

static void names(void)
{
	struct out f = file_new(&alice, "...\\~x; rm -rf", STEP);

	is_str(put(&f, 0), "from 1", "a strange name");
	is_str(put(&f, 1), "204", "... is taken");
	is_int(
	    world_count(&w, "SELECT count(*) FROM message WHERE kind = 'file' AND"
	                    " json_extract(CAST(body AS TEXT), '$.path') LIKE '%/files/alice/.%'"),
	    0, "... and hides nowhere");
}

/* A name that is taken again and again ends with the transfer's id. */
static void same_names(void)
{
	char last[80], hex[33];
	struct out f;
	int bad = 0;

	for (int i = 0; i < 100; i++) {
		f = file_new(&bob, "same.tar", STEP);
		put(&f, 0);
		bad += strcmp(put(&f, 1), "204") != 0;
	}
	is_int(bad, 0, "a hundred files of one name");
	ok(same_file("files/bob/same-99.tar", STEP), "... have numbers");
	hex_encode(hex, f.id, 16);
	snprintf(last, sizeof(last), "files/bob/same-%s.tar", hex);
	ok(same_file(last, STEP), "... then ids");
}

static void wrong(void)
{
	struct out f = file_new(&alice, "bad.bin", 2 * STEP), other = f;
	long long events;

	f.sha256[5] ^= 1;
	is_str(put(&f, 0), "from 1", "an offer");
	is_str(put(&f, 1), "204", "its first chunk");
	other.size = 3 * STEP;
	is_str(put(&other, 2), "400", "a chunk of another size than was offered");
	is_str(put(&other, 0), "400", "an offer that says otherwise");
	is_str(put(&f, 2), "no", "a wrong hash ends it");
	events = world_count(&w, "SELECT count(*) FROM message WHERE kind = 'file-failed'");
	is_int(events, 1, "... with an event");
	is_int(spool_files(), 0, "... and an empty spool");
	is_str(put(&f, 2), "no", "the chunk again: no");
	is_str(put(&f, 0), "no", "the offer again: no");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'file-failed'"), events,
	    "... no second event");
	ok(!same_file("files/alice/bad.bin", 2 * STEP), "nothing lies in files");
	f = file_new(&alice, "x", STEP);
	is_str(put(&f, 1), "no", "a chunk of a file that nobody offered");
	is_int(put_via(&f, 1, VIA_HAND).status, RECEIVED_LATER,
	    "... by hand: when the offer was taken");
}

/* Killed after any step: the next delivery of the same chunk goes on from there. */
static void cut(void)
{
	struct out f = file_new(&alice, "cut.bin", 3 * STEP);
	char path[200], hex[33];
	struct transfer t;
	int fd;

	is_str(put(&f, 0), "from 1", "an offer");
	is_str(put(&f, 1), "204", "its first chunk");
	/* Written, not committed. */
	need(transfer_get(w.s, &t, alice.row, f.id) == 0, "transfer");
	need(spool_lock(&fd, &t, false) == 0, "lock");
	is_int(put_via(&f, 2, VIA_REQUEST).status, RECEIVED_LATER, "two writers at once: later");
	need(spool_write(fd, &t, 2, content + STEP, STEP) == 0, "write");
	close(fd);
	is_str(put(&f, 0), "from 2", "a chunk written but not committed is asked for again");
	is_str(put(&f, 2), "204", "... and taken");
	/* Linked, not committed. */
	need(transfer_get(w.s, &t, alice.row, f.id) == 0, "transfer");
	need(spool_lock(&fd, &t, false) == 0, "lock");
	need(spool_write(fd, &t, 3, content + 2 * STEP, STEP) == 0, "write");
	need(spool_finish(fd, &t, f.sha256) == 0, "finish");
	close(fd);
	is_str(put(&f, 3), "204", "the last chunk after a crash before the commit");
	ok(same_file("files/alice/cut.bin", 3 * STEP), "the file is there");
	ok(!same_file("files/alice/cut-2.bin", 3 * STEP), "... once");
	/* The spool is gone: a restored backup, a helpful hand. */
	f = file_new(&alice, "lost.bin", 3 * STEP);
	put(&f, 0);
	is_str(put(&f, 1), "204", "a chunk");
	hex_encode(hex, f.id, 16);
	snprintf(path, sizeof(path), "%s/spool/%lld-%s", w.home, (long long)alice.row, hex);
	need(unlink(path) == 0, "unlink");
	is_str(put(&f, 2), "from 1", "without its spool it starts again");
	for (int64_t n = 1; n <= 3; n++)
		is_str(put(&f, n), "204", "... chunk");
	ok(same_file("files/alice/lost.bin", 3 * STEP), "... and arrives");
	f = file_new(&alice, "short.bin", 3 * STEP);
	put(&f, 0);
	put(&f, 1);
	hex_encode(hex, f.id, 16);
	snprintf(path, sizeof(path), "%s/spool/%lld-%s", w.home, (long long)alice.row, hex);
	need(truncate(path, 10) == 0, "truncate");
	is_str(put(&f, 2), "from 1", "with a spool cut short, too");
	need(incoming_decide(w.s, f.id, false, clock_now()) == 0, "decline");
	/* What nobody wants any more. */
	f = file_new(&bob, "orphan", 2 * STEP);
	put(&f, 0);
	put(&f, 1);
	is_int(spool_files(), 1, "a file in the spool");
	need(spool_clean(w.s) == 0, "clean");
	is_int(spool_files(), 1, "... stays while it is wanted");
	need(transfer_get(w.s, &t, bob.row, f.id) == 0, "transfer");
	t.state = TRANSFER_FAILED;
	need(transfer_update(w.s, &t) == 0 && spool_clean(w.s) == 0, "clean");
	is_int(spool_files(), 0, "... and goes when it is not");
}

static void decisions(void)
{
	struct out f = file_new(&alice, "large.bin", 4 * STEP), g;
	struct record rec;
	struct transfer t, u;

	record_init(&rec);
	w.cfg.file_accept = 2 * STEP;
	is_str(put(&f, 0), "wait", "a large offer waits for a person");
	is_int(
	    world_count(&w, "SELECT count(*) FROM message WHERE dir = 2 AND kind = 'file-offer' AND"
	                    " json_extract(CAST(body AS TEXT), '$.name') = 'large.bin'"),
	    1, "... who is told");
	is_str(put(&f, 1), "wait", "its chunks are not taken");
	is_int(spool_files(), 0, "... nor spooled");
	is_int(incoming_decide(w.s, f.id, true, clock_now()), 0, "accepted");
	need(transfer_find(w.s, &t, f.id) == 0, "transfer");
	ok(t.owed && t.state == TRANSFER_ACCEPTED, "... the answer is owed");
	need(incoming_record(&rec, &t, clock_now()) == 0, "record");
	ok(rec.class == CLASS_OUT && memcmp(rec.id, t.status, 16) == 0 &&
	        strcmp(rec.contact, "alice") == 0 &&
	        strstr((const char *)rec.body.data, "\"from\":1") != NULL,
	    "... as an out file-status from 1");
	is_int(incoming_decide(w.s, f.id, true, clock_now()), 0, "accepted again");
	need(transfer_find(w.s, &u, f.id) == 0, "transfer");
	ok(memcmp(u.status, t.status, 16) == 0, "... under the same id");
	is_str(put(&f, 0), "from 1", "the sender who asks learns it");
	need(transfer_find(w.s, &t, f.id) == 0, "transfer");
	ok(!t.owed, "... then it is not owed any more");
	is_str(put(&f, 1), "204", "now chunks are taken");
	is_int(incoming_have(&t), 0, "nothing is had before");
	need(transfer_find(w.s, &t, f.id) == 0, "transfer");
	is_int(incoming_have(&t), STEP, "a chunk is had after");
	is_int(incoming_decide(w.s, f.id, false, clock_now()), 0, "declined after all");
	is_int(spool_files(), 0, "... the spool is empty");
	is_str(put(&f, 2), "no", "... and the sender is told");
	is_int(incoming_decide(w.s, f.id, true, clock_now()), MP_EUSAGE,
	    "a declined file cannot be accepted");
	is_int(incoming_decide(w.s, f.id, false, clock_now()), 0, "declining again is harmless");
	g = file_new(&alice, "never", 1);
	is_int(incoming_decide(w.s, g.id, true, clock_now()), MP_ENONE, "no such file");

	/* By hand no answer can go back. */
	g = file_new(&alice, "hand.bin", 2 * STEP);
	is_int(put_via(&g, 0, VIA_HAND).status, RECEIVED_TAKEN, "an offer by hand is taken");
	need(transfer_find(w.s, &t, g.id) == 0, "transfer");
	ok(t.owed && !sodium_is_zero(t.status, 16), "... and its answer owed, under an id");
	for (int64_t n = 1; n <= 2; n++)
		is_int(put_via(&g, n, VIA_HAND).status, RECEIVED_TAKEN, "... a chunk by hand");
	ok(same_file("files/alice/hand.bin", 2 * STEP), "... the file is there");
	need(transfer_find(w.s, &t, g.id) == 0 && incoming_record(&rec, &t, 0) == 0, "record");
	ok(t.owed && strstr((const char *)rec.body.data, "\"from\":3") != NULL,
	    "... it is owed: complete");
	w.cfg.file_accept = INT64_C(25) << 20;
	record_free(&rec);
}

static void quotas(void)
{
	struct out f = file_new(&alice, "q1", 4 * STEP), g = file_new(&alice, "q2", 4 * STEP);
	struct received r;
	int bad = 0;

	need(spooled() == 0, "nothing unfinished");
	w.cfg.file_quota = 7 * STEP;
	is_str(put(&f, 0), "from 1", "within the quota");
	r = put_via(&g, 0, VIA_REQUEST);
	ok(r.status == RECEIVED_QUOTA && r.retry_after == 3600, "past it: later");
	for (int64_t n = 1; n <= 3; n++)
		put(&f, n);
	is_str(put(&g, 0), "429", "what has come of an unfinished file counts, too");
	g.from = &bob;
	is_str(put(&g, 0), "from 1", "another contact has his own");
	g = file_new(&alice, "q2", 4 * STEP);
	for (int64_t n = 1; n <= 4; n++)
		put(&f, n);
	is_str(put(&g, 0), "from 1", "a file that is whole makes room");
	w.cfg.file_quota = INT64_C(4) << 30;
	w.cfg.file_accept = 1;
	for (int i = 0; i < 100; i++) {
		f = file_new(&bob, "offer", 2);
		bad += strcmp(put(&f, 0), "wait") != 0;
	}
	is_int(bad, 0, "a hundred offers wait");
	f = file_new(&bob, "offer", 2);
	is_str(put(&f, 0), "429", "the next one waits elsewhere");
	w.cfg.file_accept = INT64_C(25) << 20;
	w.cfg.inbox_quota = 1;
	f = file_new(&alice, "small", 2);
	is_str(put(&f, 0), "429", "a full inbox takes no offers");
	f = file_new(&bob, "small", 2);
	w.cfg.inbox_quota = 50;
	is_str(put(&f, 0), "429", "events fill it as well");
	w.cfg.inbox_quota = 100000;
}

static void full_disk(void)
{
	struct out f = file_new(&alice, "everything", STEP);
	struct wire m = chunk_wire(&f, 0);
	struct received r;

	ok(spool_room(1) == 0, "there is room for a byte");
	is_int(spool_room(INT64_C(1) << 60), MP_EFULL, "there is none for 2^60");
	w.cfg.file_accept = w.cfg.file_quota = INT64_MAX / 2;
	m.u.file.size = INT64_C(1) << 48;
	m.u.file.step = FILE_STEP;
	m.u.file.chunks = (m.u.file.size + FILE_STEP - 1) / FILE_STEP;
	peer_seal(&e, &alice, &m);
	r = take(&w, &e);
	ok(r.status == RECEIVED_LATER && r.retry_after == 30, "an offer of 2^48 bytes: later");
	w.cfg.file_accept = INT64_C(25) << 20;
	w.cfg.file_quota = INT64_C(4) << 30;
}

static const char *say(struct out *f, enum file_answer answer, int64_t from, enum receive_via via)
{
	static char text[32];
	struct wire m = wire_make(WIRE_FILE_STATUS);
	struct received r;

	memcpy(m.u.status.file, f->id, 16);
	m.u.status.answer = answer;
	m.u.status.from = from;
	peer_seal(&e, f->from, &m);
	r = take_via(&w, e.data, e.len, via);
	snprintf(text, sizeof(text), "%d%s", (int)r.status, r.repeated ? " again" : "");
	return text;
}

/* A file of ours in the queue: the offer gone, chunks first..last held. */
static struct out queued(int64_t first, int64_t last)
{
	struct out f = file_new(&alice, "ours", last * STEP);
	struct record rec;

	record_init(&rec);
	strcpy(rec.kind, "file");
	memcpy(rec.id, f.id, 16);
	rec.has_id = true;
	need(message_add(w.s, alice.row, DIR_OUT, MESSAGE_QUEUED, &rec, clock_now()) == 0,
	    "message");
	for (int64_t n = first; n <= last; n++) {
		struct queue_item q = {.contact = alice.row,
		    .lane = LANE_FILE,
		    .state = QUEUE_HELD,
		    .kind = "file",
		    .expires = INT64_MAX};

		file_chunk_id(q.id, f.id, (uint32_t)n);
		need(queue_add(w.s, &q, "x", 1) == 0, "queue_add");
	}
	return f;
}

static void is_queue(const struct out *f, int64_t held, int64_t waiting, enum message_state state)
{
	enum message_state got;
	char sql[300], hex[25];

	hex_encode(hex, f->id, 12);
	snprintf(sql, sizeof(sql),
	    "SELECT total(state = 1) * 1000 + total(state = 0) FROM queue WHERE"
	    " substr(hex(id), 1, 24) = upper('%s')",
	    hex);
	is_int(world_count(&w, sql), held * 1000 + waiting, "... held and waiting chunks");
	need(message_get_state(w.s, alice.row, DIR_OUT, f->id, &got) == 0, "state");
	is_int(got, state, "... the message's state");
}

static void statuses(void)
{
	struct out f = queued(1, 5), other;
	struct dump before;
	struct buf kept = BUF_INIT(ENVELOPE_MAX);

	is_str(say(&f, FILE_WAIT, 0, VIA_ANSWER), "204", "wait");
	is_queue(&f, 5, 0, MESSAGE_QUEUED);
	is_str(say(&f, FILE_FROM, 1, VIA_ANSWER), "204", "from 1");
	is_queue(&f, 0, 5, MESSAGE_QUEUED);
	need(buf_add(&kept, e.data, e.len) == 0, "keep");
	is_str(say(&f, FILE_FROM, 4, VIA_ANSWER), "204", "from 4");
	is_queue(&f, 0, 2, MESSAGE_QUEUED);
	before = world_dump(&w);
	is_int(take(&w, &kept).status, RECEIVED_TAKEN, "an old answer replayed");
	is_str(world_dump(&w).hex, before.hex, "... no effect");
	is_str(say(&f, FILE_FROM, 2, VIA_REQUEST), "204", "an old answer that comes late");
	is_queue(&f, 0, 2, MESSAGE_QUEUED);
	other = f;
	other.from = &bob;
	is_str(say(&other, FILE_NO, 0, VIA_REQUEST), "204", "another contact's word about it");
	is_queue(&f, 0, 2, MESSAGE_QUEUED);
	is_str(say(&f, FILE_FROM, 6, VIA_REQUEST), "204", "from behind the last: complete");
	is_queue(&f, 0, 0, MESSAGE_SENT);
	f = queued(0, 0);
	is_str(say(&f, FILE_FROM, 1, VIA_ANSWER), "204",
	    "an offer is answered before its chunks are queued");
	is_queue(&f, 0, 0, MESSAGE_QUEUED);

	f = queued(3, 5);
	is_str(say(&f, FILE_FROM, 2, VIA_ANSWER), "204", "from a chunk that is gone");
	is_queue(&f, 0, 0, MESSAGE_FAILED);
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'file-failed' AND"
	                       " CAST(body AS TEXT) LIKE '%asks for chunk 2, which is gone: send "
	                       "the file again%'"),
	    1, "... a person is told");

	f = queued(1, 3);
	is_str(say(&f, FILE_NO, 0, VIA_REQUEST), "204", "no");
	is_queue(&f, 0, 0, MESSAGE_FAILED);
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'file-declined'"), 1,
	    "... a person is told");
	is_str(say(&f, FILE_NO, 0, VIA_REQUEST), "204", "no, once more");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE kind = 'file-declined'"), 1,
	    "... he is not told twice");
	before = world_dump(&w);
	f = file_new(&alice, "x", 1);
	is_str(say(&f, FILE_NO, 0, VIA_REQUEST), "204", "about a file that is none of ours");
	is_str(say(&f, FILE_FROM, 1, VIA_REQUEST), "204", "... from");
	is_str(world_dump(&w).hex, before.hex, "... no effect");
	buf_free(&kept);
}

/* In the inbox a file and a message cannot have one id. */
static void one_id(void)
{
	struct wire m = wire_make(WIRE_MESSAGE);
	struct out f = file_new(&alice, "id", STEP);

	m.body = (const uint8_t *)"x";
	m.blen = 1;
	put(&f, 0);
	memcpy(m.id, f.id, 16);
	peer_seal(&e, &alice, &m);
	is_int(take(&w, &e).status, RECEIVED_REFUSED, "a message with a file's id is refused");
	is_str(put(&f, 1), "204", "... and the file arrives");
	f = file_new(&alice, "id", STEP);
	memcpy(m.id, f.id, 16);
	peer_seal(&e, &alice, &m);
	is_int(take(&w, &e).status, RECEIVED_TAKEN, "a message");
	is_str(put(&f, 0), "400", "a file with its id is refused");
}

int main(void)
{
	world_open(&w);
	randombytes_buf(content, sizeof(content));
	peer_meet(&w, &alice, "alice", CONTACT_ACTIVE, 0);
	peer_meet(&w, &bob, "bob", CONTACT_ACTIVE, 0);
	whole();
	names();
	same_names();
	wrong();
	cut();
	decisions();
	quotas();
	full_disk();
	statuses();
	one_id();
	identity_free(alice.id);
	identity_free(bob.id);
	buf_free(&e);
	world_close();
	return done();
}
