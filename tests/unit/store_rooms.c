/* A relay's rooms: numbers, bounds, who makes place for whom, what is gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/err.h"
#include "base/file.h"
#include "home.h"
#include "store/rooms.h"
#include "tap.h"

#define DAY1 INT64_C(1700000000000)

static struct store *s;
static struct rooms_limits limits = {.count = 3, .quota = 1000, .rate = 1000};
static const uint8_t A[32] = {1}, B[32] = {2}, C[32] = {3}, D[32] = {4};

static int post_size(const uint8_t *id, const void *line, size_t len, int64_t now)
{
	struct room_row r;
	int rc = rooms_begin(s);

	if (rc != 0)
		return rc;
	if ((rc = rooms_enter(s, &r, id, &limits, now)) == 0)
		rc = rooms_post(s, &r, line, len, &limits, now);
	return rooms_end(s, rc);
}

static int post(const uint8_t *id, const char *line, int64_t now)
{
	return post_size(id, line, strlen(line), now);
}

struct got {
	char text[4096];
	int64_t last;
	size_t n;
};

static int add(void *ctx, int64_t n, const void *line, size_t len)
{
	struct got *g = ctx;

	g->n++;
	g->last = n;
	if (strlen(g->text) + len + 2 < sizeof(g->text)) {
		strncat(g->text, line, len);
		strcat(g->text, " ");
	}
	return 0;
}

static struct room_row room(const uint8_t *id, int64_t now)
{
	struct room_row r;

	if (rooms_enter(s, &r, id, &limits, now) != 0)
		abort();
	return r;
}

static struct got lines(const uint8_t *id, int64_t after, int64_t now)
{
	struct room_row r = room(id, now);
	struct got g = {.n = 0};

	if (rooms_each(s, &r, after, add, &g) != 0)
		abort();
	return g;
}

static void test_order(void)
{
	struct room_row r = room(A, DAY1);
	struct got g;

	is_int(r.last - r.gone, 0, "a new room is empty, and nothing is gone from it");
	is_int(post(A, "one", DAY1), 0, "a line");
	is_int(post(A, "two", DAY1), 0, "another");
	is_int(post(B, "elsewhere", DAY1), 0, "and one in another room");
	g = lines(A, r.last, DAY1);
	is_str(g.text, "one two ", "are read in order");
	is_str(lines(A, g.last - 1, DAY1).text, "two ", "from any place on");
	is_int((long)lines(A, g.last, DAY1).n, 0, "and not again");
	is_int((long)lines(C, 0, DAY1).n, 0, "an id that nobody used has none");
}

static void test_quota(void)
{
	static char line[400];
	struct room_row r;

	memset(line, 'x', sizeof(line));
	r = room(A, DAY1);
	for (int i = 0; i < 5; i++)
		if (post_size(A, line, sizeof(line), DAY1) != 0)
			abort();
	is_int((long)lines(A, 0, DAY1).n, 2, "a full room has its newest lines");
	ok(room(A, DAY1).gone > r.last, "and knows what is gone");
	ok(room(A, DAY1).bytes <= limits.quota, "it is no larger than it may be");
	is_str(lines(B, 0, DAY1).text, "elsewhere ", "the other room has its own");
	limits.rate = 7;
	is_int(post(B, "x", DAY1), 0, "lines of a minute");
	for (int i = 0; i < 5; i++)
		post(B, "x", DAY1);
	is_int(post(B, "x", DAY1), MP_EBUSY, "... are counted");
	is_int(post(B, "x", DAY1 + 60000), 0, "... for that minute");
	limits.rate = 1000;
}

/* A, B and C are there, and so are all places. */
static void test_places(void)
{
	struct room_row r;
	int64_t now = DAY1 + 2 * ROOMS_IDLE, n;

	room(A, now);
	room(C, now);
	is_int(rooms_enter(s, &r, D, &limits, now - ROOMS_IDLE), MP_EBUSY,
	    "a new room takes nobody's place who was there a moment ago");
	is_int(rooms_enter(s, &r, D, &limits, now + ROOMS_TOUCH), 0,
	    "but that of the one where nobody was for longest");
	is_int((long)lines(A, 0, now + ROOMS_TOUCH).n, 2, "the others keep theirs");
	ok(rooms_count(s, &n) == 0 && n == limits.count, "and there are no more than before");
	room(A, now + ROOMS_IDLE);
	room(C, now + ROOMS_IDLE);
	room(D, now + ROOMS_IDLE);
	is_int(rooms_enter(s, &r, B, &limits, now + ROOMS_IDLE), MP_EBUSY, "it is gone");
	room(A, now + 2 * ROOMS_IDLE);
	room(C, now + 2 * ROOMS_IDLE);
	r = room(B, now + 2 * ROOMS_IDLE + 1);
	is_int((long)lines(B, 0, now + 2 * ROOMS_IDLE + 1).n, 0,
	    "who comes back finds nothing of before");
	ok(r.gone > DAY1 * 1000 + 10, "and its numbers are above the old ones");
}

static void test_expiry(void)
{
	int64_t now = DAY1 + 10 * ROOMS_IDLE, n;
	struct room_row r;

	post(A, "young", now);
	r = room(A, now);
	is_int(rooms_expire(s, now), 0, "what is old");
	is_str(lines(A, 0, now).text, "young ", "... is gone, and nothing else");
	is_int(room(A, now).bytes, 5, "... and counted");
	ok(rooms_count(s, &n) == 0 && n == 1, "rooms where nobody was, too");
	is_int(room(A, now).gone, r.last - 1, "... and known to be");
	is_int(rooms_expire(s, now + 1), 0, "all");
	is_int(room(A, now + 2).bytes, 0, "a room that is over is made anew");
}

static void test_traces(void)
{
	static const uint8_t id[] = "an id that is like nothing else .";
	struct buf file = BUF_INIT(1 << 24);
	sqlite3 *db;

	post(id, "a line that leaves no trace", DAY1 + 20 * ROOMS_IDLE);
	rooms_expire(s, DAY1 + 21 * ROOMS_IDLE);
	rooms_close(s);
	if (sqlite3_open(home_file("rooms.db"), &db) == 0)
		sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	sqlite3_close(db);
	ok(file_read(home_file("rooms.db"), &file) == 0 && file.len > 0, "the file");
	ok(memmem(file.data, file.len, "leaves no trace", 15) == NULL,
	    "... has nothing of what is gone");
	ok(memmem(file.data, file.len, id, 32) == NULL, "... nor a room's id");
	buf_free(&file);
}

int main(void)
{
	home_make();
	if (rooms_open(&s) != 0)
		return 99;
	test_order();
	test_quota();
	test_places();
	test_expiry();
	test_traces();
	return done();
}
