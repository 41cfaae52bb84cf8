/*
 * The claim of a new message for a hook.  The oldest new message is nearly always free; when it
 * backs off, or somebody works on that contact, the oldest one of each contact is looked at, never
 * a contact's whole backlog.
 */
#include "base/err.h"
#include "store/sql.h"

/* 1 when somebody works on a message of this contact (0: events without one), else 0. */
static int contact_busy(struct store *s, int64_t contact, int64_t now)
{
	bool busy = false;
	sqlite3_stmt *st;
	struct lease l;
	int rc;

	sql_query(s, &st,
	    "SELECT lease_pid, lease_boot, lease_until FROM message INDEXED BY message_leased"
	    " WHERE state = 0 AND lease_until > 0 AND contact IS ?",
	    "z", contact);
	while (!busy && (rc = store_step(s, st)) == 1) {
		sql_lease(st, 0, &l);
		busy = lease_live(&l, now);
	}
	if (!busy)
		return rc;
	sql_done(st);
	return 1;
}

static int keep_oldest(int rc, int64_t seq, int64_t *best)
{
	if (rc == 1 && (*best == 0 || seq < *best))
		*best = seq;
	return rc < 0 ? rc : 0;
}

/* The oldest of one contact and direction that was never tried, and the first one to try again. */
static int consider(
    struct store *s, int64_t contact, enum message_dir dir, int64_t now, int64_t *best)
{
	int64_t seq = 0;
	int rc;

	rc = sql_int(s, &seq,
	    "SELECT seq FROM message INDEXED BY message_unread WHERE state = 0 AND contact IS ? "
	    "AND dir = ? AND due = 0"
	    " ORDER BY seq LIMIT 1",
	    "zd", contact, (int)dir);
	rc = keep_oldest(rc, seq, best);
	if (rc != 0)
		return rc;
	rc = sql_int(s, &seq,
	    "SELECT seq FROM message INDEXED BY message_unread WHERE state = 0 AND contact IS ? "
	    "AND dir = ? AND due > 0 AND "
	    "due <= ?"
	    " ORDER BY due LIMIT 1",
	    "zdi", contact, (int)dir, now);
	return keep_oldest(rc, seq, best);
}

static int consider_contact(struct store *s, int64_t contact, int64_t now, int64_t *best)
{
	int rc = contact_busy(s, contact, now);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = consider(s, contact, DIR_IN, now, best);
	return rc != 0 ? rc : consider(s, contact, DIR_EVENT, now, best);
}

/* The oldest new message of all, when it can be claimed.  1: there are new messages. */
static int find_first(struct store *s, int64_t now, int64_t *best)
{
	int64_t seq, due, contact;
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT seq, due, contact FROM message WHERE state = 0 ORDER BY seq LIMIT 1", "");

	if (rc <= 0)
		return rc;
	seq = sqlite3_column_int64(st, 0);
	due = sqlite3_column_int64(st, 1);
	contact = sqlite3_column_int64(st, 2);
	sql_done(st);
	if (due > now)
		return 1;
	rc = contact_busy(s, contact, now);
	if (rc == 0)
		*best = seq;
	return rc < 0 ? rc : 1;
}

static int find(struct store *s, int64_t now, int64_t *best)
{
	int64_t contact = 0;
	int rc;

	*best = 0;
	rc = find_first(s, now, best);
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
	return store_end(s, rc);
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
