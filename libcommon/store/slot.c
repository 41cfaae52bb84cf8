#include "store/slot.h"

#include "base/clock.h"
#include "base/err.h"
#include "store/sql.h"

/* 1 and whose lane it is, 0 none. */
static int find(struct store *s, int64_t *contact, int *lane, int64_t now)
{
	sqlite3_stmt *st;
	struct lease l;
	int rc;

	sql_query(s, &st,
	    "SELECT l.contact, l.lane, l.lease_pid, l.lease_boot, l.lease_until,"
	    " (SELECT min(q.seq) FROM queue q WHERE q.contact = l.contact AND q.lane = l.lane"
	    " AND q.state = 0) AS head"
	    " FROM lane l JOIN contact c ON c.id = l.contact"
	    " WHERE l.code = ? AND head IS NOT NULL AND c.blocked = 0 ORDER BY head",
	    "s", SLOT_CODE);
	while ((rc = store_step(s, st)) == 1) {
		sql_lease(st, 2, &l);
		if (lease_live(&l, now))
			continue;
		*contact = sqlite3_column_int64(st, 0);
		*lane = sqlite3_column_int(st, 1);
		sql_done(st);
		return 1;
	}
	return rc;
}

static int claim(
    struct store *s, struct queue_item *item, struct buf *envelope, int64_t now, int64_t ms)
{
	int64_t contact = 0;
	int lane = 0, rc = find(s, &contact, &lane, now);

	if (rc != 1)
		return rc < 0 ? rc : err_set(MP_ENONE, "nothing waits for a slot");
	if ((rc = lane_hold(s, contact, lane, now, ms)) != 0)
		return rc;
	return lane_next(s, contact, (enum wire_lane)lane, 0, item, envelope);
}

int slot_claim(
    struct store *s, struct queue_item *item, struct buf *envelope, int64_t now, int64_t ms)
{
	int rc = store_begin(s);

	return rc != 0 ? rc : store_end(s, claim(s, item, envelope, now, ms));
}

static int release(struct store *s, int64_t contact, int lane)
{
	struct lease l;
	int rc;

	lease_make(&l, 0, 0);
	rc = sql_exec(s,
	    "UPDATE lane SET lease_pid = 0, lease_boot = NULL, lease_until = 0"
	    " WHERE contact = ? AND lane = ? AND lease_pid = ? AND lease_boot = ?",
	    "idis", contact, lane, l.pid, l.boot);
	/* Lost to somebody else meanwhile, whose it is now. */
	if (rc != 0 || store_changes(s) == 0)
		return rc;
	rc = sql_exec(s,
	    "DELETE FROM lane WHERE contact = ?1 AND lane = ?2 AND NOT EXISTS"
	    " (SELECT 1 FROM queue WHERE contact = ?1 AND lane = ?2 AND state = 0)",
	    "id", contact, lane);
	if (rc == 0 && store_changes(s) > 0 && lane == LANE_CONTROL)
		rc = lane_unblock(s, contact, clock_now());
	return rc;
}

int slot_release(struct store *s, int64_t contact, enum wire_lane lane)
{
	int rc = store_begin(s);

	return rc != 0 ? rc : store_end(s, release(s, contact, (int)lane));
}
