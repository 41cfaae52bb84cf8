#include "store/rooms.h"

#include <sodium.h>

#include "base/err.h"
#include "store/side.h"

#define APPLICATION 0x6d707232 /* "mpr2" */
#define NUMBERS 1000           /* of a new room: above those of one that was here before */

static const char schema[] =
#include "store/rooms.inc"
    ;

int rooms_open(struct store **out)
{
	static const struct side d = {.file = "rooms.db",
	    .application = APPLICATION,
	    .version = 1,
	    .schema = schema,
	    .fleeting = true};

	return side_open(out, &d, true);
}

void rooms_close(struct store *s)
{
	store_close(s);
}

int rooms_begin(struct store *s)
{
	return store_begin(s);
}

int rooms_end(struct store *s, int rc)
{
	return store_end(s, rc);
}

/* MP_ENONE. */
static int find(struct store *s, struct room_row *r, const uint8_t hash[static 32])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT id, last, gone, bytes, used, minute, posted FROM room WHERE hash = ?", "k",
	    hash);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	r->row = sqlite3_column_int64(st, 0);
	r->last = sqlite3_column_int64(st, 1);
	r->gone = sqlite3_column_int64(st, 2);
	r->bytes = sqlite3_column_int64(st, 3);
	r->used = sqlite3_column_int64(st, 4);
	r->minute = sqlite3_column_int64(st, 5);
	r->posted = sqlite3_column_int64(st, 6);
	sql_done(st);
	return 0;
}

static int make_room(struct store *s, const struct rooms_limits *l, int64_t now)
{
	int64_t n, idle;
	int rc = rooms_count(s, &n);

	if (rc != 0 || n < l->count)
		return rc;
	rc = sql_int(s, &idle, "SELECT id FROM room WHERE used < ? ORDER BY used LIMIT 1", "i",
	    now - ROOMS_IDLE);
	if (rc == 0)
		rc = err_set(MP_EBUSY, "as many rooms as there may be");
	return rc < 0 ? rc : sql_exec(s, "DELETE FROM room WHERE id = ?", "i", idle);
}

static int make(
    struct store *s, const uint8_t hash[static 32], const struct rooms_limits *l, int64_t now)
{
	int rc = make_room(s, l, now);

	if (rc == 0)
		rc = sql_exec(s, "INSERT INTO room VALUES (NULL, ?1, ?2, ?2, 0, ?3, 0, 0)", "kii",
		    hash, now * NUMBERS, now);
	return rc;
}

/* Found, made or touched in one transaction. */
static int enter(struct store *s, struct room_row *r, const uint8_t hash[static 32],
    const struct rooms_limits *l, int64_t now)
{
	int rc = find(s, r, hash);

	if (rc == MP_ENONE && (rc = make(s, hash, l, now)) == 0)
		rc = find(s, r, hash);
	if (rc == 0 && r->used + ROOMS_TOUCH <= now)
		rc = sql_exec(s, "UPDATE room SET used = ? WHERE id = ?", "ii", now, r->row);
	return rc;
}

int rooms_enter(struct store *s, struct room_row *r, const uint8_t id[static 32],
    const struct rooms_limits *l, int64_t now)
{
	uint8_t hash[32];
	int rc;

	crypto_hash_sha256(hash, id, 32);
	rc = find(s, r, hash);
	if (rc == 0 && now < r->used + ROOMS_TOUCH)
		return 0;
	if ((rc != 0 && rc != MP_ENONE) || (rc = store_begin(s)) != 0)
		return rc;
	return store_end(s, enter(s, r, hash, l, now));
}

/* The oldest lines, until there is place for len more. */
static int drop(struct store *s, struct room_row *r, int64_t len, int64_t quota)
{
	int64_t id, n, size;
	sqlite3_stmt *st;
	int rc = 0;

	while (r->bytes + len > quota &&
	       (rc = sql_row(s, &st,
	            "SELECT id, n, length(text) FROM line WHERE room = ? ORDER BY n LIMIT 1", "i",
	            r->row)) == 1) {
		id = sqlite3_column_int64(st, 0);
		n = sqlite3_column_int64(st, 1);
		size = sqlite3_column_int64(st, 2);
		sql_done(st);
		if ((rc = sql_exec(s, "DELETE FROM line WHERE id = ?", "i", id)) != 0)
			return rc;
		r->bytes -= size;
		r->gone = n;
	}
	return rc < 0 ? rc : 0;
}

int rooms_post(struct store *s, struct room_row *r, const void *line, size_t len,
    const struct rooms_limits *l, int64_t now)
{
	int64_t minute = now / 60000;
	int rc;

	if (r->minute != minute) {
		r->minute = minute;
		r->posted = 0;
	}
	if (r->posted >= l->rate)
		return err_set(MP_EBUSY, "more lines a minute than are taken");
	if ((rc = drop(s, r, (int64_t)len, l->quota)) != 0)
		return rc;
	r->posted++;
	r->last++;
	r->bytes += (int64_t)len;
	rc = sql_exec(s, "INSERT INTO line VALUES (NULL, ?, ?, ?, ?)", "iiib", r->row, r->last, now,
	    line, len);
	if (rc == 0)
		rc = sql_exec(s,
		    "UPDATE room SET last = ?, gone = ?, bytes = ?, used = ?, minute = ?, posted = "
		    "? WHERE id = ?",
		    "iiiiiii", r->last, r->gone, r->bytes, now, r->minute, r->posted, r->row);
	return rc;
}

int rooms_each(struct store *s, const struct room_row *r, int64_t after,
    int (*fn)(void *ctx, int64_t n, const void *line, size_t len), void *ctx)
{
	sqlite3_stmt *st;
	int rc, stop = 0;

	rc = sql_query(s, &st, "SELECT n, text FROM line WHERE room = ? AND n > ? ORDER BY n", "ii",
	    r->row, after);
	if (rc != 0)
		return rc;
	while (stop == 0 && (rc = store_step(s, st)) == 1)
		stop = fn(ctx, sqlite3_column_int64(st, 0), sqlite3_column_blob(st, 1),
		    (size_t)sqlite3_column_bytes(st, 1));
	sql_done(st);
	return stop < 0 ? stop : rc < 0 ? rc : 0;
}

int rooms_count(struct store *s, int64_t *n)
{
	int rc = sql_int(s, n, "SELECT count(*) FROM room", "");

	return rc < 0 ? rc : 0;
}

static int expire(struct store *s, int64_t before)
{
	int rc;

	if ((rc = sql_exec(s, "DELETE FROM room WHERE used < ?", "i", before)) != 0)
		return rc;
	rc = sql_exec(s,
	    "UPDATE room SET gone = d.n, bytes = bytes - d.size FROM (SELECT room, max(n) AS n,"
	    " sum(length(text)) AS size FROM line WHERE time < ? GROUP BY room) AS d"
	    " WHERE room.id = d.room",
	    "i", before);
	return rc != 0 ? rc : sql_exec(s, "DELETE FROM line WHERE time < ?", "i", before);
}

int rooms_expire(struct store *s, int64_t before)
{
	int64_t old;
	int rc = sql_int(s, &old,
	    "SELECT EXISTS (SELECT 1 FROM room WHERE used < ?1) OR"
	    " EXISTS (SELECT 1 FROM line WHERE time < ?1)",
	    "i", before);

	if (rc < 0 || old == 0)
		return rc < 0 ? rc : 0;
	if ((rc = store_begin(s)) != 0)
		return rc;
	return store_end(s, expire(s, before));
}
