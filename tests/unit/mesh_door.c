/* The door of a room: who has name, relay and password has its id and key, and nobody else. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "mesh/door.h"
#include "mesh/visit.h"
#include "tap.h"

static const uint8_t here[ONION_KEY] = {1}, there[ONION_KEY] = {2};

static struct door door_of(const char *room, const uint8_t *server, const char *password)
{
	struct door d;

	if (door_make(&d, room, server, password) != 0)
		abort();
	return d;
}

static void differ(const struct door *a, const struct door *b, const char *by)
{
	ok(memcmp(a->id, b->id, DOOR_ID) != 0 && memcmp(a->key, b->key, 32) != 0,
	    "another %s, another room", by);
}

static void test_make(void)
{
	struct door a = door_of("cafe", here, ""), b = door_of("cafe", here, "");

	ok(memcmp(&a, &b, sizeof(a)) == 0, "the same words, the same room");
	ok(memcmp(a.id, a.key, 32) != 0, "the id is not the key");
	b = door_of("cafd", here, "");
	differ(&a, &b, "name");
	b = door_of("cafe", there, "");
	differ(&a, &b, "relay");
	b = door_of("cafe", here, "x");
	differ(&a, &b, "password");
	a = door_of("ab", here, "c");
	b = door_of("a", here, "bc");
	differ(&a, &b, "boundary");
	door_wipe(&a);
	ok(sodium_is_zero((uint8_t *)&a, sizeof(a)), "and it is wiped");
}

static int opens(const struct door *d, const struct buf *sealed, const char *want, size_t want_len)
{
	struct buf plain = BUF_INIT(DOOR_SEALED);
	const uint8_t *line;
	size_t len;
	int rc = door_open(&line, &len, &plain, d, sealed->data, sealed->len);

	if (rc == 0 && (len != want_len || memcmp(line, want, len) != 0))
		rc = 1;
	buf_free(&plain);
	return rc;
}

static void test_lines(void)
{
	struct door d = door_of("cafe", here, ""), other = door_of("cafe", here, "x");
	struct buf a = BUF_INIT(DOOR_SEALED), b = BUF_INIT(DOOR_SEALED);
	uint8_t mark_a[DOOR_MARK], mark_b[DOOR_MARK];
	static char longest[DOOR_LINE + 1];
	size_t bad = 0, size;

	memset(longest, 'x', sizeof(longest));
	ok(door_seal(&a, &d, "hello", 5) == 0 && opens(&d, &a, "hello", 5) == 0, "a line");
	is_int(opens(&other, &a, "hello", 5), MP_EBAD, "... not with another key");
	for (size_t i = 0; i < a.len; i++) {
		a.data[i] ^= 1;
		bad += opens(&d, &a, "hello", 5) == MP_EBAD;
		a.data[i] ^= 1;
	}
	is_int((long)bad, (long)a.len, "... nor with any byte changed");
	size = a.len--;
	is_int(opens(&d, &a, "hello", 5), MP_EBAD, "... nor one byte shorter");
	a.len = size;
	ok(door_seal(&b, &d, "hello", 5) == 0 && memcmp(a.data, b.data, a.len) != 0,
	    "the same line is sealed to something else");
	door_mark(mark_a, a.data, a.len);
	door_mark(mark_b, b.data, b.len);
	ok(memcmp(mark_a, mark_b, DOOR_MARK) != 0, "... with another mark");
	is_int((long)a.len, (long)b.len, "... and the same size");
	buf_clear(&b);
	ok(door_seal(&b, &d, "", 0) == 0 && opens(&d, &b, "", 0) == 0 && b.len == a.len,
	    "which does not tell how long it is");
	buf_clear(&b);
	ok(door_seal(&b, &d, longest, DOOR_LINE) == 0 && opens(&d, &b, longest, DOOR_LINE) == 0,
	    "the longest");
	ok(b.len <= DOOR_SEALED, "... fits");
	is_int(door_seal(&a, &d, longest, DOOR_LINE + 1), MP_ELIMIT, "one byte more does not");
	buf_clear(&b);
	ok(door_seal(&b, &d, "two\nlines", 9) == 0, "who is let in can seal a line feed");
	is_int(opens(&d, &b, "two\nlines", 9), MP_EBAD, "... which is no line");
	buf_free(&a);
	buf_free(&b);
}

static void test_visit(void)
{
	struct visit v, w;
	const uint8_t *line;
	size_t at = 0, len, n = 0;
	static uint8_t big[DOOR_SEALED];
	json_t *o;

	visit_init(&v);
	visit_init(&w);
	memset(v.room, 7, DOOR_ID);
	while (visit_add(&v, big, sizeof(big)) == 0)
		;
	ok(v.n == VISIT_BYTES / DOOR_SEALED, "so many of the longest lines");
	ok(visit_post_write(&o, &v) == 0 && visit_post_read(&w, o) == 0, "are written and read");
	while (visit_next(&w, &at, &line, &len))
		n += len == sizeof(big);
	ok(n == v.n && memcmp(v.room, w.room, DOOR_ID) == 0, "... all of them");
	json_decref(o);
	visit_free(&v);
	visit_free(&w);
	visit_init(&v);
	visit_init(&w);
	for (n = 0; visit_add(&v, "x", 1) == 0; n++)
		;
	is_int((long)n, VISIT_LINES, "so many short ones");
	v.cursor = 9;
	v.lost = true;
	ok(visit_answer_write(&o, &v) == 0 && visit_answer_read(&w, o) == 0 && w.n == n &&
	        w.cursor == 9 && w.lost && !w.more,
	    "an answer");
	json_decref(o);
	visit_free(&v);
	visit_free(&w);
}

int main(void)
{
	secret_init();
	test_make();
	test_lines();
	test_visit();
	return done();
}
