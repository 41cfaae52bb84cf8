/* The members and messages of chatd.h. */
#include <string.h>

#include "base/err.h"
#include "store/chatd.h"
#include "store/sql.h"

#define COLUMNS "m.sid, m.uid, u.name, m.state, m.key, m.number"

static void fill(struct chatd_member *m, sqlite3_stmt *st)
{
	memset(m, 0, sizeof(*m));
	m->sid = (uint64_t)sqlite3_column_int64(st, 0);
	m->uid = (uint64_t)sqlite3_column_int64(st, 1);
	sql_text(st, 2, m->name, sizeof(m->name));
	m->state = (enum chatd_state)sqlite3_column_int(st, 3);
	m->has_key = sql_bytes(st, 4, m->key, sizeof(m->key));
	m->number = (uint64_t)sqlite3_column_int64(st, 5);
}

int chatd_member_get(struct store *s, struct chatd_member *m, uint64_t sid, uint64_t uid)
{
	sqlite3_stmt *st;
	int64_t closed = 0;
	int rc = sql_row(s, &st,
	    "SELECT " COLUMNS " FROM member m JOIN user u ON u.uid = m.uid"
	    " WHERE m.sid = ? AND m.uid = ?",
	    "ii", (int64_t)sid, (int64_t)uid);

	if (rc == 1) {
		fill(m, st);
		sql_done(st);
		return 0;
	}
	if (rc == 0)
		rc = sql_int(
		    s, &closed, "SELECT closed FROM session WHERE sid = ?", "i", (int64_t)sid);
	if (rc < 0)
		return rc;
	return closed != 0 ? MP_EEXIST : MP_ENONE;
}

static int each(struct store *s, const char *sql, uint64_t id,
    int (*fn)(void *ctx, const struct chatd_member *m), void *ctx)
{
	struct chatd_member m;
	sqlite3_stmt *st;
	int rc = sql_query(s, &st, sql, "i", (int64_t)id);

	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		fill(&m, st);
		if ((rc = fn(ctx, &m)) != 0)
			sql_done(st);
	}
	return rc;
}

int chatd_members(
    struct store *s, uint64_t sid, int (*fn)(void *ctx, const struct chatd_member *m), void *ctx)
{
	return each(s,
	    "SELECT " COLUMNS " FROM member m JOIN user u ON u.uid = m.uid WHERE m.sid = ?"
	    " ORDER BY m.state, u.name",
	    sid, fn, ctx);
}

int chatd_rooms(
    struct store *s, uint64_t uid, int (*fn)(void *ctx, const struct chatd_member *m), void *ctx)
{
	return each(s,
	    "SELECT m.sid, c.uid, u.name, m.state, NULL, 0 FROM member m"
	    " JOIN member c ON c.sid = m.sid AND c.state = 0 JOIN user u ON u.uid = c.uid"
	    " WHERE m.uid = ? ORDER BY m.sid",
	    uid, fn, ctx);
}

/*
 * His own messages are no mail to him: acked stands just before the first one of another that he
 * lacks.
 */
static int raise_acked(struct store *s, uint64_t sid, uint64_t uid, uint64_t seq)
{
	return sql_exec(s,
	    "UPDATE member SET acked = coalesce((SELECT min(seq) - 1 FROM message m"
	    " WHERE m.sid = ?1 AND m.seq > ?3 AND m.uid <> ?2),"
	    " (SELECT seq FROM session s WHERE s.sid = ?1))"
	    " WHERE sid = ?1 AND uid = ?2 AND acked <= ?3",
	    "iii", (int64_t)sid, (int64_t)uid, (int64_t)seq);
}

static int room_left(struct store *s, uint64_t sid, size_t n, uint64_t *seq)
{
	sqlite3_stmt *st;
	int64_t bytes;
	int rc = sql_row(s, &st, "SELECT seq, bytes FROM session WHERE sid = ?", "i", (int64_t)sid);

	if (rc <= 0)
		return rc == 0 ? MP_ENONE : rc;
	*seq = (uint64_t)sqlite3_column_int64(st, 0) + 1;
	bytes = sqlite3_column_int64(st, 1);
	sql_done(st);
	if (bytes + (int64_t)n > CHATD_BYTES)
		return err_set(MP_EBUSY, "too much waits in this session");
	return 0;
}

