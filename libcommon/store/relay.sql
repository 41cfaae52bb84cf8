-- relay.db: what a relay keeps, mp-relay(1).  Times are milliseconds since 1970.

-- One row a name: the key of the challenges.
CREATE TABLE fact (
	name TEXT PRIMARY KEY,
	value BLOB NOT NULL
) WITHOUT ROWID;

-- The servers that the operator accepted, and what this relay makes of them.
CREATE TABLE peer (
	id INTEGER PRIMARY KEY,
	server BLOB NOT NULL UNIQUE CHECK (length(server) = 32),
	added INTEGER NOT NULL,
	handed INTEGER NOT NULL,              -- the last row of flood that it has
	seen INTEGER NOT NULL DEFAULT 0,      -- when it last answered well
	score INTEGER NOT NULL DEFAULT 0,
	vote INTEGER NOT NULL DEFAULT 0,      -- ours: 0 none, 1 blacklisted, 2 whitelisted
	black INTEGER NOT NULL DEFAULT 0,     -- by quorum
	audit INTEGER NOT NULL DEFAULT 0,     -- when the next is due
	audits INTEGER NOT NULL DEFAULT 0,    -- so many were decided,
	lost INTEGER NOT NULL DEFAULT 0,      -- and so many of them lost
	reported INTEGER NOT NULL DEFAULT 0,  -- when a report last hurried one
	pseudonym TEXT NOT NULL               -- the key that its audits are addressed to
);

-- Every packet of the last days; text is its JSON, NULL once nobody needs it here.
CREATE TABLE packet (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), -- of it and its token
	box BLOB NOT NULL CHECK (length(box) = 32),
	text TEXT,
	boxed INTEGER NOT NULL,               -- counted in its box,
	place INTEGER,                        -- and this there: cursors go by it
	token INTEGER NOT NULL,               -- it came into it by a token
	hops INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	since INTEGER NOT NULL,
	again INTEGER NOT NULL,               -- when it is flooded again, 0 never: it did not enter here
	acked INTEGER NOT NULL DEFAULT 0,
	name BLOB                             -- its id, which acknowledgements name; NULL: that is its hash
);
-- Places begin with the time, so that they rise for those who poll when this file is made again.
INSERT INTO sqlite_sequence VALUES ('packet', CAST(strftime('%s', 'now') AS INTEGER) * 1000);
CREATE INDEX packet_name ON packet (coalesce(name, hash));
CREATE INDEX packet_box ON packet (box, place) WHERE text IS NOT NULL;
CREATE INDEX packet_again ON packet (again) WHERE again > 0;
CREATE INDEX packet_since ON packet (since);

-- What is to be handed to the peers, in order: a packet, or a text of another kind.
CREATE TABLE flood (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	kind INTEGER NOT NULL,                -- 0 packet, 1 ack, 2 decision
	packet INTEGER REFERENCES packet ON DELETE CASCADE,
	text TEXT,
	hops INTEGER NOT NULL,
	attempt INTEGER NOT NULL,
	source INTEGER NOT NULL,              -- the peer that it came from, 0 none
	time INTEGER NOT NULL
);
CREATE INDEX flood_packet ON flood (packet) WHERE packet IS NOT NULL;

-- Who polls here.
CREATE TABLE box (
	id INTEGER PRIMARY KEY,
	hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
	polled INTEGER NOT NULL,
	used INTEGER NOT NULL DEFAULT 0,      -- bytes
	open INTEGER NOT NULL DEFAULT 0       -- of these, by packets without a token
);
CREATE INDEX box_polled ON box (polled);
CREATE TABLE device (
	box INTEGER NOT NULL REFERENCES box ON DELETE CASCADE,
	name BLOB NOT NULL CHECK (length(name) = 8),
	polled INTEGER NOT NULL,
	PRIMARY KEY (box, name)
) WITHOUT ROWID;
CREATE INDEX device_polled ON device (polled);
CREATE TABLE acked (
	packet INTEGER NOT NULL REFERENCES packet ON DELETE CASCADE,
	device BLOB NOT NULL,
	PRIMARY KEY (packet, device)
) WITHOUT ROWID;
CREATE TABLE token (
	box INTEGER NOT NULL REFERENCES box ON DELETE CASCADE,
	handle BLOB NOT NULL CHECK (length(handle) = 16),
	token BLOB NOT NULL CHECK (length(token) = 32),
	day INTEGER NOT NULL,
	used INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (box, handle)
) WITHOUT ROWID;

-- Challenges that were answered.
CREATE TABLE answered (
	challenge BLOB PRIMARY KEY,
	time INTEGER NOT NULL
) WITHOUT ROWID;

-- The newest vote of each accepted peer, and ours, on each.  Value 0: he voted both ways, and has
-- none up to that day.
CREATE TABLE vote (
	about BLOB NOT NULL,
	voter BLOB NOT NULL,
	value INTEGER NOT NULL,
	day INTEGER NOT NULL,
	signature BLOB NOT NULL CHECK (length(signature) = 64),
	PRIMARY KEY (about, voter)
) WITHOUT ROWID;

-- Audits that are not decided.
CREATE TABLE audit (
	hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
	peer INTEGER NOT NULL REFERENCES peer ON DELETE CASCADE,
	until INTEGER NOT NULL,
	came INTEGER NOT NULL DEFAULT 0       -- 1 by the mesh, -1 with its way cut short
) WITHOUT ROWID;

-- Packets taken in a minute, by source.
CREATE TABLE meter (
	source INTEGER NOT NULL,
	minute INTEGER NOT NULL,
	n INTEGER NOT NULL,
	PRIMARY KEY (source, minute)
) WITHOUT ROWID;

-- Transactions with peers.
CREATE TABLE log (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	time INTEGER NOT NULL,
	peer BLOB,
	what TEXT NOT NULL
);
