#include "store/keyring.h"

#include "base/err.h"
#include "base/secret.h"
#include "store/sql.h"

int keyring_load(struct store *s, struct buf *b, int64_t *version)
{
	sqlite3_stmt *st;
	int64_t now;
	int rc =
	    sql_row(s, &st, "SELECT version, slots FROM keyring WHERE version <> ?", "i", *version);

	if (rc <= 0)
		return rc;
	now = sqlite3_column_int64(st, 0);
	buf_clear(b);
	rc = sql_buf(st, 1, b);
	sql_done(st);
	if (rc == 0 && b->len % KEYRING_SLOT != 0)
		rc = err_set(MP_ESYS, "store.db: the keyring is damaged: run mp-store check");
	if (rc == 0)
		*version = now;
	return rc;
}

static int pack_row(struct buf *b, sqlite3_stmt *st)
{
	uint8_t slot[KEYRING_SLOT], recv[KEY_LEN], cid[CONTACT_ID];
	int rc;

	if (!sql_bytes(st, 1, recv, sizeof recv) || !sql_bytes(st, 2, cid, sizeof cid))
		return err_set(MP_ESYS, "store.db: a key is damaged: run mp-store check");
	keyring_slot(slot, recv, cid, (uint64_t)sqlite3_column_int64(st, 0));
	rc = buf_add(b, slot, sizeof slot);
	secret_wipe(slot, sizeof slot);
	secret_wipe(recv, sizeof recv);
	return rc;
}

int keyring_pack(struct store *s, struct buf *b)
{
	sqlite3_stmt *st;
	int rc, bad = 0;

	sql_query(s, &st,
	    "SELECT key.id, key.recv, key.cid FROM key JOIN contact ON contact.id = key.contact"
	    " WHERE key.recv IS NOT NULL AND contact.blocked = 0 ORDER BY key.id",
	    "");
	while ((rc = store_step(s, st)) == 1)
		if ((bad = pack_row(b, st)) != 0)
			break;
	if (bad != 0)
		sql_done(st);
	return bad != 0 ? bad : rc;
}

static int put(struct store *s, const struct buf *b)
{
	return sql_exec(s, "UPDATE keyring SET version = version + 1, slots = ?", "b",
	    b->len > 0 ? (const void *)b->data : "", b->len);
}

int keyring_rebuild(struct store *s)
{
	struct buf b = BUF_INIT(KEYRING_MAX);
	int rc = keyring_pack(s, &b);

	if (rc == 0)
		rc = put(s, &b);
	buf_free(&b);
	return rc;
}

int keyring_append(struct store *s, int64_t key_row, const uint8_t recv[static KEY_LEN],
    const uint8_t cid[static CONTACT_ID])
{
	struct buf b = BUF_INIT(KEYRING_MAX);
	uint8_t slot[KEYRING_SLOT];
	int64_t version = -1;
	int rc = keyring_load(s, &b, &version);

	keyring_slot(slot, recv, cid, (uint64_t)key_row);
	if (rc == 0)
		rc = buf_add(&b, slot, sizeof slot);
	if (rc == 0)
		rc = put(s, &b);
	secret_wipe(slot, sizeof slot);
	buf_free(&b);
	return rc;
}
