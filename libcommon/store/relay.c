/* The relay's database, its facts, packets and what is to be flooded. */
#include "store/relay.h"

#include <sodium.h>

#include "base/err.h"
#include "store/side.h"

#define APPLICATION 0x6d707231 /* "mpr1" */
#define BATCH "500"            /* rows changed in one transaction of upkeep */

static const char schema[] =
#include "store/relay.inc"
    ;

static const char *const steps[] = {
    "ALTER TABLE packet ADD COLUMN name BLOB;"
    "CREATE INDEX packet_name ON packet (coalesce(name, hash));"
    "CREATE INDEX device_polled ON device (polled)",
};

int relay_open(struct store **out, bool make)
{
	static struct writers writers = WRITERS_INIT;
	static const struct side d = {.file = "relay.db",
	    .application = APPLICATION,
	    .version = 2,
	    .schema = schema,
	    .steps = steps,
	    .writers = &writers};

	return side_open(out, &d, make);
}

void relay_close(struct store *s)
{
	store_close(s);
}

int relay_begin(struct store *s)
{
	return store_begin(s);
}

int relay_end(struct store *s, int rc)
{
	return store_end(s, rc);
}

static int read_secret(struct store *s, uint8_t secret[static 32])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT value FROM fact WHERE name = 'challenge'", "");

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	rc = sql_bytes(st, 0, secret, 32) ? 0 : err_set(MP_ESYS, "relay.db: damaged");
	sql_done(st);
	return rc;
}

/* Who is first makes it; a connection's process only reads. */
int relay_secret(struct store *s, uint8_t secret[static 32])
{
	int rc = read_secret(s, secret);

	if (rc != MP_ENONE)
		return rc;
	randombytes_buf(secret, 32);
	if ((rc = sql_exec(s, "INSERT OR IGNORE INTO fact VALUES ('challenge', ?)", "k", secret)) !=
	    0)
		return rc;
	rc = read_secret(s, secret);
	return rc == MP_ENONE ? err_set(MP_ESYS, "relay.db: the challenges' key is missing") : rc;
}

#define NAME "coalesce(name, hash)" /* as its index has it */
#define PACKET_COLUMNS                                                                       \
	"id, hash, box, text IS NOT NULL, boxed, token, acked, hops, attempt, since, again," \
	" coalesce(length(text), 0), " NAME

static void fill(struct relay_packet *p, sqlite3_stmt *st)
{
	p->row = sqlite3_column_int64(st, 0);
	sql_bytes(st, 1, p->hash, 32);
	sql_bytes(st, 2, p->box, 32);
	p->has_text = sqlite3_column_int(st, 3) != 0;
	p->boxed = sqlite3_column_int(st, 4) != 0;
	p->token = sqlite3_column_int(st, 5) != 0;
	p->acked = sqlite3_column_int(st, 6) != 0;
	p->hops = sqlite3_column_int(st, 7);
	p->attempt = sqlite3_column_int(st, 8);
	p->since = sqlite3_column_int64(st, 9);
	p->again = sqlite3_column_int64(st, 10);
	p->size = sqlite3_column_int64(st, 11);
	sql_bytes(st, 12, p->name, 32);
	sql_done(st);
}

int relay_packet_get(struct store *s, struct relay_packet *p, const uint8_t hash[static 32])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " PACKET_COLUMNS " FROM packet WHERE hash = ?", "k", hash);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	fill(p, st);
	return 0;
}

int relay_packet_named(struct store *s, struct relay_packet *p, const uint8_t name[static 32],
    const uint8_t device[static 8])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " PACKET_COLUMNS " FROM packet WHERE " NAME " = ? AND NOT EXISTS"
	    " (SELECT 1 FROM acked a WHERE a.packet = packet.id AND a.device = ?) LIMIT 1",
	    "kb", name, device, (size_t)8);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	fill(p, st);
	return 0;
}

int relay_packet_acked(struct store *s, const uint8_t name[static 32])
{
	return sql_int(s, &(int64_t){0},
	    "SELECT 1 FROM packet WHERE " NAME " = ? AND acked = 1 LIMIT 1", "k", name);
}

int relay_packet_due(struct store *s, struct relay_packet *p, int64_t now)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " PACKET_COLUMNS " FROM packet WHERE again > 0 AND again <= ?"
	    " ORDER BY again LIMIT 1",
	    "i", now);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	fill(p, st);
	return 0;
}

int relay_packet_text(struct store *s, int64_t row, struct buf *text)
{
	sqlite3_stmt *st;
	int rc =
	    sql_row(s, &st, "SELECT text FROM packet WHERE id = ? AND text IS NOT NULL", "i", row);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	rc = sql_buf(st, 0, text);
	sql_done(st);
	return rc;
}

