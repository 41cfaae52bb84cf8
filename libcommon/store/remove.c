/*
 * A contact removed, with all that is his, in short transactions: what is deleted is overwritten by
 * way of the -wal, so that in one transaction it would need as much room on the disk as he filled.
 */
#include "base/err.h"
#include "store/contact.h"
#include "store/sql.h"

/* Rows a transaction: 16 chunks of a file are 4 MiB.  None, when no more are left. */
static const char *const steps[] = {
    "DELETE FROM queue WHERE seq IN"
    " (SELECT seq FROM queue WHERE contact = ?1 ORDER BY lane, state, seq LIMIT 16)"
    " AND (SELECT count(*) FROM (SELECT 1 FROM queue WHERE contact = ?1 LIMIT 17)) > 16",
    "DELETE FROM seen WHERE contact = ?1 AND id IN"
    " (SELECT id FROM seen WHERE contact = ?1 LIMIT 1000)"
    " AND (SELECT count(*) FROM (SELECT 1 FROM seen WHERE contact = ?1 LIMIT 1001)) > 1000",
};

/* From `after` to `end`; he is blocked, for nothing more may come in behind us, or once more. */
static int remove_some(struct store *s, int64_t row, int64_t after, int64_t end)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	if ((rc = contact_set_blocked(s, row, true)) == 0)
		rc = sql_exec(s, "DELETE FROM message WHERE contact = ? AND seq > ? AND seq <= ?",
		    "iii", row, after, end);
	return store_end(s, rc);
}

/* All but the last batch. */
static int remove_messages(struct store *s, int64_t row)
{
	int64_t after = 0, end, next;
	int rc = sql_batch_end(s, row, 0, INT64_MAX, &end);

	while (rc == 0 && end != 0) {
		rc = sql_batch_end(s, row, end, INT64_MAX, &next);
		if (rc == 0 && next != 0)
			rc = remove_some(s, row, after, end);
		after = end;
		end = next;
	}
	return rc;
}

static int remove_rows(struct store *s, int64_t row, const char *step)
{
	int64_t n = 1;
	int rc = 0;

	while (rc == 0 && n > 0) {
		if ((rc = store_begin(s)) != 0)
			return rc;
		rc = sql_exec(s, step, "i", row);
		n = store_changes(s);
		if (rc == 0 && n > 0)
			rc = contact_set_blocked(s, row, true);
		rc = store_end(s, rc);
	}
	return rc;
}

static int remove_row(struct store *s, int64_t row)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	rc = sql_exec(s, "DELETE FROM contact WHERE id = ?", "i", row);
	if (rc == 0 && store_changes(s) == 0)
		rc = err_set(MP_ENONE, "no such contact");
	if (rc == 0)
		rc = keyring_rebuild(s);
	return store_end(s, rc);
}

/* Who has much is emptied first: cut short meanwhile, he is blocked, and to be removed again. */
int contact_remove(struct store *s, int64_t row)
{
	int rc = 0;

	if (store_in_transaction(s))
		return remove_row(s, row);
	rc = remove_messages(s, row);
	for (size_t i = 0; rc == 0 && i < sizeof steps / sizeof steps[0]; i++)
		rc = remove_rows(s, row, steps[i]);
	return rc != 0 ? rc : remove_row(s, row);
}
