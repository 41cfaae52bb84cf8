#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/identity.h"
#include "crypto/onion.h"
#include "store/dump.h"
#include "store/sql.h"

#define INT_MOST (INT64_C(1) << 53)

/* The keyring is made again from the keys. */
const char *const dump_tables[] = {"contact", "key", "rekey", "message", "seen", "queue", "lane",
    "transfer", "flow", "owed", "entry", "mesh", "meshserver", "letterbox", "carried", "receipt",
    "device", "shared", "sync", "sqlite_sequence", NULL};

static int add_string(struct buf *line, const char *text, size_t len)
{
	json_t *v;
	int rc;

	if (!text_utf8(text, len)) {
		rc = buf_adds(line, "{\"b64\":\"");
		if (rc == 0)
			rc = base64_secret_encode(line, text, len);
		return rc != 0 ? rc : buf_adds(line, "\"}");
	}
	v = json_stringn(text, len);
	if (v == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	rc = json_write(line, v);
	json_decref(v);
	return rc;
}

static int add_blob(struct buf *line, sqlite3_stmt *st, int column)
{
	const void *p = sqlite3_column_blob(st, column);
	size_t n = (size_t)sqlite3_column_bytes(st, column);
	int rc = buf_addc(line, '"');

	if (rc == 0 && n > 0)
		rc = base64_secret_encode(line, p, n);
	return rc != 0 ? rc : buf_addc(line, '"');
}

static int add_value(struct buf *line, sqlite3_stmt *st, int column)
{
	int64_t v;

	switch (sqlite3_column_type(st, column)) {
	case SQLITE_INTEGER:
		v = sqlite3_column_int64(st, column);
		return buf_addf(
		    line, v > INT_MOST || v < -INT_MOST ? "\"%lld\"" : "%lld", (long long)v);
	case SQLITE_TEXT:
		return add_string(line, (const char *)sqlite3_column_text(st, column),
		    (size_t)sqlite3_column_bytes(st, column));
	case SQLITE_BLOB:
		return add_blob(line, st, column);
	default:
		return buf_adds(line, "null");
	}
}

static int put(FILE *f, struct buf *line)
{
	int rc = buf_addc(line, '\n');

	if (rc == 0 && fwrite(line->data, 1, line->len, f) != line->len)
		rc = err_sys("cannot write standard output");
	buf_clear(line);
	return rc;
}

static int write_row(FILE *f, struct buf *line, sqlite3_stmt *st, const char *table)
{
	int rc = buf_addf(line, "{\"table\":\"%s\"", table);

	for (int i = 0; rc == 0 && i < sqlite3_column_count(st); i++) {
		rc = buf_addf(line, ",\"%s\":", sqlite3_column_name(st, i));
		if (rc == 0)
			rc = add_value(line, st, i);
	}
	if (rc == 0)
		rc = buf_addc(line, '}');
	return rc != 0 ? rc : put(f, line);
}

static int write_table(struct store *s, FILE *f, struct buf *line, const char *table, int64_t *rows)
{
	char sql[64];
	sqlite3_stmt *st;
	int rc, bad = 0;

	snprintf(sql, sizeof sql, "SELECT * FROM %s", table);
	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL))
		return sql_error(s);
	while (bad == 0 && (rc = store_step(s, st)) == 1) {
		bad = write_row(f, line, st, table);
		++*rows;
	}
	sqlite3_finalize(st);
	return bad != 0 ? bad : rc;
}

static int write_header(FILE *f, struct buf *line)
{
	char address[ONION_TEXT];
	uint8_t key[32];
	int rc = buf_addf(line, "{\"mp\":\"store\",\"version\":%d", STORE_VERSION);

	if (rc == 0 && identity_public(key) == 0) {
		onion_encode(address, key);
		rc = buf_addf(line, ",\"onion\":\"%s\"", address);
	}
	if (rc == 0)
		rc = buf_addc(line, '}');
	return rc != 0 ? rc : put(f, line);
}

static int write_all(struct store *s, FILE *f)
{
	struct buf line = BUF_INIT(DUMP_LINE);
	int64_t rows = 0;
	int rc = write_header(f, &line);

	for (int i = 0; rc == 0 && dump_tables[i] != NULL; i++)
		rc = write_table(s, f, &line, dump_tables[i], &rows);
	if (rc == 0)
		rc = buf_addf(&line, "{\"mp\":\"end\",\"rows\":%lld}", (long long)rows);
	if (rc == 0)
		rc = put(f, &line);
	if (rc == 0 && fflush(f) != 0)
		rc = err_sys("cannot write standard output");
	buf_free(&line);
	return rc;
}

int store_export(struct store *s, FILE *f)
{
	int rc = sql_exec(s, "BEGIN", ""), ended;

	if (rc != 0)
		return rc;
	rc = write_all(s, f);
	ended = sql_exec(s, "COMMIT", "");
	return rc != 0 ? rc : ended;
}
