/* A file's chunks in the queue: rows whose ids share their first twelve bytes. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/queue.h"
#include "store/sql.h"

static void chunk_id(uint8_t out[static 16], const uint8_t transfer[static 16], uint32_t chunk)
{
	memcpy(out, transfer, 12);
	put32(out + 12, chunk);
}

static int release(
    struct store *s, int64_t contact, const uint8_t transfer[static 16], int64_t from)
{
	uint8_t first[16], start[16], last[16];
	int64_t now = clock_now();
	int rc;

	chunk_id(first, transfer, 0);
	chunk_id(start, transfer, (uint32_t)from);
	chunk_id(last, transfer, UINT32_MAX);
	rc = sql_exec(s,
	    "DELETE FROM queue WHERE contact = ? AND id >= ? AND id < ? AND kind = 'file'", "ixx",
	    contact, first, start);
	if (rc == 0)
		rc = sql_exec(s,
		    "UPDATE queue SET state = 0 WHERE contact = ? AND id BETWEEN ? AND ? AND kind "
		    "= 'file'",
		    "ixx", contact, start, last);
	if (rc == 0 && store_changes(s) > 0)
		rc = lane_ensure(s, contact, LANE_FILE, now);
	return rc;
}

int queue_file_release(
    struct store *s, int64_t contact, const uint8_t transfer[static 16], int64_t from)
{
	int rc;

	if (from < 0 || from > UINT32_MAX)
		return err_set(MP_EBAD, "no such chunk");
	rc = store_begin(s);
	return rc != 0 ? rc : store_end(s, release(s, contact, transfer, from));
}

int queue_file_drop(struct store *s, int64_t contact, const uint8_t transfer[static 16])
{
	uint8_t first[16], last[16];

	chunk_id(first, transfer, 0);
	chunk_id(last, transfer, UINT32_MAX);
	return sql_exec(s,
	    "DELETE FROM queue WHERE contact = ? AND id BETWEEN ? AND ? AND kind = 'file'", "ixx",
	    contact, first, last);
}

int queue_file_left(struct store *s, int64_t contact, const uint8_t transfer[static 16],
    int64_t *rows, int64_t *lowest)
{
	uint8_t first[16], last[16], id[16];
	sqlite3_stmt *st;
	int rc;

	*rows = 0;
	*lowest = -1;
	chunk_id(first, transfer, 0);
	chunk_id(last, transfer, UINT32_MAX);
	rc = sql_row(s, &st,
	    "SELECT count(*), min(id) FROM queue WHERE contact = ? AND id BETWEEN ? AND ? AND kind "
	    "= 'file'",
	    "ixx", contact, first, last);
	if (rc != 1)
		return rc;
	*rows = sqlite3_column_int64(st, 0);
	if (sql_bytes(st, 1, id, sizeof id))
		*lowest = get32(id + 12);
	sql_done(st);
	return 0;
}
