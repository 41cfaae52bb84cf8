/* Messages: stored once, printed as records, marked, counted, pruned; and claims for hooks. */
#include "home.h"

static char seen[1 << 20];

/* Each as class:body. */
static int note(void *ctx, const struct record *rec, int64_t seq)
{
	size_t at = strlen(seen);

	(void)seq;
	snprintf(seen + at, sizeof seen - at, "%s:%.*s ", record_class_name(rec->class),
	    (int)(rec->body.len > 40 ? 40 : rec->body.len),
	    rec->has_body ? (const char *)rec->body.data : "");
	return ctx != NULL && --*(int *)ctx == 0 ? 5 : 0;
}

static const char *listing(struct store *s, struct message_query q)
{
	seen[0] = '\0';
	if (message_each(s, &q, note, NULL) != 0)
		return err_detail();
	return seen;
}

static void storing(struct store *s, int64_t bob)
{
	enum message_state state;
	struct buf reply = BUF_INIT(100);
	uint8_t id[16];

	is_int(home_message(s, bob, DIR_IN, MESSAGE_NEW, 1, "one"), 0, "stored");
	is_int(home_message(s, bob, DIR_IN, MESSAGE_NEW, 1, "again"), MP_EEXIST, "once");
	is_int(home_message(s, bob, DIR_OUT, MESSAGE_SEALED, 1, "mine"), 0,
	    "the other way is another");
	is_int(
	    home_message(s, 0, DIR_IN, MESSAGE_NEW, 2, "x"), MP_EUSAGE, "of nobody: only events");
	is_int(home_message(s, 12345, DIR_IN, MESSAGE_NEW, 2, "x"), MP_ESYS,
	    "of a contact that there is");
	MUST(message_event(s, 0, "warning", "storm", 5));
	is_str(
	    listing(s, (struct message_query){.all = false}), "in:one event:storm ", "what is new");
	is_str(
	    listing(s, (struct message_query){.all = true}), "in:one was:mine event:storm ", "all");
	is_str(
	    listing(s, (struct message_query){.contact = "bob"}), "in:one ", "what is new of one");
	is_str(listing(s, (struct message_query){.contact = "bill"}), "no contact 'bill'",
	    "of nobody");

	id_of(id, 1);
	MUST(message_set_state(s, bob, DIR_OUT, id, MESSAGE_SENT));
	MUST(message_get_state(s, bob, DIR_OUT, id, &state));
	is_int(state, MESSAGE_SENT, "a state");
	is_int(message_mark(s, id), 0, "marked");
	MUST(message_get_state(s, bob, DIR_OUT, id, &state));
	is_int(state, MESSAGE_SENT, "what was sent is not marked");
	is_int(message_mark(s, id), 0, "again");
	is_str(listing(s, (struct message_query){.all = false}), "event:storm ", "read: not new");
	id_of(id, 99);
	is_int(message_mark(s, id), MP_ENONE, "no such id");
	is_int(message_get_state(s, bob, DIR_OUT, id, &state), MP_ENONE, "no such message");

	is_int(seen_get(s, bob, id, &reply), 0, "not taken yet");
	MUST(seen_add(s, bob, id, "answer", 6));
	is_int(seen_get(s, bob, id, &reply), 1, "taken");
	ok(reply.len == 6 && memcmp(reply.data, "answer", 6) == 0, "with its reply");
	is_int(seen_add(s, bob, id, NULL, 0), MP_EEXIST, "taken once");
	id_of(id, 100);
	MUST(seen_add(s, bob, id, NULL, 0));
	buf_clear(&reply);
	is_int(seen_get(s, bob, id, &reply), 1, "taken without a reply");
	is_int((long long)reply.len, 0, "there is none then");
	buf_free(&reply);
}

/* Writing within fn: no transaction is held, so nothing is refused. */
static int mark_it(void *ctx, const struct record *rec, int64_t seq)
{
	(void)seq;
	MUST(message_mark(ctx, rec->id));
	MUST(store_erase(ctx));
	return 0;
}

static void long_ones(struct store *s, int64_t bob)
{
	static char text[60001];
	struct message_query q = {.all = false, .after = 3};
	int three = 3;

	for (unsigned i = 1000; i < 1200; i++) {
		memset(text, 'a' + (int)(i % 26), sizeof text - 1);
		snprintf(text, 8, "t%u", i);
		text[5] = i % 10 == 0 ? ' ' : '\0';
		MUST(home_message(s, bob, DIR_IN, MESSAGE_NEW, i, text));
	}
	listing(s, q);
	ok(strstr(seen, "in:t1000") == seen && strstr(seen, "in:t1199 ") != NULL, "200 messages");
	is_int(message_each(s, &q, note, &three), 5, "fn stops it");
	q.limit = 2;
	ok(strncmp(listing(s, q), "in:t1000", 8) == 0 && strstr(seen, "t1002") == NULL,
	    "the oldest two that are new");
	q.all = true;
	is_str(listing(s, q), "in:t1198 in:t1199 ", "the newest two of all");
	q.contact = "bob";
	is_str(listing(s, q), "in:t1198 in:t1199 ", "the newest two of one");
	q = (struct message_query){.all = true, .contact = "bob", .limit = 500};
	ok(strncmp(listing(s, q), "in:one was:mine in:t1000", 24) == 0,
	    "fewer than the limit: all");
	q = (struct message_query){.all = false};
	is_int(message_each(s, &q, mark_it, s), 0, "fn may write and erase");
	is_str(listing(s, q), "", "all are marked");
}

