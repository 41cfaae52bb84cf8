/*
 * Lanes.  Every contact and lane with waiting mail has a row in the lane table; a row without mail
 * is dropped when it is met.  Each step of lane_claim()'s walk takes a lane, puts one off or drops
 * one, or passes one that is being delivered, so that its cost does not grow with the queue.
 */
#include <string.h>

#include "base/err.h"
#include "store/item.h"
#include "store/sql.h"

struct lane_row {
	int64_t contact, due;
	int lane;
	struct lease lease;
};

int lane_ensure(struct store *s, int64_t contact, int lane, int64_t now)
{
	return sql_exec(s,
	    "INSERT INTO lane (contact, lane, due) VALUES (?, ?, ?) ON CONFLICT (contact, lane) DO "
	    "NOTHING",
	    "idi", contact, lane, now);
}

int lane_unblock(struct store *s, int64_t contact, int64_t now)
{
	return sql_exec(s, "UPDATE lane SET due = min(due, ?) WHERE contact = ? AND lane <> 0",
	    "ii", now, contact);
}

static void fill(struct lane_row *row, sqlite3_stmt *st)
{
	row->contact = sqlite3_column_int64(st, 0);
	row->lane = sqlite3_column_int(st, 1);
	row->due = sqlite3_column_int64(st, 2);
	sql_lease(st, 3, &row->lease);
}

/* The next due lane after the one in *row, in order of due; 1, 0 none. */
static int next_due(struct store *s, struct lane_row *row, int64_t now)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT contact, lane, due, lease_pid, lease_boot, lease_until FROM lane"
	    " WHERE (due, contact, lane) > (?, ?, ?) AND due <= ? ORDER BY due, contact, lane "
	    "LIMIT 1",
	    "iidi", row->due, row->contact, row->lane, now);

	if (rc == 1) {
		fill(row, st);
		sql_done(st);
	}
	return rc;
}

static int get(struct store *s, struct lane_row *row, int64_t contact, int lane)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT contact, lane, due, lease_pid, lease_boot, lease_until FROM lane"
	    " WHERE contact = ? AND lane = ?",
	    "id", contact, lane);

	if (rc == 1) {
		fill(row, st);
		sql_done(st);
	}
	return rc;
}

/* 1 or 0 */
static int has_mail(struct store *s, int64_t contact, int lane)
{
	int64_t one;

	return sql_int(s, &one,
	    "SELECT 1 FROM queue WHERE contact = ? AND lane = ? AND state = 0 LIMIT 1", "id",
	    contact, lane);
}

static int drop(struct store *s, int64_t contact, int lane)
{
	return sql_exec(s, "DELETE FROM lane WHERE contact = ? AND lane = ?", "id", contact, lane);
}

static int put_off(struct store *s, const struct lane_row *row, int64_t due)
{
	return sql_exec(s, "UPDATE lane SET due = ? WHERE contact = ? AND lane = ?", "iid", due,
	    row->contact, row->lane);
}

/*
 * 1: he is an old acquaintance with an address in the mesh: his messages need not wait for what
 * goes by onion only.
 */
static int has_address(struct store *s, const struct lane_row *row)
{
	int64_t one;

	return row->lane == LANE_MESSAGE
	           ? sql_int(s, &one,
	                 "SELECT 1 FROM letterbox WHERE contact = ? AND theirs IS NOT NULL", "i",
	                 row->contact)
	           : 0;
}

/* A due lane behind a control lane with mail: that one is the candidate, unless it waits itself. */
static int behind_control(struct store *s, struct lane_row *row, int64_t now)
{
	struct lane_row control;
	int rc = get(s, &control, row->contact, LANE_CONTROL);

	if (rc == 0 && (rc = lane_ensure(s, row->contact, LANE_CONTROL, now)) == 0)
		rc = get(s, &control, row->contact, LANE_CONTROL);
	if (rc != 1)
		return rc;
	if (lease_live(&control.lease, now))
		return 0;
	if (control.due > now && (rc = has_address(s, row)) != 0)
		return rc;
	if (control.due > now)
		return put_off(s, row, control.due);
	*row = control;
	return 1;
}

