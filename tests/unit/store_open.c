/* What store_create() makes and what store_open() accepts. */
#include <sys/stat.h>

#include "home.h"

static void sql(const char *path, const char *text)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, text, 0, 0, 0) != SQLITE_OK)
		printf("# %s: %s\n", text, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 0777 : 0;
}

static int opens(const char *path)
{
	struct store *s;
	int rc = store_open_path(&s, path);

	store_close(s);
	return rc;
}

static void settings(struct store *s)
{
	static const struct {
		const char *name;
		int64_t want;
	} pragma[] = {
	    {"PRAGMA synchronous", 2},
	    {"PRAGMA foreign_keys", 1},
	    {"PRAGMA secure_delete", 1},
	    {"PRAGMA trusted_schema", 0},
	    {"PRAGMA cell_size_check", 1},
	    {"PRAGMA auto_vacuum", 2},
	    {"PRAGMA user_version", STORE_VERSION},
	    {"PRAGMA temp_store", 2},
	};

	for (size_t i = 0; i < sizeof pragma / sizeof pragma[0]; i++)
		is_int(number(s, pragma[i].name), pragma[i].want, pragma[i].name);
	is_int(number(s, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1,
	    "a write-ahead log");
}

int main(void)
{
	struct store *s;
	const char *path;
	char command[3 * PATH_MAX];

	home_make();
	path = home_file("store.db");
	umask(0);
	is_int(store_open(&s), MP_EUSAGE, "none before it is made");
	is_int(store_create(), 0, "made");
	is_int(mode_of(path), 0600, "0600 whatever the umask");
	is_int(store_create(), MP_EEXIST, "not made twice");
	is_int(store_open(&s), 0, "opens");
	settings(s);
	is_int(mode_of(home_file("store.db-wal")), 0600, "its log is 0600 too");
	ok(sound(s), "sound");
	home_contact(s, "bob");
	store_close(s);
	snprintf(command, sizeof command,
	    "ls -A '%s' | tr '\\n' ' ' | grep -qx 'run store.db store.db-shm store.db-turn "
	    "store.db-wal '",
	    home_dir);
	is_int(system(command), 0, "nothing else is left in the home, and a short log stays");

	chmod(path, 0640);
	is_int(store_open(&s), MP_ESYS, "not when the group can read it");
	chmod(path, 0600);
	chmod(home_dir, 0720);
	is_int(store_open(&s), MP_ESYS, "not when the group can write the home");
	chmod(home_dir, 0702);
	is_int(store_open(&s), MP_ESYS, "not when all can");
	chmod(home_dir, 0755);
	is_int(store_open(&s), 0, "reading the home is no harm");
	store_close(s);
	chmod(home_dir, 0700);
	is_int(symlink("store.db", home_file("link.db")), 0, "a symbolic link is made");
	is_int(opens(home_file("link.db")), MP_ESYS, "not through a symbolic link");
	mkdir(home_file("dir.db"), 0700);
	is_int(opens(home_file("dir.db")), MP_ESYS, "not a directory");

	sql(path, "PRAGMA user_version = 4");
	is_int(store_open(&s), MP_ESYS, "not a newer version");
	ok(strstr(err_detail(), "has version 4, this program knows 3") != NULL, "it says so");
	sql(path, "PRAGMA user_version = 3; PRAGMA application_id = 7");
	is_int(store_open(&s), MP_ESYS, "not another program's database");
	sql(path, "PRAGMA application_id = 1836068913; PRAGMA journal_mode = DELETE");
	is_int(store_open(&s), 0, "a copy without a log gets one");
	is_int(number(s, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1, "again");
	store_close(s);

	MUST(file_write(home_file("junk.db"), "", 0, 0600, false));
	is_int(opens(home_file("junk.db")), MP_ESYS, "not an empty file");
	MUST(file_write(home_file("junk.db"), command, sizeof command, 0600, true));
	is_int(opens(home_file("junk.db")), MP_ESYS, "not any file");

	/* The log of a store that was deleted is not the new one's. */
	MUST(store_open(&s));
	home_contact(s, "carol");
	snprintf(command, sizeof command, "cp '%s-wal' '%s/old-wal'", path, home_dir);
	is_int(system(command), 0, "a log is kept");
	store_close(s);
	snprintf(
	    command, sizeof command, "rm '%s' && mv '%s/old-wal' '%s-wal'", path, home_dir, path);
	is_int(system(command), 0, "the store is deleted");
	MUST(store_create());
	MUST(store_open(&s));
	is_int(number(s, "SELECT count(*) FROM contact"), 0, "an old log does not come back");
	ok(sound(s), "sound");
	store_close(s);
	return done();
}
