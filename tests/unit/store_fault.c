/*
 * Every write, truncation, opening and deletion that SQLite asks of the system fails, one after
 * another, until a run no longer meets one: what was said to be stored is there, all of a
 * transaction or nothing, and the store is sound.
 */
#include <errno.h>
#include <fcntl.h>

#include "home.h"

static int left, failing; /* calls until the fault; its errno, 0 none */

static int fault(void)
{
	if (failing == 0 || left-- > 0)
		return 0;
	errno = failing;
	return 1;
}

static ssize_t bad_pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fault() ? -1 : pwrite(fd, p, n, at);
}

static int bad_ftruncate(int fd, off_t size)
{
	return fault() ? -1 : ftruncate(fd, size);
}

static int bad_open(const char *path, int flags, int mode)
{
	return fault() ? -1 : open(path, flags, mode);
}

static int bad_unlink(const char *path)
{
	return fault() ? -1 : unlink(path);
}

static void install(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} calls[] = {{"pwrite", (void (*)(void))bad_pwrite},
	    {"pwrite64", (void (*)(void))bad_pwrite}, {"ftruncate", (void (*)(void))bad_ftruncate},
	    {"open", (void (*)(void))bad_open}, {"unlink", (void (*)(void))bad_unlink}};
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
		vfs->xSetSystemCall(vfs, calls[i].name, calls[i].fn);
}

/* What was said to be done. */
struct said {
	int begun, committed, erased, removed;
};

/* All that a store does, with one number throughout. */
static void scenario(unsigned n, struct said *said)
{
	struct contact c;
	struct store *s;
	char name[33];
	int rc;

	if (store_open(&s) != 0)
		return;
	snprintf(name, sizeof name, "n%u", n);
	c = (struct contact){.state = CONTACT_OFFERED};
	strcpy(c.name, name);
	said->begun = 1;
	rc = store_begin(s);
	if (rc == 0)
		rc = contact_add(s, &c, 1);
	if (rc == 0)
		rc = home_message(s, c.row, DIR_IN, MESSAGE_READ, n, "received");
	if (rc == 0)
		rc = home_mail(s, c.row, LANE_CONTROL, n);
	if (rc == 0)
		rc = store_commit(s);
	else
		store_rollback(s);
	said->committed = rc == 0;
	if (rc == 0 && n % 2 == 0)
		said->removed = contact_remove(s, c.row) == 0;
	said->erased = store_erase(s) == 0;
	store_close(s);
}

static int64_t count_of(struct store *s, const char *what, unsigned n)
{
	char sql[400];

	snprintf(sql, sizeof sql, "%s'n%u'", what, n);
	return number(s, sql);
}

/* 1 when the fault was met. */
static int run(unsigned n, int after, int error)
{
	struct said said = {0};
	struct store *s;
	int64_t contacts, rest;
	int met;

	left = after;
	failing = error;
	scenario(n, &said);
	met = left < 0;
	failing = 0;
	MUST(store_open(&s));
	contacts = count_of(s, "SELECT count(*) FROM contact WHERE name = ", n);
	rest = count_of(s,
	    "SELECT (SELECT count(*) FROM message m WHERE m.contact = c.id) = 1 AND"
	    " (SELECT count(*) FROM queue q WHERE q.contact = c.id) = 1"
	    " FROM contact c WHERE name = ",
	    n);
	if (!sound(s) || (contacts == 1 && rest != 1) ||
	    (said.committed && !said.removed && n % 2 == 1 && contacts != 1) ||
	    (said.removed && contacts != 0) || (!met && !(said.committed && said.erased)))
		ok(0, "call %d fails with %d: committed %d, removed %d, erased %d, found %d", after,
		    error, said.committed, said.removed, said.erased, (int)contacts);
	store_close(s);
	return met;
}

static void each(unsigned from, int error, const char *name)
{
	int after, failed = tap_failed;

	for (after = 0; run(from + (unsigned)after, after, error); after++)
		;
	ok(after > 20, "%s: %d calls can fail", name, after);
	ok(failed == tap_failed, "%s: each is survived", name);
}

int main(void)
{
	struct store *s = home_store();

	store_close(s);
	install();
	each(1000, EIO, "an I/O error");
	each(3000, ENOSPC, "no space");
	each(5001, EIO, "an I/O error, the other way round");
	return done();
}