/* 1 when the lane in *row (perhaps another afterwards) is the one to take, 0 when not. */
static int consider(struct store *s, struct lane_row *row, int64_t now, int64_t *next)
{
	int rc;

	if (lease_live(&row->lease, now)) {
		if (!lease_own(&row->lease) && row->lease.until < *next)
			*next = row->lease.until;
		return 0;
	}
	rc = has_mail(s, row->contact, row->lane);
	if (rc <= 0)
		return rc < 0 ? rc : drop(s, row->contact, row->lane);
	if (row->lane == LANE_CONTROL)
		return 1;
	rc = has_mail(s, row->contact, LANE_CONTROL);
	if (rc < 0)
		return rc;
	return rc == 0 ? 1 : behind_control(s, row, now);
}

int lane_hold(struct store *s, int64_t contact, int lane, int64_t now, int64_t ms)
{
	struct lease l;

	lease_make(&l, now, ms);
	return sql_exec(s,
	    "UPDATE lane SET lease_pid = ?, lease_boot = ?, lease_until = ? WHERE contact = ? AND "
	    "lane = ?",
	    "isiid", l.pid, l.boot, l.until, contact, lane);
}

/* 1 when *row is held now, 0 none. */
static int find(struct store *s, struct lane_row *row, int64_t now, int64_t ms, int64_t *next)
{
	struct lane_row at = {.contact = 0, .due = INT64_MIN};
	int rc;

	while ((rc = next_due(s, &at, now)) == 1) {
		*row = at;
		rc = consider(s, row, now, next);
		if (rc < 0)
			return rc;
		if (rc == 1)
			return (rc = lane_hold(s, row->contact, row->lane, now, ms)) != 0 ? rc : 1;
	}
	return rc;
}

static int earliest(struct store *s, int64_t now, int64_t *next)
{
	int64_t due;
	int rc = sql_int(s, &due, "SELECT min(due) FROM lane WHERE due > ?", "i", now);

	if (rc == 1 && due < *next)
		*next = due;
	return rc < 0 ? rc : 0;
}

int lane_claim(
    struct store *s, int64_t *contact, enum wire_lane *lane, int64_t now, int64_t ms, int64_t *next)
{
	struct lane_row row = {.contact = 0, .due = INT64_MIN};
	int rc;

	*next = INT64_MAX;
	/* Asked often, mostly in vain: no write lock for nothing. */
	rc = next_due(s, &row, now);
	if (rc == 1) {
		if ((rc = store_begin(s)) != 0)
			return rc;
		rc = find(s, &row, now, ms, next);
		if (rc < 0)
			return store_end(s, rc);
		if (rc == 1) {
			*contact = row.contact;
			*lane = (enum wire_lane)row.lane;
			return store_commit(s);
		}
		rc = store_commit(s);
	}
	if (rc == 0)
		rc = earliest(s, now, next);
	return rc != 0 ? rc : err_set(MP_ENONE, "nothing is due");
}

int lane_renew(struct store *s, int64_t contact, enum wire_lane lane, int64_t now, int64_t ms)
{
	struct lease l;
	int rc;

	lease_make(&l, now, ms);
	rc = sql_exec(s,
	    "UPDATE lane SET lease_until = ? WHERE contact = ? AND lane = ? AND lease_pid = ? AND "
	    "lease_boot = ?",
	    "iidis", l.until, contact, (int)lane, l.pid, l.boot);
	return rc == 0 && store_changes(s) == 0
	           ? err_set(MP_ENONE, "the lane is somebody else's now")
	           : rc;
}

int lane_next(struct store *s, int64_t contact, enum wire_lane lane, int64_t after,
    struct queue_item *item, struct buf *envelope)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " ITEM_COLUMNS ", q.envelope" ITEM_FROM
	    " WHERE q.contact = ? AND q.lane = ? AND q.state = 0 AND q.seq > ? ORDER BY q.seq "
	    "LIMIT 1",
	    "idi", contact, (int)lane, after);

	if (rc == 0)
		return err_set(MP_ENONE, "the lane is empty");
	if (rc < 0)
		return rc;
	item_fill(item, st);
	rc = sql_buf(st, 14, envelope);
	sql_done(st);
	return rc;
}

