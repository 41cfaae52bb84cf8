#include "store/device.h"

#include "base/err.h"
#include "store/queue.h"
#include "store/sql.h"

static int no_device(void)
{
	return err_set(MP_ENONE, "no such device");
}

/* Those who ask take no room from those who are. */
static int has_room(struct store *s, enum device_role role)
{
	int64_t n = 0;
	int rc = sql_int(s, &n, "SELECT count(*) FROM device WHERE (role = 0) = ?", "d",
	    (int)(role == DEVICE_ASKS));

	if (rc >= 0 && n >= DEVICES_MAX)
		return err_set(MP_ELIMIT, "there are %d other devices: no more", DEVICES_MAX);
	return rc < 0 ? rc : 0;
}

int device_add(struct store *s, int64_t contact, enum device_role role, int64_t now)
{
	int rc = has_room(s, role);

	if (rc != 0)
		return rc;
	rc = sql_exec(s, "INSERT INTO device (contact, role, since) VALUES (?, ?, ?)", "idi",
	    contact, (int)role, now);
	return rc == MP_EEXIST ? err_set(rc, "this is a device already") : rc;
}

static int take(struct device *d, int rc, sqlite3_stmt *st)
{
	if (rc <= 0)
		return rc < 0 ? rc : no_device();
	d->contact = sqlite3_column_int64(st, 0);
	d->role = (enum device_role)sqlite3_column_int(st, 1);
	d->since = sqlite3_column_int64(st, 2);
	d->n = sqlite3_column_int64(st, 3);
	sql_done(st);
	return 0;
}

int device_get(struct store *s, struct device *d, int64_t contact)
{
	sqlite3_stmt *st;
	int rc = sql_row(
	    s, &st, "SELECT contact, role, since, n FROM device WHERE contact = ?", "i", contact);

	return take(d, rc, st);
}

int device_next(struct store *s, struct device *d, int64_t after)
{
	sqlite3_stmt *st;
	int rc = sql_row(s, &st,
	    "SELECT contact, role, since, n FROM device WHERE contact > ? ORDER BY contact LIMIT 1",
	    "i", after);

	return take(d, rc, st);
}

int device_set_role(struct store *s, int64_t contact, enum device_role role, int64_t now)
{
	int rc = has_room(s, role);

	if (rc == 0)
		rc = sql_exec(s, "UPDATE device SET role = ?, since = ? WHERE contact = ?", "dii",
		    (int)role, now, contact);
	return rc == 0 && store_changes(s) == 0 ? no_device() : rc;
}

/* What waits for it, here or at a relay which may have lost it, would be posted all the same. */
static int forget_queued(struct store *s, int64_t contact)
{
	uint8_t id[MESSAGE_ID];
	sqlite3_stmt *st;
	int rc;

	while ((rc = sql_row(s, &st, "SELECT id FROM queue WHERE contact = ? AND kind = ? LIMIT 1",
	            "is", contact, wire_type_name(WIRE_DEVICE_SYNC))) == 1) {
		sql_bytes(st, 0, id, sizeof(id));
		sql_done(st);
		if ((rc = queue_cancel(s, id)) != 0)
			return rc;
	}
	return rc;
}

static int remove_device(struct store *s, int64_t contact)
{
	int rc = sql_exec(s, "DELETE FROM device WHERE contact = ?", "i", contact);

	if (rc == 0 && store_changes(s) == 0)
		return no_device();
	return rc != 0 ? rc : forget_queued(s, contact);
}

int device_remove(struct store *s, int64_t contact)
{
	int rc = store_begin(s);

	return rc != 0 ? rc : store_end(s, remove_device(s, contact));
}

int device_is_second(struct store *s)
{
	int64_t one;

	return sql_int(s, &one, "SELECT 1 FROM device WHERE role = 2 LIMIT 1", "");
}

int device_has_seconds(struct store *s)
{
	int64_t one;

	return sql_int(s, &one, "SELECT 1 FROM device WHERE role = 1 LIMIT 1", "");
}

static int take_shared(struct shared *h, int rc, sqlite3_stmt *st)
{
	if (rc <= 0)
		return rc < 0 ? rc : err_set(MP_ENONE, "no shared contact");
	h->contact = sqlite3_column_int64(st, 0);
	h->origin = sqlite3_column_int64(st, 1);
	h->n = sqlite3_column_int64(st, 2);
	sql_done(st);
	return 0;
}

int shared_get(struct store *s, struct shared *h, int64_t contact)
{
	sqlite3_stmt *st;
	int rc = sql_row(
	    s, &st, "SELECT contact, origin, n FROM shared WHERE contact = ?", "i", contact);

	return take_shared(h, rc, st);
}

int shared_find(struct store *s, struct shared *h, int64_t origin)
{
	sqlite3_stmt *st;
	int rc =
	    sql_row(s, &st, "SELECT contact, origin, n FROM shared WHERE origin = ?", "i", origin);

	return take_shared(h, rc, st);
}

int shared_put(struct store *s, const struct shared *h)
{
	return sql_exec(s, "REPLACE INTO shared (contact, origin, n) VALUES (?, ?, ?)", "iii",
	    h->contact, h->origin, h->n);
}
