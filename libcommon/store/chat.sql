-- What mp-chat keeps of one account (mp-chat(1)).  Times are ms since 1970.

CREATE TABLE account (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	name TEXT NOT NULL,
	server TEXT NOT NULL,   -- HOST:PORT
	key TEXT NOT NULL,      -- the server's, as mp-chatd key prints it
	password TEXT NOT NULL,
	seed BLOB NOT NULL      -- our Ed25519 key
) STRICT;

-- The keys of others, as they were when first seen.
CREATE TABLE peer (
	name TEXT PRIMARY KEY,
	key BLOB NOT NULL,
	verified INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE room (
	sid INTEGER PRIMARY KEY,
	number INTEGER NOT NULL DEFAULT 0, -- of our last message
	cursor INTEGER NOT NULL DEFAULT 0, -- the last message of others that was printed
	epoch INTEGER NOT NULL DEFAULT 0,  -- of the newest session key
	joined INTEGER NOT NULL DEFAULT 0  -- the first epoch that we have
) STRICT;

CREATE TABLE epoch (
	sid INTEGER NOT NULL REFERENCES room,
	epoch INTEGER NOT NULL,
	key BLOB NOT NULL,
	PRIMARY KEY (sid, epoch)
) STRICT, WITHOUT ROWID;

-- Whom we invited: the server's list of who is in a session of ours may have nobody else.
CREATE TABLE invited (
	sid INTEGER NOT NULL REFERENCES room,
	name TEXT NOT NULL,
	PRIMARY KEY (sid, name)
) STRICT, WITHOUT ROWID;

-- As the creator signed it last.
CREATE TABLE member (
	sid INTEGER NOT NULL REFERENCES room,
	uid INTEGER NOT NULL,
	name TEXT NOT NULL,
	key BLOB NOT NULL,
	number INTEGER NOT NULL DEFAULT 0, -- of the last message that was printed
	PRIMARY KEY (sid, uid)
) STRICT, WITHOUT ROWID;

-- Ours that the server has not confirmed.  epoch is NULL until there is a session key; a new session key
-- is kept as it is sent.
CREATE TABLE outbox (
	sid INTEGER NOT NULL REFERENCES room,
	number INTEGER NOT NULL,
	is_key INTEGER NOT NULL,
	epoch INTEGER,
	id BLOB NOT NULL,
	time INTEGER NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (sid, number)
) STRICT, WITHOUT ROWID;
