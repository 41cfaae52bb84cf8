#include "store/side.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/turn.h"

static int settle(struct store *s, const struct side *d)
{
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_handler(s->db, sql_wait, s);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (sqlite3_exec(s->db,
	        d->fleeting          ? "PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON"
	        : d->writers != NULL ? "PRAGMA synchronous = NORMAL"
	                             : "PRAGMA synchronous = FULL",
	        NULL, NULL, NULL) ||
	    sqlite3_exec(
	        s->db, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY", NULL, NULL, NULL))
		return sql_error(s);
	return 0;
}

static int open_file(struct store **out, const char *path, const struct side *d)
{
	struct store *s = calloc(1, sizeof *s);
	int rc;

	*out = NULL;
	if (s == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	s->turn = -1;
	s->writers = d->writers;
	s->wal_pages = INT_MAX; /* whoever closes last writes the log back */
	if (sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		rc = sql_error(s);
	else
		rc = settle(s, d);
	if (rc != 0)
		store_close(s);
	else
		*out = s;
	return rc;
}

static int fill(const struct side *d, const char *path)
{
	struct store *s;
	char version[100];
	int rc = open_file(&s, path, d);

	if (rc != 0)
		return rc;
	snprintf(version, sizeof version,
	    "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", d->application,
	    d->version);
	if (sqlite3_exec(s->db,
	        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE",
	        NULL, NULL, NULL) ||
	    sqlite3_exec(s->db, d->schema, NULL, NULL, NULL) ||
	    sqlite3_exec(s->db, version, NULL, NULL, NULL))
		rc = sql_error(s);
	store_close(s);
	return rc;
}

/* Somebody else who made it at the same moment made the same. */
static int make_file(const struct side *d, const char *path)
{
	char tmp[PATH_MAX];
	int rc, fd = sql_draft(tmp, sizeof tmp, path);

	if (fd < 0)
		return fd == MP_EEXIST ? 0 : fd;
	close(fd);
	if ((rc = fill(d, tmp)) == 0)
		rc = sql_publish(tmp, path);
	if (rc != 0)
		unlink(tmp);
	return rc == MP_EEXIST ? 0 : rc;
}

/* Whoever is first does it, the others find it done. */
static int upgrade(struct store *s, const struct side *d)
{
	int64_t version = 0;
	int rc = sql_int(s, &version, "PRAGMA user_version", "");

	if (rc < 0 || version == d->version)
		return rc < 0 ? rc : 0;
	if ((rc = store_begin(s)) != 0)
		return rc;
	rc = sql_int(s, &version, "PRAGMA user_version", "");
	for (rc = rc < 0 ? rc : 0; rc == 0 && version < d->version; version++) {
		char set[50];

		snprintf(set, sizeof set, "PRAGMA user_version = %lld", (long long)version + 1);
		if (sqlite3_exec(s->db, d->steps[version - 1], NULL, NULL, NULL) ||
		    sqlite3_exec(s->db, set, NULL, NULL, NULL))
			rc = sql_error(s);
	}
	return store_end(s, rc);
}

int side_open(struct store **out, const struct side *d, bool make)
{
	const char *path;
	struct store *s;
	struct stat st;
	int rc;

	*out = NULL;
	if (home_path() == NULL)
		return MP_ESYS;
	path = home_file(d->file);
	if (lstat(path, &st) != 0) {
		if (errno != ENOENT)
			return err_sys("'%s'", path);
		if (!make)
			return err_set(MP_ENONE, "no '%s'", path);
		if ((rc = make_file(d, path)) != 0)
			return rc;
	} else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
		return err_set(
		    MP_ESYS, "'%s' must be a regular file that others cannot read", path);
	}
	if ((rc = open_file(&s, path, d)) != 0)
		return rc;
	s->turn = turn_open(path);
	if ((rc = sql_check_version(s, path, d->application, d->version)) != 0 ||
	    (rc = upgrade(s, d)) != 0) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}
