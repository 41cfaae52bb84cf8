/* The relay's boxes: who polls, what is kept for him, what he acknowledged; and what expires. */
#include "base/err.h"
#include "store/relay.h"
#include "store/side.h"

#define BATCH "500"

int relay_box_get(struct store *s, struct relay_box *b, const uint8_t hash[static 32])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT id, used, open FROM box WHERE hash = ?", "k", hash);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	b->row = sqlite3_column_int64(st, 0);
	b->used = sqlite3_column_int64(st, 1);
	b->open = sqlite3_column_int64(st, 2);
	sql_done(st);
	return 0;
}

/* Its place is free again; the text stays while a peer has yet to get it. */
static int empty(struct store *s, const struct relay_packet *p)
{
	int rc = sql_exec(s,
	    "UPDATE packet SET boxed = 0, text = CASE WHEN EXISTS (SELECT 1 FROM flood f"
	    " WHERE f.packet = packet.id) THEN text END WHERE id = ?",
	    "i", p->row);

	if (rc != 0)
		return rc;
	return sql_exec(s, "UPDATE box SET used = used - ?1, open = open - ?2 WHERE hash = ?3",
	    "iik", p->size, p->token ? INT64_C(0) : p->size, p->box);
}

/* Room by the box that was silent longest and holds nothing, if there is one. */
static int make_box(
    struct store *s, struct relay_box *b, const uint8_t hash[static 32], int64_t now, int64_t boxes)
{
	int64_t n = 0;
	int rc;

	if ((rc = sql_int(s, &n, "SELECT count(*) FROM box", "")) < 0)
		return rc;
	if (n >= boxes) {
		if ((rc = sql_exec(s,
		         "DELETE FROM box WHERE id = (SELECT id FROM box WHERE used = 0"
		         " ORDER BY polled LIMIT 1)",
		         "")) != 0)
			return rc;
		if (store_changes(s) == 0)
			return err_set(MP_EBUSY, "as many boxes as there may be");
	}
	if ((rc = sql_exec(s, "INSERT INTO box (hash, polled) VALUES (?, ?)", "ki", hash, now)) !=
	    0)
		return rc;
	return relay_box_get(s, b, hash);
}

/* What all devices have that are left. */
static int release(struct store *s, int64_t box)
{
	struct relay_packet p;
	int64_t place = 0;
	sqlite3_stmt *st;
	int rc;

	while ((rc = sql_row(s, &st,
	            "SELECT p.id, p.box, p.token, length(p.text), p.place FROM packet p JOIN box b"
	            " ON b.hash = p.box WHERE b.id = ?1 AND p.text IS NOT NULL AND p.boxed = 1"
	            " AND p.acked = 1 AND NOT EXISTS (SELECT 1 FROM device d WHERE d.box = ?1"
	            " AND NOT EXISTS (SELECT 1 FROM acked a WHERE a.packet = p.id"
	            " AND a.device = d.name))"
	            " AND p.place > ?2 ORDER BY p.place LIMIT 1",
	            "ii", box, place)) == 1) {
		p.row = sqlite3_column_int64(st, 0);
		sql_bytes(st, 1, p.box, 32);
		p.token = sqlite3_column_int(st, 2) != 0;
		p.size = sqlite3_column_int64(st, 3);
		place = sqlite3_column_int64(st, 4);
		sql_done(st);
		if ((rc = empty(s, &p)) != 0)
			break;
	}
	return rc;
}

/* A device that did not poll for so long: what waited for it alone goes with it. */
static int drop_silent(struct store *s, int64_t box, int64_t before)
{
	int rc = sql_exec(s, "DELETE FROM device WHERE box = ? AND polled < ?", "ii", box, before);

	return rc == 0 && store_changes(s) > 0 ? release(s, box) : rc;
}

static int poll_device(struct store *s, int64_t box, const uint8_t device[static 8], int64_t now,
    int64_t silent, int64_t devices)
{
	int64_t n = 0;
	int rc;

	if ((rc = drop_silent(s, box, now - silent)) != 0 ||
	    (rc = sql_exec(s, "UPDATE device SET polled = ? WHERE box = ? AND name = ?", "iib", now,
	         box, device, (size_t)8)) != 0)
		return rc;
	if (store_changes(s) > 0)
		return 0;
	if ((rc = sql_int(s, &n, "SELECT count(*) FROM device WHERE box = ?", "i", box)) < 0)
		return rc;
	if (n >= devices)
		return err_set(MP_ELIMIT, "as many devices as a box may have");
	return sql_exec(
	    s, "INSERT INTO device VALUES (?, ?, ?)", "ibi", box, device, (size_t)8, now);
}

