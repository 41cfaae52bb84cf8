/*
 * sql: what the files of this floor share, and nobody above it includes.
 *
 * A statement is prepared once and kept for the life of the store, found again by the address of
 * its text, which must be a literal.  A statement that gave a row holds a read transaction until
 * sql_done(); no function of this floor returns with one unfinished.
 *
 * sql_bind() takes its values as `types` says, one letter each:
 *   i int64_t   z int64_t, 0 is NULL   d int or enum   s text, NULL is NULL   n text, "" is NULL
 *   x 16 bytes  k 32 bytes             b pointer and size_t; a NULL pointer is NULL
 *
 * Values are not copied: they must live until the statement is done.
 */
#ifndef MP_STORE_SQL_H
#define MP_STORE_SQL_H

#include "store/lease.h"
#include "store/message.h"
#include "store/store.h"

#define SQL_CACHE 256 /* a power of two, well above the number of statements in this floor */

struct writers;

struct store {
	sqlite3 *db;
	int depth;      /* of store_begin() */
	int undone;     /* the error for which SQLite itself rolled back, 0 none */
	int unprepared; /* the error of the last store_sql() */
	unsigned wake;  /* what of run/ to touch after the commit */
	int turn;       /* store/turn.h */
	struct writers
	    *writers;  /* shares its syncs (store/writers.h), NULL: each commit has its own */
	bool entered;  /* our thread is the one of these that writes */
	int wal_pages; /* in the -wal after our last commit, 0 none */
	int64_t until; /* when the caller stops waiting for a lock, monotonic; 0: not his to say */
	int64_t patience_end; /* of the wait in hand */
	struct {
		const char *sql;
		sqlite3_stmt *st;
	} cache[SQL_CACHE];
};

/* A database of this form: the messenger's, or another one with a schema of its own. */
struct sql_kind {
	int application, version; /* in the file's header */
	const char *maker;        /* the command that makes one */
	const char *schema;
};
/* A new one at path; MP_EEXIST. */
int sql_make(const char *path, const struct sql_kind *kind);
int sql_open(struct store **out, const char *path, const struct sql_kind *kind);
/* MP_ESYS: another program's, or a newer one's. */
int sql_check_version(struct store *s, const char *path, int application, int version);

#define SQL_PATIENCE (10 * INT64_C(1000)) /* ms that a lock is waited for */

/* The busy handler of a store, with the store as its context: short sleeps. */
int sql_wait(void *store, int calls);

/* The code for SQLite's last error, with a detail. */
int sql_error(struct store *s);

int sql_bind(sqlite3_stmt *st, const char *types, ...);
/* Prepare, bind; *st is NULL on failure, which store_step() hands on. */
int sql_query(struct store *s, sqlite3_stmt **st, const char *sql, const char *types, ...);
/* The same and one step: 1 a row in *st (sql_done() it), 0 none, or MP_E*. */
int sql_row(struct store *s, sqlite3_stmt **st, const char *sql, const char *types, ...);
/* The same by store_run(). */
int sql_exec(struct store *s, const char *sql, const char *types, ...);
/* One number: 1 and *v, 0 no row, or MP_E*.  NULL counts as no row. */
int sql_int(struct store *s, int64_t *v, const char *sql, const char *types, ...);
void sql_done(sqlite3_stmt *st);

/* Columns: text is cut, a blob of another length than n gives zeros and false. */
void sql_text(sqlite3_stmt *st, int column, char *out, size_t size);
bool sql_bytes(sqlite3_stmt *st, int column, uint8_t *out, size_t n);
int sql_buf(sqlite3_stmt *st, int column, struct buf *out);
bool sql_null(sqlite3_stmt *st, int column);

/* store_begin() for who has the turn already (store/turn.h); end: until when to wait, monotonic. */
int sql_begin(struct store *s, int64_t end);

/* What was committed to the log, by whomever, is on disk. */
int sql_sync(struct store *s);

/* A lease's three columns from `column` on: pid, boot id, until. */
void sql_lease(sqlite3_stmt *st, int column, struct lease *l);

/* A message as a record: its columns and tables, and what takes them out.  Column 0 is seq. */
#define MESSAGE_COLUMNS                                             \
	"m.seq, m.dir, m.id, m.kind, m.time, m.ref, m.body, c.name" \
	" FROM message m LEFT JOIN contact c ON c.id = m.contact"
int message_fill(struct record *rec, sqlite3_stmt *st);

/*
 * What became of a queue's row told to the message it came from: a file's chunk speaks for its
 * transfer.  Delivered and cancelled messages stay what they are.
 */
int message_follow(struct store *s, int64_t contact, const uint8_t id[static 16], const char *kind,
    enum message_state state);

/* A lane's row for new or woken mail; due at once when there was none. */
int lane_ensure(struct store *s, int64_t contact, int lane, int64_t now);
/* Leases it to this process for ms. */
int lane_hold(struct store *s, int64_t contact, int lane, int64_t now, int64_t ms);
/* The end of a batch, by rows and bytes, of messages (of one contact, or 0) in (after, last]. 0:
 * there is none. */
int sql_batch_end(struct store *s, int64_t contact, int64_t after, int64_t last, int64_t *end);
/* The contact's control lane lost mail: what waited behind it is due. */
int lane_unblock(struct store *s, int64_t contact, int64_t now);

/* run/inbox or run/due is touched once the transaction is committed; at once outside of one. */
enum { WAKE_INBOX = 1, WAKE_DUE = 2 };
void sql_wake(struct store *s, unsigned who);

/* A new temporary file beside path, its name in tmp: the descriptor. MP_EEXIST: path is there. */
int sql_draft(char *tmp, size_t size, const char *path);
/* A finished temporary file becomes path, unless something is there: MP_EEXIST. Durable. */
int sql_publish(const char *tmp, const char *path);

#endif
