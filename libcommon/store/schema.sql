-- The store of one home, $MP_HOME/store.db (mp-store(5)).  Version 3.
-- Times are milliseconds since 1970 UTC.  Ids of messages are 16 bytes.

-- state: 0 offered (our card is out), 1 pending (we accepted a card, our initial-contact is not
-- confirmed yet), 2 active, 3 temporary (introduced to us, no contact yet).  A row id is never used
-- twice.
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

-- role: 0 offer (K0: recv at the offerer, send at the acceptor), 1 pair (both directions),
-- 2 temporary (both directions, of an introduction).
-- expires: 0 never.  used: an offer that somebody accepted.
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

-- A contact whose key was or is being renewed.  epoch: that we seal under, since when.  The next
-- one: own (secret until the key is derived; made, tried, message id), acked, peer (the message that
-- brought it), send (until we seal with it).  The last one: old (its receiving key is kept), drained
-- (id of what we owe).  open: any of this is so.
CREATE TABLE rekey (
    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    epoch   INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    made    INTEGER NOT NULL,
    tried   INTEGER NOT NULL,
    id      BLOB,
    own     BLOB,
    secret  BLOB,
    acked   INTEGER NOT NULL,
    peer    BLOB,
    answers BLOB,
    send    BLOB,
    old     INTEGER NOT NULL,
    drained BLOB,
    warned  INTEGER NOT NULL,
    open    INTEGER NOT NULL
) STRICT;
CREATE INDEX rekey_open ON rekey (contact) WHERE open = 1;

-- One row: every receiving key of a contact that is not blocked, packed for trial decryption.
-- version rises with each change, so that a long-running reader knows when to load it again.
CREATE TABLE keyring (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    slots   BLOB    NOT NULL
) STRICT;
INSERT INTO keyring VALUES (1, 0, x'');

-- dir: 0 in, 1 out, 2 event (contact may be absent).
-- state: in and event: 0 new, 1 read, 2 failed (a hook gave it up);
--        out: 10 sealed, 11 queued, 12 sent, 13 failed, 14 cancelled.
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
CREATE INDEX message_under_way ON message (contact, stored) WHERE state IN (10, 11);
CREATE INDEX message_leased ON message (contact) WHERE state = 0 AND lease_until > 0;

-- What was taken, for ever (until the contact goes): a repeated id has no second effect and gets
-- the same reply, even after the message was pruned.
CREATE TABLE seen (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    id      BLOB    NOT NULL,
    reply   BLOB,
    PRIMARY KEY (contact, id)
) STRICT, WITHOUT ROWID;

