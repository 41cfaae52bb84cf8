/*
 * Old messages deleted, with what else speaks of them: the failed row of the queue and the finished
 * transfer.  Ids taken (the seen table) stay, and of a transfer how it ended, so that nothing
 * pruned can be delivered again.
 */
#include "base/err.h"
#include "store/sql.h"

/* Rows a transaction: other writers wait for its time, not for that of the whole. */
#define BATCH 4000
/* Bytes of text in it: what is deleted is overwritten by way of the -wal, for which a full disk has
 * little room. */
#define BATCH_BYTES (1 << 20)
/* KiB: the pages of the indexes are changed in any order. */
#define CACHE "PRAGMA cache_size = -65536"
#define CACHE_USUAL "PRAGMA cache_size = -2000"

/* The newest message that may go, by count. */
static int cut(struct store *s, int64_t contact, int64_t keep, int64_t *last)
{
	int rc;

	*last = 0;
	if (keep < 0)
		keep = 0;
	if (contact != 0)
		rc = sql_int(s, last,
		    "SELECT seq FROM message WHERE contact = ? ORDER BY seq DESC LIMIT 1 OFFSET ?",
		    "ii", contact, keep);
	else
		rc = sql_int(s, last, "SELECT seq FROM message ORDER BY seq DESC LIMIT 1 OFFSET ?",
		    "i", keep);
	return rc < 0 ? rc : 0;
}

int sql_batch_end(struct store *s, int64_t contact, int64_t after, int64_t last, int64_t *end)
{
	int64_t bytes = 0;
	sqlite3_stmt *st;
	int rc;

	*end = 0;
	if (contact != 0)
		sql_query(s, &st,
		    "SELECT seq, length(body) FROM message WHERE contact = ? AND seq > ? AND seq "
		    "<= ?"
		    " ORDER BY seq LIMIT ?",
		    "iiid", contact, after, last, BATCH);
	else
		sql_query(s, &st,
		    "SELECT seq, length(body) FROM message WHERE seq > ? AND seq <= ? ORDER BY seq "
		    "LIMIT ?",
		    "iid", after, last, BATCH);
	while (bytes < BATCH_BYTES && (rc = store_step(s, st)) == 1) {
		*end = sqlite3_column_int64(st, 0);
		bytes += sqlite3_column_int64(st, 1);
	}
	if (rc == 1)
		sql_done(st);
	return rc < 0 ? rc : 0;
}

#define CHOSEN                                                                             \
	" seq > ?1 AND seq <= ?2 AND (?3 = 0 OR contact = ?3) AND (?4 = 0 OR stored < ?4)" \
	" AND state NOT IN (0, 10, 11)"

#define FILES_CHOSEN                                                   \
	"state IN (2, 3, 4) AND (contact, id) IN (SELECT contact,"     \
	" CAST(substr(id, 1, 12) || x'00000000' AS BLOB) FROM message" \
	" WHERE dir = 0 AND kind = 'file' AND" CHOSEN ")"

/* transfer_ended() reads it. */
#define KEEP_END                                          \
	"INSERT OR IGNORE INTO seen (contact, id, reply)" \
	" SELECT contact, id, CAST(char(state) AS BLOB) FROM transfer WHERE "

static int delete_batch(
    struct store *s, int64_t after, int64_t end, int64_t contact, int64_t before, int64_t *n)
{
	int rc = sql_exec(s,
	    "DELETE FROM queue WHERE seq IN (SELECT q.seq FROM message m CROSS JOIN queue q"
	    " ON q.contact = m.contact AND q.id BETWEEN m.id AND CAST(substr(m.id, 1, 12) || "
	    "x'ffffffff' AS BLOB)"
	    " WHERE m.dir = 1 AND q.state = 2 AND (q.id = m.id OR q.kind = 'file')"
	    " AND m.seq IN (SELECT seq FROM message WHERE" CHOSEN "))",
	    "iiii", after, end, contact, before);

	if (rc == 0)
		rc = sql_exec(s, KEEP_END FILES_CHOSEN, "iiii", after, end, contact, before);
	if (rc == 0)
		rc = sql_exec(s, "DELETE FROM transfer WHERE " FILES_CHOSEN, "iiii", after, end,
		    contact, before);
	if (rc == 0)
		rc = sql_exec(
		    s, "DELETE FROM message WHERE" CHOSEN, "iiii", after, end, contact, before);
	if (rc == 0)
		*n += store_changes(s);
	return rc;
}

/* Those that failed or were declined have no message: they go with what came before `end`. */
#define ENDED                                                                         \
	"state IN (2, 4) AND owed = 0 AND touched <= ?1 AND (?2 = 0 OR contact = ?2)" \
	" AND (?3 = 0 OR touched < ?3)"

static int prune_ended(struct store *s, int64_t end, int64_t contact, int64_t before)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	if ((rc = sql_exec(s, KEEP_END ENDED, "iii", end, contact, before)) == 0)
		rc = sql_exec(s, "DELETE FROM transfer WHERE " ENDED, "iii", end, contact, before);
	return store_end(s, rc);
}

static int prune(struct store *s, int64_t before, int64_t contact, int64_t last, int64_t *n)
{
	int64_t after = 0, end;
	int rc;

	while ((rc = sql_batch_end(s, contact, after, last, &end)) == 0 && end != 0) {
		if ((rc = store_begin(s)) != 0)
			return rc;
		rc = store_end(s, delete_batch(s, after, end, contact, before, n));
		if (rc != 0)
			return rc;
		after = end;
	}
	return rc;
}

int message_prune(struct store *s, int64_t before, int64_t contact, int64_t keep, int64_t *n)
{
	int64_t last, end = 0;
	int rc;

	*n = 0;
	if ((rc = cut(s, contact, keep, &last)) != 0 || (rc = sql_exec(s, CACHE, "")) != 0)
		return rc;
	rc = sql_int(s, &end, "SELECT stored FROM message WHERE seq = ?", "i", last);
	if (rc >= 0)
		rc = prune(s, before, contact, last, n);
	if (rc == 0)
		rc = prune_ended(s, end, contact, before);
	if (rc == 0)
		rc = sql_exec(s, CACHE_USUAL, "");
	return rc;
}
