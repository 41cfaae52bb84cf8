#include "store/chat.h"

#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "store/sql.h"

static const char schema[] =
#include "store/chat.inc"
    ;

static const struct sql_kind kind = {0x6d706363 /* mpcc */, 1, "mp-chat add", schema};

int chat_open(struct store **out, const char *path)
{
	return sql_open(out, path, &kind);
}

int chat_create(const char *path, const struct chat_account *a)
{
	struct store *s = NULL;
	int rc = sql_make(path, &kind);

	/* One that a killed call left without an account is taken. */
	if (rc != 0 && rc != MP_EEXIST)
		return rc;
	if ((rc = chat_open(&s, path)) == 0)
		rc = sql_exec(s,
		    "INSERT INTO account (id, name, server, key, password, seed)"
		    " VALUES (1, ?, ?, ?, ?, ?)",
		    "ssssk", a->name, a->server, a->key, a->password, a->seed);
	store_close(s);
	return rc == MP_EEXIST ? err_set(rc, "there is such an account already") : rc;
}

int chat_account_get(struct store *s, struct chat_account *a)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT name, server, key, password, seed FROM account", "");

	if (rc <= 0)
		return rc == 0 ? err_set(MP_EUSAGE, "no such account: mp-chat add") : rc;
	sql_text(st, 0, a->name, sizeof(a->name));
	sql_text(st, 1, a->server, sizeof(a->server));
	sql_text(st, 2, a->key, sizeof(a->key));
	a->password = secret_alloc(257);
	sql_text(st, 3, a->password, 257);
	a->seed = secret_alloc(32);
	sql_bytes(st, 4, a->seed, 32);
	sql_done(st);
	return 0;
}

void chat_account_free(struct chat_account *a)
{
	secret_free(a->password);
	secret_free(a->seed);
	a->password = NULL;
	a->seed = NULL;
}

int chat_account_password(struct store *s, const char *password)
{
	return sql_exec(s, "UPDATE account SET password = ?", "s", password);
}

int chat_peer_get(struct store *s, struct chat_peer *p, const char *name)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT key, verified FROM peer WHERE name = ?", "s", name);

	if (rc <= 0)
		return rc == 0 ? err_set(MP_ENONE, "no key of '%.40s' is known", name) : rc;
	memset(p, 0, sizeof(*p));
	strncpy(p->name, name, sizeof(p->name) - 1);
	sql_bytes(st, 0, p->key, 32);
	p->verified = sqlite3_column_int(st, 1) != 0;
	sql_done(st);
	return 0;
}

int chat_peer_meet(
    struct store *s, struct chat_peer *p, const char *name, const uint8_t key[static 32])
{
	int rc = sql_exec(s, "INSERT INTO peer (name, key) VALUES (?, ?) ON CONFLICT DO NOTHING",
	    "sk", name, key);

	if (rc == 0)
		rc = chat_peer_get(s, p, name);
	if (rc == 0 && memcmp(p->key, key, 32) != 0)
		rc = err_set(MP_EBAD,
		    "the key of '%s' has changed: ask him, then 'mp-chat forget %s'", name, name);
	return rc;
}

static int one_peer(struct store *s, int rc, const char *name)
{
	return rc == 0 && store_changes(s) == 0
	           ? err_set(MP_ENONE, "no key of '%.40s' is known", name)
	           : rc;
}

int chat_peer_verify(struct store *s, const char *name)
{
	return one_peer(
	    s, sql_exec(s, "UPDATE peer SET verified = 1 WHERE name = ?", "s", name), name);
}

int chat_peer_forget(struct store *s, const char *name)
{
	return one_peer(s, sql_exec(s, "DELETE FROM peer WHERE name = ?", "s", name), name);
}

int chat_peer_each(struct store *s, int (*fn)(void *ctx, const struct chat_peer *p), void *ctx)
{
	struct chat_peer p;
	sqlite3_stmt *st;
	int rc = sql_query(s, &st, "SELECT name, key, verified FROM peer ORDER BY name", "");

	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		sql_text(st, 0, p.name, sizeof(p.name));
		sql_bytes(st, 1, p.key, 32);
		p.verified = sqlite3_column_int(st, 2) != 0;
		if ((rc = fn(ctx, &p)) != 0)
			sql_done(st);
	}
	return rc;
}

