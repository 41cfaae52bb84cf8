#include "store/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/item.h"
#include "store/sql.h"

#define BATCH 64

void item_fill(struct queue_item *item, sqlite3_stmt *st)
{
	memset(item, 0, sizeof *item);
	item->seq = sqlite3_column_int64(st, 0);
	item->contact = sqlite3_column_int64(st, 1);
	item->call = sqlite3_column_int64(st, 2);
	sql_text(st, 3, item->name, sizeof item->name);
	item->lane = (enum wire_lane)sqlite3_column_int(st, 4);
	item->state = (enum queue_state)sqlite3_column_int(st, 5);
	sql_bytes(st, 6, item->id, sizeof item->id);
	sql_text(st, 7, item->kind, sizeof item->kind);
	item->time = sqlite3_column_int64(st, 8);
	item->added = sqlite3_column_int64(st, 9);
	item->expires = sqlite3_column_int64(st, 10);
	item->refused = sqlite3_column_int64(st, 11);
	sql_text(st, 12, item->code, sizeof item->code);
	sql_text(st, 13, item->reason, sizeof item->reason);
}

int item_one(struct queue_item *item, int rc, sqlite3_stmt *st)
{
	if (rc == 0)
		return err_set(MP_ENONE, "it is not in the queue");
	if (rc < 0)
		return rc;
	item_fill(item, st);
	sql_done(st);
	return 0;
}

static int insert(struct store *s, struct queue_item *item, const void *envelope, size_t len)
{
	int rc = sql_exec(s,
	    "INSERT INTO queue (contact, lane, state, id, kind, time, call, added, expires, "
	    "envelope)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "iddxsiiiib", item->contact, (int)item->lane, (int)item->state, item->id, item->kind,
	    item->time, item->call, item->added, item->expires, envelope, len);

	if (rc == MP_EEXIST)
		return err_set(rc, "it is in the queue already");
	if (rc == 0)
		item->seq = store_last_row(s);
	return rc;
}

int queue_add(struct store *s, struct queue_item *item, const void *envelope, size_t len)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	rc = insert(s, item, envelope, len);
	if (rc == 0 && item->state == QUEUE_WAITING)
		rc = lane_ensure(s, item->contact, (int)item->lane, item->added);
	return store_end(s, rc);
}

static int read_batch(struct store *s, struct queue_item *batch, int64_t after)
{
	sqlite3_stmt *st;
	int rc, n = 0;

	sql_query(s, &st,
	    "SELECT " ITEM_COLUMNS ITEM_FROM " WHERE q.seq > ? ORDER BY q.seq LIMIT ?", "id", after,
	    BATCH);
	while ((rc = store_step(s, st)) == 1)
		item_fill(&batch[n++], st);
	return rc < 0 ? rc : n;
}

int queue_each(struct store *s, int (*fn)(void *ctx, const struct queue_item *item), void *ctx)
{
	struct queue_item *batch = calloc(BATCH, sizeof *batch);
	int64_t after = 0;
	int n, rc = 0;

	if (batch == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	while ((n = read_batch(s, batch, after)) > 0) {
		for (int i = 0; i < n; i++)
			if ((rc = fn(ctx, &batch[i])) != 0)
				goto out;
		after = batch[n - 1].seq;
	}
	rc = n;
out:
	free(batch);
	return rc;
}

int queue_count_call(struct store *s, int64_t call, int64_t *n)
{
	int rc =
	    sql_int(s, n, "SELECT count(*) FROM queue WHERE call = ? AND state < 2", "i", call);

	return rc < 0 ? rc : 0;
}

int queue_remove(struct store *s, int64_t seq)
{
	int rc = sql_exec(s, "DELETE FROM queue WHERE seq = ?", "i", seq);

	return rc == 0 && store_changes(s) == 0 ? err_set(MP_ENONE, "it is not in the queue") : rc;
}

static int by_seq(struct store *s, int64_t seq, struct queue_item *item)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " ITEM_COLUMNS ITEM_FROM " WHERE q.seq = ?", "i", seq);

	return item_one(item, rc, st);
}

static int fail(struct store *s, int64_t seq, const char *code, const char *reason)
{
	struct queue_item item;
	int rc = by_seq(s, seq, &item);

	if (rc == 0)
		rc = sql_exec(s, "UPDATE queue SET state = 2, code = ?, reason = ? WHERE seq = ?",
		    "nni", code, reason, seq);
	if (rc == 0)
		rc = message_follow(s, item.contact, item.id, item.kind, MESSAGE_FAILED);
	if (rc == 0 && item.lane == LANE_CONTROL)
		rc = lane_unblock(s, item.contact, clock_now());
	return rc;
}

int queue_fail(struct store *s, int64_t seq, const char *code, const char *reason)
{
	int rc = store_begin(s);

	return rc != 0 ? rc : store_end(s, fail(s, seq, code, reason));
}

int queue_refused(struct store *s, int64_t seq, const char *code, const char *reason)
{
	int rc = sql_exec(s,
	    "UPDATE queue SET refused = refused + 1, code = ?, reason = ? WHERE seq = ?", "nni",
	    code, reason, seq);

	return rc == 0 && store_changes(s) == 0 ? err_set(MP_ENONE, "it is not in the queue") : rc;
}

