#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/sql.h"

/* Extended codes stand before the primary one that they belong to. */
static const struct {
	int sqlite, code;
	const char *detail; /* NULL: SQLite's own words */
} errors[] = {
    {SQLITE_CONSTRAINT_UNIQUE, MP_EEXIST, "it is in the store already"},
    {SQLITE_CONSTRAINT_PRIMARYKEY, MP_EEXIST, "it is in the store already"},
    {SQLITE_CONSTRAINT_ROWID, MP_EEXIST, "it is in the store already"},
    {SQLITE_BUSY, MP_EBUSY, "the store is busy: somebody else has been writing for 10 s"},
    {SQLITE_LOCKED, MP_EBUSY, "the store is busy"},
    {SQLITE_PROTOCOL, MP_EBUSY, "the store is busy: its lock could not be had"},
    {SQLITE_FULL, MP_EFULL, "the disk is full: nothing was stored"},
    {SQLITE_NOMEM, MP_ENOMEM, "out of memory"},
    {SQLITE_TOOBIG, MP_ELIMIT, "too large for the store"},
};

/* A write that failed for want of room comes as an I/O error with this errno. */
static bool no_room(int code, int sys)
{
	return ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN) &&
	       (sys == ENOSPC || sys == EDQUOT || sys == EFBIG);
}

/* SQLite does not keep the errno of a commit: it is the one that store_step() cleared before. */
int sql_error(struct store *s)
{
	int code = sqlite3_extended_errcode(s->db);
	int sys = errno != 0 ? errno : sqlite3_system_errno(s->db);

	if (no_room(code, sys))
		code = SQLITE_FULL;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (errors[i].sqlite == code || errors[i].sqlite == (code & 0xff))
			return err_set(errors[i].code, "%s", errors[i].detail);
	return err_set(MP_ESYS, "store.db: %s", sqlite3_errmsg(s->db));
}

sqlite3_stmt *store_sql(struct store *s, const char *sql)
{
	size_t at = ((uintptr_t)sql >> 3) * 0x9e3779b1u % SQL_CACHE;

	for (size_t n = 0; n < SQL_CACHE; n++, at = (at + 1) % SQL_CACHE) {
		if (s->cache[at].sql == sql) {
			sql_done(s->cache[at].st);
			return s->cache[at].st;
		}
		if (s->cache[at].sql != NULL)
			continue;
		if (sqlite3_prepare_v3(
		        s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->cache[at].st, NULL)) {
			s->unprepared = sql_error(s);
			return NULL;
		}
		s->cache[at].sql = sql;
		return s->cache[at].st;
	}
	s->unprepared = err_set(MP_ESYS, "more statements than the cache holds");
	return NULL;
}

void sql_done(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

int store_step(struct store *s, sqlite3_stmt *st)
{
	int rc;

	if (st == NULL)
		return s->unprepared;
	errno = 0;
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return 1;
	rc = rc == SQLITE_DONE ? 0 : sql_error(s);
	sql_done(st);
	if (rc != 0 && s->depth > 0 && sqlite3_get_autocommit(s->db))
		s->undone = rc;
	return rc;
}

static int run(struct store *s, sqlite3_stmt *st)
{
	int rc;

	while ((rc = store_step(s, st)) == 1)
		;
	return rc;
}

/* A write of its own waits its turn like any other. */
int store_run(struct store *s, sqlite3_stmt *st)
{
	int rc;

	if (st == NULL || s->depth > 0 || sqlite3_stmt_readonly(st))
		return run(s, st);
	rc = store_begin(s);
	return rc != 0 ? rc : store_end(s, run(s, st));
}

int sql_sync(struct store *s)
{
	sqlite3_file *log = NULL;

	if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
	    log == NULL || log->pMethods == NULL)
		return err_set(MP_ESYS, "the database has no log");
	if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK)
		return err_set(MP_ESYS, "the database's log cannot be synced");
	return 0;
}

int64_t store_changes(struct store *s)
{
	return sqlite3_changes64(s->db);
}

int64_t store_last_row(struct store *s)
{
	return sqlite3_last_insert_rowid(s->db);
}

static int bind_blob(sqlite3_stmt *st, int at, const void *p, size_t n)
{
	return sqlite3_bind_blob64(st, at, p, n, SQLITE_STATIC);
}

