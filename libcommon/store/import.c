#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/json.h"
#include "base/lines.h"
#include "crypto/identity.h"
#include "crypto/onion.h"
#include "store/dump.h"
#include "store/keyring.h"
#include "store/sql.h"

#define TABLES 32 /* at most */
#define COLUMNS 24

struct target {
	const char *name;
	sqlite3_stmt *insert;
	int columns;
	char column[COLUMNS][16];
	char type[COLUMNS][8];
};

struct import {
	struct store *s;
	struct target target[TABLES];
	struct buf blob[COLUMNS]; /* decoded values of the row in hand */
	int64_t rows;
	bool begun, ended;
};

/* What a table's columns are called and hold, and the statement that fills it. */
static int prepare(struct import *in, struct target *t, const char *name)
{
	char sql[128];
	sqlite3_stmt *st;
	size_t n;

	t->name = name;
	snprintf(sql, sizeof sql, "SELECT * FROM %s", name);
	if (sqlite3_prepare_v2(in->s->db, sql, -1, &st, NULL))
		return sql_error(in->s);
	t->columns = sqlite3_column_count(st);
	if (t->columns > COLUMNS)
		abort();
	n = (size_t)snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (?", name);
	for (int i = 0; i < t->columns; i++) {
		const char *type = sqlite3_column_decltype(st, i);

		snprintf(t->column[i], sizeof t->column[i], "%s", sqlite3_column_name(st, i));
		snprintf(t->type[i], sizeof t->type[i], "%s", type == NULL ? "" : type);
		if (i > 0)
			n += (size_t)snprintf(sql + n, sizeof sql - n, ",?");
	}
	snprintf(sql + n, sizeof sql - n, ")");
	sqlite3_finalize(st);
	return sqlite3_prepare_v2(in->s->db, sql, -1, &t->insert, NULL) ? sql_error(in->s) : 0;
}

static int bad_column(const char *column)
{
	return err_set(MP_EBAD, "bad value of '%s'", column);
}

static int bind_decoded(struct import *in, struct target *t, int i, const json_t *text)
{
	struct buf *b = &in->blob[i];

	buf_clear(b);
	if (!json_is_string(text) ||
	    base64_decode(b, json_string_value(text), json_string_length(text)) != 0)
		return bad_column(t->column[i]);
	if (strcmp(t->type[i], "BLOB") == 0)
		sqlite3_bind_blob64(t->insert, i + 1, b->len > 0 ? (const void *)b->data : "",
		    b->len, SQLITE_STATIC);
	else
		sqlite3_bind_text64(t->insert, i + 1, b->len > 0 ? (const char *)b->data : "",
		    b->len, SQLITE_STATIC, SQLITE_UTF8);
	return 0;
}

static int bind_digits(struct target *t, int i, const char *digits)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(digits, &end, 10);
	if (errno != 0 || end == digits || *end != '\0')
		return bad_column(t->column[i]);
	sqlite3_bind_int64(t->insert, i + 1, v);
	return 0;
}

static int bind_value(struct import *in, struct target *t, int i, const json_t *v)
{
	if (v == NULL)
		return err_set(MP_EBAD, "no '%s'", t->column[i]);
	if (json_is_null(v))
		sqlite3_bind_null(t->insert, i + 1);
	else if (strcmp(t->type[i], "BLOB") == 0)
		return bind_decoded(in, t, i, v);
	else if (json_is_object(v))
		return bind_decoded(in, t, i, json_object_get(v, "b64"));
	else if (json_is_integer(v))
		sqlite3_bind_int64(t->insert, i + 1, json_integer_value(v));
	else if (json_is_string(v) && strcmp(t->type[i], "INTEGER") == 0)
		return bind_digits(t, i, json_string_value(v));
	else if (json_is_string(v))
		sqlite3_bind_text(t->insert, i + 1, json_string_value(v),
		    (int)json_string_length(v), SQLITE_STATIC);
	else
		return bad_column(t->column[i]);
	return 0;
}

/* A row of the counters replaces the one that inserting made. */
static int insert(struct import *in, struct target *t, const json_t *row)
{
	int rc = 0;

	if (strcmp(t->name, "sqlite_sequence") == 0)
		rc = sql_exec(in->s, "DELETE FROM sqlite_sequence WHERE name = ?", "s",
		    json_string_value(json_object_get(row, "name")));
	if (rc == 0)
		rc = store_step(in->s, t->insert);
	if (rc == MP_ESYS)
		rc = err_set(MP_EBAD, "refused: %s", sqlite3_errmsg(in->s->db));
	return rc;
}

