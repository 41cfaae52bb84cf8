/*
 * What was deleted is in no file of the store: rows of all lengths are written, deleted in any
 * order by two processes, and looked for.  SQLite alone leaves some (store/slack.h).
 */
#include "home.h"

#define ROWS 800

static unsigned seed;

static unsigned any(unsigned below)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % below;
}

static int add(struct store *s, int64_t contact, unsigned n)
{
	struct record r;
	unsigned len = any(10) == 0 ? any(9000) : any(300);
	int rc;

	record_init(&r);
	r.has_id = r.has_body = true;
	for (int i = 0; i < 16; i++)
		r.id[i] = (uint8_t)any(256);
	strcpy(r.kind, "message");
	MUST(buf_addf(&r.body, "MARK%08u", n));
	while (len-- > 0)
		MUST(buf_addc(&r.body, 'x'));
	MUST(buf_addf(&r.body, "MARK%08u", n));
	rc = message_add(s, contact, DIR_IN, MESSAGE_READ, &r, 1);
	record_free(&r);
	return rc;
}

static int remove_row(struct store *s, unsigned seq)
{
	sqlite3_stmt *st = store_sql(s, "DELETE FROM message WHERE seq = ?");

	sqlite3_bind_int64(st, 1, seq);
	return store_run(s, st);
}

/* Deletes the odd ones of one half in any order, holding pages in memory meanwhile. */
static void thin(struct store *s, int half)
{
	seed = (unsigned)half + 77;
	for (int i = 0; i < ROWS / 5; i++) {
		MUST(store_begin(s));
		for (int j = 0; j < 20; j++) {
			unsigned n = any(ROWS);

			if (n % 2 == 1 && n / (ROWS / 2) == (unsigned)half)
				MUST(remove_row(s, n + 1));
		}
		MUST(store_commit(s));
	}
}

/* How often deleted ones are found in the file, and that all others are. */
static int found(struct store *s, const char *suffix, int *kept)
{
	struct buf b = BUF_INIT(64u << 20);
	char path[PATH_MAX], digits[9] = "";
	static bool there[ROWS];
	int gone = 0;

	for (unsigned n = 0; n < ROWS; n++) {
		sqlite3_stmt *st = store_sql(s, "SELECT 1 FROM message WHERE seq = ?");

		sqlite3_bind_int64(st, 1, n + 1);
		there[n] = store_step(s, st) == 1;
		sqlite3_reset(st);
	}
	snprintf(path, sizeof path, "%s%s", home_file("store.db"), suffix);
	if (file_read(path, &b) != 0)
		return 0;
	for (size_t i = 0; i + 12 <= b.len; i++)
		if (memcmp(b.data + i, "MARK", 4) == 0) {
			memcpy(digits, b.data + i + 4, 8);
			*(there[atoi(digits)] ? kept : &gone) += 1;
		}
	buf_free(&b);
	return gone;
}

static void round_of(struct store *s, int64_t contact, unsigned n)
{
	int kept = 0, gone = 0;
	pid_t a, b;

	seed = n;
	MUST(store_begin(s));
	MUST(store_run(s, store_sql(s, "DELETE FROM message")));
	MUST(store_run(s, store_sql(s, "DELETE FROM sqlite_sequence WHERE name = 'message'")));
	for (unsigned i = 0; i < ROWS; i++) {
		MUST(add(s, contact, i));
		if (i % 50 == 49) {
			MUST(store_commit(s));
			MUST(store_begin(s));
		}
	}
	MUST(store_commit(s));
	a = child(thin, 0);
	b = child(thin, 1);
	/* Erased in the middle as well, while they delete. */
	MUST(store_erase(s));
	ok(exit_of(a) == 0 && exit_of(b) == 0, "round %u: deleted", n);
	if (n % 2 == 1)
		MUST(store_shrink(s));
	is_int(store_erase(s), 0, "erased");
	gone = found(s, "", &kept);
	ok(kept >= ROWS, "what is kept is found (%d)", kept);
	is_int(gone, 0, "nothing deleted is found");
	is_int(found(s, "-wal", &kept), 0, "nor in the log");
	ok(sound(s), "sound");
}

/* Writes all the time, with what it has read in memory. */
static void scribble(struct store *s, int arg)
{
	struct contact c;

	(void)arg;
	MUST(contact_get(s, &c, "bob"));
	for (unsigned i = 0; access(home_file("stop"), F_OK) != 0; i++)
		MUST(home_message(s, c.row, DIR_IN, MESSAGE_READ, i, "kept"));
}

static void beside_a_writer(struct store *s, int64_t contact)
{
	int kept = 0, gone = 0, bad = 0;
	pid_t pid = child(scribble, 0);

	for (int i = 0; i < 20; i++) {
		MUST(add(s, contact, 5));
		MUST(store_run(s, store_sql(s, "DELETE FROM message WHERE length(body) > 10")));
		bad += store_erase(s) != 0;
	}
	is_int(bad, 0, "erased beside a writer");
	gone = found(s, "", &kept) + found(s, "-wal", &kept);
	is_int(gone + kept, 0, "nothing deleted is found");
	MUST(file_write(home_file("stop"), "", 0, 0600, true));
	is_int(exit_of(pid), 0, "the writer was never refused");
	ok(sound(s), "sound");
}

int main(void)
{
	struct store *s = home_store();
	int64_t contact = home_contact(s, "bob");

	for (unsigned n = 1; n <= 4; n++)
		round_of(s, contact, n);
	beside_a_writer(s, contact);
	MUST(store_run(s, store_sql(s, "DELETE FROM message")));
	ok(number(s, "PRAGMA freelist_count") > 20, "there are free pages");
	MUST(store_shrink(s));
	is_int(number(s, "PRAGMA freelist_count"), 0, "which are given back");
	store_close(s);
	return done();
}