static int bind_one(sqlite3_stmt *st, int at, char type, va_list *ap)
{
	const void *p;
	int64_t v;

	switch (type) {
	case 'i':
		return sqlite3_bind_int64(st, at, va_arg(*ap, int64_t));
	case 'z':
		v = va_arg(*ap, int64_t);
		return v == 0 ? sqlite3_bind_null(st, at) : sqlite3_bind_int64(st, at, v);
	case 'd':
		return sqlite3_bind_int64(st, at, va_arg(*ap, int));
	case 's':
		return sqlite3_bind_text(st, at, va_arg(*ap, const char *), -1, SQLITE_STATIC);
	case 'n':
		p = va_arg(*ap, const char *);
		if (p != NULL && *(const char *)p == '\0')
			p = NULL;
		return sqlite3_bind_text(st, at, p, -1, SQLITE_STATIC);
	case 'x':
		return bind_blob(st, at, va_arg(*ap, const uint8_t *), 16);
	case 'k':
		return bind_blob(st, at, va_arg(*ap, const uint8_t *), 32);
	case 'b':
		p = va_arg(*ap, const void *);
		return bind_blob(st, at, p, va_arg(*ap, size_t));
	default:
		abort();
	}
}

static int bind_all(sqlite3_stmt *st, const char *types, va_list *ap)
{
	int rc = SQLITE_OK;

	for (int at = 1; types[at - 1] != '\0' && rc == SQLITE_OK; at++)
		rc = bind_one(st, at, types[at - 1], ap);
	return rc;
}

int sql_bind(sqlite3_stmt *st, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = bind_all(st, types, &ap);
	va_end(ap);
	return rc;
}

static int query(
    struct store *s, sqlite3_stmt **st, const char *sql, const char *types, va_list *ap)
{
	*st = store_sql(s, sql);
	if (*st == NULL)
		return s->unprepared;
	if (bind_all(*st, types, ap) == SQLITE_OK)
		return 0;
	s->unprepared = sql_error(s);
	*st = NULL;
	return s->unprepared;
}

int sql_query(struct store *s, sqlite3_stmt **st, const char *sql, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = query(s, st, sql, types, &ap);
	va_end(ap);
	return rc;
}

int sql_row(struct store *s, sqlite3_stmt **st, const char *sql, const char *types, ...)
{
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = query(s, st, sql, types, &ap);
	va_end(ap);
	return rc != 0 ? rc : store_step(s, *st);
}

int sql_exec(struct store *s, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = query(s, &st, sql, types, &ap);
	va_end(ap);
	return rc != 0 ? rc : store_run(s, st);
}

int sql_int(struct store *s, int64_t *v, const char *sql, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int rc;

	va_start(ap, types);
	rc = query(s, &st, sql, types, &ap);
	va_end(ap);
	if (rc != 0 || (rc = store_step(s, st)) <= 0)
		return rc;
	rc = !sql_null(st, 0);
	if (rc)
		*v = sqlite3_column_int64(st, 0);
	sql_done(st);
	return rc;
}

void sql_text(sqlite3_stmt *st, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	size_t n = text == NULL ? 0 : strlen(text);

	if (n >= size)
		n = size - 1;
	if (n > 0)
		memcpy(out, text, n);
	out[n] = '\0';
}

bool sql_bytes(sqlite3_stmt *st, int column, uint8_t *out, size_t n)
{
	const void *p = sqlite3_column_blob(st, column);

	memset(out, 0, n);
	if (p == NULL || (size_t)sqlite3_column_bytes(st, column) != n)
		return false;
	memcpy(out, p, n);
	return true;
}

int sql_buf(sqlite3_stmt *st, int column, struct buf *out)
{
	const void *p = sqlite3_column_blob(st, column);
	size_t n = (size_t)sqlite3_column_bytes(st, column);

	return n == 0 ? 0 : buf_add(out, p, n);
}

bool sql_null(sqlite3_stmt *st, int column)
{
	return sqlite3_column_type(st, column) == SQLITE_NULL;
}

void sql_lease(sqlite3_stmt *st, int column, struct lease *l)
{
	l->pid = sqlite3_column_int64(st, column);
	sql_text(st, column + 1, l->boot, sizeof l->boot);
	l->until = sqlite3_column_int64(st, column + 2);
}
