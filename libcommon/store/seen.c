#include "base/err.h"
#include "store/message.h"
#include "store/sql.h"

int seen_get(struct store *s, int64_t contact, const uint8_t id[static 16], struct buf *reply)
{
	sqlite3_stmt *st;
	int rc = sql_row(
	    s, &st, "SELECT reply FROM seen WHERE contact = ? AND id = ?", "ix", contact, id);

	if (rc <= 0)
		return rc;
	rc = reply == NULL ? 0 : sql_buf(st, 0, reply);
	sql_done(st);
	return rc < 0 ? rc : 1;
}

int seen_add(
    struct store *s, int64_t contact, const uint8_t id[static 16], const void *reply, size_t len)
{
	int rc = sql_exec(s, "INSERT INTO seen (contact, id, reply) VALUES (?, ?, ?)", "ixb",
	    contact, id, len > 0 ? reply : NULL, len);

	return rc == MP_EEXIST ? err_set(rc, "the message was taken already") : rc;
}
