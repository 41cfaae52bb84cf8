#include "store/contact.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "store/sql.h"

#define COLUMNS                                                                                  \
	"id, name, state, blocked, verified, onion, greeting, isolation, introducer, nickname, " \
	"created, seen"
#define BATCH 64
#define SEEN_STEP 60000 /* ms */

static void fill(struct contact *c, sqlite3_stmt *st)
{
	memset(c, 0, sizeof *c);
	c->row = sqlite3_column_int64(st, 0);
	sql_text(st, 1, c->name, sizeof c->name);
	c->state = (enum contact_state)sqlite3_column_int(st, 2);
	c->blocked = sqlite3_column_int(st, 3) != 0;
	c->verified = sqlite3_column_int(st, 4) != 0;
	c->has_onion = sql_bytes(st, 5, c->onion, sizeof c->onion);
	c->has_greeting = sql_bytes(st, 6, c->greeting, sizeof c->greeting);
	sql_bytes(st, 7, c->isolation, sizeof c->isolation);
	sql_text(st, 8, c->introducer, sizeof c->introducer);
	sql_text(st, 9, c->nickname, sizeof c->nickname);
	c->created = sqlite3_column_int64(st, 10);
	c->seen = sqlite3_column_int64(st, 11);
}

int contact_add(struct store *s, struct contact *c, int64_t now)
{
	int rc;

	if (!text_name_ok(c->name))
		return err_set(MP_EUSAGE, "'%s' is no name for a contact", c->name);
	randombytes_buf(c->isolation, sizeof c->isolation);
	c->created = now;
	rc = sql_exec(s,
	    "INSERT INTO contact (name, state, blocked, verified, onion, greeting, isolation, "
	    "introducer,"
	    " nickname, created, seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    "sdddkxxnnii", c->name, (int)c->state, (int)c->blocked, (int)c->verified,
	    c->has_onion ? c->onion : NULL, c->has_greeting ? c->greeting : NULL, c->isolation,
	    c->introducer, c->nickname, c->created, c->seen);
	if (rc == MP_EEXIST)
		return err_set(rc, "there is a contact '%s' already", c->name);
	if (rc == 0)
		c->row = store_last_row(s);
	return rc;
}

/* Takes what sql_row() said. */
static int take(struct contact *c, sqlite3_stmt *st, int rc)
{
	if (rc != 1)
		return rc;
	fill(c, st);
	sql_done(st);
	return 1;
}

int contact_get(struct store *s, struct contact *c, const char *name)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " COLUMNS " FROM contact WHERE name = ?", "s", name);

	rc = take(c, st, rc);
	if (rc == 0)
		return err_set(MP_ENONE, "no contact '%s'", name);
	return rc < 0 ? rc : 0;
}

int contact_by_row(struct store *s, struct contact *c, int64_t row)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT " COLUMNS " FROM contact WHERE id = ?", "i", row);

	rc = take(c, st, rc);
	if (rc == 0)
		return err_set(MP_ENONE, "no such contact");
	return rc < 0 ? rc : 0;
}

int contact_by_onion(struct store *s, struct contact *c, const uint8_t onion[static 32])
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT " COLUMNS " FROM contact WHERE onion = ? AND state <> 3 ORDER BY id LIMIT 1",
	    "k", onion);

	rc = take(c, st, rc);
	if (rc == 0)
		return err_set(MP_ENONE, "no contact with this address");
	return rc < 0 ? rc : 0;
}

/* The next contacts by name; the count or MP_E*. */
static int read_batch(struct store *s, struct contact *batch, const char *after)
{
	sqlite3_stmt *st;
	int rc, n = 0;

	sql_query(s, &st, "SELECT " COLUMNS " FROM contact WHERE name > ? ORDER BY name LIMIT ?",
	    "sd", after, BATCH);
	while ((rc = store_step(s, st)) == 1)
		fill(&batch[n++], st);
	return rc < 0 ? rc : n;
}

