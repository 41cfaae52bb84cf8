#include "store/receipt.h"

#include <string.h>

#include "base/err.h"
#include "store/sql.h"

int receipt_add(struct store *s, int64_t contact, const uint8_t id[static MESSAGE_ID])
{
	return sql_exec(
	    s, "INSERT OR IGNORE INTO receipt (contact, id) VALUES (?, ?)", "ix", contact, id);
}

int receipt_owed(struct store *s, int64_t after, int64_t *contact)
{
	int rc = sql_int(s, contact,
	    "SELECT r.contact FROM receipt r JOIN contact c ON c.id = r.contact"
	    " WHERE r.contact > ? AND c.blocked = 0 ORDER BY r.contact LIMIT 1",
	    "i", after);

	return rc == 1 ? 0 : rc == 0 ? err_set(MP_ENONE, "no receipt is owed") : rc;
}

int receipt_make(struct store *s, int64_t contact, const uint8_t name[static MESSAGE_ID])
{
	int rc = sql_exec(s,
	    "UPDATE receipt SET name = ?1 WHERE contact = ?2 AND id IN"
	    " (SELECT id FROM receipt WHERE contact = ?2 AND name IS NULL LIMIT ?3)",
	    "xii", name, contact, (int64_t)RECEIPT_MAX);

	return rc == 0 && store_changes(s) == 0 ? err_set(MP_ENONE, "no receipt is owed") : rc;
}

int receipt_next(struct store *s, int64_t contact, uint8_t name[static MESSAGE_ID])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT name FROM receipt WHERE contact = ? AND name > ? ORDER BY name LIMIT 1", "ix",
	    contact, name);

	if (rc != 1)
		return rc < 0 ? rc : err_set(MP_ENONE, "no further receipt");
	sql_bytes(st, 0, name, MESSAGE_ID);
	sql_done(st);
	return 0;
}

int receipt_read(
    struct store *s, int64_t contact, const uint8_t name[static MESSAGE_ID], struct wire_receipt *r)
{
	sqlite3_stmt *st;
	int rc = sql_query(
	    s, &st, "SELECT id FROM receipt WHERE contact = ? AND name = ?", "ix", contact, name);

	r->n = 0;
	if (rc != 0)
		return rc;
	while ((rc = store_step(s, st)) == 1 && r->n < RECEIPT_MAX)
		sql_bytes(st, 0, r->id[r->n++], MESSAGE_ID);
	sql_done(st);
	return rc < 0 ? rc : 0;
}

int receipt_done(struct store *s, int64_t contact, const uint8_t name[static MESSAGE_ID])
{
	return sql_exec(
	    s, "DELETE FROM receipt WHERE contact = ? AND name = ?", "ix", contact, name);
}
