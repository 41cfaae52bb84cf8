#include <limits.h>
#include <unistd.h>

#include "base/err.h"
#include "store/sql.h"

/* The copy is one file without a log of its own; the store that it is opened as makes one again. */
static int copy(struct store *s, const char *path)
{
	sqlite3_backup *b;
	sqlite3 *to;
	int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	/* One step: a snapshot.  Piece by piece it would begin again with each commit elsewhere. */
	if (rc == SQLITE_OK && (b = sqlite3_backup_init(to, "main", s->db, "main")) != NULL) {
		rc = sqlite3_backup_step(b, -1);
		sqlite3_backup_finish(b);
		if (rc == SQLITE_DONE)
			rc = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
	} else {
		rc = sqlite3_errcode(to);
	}
	if (rc != SQLITE_OK)
		rc = (rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_IOERR
		         ? err_set(MP_EFULL, "cannot write the backup: %s", sqlite3_errstr(rc))
		         : err_set(MP_ESYS, "cannot make the backup: %s", sqlite3_errstr(rc));
	sqlite3_close(to);
	return rc;
}

int store_backup(struct store *s, const char *path)
{
	char tmp[PATH_MAX];
	int rc, fd = sql_draft(tmp, sizeof tmp, path);

	if (fd < 0)
		return fd;
	rc = copy(s, tmp);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_sys("cannot write '%s'", path);
	close(fd);
	if (rc == 0)
		rc = sql_publish(tmp, path);
	if (rc != 0)
		unlink(tmp);
	return rc;
}