/*
 * The next row of an id after `after`, at most one a contact and message (a whole transfer).  One
 * look into each contact's part of the index: an id alone has none.
 */
static int next_of_id(
    struct store *s, const uint8_t id[static 16], int64_t after, struct queue_item *item)
{
	uint8_t low[16], high[16];
	sqlite3_stmt *st;
	int rc;

	memcpy(low, id, 16);
	memcpy(high, id, 16);
	memset(low + 12, 0, 4);
	memset(high + 12, 0xff, 4);
	rc = sql_row(s, &st,
	    "SELECT " ITEM_COLUMNS " FROM contact c CROSS JOIN queue q ON q.contact = c.id"
	    " LEFT JOIN lane l ON l.contact = q.contact AND l.lane = q.lane"
	    " WHERE c.id > ?1 AND q.id BETWEEN ?2 AND ?3 AND (q.id = ?4 OR q.kind = 'file')"
	    " ORDER BY c.id LIMIT 1",
	    "ixxx", after, low, high, id);
	if (rc == 1) {
		item_fill(item, st);
		sql_done(st);
	}
	return rc;
}

/* fn for each contact's message of this id; MP_ENONE when there is none. */
static int each_of_id(struct store *s, const uint8_t id[static 16],
    int (*fn)(struct store *s, const struct queue_item *item))
{
	struct queue_item item = {.contact = 0};
	int rc = store_begin(s);
	int64_t found = 0;

	if (rc != 0)
		return rc;
	while ((rc = next_of_id(s, id, item.contact, &item)) == 1) {
		found++;
		if ((rc = fn(s, &item)) != 0)
			break;
	}
	if (rc == 0 && found == 0)
		rc = err_set(MP_ENONE, "it is not in the queue");
	return store_end(s, rc);
}

/* The ids of an item's whole message: itself, or from a transfer's first chunk to its last. */
static void range_of(const struct queue_item *item, uint8_t low[static 16], uint8_t high[static 16])
{
	memcpy(low, item->id, 16);
	memcpy(high, item->id, 16);
	if (strcmp(item->kind, "file") == 0) {
		memset(low + 12, 0, 4);
		memset(high + 12, 0xff, 4);
	}
}

/* A file's chunks stay held while its offer is in the queue.  Tried for as long again as at first.
 */
static int retry(struct store *s, const struct queue_item *item)
{
	int64_t now = clock_now();
	uint8_t low[16], high[16];
	int rc;

	range_of(item, low, high);
	rc = sql_exec(s,
	    "UPDATE queue SET refused = 0, code = NULL, reason = NULL,"
	    " expires = max(expires, ?4 + expires - added), added = ?4,"
	    " state = CASE WHEN kind = 'file' AND id > ?2 AND EXISTS"
	    "  (SELECT 1 FROM queue q WHERE q.contact = ?1 AND q.id = ?2) THEN 1 ELSE 0 END"
	    " WHERE contact = ?1 AND id BETWEEN ?2 AND ?3 AND state = 2",
	    "ixxi", item->contact, low, high, now);
	if (rc == 0)
		rc = message_follow(s, item->contact, item->id, item->kind, MESSAGE_QUEUED);
	if (rc == 0)
		rc = lane_ensure(s, item->contact, (int)item->lane, now);
	return rc != 0 ? rc : lane_wake(s, item->contact, now, NULL);
}

int queue_retry(struct store *s, const uint8_t id[static 16])
{
	return each_of_id(s, id, retry);
}

static int cancel(struct store *s, const struct queue_item *item)
{
	uint8_t low[16], high[16];
	int rc;

	range_of(item, low, high);
	rc = sql_exec(s, "DELETE FROM queue WHERE contact = ? AND id BETWEEN ? AND ?", "ixx",
	    item->contact, low, high);
	if (rc == 0)
		rc = message_follow(s, item->contact, item->id, item->kind, MESSAGE_CANCELLED);
	if (rc == 0 && item->lane == LANE_CONTROL)
		rc = lane_unblock(s, item->contact, clock_now());
	return rc;
}

int queue_cancel(struct store *s, const uint8_t id[static 16])
{
	return each_of_id(s, id, cancel);
}

static int expire(struct store *s, int64_t now, int64_t *n)
{
	struct queue_item item;
	sqlite3_stmt *st;
	int rc;

	while (
	    (rc = sql_row(s, &st,
	         "SELECT " ITEM_COLUMNS ITEM_FROM " WHERE q.state < 2 AND q.expires <= ? LIMIT 1",
	         "i", now)) == 1) {
		item_fill(&item, st);
		sql_done(st);
		rc = fail(
		    s, item.seq, "expired", item.reason[0] ? item.reason : "not delivered in time");
		if (rc != 0)
			return rc;
		++*n;
	}
	return rc;
}

int queue_expire(struct store *s, int64_t now, int64_t *n)
{
	int64_t one;
	int rc;

	*n = 0;
	/* Called often, finds something seldom: no write lock for nothing. */
	rc = sql_int(
	    s, &one, "SELECT 1 FROM queue WHERE state < 2 AND expires <= ? LIMIT 1", "i", now);
	if (rc <= 0)
		return rc;
	if ((rc = store_begin(s)) != 0)
		return rc;
	return store_end(s, expire(s, now, n));
}