static int take_row(struct import *in, const json_t *row)
{
	const char *name = json_text(row, "table");
	struct target *t = NULL;
	int rc = 0;

	for (int i = 0; name != NULL && i < TABLES && in->target[i].name != NULL; i++)
		if (strcmp(in->target[i].name, name) == 0)
			t = &in->target[i];
	if (t == NULL)
		return err_set(MP_EBAD, "no such table");
	if (json_object_size(row) != (size_t)t->columns + 1)
		return err_set(MP_EBAD, "not the columns of '%s'", name);
	for (int i = 0; rc == 0 && i < t->columns; i++)
		rc = bind_value(in, t, i, json_object_get(row, t->column[i]));
	if (rc == 0)
		rc = insert(in, t, row);
	sql_done(t->insert);
	in->rows++;
	return rc == MP_EEXIST ? err_set(MP_EBAD, "the row is there twice") : rc;
}

/* The keys of a store fit one identity only. */
static int take_header(struct import *in, const json_t *row)
{
	const char *what = json_text(row, "mp"), *onion = json_text(row, "onion");
	char address[ONION_TEXT];
	uint8_t key[32];
	int64_t version;

	if (what == NULL || strcmp(what, "store") != 0 ||
	    json_int(row, "version", 1, INT32_MAX, &version) != 0)
		return err_set(MP_EBAD, "not an export of mp-store");
	/* What an earlier version has, this one has too. */
	if (version > STORE_VERSION)
		return err_set(MP_EBAD, "version %lld, this program knows %d", (long long)version,
		    STORE_VERSION);
	in->begun = true;
	if (onion == NULL || identity_public(key) != 0)
		return 0;
	onion_encode(address, key);
	if (strcmp(address, onion) != 0)
		return err_set(MP_EBAD, "the export of another identity, %.62s", onion);
	return 0;
}

static int take_end(struct import *in, const json_t *row)
{
	int64_t rows;
	const char *what = json_text(row, "mp");

	if (what == NULL || strcmp(what, "end") != 0)
		return err_set(MP_EBAD, "neither a row nor the end");
	if (json_int(row, "rows", 0, INT64_MAX, &rows) != 0 || rows != in->rows)
		return err_set(MP_EBAD, "rows are missing");
	in->ended = true;
	return 0;
}

static int take_line(struct import *in, const uint8_t *line, size_t len)
{
	json_t *row;
	int rc = json_read(&row, (const char *)line, len);

	if (rc != 0)
		return rc;
	if (in->ended)
		rc = err_set(MP_EBAD, "a line after the end");
	else if (!in->begun)
		rc = take_header(in, row);
	else if (json_object_get(row, "table") != NULL)
		rc = take_row(in, row);
	else
		rc = take_end(in, row);
	json_decref(row);
	return rc;
}

static int take_lines(struct import *in, int fd, const char *name)
{
	char why[256];
	const uint8_t *line;
	struct lines lines;
	size_t len;
	int rc;

	lines_init(&lines, fd, DUMP_LINE);
	while ((rc = lines_next(&lines, &line, &len)) == 1)
		if ((rc = take_line(in, line, len)) != 0)
			break;
	if (rc == 0 && !in->ended)
		rc = err_set(MP_EBAD, "it ends too early");
	if (rc < 0) {
		snprintf(why, sizeof why, "%s", err_detail());
		if (lines.number > 0)
			err_set(rc, "%s:%lu: %s", name, lines.number, why);
		else
			err_set(rc, "%s: %s", name, why);
	}
	lines_free(&lines);
	return rc;
}

static int check_empty(struct store *s)
{
	int64_t one;
	int rc = sql_int(s, &one,
	    "SELECT 1 WHERE EXISTS (SELECT 1 FROM contact) OR EXISTS (SELECT 1 FROM message)", "");

	return rc == 1 ? err_set(MP_EEXIST, "the store is not empty") : rc;
}

static void first_finding(void *ctx, const char *finding)
{
	char *first = ctx;

	if (*first == '\0')
		snprintf(first, 160, "%s", finding);
}

static int import(struct import *in, int fd, const char *name)
{
	char finding[160] = "";
	int rc = check_empty(in->s);

	for (int i = 0; rc == 0 && dump_tables[i] != NULL; i++)
		rc = prepare(in, &in->target[i], dump_tables[i]);
	if (rc == 0)
		rc = take_lines(in, fd, name);
	if (rc == 0)
		rc = keyring_rebuild(in->s);
	if (rc == 0)
		rc = store_check(in->s, first_finding, finding);
	if (rc == 0 && finding[0] != '\0')
		rc = err_set(MP_EBAD, "%s: %s", name, finding);
	return rc;
}

int store_import(struct store *s, int fd, const char *name)
{
	struct import *in;
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	in = calloc(1, sizeof *in);
	if (in == NULL) {
		store_rollback(s);
		return err_set(MP_ENOMEM, "out of memory");
	}
	in->s = s;
	for (int i = 0; i < COLUMNS; i++)
		in->blob[i].max = DUMP_LINE;
	rc = import(in, fd, name);
	for (int i = 0; i < TABLES; i++)
		sqlite3_finalize(in->target[i].insert);
	for (int i = 0; i < COLUMNS; i++)
		buf_free(&in->blob[i]);
	free(in);
	rc = store_end(s, rc);
	if (rc == 0)
		store_wake_inbox();
	return rc;
}
