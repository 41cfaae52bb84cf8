#include "store/chatd.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "store/sql.h"

static const char schema[] =
#include "store/chatd.inc"
    ;

static const struct sql_kind kind = {0x6d706364 /* mpcd */, 1, "mp-chatd", schema};

int chatd_open(struct store **out, const char *path)
{
	int rc = sql_make(path, &kind);

	*out = NULL;
	return rc == 0 || rc == MP_EEXIST ? sql_open(out, path, &kind) : rc;
}

static uint64_t random_id(void)
{
	uint64_t v;

	do {
		randombytes_buf(&v, sizeof(v));
		v &= INT64_MAX;
	} while (v == 0);
	return v;
}

int chatd_user_add(struct store *s, const char *name, const char *password)
{
	int rc = sql_exec(s, "INSERT INTO user (uid, name, password) VALUES (?, ?, ?)", "iss",
	    (int64_t)random_id(), name, password);

	return rc == MP_EEXIST ? err_set(rc, "there is a user '%s' already", name) : rc;
}

static int no_user(const char *name)
{
	return err_set(MP_ENONE, "no user '%.40s'", name);
}

int chatd_user_password(struct store *s, const char *name, const char *password)
{
	int rc = sql_exec(s, "UPDATE user SET password = ? WHERE name = ?", "ss", password, name);

	return rc == 0 && store_changes(s) == 0 ? no_user(name) : rc;
}

int chatd_user_find(struct store *s, struct chatd_user *u, const char *name)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT uid, password FROM user WHERE name = ?", "s", name);

	if (rc <= 0)
		return rc == 0 ? no_user(name) : rc;
	u->uid = (uint64_t)sqlite3_column_int64(st, 0);
	sql_text(st, 1, u->password, sizeof(u->password));
	strncpy(u->name, name, sizeof(u->name) - 1);
	u->name[sizeof(u->name) - 1] = '\0';
	sql_done(st);
	return 0;
}

int chatd_user_exists(struct store *s, uint64_t uid)
{
	int64_t one;
	int rc = sql_int(s, &one, "SELECT 1 FROM user WHERE uid = ?", "i", (int64_t)uid);

	return rc == 1 ? 0 : rc == 0 ? MP_ENONE : rc;
}

static int remove_one(struct store *s, const char *name)
{
	struct chatd_user u;
	int64_t sid;
	int rc = chatd_user_find(s, &u, name);

	while (rc == 0 &&
	       (rc = sql_int(s, &sid, "SELECT sid FROM member WHERE uid = ? AND state = 0 LIMIT 1",
	            "i", (int64_t)u.uid)) == 1)
		rc = chatd_session_close(s, (uint64_t)sid);
	if (rc == 0 &&
	    (rc = sql_exec(s, "DELETE FROM member WHERE uid = ?", "i", (int64_t)u.uid)) == 0)
		rc = sql_exec(s, "DELETE FROM user WHERE uid = ?", "i", (int64_t)u.uid);
	return rc;
}

int chatd_user_remove(struct store *s, const char *name)
{
	int rc = store_begin(s);

	return rc == 0 ? store_end(s, remove_one(s, name)) : rc;
}

int chatd_user_each(
    struct store *s, int (*fn)(void *ctx, const struct chatd_user *u, int64_t rooms), void *ctx)
{
	struct chatd_user u = {.password = ""};
	sqlite3_stmt *st;
	int rc = sql_query(s, &st,
	    "SELECT uid, name, (SELECT count(*) FROM member m WHERE m.uid = user.uid) FROM user"
	    " ORDER BY name",
	    "");

	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		u.uid = (uint64_t)sqlite3_column_int64(st, 0);
		sql_text(st, 1, u.name, sizeof(u.name));
		if ((rc = fn(ctx, &u, sqlite3_column_int64(st, 2))) != 0)
			sql_done(st);
	}
	return rc;
}

int chatd_login_once(struct store *s, const uint8_t hash[static 32], int64_t now, int64_t until)
{
	int rc = sql_exec(s, "DELETE FROM login WHERE until < ?", "i", now);

	if (rc == 0)
		rc =
		    sql_exec(s, "INSERT INTO login (hash, until) VALUES (?, ?)", "ki", hash, until);
	return rc;
}

bool chatd_changed(struct store *s, int64_t *version)
{
	int64_t now = *version;
	bool changed;

	if (sql_int(s, &now, "PRAGMA data_version", "") != 1)
		return false;
	changed = now != *version;
	*version = now;
	return changed;
}

static int too_many(struct store *s, uint64_t uid)
{
	int64_t n = 0;
	int rc = chatd_user_exists(s, uid);

	if (rc == 0)
		rc = sql_int(s, &n, "SELECT count(*) FROM member WHERE uid = ?", "i", (int64_t)uid);
	if (rc == 1)
		rc = n < CHATD_ROOMS ? 0 : err_set(MP_ELIMIT, "too many sessions");
	return rc;
}

static int add_member(
    struct store *s, uint64_t sid, uint64_t uid, enum chatd_state state, const uint8_t *key)
{
	int rc = too_many(s, uid);

	return rc != 0
	           ? rc
	           : sql_exec(s, "INSERT INTO member (sid, uid, state, key) VALUES (?, ?, ?, ?)",
	                 "iidb", (int64_t)sid, (int64_t)uid, (int)state, key,
	                 (size_t)(key == NULL ? 0 : 32));
}

/* All the refusals come first: the transaction is the caller's and goes on. */
int chatd_session_new(struct store *s, uint64_t *sid, uint64_t creator,
    const uint8_t key[static 32], const uint64_t *invited, size_t n)
{
	int rc = too_many(s, creator);

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = invited[i] == creator ? MP_EBAD : too_many(s, invited[i]);
	if (rc != 0)
		return rc;
	do {
		*sid = random_id();
		rc = sql_exec(s, "INSERT INTO session (sid) VALUES (?)", "i", (int64_t)*sid);
	} while (rc == MP_EEXIST);
	if (rc == 0)
		rc = add_member(s, *sid, creator, CHATD_CREATOR, key);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_member(s, *sid, invited[i], CHATD_INVITED, NULL);
	return rc;
}

int chatd_session_close(struct store *s, uint64_t sid)
{
	int rc = sql_exec(s, "DELETE FROM message WHERE sid = ?", "i", (int64_t)sid);

	if (rc == 0)
		rc = sql_exec(s, "DELETE FROM member WHERE sid = ?", "i", (int64_t)sid);
	if (rc == 0)
		rc = sql_exec(s, "UPDATE session SET closed = 1, seq = 0, bytes = 0 WHERE sid = ?",
		    "i", (int64_t)sid);
	return rc;
}

int chatd_member_answer(struct store *s, uint64_t sid, uint64_t uid, const uint8_t *key)
{
	/* Who joins has no part in what was said before. */
	return sql_exec(s,
	    "UPDATE member SET state = ?, key = ?,"
	    " acked = (SELECT seq FROM session s WHERE s.sid = member.sid)"
	    " WHERE sid = ? AND uid = ?",
	    "dbii", key != NULL ? CHATD_JOINED : CHATD_DECLINED, key,
	    (size_t)(key == NULL ? 0 : 32), (int64_t)sid, (int64_t)uid);
}