/* Text is kept as text: a value of the wrong type would be a blob. */
static int text_query(
    struct store *s, sqlite3_stmt **st, const char *sql, const void *text, size_t len)
{
	if ((*st = store_sql(s, sql)) == NULL)
		return s->unprepared;
	if (sqlite3_bind_text64(*st, 1, text, len, SQLITE_STATIC, SQLITE_UTF8))
		return sql_error(s);
	return 0;
}

int relay_packet_add(struct store *s, struct relay_packet *p, const void *text, size_t len)
{
	sqlite3_stmt *st;
	int rc = text_query(s, &st,
	    "INSERT INTO packet (text, hash, box, boxed, token, hops, attempt, since, again, name)"
	    " VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, ?6, ?7, ?8)",
	    text, len);

	if (rc != 0)
		return rc;
	sqlite3_bind_blob(st, 2, p->hash, 32, SQLITE_STATIC);
	sqlite3_bind_blob(st, 3, p->box, 32, SQLITE_STATIC);
	sqlite3_bind_int(st, 4, p->hops);
	sqlite3_bind_int(st, 5, p->attempt);
	sqlite3_bind_int64(st, 6, p->since);
	sqlite3_bind_int64(st, 7, p->again);
	sqlite3_bind_blob(st, 8, p->name, 32, SQLITE_STATIC);
	if ((rc = store_run(s, st)) == 0)
		p->row = store_last_row(s);
	p->has_text = true;
	p->size = (int64_t)len;
	return rc;
}

int relay_packet_again(struct store *s, const struct relay_packet *p, const void *text, size_t len)
{
	sqlite3_stmt *st;
	int rc = text_query(s, &st,
	    "UPDATE packet SET text = coalesce(text, ?1), hops = ?2, attempt = ?3, again = ?4,"
	    " since = ?6 WHERE id = ?5",
	    text, len);

	if (rc != 0)
		return rc;
	sqlite3_bind_int(st, 2, p->hops);
	sqlite3_bind_int(st, 3, p->attempt);
	sqlite3_bind_int64(st, 4, p->again);
	sqlite3_bind_int64(st, 5, p->row);
	sqlite3_bind_int64(st, 6, p->since);
	return store_run(s, st);
}

int relay_packet_set_again(struct store *s, int64_t row, int attempt, int64_t again)
{
	return sql_exec(s, "UPDATE packet SET attempt = max(attempt, ?), again = ? WHERE id = ?",
	    "dii", attempt, again, row);
}

int relay_flood_packet(
    struct store *s, int64_t row, int hops, int attempt, int64_t source, int64_t now)
{
	return sql_exec(s,
	    "INSERT INTO flood (kind, packet, hops, attempt, source, time)"
	    " VALUES (0, ?, ?, ?, ?, ?)",
	    "iddii", row, hops, attempt, source, now);
}

int relay_flood_text(struct store *s, enum relay_kind kind, const void *text, size_t len,
    int64_t source, int64_t now)
{
	sqlite3_stmt *st;
	int rc = text_query(s, &st,
	    "INSERT INTO flood (text, kind, hops, attempt, source, time)"
	    " VALUES (?1, ?2, 0, 0, ?3, ?4)",
	    text, len);

	if (rc != 0)
		return rc;
	sqlite3_bind_int(st, 2, (int)kind);
	sqlite3_bind_int64(st, 3, source);
	sqlite3_bind_int64(st, 4, now);
	return store_run(s, st);
}

int relay_flood_each(struct store *s, int64_t peer, int64_t after, int64_t *last,
    int (*fn)(void *ctx, const struct relay_row *row), void *ctx)
{
	sqlite3_stmt *st;
	struct relay_row row;
	int rc = sql_query(s, &st,
	    "SELECT f.id, f.kind, f.hops, f.attempt, coalesce(f.text, p.text), f.source"
	    " FROM flood f LEFT JOIN packet p ON p.id = f.packet WHERE f.id > ? ORDER BY f.id"
	    " LIMIT 2000",
	    "i", after);

	*last = after;
	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		row.id = sqlite3_column_int64(st, 0);
		row.kind = (enum relay_kind)sqlite3_column_int(st, 1);
		row.hops = sqlite3_column_int(st, 2);
		row.attempt = sqlite3_column_int(st, 3);
		row.text = sqlite3_column_text(st, 4);
		row.len = (size_t)sqlite3_column_bytes(st, 4);
		rc = 0;
		if (row.text != NULL && sqlite3_column_int64(st, 5) != peer &&
		    (rc = fn(ctx, &row)) != 0) {
			sql_done(st);
			return rc < 0 ? rc : 0;
		}
		*last = row.id;
	}
	return rc;
}

