/*
 * Old messages deleted, with what else speaks of them: the failed row of the queue and the finished
 * transfer.  Ids taken (the seen table) stay, so that nothing pruned can be delivered again.
 */
#include "base/err.h"
#include "store/sql.h"

/* Rows a transaction: other writers wait for its time, not for that of the whole. */
#define BATCH 4000
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

/* The end of a batch of messages of this contact in (after, last]. 0: there is none. */
static int batch_end(struct store *s, int64_t contact, int64_t after, int64_t last, int64_t *end)
{
	int rc;

	*end = 0;
	if (contact != 0)
		rc = sql_int(s, end,
		    "SELECT max(seq) FROM (SELECT seq FROM message WHERE contact = ? AND seq > ? "
		    "AND seq <= ?"
		    " ORDER BY seq LIMIT ?)",
		    "iiid", contact, after, last, BATCH);
	else
		rc = sql_int(s, end,
		    "SELECT max(seq) FROM"
		    " (SELECT seq FROM message WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?)",
		    "iid", after, last, BATCH);
	return rc < 0 ? rc : 0;
}

#define CHOSEN                                                                             \
	" seq > ?1 AND seq <= ?2 AND (?3 = 0 OR contact = ?3) AND (?4 = 0 OR stored < ?4)" \
	" AND state NOT IN (0, 10, 11)"

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
		rc = sql_exec(s,
		    "DELETE FROM transfer WHERE state IN (2, 3, 4) AND (contact, id) IN (SELECT "
		    "contact,"
		    " CAST(substr(id, 1, 12) || x'00000000' AS BLOB) FROM message"
		    " WHERE dir = 0 AND kind = 'file' AND" CHOSEN ")",
		    "iiii", after, end, contact, before);
	if (rc == 0)
		rc = sql_exec(
		    s, "DELETE FROM message WHERE" CHOSEN, "iiii", after, end, contact, before);
	if (rc == 0)
		*n += store_changes(s);
	return rc;
}

static int prune(struct store *s, int64_t before, int64_t contact, int64_t last, int64_t *n)
{
	int64_t after = 0, end;
	int rc;

	while ((rc = batch_end(s, contact, after, last, &end)) == 0 && end != 0) {
		if ((rc = store_begin(s)) != 0)
			return rc;
		rc = sql_end(s, delete_batch(s, after, end, contact, before, n));
		if (rc != 0)
			return rc;
		after = end;
	}
	return rc;
}

int message_prune(struct store *s, int64_t before, int64_t contact, int64_t keep, int64_t *n)
{
	int64_t last;
	int rc;

	*n = 0;
	if ((rc = cut(s, contact, keep, &last)) != 0 || (rc = sql_exec(s, CACHE, "")) != 0)
		return rc;
	rc = prune(s, before, contact, last, n);
	if (rc == 0)
		rc = sql_exec(s, CACHE_USUAL, "");
	return rc;
}
