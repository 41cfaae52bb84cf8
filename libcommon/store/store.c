#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "store/migrate.h"
#include "store/writers.h"
#include "store/sql.h"
#include "store/turn.h"

#define APPLICATION 0x6d703031 /* "mp01" in the file's header */

#define CHECKPOINT 1000 /* pages of the -wal */
#define SHORT_WAL 64

static const char schema[] =
#include "store/schema.inc"
    ;

static const struct sql_kind messenger = {APPLICATION, STORE_VERSION, "mp-keygen", schema};

/*
 * Short sleeps: as a rule only one process waits for the write lock (store/turn.h), and the time
 * from one writer's commit to the next one's beginning is lost to all.
 */
int sql_wait(void *ctx, int calls)
{
	struct store *s = ctx;
	struct timespec ts = {.tv_nsec = calls < 100 ? 100000 : calls < 500 ? 1000000 : 5000000};
	int64_t now = clock_monotonic();

	if (calls == 0)
		s->patience_end = s->until != 0 ? s->until : now + SQL_PATIENCE;
	if (now >= s->patience_end)
		return 0;
	nanosleep(&ts, NULL);
	return 1;
}

/* As SQLite's own automatic checkpoint, whose place this hook takes. */
static int committed(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct store *s = ctx;

	s->wal_pages = pages;
	if (pages >= CHECKPOINT)
		sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

static int settle(struct store *s)
{
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_handler(s->db, sql_wait, s);
	sqlite3_wal_hook(s->db, committed, s);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* temp_store: no text of a message in a temporary file. */
	if (sqlite3_exec(s->db,
	        "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
	        "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY",
	        NULL, NULL, NULL))
		return sql_error(s);
	return 0;
}

static int open_file(struct store **out, const char *path)
{
	struct store *s = calloc(1, sizeof *s);
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	s->turn = -1;
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		rc = sql_error(s);
	else
		rc = settle(s);
	if (rc != 0) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

/* Whoever can write the directory can put another file in the store's place. */
static int check_directory(const char *path, const char *maker)
{
	char copy[PATH_MAX];
	const char *dir;
	struct stat st;

	if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
		return err_set(MP_ELIMIT, "'%s': path too long", path);
	dir = dirname(copy);
	if (stat(dir, &st) != 0)
		return errno == ENOENT ? err_set(MP_EUSAGE, "no store in '%s': run %s", dir, maker)
		                       : err_sys("'%s'", dir);
	if (geteuid() != 0 && st.st_uid != geteuid())
		return err_set(MP_ESYS, "'%s' belongs to somebody else", dir);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(MP_ESYS, "others can write '%s': chmod go-w", dir);
	return 0;
}

static int check_file(const char *path, const char *maker)
{
	char copy[PATH_MAX];
	struct stat st;
	int rc = check_directory(path, maker);

	if (rc != 0)
		return rc;
	if (lstat(path, &st) != 0) {
		if (errno != ENOENT)
			return err_sys("'%s'", path);
		snprintf(copy, sizeof copy, "%s", path);
		return err_set(MP_EUSAGE, "no store in '%s': run %s", dirname(copy), maker);
	}
	if (!S_ISREG(st.st_mode))
		return err_set(MP_ESYS, "'%s' is not a regular file", path);
	if (st.st_mode & 077)
		return err_set(MP_ESYS, "others can read '%s': chmod 600", path);
	return 0;
}

int sql_check_version(struct store *s, const char *path, int application, int version)
{
	int64_t is = 0, has = 0;
	int rc = sql_int(s, &is, "PRAGMA application_id", "");

	if (rc >= 0)
		rc = sql_int(s, &has, "PRAGMA user_version", "");
	if (rc < 0)
		return rc;
	if (is != application || has < 1)
		return err_set(MP_ESYS, "'%s' is not a store of mp", path);
	if (has > version)
		return err_set(MP_ESYS, "'%s' has version %lld, this program knows %d", path,
		    (long long)has, version);
	return 0;
}

/* A restored backup comes in the other mode; it is changed once, when it is first opened. */
static int check_mode(struct store *s, const char *path)
{
	sqlite3_stmt *st;
	char mode[16] = "";
	int rc = sql_row(s, &st, "PRAGMA journal_mode = WAL", "");

	if (rc == 1) {
		sql_text(st, 0, mode, sizeof mode);
		sql_done(st);
	}
	if (rc < 0)
		return rc;
	if (strcmp(mode, "wal") != 0)
		return err_set(MP_ESYS, "'%s' cannot keep a write-ahead log", path);
	return 0;
}

int sql_open(struct store **out, const char *path, const struct sql_kind *kind)
{
	struct store *s = NULL;
	int rc;

	*out = NULL;
	if ((rc = check_file(path, kind->maker)) != 0 || (rc = open_file(&s, path)) != 0)
		return rc;
	if ((rc = sql_check_version(s, path, kind->application, kind->version)) != 0 ||
	    (rc = check_mode(s, path)) != 0) {
		store_close(s);
		return rc;
	}
	s->turn = turn_open(path);
	*out = s;
	return 0;
}

int store_open_path(struct store **out, const char *path)
{
	int rc = sql_open(out, path, &messenger);

	if (rc == 0 && (rc = store_migrate(*out)) != 0) {
		store_close(*out);
		*out = NULL;
	}
	return rc;
}

int store_open(struct store **out)
{
	*out = NULL;
	if (home_path() == NULL)
		return MP_ESYS;
	return store_open_path(out, home_file("store.db"));
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_rollback(s);
	for (size_t i = 0; i < SQL_CACHE; i++)
		sqlite3_finalize(s->cache[i].st);
	/* Who closes last would write the -wal back, which costs four times the commit of a command
	 * that wrote one record.  A short one stays, and is read in again in a tenth of a
	 * millisecond. */
	if (s->wal_pages < SHORT_WAL)
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(s->db);
	if (s->turn >= 0)
		close(s->turn);
	free(s);
}

static int fill(const char *path, const struct sql_kind *kind)
{
	struct store *s;
	int rc = open_file(&s, path);
	char version[96];

	if (rc != 0)
		return rc;
	snprintf(version, sizeof version,
	    "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", kind->application,
	    kind->version);
	/* auto_vacuum can only be chosen before the first table. */
	if (sqlite3_exec(
	        s->db, "PRAGMA auto_vacuum = INCREMENTAL; BEGIN IMMEDIATE", NULL, NULL, NULL) ||
	    sqlite3_exec(s->db, kind->schema, NULL, NULL, NULL) ||
	    sqlite3_exec(s->db, version, NULL, NULL, NULL))
		rc = sql_error(s);
	else
		rc = check_mode(s, path);
	store_close(s);
	return rc;
}

static int sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int fd, rc = 0;

	snprintf(copy, sizeof copy, "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys("'%s'", copy);
	if (fsync(fd) != 0 && errno != EINVAL)
		rc = err_sys("'%s'", copy);
	close(fd);
	return rc;
}

int sql_draft(char *tmp, size_t size, const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) == 0)
		return err_set(MP_EEXIST, "'%s' is there already", path);
	if (snprintf(tmp, size, "%s.XXXXXX", path) >= (int)size)
		return err_set(MP_ELIMIT, "'%s': path too long", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	return fd < 0 ? err_sys("cannot make '%s'", path) : fd;
}

int sql_publish(const char *tmp, const char *path)
{
	int rc = renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE);

	/* A file system without that flag. */
	if (rc != 0 && (errno == EINVAL || errno == ENOSYS)) {
		rc = link(tmp, path);
		if (rc == 0)
			unlink(tmp);
	}
	if (rc != 0 && errno == EEXIST)
		return err_set(MP_EEXIST, "'%s' is there already", path);
	if (rc != 0)
		return err_sys("cannot make '%s'", path);
	return sync_directory(path);
}