-- The outbox.  state: 0 waiting, 1 held (a file's chunk before its offer is answered), 2 failed.
-- call: the mp-send that gave it.
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
CREATE INDEX queue_id ON queue (id);
CREATE INDEX queue_expires ON queue (expires) WHERE state < 2;

-- One row a contact and lane with mail: when it is due and who delivers it.
-- woken: when a message of the contact last made it due.
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

-- Incoming files.  state: 0 offered (a person decides), 1 accepted, 2 declined, 3 complete,
-- 4 failed.
-- next: the chunk that is wanted.  owed: a status is owed to the sender, with id `status`.
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

-- Introductions, groups and acquaintances under way, and groups: what mariposa/flow.h calls a flow.
-- kind: 0 proposal (we initiated it), 1 consent (contact did), 2 acquaintance (contact is the
-- temporary one), 3 chat (a group).  ref: the plan (0 introduction, 1 group, 2 addition) and its id.
-- at: when time alone changes it, 0 never.  body: the rest of its state, a JSON object.
CREATE TABLE flow (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    INTEGER NOT NULL,
    contact INTEGER REFERENCES contact ON DELETE CASCADE,
    ref     BLOB    NOT NULL,
    name    TEXT    UNIQUE,
    state   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX flow_key ON flow (kind, coalesce(contact, 0), ref);
CREATE INDEX flow_contact ON flow (contact);
CREATE INDEX flow_state ON flow (kind, state);
CREATE INDEX flow_at ON flow (at) WHERE at > 0;

-- What flows have to send now or later (at), to whom and under which id.  kind: the type; serial
-- tells one from the next of its kind.  Gone once it was taken, or the flow owes it no more.
CREATE TABLE owed (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    id      BLOB    NOT NULL,
    flow    INTEGER NOT NULL REFERENCES flow ON DELETE CASCADE,
    kind    TEXT    NOT NULL,
    serial  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (contact, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX owed_flow ON owed (flow);
CREATE INDEX owed_at ON owed (at);

-- The chains of groups: each message of each member, onion, that is remembered; our own too.
CREATE TABLE entry (
    chat    INTEGER NOT NULL REFERENCES flow ON DELETE CASCADE,
    onion   BLOB    NOT NULL,
    n       INTEGER NOT NULL,
    h       BLOB    NOT NULL,
    content BLOB    NOT NULL,
    id      BLOB    NOT NULL,
    PRIMARY KEY (chat, onion, n)
) STRICT, WITHOUT ROWID;

-- Who we are in the relay mesh (mp-mesh(1)); version: of what contacts are told.
CREATE TABLE mesh (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    signing     BLOB    NOT NULL,
    opening     BLOB    NOT NULL,
    address     BLOB    NOT NULL,
    encryption  BLOB    NOT NULL,
    certificate BLOB    NOT NULL,
    device      BLOB    NOT NULL,
    made        INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

-- Relays that we know as a client; role: 0 none, 1 we post there, 2 we fetch there.
CREATE TABLE meshserver (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    onion     BLOB    NOT NULL UNIQUE,
    role      INTEGER NOT NULL DEFAULT 0,
    until     INTEGER NOT NULL DEFAULT 0,
    isolation BLOB    NOT NULL,
    load      INTEGER NOT NULL DEFAULT -1,
    asked     INTEGER NOT NULL DEFAULT 0,
    wrong     INTEGER NOT NULL DEFAULT 0,
    fails     INTEGER NOT NULL DEFAULT 0,
    retry     INTEGER NOT NULL DEFAULT 0,
    cursor    INTEGER NOT NULL DEFAULT 0,
    tokens    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What a contact and we know of each other in the mesh.
CREATE TABLE letterbox (
    contact    INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    ours       BLOB,
    told       INTEGER NOT NULL,
    telling    INTEGER NOT NULL,
    message    BLOB,
    time       INTEGER NOT NULL,
    address    BLOB,
    encryption BLOB,
    theirs     BLOB,
    relays     BLOB,
    day        INTEGER NOT NULL,
    used       INTEGER NOT NULL
) STRICT;

-- Rows of the queue that a relay has, until when their recipient should have said that he has them.
CREATE TABLE carried (
    seq   INTEGER PRIMARY KEY REFERENCES queue ON DELETE CASCADE,
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX carried_until ON carried (until);

-- Messages that came through the mesh; name: of the receipt that tells it.
CREATE TABLE receipt (
    contact INTEGER NOT NULL REFERENCES contact ON DELETE CASCADE,
    id      BLOB    NOT NULL,
    name    BLOB,
    PRIMARY KEY (contact, id)
) STRICT, WITHOUT ROWID;

-- Homes of one person, each a contact; role: 0 it asks to be a second device of ours, 1 it is one,
-- 2 it is the first and we are its second.  n: of the last device-sync that we named.
CREATE TABLE device (
    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    role    INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    n       INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Contacts whom the first device shares with us; origin: their row there, n: of the device-sync
-- that last spoke of them.
CREATE TABLE shared (
    contact INTEGER PRIMARY KEY REFERENCES contact ON DELETE CASCADE,
    origin  INTEGER NOT NULL UNIQUE,
    n       INTEGER NOT NULL
) STRICT;

-- What another device has to be told; what: 0 our keys of the mesh, 1 a contact (row), 2 a message
-- (row), 3 that a message of it (id) came at a contact (row), 4 that we ask to be its second.
-- name: of the device-sync that tells it.
CREATE TABLE sync (
    device INTEGER NOT NULL REFERENCES device ON DELETE CASCADE,
    what   INTEGER NOT NULL,
    row    INTEGER NOT NULL,
    id     BLOB    NOT NULL,
    name   BLOB,
    PRIMARY KEY (device, what, row, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_name ON sync (device, name);
CREATE TRIGGER message_told AFTER INSERT ON message WHEN new.dir < 2
    BEGIN INSERT OR REPLACE INTO sync SELECT contact, 2, new.seq, x'', NULL FROM device
    WHERE role > 0 AND NOT EXISTS (SELECT 1 FROM device WHERE contact = new.contact); END;
CREATE TRIGGER contact_told AFTER UPDATE OF name, state, blocked, verified, nickname, onion
    ON contact WHEN new.state = 2
    BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, new.id, x'', NULL FROM device
    WHERE role = 1; END;
CREATE TRIGGER contact_untold AFTER DELETE ON contact WHEN old.state = 2
    BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, old.id, x'', NULL FROM device
    WHERE role = 1; END;
CREATE TRIGGER key_told AFTER INSERT ON key WHEN new.role = 1
    BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, new.contact, x'', NULL FROM device
    WHERE role = 1; END;
CREATE TRIGGER key_told_sending AFTER UPDATE OF send ON key WHEN new.role = 1
    BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, new.contact, x'', NULL FROM device
    WHERE role = 1; END;
CREATE TRIGGER key_untold AFTER DELETE ON key WHEN old.role = 1
    BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, old.contact, x'', NULL FROM device
    WHERE role = 1; END;
CREATE TRIGGER letterbox_told AFTER INSERT ON letterbox
    BEGIN INSERT OR REPLACE INTO sync SELECT contact, 1, new.contact, x'', NULL FROM device
    WHERE role = 1; END;

-- How many keys and secrets were deleted since the files were last erased: they may still hold
-- copies.  States of proposals from 3 on are final, and their secret is gone.
CREATE TABLE traces (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    n   INTEGER NOT NULL
) STRICT;
INSERT INTO traces VALUES (1, 0);
CREATE TRIGGER key_gone AFTER DELETE ON key BEGIN UPDATE traces SET n = n + 1; END;
CREATE TRIGGER acquaintance_gone AFTER DELETE ON flow WHEN old.kind = 2
    BEGIN UPDATE traces SET n = n + 1; END;
CREATE TRIGGER letterbox_gone AFTER DELETE ON letterbox
    BEGIN UPDATE traces SET n = n + 1; END;
CREATE TRIGGER proposal_ended AFTER UPDATE OF state ON flow
    WHEN new.kind = 0 AND old.state < 3 AND new.state >= 3
    BEGIN UPDATE traces SET n = n + 1; END;
