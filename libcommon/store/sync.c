#include "store/sync.h"

#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "store/sql.h"

/* Bytes of JSON that a device-sync's rows may come to, roughly; a message may have 64 KiB. */
#define ROOM (100u << 10)
#define ROWS 256

static size_t id_length(const uint8_t *id)
{
	return id != NULL ? MESSAGE_ID : 0;
}

int sync_add(struct store *s, int64_t device, enum sync_what what, int64_t row, const uint8_t *id)
{
	return sql_exec(s, "REPLACE INTO sync (device, what, row, id) VALUES (?, ?, ?, ?)", "idib",
	    device, (int)what, row, id != NULL ? (const void *)id : "", id_length(id));
}

int sync_add_all(struct store *s, enum sync_what what, int64_t row, const uint8_t *id)
{
	return sql_exec(s,
	    "REPLACE INTO sync (device, what, row, id)"
	    " SELECT contact, ?, ?, ? FROM device WHERE role = 1",
	    "dib", (int)what, row, id != NULL ? (const void *)id : "", id_length(id));
}

int sync_begin(struct store *s, int64_t device)
{
	int rc = sync_add(s, device, SYNC_SELF, 0, NULL);

	if (rc != 0)
		return rc;
	return sql_exec(s,
	    "REPLACE INTO sync (device, what, row, id)"
	    " SELECT ?, 1, id, x'' FROM contact WHERE state = 2"
	    " AND id NOT IN (SELECT contact FROM device)",
	    "i", device);
}

int sync_forget(struct store *s, int64_t device, enum sync_what what, int64_t row)
{
	return sql_exec(s, "DELETE FROM sync WHERE device = ? AND what = ? AND row = ?", "idi",
	    device, (int)what, row);
}

int64_t sync_number(const uint8_t name[static MESSAGE_ID])
{
	return (int64_t)((uint64_t)get32(name) << 32 | get32(name + 4));
}

static int make_name(struct store *s, int64_t device, uint8_t name[static MESSAGE_ID])
{
	struct device d;
	int rc = sql_exec(s, "UPDATE device SET n = max(n + 1, ?) WHERE contact = ?", "ii",
	    clock_now() / 1000, device);

	if (rc != 0 || (rc = device_get(s, &d, device)) != 0)
		return rc;
	put32(name, (uint32_t)((uint64_t)d.n >> 32));
	put32(name + 4, (uint32_t)d.n);
	randombytes_buf(name + 8, MESSAGE_ID - 8);
	return 0;
}

/* The last of those that have room: *what and *row; 1, or 0 when nothing waits. */
static int measure(struct store *s, int64_t device, int *what, int64_t *row)
{
	sqlite3_stmt *st;
	size_t room = 0;
	int rc, n = 0;

	sql_query(s, &st,
	    "SELECT y.what, y.row, CASE y.what WHEN 2 THEN length(coalesce(m.body, '')) ELSE 0 END"
	    " FROM sync y LEFT JOIN message m ON y.what = 2 AND m.seq = y.row"
	    " WHERE y.device = ? AND y.name IS NULL ORDER BY y.what, y.row LIMIT ?",
	    "id", device, ROWS);
	while ((rc = store_step(s, st)) == 1) {
		size_t costs = (size_t)sqlite3_column_int64(st, 2) / 3 * 4 + 400;

		if (sqlite3_column_int(st, 0) <= SYNC_CONTACT)
			costs = 8000;
		room += costs;
		if (n > 0 && room > ROOM)
			break;
		*what = sqlite3_column_int(st, 0);
		*row = sqlite3_column_int64(st, 1);
		n++;
	}
	sql_done(st);
	return rc < 0 ? rc : n > 0;
}

static int name_rows(struct store *s, int64_t device, uint8_t name[static MESSAGE_ID])
{
	int64_t row = 0;
	int what = 0, rc = measure(s, device, &what, &row);

	if (rc <= 0)
		return rc < 0 ? rc : err_set(MP_ENONE, "this device knows all");
	if ((rc = make_name(s, device, name)) != 0)
		return rc;
	return sql_exec(s,
	    "UPDATE sync SET name = ?1 WHERE device = ?2 AND name IS NULL"
	    " AND (what < ?3 OR (what = ?3 AND row <= ?4))",
	    "xidi", name, device, what, row);
}

int sync_name(struct store *s, int64_t device, uint8_t name[static MESSAGE_ID])
{
	int rc = store_begin(s);

	return rc != 0 ? rc : store_end(s, name_rows(s, device, name));
}

int sync_next(struct store *s, int64_t device, uint8_t name[static MESSAGE_ID])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT name FROM sync WHERE device = ? AND name > ? ORDER BY name LIMIT 1", "ix",
	    device, name);

	if (rc != 1)
		return rc < 0 ? rc : err_set(MP_ENONE, "no further device-sync");
	sql_bytes(st, 0, name, MESSAGE_ID);
	sql_done(st);
	return 0;
}

/* The one behind item. */
static int next_item(
    struct store *s, int64_t device, const uint8_t name[static MESSAGE_ID], struct sync_item *item)
{
	bool has = item->what == SYNC_CAME;
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT what, row, id FROM sync WHERE device = ? AND name = ?"
	    " AND (what, row, id) > (?, ?, ?) ORDER BY what, row, id LIMIT 1",
	    "ixdib", device, name, (int)item->what, item->row,
	    has ? (const void *)item->id : (const void *)"", has ? (size_t)MESSAGE_ID : 0);

	if (rc != 1)
		return rc;
	item->what = (enum sync_what)sqlite3_column_int(st, 0);
	item->row = sqlite3_column_int64(st, 1);
	sql_bytes(st, 2, item->id, MESSAGE_ID);
	sql_done(st);
	return 1;
}

int sync_each(struct store *s, int64_t device, const uint8_t name[static MESSAGE_ID],
    int (*fn)(void *ctx, const struct sync_item *item), void *ctx)
{
	struct sync_item item = {.what = SYNC_SELF, .row = -1};
	int rc;

	while ((rc = next_item(s, device, name, &item)) == 1)
		if ((rc = fn(ctx, &item)) != 0)
			return rc;
	return rc;
}

int sync_done(struct store *s, int64_t device, const uint8_t name[static MESSAGE_ID])
{
	return sql_exec(s, "DELETE FROM sync WHERE device = ? AND name = ?", "ix", device, name);
}

int sync_count(struct store *s, int64_t device, int64_t *n)
{
	int rc = sql_int(s, n, "SELECT count(*) FROM sync WHERE device = ?", "i", device);

	return rc < 0 ? rc : 0;
}

int sync_message(struct store *s, int64_t seq, struct record *rec, int64_t *contact)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " MESSAGE_COLUMNS " WHERE m.seq = ?", "i", seq);

	if (rc != 1)
		return rc < 0 ? rc : err_set(MP_ENONE, "no such message");
	rc = message_fill(rec, st);
	sql_done(st);
	*contact = 0;
	if (rc == 0)
		rc = sql_int(s, contact, "SELECT contact FROM message WHERE seq = ?", "i", seq);
	return rc < 0 ? rc : 0;
}
