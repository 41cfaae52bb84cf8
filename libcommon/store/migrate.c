#include "store/migrate.h"

#include "base/err.h"
#include "store/sql.h"

#define TEXT_OF(x) #x
#define SET_VERSION(version) "PRAGMA user_version = " TEXT_OF(version)
#define SET_VERSION_NOW SET_VERSION(STORE_VERSION)

/* What each version has beyond the one before; schema.sql has all of it.  A test compares them. */
static const struct {
	int64_t version; /* it makes this one */
	const char *sql;
} steps[] = {
    {2, "CREATE TABLE IF NOT EXISTS rekey ("
        "    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,"
        "    epoch   INTEGER NOT NULL,"
        "    since   INTEGER NOT NULL,"
        "    made    INTEGER NOT NULL,"
        "    tried   INTEGER NOT NULL,"
        "    id      BLOB,"
        "    own     BLOB,"
        "    secret  BLOB,"
        "    acked   INTEGER NOT NULL,"
        "    peer    BLOB,"
        "    answers BLOB,"
        "    send    BLOB,"
        "    old     INTEGER NOT NULL,"
        "    drained BLOB,"
        "    warned  INTEGER NOT NULL,"
        "    open    INTEGER NOT NULL"
        ") STRICT"},
    {2, "CREATE INDEX IF NOT EXISTS rekey_open ON rekey (contact) WHERE open = 1"},
    {2, "CREATE INDEX IF NOT EXISTS message_under_way ON message (contact, stored)"
        " WHERE state IN (10, 11)"},
    {2, "CREATE INDEX IF NOT EXISTS queue_id ON queue (id)"},
    {2, "CREATE TABLE IF NOT EXISTS flow ("
        "    id      INTEGER PRIMARY KEY AUTOINCREMENT,"
        "    kind    INTEGER NOT NULL,"
        "    contact INTEGER REFERENCES contact ON DELETE CASCADE,"
        "    ref     BLOB    NOT NULL,"
        "    name    TEXT    UNIQUE,"
        "    state   INTEGER NOT NULL,"
        "    at      INTEGER NOT NULL,"
        "    body    TEXT    NOT NULL"
        ") STRICT"},
    {2, "CREATE UNIQUE INDEX IF NOT EXISTS flow_key ON flow (kind, coalesce(contact, 0), ref)"},
    {2, "CREATE INDEX IF NOT EXISTS flow_contact ON flow (contact)"},
    {2, "CREATE INDEX IF NOT EXISTS flow_state ON flow (kind, state)"},
    {2, "CREATE INDEX IF NOT EXISTS flow_at ON flow (at) WHERE at > 0"},
    {2, "CREATE TABLE IF NOT EXISTS owed ("
        "    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
        "    id      BLOB    NOT NULL,"
        "    flow    INTEGER NOT NULL REFERENCES flow ON DELETE CASCADE,"
        "    kind    TEXT    NOT NULL,"
        "    serial  INTEGER NOT NULL,"
        "    at      INTEGER NOT NULL,"
        "    PRIMARY KEY (contact, id)"
        ") STRICT, WITHOUT ROWID"},
    {2, "CREATE INDEX IF NOT EXISTS owed_flow ON owed (flow)"},
    {2, "CREATE INDEX IF NOT EXISTS owed_at ON owed (at)"},
    {2, "CREATE TABLE IF NOT EXISTS entry ("
        "    chat    INTEGER NOT NULL REFERENCES flow ON DELETE CASCADE,"
        "    onion   BLOB    NOT NULL,"
        "    n       INTEGER NOT NULL,"
        "    h       BLOB    NOT NULL,"
        "    content BLOB    NOT NULL,"
        "    id      BLOB    NOT NULL,"
        "    PRIMARY KEY (chat, onion, n)"
        ") STRICT, WITHOUT ROWID"},
    {2, "CREATE TABLE IF NOT EXISTS mesh ("
        "    one         INTEGER PRIMARY KEY CHECK (one = 1),"
        "    signing     BLOB    NOT NULL,"
        "    opening     BLOB    NOT NULL,"
        "    address     BLOB    NOT NULL,"
        "    encryption  BLOB    NOT NULL,"
        "    certificate BLOB    NOT NULL,"
        "    device      BLOB    NOT NULL,"
        "    made        INTEGER NOT NULL,"
        "    version     INTEGER NOT NULL"
        ") STRICT"},
    {2, "CREATE TABLE IF NOT EXISTS meshserver ("
        "    id        INTEGER PRIMARY KEY AUTOINCREMENT,"
        "    onion     BLOB    NOT NULL UNIQUE,"
        "    role      INTEGER NOT NULL DEFAULT 0,"
        "    until     INTEGER NOT NULL DEFAULT 0,"
        "    isolation BLOB    NOT NULL,"
        "    load      INTEGER NOT NULL DEFAULT -1,"
        "    asked     INTEGER NOT NULL DEFAULT 0,"
        "    wrong     INTEGER NOT NULL DEFAULT 0,"
        "    fails     INTEGER NOT NULL DEFAULT 0,"
        "    retry     INTEGER NOT NULL DEFAULT 0,"
        "    cursor    INTEGER NOT NULL DEFAULT 0,"
        "    tokens    INTEGER NOT NULL DEFAULT 0"
        ") STRICT"},
    {2, "CREATE TABLE IF NOT EXISTS letterbox ("
        "    contact    INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,"
        "    ours       BLOB,"
        "    told       INTEGER NOT NULL,"
        "    telling    INTEGER NOT NULL,"
        "    message    BLOB,"
        "    time       INTEGER NOT NULL,"
        "    address    BLOB,"
        "    encryption BLOB,"
        "    theirs     BLOB,"
        "    relays     BLOB,"
        "    day        INTEGER NOT NULL,"
        "    used       INTEGER NOT NULL"
        ") STRICT"},
    {2, "CREATE TABLE IF NOT EXISTS carried ("
        "    seq   INTEGER PRIMARY KEY REFERENCES queue ON DELETE CASCADE,"
        "    until INTEGER NOT NULL"
        ") STRICT"},
    {2, "CREATE INDEX IF NOT EXISTS carried_until ON carried (until)"},
    {2, "CREATE TABLE IF NOT EXISTS receipt ("
        "    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,"
        "    id      BLOB    NOT NULL,"
        "    name    BLOB,"
        "    PRIMARY KEY (contact, id)"
        ") STRICT, WITHOUT ROWID"},
    {2, "CREATE TABLE IF NOT EXISTS traces ("
        "    one INTEGER PRIMARY KEY CHECK (one = 1),"
        "    n   INTEGER NOT NULL"
        ") STRICT"},
    /* Of version 1 nobody counted. */
    {2, "INSERT OR IGNORE INTO traces VALUES (1, 1)"},
    {2, "CREATE TRIGGER IF NOT EXISTS key_gone AFTER DELETE ON key"
        " BEGIN UPDATE traces SET n = n + 1; END"},
    {2, "CREATE TRIGGER IF NOT EXISTS acquaintance_gone AFTER DELETE ON flow WHEN old.kind = 2"
        " BEGIN UPDATE traces SET n = n + 1; END"},
    {2, "CREATE TRIGGER IF NOT EXISTS letterbox_gone AFTER DELETE ON letterbox"
        " BEGIN UPDATE traces SET n = n + 1; END"},
    {2, "CREATE TRIGGER IF NOT EXISTS proposal_ended AFTER UPDATE OF state ON flow"
        " WHEN new.kind = 0 AND old.state < 3 AND new.state >= 3"
        " BEGIN UPDATE traces SET n = n + 1; END"},
    {3, "CREATE TABLE IF NOT EXISTS device ("
        "    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,"
        "    role    INTEGER NOT NULL,"
        "    since   INTEGER NOT NULL,"
        "    n       INTEGER NOT NULL DEFAULT 0"
        ") STRICT"},
    {3, "CREATE TABLE IF NOT EXISTS shared ("
        "    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,"
        "    origin  INTEGER NOT NULL UNIQUE,"
        "    n       INTEGER NOT NULL"
        ") STRICT"},
    {3, "CREATE TABLE IF NOT EXISTS sync ("
        "    device INTEGER NOT NULL REFERENCES device ON DELETE CASCADE,"
        "    what   INTEGER NOT NULL,"
        "    row    INTEGER NOT NULL,"
        "    id     BLOB    NOT NULL,"
        "    name   BLOB,"
        "    PRIMARY KEY (device, what, row, id)"
        ") STRICT, WITHOUT ROWID"},
    {3, "CREATE INDEX IF NOT EXISTS sync_name ON sync (device, name)"},
    {3, "CREATE TRIGGER IF NOT EXISTS message_told AFTER INSERT ON message WHEN new.dir < 2"
        " BEGIN INSERT OR REPLACE INTO sync SELECT contact, 2, new.seq, x'', NULL FROM device"
        " WHERE role > 0 AND NOT EXISTS (SELECT 1 FROM device WHERE contact = new.contact); END"},
    {3, "CREATE TRIGGER IF NOT EXISTS contact_told"
        " AFTER UPDATE OF name, state, blocked, verified, nickname, onion ON contact WHEN "
        "new.state = 2"
        " BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, new.id, x'', NULL FROM device"
        " WHERE role = 1; END"},
    {3, "CREATE TRIGGER IF NOT EXISTS contact_untold AFTER DELETE ON contact WHEN old.state = 2"
        " BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, old.id, x'', NULL FROM device"
        " WHERE role = 1; END"},
    {3, "CREATE TRIGGER IF NOT EXISTS key_told AFTER INSERT ON key WHEN new.role = 1"
        " BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, new.contact, x'', NULL FROM device"
        " WHERE role = 1; END"},
    {3, "CREATE TRIGGER IF NOT EXISTS key_told_sending"
        " AFTER UPDATE OF send ON key WHEN new.role = 1"
        " BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, new.contact, x'', NULL FROM device"
        " WHERE role = 1; END"},
    {3, "CREATE TRIGGER IF NOT EXISTS key_untold AFTER DELETE ON key WHEN old.role = 1"
        " BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, old.contact, x'', NULL FROM device"
        " WHERE role = 1; END"},
    {3, "CREATE TRIGGER IF NOT EXISTS letterbox_told AFTER INSERT ON letterbox"
        " BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, new.contact, x'', NULL FROM device"
        " WHERE role = 1; END"},
};

static int version_of(struct store *s, int64_t *version)
{
	int rc = sql_int(s, version, "PRAGMA user_version", "");

	return rc < 0 ? rc : 0;
}

/* Somebody else may have done it while we waited for the lock. */
static int migrate(struct store *s)
{
	int64_t version = 0;
	int rc = version_of(s, &version);

	for (size_t i = 0; rc == 0 && i < sizeof steps / sizeof steps[0]; i++)
		if (steps[i].version > version)
			rc = sql_exec(s, steps[i].sql, "");
	if (rc == 0 && version < STORE_VERSION)
		rc = sql_exec(s, SET_VERSION_NOW, "");
	return rc;
}

int store_migrate(struct store *s)
{
	int64_t version = 0;
	int rc = version_of(s, &version);

	if (rc != 0 || version == STORE_VERSION)
		return rc;
	if ((rc = store_begin(s)) != 0)
		return rc;
	return store_end(s, migrate(s));
}