int relay_box_poll(struct store *s, struct relay_box *b, const uint8_t hash[static 32],
    const uint8_t device[static 8], int64_t now, int64_t silent, int64_t devices, int64_t boxes)
{
	int rc = relay_box_get(s, b, hash);
	bool fresh = rc == MP_ENONE;

	if (fresh)
		rc = make_box(s, b, hash, now, boxes);
	if (rc == 0)
		rc = sql_exec(s, "UPDATE box SET polled = ? WHERE id = ?", "ii", now, b->row);
	if (rc == 0)
		rc = poll_device(s, b->row, device, now, silent, devices);
	return rc != 0 ? rc : fresh ? 1 : 0;
}

/*
 * Who polls has a cursor, so what comes into a box late, because that was full or was none, must
 * not get a place below it: places are numbers of the sequence that rows have, and drawn when a
 * packet is put in.
 */
static int draw_places(struct store *s, int64_t n)
{
	return sql_exec(
	    s, "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'packet'", "i", n);
}

#define PLACES "(SELECT seq FROM sqlite_sequence WHERE name = 'packet')"

int relay_box_adopt(struct store *s, const uint8_t hash[static 32], int64_t quota)
{
	int64_t used = 0;
	int rc;

	/* Without tokens nobody has a right to more than everybody's part. */
	if ((rc = sql_exec(s,
	         "UPDATE packet SET boxed = 1, place = n + " PLACES " FROM (SELECT id AS row,"
	         " row_number() OVER (ORDER BY id) AS n, sum(length(text)) OVER (ORDER BY id) AS "
	         "total"
	         " FROM packet WHERE box = ?1 AND text IS NOT NULL AND acked = 0 AND boxed = 0)"
	         " WHERE id = row AND total <= ?2",
	         "ki", hash, quota)) != 0 ||
	    (rc = draw_places(s, store_changes(s))) != 0)
		return rc;
	if ((rc = sql_int(s, &used,
	         "SELECT coalesce(sum(length(text)), 0) FROM packet WHERE box = ? AND text IS NOT "
	         "NULL"
	         " AND boxed = 1",
	         "k", hash)) < 0)
		return rc;
	return sql_exec(s, "UPDATE box SET used = ?1, open = ?1 WHERE hash = ?2", "ik", used, hash);
}

int relay_box_put(struct store *s, const struct relay_box *b, const struct relay_packet *p)
{
	int rc = draw_places(s, 1);

	if (rc != 0 ||
	    (rc = sql_exec(s,
	         "UPDATE packet SET boxed = 1, token = ?, place = " PLACES " WHERE id = ?", "di",
	         (int)p->token, p->row)) != 0)
		return rc;
	return sql_exec(s, "UPDATE box SET used = used + ?1, open = open + ?2 WHERE id = ?3", "iii",
	    p->size, p->token ? INT64_C(0) : p->size, b->row);
}

int relay_box_each(struct store *s, const uint8_t hash[static 32], int64_t after,
    int (*fn)(void *ctx, int64_t row, const void *text, size_t len), void *ctx)
{
	sqlite3_stmt *st;
	int rc = sql_query(s, &st,
	    "SELECT place, text FROM packet WHERE box = ? AND text IS NOT NULL AND place > ?"
	    " AND boxed = 1 ORDER BY place",
	    "ki", hash, after);

	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		rc = fn(ctx, sqlite3_column_int64(st, 0), sqlite3_column_text(st, 1),
		    (size_t)sqlite3_column_bytes(st, 1));
		if (rc != 0)
			sql_done(st);
	}
	return rc < 0 ? rc : 0;
}

int relay_box_ack(
    struct store *s, const struct relay_packet *p, const uint8_t device[static 8], int64_t devices)
{
	int64_t waiting = 0;
	int rc = sql_exec(s,
	    "INSERT OR IGNORE INTO acked SELECT ?1, ?2"
	    " WHERE (SELECT count(*) FROM acked WHERE packet = ?1) < ?3",
	    "ibi", p->row, device, (size_t)8, devices);

	if (rc != 0 || store_changes(s) == 0)
		return rc;
	if ((rc = sql_exec(
	         s, "UPDATE packet SET acked = 1, again = 0 WHERE id = ?", "i", p->row)) != 0)
		return rc;
	if (p->boxed) {
		if ((rc = sql_int(s, &waiting,
		         "SELECT count(*) FROM device d JOIN box b ON b.id = d.box WHERE b.hash = ?"
		         " AND NOT EXISTS (SELECT 1 FROM acked a WHERE a.packet = ?"
		         " AND a.device = d.name)",
		         "ki", p->box, p->row)) < 0)
			return rc;
		rc = waiting == 0 ? empty(s, p) : 0;
	} else {
		rc = sql_exec(s,
		    "UPDATE packet SET text = NULL WHERE id = ? AND NOT EXISTS"
		    " (SELECT 1 FROM flood f WHERE f.packet = packet.id)",
		    "i", p->row);
	}
	return rc != 0 ? rc : 1;
}

