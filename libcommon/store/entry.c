#include "store/entry.h"

#include <string.h>

#include "base/err.h"
#include "store/sql.h"

int entry_get(
    struct store *s, struct entry *e, int64_t chat, const uint8_t onion[static 32], int64_t n)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT h, content, id FROM entry WHERE chat = ? AND onion = ? AND n = ?", "iki", chat,
	    onion, n);

	if (rc == 0)
		return err_set(MP_ENONE, "the message is not remembered");
	if (rc < 0)
		return rc;
	e->n = n;
	sql_bytes(st, 0, e->h, sizeof e->h);
	sql_bytes(st, 1, e->content, sizeof e->content);
	sql_bytes(st, 2, e->id, sizeof e->id);
	sql_done(st);
	return 0;
}

int entry_by_id(struct store *s, int64_t chat, const uint8_t onion[static 32],
    const uint8_t id[static 16], int64_t *n)
{
	int rc = sql_int(s, n, "SELECT n FROM entry WHERE chat = ? AND onion = ? AND id = ?", "ikx",
	    chat, onion, id);

	return rc == 0 ? err_set(MP_ENONE, "the message is not remembered") : rc < 0 ? rc : 0;
}

int entry_put(struct store *s, int64_t chat, const uint8_t onion[static 32], const struct entry *e)
{
	return sql_exec(s,
	    "INSERT OR REPLACE INTO entry (chat, onion, n, h, content, id) VALUES (?, ?, ?, ?, ?, "
	    "?)",
	    "ikikkx", chat, onion, e->n, e->h, e->content, e->id);
}

int entry_drop(struct store *s, int64_t chat, const uint8_t onion[static 32], int64_t below)
{
	return sql_exec(s, "DELETE FROM entry WHERE chat = ? AND onion = ? AND n < ?", "iki", chat,
	    onion, below);
}
