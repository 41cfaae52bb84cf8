#include "store/rekey.h"

#include <string.h>

#include "base/err.h"
#include "store/sql.h"

static void fill(struct rekey *r, sqlite3_stmt *st)
{
	memset(r, 0, sizeof *r);
	r->contact = sqlite3_column_int64(st, 0);
	r->epoch = sqlite3_column_int64(st, 1);
	r->since = sqlite3_column_int64(st, 2);
	r->made = sqlite3_column_int64(st, 3);
	r->tried = sqlite3_column_int64(st, 4);
	sql_bytes(st, 5, r->id, sizeof r->id);
	r->has_own = sql_bytes(st, 6, r->own, sizeof r->own);
	r->has_secret = sql_bytes(st, 7, r->secret, sizeof r->secret);
	r->acked = sqlite3_column_int(st, 8) != 0;
	r->has_peer = sql_bytes(st, 9, r->peer, sizeof r->peer);
	sql_bytes(st, 10, r->answers, sizeof r->answers);
	r->has_send = sql_bytes(st, 11, r->send, sizeof r->send);
	r->old = sqlite3_column_int(st, 12) != 0;
	r->owing = sql_bytes(st, 13, r->drained, sizeof r->drained);
	r->warned = sqlite3_column_int(st, 14) != 0;
}

int rekey_get(struct store *s, struct rekey *r, int64_t contact)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT contact, epoch, since, made, tried, id, own, secret, acked, peer, answers, "
	    "send,"
	    " old, drained, warned FROM rekey WHERE contact = ?",
	    "i", contact);

	if (rc == 0)
		return err_set(MP_ENONE, "the key was never renewed");
	if (rc < 0)
		return rc;
	fill(r, st);
	sql_done(st);
	return 0;
}

int rekey_put(struct store *s, const struct rekey *r)
{
	bool open = r->has_own || r->old || r->owing;

	return sql_exec(s,
	    "REPLACE INTO rekey (contact, epoch, since, made, tried, id, own, secret, acked, peer,"
	    " answers, send, old, drained, warned, open)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "iiiiixkkdkxkdxdd", r->contact, r->epoch, r->since, r->made, r->tried,
	    r->has_own ? r->id : NULL, r->has_own ? r->own : NULL, r->has_secret ? r->secret : NULL,
	    (int)r->acked, r->has_peer ? r->peer : NULL, r->has_peer ? r->answers : NULL,
	    r->has_send ? r->send : NULL, (int)r->old, r->owing ? r->drained : NULL, (int)r->warned,
	    (int)open);
}

/* Takes what sql_int() said. */
static int found(int rc)
{
	if (rc == 0)
		return err_set(MP_ENONE, "no more contacts");
	return rc < 0 ? rc : 0;
}

int rekey_open(struct store *s, int64_t after, int64_t *contact)
{
	return found(sql_int(s, contact,
	    "SELECT contact FROM rekey WHERE open = 1 AND contact > ? ORDER BY contact LIMIT 1",
	    "i", after));
}

int rekey_wanted(struct store *s, int64_t after, int64_t before, int64_t count, int64_t *contact)
{
	return found(sql_int(s, contact,
	    "SELECT c.id FROM contact c CROSS JOIN key k ON k.contact = c.id"
	    " LEFT JOIN rekey r ON r.contact = c.id"
	    " WHERE c.id > ?1 AND c.state = 2 AND c.blocked = 0 AND k.role = 1"
	    " AND k.send IS NOT NULL AND r.open IS NOT 1"
	    " AND NOT EXISTS (SELECT 1 FROM shared h WHERE h.contact = c.id)"
	    " AND ((?2 > 0 AND coalesce(r.since, c.created) <= ?2) OR (?3 > 0 AND k.sealed >= ?3)"
	    " OR r.tried < 0)"
	    " ORDER BY c.id LIMIT 1",
	    "iii", after, before, count));
}

int rekey_under_way(struct store *s, int64_t contact, int64_t since)
{
	int64_t one;
	int rc = sql_int(s, &one,
	    "SELECT 1 FROM message WHERE contact = ? AND dir = 1 AND state IN (10, 11)"
	    " AND stored <= ? LIMIT 1",
	    "ii", contact, since);

	if (rc == 0) /* to a group, of which he may be a member */
		rc = sql_int(s, &one,
		    "SELECT 1 FROM message WHERE contact IS NULL AND dir = 1"
		    " AND state IN (10, 11) AND stored <= ? LIMIT 1",
		    "i", since);
	if (rc == 0)
		rc = sql_int(s, &one,
		    "SELECT 1 FROM queue WHERE contact = ?1 AND state < 2"
		    " AND (added <= ?2 OR (kind = 'file' AND time <= ?2)) LIMIT 1",
		    "ii", contact, since);
	if (rc == 0) /* another device that does not know the new key yet */
		rc = sql_int(s, &one,
		    "SELECT 1 FROM sync y JOIN device d ON d.contact = y.device AND d.role = 1"
		    " WHERE y.what = 1 AND y.row = ? LIMIT 1",
		    "i", contact);
	return rc;
}
