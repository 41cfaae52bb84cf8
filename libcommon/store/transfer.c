#include "store/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/envelope.h"
#include "store/message.h"
#include "store/sql.h"

#define COLUMNS                                                                                \
	"t.contact, c.name, t.id, t.state, t.name, t.size, t.step, t.chunks, t.next, t.time, " \
	"t.touched,"                                                                           \
	" t.owed, t.status, t.ref, t.path FROM transfer t JOIN contact c ON c.id = t.contact"
#define BATCH 32

static void fill(struct transfer *t, sqlite3_stmt *st)
{
	memset(t, 0, sizeof *t);
	t->contact = sqlite3_column_int64(st, 0);
	sql_text(st, 1, t->contact_name, sizeof t->contact_name);
	sql_bytes(st, 2, t->id, sizeof t->id);
	t->state = (enum transfer_state)sqlite3_column_int(st, 3);
	sql_text(st, 4, t->name, sizeof t->name);
	t->size = sqlite3_column_int64(st, 5);
	t->step = sqlite3_column_int64(st, 6);
	t->chunks = sqlite3_column_int64(st, 7);
	t->next = sqlite3_column_int64(st, 8);
	t->time = sqlite3_column_int64(st, 9);
	t->touched = sqlite3_column_int64(st, 10);
	t->owed = sqlite3_column_int(st, 11) != 0;
	sql_bytes(st, 12, t->status, sizeof t->status);
	sql_text(st, 13, t->ref, sizeof t->ref);
	sql_text(st, 14, t->path, sizeof t->path);
}

int transfer_add(struct store *s, const struct transfer *t)
{
	int rc = sql_exec(s,
	    "INSERT INTO transfer (contact, id, state, name, size, step, chunks, next, time, "
	    "touched, owed,"
	    " status, ref, path) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "ixdsiiiiiidxnn", t->contact, t->id, (int)t->state, t->name, t->size, t->step,
	    t->chunks, t->next, t->time, t->touched, (int)t->owed, t->status, t->ref, t->path);

	return rc == MP_EEXIST ? err_set(rc, "the file was offered already") : rc;
}

/* Takes what sql_row() said. */
static int take(struct transfer *t, sqlite3_stmt *st, int rc)
{
	if (rc == 0)
		return err_set(MP_ENONE, "no such file");
	if (rc < 0)
		return rc;
	fill(t, st);
	sql_done(st);
	return 0;
}

int transfer_get(struct store *s, struct transfer *t, int64_t contact, const uint8_t id[static 16])
{
	sqlite3_stmt *st;
	int rc = sql_row(
	    s, &st, "SELECT " COLUMNS " WHERE t.contact = ? AND t.id = ?", "ix", contact, id);

	return take(t, st, rc);
}

int transfer_find(struct store *s, struct transfer *t, const uint8_t id[static 16])
{
	sqlite3_stmt *st;
	int rc = sql_row(
	    s, &st, "SELECT " COLUMNS " WHERE t.id = ? ORDER BY t.contact LIMIT 1", "x", id);

	return take(t, st, rc);
}

int transfer_update(struct store *s, const struct transfer *t)
{
	int rc = sql_exec(s,
	    "UPDATE transfer SET state = ?, next = ?, touched = ?, owed = ?, status = ?, path = ?"
	    " WHERE contact = ? AND id = ?",
	    "diidxnix", (int)t->state, t->next, t->touched, (int)t->owed, t->status, t->path,
	    t->contact, t->id);

	return rc == 0 && store_changes(s) == 0 ? err_set(MP_ENONE, "no such file") : rc;
}

static int read_batch(
    struct store *s, struct transfer *batch, bool owed, const struct transfer *after)
{
	sqlite3_stmt *st;
	int rc, n = 0;

	if (owed)
		sql_query(s, &st,
		    "SELECT " COLUMNS " WHERE t.owed = 1 AND (t.contact, t.id) > (?, ?)"
		    " ORDER BY t.contact, t.id LIMIT ?",
		    "ixd", after->contact, after->id, BATCH);
	else
		sql_query(s, &st,
		    "SELECT " COLUMNS
		    " WHERE (t.contact, t.id) > (?, ?) ORDER BY t.contact, t.id LIMIT ?",
		    "ixd", after->contact, after->id, BATCH);
	while ((rc = store_step(s, st)) == 1)
		fill(&batch[n++], st);
	return rc < 0 ? rc : n;
}

static int each(
    struct store *s, bool owed, int (*fn)(void *ctx, const struct transfer *t), void *ctx)
{
	struct transfer *batch = calloc(BATCH, sizeof *batch), after = {.contact = 0};
	int n, rc = 0;

	if (batch == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	while ((n = read_batch(s, batch, owed, &after)) > 0) {
		for (int i = 0; i < n; i++)
			if ((rc = fn(ctx, &batch[i])) != 0)
				goto out;
		after = batch[n - 1];
	}
	rc = n;
out:
	free(batch);
	return rc;
}

int transfer_each(struct store *s, int (*fn)(void *ctx, const struct transfer *t), void *ctx)
{
	return each(s, false, fn, ctx);
}

int transfer_each_owed(struct store *s, int (*fn)(void *ctx, const struct transfer *t), void *ctx)
{
	return each(s, true, fn, ctx);
}

int transfer_told(struct store *s, int64_t contact, const uint8_t status[static 16])
{
	return sql_exec(s,
	    "UPDATE transfer INDEXED BY transfer_owed SET owed = 0 WHERE contact = ? AND owed = 1 "
	    "AND status = ?",
	    "ix", contact, status);
}

int transfer_stale(struct store *s, struct transfer *t, int64_t before)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " COLUMNS " WHERE t.state < 2 AND t.state = 1 AND t.touched < ? LIMIT 1", "i",
	    before);

	return take(t, st, rc);
}

int transfer_quota(struct store *s, int64_t contact, struct transfer_load *load)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT coalesce(sum(CASE WHEN state = 1 THEN size ELSE 0 END), 0),"
	    " coalesce(sum(state = 0), 0), coalesce(sum(state = 1), 0)"
	    " FROM transfer WHERE contact = ? AND state < 2",
	    "i", contact);

	if (rc != 1)
		return rc;
	load->bytes = sqlite3_column_int64(st, 0);
	load->offered = sqlite3_column_int64(st, 1);
	load->accepted = sqlite3_column_int64(st, 2);
	sql_done(st);
	return 0;
}

/* The reply of a message is an envelope or nothing, that of a pruned transfer one byte. */
int transfer_ended(
    struct store *s, int64_t contact, const uint8_t id[static 16], enum transfer_state *end)
{
	struct buf b = BUF_INIT(ENVELOPE_MAX);
	int rc = seen_get(s, contact, id, &b);

	if (rc == 1 && (b.len != 1 || b.data[0] < TRANSFER_DECLINED || b.data[0] > TRANSFER_FAILED))
		rc = 0;
	if (rc == 1)
		*end = (enum transfer_state)b.data[0];
	buf_free(&b);
	return rc;
}