int chatd_message_add(struct store *s, uint64_t sid, struct chatd_message *m, int64_t now)
{
	int rc = room_left(s, sid, m->n, &m->seq);

	if (rc != 0)
		return rc;
	if ((rc = sql_exec(s,
	         "UPDATE member SET number = ?3, acked = iif(acked = ?4 - 1, ?4, acked)"
	         " WHERE sid = ?1 AND uid = ?2 AND number < ?3",
	         "iiii", (int64_t)sid, (int64_t)m->uid, (int64_t)m->number, (int64_t)m->seq)) != 0)
		return rc;
	if (store_changes(s) == 0)
		return MP_EEXIST;
	if ((rc = sql_exec(s, "UPDATE session SET seq = ?2, bytes = bytes + ?3 WHERE sid = ?1",
	         "iii", (int64_t)sid, (int64_t)m->seq, (int64_t)m->n)) != 0)
		return rc;
	return sql_exec(s,
	    "INSERT INTO message (sid, seq, uid, number, time, content) VALUES (?, ?, ?, ?, ?, ?)",
	    "iiiiib", (int64_t)sid, (int64_t)m->seq, (int64_t)m->uid, (int64_t)m->number, now,
	    m->content, m->n);
}

int chatd_messages(struct store *s, uint64_t sid, uint64_t uid, uint64_t after, int most,
    int (*fn)(void *ctx, const struct chatd_message *m), void *ctx)
{
	struct chatd_message m;
	sqlite3_stmt *st;
	int rc = sql_query(s, &st,
	    "SELECT seq, uid, number, content FROM message"
	    " WHERE sid = ? AND seq > ? AND uid <> ? ORDER BY seq LIMIT ?",
	    "iiid", (int64_t)sid, (int64_t)after, (int64_t)uid, most);

	while (rc == 0 && (rc = store_step(s, st)) == 1) {
		m.seq = (uint64_t)sqlite3_column_int64(st, 0);
		m.uid = (uint64_t)sqlite3_column_int64(st, 1);
		m.number = (uint64_t)sqlite3_column_int64(st, 2);
		m.content = sqlite3_column_blob(st, 3);
		m.n = (size_t)sqlite3_column_bytes(st, 3);
		if ((rc = fn(ctx, &m)) != 0)
			sql_done(st);
	}
	return rc;
}

int chatd_last(struct store *s, uint64_t *seq, uint64_t sid, uint64_t uid)
{
	int64_t v = 0;
	int rc = sql_int(s, &v,
	    "SELECT seq FROM message WHERE sid = ? AND uid <> ? ORDER BY seq DESC LIMIT 1", "ii",
	    (int64_t)sid, (int64_t)uid);

	*seq = (uint64_t)v;
	return rc < 0 ? rc : 0;
}

/* Deletes what is up to `least` and counts it off. */
static int drop(struct store *s, uint64_t sid, int64_t least)
{
	int64_t bytes = 0;
	int rc = sql_int(s, &bytes,
	    "SELECT sum(length(content)) FROM message WHERE sid = ? AND seq <= ?", "ii",
	    (int64_t)sid, least);

	if (rc <= 0)
		return rc;
	if ((rc = sql_exec(s, "DELETE FROM message WHERE sid = ? AND seq <= ?", "ii", (int64_t)sid,
	         least)) != 0)
		return rc;
	return sql_exec(s, "UPDATE session SET bytes = max(0, bytes - ?2) WHERE sid = ?1", "ii",
	    (int64_t)sid, bytes);
}

int chatd_confirm(struct store *s, uint64_t sid, uint64_t uid, uint64_t seq)
{
	int64_t least = 0;
	int rc = raise_acked(s, sid, uid, seq);

	if (rc != 0 || store_changes(s) == 0)
		return rc;
	rc = sql_int(s, &least, "SELECT min(acked) FROM member WHERE sid = ? AND state IN (0, 2)",
	    "i", (int64_t)sid);
	return rc == 1 ? drop(s, sid, least) : rc;
}

int chatd_expire(struct store *s, int64_t before)
{
	sqlite3_stmt *st;
	uint64_t sid;
	int64_t seq;
	int rc;

	do {
		rc = sql_row(s, &st,
		    "SELECT sid, max(seq) FROM message WHERE time < ? GROUP BY sid LIMIT 1", "i",
		    before);
		if (rc != 1)
			break;
		sid = (uint64_t)sqlite3_column_int64(st, 0);
		seq = sqlite3_column_int64(st, 1);
		sql_done(st);
		rc = drop(s, sid, seq);
	} while (rc == 0);
	return rc;
}
