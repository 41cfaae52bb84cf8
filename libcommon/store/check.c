#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "store/keyring.h"
#include "store/sql.h"

/* What the code relies upon and SQLite does not enforce.  Each gives the rows that break it. */
static const struct {
	const char *finding, *sql;
} invariants[] = {
    {"contact %lld: a column is malformed",
        "SELECT id FROM contact WHERE state NOT IN (0, 1, 2, 3) OR blocked NOT IN (0, 1)"
        " OR verified NOT IN (0, 1) OR length(name) NOT BETWEEN 1 AND 32 OR name GLOB "
        "'*[^a-z0-9._-]*'"
        " OR length(isolation) <> 16 OR length(onion) <> 32 OR length(greeting) <> 16"},
    {"contact %lld: active without an onion address",
        "SELECT id FROM contact WHERE state IN (2, 3) AND onion IS NULL"},
    {"key %lld: a column is malformed",
        "SELECT id FROM key WHERE role NOT IN (0, 1, 2) OR length(cid) <> 32 OR length(secret) <> "
        "32"
        " OR length(send) <> 32 OR length(recv) <> 32 OR sealed < 0"},
    {"the rekey of contact %lld: a column is malformed",
        "SELECT contact FROM rekey WHERE length(id) <> 16 OR length(own) <> 32"
        " OR length(secret) <> 32 OR length(peer) <> 32 OR length(answers) <> 16"
        " OR length(send) <> 32 OR length(drained) <> 16 OR (own IS NULL) <> (id IS NULL)"
        " OR (peer IS NULL) <> (answers IS NULL) OR acked NOT IN (0, 1) OR old NOT IN (0, 1)"
        " OR warned NOT IN (0, 1)"
        " OR open <> (own IS NOT NULL OR old OR drained IS NOT NULL)"},
    {"the rekey of contact %lld: a key of it is missing",
        "SELECT contact FROM rekey r WHERE NOT EXISTS"
        " (SELECT 1 FROM key k WHERE k.contact = r.contact AND k.role = 1 AND k.epoch = r.epoch"
        "  AND k.send IS NOT NULL AND k.recv IS NOT NULL)"
        " OR (send IS NOT NULL AND NOT EXISTS (SELECT 1 FROM key k WHERE k.contact = r.contact"
        "  AND k.role = 1 AND k.epoch = r.epoch + 1 AND k.recv IS NOT NULL))"
        " OR (old AND NOT EXISTS (SELECT 1 FROM key k WHERE k.contact = r.contact"
        "  AND k.role = 1 AND k.epoch = r.epoch - 1 AND k.recv IS NOT NULL))"},
    {"message %lld: a column is malformed",
        "SELECT seq FROM message WHERE length(id) <> 16 OR (dir IN (0, 2) AND state NOT IN (0, 1, "
        "2))"
        " OR (dir = 1 AND state NOT BETWEEN 10 AND 14) OR dir NOT IN (0, 1, 2)"
        " OR (contact IS NULL AND (dir = 0 OR (dir = 1 AND ref IS NULL)))"},
    {"message %lld: queued, but it is not in the queue",
        "SELECT m.seq FROM message m WHERE m.dir = 1 AND m.state = 11 AND m.kind <> 'file' AND NOT "
        "EXISTS"
        " (SELECT 1 FROM queue q WHERE q.id = m.id AND q.contact = coalesce(m.contact, "
        "q.contact))"},
    {"queue %lld: a column is malformed", "SELECT seq FROM queue WHERE lane NOT IN (0, 1, 2) OR "
                                          "state NOT IN (0, 1, 2, 3) OR length(id) <> 16"
                                          " OR length(envelope) = 0"},
    {"queue %lld: waits in a lane that nobody looks at",
        "SELECT seq FROM queue q WHERE state = 0 AND NOT EXISTS"
        " (SELECT 1 FROM lane l WHERE l.contact = q.contact AND l.lane = q.lane)"},
    {"a transfer of contact %lld: a column is malformed",
        "SELECT contact FROM transfer WHERE state NOT IN (0, 1, 2, 3, 4) OR length(id) <> 16"
        " OR length(status) <> 16 OR size < 0 OR next < 0 OR next > chunks + 1 OR owed NOT IN (0, "
        "1)"},
    {"flow %lld: a column is malformed",
        "SELECT id FROM flow WHERE kind NOT IN (0, 1, 2, 3) OR at < 0 OR NOT json_valid(body)"
        " OR length(ref) NOT IN (0, 17, 33) OR length(name) NOT BETWEEN 1 AND 32"
        " OR name GLOB '*[^a-z0-9._-]*' OR (contact IS NULL) <> (kind IN (0, 3))"},
    {"what flow %lld owes is malformed", "SELECT flow FROM owed WHERE length(id) <> 16"},
    {"an entry of flow %lld is malformed",
        "SELECT chat FROM entry WHERE n < 1 OR length(onion) <> 32 OR length(h) <> 32"
        " OR length(content) <> 32 OR length(id) <> 16"},
    {"contact %lld: temporary, but nothing makes it a contact",
        "SELECT id FROM contact c WHERE state = 3 AND NOT EXISTS"
        " (SELECT 1 FROM flow f WHERE f.kind = 2 AND f.contact = c.id)"},
    {"an id taken of contact %lld: malformed", "SELECT contact FROM seen WHERE length(id) <> 16"},
};