int relay_answered(struct store *s, const void *challenge, size_t len, int64_t now)
{
	return sql_exec(s, "INSERT INTO answered VALUES (?, ?)", "bi", challenge, len, now);
}

int relay_token_add(struct store *s, int64_t box, const uint8_t handle[static 16],
    const uint8_t token[static 32], int64_t day, int64_t most)
{
	int64_t n = 0;
	int rc;

	if ((rc = sql_int(s, &n, "SELECT count(*) FROM token WHERE box = ?", "i", box)) < 0)
		return rc;
	if (n >= most)
		return err_set(MP_ELIMIT, "as many tokens as a box may have");
	return sql_exec(s,
	    "INSERT OR IGNORE INTO token (box, handle, token, day) VALUES (?, ?, ?, ?)", "ixki",
	    box, handle, token, day);
}

int relay_token_get(struct store *s, int64_t box, const uint8_t handle[static 16], int64_t first,
    int64_t last, uint8_t token[static 32])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT token FROM token WHERE box = ? AND handle = ? AND used = 0"
	    " AND day BETWEEN ? AND ?",
	    "ixii", box, handle, first, last);

	if (rc <= 0)
		return rc < 0 ? rc : MP_ENONE;
	sql_bytes(st, 0, token, 32);
	sql_done(st);
	return 0;
}

int relay_token_use(struct store *s, int64_t box, const uint8_t handle[static 16])
{
	return sql_exec(
	    s, "UPDATE token SET used = 1 WHERE box = ? AND handle = ?", "ix", box, handle);
}

/* Packets whose time is over lose their text and their place, and are forgotten a day later. */
static int expire_packets(struct store *s, const struct relay_expiry *e, bool *more)
{
	struct relay_packet p = {.row = 0};
	sqlite3_stmt *st;
	int rc, n;

	for (n = 0; n < 500; n++) {
		if ((rc = sql_row(s, &st,
		         "SELECT id, box, boxed, token, length(text) FROM packet"
		         " WHERE since < ? AND text IS NOT NULL LIMIT 1",
		         "i", e->now - e->keep)) <= 0)
			break;
		p.row = sqlite3_column_int64(st, 0);
		sql_bytes(st, 1, p.box, 32);
		p.boxed = sqlite3_column_int(st, 2) != 0;
		p.token = sqlite3_column_int(st, 3) != 0;
		p.size = sqlite3_column_int64(st, 4);
		sql_done(st);
		if ((rc = sql_exec(s, "DELETE FROM flood WHERE packet = ?", "i", p.row)) != 0 ||
		    (p.boxed && (rc = empty(s, &p)) != 0) ||
		    (rc = sql_exec(s,
		         "UPDATE packet SET text = NULL, boxed = 0, again = 0 WHERE id = ?", "i",
		         p.row)) != 0)
			return rc;
	}
	*more = *more || n == 500;
	if (rc < 0)
		return rc;
	return sql_exec(s,
	    "DELETE FROM packet WHERE id IN (SELECT id FROM packet WHERE since < ? LIMIT " BATCH
	    ")",
	    "i", e->now - e->keep - 86400000);
}

/* Boxes where nobody polls any more; their packets are passed on like all others. */
static int expire_boxes(struct store *s, const struct relay_expiry *e)
{
	int64_t box = 0;
	int rc;

	if ((rc = sql_exec(s,
	         "UPDATE packet SET boxed = 0 WHERE text IS NOT NULL AND box IN (SELECT hash FROM "
	         "box"
	         " WHERE polled < ?)",
	         "i", e->now - e->silent)) != 0 ||
	    (rc = sql_exec(s, "DELETE FROM box WHERE polled < ?", "i", e->now - e->silent)) != 0)
		return rc;
	for (int n = 0; n < 500; n++) {
		rc = sql_int(s, &box, "SELECT box FROM device WHERE polled < ? LIMIT 1", "i",
		    e->now - e->silent);
		if (rc <= 0)
			break;
		if ((rc = drop_silent(s, box, e->now - e->silent)) != 0)
			break;
	}
	return rc;
}

int relay_expire(struct store *s, const struct relay_expiry *e, bool *more)
{
	int rc;

	*more = false;
	if ((rc = relay_begin(s)) != 0)
		return rc;
	if ((rc = expire_packets(s, e, more)) == 0 && (rc = expire_boxes(s, e)) == 0 &&
	    (rc = sql_exec(s, "DELETE FROM answered WHERE time < ?", "i", e->now - 600000)) == 0 &&
	    (rc = sql_exec(s, "DELETE FROM token WHERE day < ?", "i", e->day - 8)) == 0 &&
	    (rc = sql_exec(s, "DELETE FROM meter WHERE minute < ?", "i", e->now / 60000 - 2)) == 0)
		rc = sql_exec(s, "DELETE FROM log WHERE time < ?", "i", e->now - e->log);
	return relay_end(s, rc);
}