/* A log that an earlier store of this name left behind must not be taken for the new one's. */
static void drop_logs(const char *path)
{
	static const char *const suffix[] = {"-wal", "-shm", "-journal"};
	char name[PATH_MAX];

	for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++)
		if (snprintf(name, sizeof name, "%s%s", path, suffix[i]) < (int)sizeof name)
			unlink(name);
}

int sql_make(const char *path, const struct sql_kind *kind)
{
	char tmp[PATH_MAX];
	int rc, fd = sql_draft(tmp, sizeof tmp, path);

	if (fd < 0)
		return fd;
	close(fd);
	if ((rc = fill(tmp, kind)) == 0) {
		drop_logs(path);
		rc = sql_publish(tmp, path);
	}
	if (rc != 0)
		unlink(tmp);
	return rc;
}

int store_create(void)
{
	const char *home = home_path();
	int rc;

	if (home == NULL)
		return MP_ESYS;
	if ((rc = dir_make(home)) != 0 || (rc = dir_make(home_file("run"))) != 0)
		return rc;
	return sql_make(home_file("store.db"), &messenger);
}

int sql_begin(struct store *s, int64_t end)
{
	int rc;

	s->until = end;
	rc = store_step(s, store_sql(s, "BEGIN IMMEDIATE"));
	s->until = 0;
	if (rc == 0)
		s->depth = 1;
	return rc;
}

