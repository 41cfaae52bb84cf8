#include "store/letterbox.h"

#include <string.h>

#include "base/err.h"
#include "store/sql.h"

static void fill_relays(struct letterbox *b, sqlite3_stmt *st, int column)
{
	size_t len = (size_t)sqlite3_column_bytes(st, column);

	if (len > sizeof(b->relay) || len % ONION_KEY != 0)
		return;
	b->n = len / ONION_KEY;
	if (len > 0)
		memcpy(b->relay, sqlite3_column_blob(st, column), len);
}

int letterbox_get(struct store *s, struct letterbox *b, int64_t contact)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT ours, told, telling, message, time, address, encryption, theirs, relays, day,"
	    " used FROM letterbox WHERE contact = ?",
	    "i", contact);

	memset(b, 0, sizeof(*b));
	b->contact = contact;
	if (rc <= 0)
		return rc < 0 ? rc : err_set(MP_ENONE, "nothing of the mesh was said");
	b->has_ours = sql_bytes(st, 0, b->ours, sizeof(b->ours));
	b->told = sqlite3_column_int64(st, 1);
	b->telling = sqlite3_column_int64(st, 2);
	sql_bytes(st, 3, b->id, sizeof(b->id));
	b->time = sqlite3_column_int64(st, 4);
	b->has_theirs = sql_bytes(st, 5, b->address, sizeof(b->address)) &&
	                sql_bytes(st, 6, b->encryption, sizeof(b->encryption)) &&
	                sql_bytes(st, 7, b->theirs, sizeof(b->theirs));
	fill_relays(b, st, 8);
	b->day = sqlite3_column_int64(st, 9);
	b->used = sqlite3_column_int64(st, 10);
	sql_done(st);
	return 0;
}

int letterbox_put(struct store *s, const struct letterbox *b)
{
	return sql_exec(s,
	    "REPLACE INTO letterbox (contact, ours, told, telling, message, time, address,"
	    " encryption, theirs, relays, day, used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "ikiixibbkbii", b->contact, b->has_ours ? b->ours : NULL, b->told, b->telling,
	    b->telling > 0 ? b->id : NULL, b->time, b->has_theirs ? b->address : NULL,
	    sizeof(b->address), b->has_theirs ? b->encryption : NULL, sizeof(b->encryption),
	    b->has_theirs ? b->theirs : NULL, b->has_theirs ? b->relay : NULL, b->n * ONION_KEY,
	    b->day, b->used);
}

int letterbox_token(struct store *s, int64_t contact, int64_t day, int64_t *i)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	rc = sql_exec(s,
	    "UPDATE letterbox SET used = CASE WHEN day = ?1 THEN used + 1 ELSE 1 END, day = ?1"
	    " WHERE contact = ?2",
	    "ii", day, contact);
	if (rc == 0) {
		rc =
		    sql_int(s, i, "SELECT used - 1 FROM letterbox WHERE contact = ?", "i", contact);
		rc = rc == 1 ? 0 : rc == 0 ? err_set(MP_ENONE, "nothing of the mesh was said") : rc;
	}
	return store_end(s, rc);
}

static int next(int rc)
{
	return rc == 1 ? 0 : rc == 0 ? err_set(MP_ENONE, "no more contacts") : rc;
}

int letterbox_untold(struct store *s, int64_t after, int64_t version, int64_t *contact)
{
	return next(sql_int(s, contact,
	    "SELECT c.id FROM contact c LEFT JOIN letterbox l ON l.contact = c.id"
	    " WHERE c.id > ? AND c.state = 2 AND c.blocked = 0 AND coalesce(l.told, 0) < ?"
	    " AND NOT EXISTS (SELECT 1 FROM shared h WHERE h.contact = c.id)"
	    " ORDER BY c.id LIMIT 1",
	    "ii", after, version));
}

int letterbox_ours(struct store *s, struct letterbox *b, int64_t after)
{
	int64_t contact;
	int rc = next(sql_int(s, &contact,
	    "SELECT contact FROM letterbox l JOIN contact c ON c.id = l.contact"
	    " WHERE contact > ? AND ours IS NOT NULL AND c.blocked = 0 ORDER BY contact LIMIT 1",
	    "i", after));

	return rc != 0 ? rc : letterbox_get(s, b, contact);
}

int letterbox_count(struct store *s, int64_t *n)
{
	int rc = sql_int(s, n, "SELECT count(*) FROM letterbox WHERE ours IS NOT NULL", "");

	return rc < 0 ? rc : 0;
}
