#include "store/message.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/contact.h"
#include "store/sql.h"

#define BATCH 64
#define BATCH_BYTES (256u << 10)

static int wake_devices(struct store *s)
{
	int64_t one;
	int rc = sql_int(s, &one, "SELECT 1 FROM device WHERE role > 0 LIMIT 1", "");

	if (rc == 1)
		sql_wake(s, WAKE_DUE);
	return rc < 0 ? rc : 0;
}

int message_add(struct store *s, int64_t contact, enum message_dir dir, enum message_state state,
    const struct record *rec, int64_t now)
{
	const void *body =
	    rec->has_body ? (rec->body.len > 0 ? (const void *)rec->body.data : "") : NULL;
	int rc;

	if (!rec->has_id ||
	    (contact == 0 && dir != DIR_EVENT && (dir != DIR_OUT || rec->ref[0] == '\0')))
		return err_set(MP_EUSAGE, "a message needs an id and a contact or group");
	rc = sql_exec(s,
	    "INSERT INTO message (contact, dir, id, kind, time, stored, state, ref, body)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "zdxsiidnb", contact, (int)dir, rec->id, rec->kind,
	    rec->time == RECORD_TIME_ABSENT ? now : rec->time, now, (int)state, rec->ref, body,
	    rec->has_body ? rec->body.len : 0);
	if (rc == MP_EEXIST)
		return err_set(rc, "the message is in the store already");
	if (rc == 0 && state == MESSAGE_NEW)
		sql_wake(s, WAKE_INBOX);
	if (rc == 0 && dir != DIR_EVENT) /* another device is owed it */
		rc = wake_devices(s);
	return rc;
}

int message_event(struct store *s, int64_t contact, const char *kind, const char *body, int64_t now)
{
	struct record rec;
	int rc;

	record_init(&rec);
	rec.has_id = true;
	randombytes_buf(rec.id, sizeof rec.id);
	rec.time = now;
	rec.has_body = body != NULL;
	strncat(rec.kind, kind, sizeof rec.kind - 1);
	rc = body == NULL ? 0 : buf_adds(&rec.body, body);
	if (rc == 0)
		rc = message_add(s, contact, DIR_EVENT, MESSAGE_NEW, &rec, now);
	record_free(&rec);
	return rc;
}

/*
 * A message to a group is one row without a contact, while the queue has one a member.  It is sent
 * when no row of the queue speaks of it any more.
 */
static int set_group_state(
    struct store *s, enum message_dir dir, const uint8_t id[static 16], enum message_state state)
{
	int64_t row;
	int rc = dir != DIR_OUT ? 0
	                        : sql_int(s, &row,
	                              "SELECT seq FROM message WHERE id = ? AND contact IS NULL"
	                              " AND dir = 1",
	                              "x", id);

	if (rc <= 0)
		return rc < 0 ? rc : err_set(MP_ENONE, "no such message");
	return sql_exec(s,
	    "UPDATE message SET state = ?1 WHERE seq = ?2 AND (?1 <> 12 OR NOT EXISTS"
	    " (SELECT 1 FROM queue WHERE id = ?3))",
	    "dix", (int)state, row, id);
}

int message_set_state(struct store *s, int64_t contact, enum message_dir dir,
    const uint8_t id[static 16], enum message_state state)
{
	int rc =
	    sql_exec(s, "UPDATE message SET state = ? WHERE contact = ? AND dir = ? AND id = ?",
	        "didx", (int)state, contact, (int)dir, id);

	return rc == 0 && store_changes(s) == 0 ? set_group_state(s, dir, id, state) : rc;
}

int message_get_state(struct store *s, int64_t contact, enum message_dir dir,
    const uint8_t id[static 16], enum message_state *state)
{
	int64_t v = 0;
	int rc =
	    sql_int(s, &v, "SELECT state FROM message WHERE contact = ? AND dir = ? AND id = ?",
	        "idx", contact, (int)dir, id);

	if (rc == 0 && dir == DIR_OUT)
		rc = sql_int(s, &v,
		    "SELECT state FROM message WHERE id = ? AND contact IS NULL AND dir = 1", "x",
		    id);
	if (rc == 0)
		return err_set(MP_ENONE, "no such message");
	*state = (enum message_state)v;
	return rc < 0 ? rc : 0;
}

