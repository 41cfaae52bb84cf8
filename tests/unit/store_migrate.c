/*
 * A store of an earlier version, in use, becomes one of this version: the same as a new one,
 * nothing lost; also when several open it at once, when it is done a second time, and when whoever
 * does it is killed.
 */
#include <fcntl.h>
#include <signal.h>

#include "base/clock.h"
#include "home.h"
#include "store/dump.h"
#include "store/rekey.h"

static int old = 1; /* the version */

static void sql(const char *text)
{
	sqlite3 *db;

	if (sqlite3_open(home_file("store.db"), &db) != SQLITE_OK ||
	    sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
		printf("Bail out! %s\n", sqlite3_errmsg(db));
		exit(99);
	}
	sqlite3_close(db);
}

static void drop_store(void)
{
	unlink(home_file("store.db"));
	unlink(home_file("store.db-wal"));
	unlink(home_file("store.db-shm"));
}

/* With a contact, his keys, two messages, one of them under way, and mail. */
static void make_old(void)
{
	struct buf b = BUF_INIT(1u << 20);
	char path[64], version[64];

	drop_store();
	snprintf(path, sizeof path, "tests/vectors/store-%d.sql", old);
	snprintf(version, sizeof version, "PRAGMA user_version = %d", old);
	MUST(file_read(path, &b));
	MUST(buf_terminate(&b));
	MUST(file_write(home_file("store.db"), "", 0, 0600, true));
	sql("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 1836068913;"
	    "PRAGMA journal_mode = WAL");
	sql(version);
	sql((const char *)b.data);
	sql("INSERT INTO contact (id, name, state, onion, isolation, created)"
	    " VALUES (1, 'bob', 2, zeroblob(32), zeroblob(16), 5);"
	    "INSERT INTO key (id, contact, epoch, role, cid, secret, send, recv)"
	    " VALUES (3, 1, 0, 1, zeroblob(32), zeroblob(32), zeroblob(32), x'"
	    "0101010101010101010101010101010101010101010101010101010101010101');"
	    "INSERT INTO message (contact, dir, id, kind, time, stored, state, body)"
	    " VALUES (1, 0, zeroblob(16), 'message', 1, 1, 1, x'61'),"
	    " (1, 1, zeroblob(16), 'message', 7, 7, 11, x'62');"
	    "INSERT INTO queue (contact, lane, id, kind, time, call, added, expires, envelope)"
	    " VALUES (1, 1, zeroblob(16), 'message', 7, 1, 7, 9, x'63');"
	    "INSERT INTO lane (contact, lane) VALUES (1, 1);"
	    "UPDATE keyring SET slots ="
	    " x'0101010101010101010101010101010101010101010101010101010101010101"
	    "0000000000000000000000000000000000000000000000030000000000000000'");
	buf_free(&b);
}

/* Every table and index with its columns, as SQLite sees them. */
static void shape(struct store *s, struct buf *out)
{
	static const char text[] =
	    "SELECT m.type || ' ' || m.name || ' ' || coalesce(c.cid || ' ' || c.name || ' ' || "
	    "c.type || ' ' || c.\"notnull\" || ' ' || coalesce(c.dflt_value, '-') || ' ' || c.pk, "
	    "'')"
	    " || coalesce(x.seqno || ' ' || x.name, '')"
	    " || CASE m.type WHEN 'index' THEN coalesce(substr(m.sql, instr(m.sql, 'WHERE')), '')"
	    " WHEN 'trigger' THEN replace(replace(replace(replace(m.sql, char(10), ' '),"
	    " '    ', ' '), '  ', ' '), 'IF NOT EXISTS ', '')"
	    " ELSE '' END || char(10)"
	    " FROM sqlite_master m LEFT JOIN pragma_table_info(m.name) c ON m.type = 'table'"
	    " LEFT JOIN pragma_index_info(m.name) x ON m.type = 'index' ORDER BY 1";
	sqlite3_stmt *st = store_sql(s, text);

	while (store_step(s, st) == 1)
		MUST(buf_adds(out, (const char *)sqlite3_column_text(st, 0)));
}