int chat_room_get(struct store *s, struct chat_room *r, uint64_t sid)
{
	sqlite3_stmt *st;
	int rc = sql_exec(
	    s, "INSERT INTO room (sid) VALUES (?) ON CONFLICT DO NOTHING", "i", (int64_t)sid);

	if (rc == 0)
		rc = sql_row(s, &st, "SELECT number, cursor, epoch, joined FROM room WHERE sid = ?",
		    "i", (int64_t)sid);
	if (rc <= 0)
		return rc == 0 ? MP_ENONE : rc;
	r->number = (uint64_t)sqlite3_column_int64(st, 0);
	r->cursor = (uint64_t)sqlite3_column_int64(st, 1);
	r->epoch = (uint32_t)sqlite3_column_int64(st, 2);
	r->joined = (uint32_t)sqlite3_column_int64(st, 3);
	sql_done(st);
	return 0;
}

int chat_room_cursor(struct store *s, uint64_t sid, uint64_t cursor)
{
	return sql_exec(s, "UPDATE room SET cursor = max(cursor, ?2) WHERE sid = ?1", "ii",
	    (int64_t)sid, (int64_t)cursor);
}

int chat_invited_add(struct store *s, uint64_t sid, const char *name)
{
	return sql_exec(s, "INSERT INTO invited (sid, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
	    "is", (int64_t)sid, name);
}

bool chat_invited(struct store *s, uint64_t sid, const char *name)
{
	int64_t one;

	return sql_int(s, &one, "SELECT 1 FROM invited WHERE sid = ? AND name = ?", "is",
	           (int64_t)sid, name) == 1;
}

static int forget(struct store *s, uint64_t sid)
{
	int rc = sql_exec(s, "DELETE FROM outbox WHERE sid = ?", "i", (int64_t)sid);

	if (rc == 0)
		rc = sql_exec(s, "DELETE FROM member WHERE sid = ?", "i", (int64_t)sid);
	if (rc == 0)
		rc = sql_exec(s, "DELETE FROM invited WHERE sid = ?", "i", (int64_t)sid);
	if (rc == 0)
		rc = sql_exec(s, "DELETE FROM epoch WHERE sid = ?", "i", (int64_t)sid);
	if (rc == 0)
		rc = sql_exec(s, "DELETE FROM room WHERE sid = ?", "i", (int64_t)sid);
	return rc;
}

int chat_room_forget(struct store *s, uint64_t sid)
{
	int rc = store_begin(s);

	if (rc == 0)
		rc = store_end(s, forget(s, sid));
	return rc == 0 ? store_erase(s) : rc;
}

static int add_epoch(struct store *s, uint64_t sid, uint32_t epoch, const uint8_t key[static 32])
{
	int rc = sql_exec(s, "INSERT INTO epoch (sid, epoch, key) VALUES (?, ?, ?)", "iik",
	    (int64_t)sid, (int64_t)epoch, key);

	if (rc == 0)
		rc = sql_exec(s,
		    "UPDATE room SET epoch = ?2, joined = iif(joined = 0, ?2, joined) WHERE sid = "
		    "?1",
		    "ii", (int64_t)sid, (int64_t)epoch);
	/* What had to wait for the first one goes under it. */
	if (rc == 0)
		rc = sql_exec(s,
		    "UPDATE outbox SET epoch = ?2 WHERE sid = ?1 AND epoch IS NULL AND is_key = 0",
		    "ii", (int64_t)sid, (int64_t)epoch);
	return rc;
}

int chat_epoch_add(struct store *s, uint64_t sid, uint32_t epoch, const uint8_t key[static 32])
{
	int rc = store_begin(s);

	return rc == 0 ? store_end(s, add_epoch(s, sid, epoch, key)) : rc;
}

int chat_epoch_get(struct store *s, uint8_t key[static 32], uint64_t sid, uint32_t epoch)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT key FROM epoch WHERE sid = ? AND epoch = ?", "ii",
	    (int64_t)sid, (int64_t)epoch);

	if (rc <= 0)
		return rc == 0 ? MP_ENONE : rc;
	sql_bytes(st, 0, key, 32);
	sql_done(st);
	return 0;
}

int chat_member_put(struct store *s, uint64_t sid, const struct chat_member *m)
{
	return sql_exec(s,
	    "INSERT INTO member (sid, uid, name, key) VALUES (?, ?, ?, ?)"
	    " ON CONFLICT DO UPDATE SET name = excluded.name, key = excluded.key",
	    "iisk", (int64_t)sid, (int64_t)m->uid, m->name, m->key);
}