static int one_text(struct record *rec, int rc, sqlite3_stmt *st)
{
	if (rc == 0)
		return err_set(MP_ENONE, "no such message");
	if (rc < 0)
		return rc;
	rc = message_fill(rec, st);
	sql_done(st);
	return rc;
}

int message_get_text(struct store *s, const uint8_t id[static 16], struct record *rec)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " MESSAGE_COLUMNS " WHERE m.id = ? AND m.contact IS NULL AND m.dir = 1", "x",
	    id);

	return one_text(rec, rc, st);
}

int message_sent_text(
    struct store *s, int64_t contact, const uint8_t id[static 16], struct record *rec)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " MESSAGE_COLUMNS " WHERE m.contact = ? AND m.dir = 1 AND m.id = ?", "ix",
	    contact, id);

	return one_text(rec, rc, st);
}

int message_follow(struct store *s, int64_t contact, const uint8_t id[static 16], const char *kind,
    enum message_state state)
{
	uint8_t own[16];
	int rc;

	memcpy(own, id, sizeof own);
	if (strcmp(kind, "file") == 0)
		memset(own + 12, 0, 4);
	rc = sql_exec(s,
	    "UPDATE message SET state = ? WHERE contact = ? AND dir = 1 AND id = ? AND state IN "
	    "(10, 11, 13)",
	    "dix", (int)state, contact, own);
	if (rc == 0 && store_changes(s) == 0)
		rc = sql_exec(s,
		    "UPDATE message SET state = ? WHERE id = ? AND contact IS NULL AND dir = 1"
		    " AND state IN (10, 11, 13)",
		    "dx", (int)state, own);
	return rc;
}

static enum record_class class_of(int dir)
{
	switch (dir) {
	case DIR_IN:
		return CLASS_IN;
	case DIR_OUT:
		return CLASS_WAS;
	default:
		return CLASS_EVENT;
	}
}

int message_fill(struct record *rec, sqlite3_stmt *st)
{
	rec->class = class_of(sqlite3_column_int(st, 1));
	rec->has_id = sql_bytes(st, 2, rec->id, sizeof rec->id);
	sql_text(st, 3, rec->kind, sizeof rec->kind);
	rec->time = sqlite3_column_int64(st, 4);
	sql_text(st, 5, rec->ref, sizeof rec->ref);
	rec->has_body = !sql_null(st, 6);
	sql_text(st, 7, rec->contact, sizeof rec->contact);
	buf_clear(&rec->body);
	return sql_buf(st, 6, &rec->body);
}

struct batch {
	struct record rec[BATCH];
	int64_t seq[BATCH];
	int n;
};

/* One statement a case, so that each uses its index. */
static int batch_query(struct store *s, sqlite3_stmt **st, const struct message_query *q,
    int64_t contact, int64_t after, int64_t limit)
{
	if (q->all && contact != 0)
		return sql_query(s, st,
		    "SELECT " MESSAGE_COLUMNS
		    " WHERE m.contact = ? AND m.seq > ? ORDER BY m.seq LIMIT ?",
		    "iii", contact, after, limit);
	if (q->all)
		return sql_query(s, st,
		    "SELECT " MESSAGE_COLUMNS " WHERE m.seq > ? ORDER BY m.seq LIMIT ?", "ii",
		    after, limit);
	if (contact != 0)
		return sql_query(s, st,
		    "SELECT " MESSAGE_COLUMNS
		    " WHERE m.state = 0 AND m.contact = ? AND m.seq > ? ORDER BY m.seq LIMIT ?",
		    "iii", contact, after, limit);
	return sql_query(s, st,
	    "SELECT " MESSAGE_COLUMNS " WHERE m.state = 0 AND m.seq > ? ORDER BY m.seq LIMIT ?",
	    "ii", after, limit);
}

static int read_batch(struct store *s, struct batch *b, const struct message_query *q,
    int64_t contact, int64_t after, int64_t limit)
{
	sqlite3_stmt *st;
	size_t bytes = 0;
	int rc, bad = 0;

	b->n = 0;
	batch_query(s, &st, q, contact, after, limit < BATCH ? limit : BATCH);
	while (bytes < BATCH_BYTES && (rc = store_step(s, st)) == 1) {
		bad = message_fill(&b->rec[b->n], st);
		b->seq[b->n] = sqlite3_column_int64(st, 0);
		if (bad != 0)
			break;
		bytes += b->rec[b->n++].body.len;
	}
	if (rc == 1)
		sql_done(st);
	return rc < 0 ? rc : bad;
}