int contact_each(struct store *s, int (*fn)(void *ctx, const struct contact *c), void *ctx)
{
	struct contact *batch = calloc(BATCH, sizeof *batch);
	char after[33] = "";
	int n, rc = 0;

	if (batch == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	do {
		rc = n = read_batch(s, batch, after);
		for (int i = 0; i < n; i++)
			if ((rc = fn(ctx, &batch[i])) != 0)
				goto out;
		if (n > 0)
			memcpy(after, batch[n - 1].name, sizeof after);
	} while (n == BATCH);
	if (n >= 0)
		rc = 0;
out:
	free(batch);
	return rc;
}

static int rename_to(struct store *s, const char *from, const char *to)
{
	int rc = sql_exec(s, "UPDATE contact SET name = ? WHERE name = ?", "ss", to, from);

	if (rc == MP_EEXIST)
		return err_set(rc, "there is a contact '%s' already", to);
	if (rc == 0 && store_changes(s) == 0)
		return err_set(MP_ENONE, "no contact '%s'", from);
	if (rc == 0)
		rc = sql_exec(
		    s, "UPDATE contact SET introducer = ? WHERE introducer = ?", "ss", to, from);
	return rc;
}

int contact_rename(struct store *s, const char *from, const char *to)
{
	int rc;

	if (!text_name_ok(to))
		return err_set(MP_EUSAGE, "'%s' is no name for a contact", to);
	rc = store_begin(s);
	return rc != 0 ? rc : store_end(s, rename_to(s, from, to));
}

static int changed_one(struct store *s, int rc)
{
	if (rc == 0 && store_changes(s) == 0)
		return err_set(MP_ENONE, "no such contact");
	return rc;
}

int contact_set_blocked(struct store *s, int64_t row, bool blocked)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	rc = changed_one(
	    s, sql_exec(s, "UPDATE contact SET blocked = ? WHERE id = ?", "di", (int)blocked, row));
	if (rc == 0)
		rc = keyring_rebuild(s);
	return store_end(s, rc);
}

int contact_set_verified(struct store *s, int64_t row, bool verified)
{
	return changed_one(s,
	    sql_exec(s, "UPDATE contact SET verified = ? WHERE id = ?", "di", (int)verified, row));
}

int contact_set_seen(struct store *s, int64_t row, int64_t now)
{
	/* A clock that was set back must not leave a time in the future for ever. */
	return sql_exec(s,
	    "UPDATE contact SET seen = ?1 WHERE id = ?2 AND (seen <= ?1 - ?3 OR seen > ?1)", "iid",
	    now, row, SEEN_STEP);
}

int contact_activate(
    struct store *s, int64_t row, const uint8_t onion[static 32], const char *nickname)
{
	return changed_one(s,
	    sql_exec(s,
	        "UPDATE contact SET state = 2, onion = ?, nickname = ? WHERE id = ? AND state = 0",
	        "kni", onion, nickname, row));
}

int contact_confirm(struct store *s, int64_t row)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	rc = changed_one(s,
	    sql_exec(s, "UPDATE contact SET state = 2, greeting = NULL WHERE id = ? AND state = 1",
	        "i", row));
	if (rc == 0)
		rc = sql_exec(s, "DELETE FROM key WHERE contact = ? AND role = 0", "i", row);
	if (rc == 0 && store_changes(s) > 0)
		rc = keyring_rebuild(s);
	return store_end(s, rc);
}

int contact_solidify(struct store *s, int64_t row, bool forget)
{
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	rc = sql_exec(s, "UPDATE contact SET state = 2 WHERE id = ? AND state = 3", "i", row);
	if (rc == 0 && forget)
		rc = sql_exec(s, "DELETE FROM key WHERE contact = ? AND role = 2", "i", row);
	if (rc == 0 && forget && store_changes(s) > 0)
		rc = keyring_rebuild(s);
	return store_end(s, rc);
}

int contact_replace(struct store *s, const struct contact *c)
{
	int rc = sql_exec(s,
	    "UPDATE contact SET name = ?, state = 2, onion = ?, blocked = ?, verified = ?,"
	    " nickname = ? WHERE id = ?",
	    "skddni", c->name, c->onion, (int)c->blocked, (int)c->verified, c->nickname, c->row);

	if (rc == MP_EEXIST)
		return err_set(rc, "there is a contact '%s' already", c->name);
	return changed_one(s, rc);
}

int contact_picture_set(struct store *s, int64_t row, const void *data, size_t len)
{
	return changed_one(s, sql_exec(s, "UPDATE contact SET picture = ? WHERE id = ?", "bi",
	                          len > 0 ? data : NULL, len, row));
}

int contact_picture_get(struct store *s, int64_t row, struct buf *out)
{
	sqlite3_stmt *st;
	int rc = sql_row(
	    s, &st, "SELECT picture FROM contact WHERE id = ? AND picture IS NOT NULL", "i", row);

	if (rc == 0)
		return err_set(MP_ENONE, "no picture");
	if (rc < 0)
		return rc;
	rc = sql_buf(st, 0, out);
	sql_done(st);
	return rc;
}
