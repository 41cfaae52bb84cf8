#include "store/flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/sql.h"

#define COLUMNS "id, kind, state, coalesce(contact, 0), ref, coalesce(name, ''), at, body"

static int insert(struct store *s, struct flow_row *f, const char *body)
{
	int rc = sql_exec(s,
	    "INSERT INTO flow (kind, contact, ref, name, state, at, body)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)",
	    "dzbndis", f->kind, f->contact, (const void *)f->ref, f->reflen, f->name, f->state,
	    f->at, body);

	if (rc == MP_EEXIST)
		return err_set(rc, "there is such a plan already");
	if (rc == 0)
		f->row = store_last_row(s);
	return rc;
}

int flow_put(struct store *s, struct flow_row *f, const char *body, size_t len)
{
	int rc;

	if (strlen(body) != len)
		return err_set(MP_EBAD, "a flow's text has a NUL");
	if (f->row == 0)
		return insert(s, f, body);
	rc = sql_exec(s,
	    "UPDATE flow SET name = ?, state = ?, at = ?, body = ?, contact = ? WHERE id = ?",
	    "ndiszi", f->name, f->state, f->at, body, f->contact, f->row);
	return rc == 0 && store_changes(s) == 0 ? err_set(MP_ENONE, "no such plan") : rc;
}

static int take(struct flow_row *f, struct buf *body, sqlite3_stmt *st, int rc)
{
	int n;

	if (rc == 0)
		return err_set(MP_ENONE, "no such plan");
	if (rc < 0)
		return rc;
	memset(f, 0, sizeof *f);
	f->row = sqlite3_column_int64(st, 0);
	f->kind = sqlite3_column_int(st, 1);
	f->state = sqlite3_column_int(st, 2);
	f->contact = sqlite3_column_int64(st, 3);
	n = sqlite3_column_bytes(st, 4);
	f->reflen = n < 0 || (size_t)n > sizeof f->ref ? 0 : (size_t)n;
	if (f->reflen > 0)
		memcpy(f->ref, sqlite3_column_blob(st, 4), f->reflen);
	sql_text(st, 5, f->name, sizeof f->name);
	f->at = sqlite3_column_int64(st, 6);
	rc = sql_buf(st, 7, body);
	sql_done(st);
	return rc;
}

int flow_get(struct store *s, struct flow_row *f, struct buf *body, int64_t row)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " COLUMNS " FROM flow WHERE id = ?", "i", row);

	return take(f, body, st, rc);
}

int flow_find(struct store *s, struct flow_row *f, struct buf *body, int kind, int64_t contact,
    const uint8_t *ref, size_t reflen)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " COLUMNS " FROM flow WHERE kind = ? AND coalesce(contact, 0) = ? AND ref = ?",
	    "dib", kind, contact, (const void *)(ref == NULL ? (const uint8_t *)"" : ref), reflen);

	return take(f, body, st, rc);
}

int flow_named(struct store *s, struct flow_row *f, struct buf *body, const char *name)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " COLUMNS " FROM flow WHERE name = ?", "s", name);

	rc = take(f, body, st, rc);
	return rc == MP_ENONE ? err_set(rc, "no group '%s'", name) : rc;
}

int flow_delete(struct store *s, int64_t row)
{
	return sql_exec(s, "DELETE FROM flow WHERE id = ?", "i", row);
}

/* All rows that st gives, then fn with each. */
static int each(struct store *s, sqlite3_stmt *st, int (*fn)(void *ctx, int64_t row), void *ctx)
{
	int64_t *rows = NULL, *bigger;
	size_t n = 0, room = 0;
	int rc, bad = 0;

	while ((rc = store_step(s, st)) == 1) {
		if (n == room) {
			room = room == 0 ? 64 : 2 * room;
			if ((bigger = realloc(rows, room * sizeof *rows)) == NULL) {
				bad = err_set(MP_ENOMEM, "out of memory");
				sql_done(st);
				break;
			}
			rows = bigger;
		}
		rows[n++] = sqlite3_column_int64(st, 0);
	}
	if (bad != 0)
		rc = bad;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = fn(ctx, rows[i]);
	free(rows);
	return rc;
}

int flow_rows(
    struct store *s, int kind, int64_t contact, int (*fn)(void *ctx, int64_t row), void *ctx)
{
	sqlite3_stmt *st;

	if (contact < 0)
		sql_query(
		    s, &st, "SELECT id FROM flow WHERE ?1 < 0 OR kind = ?1 ORDER BY id", "d", kind);
	else
		sql_query(s, &st,
		    "SELECT id FROM flow WHERE contact IS ?2 AND (?1 < 0 OR kind = ?1) ORDER BY id",
		    "dz", kind, contact);
	return each(s, st, fn, ctx);
}

int flow_rows_open(
    struct store *s, int kind, int below, int (*fn)(void *ctx, int64_t row), void *ctx)
{
	sqlite3_stmt *st;

	sql_query(s, &st, "SELECT id FROM flow WHERE kind = ? AND state < ? ORDER BY id", "dd",
	    kind, below);
	return each(s, st, fn, ctx);
}

int flow_rows_due(struct store *s, int64_t now, int (*fn)(void *ctx, int64_t row), void *ctx)
{
	sqlite3_stmt *st;

	sql_query(s, &st, "SELECT id FROM flow WHERE at > 0 AND at <= ? ORDER BY at, id", "i", now);
	return each(s, st, fn, ctx);
}

int flow_count(struct store *s, int64_t contact, int64_t *n)
{
	int rc = sql_int(s, n, "SELECT count(*) FROM flow WHERE contact = ?", "i", contact);

	return rc < 0 ? rc : 0;
}