static struct buf fresh = BUF_INIT(1u << 20);

static int as_new(struct store *s)
{
	struct buf got = BUF_INIT(1u << 20);
	int same;

	shape(s, &got);
	same =
	    fresh.len > 1000 && fresh.len == got.len && memcmp(fresh.data, got.data, got.len) == 0;
	buf_free(&got);
	return same;
}

static int holds_all(struct store *s)
{
	int64_t row = 0;

	return number(s, "SELECT count(*) FROM message WHERE state IN (1, 11)") == 2 &&
	       number(s, "SELECT count(*) FROM queue") == 1 &&
	       number(s, "SELECT epoch FROM key WHERE id = 3") == 0 &&
	       rekey_wanted(s, 0, 5, 0, &row) == 0 && row == 1 && rekey_under_way(s, 1, 7) == 1 &&
	       rekey_under_way(s, 1, 6) == 0;
}

static void check(const char *name)
{
	struct store *s;

	MUST(store_open(&s));
	ok(as_new(s) && sound(s), "%s: as a new one", name);
	ok(holds_all(s), "%s: nothing is lost", name);
	is_int(number(s, "PRAGMA user_version"), STORE_VERSION, "its version");
	store_close(s);
}

static int writes_left = -1;

static ssize_t deadly_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (writes_left == 0)
		kill(getpid(), SIGKILL);
	if (writes_left > 0)
		writes_left--;
	return pwrite(fd, p, n, at);
}

/* 1 when the child was killed while it opened the store. */
static int killed_after(int writes)
{
	struct store *s;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		writes_left = writes;
		MUST(store_open(&s));
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0) == pid ? 0 : MP_ESYS);
	return WIFSIGNALED(status);
}

static void kills(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	int n = 0;

	vfs->xSetSystemCall(vfs, "pwrite", (void (*)(void))deadly_pwrite);
	vfs->xSetSystemCall(vfs, "pwrite64", (void (*)(void))deadly_pwrite);
	do {
		make_old();
		if (!killed_after(n))
			break;
		check("killed");
	} while (++n < 100);
	ok(n > 3 && n < 100, "at each of %d writes", n);
}

static void look(struct store *s, int arg)
{
	(void)arg;
	if (!holds_all(s))
		_exit(1);
}

static void exported(void)
{
	struct store *s;
	FILE *f = tmpfile();
	char line[4096];
	int fd, rc;

	make_old();
	MUST(store_open(&s));
	MUST(store_export(s, f));
	store_close(s);
	rewind(f);
	/* As an earlier version printed it: it has no table that it does not know. */
	fd = open(home_file("dump"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	while (fgets(line, sizeof line, f) != NULL) {
		char *version = strstr(line, "\"version\":3");

		if (version != NULL)
			version[strlen("\"version\":")] = (char)('0' + old);
		MUST(fd_write_all(fd, line, strlen(line)));
	}
	lseek(fd, 0, SEEK_SET);
	drop_store();
	MUST(store_create());
	MUST(store_open(&s));
	rc = store_import(s, fd, "dump");
	ok(rc == 0, "an export of version %d is taken", old);
	ok(holds_all(s) && sound(s), "whole");
	store_close(s);
	close(fd);
	fclose(f);
}

static void from(int version)
{
	char text[64];
	pid_t pid[4];
	int good = 1;

	old = version;
	make_old();
	check("opened");
	check("opened again");
	/* A program of that version that still runs writes its version when it erases. */
	snprintf(text, sizeof text, "PRAGMA user_version = %d", old);
	sql(text);
	check("taken back by an older program");
	make_old();
	for (int i = 0; i < 4; i++)
		pid[i] = child(look, i);
	for (int i = 0; i < 4; i++)
		good &= exit_of(pid[i]) == 0;
	ok(good, "four at once");
	check("four at once");
	exported();
	kills();
}

int main(void)
{
	struct store *s = home_store();

	shape(s, &fresh);
	store_close(s);
	from(1);
	from(2);
	return done();
}
