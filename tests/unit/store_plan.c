/*
 * What a look into the store costs must not grow with it.  Not timed: SQLite counts the steps of
 * its machine and the rows that it stepped over in a scan without an index.
 */
#include "base/clock.h"
#include "home.h"
#include "store/rekey.h"
#include "store/transfer.h"

#define CONTACTS 300
#define MESSAGES 60000
#define MAIL 6000
#define NOW 1000000

static int64_t first_contact;

static void sql(struct store *s, const char *text)
{
	sqlite3 *db = sqlite3_db_handle(store_sql(s, "SELECT 1"));

	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
		printf("Bail out! %s: %s\n", text, sqlite3_errmsg(db));
		exit(99);
	}
}

static void populate(struct store *s)
{
	char text[600], name[33];

	MUST(store_begin(s));
	for (int i = 0; i < CONTACTS; i++) {
		snprintf(name, sizeof name, "n%d", i);
		int64_t row = home_contact(s, name);
		if (i == 0)
			first_contact = row;
	}
	snprintf(text, sizeof text,
	    "INSERT INTO message (contact, dir, id, kind, time, stored, state, body)"
	    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    " SELECT 1 + i %% %d, i %% 2, randomblob(16), 'message', i, i, CASE i %% 2 WHEN 0 THEN "
	    "1 ELSE 12 END,"
	    " x'61' FROM n",
	    MESSAGES, CONTACTS);
	sql(s, text);
	sql(s, "INSERT INTO seen SELECT contact, id, NULL FROM message WHERE dir = 0");
	snprintf(text, sizeof text,
	    "INSERT INTO queue (contact, lane, state, id, kind, time, call, added, expires, "
	    "envelope)"
	    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    " SELECT 1 + i %% %d, i / %d %% 3, i %% 7 / 6 * 2, randomblob(16), 'message', i, i, i,"
	    " 2000000 + i, zeroblob(1000) FROM n",
	    MAIL, CONTACTS, CONTACTS);
	sql(s, text);
	sql(s, "INSERT INTO lane (contact, lane, due) SELECT DISTINCT contact, lane, 5 FROM queue "
	       "WHERE state = 0");
	for (unsigned i = 0; i < 30; i++)
		MUST(home_message(s, first_contact + i % 3, DIR_IN, MESSAGE_NEW, i, "new"));
	MUST(store_commit(s));
	ok(sound(s), "sound");
}

/* Since it was asked last; scan: rows passed without an index. */
static int cost(struct store *s, int *scan)
{
	sqlite3 *db = sqlite3_db_handle(store_sql(s, "SELECT 1"));
	int steps = 0, passed;

	*scan = 0;
	for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(db, st)) != NULL;) {
		steps += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 1);
		passed = sqlite3_stmt_status(st, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1);
		if (passed > 100)
			printf("# a scan of %d rows: %s\n", passed, sqlite3_sql(st));
		*scan += passed;
	}
	return steps;
}

static void costs(struct store *s, int most, const char *name)
{
	int scan, steps = cost(s, &scan);

	if (!ok(steps <= most && scan <= 100, "%s: %d steps", name, steps))
		printf("# at most %d, %d rows scanned\n", most, scan);
}

static int count(void *ctx, const struct record *rec, int64_t seq)
{
	(void)rec;
	(void)seq;
	++*(int *)ctx;
	return 0;
}

static int each(struct store *s, struct message_query q)
{
	int n = 0, scan;

	(void)cost(s, &scan);
	MUST(message_each(s, &q, count, &n));
	return n;
}

