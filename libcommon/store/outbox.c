#include "store/outbox.h"

#include <string.h>

#include "base/err.h"
#include "store/item.h"
#include "store/sql.h"

int outbox_find(
    struct store *s, int64_t contact, const uint8_t id[static 16], struct queue_item *item)
{
	sqlite3_stmt *st;
	int rc =
	    sql_row(s, &st, "SELECT " ITEM_COLUMNS ITEM_FROM " WHERE q.contact = ? AND q.id = ?",
	        "ix", contact, id);

	return item_one(item, rc, st);
}

int outbox_next_message(struct store *s, int64_t contact, int64_t after, struct queue_item *item)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " ITEM_COLUMNS ITEM_FROM
	    " WHERE q.contact = ? AND q.kind = 'message' AND q.seq > ? ORDER BY q.seq LIMIT 1",
	    "ii", contact, after);

	return item_one(item, rc, st);
}

int outbox_reseal(struct store *s, int64_t seq, const void *envelope, size_t len)
{
	return sql_exec(s, "UPDATE queue SET envelope = ? WHERE seq = ?", "bi", envelope, len, seq);
}

int outbox_waits(struct store *s, int64_t contact, const uint8_t transfer[static 16], bool *waits)
{
	uint8_t first[16], last[16];
	int64_t one;
	int rc;

	file_chunk_id(first, transfer, 0);
	file_chunk_id(last, transfer, UINT32_MAX);
	rc = sql_int(s, &one,
	    "SELECT 1 FROM queue WHERE contact = ?1 AND id BETWEEN ?2 AND ?3 AND kind = 'file'"
	    " AND (state = 1 OR id = ?2) LIMIT 1",
	    "ixx", contact, first, last);
	*waits = rc == 1;
	return rc < 0 ? rc : 0;
}

int outbox_hold(struct store *s, int64_t contact, const uint8_t transfer[static 16])
{
	uint8_t first[16], last[16];

	file_chunk_id(first, transfer, 1);
	file_chunk_id(last, transfer, UINT32_MAX);
	return sql_exec(s,
	    "UPDATE queue SET state = 1 WHERE contact = ? AND id BETWEEN ? AND ? AND kind = 'file'"
	    " AND state = 0",
	    "ixx", contact, first, last);
}

int outbox_failed(struct store *s, int64_t call, int64_t *n)
{
	int rc =
	    sql_int(s, n, "SELECT count(*) FROM queue WHERE call = ? AND state = 2", "i", call);

	return rc < 0 ? rc : 0;
}

int outbox_file_size(
    struct store *s, int64_t contact, const uint8_t transfer[static 16], int64_t *size)
{
	int rc = sql_int(s, size,
	    "SELECT json_extract(CAST(body AS TEXT), '$.size') FROM message"
	    " WHERE contact = ? AND dir = 1 AND id = ? AND json_valid(CAST(body AS TEXT))",
	    "ix", contact, transfer);

	return rc == 0 ? err_set(MP_ENONE, "no such file in the history") : rc < 0 ? rc : 0;
}

int outbox_lane(
    struct store *s, int64_t contact, enum wire_lane lane, int64_t now, struct outbox_lane *l)
{
	struct lease lease;
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT due, fails, lease_pid, lease_boot, lease_until FROM lane"
	    " WHERE contact = ? AND lane = ?",
	    "id", contact, (int)lane);

	if (rc == 0)
		return err_set(MP_ENONE, "no such lane");
	if (rc < 0)
		return rc;
	l->due = sqlite3_column_int64(st, 0);
	l->fails = sqlite3_column_int64(st, 1);
	sql_lease(st, 2, &lease);
	l->taken = lease_held(&lease, now);
	sql_done(st);
	return 0;
}