/*
 * A text stays while it is in a box, while nobody acknowledged what entered here, and while some
 * peer has yet to get it.
 */
#define UNNEEDED                                                      \
	"text IS NOT NULL AND boxed = 0 AND (again = 0 OR acked = 1)" \
	" AND NOT EXISTS (SELECT 1 FROM flood f WHERE f.packet = packet.id)"

int relay_flood_trim(struct store *s, int64_t before)
{
	int64_t least = INT64_MAX, last = 0;
	int rc;

	if ((rc = relay_begin(s)) != 0)
		return rc;
	if ((rc = sql_int(s, &least, "SELECT min(handed) FROM peer WHERE black = 0", "")) < 0 ||
	    (rc = sql_int(s, &last,
	         "SELECT max(id) FROM (SELECT id FROM flood WHERE id <= ? OR time < ?"
	         " ORDER BY id LIMIT " BATCH ")",
	         "ii", least, before)) <= 0)
		return relay_end(s, rc);
	if ((rc = sql_exec(s, "CREATE TEMP TABLE IF NOT EXISTS gone (packet INTEGER PRIMARY KEY)",
	         "")) == 0 &&
	    (rc = sql_exec(s,
	         "INSERT OR IGNORE INTO gone SELECT packet FROM flood WHERE id <= ?"
	         " AND packet IS NOT NULL",
	         "i", last)) == 0 &&
	    (rc = sql_exec(s, "DELETE FROM flood WHERE id <= ?", "i", last)) == 0 &&
	    (rc = sql_exec(s,
	         "UPDATE packet SET text = NULL WHERE id IN (SELECT packet FROM gone)"
	         " AND " UNNEEDED,
	         "")) == 0)
		rc = sql_exec(s, "DELETE FROM gone", "");
	return relay_end(s, rc);
}

int relay_bytes(struct store *s, int64_t *used)
{
	int64_t pages = 0, size = 0, free = 0;
	int rc;

	if ((rc = sql_int(s, &pages, "PRAGMA page_count", "")) < 0 ||
	    (rc = sql_int(s, &free, "PRAGMA freelist_count", "")) < 0 ||
	    (rc = sql_int(s, &size, "PRAGMA page_size", "")) < 0)
		return rc;
	*used = (pages - free) * size;
	return 0;
}

int relay_meter_get(struct store *s, int64_t source, int64_t minute, int64_t *n)
{
	int rc;

	*n = 0;
	rc = sql_int(
	    s, n, "SELECT n FROM meter WHERE source = ? AND minute = ?", "ii", source, minute);
	return rc < 0 ? rc : 0;
}

int relay_meter(struct store *s, int64_t source, int64_t minute, int64_t *n)
{
	int rc = sql_int(s, n,
	    "INSERT INTO meter VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1"
	    " RETURNING n",
	    "ii", source, minute);

	return rc < 0 ? rc : 0;
}

int relay_log(struct store *s, const uint8_t *server, int64_t now, const char *what)
{
	return sql_exec(s, "INSERT INTO log (time, peer, what) VALUES (?, ?, ?)", "ibs", now,
	    server, (size_t)32, what);
}

int relay_log_each(struct store *s, int64_t after,
    int (*fn)(void *ctx, int64_t time, const uint8_t *server, const char *what), void *ctx)
{
	uint8_t server[32];
	sqlite3_stmt *st;
	int rc = sql_query(
	    s, &st, "SELECT time, peer, what FROM log WHERE time > ? ORDER BY id", "i", after);

	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		bool has = sql_bytes(st, 1, server, 32);

		rc = fn(ctx, sqlite3_column_int64(st, 0), has ? server : NULL,
		    (const char *)sqlite3_column_text(st, 2));
		if (rc != 0)
			sql_done(st);
	}
	return rc;
}

int relay_count(struct store *s, struct relay_counts *c)
{
	int rc;

	if ((rc = sql_int(s, &c->packets, "SELECT count(*) FROM packet", "")) < 0 ||
	    (rc = sql_int(s, &c->held, "SELECT count(*) FROM packet WHERE text IS NOT NULL", "")) <
	        0 ||
	    (rc = sql_int(s, &c->boxes, "SELECT count(*) FROM box", "")) < 0 ||
	    (rc = sql_int(s, &c->devices, "SELECT count(*) FROM device", "")) < 0 ||
	    (rc = sql_int(s, &c->flood, "SELECT count(*) FROM flood", "")) < 0)
		return rc;
	return relay_bytes(s, &c->bytes);
}