static void messages(struct store *s)
{
	int64_t seq, tries, n;
	struct record rec;
	uint8_t id[16];
	int scan;

	is_int(each(s, (struct message_query){.all = false}), 30, "what is new");
	costs(s, 3000, "what is new");
	is_int(each(s, (struct message_query){.contact = "n1"}), 10, "what is new of one");
	costs(s, 400, "what is new of one");
	is_int(each(s, (struct message_query){.all = true, .limit = 20}), 20,
	    "the end of the history");
	costs(s, 2000, "the end of the history");
	is_int(each(s, (struct message_query){.all = true, .limit = 20, .contact = "n5"}), 20,
	    "of one");
	costs(s, 2500, "the end of one's history");
	is_int(each(s, (struct message_query){.all = true, .contact = "n5", .limit = 150}), 150,
	    "more of one");
	costs(s, 9000, "a history of 150");
	is_int(
	    each(s, (struct message_query){.all = true, .after = MESSAGES}), 30, "after a message");
	costs(s, 3000, "after a message");

	record_init(&rec);
	MUST(message_claim(s, &rec, &seq, &tries, NOW, 1000));
	costs(s, 1000, "a claim");
	MUST(message_claim(s, &rec, &n, &tries, NOW, 1000));
	costs(s, 1500, "a claim beside one");
	MUST(message_release(s, seq, MESSAGE_NEW, 2 * NOW));
	MUST(message_release(s, n, MESSAGE_READ, 0));
	costs(s, 500, "two released");
	MUST(message_claim(s, &rec, &seq, &tries, NOW, 1000));
	costs(s, 1500, "a claim past one that waits");
	MUST(message_release(s, seq, MESSAGE_READ, 0));
	id_of(id, 29);
	(void)cost(s, &scan);
	MUST(message_mark(s, id));
	costs(s, 300, "a mark");
	MUST(message_unread(s, first_contact, &n));
	costs(s, 300, "unread ones of one");
	MUST(seen_get(s, first_contact, id, NULL));
	MUST(seen_add(s, first_contact, id, NULL, 0));
	MUST(home_message(s, first_contact, DIR_IN, MESSAGE_READ, 77, "x"));
	costs(s, 400, "one more message");
	record_free(&rec);
}

/* One contact has written 20,000 and is worked on. */
static void backlog(struct store *s)
{
	int64_t first, seq, tries;
	struct record rec;
	int scan;

	sql(s, "INSERT INTO message (contact, dir, id, kind, time, stored, state, body)"
	       " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
	       " SELECT 9, 0, randomblob(16), 'message', i, i, 0, x'61' FROM n");
	MUST(home_message(s, first_contact + 20, DIR_IN, MESSAGE_NEW, 1, "later"));
	sql(s, "UPDATE message SET state = 1 WHERE state = 0 AND contact NOT IN (9, 21)");
	record_init(&rec);
	MUST(message_claim(s, &rec, &first, &tries, NOW, 1000));
	is_str(rec.contact, "n8", "the oldest of the backlog");
	(void)cost(s, &scan);
	MUST(message_claim(s, &rec, &seq, &tries, NOW, 1000));
	is_str(rec.contact, "n20", "past the backlog");
	costs(s, 1000, "a claim past a backlog");
	MUST(message_release(s, seq, MESSAGE_READ, 0));
	MUST(message_release(s, first, MESSAGE_NEW, 2 * NOW));
	MUST(message_claim(s, &rec, &seq, &tries, NOW, 1000));
	costs(s, 1000, "a claim within it");
	MUST(message_release(s, seq, MESSAGE_READ, 0));
	is_int(each(s, (struct message_query){.contact = "n8", .limit = 10}), 10, "ten of it");
	costs(s, 400, "ten of it");
	is_int(each(s, (struct message_query){.contact = "n8"}), 19999, "all of it");
	costs(s, 20 * 20000, "all of it, each once");
	record_free(&rec);
}

static void contacts(struct store *s)
{
	struct buf ring = BUF_INIT(64u << 20);
	int64_t version = -1, n;
	struct contact_key k;
	struct contact c;
	int scan;

	MUST(keyring_load(s, &ring, &version));
	(void)cost(s, &scan);
	MUST(keyring_load(s, &ring, &version));
	costs(s, 30, "a keyring that has not changed");
	MUST(contact_get(s, &c, "n200"));
	MUST(contact_by_onion(s, &c, c.onion));
	MUST(key_for_sending(s, &k, c.row, KEY_PAIR));
	MUST(key_expire(s, NOW, &n));
	costs(s, 300, "a contact and its key");
	home_contact(s, "onemore");
	costs(s, 300, "one more contact");
	buf_free(&ring);
}

