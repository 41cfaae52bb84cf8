/*
 * What was deleted made unreadable: free pages given back, the -wal emptied, the slack of pages
 * wiped.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/slack.h"
#include "store/sql.h"
#include "store/turn.h"

int store_shrink(struct store *s)
{
	int64_t free_pages = 0, before;
	int rc = sql_int(s, &free_pages, "PRAGMA freelist_count", "");

	do {
		before = free_pages;
		if (rc >= 0 && free_pages > 0)
			rc = sql_exec(s, "PRAGMA incremental_vacuum(1000)", "");
		if (rc >= 0)
			rc = sql_int(s, &free_pages, "PRAGMA freelist_count", "");
	} while (rc >= 0 && free_pages > 0 && free_pages < before);
	return rc < 0 ? rc : 0;
}

/* Every page of the -wal into the file, the -wal empty; waits for readers and writers. */
static int empty_log(struct store *s, int64_t end)
{
	int rc;

	s->until = end;
	do {
		rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	} while ((rc & 0xff) == SQLITE_BUSY && clock_monotonic() < end);
	s->until = 0;
	if ((rc & 0xff) == SQLITE_BUSY)
		return err_set(MP_EBUSY, "deleted, but not yet erased: the store is being read");
	return rc == SQLITE_OK ? 0 : sql_error(s);
}

/* Under the write lock an empty -wal stays empty. */
static bool log_is_empty(struct store *s)
{
	struct stat st;

	return stat(sqlite3_filename_wal(sqlite3_db_filename(s->db, "main")), &st) != 0 ||
	       st.st_size == 0;
}

/* The write lock with an empty -wal: whoever writes next waits behind us while we empty it. */
static int begin_empty(struct store *s, int64_t end)
{
	int rc;

	if ((rc = turn_take(s->turn, end)) != 0)
		return rc;
	rc = empty_log(s, end);
	if (rc == 0)
		rc = sql_begin(s, end);
	turn_pass(s->turn);
	return rc;
}

/* Changes page 1, and nothing that it says: the store's version is set to what it is. */
static int mark_page_1(struct store *s)
{
	int64_t version = 0;
	char sql[48];
	int rc = sql_int(s, &version, "PRAGMA user_version", "");

	if (rc < 0)
		return rc;
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", (int)version);
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_error(s);
}

/*
 * 1 when the slack is wiped, 0 when somebody wrote out of turn.  The commit changes page 1, so that
 * others read anew what they have in memory and do not write old slack back.
 */
static int wipe(struct store *s, int64_t end)
{
	int rc = begin_empty(s, end);

	if (rc != 0)
		return rc;
	if (!log_is_empty(s)) {
		store_rollback(s);
		return 0;
	}
	rc = slack_wipe(s);
	if (rc == 0)
		rc = mark_page_1(s);
	rc = store_end(s, rc);
	sqlite3_db_release_memory(s->db);
	return rc != 0 ? rc : 1;
}

int store_erase(struct store *s)
{
	int64_t end = clock_monotonic() + SQL_PATIENCE;
	int rc;

	if (s->depth > 0)
		return err_set(MP_EUSAGE, "cannot erase within a transaction");
	while ((rc = wipe(s, end)) == 0)
		if (clock_monotonic() >= end)
			return err_set(
			    MP_EBUSY, "deleted, but not yet erased: the store is being written");
	if (rc < 0)
		return rc;
	/* Our own mark on page 1 is no secret: the log that holds it is emptied when nobody minds.
	 */
	s->until = 1;
	sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	s->until = 0;
	return 0;
}