static int enter(struct store *s, int64_t end)
{
	int rc = s->writers == NULL ? 0 : writers_enter(s->writers, end);

	s->entered = s->writers != NULL && rc == 0;
	return rc;
}

static void leave(struct store *s)
{
	if (s->entered)
		writers_leave(s->writers);
	s->entered = false;
}

int store_begin(struct store *s)
{
	int64_t end = clock_monotonic() + SQL_PATIENCE;
	int rc;

	if (s->depth > 0) {
		if (s->undone != 0)
			return s->undone;
		s->depth++;
		return 0;
	}
	if ((rc = enter(s, end)) != 0)
		return rc;
	if ((rc = turn_take(s->turn, end)) == 0) {
		rc = sql_begin(s, end);
		turn_pass(s->turn);
	}
	if (rc != 0)
		leave(s);
	return rc;
}

static void touch(unsigned who)
{
	if ((who & WAKE_INBOX) != 0)
		store_wake_inbox();
	if ((who & WAKE_DUE) != 0)
		file_touch(home_file("run/due"));
}

int store_commit(struct store *s)
{
	unsigned wake = s->wake;
	int rc = s->undone;

	if (s->depth == 0)
		return err_set(MP_ESYS, "the transaction was undone");
	if (s->depth > 1) {
		s->depth--;
		return rc;
	}
	if (rc == 0)
		rc = sql_exec(s, "COMMIT", "");
	if (rc != 0) {
		store_rollback(s);
		return rc;
	}
	s->depth = 0;
	s->wake = 0;
	leave(s);
	if (s->writers != NULL)
		rc = writers_sync(s->writers, sql_sync, s);
	touch(wake);
	return rc;
}

void store_rollback(struct store *s)
{
	if (s->depth > 0 && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->depth = 0;
	s->undone = 0;
	s->wake = 0;
	leave(s);
}

bool store_in_transaction(const struct store *s)
{
	return s->depth > 0;
}

static bool clean_no(int rc)
{
	return rc == MP_ENONE || rc == MP_EEXIST || rc == MP_ELIMIT || rc == MP_EBAD ||
	       rc == MP_EUSAGE;
}

int store_end(struct store *s, int rc)
{
	if (rc == 0)
		return store_commit(s);
	if (s->depth > 1 && clean_no(rc))
		s->depth--;
	else
		store_rollback(s);
	return rc;
}

void sql_wake(struct store *s, unsigned who)
{
	if (s->depth > 0)
		s->wake |= who;
	else
		touch(who);
}

void store_wake_inbox(void)
{
	file_touch(home_file("run/inbox"));
}

void store_wake_queue(void)
{
	file_touch(home_file("run/queue"));
}
