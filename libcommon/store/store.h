/*
 * store: $MP_HOME/store.db, one SQLite database in WAL mode (mp-store(5)).
 *
 * Any number of processes at once.  Write transactions are short and never span the network or a
 * hook.  synchronous=FULL: what a commit returned for is on disk.  secure_delete: what was deleted
 * is overwritten; store_erase() makes that true of every copy.
 * One struct store belongs to one thread.
 *
 * Every function here returns 0 or MP_E*: MP_ENONE nothing such, MP_EBUSY another writer held on
 * for more than 10 s, MP_EFULL disk full, MP_ESYS I/O or a damaged file.
 */
#ifndef MP_STORE_STORE_H
#define MP_STORE_STORE_H

#include <stdbool.h>
#include <sqlite3.h>
#include "base/buf.h"

#define STORE_VERSION 3

struct store;

/* Makes the store of a new home (mp-keygen); an existing one is MP_EEXIST. */
int store_create(void);
/* Opens $MP_HOME/store.db, of an earlier version too (store/migrate.h); MP_EUSAGE ("no store in
 * 'HOME': run mp-keygen"); MP_ESYS: newer version.
 */
int store_open(struct store **out);
int store_open_path(struct store **out, const char *path);
/* The same for who only reads: in a home that cannot be written, too. */
int store_open_reading(struct store **out);
void store_close(struct store *s);

/*
 * BEGIN IMMEDIATE; everything between is one transaction.  They nest by counting, the outermost
 * commits.  store_rollback() undoes the outermost one and is harmless outside.
 */
int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);
/*
 * Ends what store_begin() began: commits when rc is 0, else undoes it and hands rc back.  In a
 * nested one a clean no (MP_ENONE, MP_EEXIST, MP_ELIMIT ...) leaves the outer transaction as it is:
 * a function says no before it changes anything.
 */
int store_end(struct store *s, int rc);
bool store_in_transaction(const struct store *s);

/*
 * After deleting secrets, outside a transaction: what was deleted is gone from store.db, the copies
 * in slack (store/slack.h) too, and from its -wal.  Waits up to 10 s for readers: MP_EBUSY then,
 * and the same call may be made again.  Reads the whole file.
 */
int store_erase(struct store *s);

/* After deleting much: gives free pages back to the file system, in short transactions. */
int store_shrink(struct store *s);

/* PRAGMA integrity_check, foreign keys and this schema's own invariants; each finding to fn. */
int store_check(struct store *s, void (*fn)(void *ctx, const char *finding), void *ctx);
/* A consistent copy while others write (sqlite3_backup), 0600, whole or absent. */
int store_backup(struct store *s, const char *path);

/* Touches $MP_HOME/run/inbox or run/queue after a commit: wakes mp-inbox -f and the sender.  What
 * is owed anew touches run/due by itself, which wakes mp-serve. */
void store_wake_inbox(void);
void store_wake_queue(void);

/*
 * For the other files of this floor: a prepared statement, cached for the life of the store,
 * reset and with cleared bindings.  NULL with a detail.  store_step(): 1 row, 0 done, or MP_E*.
 */
sqlite3_stmt *store_sql(struct store *s, const char *sql);
int store_step(struct store *s, sqlite3_stmt *st);
/* Runs st to its end, a write outside of a transaction in one of its own; 0 or MP_E*. */
int store_run(struct store *s, sqlite3_stmt *st);
int64_t store_changes(struct store *s);
int64_t store_last_row(struct store *s);

#endif
