/*
 * The claim of a new message for a hook.  The oldest new message is nearly always free; when it is
 * leased or backs off, the oldest one of each contact is looked at, never a contact's whole
 * backlog.
 */
#include "base/err.h"
#include "store/sql.h"

#define CLAIM_COLUMNS "seq, due, lease_pid, lease_boot, lease_until"

static bool claimable(sqlite3_stmt *st, int64_t now)
{
	struct lease l;

	sql_lease(st, 2, &l);
	return sqlite3_column_int64(st, 1) <= now && !lease_live(&l, now);
}

/* Looks at the row that sql_row() found; takes its seq when it can be claimed and is the oldest so
 * far. */
static int consider(sqlite3_stmt *st, int rc, int64_t now, int64_t *best, int64_t *first)
{
	int64_t seq;

	if (rc <= 0)
		return rc;
	seq = sqlite3_column_int64(st, 0);
	*first = seq;
	if (claimable(st, now) && (*best == 0 || seq < *best))
		*best = seq;
	sql_done(st);
	return 1;
}

/* The oldest new message of one contact (0: events without one), of both directions. */
static int consider_contact(struct store *s, int64_t contact, int64_t now, int64_t *best)
{
	int64_t in_best = 0, event_best = 0, in_first = INT64_MAX, event_first = INT64_MAX;
	sqlite3_stmt *st;
	int rc;

	rc = sql_row(s, &st,
	    "SELECT " CLAIM_COLUMNS " FROM message WHERE state = 0 AND contact IS ? AND dir = 0"
	    " ORDER BY seq LIMIT 1",
	    "z", contact);
	rc = consider(st, rc, now, &in_best, &in_first);
	if (rc < 0)
		return rc;
	rc = sql_row(s, &st,
	    "SELECT " CLAIM_COLUMNS " FROM message WHERE state = 0 AND contact IS ? AND dir = 2"
	    " ORDER BY seq LIMIT 1",
	    "z", contact);
	rc = consider(st, rc, now, &event_best, &event_first);
	if (rc < 0)
		return rc;
	if (event_first < in_first)
		in_best = event_best;
	if (in_best != 0 && (*best == 0 || in_best < *best))
		*best = in_best;
	return 0;
}

static int find(struct store *s, int64_t now, int64_t *best)
{
	int64_t contact = 0, first;
	sqlite3_stmt *st;
	int rc;

	*best = 0;
	rc = sql_row(s, &st,
	    "SELECT " CLAIM_COLUMNS " FROM message WHERE state = 0 ORDER BY seq LIMIT 1", "");
	rc = consider(st, rc, now, best, &first);
	if (rc <= 0 || *best != 0)
		return rc < 0 ? rc : 0;
	rc = consider_contact(s, 0, now, best);
	while (rc == 0 && (rc = sql_int(s, &contact,
	                       "SELECT contact FROM message WHERE state = 0 AND contact > ? ORDER "
	                       "BY contact LIMIT 1",
	                       "i", contact)) == 1)
		rc = consider_contact(s, contact, now, best);
	return rc;
}

static int take(
    struct store *s, struct record *rec, int64_t seq, int64_t *tries, int64_t now, int64_t ms)
{
	sqlite3_stmt *st;
	struct lease l;
	int rc;

	lease_make(&l, now, ms);
	rc = sql_exec(s,
	    "UPDATE message SET tries = tries + 1, lease_pid = ?, lease_boot = ?, lease_until = ? "
	    "WHERE seq = ?",
	    "isii", l.pid, l.boot, l.until, seq);
	if (rc == 0)
		rc = sql_int(s, tries, "SELECT tries FROM message WHERE seq = ?", "i", seq);
	if (rc == 1)
		rc = sql_row(s, &st, "SELECT " MESSAGE_COLUMNS " WHERE m.seq = ?", "i", seq);
	if (rc != 1)
		return rc < 0 ? rc : err_set(MP_ESYS, "a message vanished");
	rc = message_fill(rec, st);
	sql_done(st);
	return rc;
}

int message_claim(
    struct store *s, struct record *rec, int64_t *seq, int64_t *tries, int64_t now, int64_t ms)
{
	int rc = find(s, now, seq);

	/* Nothing to claim needs no write lock; what there is must be found again under it. */
	if (rc != 0 || *seq == 0)
		return rc != 0 ? rc : err_set(MP_ENONE, "no message to claim");
	if ((rc = store_begin(s)) != 0)
		return rc;
	rc = find(s, now, seq);
	if (rc == 0 && *seq == 0)
		rc = err_set(MP_ENONE, "no message to claim");
	if (rc == 0)
		rc = take(s, rec, *seq, tries, now, ms);
	return sql_end(s, rc);
}

/*
 * What the hook did counts even when its lease was over and somebody else has the message now;
 * putting it back is for its holder alone.
 */
int message_release(struct store *s, int64_t seq, enum message_state state, int64_t due)
{
	struct lease l;

	lease_make(&l, 0, 0);
	return sql_exec(s,
	    "UPDATE message SET state = ?1, due = ?2, lease_pid = 0, lease_boot = NULL, "
	    "lease_until = 0"
	    " WHERE seq = ?3 AND state = 0 AND (?1 <> 0 OR (lease_pid = ?4 AND lease_boot = ?5))",
	    "diiis", (int)state, due, seq, l.pid, l.boot);
}
