#include "node/devices.h"

#include <string.h>

#include "base/err.h"
#include "node/mailbox.h"
#include "node/rekeying.h"
#include "store/contact.h"
#include "store/sync.h"

int devices_first(struct store *s)
{
	int rc = device_is_second(s);

	return rc <= 0 ? rc : err_set(MP_EUSAGE, "this is a second device: do that on the first");
}

int devices_change(struct store *s, const char *name, bool ends)
{
	struct contact c;
	struct shared h;
	struct device d;
	int rc = contact_get(s, &c, name);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	if ((rc = shared_get(s, &h, c.row)) == 0)
		return err_set(MP_EUSAGE, "this contact is shared: do that on the first device");
	if (rc == MP_ENONE && ends && (rc = device_get(s, &d, c.row)) == 0)
		return err_set(MP_EUSAGE, "this is a device of yours: see mp-mesh devices remove");
	return rc == MP_ENONE ? 0 : rc;
}

int devices_may(struct store *s, int64_t contact, enum wire_type t)
{
	struct shared h;
	int rc;

	if (t == WIRE_MESSAGE || t == WIRE_CONTACT_UPDATE || t == WIRE_RECEIPT || t == WIRE_PING)
		return 0;
	rc = shared_get(s, &h, contact);
	if (rc == 0)
		return err_set(
		    MP_EUSAGE, "this contact is shared: a second device sends it messages only");
	return rc == MP_ENONE ? 0 : rc;
}

static int find(struct store *s, struct contact *c, const char *name)
{
	int rc = contact_get(s, c, name);

	if (rc == 0 && (c->state != CONTACT_ACTIVE || c->blocked))
		return err_set(MP_EUSAGE, "'%s' is blocked, or not met yet", name);
	return rc;
}

struct others {
	int64_t row;
	bool found;
};

static int is_other(void *ctx, const struct contact *c)
{
	struct others *o = ctx;

	o->found = o->found || c->row != o->row;
	return 0;
}

/* Nothing here that the first device would have to know, and no keys of our own. */
static int unused(struct store *s, const struct contact *c)
{
	struct others o = {.row = c->row};
	struct meshself self;
	struct device d;
	int rc = device_next(s, &d, 0);

	if (rc == 0)
		return err_set(MP_EUSAGE, "this home has other devices already");
	if (rc != MP_ENONE || (rc = contact_each(s, is_other, &o)) != 0)
		return rc;
	if (o.found)
		return err_set(MP_EUSAGE, "a second device is a new home: this one has contacts");
	rc = meshself_get(s, &self);
	if (rc == 0)
		return err_set(
		    MP_EUSAGE, "a second device is a new home: this one has keys of the mesh");
	return rc == MP_ENONE ? 0 : rc;
}

static int join(struct store *s, const char *name, int64_t now)
{
	struct contact c;
	int rc = find(s, &c, name);

	if (rc == 0 && (rc = unused(s, &c)) == 0 &&
	    (rc = device_add(s, c.row, DEVICE_FIRST, now)) == 0)
		rc = sync_add(s, c.row, SYNC_ASK, 0, NULL);
	return rc;
}

static int add(struct store *s, const char *name, int64_t now)
{
	struct meshself self;
	struct contact c;
	struct device d;
	int rc = devices_first(s);

	if (rc != 0 || (rc = find(s, &c, name)) != 0)
		return rc;
	if ((rc = meshself_get(s, &self)) != 0)
		return rc == MP_ENONE ? MP_EUSAGE : rc;
	rc = device_get(s, &d, c.row);
	if (rc == MP_ENONE)
		return err_set(
		    MP_EUSAGE, "'%s' has not asked: run mp-mesh devices join there", name);
	if (rc == 0 && d.role == DEVICE_SECOND)
		return err_set(MP_EEXIST, "'%s' is a device already", name);
	if (rc == 0 && (rc = device_set_role(s, c.row, DEVICE_SECOND, now)) == 0)
		rc = sync_begin(s, c.row);
	return rc;
}

struct renewal {
	struct store *s;
	int64_t now;
};

static int renew(void *ctx, const struct contact *c)
{
	const struct renewal *r = ctx;

	return c->state == CONTACT_ACTIVE ? rekeying_renew(r->s, c, r->now) : 0;
}

static int cut_off(struct store *s, int64_t contact, int64_t now)
{
	struct renewal r = {s, now};
	int rc;

	if ((rc = device_remove(s, contact)) != 0 || (rc = mailbox_renew(s, now)) != 0 ||
	    (rc = sync_add_all(s, SYNC_SELF, 0, NULL)) != 0)
		return rc;
	return contact_each(s, renew, &r);
}

static int take_off(struct store *s, const char *name, int64_t now)
{
	struct contact c;
	struct device d;
	int rc;

	if ((rc = contact_get(s, &c, name)) != 0)
		return rc;
	if ((rc = device_get(s, &d, c.row)) == MP_ENONE)
		return err_set(rc, "'%s' is no device", name);
	if (rc == 0 && d.role == DEVICE_FIRST)
		return err_set(MP_EUSAGE, "'%s' is the first device: remove this one there", name);
	if (rc == 0)
		rc = d.role == DEVICE_ASKS ? device_remove(s, c.row) : cut_off(s, c.row, now);
	return rc;
}

/* All of it or nothing. */
static int in_transaction(struct store *s, const char *name, int64_t now,
    int (*fn)(struct store *s, const char *name, int64_t now))
{
	int rc = store_begin(s);

	return rc != 0 ? rc : store_end(s, fn(s, name, now));
}

int devices_join(struct store *s, const char *name, int64_t now)
{
	return in_transaction(s, name, now, join);
}

int devices_add(struct store *s, const char *name, int64_t now)
{
	return in_transaction(s, name, now, add);
}

int devices_remove(struct store *s, const char *name, int64_t now)
{
	return in_transaction(s, name, now, take_off);
}

int devices_next(struct store *s, struct device_line *out, int64_t *after)
{
	struct contact c;
	struct device d;
	int rc = device_next(s, &d, *after);

	if (rc != 0 || (rc = contact_by_row(s, &c, d.contact)) != 0)
		return rc;
	*after = d.contact;
	memcpy(out->name, c.name, sizeof(out->name));
	out->role = d.role;
	out->since = d.since;
	out->seen = c.seen;
	return sync_count(s, d.contact, &out->waiting);
}
