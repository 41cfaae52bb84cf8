#include "store/key.h"

#include <string.h>

#include "base/err.h"
#include "store/sql.h"

#define COLUMNS "id, contact, epoch, role, cid, secret, send, recv, sealed, expires, used"
#define SEALED_WARN (INT64_C(1) << 31)
#define SEALED_MAX (INT64_C(1) << 32)

static void fill(struct contact_key *k, sqlite3_stmt *st)
{
	memset(k, 0, sizeof *k);
	k->row = sqlite3_column_int64(st, 0);
	k->contact = sqlite3_column_int64(st, 1);
	k->epoch = sqlite3_column_int64(st, 2);
	k->role = (enum key_role)sqlite3_column_int(st, 3);
	sql_bytes(st, 4, k->cid, sizeof k->cid);
	sql_bytes(st, 5, k->secret, sizeof k->secret);
	k->has_send = sql_bytes(st, 6, k->send, sizeof k->send);
	k->has_recv = sql_bytes(st, 7, k->recv, sizeof k->recv);
	k->sealed = sqlite3_column_int64(st, 8);
	k->expires = sqlite3_column_int64(st, 9);
	k->used = sqlite3_column_int(st, 10) != 0;
}

/* Takes what sql_row() said. */
static int take(struct contact_key *k, sqlite3_stmt *st, int rc)
{
	if (rc == 0)
		return err_set(MP_ENONE, "no such key");
	if (rc < 0)
		return rc;
	fill(k, st);
	sql_done(st);
	return 0;
}

static int insert(struct store *s, struct contact_key *k)
{
	int rc = sql_exec(s,
	    "INSERT INTO key (contact, epoch, role, cid, secret, send, recv, sealed, expires, used)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "iidkkkkiid", k->contact, k->epoch, (int)k->role, k->cid, k->secret,
	    k->has_send ? k->send : NULL, k->has_recv ? k->recv : NULL, k->sealed, k->expires,
	    (int)k->used);

	if (rc == MP_EEXIST)
		return err_set(rc, "the contact has such a key already");
	k->row = rc == 0 ? store_last_row(s) : 0;
	return rc;
}

static int blocked(struct store *s, int64_t contact)
{
	int64_t v = 0;
	int rc = sql_int(s, &v, "SELECT blocked FROM contact WHERE id = ?", "i", contact);

	return rc < 0 ? rc : v != 0;
}

int key_add(struct store *s, struct contact_key *k)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	rc = insert(s, k);
	if (rc == 0 && k->has_recv && (rc = blocked(s, k->contact)) == 0)
		rc = keyring_append(s, k->row, k->recv, k->cid);
	return store_end(s, rc > 0 ? 0 : rc);
}

int key_by_row(struct store *s, struct contact_key *k, int64_t row)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " COLUMNS " FROM key WHERE id = ?", "i", row);

	return take(k, st, rc);
}

int key_for_sending(struct store *s, struct contact_key *k, int64_t contact, enum key_role role)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " COLUMNS " FROM key WHERE contact = ? AND role = ? AND send IS NOT NULL"
	    " ORDER BY epoch DESC LIMIT 1",
	    "id", contact, (int)role);

	return take(k, st, rc);
}

int key_get(
    struct store *s, struct contact_key *k, int64_t contact, int64_t epoch, enum key_role role)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " COLUMNS " FROM key WHERE contact = ? AND epoch = ? AND role = ?", "iid",
	    contact, epoch, (int)role);

	return take(k, st, rc);
}

int key_next_pair(struct store *s, struct contact_key *k, int64_t contact, int64_t after)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " COLUMNS " FROM key WHERE contact = ? AND role = 1 AND epoch > ?"
	    " ORDER BY epoch LIMIT 1",
	    "ii", contact, after);

	return take(k, st, rc);
}

int key_set_send(
    struct store *s, int64_t contact, int64_t epoch, const uint8_t send[static KEY_LEN])
{
	int rc = sql_exec(s, "UPDATE key SET send = ? WHERE contact = ? AND epoch = ? AND role = 1",
	    "kii", send, contact, epoch);

	if (rc == 0 && store_changes(s) == 0)
		return err_set(MP_ENONE, "no such key");
	return rc;
}

int key_put_pair(struct store *s, const struct contact_key *k)
{
	return sql_exec(s,
	    "INSERT INTO key (contact, epoch, role, cid, secret, send, recv)"
	    " VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6)"
	    " ON CONFLICT (contact, epoch, role) DO UPDATE SET cid = ?3, send = ?5, recv = ?6",
	    "iikkkk", k->contact, k->epoch, k->cid, k->secret, k->has_send ? k->send : NULL,
	    k->has_recv ? k->recv : NULL);
}

int key_set_used(struct store *s, int64_t row)
{
	int rc = sql_exec(s, "UPDATE key SET used = 1 WHERE id = ?", "i", row);

	if (rc == 0 && store_changes(s) == 0)
		return err_set(MP_ENONE, "no such key");
	return rc;
}

int key_remove(struct store *s, int64_t row)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	rc = sql_exec(s, "DELETE FROM key WHERE id = ?", "i", row);
	if (rc == 0 && store_changes(s) == 0)
		rc = err_set(MP_ENONE, "no such key");
	if (rc == 0)
		rc = keyring_rebuild(s);
	return store_end(s, rc);
}

static int count(struct store *s, int64_t row, int64_t n, bool *warn)
{
	int64_t before = 0;
	int rc = sql_int(s, &before, "SELECT sealed FROM key WHERE id = ?", "i", row);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(MP_ENONE, "no such key");
	if (n > SEALED_MAX || before > SEALED_MAX - n)
		return err_set(MP_ELIMIT,
		    "a key has sealed all that it may: remove the contact and meet again");
	*warn = before < SEALED_WARN && before + n >= SEALED_WARN;
	return sql_exec(s, "UPDATE key SET sealed = sealed + ? WHERE id = ?", "ii", n, row);
}

int key_count_sealed(struct store *s, int64_t row, int64_t n, bool *warn)
{
	int rc = store_begin(s);

	*warn = false;
	return rc != 0 ? rc : store_end(s, count(s, row, n, warn));
}

static int expire(struct store *s, int64_t now, int64_t *n)
{
	int rc = sql_exec(s,
	    "DELETE FROM contact WHERE state = 0 AND id IN"
	    " (SELECT contact FROM key WHERE role = 0 AND expires > 0 AND expires <= ?)",
	    "i", now);
	int64_t contacts = store_changes(s);

	if (rc == 0)
		rc = sql_exec(
		    s, "DELETE FROM key WHERE role = 0 AND expires > 0 AND expires <= ?", "i", now);
	if (rc == 0)
		*n = contacts + store_changes(s);
	if (rc == 0 && *n > 0)
		rc = keyring_rebuild(s);
	return rc;
}

int key_expire(struct store *s, int64_t now, int64_t *n)
{
	int64_t due = 0;
	int rc;

	*n = 0;
	/* Called often, finds something seldom: no write lock for nothing. */
	rc = sql_int(s, &due,
	    "SELECT 1 FROM key WHERE role = 0 AND expires > 0 AND expires <= ? LIMIT 1", "i", now);
	if (rc <= 0)
		return rc;
	if ((rc = store_begin(s)) != 0)
		return rc;
	return store_end(s, expire(s, now, n));
}
