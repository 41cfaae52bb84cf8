#include "store/carried.h"

#include "base/err.h"
#include "store/sql.h"

static int add(struct store *s, int64_t seq, int64_t until)
{
	int rc = sql_exec(s, "UPDATE queue SET state = 3 WHERE seq = ? AND state = 0", "i", seq);

	if (rc != 0)
		return rc;
	if (store_changes(s) == 0)
		return err_set(MP_ENONE, "it is in the queue no more");
	return sql_exec(s, "REPLACE INTO carried (seq, until) VALUES (?, ?)", "ii", seq, until);
}

int carried_add(struct store *s, int64_t seq, int64_t until)
{
	int rc = store_begin(s);

	return rc != 0 ? rc : store_end(s, add(s, seq, until));
}

/* 1: it waits again, 0: there is none. */
static int again(struct store *s, int64_t now)
{
	int64_t seq = 0, contact = 0, lane = 0;
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT q.seq, q.contact, q.lane FROM carried k JOIN queue q ON q.seq = k.seq"
	    " WHERE k.until <= ? LIMIT 1",
	    "i", now);

	if (rc != 1)
		return rc;
	seq = sqlite3_column_int64(st, 0);
	contact = sqlite3_column_int64(st, 1);
	lane = sqlite3_column_int64(st, 2);
	sql_done(st);
	rc = sql_exec(s, "UPDATE queue SET state = 0 WHERE seq = ? AND state = 3", "i", seq);
	if (rc == 0 && (rc = sql_exec(s, "DELETE FROM carried WHERE seq = ?", "i", seq)) == 0)
		rc = lane_ensure(s, contact, (int)lane, now);
	return rc != 0 ? rc : 1;
}

int carried_again(struct store *s, int64_t now, int64_t *n)
{
	int64_t one;
	int rc = sql_int(s, &one, "SELECT 1 FROM carried WHERE until <= ? LIMIT 1", "i", now);

	*n = 0;
	if (rc <= 0)
		return rc;
	if ((rc = store_begin(s)) != 0)
		return rc;
	while ((rc = again(s, now)) == 1)
		++*n;
	return store_end(s, rc);
}
