#include "store/owed.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/sql.h"

#define COLUMNS "o.contact, o.id, o.flow, o.kind, o.serial, o.at"

int owed_add(struct store *s, const struct owed *o)
{
	int rc = sql_exec(s,
	    "INSERT INTO owed (contact, id, flow, kind, serial, at) VALUES (?, ?, ?, ?, ?, ?)",
	    "ixisii", o->contact, o->id, o->flow, o->kind, o->serial, o->at);

	if (rc == 0)
		sql_wake(s, WAKE_DUE);
	return rc;
}

static void fill(struct owed *o, sqlite3_stmt *st)
{
	memset(o, 0, sizeof *o);
	o->contact = sqlite3_column_int64(st, 0);
	sql_bytes(st, 1, o->id, sizeof o->id);
	o->flow = sqlite3_column_int64(st, 2);
	sql_text(st, 3, o->kind, sizeof o->kind);
	o->serial = sqlite3_column_int64(st, 4);
	o->at = sqlite3_column_int64(st, 5);
}

int owed_get(struct store *s, struct owed *o, int64_t contact, const uint8_t id[static 16])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " COLUMNS " FROM owed o WHERE o.contact = ? AND o.id = ?",
	    "ix", contact, id);

	if (rc == 0)
		return err_set(MP_ENONE, "it is not owed");
	if (rc < 0)
		return rc;
	fill(o, st);
	sql_done(st);
	return 0;
}

int owed_set_at(struct store *s, const struct owed *o)
{
	return sql_exec(s, "UPDATE owed SET at = ? WHERE contact = ? AND id = ?", "iix", o->at,
	    o->contact, o->id);
}

int owed_remove(struct store *s, const struct owed *o)
{
	return sql_exec(
	    s, "DELETE FROM owed WHERE contact = ? AND id = ?", "ix", o->contact, o->id);
}

static int each(
    struct store *s, sqlite3_stmt *st, int (*fn)(void *ctx, const struct owed *o), void *ctx)
{
	struct owed *all = NULL, *bigger;
	size_t n = 0, room = 0;
	int rc, bad = 0;

	while ((rc = store_step(s, st)) == 1) {
		if (n == room) {
			room = room == 0 ? 32 : 2 * room;
			if ((bigger = realloc(all, room * sizeof *all)) == NULL) {
				bad = err_set(MP_ENOMEM, "out of memory");
				sql_done(st);
				break;
			}
			all = bigger;
		}
		fill(&all[n++], st);
	}
	if (bad != 0)
		rc = bad;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = fn(ctx, &all[i]);
	free(all);
	return rc;
}

int owed_of(struct store *s, int64_t flow, int (*fn)(void *ctx, const struct owed *o), void *ctx)
{
	sqlite3_stmt *st;

	sql_query(s, &st,
	    "SELECT " COLUMNS " FROM owed o WHERE o.flow = ? ORDER BY o.contact, o.id", "i", flow);
	return each(s, st, fn, ctx);
}

int owed_due(struct store *s, int64_t now, int (*fn)(void *ctx, const struct owed *o), void *ctx)
{
	sqlite3_stmt *st;

	sql_query(s, &st,
	    "SELECT " COLUMNS " FROM owed o JOIN contact c ON c.id = o.contact"
	    " WHERE o.at <= ? AND c.blocked = 0 ORDER BY o.at, o.flow, o.contact, o.serial",
	    "i", now);
	return each(s, st, fn, ctx);
}