static int release(struct store *s, int64_t contact, int lane, int64_t due, bool failed,
    const char *code, const char *reason)
{
	struct lease l;
	int rc;

	lease_make(&l, 0, 0);
	rc = sql_exec(s,
	    "UPDATE lane SET due = ?, fails = CASE WHEN ? THEN fails + 1 ELSE 0 END, code = ?, "
	    "reason = ?,"
	    " lease_pid = 0, lease_boot = NULL, lease_until = 0"
	    " WHERE contact = ? AND lane = ? AND lease_pid = ? AND lease_boot = ?",
	    "idnnidis", due, (int)failed, failed ? code : NULL, failed ? reason : NULL, contact,
	    lane, l.pid, l.boot);
	/* Lost to somebody else meanwhile, who will say when it is due. */
	if (rc != 0 || store_changes(s) == 0)
		return rc;
	rc = has_mail(s, contact, lane);
	if (rc == 0)
		rc = drop(s, contact, lane);
	else if (rc == 1)
		rc = 0;
	if (rc == 0 && lane == LANE_CONTROL && !failed)
		rc = lane_unblock(s, contact, due);
	return rc;
}

int lane_release(struct store *s, int64_t contact, enum wire_lane lane, int64_t due, bool failed,
    const char *code, const char *reason)
{
	int rc = store_begin(s);

	return rc != 0 ? rc
	               : store_end(s, release(s, contact, (int)lane, due, failed, code, reason));
}

int lane_fails(struct store *s, int64_t contact, enum wire_lane lane, int64_t *fails)
{
	int rc;

	*fails = 0;
	rc = sql_int(s, fails, "SELECT fails FROM lane WHERE contact = ? AND lane = ?", "id",
	    contact, (int)lane);
	return rc < 0 ? rc : 0;
}

static int wake_one(struct store *s, int64_t contact, int64_t now)
{
	int64_t one;
	int rc = sql_int(s, &one, "SELECT 1 FROM lane WHERE contact = ? AND due > ? LIMIT 1", "ii",
	    contact, now);

	if (rc <= 0)
		return rc;
	rc = sql_exec(
	    s, "UPDATE lane SET due = ?2 WHERE contact = ?1 AND due > ?2", "ii", contact, now);
	return rc < 0 ? rc : 1;
}

static int wake_all(struct store *s, int64_t now)
{
	int64_t one;
	int rc = sql_int(s, &one, "SELECT 1 FROM lane WHERE due > ? LIMIT 1", "i", now);

	if (rc <= 0)
		return rc;
	rc = sql_exec(s, "UPDATE lane SET due = ?1 WHERE due > ?1", "i", now);
	return rc < 0 ? rc : 1;
}

int lane_wake(struct store *s, int64_t contact, int64_t now, int64_t *n)
{
	int rc = contact != 0 ? wake_one(s, contact, now) : wake_all(s, now);

	if (n != NULL)
		*n = rc == 1 ? store_changes(s) : 0;
	return rc < 0 ? rc : 0;
}

/* Every authentic message comes by here, mostly for nothing: no write then.  A clock that was set
 * back must not make it wait for the old time. */
#define AGAIN "max(?2, min(woken, ?2) + ?3)"

int lane_heard(struct store *s, int64_t contact, int64_t now, int64_t floor, int64_t *n)
{
	int64_t one;
	int rc =
	    sql_int(s, &one, "SELECT 1 FROM lane WHERE contact = ?1 AND due > " AGAIN " LIMIT 1",
	        "iii", contact, now, floor);

	*n = 0;
	if (rc <= 0)
		return rc;
	rc = sql_exec(s,
	    "UPDATE lane SET due = " AGAIN ", woken = " AGAIN
	    " WHERE contact = ?1 AND due > " AGAIN,
	    "iii", contact, now, floor);
	if (rc == 0)
		*n = store_changes(s);
	return rc;
}
