/*
 * rooms: what a relay keeps of its rooms, in $MP_HOME/rooms.db (store/rooms.sql): sealed lines,
 * numbered in each room, and not for long.
 *
 * A room has a place of its own, so that nobody's lines push out another room's; its oldest lines
 * go when it is full.  When all places are taken a new room takes that of the one where nobody was
 * for longest, and for ROOMS_IDLE at least.  What is deleted is overwritten, but for what SQLite's
 * log still has of it.  Nothing here is promised to survive a loss of power: a commit does not wait
 * for the disk.
 *
 * One struct store belongs to one thread, any number of processes work at once.  0 or MP_E*.
 */
#ifndef MP_STORE_ROOMS_H
#define MP_STORE_ROOMS_H

#include <stdbool.h>
#include "base/buf.h"

#define ROOMS_IDLE INT64_C(60000)
#define ROOMS_TOUCH INT64_C(20000)

struct store;

struct rooms_limits {
	int64_t count, quota, rate; /* rooms; bytes of each; lines a minute in each */
};

struct room_row {
	int64_t row, last, gone, bytes, used, minute, posted;
};

int rooms_open(struct store **out);
void rooms_close(struct store *s);

/* Who comes finds the room or makes it.  MP_EBUSY: there is no place for another. */
int rooms_enter(struct store *s, struct room_row *r, const uint8_t id[static 32],
    const struct rooms_limits *l, int64_t now);

/* One transaction: rooms_begin(), posts, rooms_end(s, rc), which undoes it unless rc is 0. */
int rooms_begin(struct store *s);
int rooms_end(struct store *s, int rc);
/* MP_EBUSY: more lines this minute than may be. */
int rooms_post(struct store *s, struct room_row *r, const void *line, size_t len,
    const struct rooms_limits *l, int64_t now);

/* What follows `after`, in order; fn's non-zero ends it, and is returned when it is negative. */
int rooms_each(struct store *s, const struct room_row *r, int64_t after,
    int (*fn)(void *ctx, int64_t n, const void *line, size_t len), void *ctx);

int rooms_count(struct store *s, int64_t *n);
/* Lines and rooms older than `before`. */
int rooms_expire(struct store *s, int64_t before);

#endif