static void pruning(struct store *s, int64_t bob)
{
	int64_t n, carol = home_contact(s, "carol");
	uint8_t id[16];

	for (unsigned i = 1; i <= 3000; i++)
		MUST(home_message(s, carol, i % 2 ? DIR_IN : DIR_OUT,
		    i % 2 ? MESSAGE_READ : MESSAGE_SENT, i, "c"));
	MUST(home_message(s, carol, DIR_IN, MESSAGE_NEW, 5000, "new"));
	MUST(home_message(s, carol, DIR_OUT, MESSAGE_QUEUED, 5001, "queued"));
	MUST(home_mail(s, carol, LANE_MESSAGE, 5001));
	MUST(home_message(s, carol, DIR_OUT, MESSAGE_QUEUED, 5002, "failed"));
	MUST(home_mail(s, carol, LANE_MESSAGE, 5002));
	MUST(queue_fail(s, number(s, "SELECT max(seq) FROM queue"), "400", "refused"));
	is_int(number(s, "SELECT state FROM message WHERE body = CAST('failed' AS BLOB)"),
	    MESSAGE_FAILED, "what the queue gives up has failed");
	MUST(message_prune(s, 1000, carol, -1, &n));
	is_int(n, 0, "nothing is older than its own time");
	MUST(message_prune(s, 1001, carol, 100, &n));
	is_int(n, 2903, "older, but for the newest 100");
	MUST(message_prune(s, 0, carol, -1, &n));
	is_int(n, 98, "all that may go");
	is_str(listing(s, (struct message_query){.all = true, .contact = "carol"}),
	    "in:new was:queued ", "new and queued ones stay");
	is_int(
	    number(s, "SELECT count(*) FROM queue"), 1, "a failed one is gone from the queue too");
	id_of(id, 99);
	is_int(seen_get(s, bob, id, NULL), 1, "ids taken are remembered");
	MUST(message_prune(s, 0, 0, 1, &n));
	ok(n > 200 && number(s, "SELECT count(*) FROM message WHERE contact = 1") == 0, "of all");
	ok(sound(s), "sound");
}

static void order(struct store *s)
{
	int64_t dan = home_contact(s, "dan"), eve = home_contact(s, "eve"), seq, other, tries;
	struct record rec;

	for (uint8_t one[16]; number(s, "SELECT count(*) FROM message WHERE state = 0") > 0;) {
		sqlite3_stmt *st = store_sql(s, "SELECT id FROM message WHERE state = 0 LIMIT 1");
		store_step(s, st);
		memcpy(one, sqlite3_column_blob(st, 0), 16);
		sqlite3_reset(st);
		MUST(message_mark(s, one));
	}
	record_init(&rec);
	is_int(message_claim(s, &rec, &seq, &tries, 10000, 1000), MP_ENONE, "nothing to claim");
	MUST(home_message(s, dan, DIR_IN, MESSAGE_NEW, 1, "d1"));
	MUST(home_message(s, dan, DIR_IN, MESSAGE_NEW, 2, "d2"));
	MUST(home_message(s, eve, DIR_IN, MESSAGE_NEW, 1, "e1"));
	MUST(message_event(s, 0, "warning", "v1", 5));
	MUST(home_message(s, eve, DIR_IN, MESSAGE_NEW, 2, "e2"));

	is_int(message_claim(s, &rec, &seq, &tries, 10000, 1000), 0, "claimed");
	is_str((buf_terminate(&rec.body), (char *)rec.body.data), "d1", "the oldest");
	is_str(rec.contact, "dan", "with its contact");
	is_int(tries, 1, "the first try");
	other = seq;
	MUST(message_claim(s, &rec, &seq, &tries, 10000, 1000));
	is_str((buf_terminate(&rec.body), (char *)rec.body.data), "e1",
	    "not the second of one at work");
	MUST(message_claim(s, &rec, &seq, &tries, 10000, 1000));
	is_str((buf_terminate(&rec.body), (char *)rec.body.data), "v1", "an event of nobody");
	is_int(message_claim(s, &rec, &seq, &tries, 10000, 1000), MP_ENONE, "all are at work");

	MUST(message_release(s, other, MESSAGE_NEW, 20000));
	MUST(message_claim(s, &rec, &seq, &tries, 10000, 1000));
	is_str((buf_terminate(&rec.body), (char *)rec.body.data), "d2",
	    "one that waits does not hold up the next");
	MUST(message_release(s, seq, MESSAGE_READ, 0));
	is_int(message_claim(s, &rec, &seq, &tries, 10999, 1000), MP_ENONE, "not before its time");
	MUST(message_claim(s, &rec, &seq, &tries, 20000, 1000));
	is_str((buf_terminate(&rec.body), (char *)rec.body.data), "d1", "at its time");
	is_int(tries, 2, "the second try");
	MUST(message_release(s, seq, MESSAGE_GIVEN_UP, 0));
	MUST(message_claim(s, &rec, &seq, &tries, 20000, 1000));
	is_str((buf_terminate(&rec.body), (char *)rec.body.data), "e1", "a lease that is over");
	MUST(message_release(s, seq, MESSAGE_READ, 0));
	MUST(message_release(s, seq, MESSAGE_NEW, 0));
	MUST(message_claim(s, &rec, &seq, &tries, 20000, 1000));
	is_str((buf_terminate(&rec.body), (char *)rec.body.data), "v1", "what is read stays read");
	record_free(&rec);
}

int main(void)
{
	struct store *s = home_store();
	int64_t bob = home_contact(s, "bob");

	storing(s, bob);
	long_ones(s, bob);
	pruning(s, bob);
	order(s);
	ok(at_rest(s), "at rest");
	store_close(s);
	return done();
}
