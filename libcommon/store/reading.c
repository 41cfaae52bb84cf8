/* A store that cannot be written: a copy on a read-only medium. */
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/sql.h"

/* path as a URI: what is no plain character is escaped. */
static int make_uri(struct buf *uri, const char *path)
{
	int rc = buf_adds(uri, "file:");

	for (const char *p = path; rc == 0 && *p != '\0'; p++) {
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		    (*p >= '0' && *p <= '9') || strchr("/._-", *p) != NULL)
			rc = buf_addc(uri, *p);
		else
			rc = buf_addf(uri, "%%%02x", (unsigned char)*p);
	}
	if (rc == 0)
		rc = buf_adds(uri, "?immutable=1");
	return rc != 0 ? rc : buf_terminate(uri);
}

static int check_version(struct store *s, const char *path)
{
	int64_t version = 0;
	int rc = sql_int(s, &version, "PRAGMA user_version", "");

	if (rc >= 0 && (version < 1 || version > STORE_VERSION))
		rc = err_set(MP_ESYS, "'%s' has version %lld, this program knows %d", path,
		    (long long)version, STORE_VERSION);
	return rc < 0 ? rc : 0;
}

static int open_copy(struct store **out, const char *path)
{
	struct store *s = calloc(1, sizeof(*s));
	struct buf uri = BUF_INIT(8192);
	int rc;

	if (s == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	s->turn = -1;
	if ((rc = make_uri(&uri, path)) == 0 &&
	    sqlite3_open_v2((const char *)uri.data, &s->db,
	        SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		rc = sql_error(s);
	if (rc == 0)
		rc = check_version(s, path);
	buf_free(&uri);
	if (rc != 0) {
		store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

int store_open_reading(struct store **out)
{
	const char *path = home_file("store.db");
	struct stat log;

	*out = NULL;
	if (home_path() == NULL)
		return MP_ESYS;
	if (access(home_path(), W_OK) == 0 || access(path, R_OK) != 0)
		return store_open(out);
	/* Nobody writes there, so nothing is locked; but a log that was not merged is not read. */
	if (stat(home_file("store.db-wal"), &log) == 0 && log.st_size > 0)
		return err_set(
		    MP_ESYS, "'%s' was copied while in use: copy it with mp-store backup", path);
	return open_copy(out, path);
}
