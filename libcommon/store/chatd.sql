-- The chat server's store (mp-chatd(1)).  Times are ms since 1970.  No text of a message is here: content is what
-- the members sealed for each other.

CREATE TABLE user (
	uid INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	password TEXT NOT NULL -- Argon2id, in libsodium's string form
) STRICT;

-- A closed session keeps its id, so that no other one ever gets it.
CREATE TABLE session (
	sid INTEGER PRIMARY KEY,
	closed INTEGER NOT NULL DEFAULT 0,
	seq INTEGER NOT NULL DEFAULT 0,  -- of the last message
	bytes INTEGER NOT NULL DEFAULT 0 -- of the messages that are here
) STRICT;

CREATE TABLE member (
	sid INTEGER NOT NULL REFERENCES session,
	uid INTEGER NOT NULL REFERENCES user,
	state INTEGER NOT NULL,
	key BLOB,                          -- Ed25519, of who created or accepted
	number INTEGER NOT NULL DEFAULT 0, -- of his last message
	acked INTEGER NOT NULL DEFAULT 0,  -- he has all messages up to this seq
	PRIMARY KEY (sid, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_user ON member (uid);

CREATE TABLE message (
	sid INTEGER NOT NULL REFERENCES session,
	seq INTEGER NOT NULL,
	uid INTEGER NOT NULL,
	number INTEGER NOT NULL,
	time INTEGER NOT NULL,
	content BLOB NOT NULL,
	PRIMARY KEY (sid, seq)
) STRICT, WITHOUT ROWID;

-- Logins of the last minutes, so that none is taken twice.
CREATE TABLE login (
	hash BLOB PRIMARY KEY,
	until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
