-- Rooms of a relay: sealed lines, for a while (store/rooms.h).

CREATE TABLE room (
	id     INTEGER PRIMARY KEY,
	hash   BLOB NOT NULL UNIQUE,  -- SHA-256 of its id: who has this file cannot enter
	last   INTEGER NOT NULL,      -- number of the newest line
	gone   INTEGER NOT NULL,      -- and of the newest that was dropped
	bytes  INTEGER NOT NULL,      -- of its lines
	used   INTEGER NOT NULL,      -- ms: somebody was there, give or take ROOMS_TOUCH
	minute INTEGER NOT NULL,      -- and lines that were posted in it
	posted INTEGER NOT NULL
) STRICT;
CREATE INDEX room_used ON room (used);

CREATE TABLE line (
	id   INTEGER PRIMARY KEY,
	room INTEGER NOT NULL REFERENCES room ON DELETE CASCADE,
	n    INTEGER NOT NULL,
	time INTEGER NOT NULL,
	text BLOB NOT NULL,
	UNIQUE (room, n)
) STRICT;
CREATE INDEX line_time ON line (time);