static void outbox(struct store *s)
{
	struct buf envelope = BUF_INIT(2000);
	struct queue_item item;
	enum wire_lane lane;
	int64_t contact, next, n;
	int scan;

	(void)cost(s, &scan);
	for (int i = 0; i < 16; i++)
		MUST(lane_claim(s, &contact, &lane, NOW, 1000, &next));
	costs(s, 40000, "sixteen claims: each passes those at work");
	MUST(lane_next(s, contact, lane, 0, &item, &envelope));
	MUST(lane_next(s, contact, lane, item.seq, &item, &envelope));
	MUST(queue_remove(s, item.seq));
	MUST(lane_release(s, contact, lane, NOW + 5, true, "connect", "no answer"));
	costs(s, 700, "mail delivered");
	MUST(lane_claim(s, &contact, &lane, NOW, 1000, &next));
	costs(s, 6000, "one more claim");
	sql(s, "UPDATE lane SET due = 1500000");
	(void)cost(s, &scan);
	is_int(lane_claim(s, &contact, &lane, NOW, 1000, &next), MP_ENONE, "nothing is due");
	is_int(next, 1500000, "until");
	MUST(lane_wake(s, first_contact + 7, NOW, NULL));
	MUST(queue_expire(s, NOW, &n));
	MUST(queue_count_call(s, 55, &n));
	costs(s, 600, "looking in vain");
	MUST(queue_fail(s, item.seq - CONTACTS * 3, "400", "no"));
	costs(s, 400, "a failure");
	MUST(queue_cancel(s, item.id) == MP_ENONE ? 0 : -1);
	costs(s, CONTACTS * 20, "an id that is not in the queue: a look a contact");
	MUST(home_mail(s, first_contact, LANE_MESSAGE, 4242));
	costs(s, 300, "one more piece of mail");
	buf_free(&envelope);
}

/* Every lane blocked by a control lane that backs off is put off once, not passed each time. */
static void blocked(struct store *s)
{
	enum wire_lane lane;
	int64_t contact, next;
	int scan;

	sql(s, "UPDATE lane SET lease_until = 0, due = CASE lane WHEN 0 THEN 3000000 ELSE 5 END");
	is_int(
	    lane_claim(s, &contact, &lane, NOW, 1000, &next), MP_ENONE, "all behind control mail");
	(void)cost(s, &scan);
	is_int(lane_claim(s, &contact, &lane, NOW, 1000, &next), MP_ENONE, "the second time");
	costs(s, 100, "the second time");
}

static int any_transfer(void *ctx, const struct transfer *t)
{
	(void)ctx;
	(void)t;
	return 0;
}

static void files(struct store *s)
{
	struct transfer t = {.size = 1, .step = 1, .chunks = 1, .next = 1};
	struct transfer_load load;
	int scan;

	MUST(store_begin(s));
	for (unsigned i = 0; i < 5000; i++) {
		t.contact = first_contact + i % 5;
		put32(t.id, i);
		t.state = i % 1000 == 5 ? TRANSFER_OFFERED : TRANSFER_COMPLETE;
		MUST(transfer_add(s, &t));
	}
	MUST(store_commit(s));
	(void)cost(s, &scan);
	MUST(transfer_quota(s, first_contact, &load));
	costs(s, 500, "a contact's quota");
	MUST(transfer_each_owed(s, any_transfer, NULL));
	costs(s, 100, "what is owed about files");
	MUST(transfer_told(s, first_contact, t.id));
	costs(s, 100, "a status that was delivered");
	is_int(transfer_stale(s, &t, 0), MP_ENONE, "none is stale");
	costs(s, 1000, "what does not go on");
}

static void rekeys(struct store *s)
{
	struct rekey r = {.contact = first_contact, .has_own = true};
	int64_t row;
	int scan;

	MUST(rekey_put(s, &r));
	(void)cost(s, &scan);
	MUST(rekey_open(s, 0, &row));
	is_int(rekey_open(s, row, &row), MP_ENONE, "one rekey under way");
	costs(s, 100, "rekeys that are under way");
	MUST(rekey_under_way(s, first_contact + 5, 1));
	costs(s, 600, "is old mail of one under way");
	MUST(rekey_get(s, &r, first_contact));
	costs(s, 60, "a contact's rekey");
	is_int(rekey_wanted(s, 0, 0, 1, &row), MP_ENONE, "no key has sealed anything");
	costs(s, CONTACTS * 40, "whose key is to be renewed: a look a contact");
	sql(s, "DELETE FROM rekey");
}

int main(void)
{
	struct store *s = home_store();

	populate(s);
	messages(s);
	backlog(s);
	contacts(s);
	outbox(s);
	blocked(s);
	files(s);
	rekeys(s);
	ok(sound(s), "sound");
	ok(at_rest(s), "at rest");
	store_close(s);
	return done();
}