int chat_member_get(struct store *s, struct chat_member *m, uint64_t sid, uint64_t uid)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT name, key, number FROM member WHERE sid = ? AND uid = ?",
	    "ii", (int64_t)sid, (int64_t)uid);

	if (rc <= 0)
		return rc == 0 ? MP_ENONE : rc;
	m->uid = uid;
	sql_text(st, 0, m->name, sizeof(m->name));
	sql_bytes(st, 1, m->key, 32);
	m->number = (uint64_t)sqlite3_column_int64(st, 2);
	sql_done(st);
	return 0;
}

int chat_member_number(struct store *s, uint64_t sid, uint64_t uid, uint64_t number)
{
	return sql_exec(s, "UPDATE member SET number = ?3 WHERE sid = ?1 AND uid = ?2", "iii",
	    (int64_t)sid, (int64_t)uid, (int64_t)number);
}

static int last_number(struct store *s, uint64_t sid, int64_t *number)
{
	int rc =
	    sql_exec(s, "UPDATE room SET number = number + 1 WHERE sid = ?", "i", (int64_t)sid);

	if (rc == 0)
		rc = sql_int(s, number, "SELECT number FROM room WHERE sid = ?", "i", (int64_t)sid);
	return rc < 0 ? rc : 0;
}

/* Twice, for no two may have one number in between. */
int chat_outbox_make_way(struct store *s, uint64_t sid, uint64_t *number)
{
	int64_t last = 0, first = 0;
	int rc = last_number(s, sid, &last);

	if (rc == 0)
		rc = sql_int(s, &first,
		    "SELECT min(number) FROM outbox WHERE sid = ? AND epoch IS NULL", "i",
		    (int64_t)sid);
	if (rc < 0)
		return rc;
	*number = (uint64_t)(rc == 1 ? first : last);
	if ((rc = sql_exec(s,
	         "UPDATE outbox SET number = -1 - number WHERE sid = ? AND epoch IS NULL", "i",
	         (int64_t)sid)) != 0)
		return rc;
	return sql_exec(s, "UPDATE outbox SET number = -number WHERE sid = ? AND number < 0", "i",
	    (int64_t)sid);
}

static int add_outgoing(struct store *s, uint64_t sid, struct chat_outgoing *o)
{
	int64_t number = (int64_t)o->number, epoch = (int64_t)o->epoch;
	int rc = o->is_key ? 0 : last_number(s, sid, &number);

	if (rc == 0 && !o->is_key)
		rc = sql_int(s, &epoch, "SELECT epoch FROM room WHERE sid = ?", "i", (int64_t)sid);
	if (rc < 0)
		return rc;
	o->number = (uint64_t)number;
	o->epoch = (uint32_t)epoch;
	return sql_exec(s,
	    "INSERT INTO outbox (sid, number, is_key, epoch, id, time, body)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)",
	    "iidzxib", (int64_t)sid, number, (int)o->is_key, epoch, o->id, o->time, o->body, o->n);
}

int chat_outbox_add(struct store *s, uint64_t sid, struct chat_outgoing *o)
{
	int rc = store_begin(s);

	return rc == 0 ? store_end(s, add_outgoing(s, sid, o)) : rc;
}

int chat_outbox_each(struct store *s, uint64_t sid, uint64_t after, int most,
    int (*fn)(void *ctx, const struct chat_outgoing *o), void *ctx)
{
	struct chat_outgoing o;
	sqlite3_stmt *st;
	int rc = sql_query(s, &st,
	    "SELECT number, is_key, epoch, id, time, body FROM outbox"
	    " WHERE sid = ?1 AND number > ?2 AND epoch IS NOT NULL ORDER BY number LIMIT ?3",
	    "iid", (int64_t)sid, (int64_t)after, most);

	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		o.number = (uint64_t)sqlite3_column_int64(st, 0);
		o.is_key = sqlite3_column_int(st, 1) != 0;
		o.epoch = (uint32_t)sqlite3_column_int64(st, 2);
		sql_bytes(st, 3, o.id, 16);
		o.time = sqlite3_column_int64(st, 4);
		o.body = sqlite3_column_blob(st, 5);
		o.n = (size_t)sqlite3_column_bytes(st, 5);
		if ((rc = fn(ctx, &o)) != 0)
			sql_done(st);
	}
	return rc;
}

int chat_outbox_done(struct store *s, uint64_t sid, uint64_t number)
{
	return sql_exec(s, "DELETE FROM outbox WHERE sid = ? AND number = ?", "ii", (int64_t)sid,
	    (int64_t)number);
}

int chat_outbox_count(struct store *s, int64_t *n, uint64_t sid)
{
	int rc = sql_int(s, n, "SELECT count(*) FROM outbox WHERE sid = ?", "i", (int64_t)sid);

	return rc < 0 ? rc : 0;
}
