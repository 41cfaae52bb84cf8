#include "store/meshself.h"

#include "base/err.h"
#include "store/sql.h"

static int none(void)
{
	return err_set(MP_ENONE, "no keys of the mesh: run mp-mesh keys");
}

int meshself_make(
    struct store *s, const struct meshself *m, const struct buf *signing, const struct buf *opening)
{
	int rc = sql_exec(s,
	    "INSERT OR IGNORE INTO mesh (one, signing, opening, address, encryption, certificate,"
	    " device, made, version) VALUES (1, ?, ?, ?, ?, ?, ?, ?, 1)",
	    "bbbbbbi", signing->data, signing->len, opening->data, opening->len, m->address,
	    sizeof(m->address), m->encryption, sizeof(m->encryption), m->certificate,
	    sizeof(m->certificate), m->device, sizeof(m->device), m->made);

	return rc == 0 && store_changes(s) == 0
	           ? err_set(MP_EEXIST, "there are keys of the mesh already")
	           : rc;
}

int meshself_replace(
    struct store *s, const struct meshself *m, const struct buf *signing, const struct buf *opening)
{
	int rc = sql_exec(s,
	    "UPDATE mesh SET signing = ?, opening = ?, address = ?, encryption = ?,"
	    " certificate = ?, made = ?, version = version + 1",
	    "bbbbbi", signing->data, signing->len, opening->data, opening->len, m->address,
	    sizeof(m->address), m->encryption, sizeof(m->encryption), m->certificate,
	    sizeof(m->certificate), m->made);

	return rc == 0 && store_changes(s) == 0 ? none() : rc;
}

int meshself_get(struct store *s, struct meshself *m)
{
	sqlite3_stmt *st;
	int rc = sql_row(
	    s, &st, "SELECT address, encryption, certificate, device, made, version FROM mesh", "");

	if (rc <= 0)
		return rc < 0 ? rc : none();
	sql_bytes(st, 0, m->address, sizeof(m->address));
	sql_bytes(st, 1, m->encryption, sizeof(m->encryption));
	sql_bytes(st, 2, m->certificate, sizeof(m->certificate));
	sql_bytes(st, 3, m->device, sizeof(m->device));
	m->made = sqlite3_column_int64(st, 4);
	m->version = sqlite3_column_int64(st, 5);
	sql_done(st);
	return 0;
}

int meshself_keys(struct store *s, struct buf *signing, struct buf *opening)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st, "SELECT signing, opening FROM mesh", "");

	if (rc <= 0)
		return rc < 0 ? rc : none();
	if ((rc = sql_buf(st, 0, signing)) == 0)
		rc = sql_buf(st, 1, opening);
	sql_done(st);
	return rc;
}

int meshself_changed(struct store *s)
{
	return sql_exec(s, "UPDATE mesh SET version = version + 1", "");
}