struct report {
	void (*fn)(void *ctx, const char *finding);
	void *ctx;
};

/* SQLite's own rows of text; `quiet` is the row that says all is well. */
static int pragma(
    struct store *s, const struct report *r, const char *sql, const char *prefix, const char *quiet)
{
	char text[400], line[440];
	sqlite3_stmt *st;
	int rc;

	sql_query(s, &st, sql, "");
	while ((rc = store_step(s, st)) == 1) {
		sql_text(st, 0, text, sizeof text);
		if (strcmp(text, quiet) == 0)
			continue;
		snprintf(line, sizeof line, "%s%s", prefix, text);
		r->fn(r->ctx, line);
	}
	return rc;
}

static int invariant(struct store *s, const struct report *r, const char *finding, const char *sql)
{
	char line[128];
	const char *at = strstr(finding, "%lld");
	sqlite3_stmt *st;
	int rc;

	sql_query(s, &st, sql, "");
	while ((rc = store_step(s, st)) == 1) {
		snprintf(line, sizeof line, "%.*s%lld%s", (int)(at - finding), finding,
		    (long long)sqlite3_column_int64(st, 0), at + strlen("%lld"));
		r->fn(r->ctx, line);
	}
	return rc;
}

static int check_keyring(struct store *s, const struct report *r)
{
	struct buf now = BUF_INIT(KEYRING_MAX), want = BUF_INIT(KEYRING_MAX);
	int64_t version = -1;
	int rc = keyring_load(s, &now, &version);

	if (rc == 0 && version < 0)
		r->fn(r->ctx, "the keyring is missing");
	if (rc == 0)
		rc = keyring_pack(s, &want);
	if (rc == 0 &&
	    (now.len != want.len || (now.len > 0 && memcmp(now.data, want.data, now.len) != 0)))
		r->fn(r->ctx, "the keyring is not that of the keys");
	buf_free(&now);
	buf_free(&want);
	return rc;
}

/* One transaction, so that what others commit meanwhile is no finding. */
static int check(struct store *s, const struct report *r)
{
	int rc = pragma(s, r, "PRAGMA integrity_check", "", "ok");

	if (rc == 0)
		rc = pragma(s, r, "PRAGMA foreign_key_check", "a row without its contact in ", "");
	for (size_t i = 0; rc == 0 && i < sizeof invariants / sizeof invariants[0]; i++)
		rc = invariant(s, r, invariants[i].finding, invariants[i].sql);
	if (rc == 0)
		rc = check_keyring(s, r);
	return rc;
}

int store_check(struct store *s, void (*fn)(void *ctx, const char *finding), void *ctx)
{
	struct report r = {fn, ctx};
	int rc, ended;

	if (s->depth > 0)
		return check(s, &r);
	if ((rc = sql_exec(s, "BEGIN", "")) != 0)
		return rc;
	rc = check(s, &r);
	ended = sql_exec(s, "COMMIT", "");
	return rc != 0 ? rc : ended;
}
