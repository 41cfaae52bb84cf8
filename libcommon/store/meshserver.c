#include "store/meshserver.h"

#include <sodium.h>

#include "base/err.h"
#include "store/sql.h"

#define COLUMNS                                                                               \
	"id, onion, role, until, isolation, load, asked, wrong, fails, retry, cursor, tokens" \
	" FROM meshserver"

static int one(struct meshserver *v, int rc, sqlite3_stmt *st)
{
	if (rc <= 0)
		return rc < 0 ? rc : err_set(MP_ENONE, "no such server");
	v->row = sqlite3_column_int64(st, 0);
	sql_bytes(st, 1, v->onion, sizeof(v->onion));
	v->role = (enum meshrole)sqlite3_column_int(st, 2);
	v->until = sqlite3_column_int64(st, 3);
	sql_bytes(st, 4, v->isolation, sizeof(v->isolation));
	v->load = sqlite3_column_int64(st, 5);
	v->asked = sqlite3_column_int64(st, 6);
	v->wrong = sqlite3_column_int64(st, 7);
	v->fails = sqlite3_column_int64(st, 8);
	v->retry = sqlite3_column_int64(st, 9);
	v->cursor = sqlite3_column_int64(st, 10);
	v->tokens = sqlite3_column_int64(st, 11);
	sql_done(st);
	return 0;
}

int meshserver_add(struct store *s, const uint8_t onion[static ONION_KEY])
{
	uint8_t isolation[16];
	int rc;

	randombytes_buf(isolation, sizeof(isolation));
	rc = sql_exec(s,
	    "INSERT OR IGNORE INTO meshserver (onion, isolation) SELECT ?1, ?2"
	    " WHERE (SELECT count(*) FROM meshserver) < ?3 OR EXISTS"
	    " (SELECT 1 FROM meshserver WHERE onion = ?1)",
	    "kxi", onion, isolation, (int64_t)MESHSERVERS_MAX);
	if (rc != 0 || store_changes(s) != 0)
		return rc;
	rc = sql_int(s, &(int64_t){0}, "SELECT 1 FROM meshserver WHERE onion = ?", "k", onion);
	if (rc < 0)
		return rc;
	return rc == 1 ? err_set(MP_EEXIST, "this server is known already")
	               : err_set(MP_ELIMIT, "%d servers are known: no more", MESHSERVERS_MAX);
}

int meshserver_remove(struct store *s, const uint8_t onion[static ONION_KEY])
{
	int rc = sql_exec(s, "DELETE FROM meshserver WHERE onion = ?", "k", onion);

	return rc == 0 && store_changes(s) == 0 ? err_set(MP_ENONE, "no such server") : rc;
}

int meshserver_get(struct store *s, struct meshserver *v, const uint8_t onion[static ONION_KEY])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " COLUMNS " WHERE onion = ?", "k", onion);

	return one(v, rc, st);
}

int meshserver_next(struct store *s, struct meshserver *v, int64_t after)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " COLUMNS " WHERE id > ? ORDER BY id LIMIT 1", "i", after);

	return one(v, rc, st);
}

int meshserver_update(struct store *s, const struct meshserver *v)
{
	return sql_exec(s,
	    "UPDATE meshserver SET role = ?, until = ?, isolation = ?, load = ?, asked = ?,"
	    " wrong = ?, fails = ?, retry = ?, cursor = ?, tokens = ? WHERE id = ?",
	    "dixiiiiiiii", (int)v->role, v->until, v->isolation, v->load, v->asked, v->wrong,
	    v->fails, v->retry, v->cursor, v->tokens, v->row);
}

int meshserver_set_load(struct store *s, const struct meshserver *v)
{
	return sql_exec(s, "UPDATE meshserver SET load = ?, asked = ? WHERE id = ?", "iii", v->load,
	    v->asked, v->row);
}

int meshserver_set_cursor(struct store *s, const struct meshserver *v)
{
	return sql_exec(s, "UPDATE meshserver SET cursor = ? WHERE id = ? AND isolation = ?", "iix",
	    v->cursor, v->row, v->isolation);
}

int meshserver_set_tokens(struct store *s, struct meshserver *v, int64_t day)
{
	int rc = sql_exec(s,
	    "UPDATE meshserver SET tokens = ? WHERE id = ? AND isolation = ? AND tokens = ?",
	    "iixi", day, v->row, v->isolation, v->tokens);

	if (rc == 0 && store_changes(s) == 0)
		return err_set(MP_ENONE, "its tokens are to be registered again");
	if (rc == 0)
		v->tokens = day;
	return rc;
}

int meshserver_reset(struct store *s)
{
	return sql_exec(s,
	    "UPDATE meshserver SET role = 0, until = 0, isolation = randomblob(16), cursor = 0,"
	    " tokens = 0",
	    "");
}

int meshserver_retoken(struct store *s)
{
	/* Another number each time: who registers them just now must notice. */
	return sql_exec(s,
	    "UPDATE meshserver SET tokens = CASE WHEN tokens > 0 THEN 0 ELSE tokens - 1 END", "");
}