/* A history with a limit begins `limit` messages before its end. */
static int history_start(struct store *s, int64_t contact, int64_t limit, int64_t *after)
{
	int64_t first = 0;
	int rc;

	if (contact != 0)
		rc = sql_int(s, &first,
		    "SELECT seq FROM message WHERE contact = ? ORDER BY seq DESC LIMIT 1 OFFSET ?",
		    "ii", contact, limit);
	else
		rc = sql_int(s, &first,
		    "SELECT seq FROM message ORDER BY seq DESC LIMIT 1 OFFSET ?", "i", limit);
	if (rc == 1 && first > *after)
		*after = first;
	return rc < 0 ? rc : 0;
}

static int walk(struct store *s, struct batch *b, const struct message_query *q, int64_t contact,
    int (*fn)(void *ctx, const struct record *rec, int64_t seq), void *ctx)
{
	int64_t after = q->after, left = q->limit > 0 ? q->limit : INT64_MAX;
	int rc = 0;

	if (q->all && q->limit > 0)
		rc = history_start(s, contact, q->limit, &after);
	while (rc == 0 && left > 0) {
		rc = read_batch(s, b, q, contact, after, left);
		if (rc != 0 || b->n == 0)
			break;
		for (int i = 0; i < b->n && rc == 0; i++)
			rc = fn(ctx, &b->rec[i], b->seq[i]);
		after = b->seq[b->n - 1];
		left -= b->n;
	}
	return rc;
}

int message_each(struct store *s, const struct message_query *q,
    int (*fn)(void *ctx, const struct record *rec, int64_t seq), void *ctx)
{
	struct contact c = {.row = 0};
	struct batch *b;
	int rc;

	if (q->contact != NULL && (rc = contact_get(s, &c, q->contact)) != 0)
		return rc;
	b = calloc(1, sizeof *b);
	if (b == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	for (int i = 0; i < BATCH; i++)
		record_init(&b->rec[i]);
	rc = walk(s, b, q, c.row, fn, ctx);
	for (int i = 0; i < BATCH; i++)
		record_free(&b->rec[i]);
	free(b);
	return rc;
}

/* Of a contact by name; NULL or "": of any. */
#define OF " AND (?4 IS NULL OR contact IS (SELECT id FROM contact WHERE name = ?4))"

static int mark(
    struct store *s, int dir, int other, const uint8_t id[static 16], const char *contact)
{
	int64_t one = 0;
	int rc = sql_exec(s,
	    "UPDATE message SET state = 1 WHERE id = ?1 AND dir IN (?2, ?3) AND state = 0" OF,
	    "xddn", id, dir, other, contact);

	if (rc != 0 || store_changes(s) > 0)
		return rc;
	rc = sql_int(s, &one,
	    "SELECT 1 FROM message WHERE id = ?1 AND dir IN (?2, ?3)" OF " LIMIT 1", "xddn", id,
	    dir, other, contact);
	return rc == 0 ? err_set(MP_ENONE, "no such message") : rc < 0 ? rc : 0;
}

int message_mark(struct store *s, const uint8_t id[static 16])
{
	return mark(s, DIR_IN, DIR_EVENT, id, NULL);
}

int message_mark_record(struct store *s, const struct record *rec)
{
	int dir = rec->class == CLASS_IN ? DIR_IN : DIR_EVENT;

	return mark(s, dir, dir, rec->id, rec->contact);
}

int message_unread(struct store *s, int64_t contact, int64_t *n)
{
	int rc = sql_int(s, n,
	    "SELECT count(*) FROM message WHERE contact = ? AND dir IN (0, 2) AND state = 0", "i",
	    contact);

	return rc < 0 ? rc : 0;
}

int message_full(struct store *s, int64_t contact, int64_t quota)
{
	int64_t oldest = INT64_MAX, newest = 0, n;
	int rc;

	if ((rc = sql_int(s, &oldest,
	         "SELECT seq FROM message WHERE state = 0 ORDER BY seq LIMIT 1", "")) < 0 ||
	    (rc = sql_int(s, &newest, "SELECT max(seq) FROM message", "")) < 0)
		return rc;
	/* Counting costs as much as there is to count, so not while so few came since the oldest
	 * unread. */
	if (oldest > newest || newest - oldest + 1 < quota)
		return 0;
	rc = message_unread(s, contact, &n);
	return rc != 0 ? rc : n >= quota;
}
