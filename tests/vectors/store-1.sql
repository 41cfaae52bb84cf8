-- The schema of version 1, as mp 0.1.0 made it: what store/migrate.c begins with.
CREATE TABLE contact (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE,
    state      INTEGER NOT NULL,
    blocked    INTEGER NOT NULL DEFAULT 0,
    verified   INTEGER NOT NULL DEFAULT 0,
    introducer TEXT,
    nickname   TEXT,
    onion      BLOB,
    greeting   BLOB,
    isolation  BLOB    NOT NULL,
    created    INTEGER NOT NULL,
    seen       INTEGER NOT NULL DEFAULT 0,
    picture    BLOB
) STRICT;
CREATE INDEX contact_onion ON contact (onion);
CREATE TABLE key (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    epoch   INTEGER NOT NULL,
    role    INTEGER NOT NULL,
    cid     BLOB    NOT NULL,
    secret  BLOB    NOT NULL,
    send    BLOB,
    recv    BLOB,
    sealed  INTEGER NOT NULL DEFAULT 0,
    expires INTEGER NOT NULL DEFAULT 0,
    used    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (contact, epoch, role)
) STRICT;
CREATE INDEX key_expires ON key (expires) WHERE expires > 0;
CREATE TABLE keyring (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    slots   BLOB    NOT NULL
) STRICT;
INSERT INTO keyring VALUES (1, 0, x'');
CREATE TABLE message (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    contact     INTEGER REFERENCES contact ON DELETE CASCADE,
    dir         INTEGER NOT NULL,
    id          BLOB    NOT NULL,
    kind        TEXT    NOT NULL,
    time        INTEGER NOT NULL,
    stored      INTEGER NOT NULL,
    state       INTEGER NOT NULL,
    tries       INTEGER NOT NULL DEFAULT 0,
    due         INTEGER NOT NULL DEFAULT 0,
    lease_pid   INTEGER NOT NULL DEFAULT 0,
    lease_boot  TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0,
    ref         TEXT,
    body        BLOB,
    UNIQUE (contact, dir, id)
) STRICT;
CREATE INDEX message_new ON message (seq) WHERE state = 0;
CREATE INDEX message_id ON message (id);
CREATE INDEX message_stored ON message (stored);
CREATE INDEX message_contact ON message (contact);
CREATE INDEX message_new_of ON message (contact) WHERE state = 0;
CREATE INDEX message_unread ON message (contact, dir, due) WHERE state = 0;
CREATE INDEX message_leased ON message (contact) WHERE state = 0 AND lease_until > 0;
CREATE TABLE seen (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    id      BLOB    NOT NULL,
    reply   BLOB,
    PRIMARY KEY (contact, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE queue (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    contact  INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    lane     INTEGER NOT NULL,
    state    INTEGER NOT NULL DEFAULT 0,
    id       BLOB    NOT NULL,
    kind     TEXT    NOT NULL,
    time     INTEGER NOT NULL,
    call     INTEGER NOT NULL,
    added    INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    refused  INTEGER NOT NULL DEFAULT 0,
    code     TEXT,
    reason   TEXT,
    envelope BLOB    NOT NULL,
    UNIQUE (contact, id)
) STRICT;
CREATE INDEX queue_lane ON queue (contact, lane, state, seq);
CREATE INDEX queue_call ON queue (call);
CREATE INDEX queue_expires ON queue (expires) WHERE state < 2;
CREATE TABLE lane (
    contact     INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    lane        INTEGER NOT NULL,
    due         INTEGER NOT NULL DEFAULT 0,
    woken       INTEGER NOT NULL DEFAULT 0,
    fails       INTEGER NOT NULL DEFAULT 0,
    code        TEXT,
    reason      TEXT,
    lease_pid   INTEGER NOT NULL DEFAULT 0,
    lease_boot  TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (contact, lane)
) STRICT, WITHOUT ROWID;
CREATE INDEX lane_due ON lane (due);
CREATE TABLE transfer (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    id      BLOB    NOT NULL,
    state   INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    size    INTEGER NOT NULL,
    step    INTEGER NOT NULL,
    chunks  INTEGER NOT NULL,
    next    INTEGER NOT NULL,
    time    INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    owed    INTEGER NOT NULL DEFAULT 0,
    status  BLOB    NOT NULL,
    ref     TEXT,
    path    TEXT,
    PRIMARY KEY (contact, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX transfer_open ON transfer (contact, state) WHERE state < 2;
CREATE INDEX transfer_owed ON transfer (contact) WHERE owed = 1;
