/* lines: cut at LF whatever the reads bring, long ones refused, constant memory. */
#include "base/lines.h"
#include "base/err.h"
#include "tap.h"

#include <unistd.h>

static struct lines l;
static const uint8_t *line;
static size_t len;
static int fds[2];

static void give(const char *s, size_t n)
{
	if (write(fds[1], s, n) != (ssize_t)n)
		exit(99);
}

static void next_is(const char *want, const char *name)
{
	int rc = lines_next(&l, &line, &len);

	ok(rc == 1 && len == strlen(want) && memcmp(line, want, len) == 0, "%s", name);
}

int main(void)
{
	char big[64];

	if (pipe(fds) != 0)
		return 99;
	lines_init(&l, fds[0], 16);
	give("one\n\ntwo\nth", 11);
	ok(!lines_ready(&l), "nothing is in memory yet");
	next_is("one", "a line");
	ok(lines_ready(&l), "the next one is there");
	next_is("", "an empty line");
	next_is("two", "the third");
	ok(!lines_ready(&l), "half a line is none");
	give("ree\n", 4);
	next_is("three", "a line in two reads");
	is_int((long long)l.number, 4, "they are counted");

	memset(big, 'x', sizeof(big));
	give("0123456789abcdef\n", 17);
	next_is("0123456789abcdef", "a line of exactly the limit");
	give(big, 40);
	is_int(lines_next(&l, &line, &len), MP_ELIMIT, "a longer one is refused");
	is_str(err_detail(), "line 6 is longer than 0 KiB", "and named");
	give(big, 40);
	give("\nafter\na\0b\n", 11);
	next_is("after", "its rest is passed over");
	ok(lines_next(&l, &line, &len) == 1 && len == 3 && memcmp(line, "a\0b", 3) == 0,
	    "a NUL is a byte like any other");
	give("last", 4);
	close(fds[1]);
	next_is("last", "a last line without LF is a line");
	is_int(lines_next(&l, &line, &len), 0, "the end");
	is_int(lines_next(&l, &line, &len), 0, "again");
	ok(lines_cut(&l), "it was cut off");
	lines_free(&l);

	if (pipe(fds) != 0)
		return 99;
	lines_init(&l, fds[0], 16);
	is_int(lines_take(&l, &line, &len), 0, "of nothing there is no line");
	give("on", 2);
	is_int(lines_fill(&l), 0, "one read");
	is_int(lines_take(&l, &line, &len), 0, "half a line is none");
	give("e\ntwo\n", 6);
	is_int(lines_fill(&l), 0, "another");
	ok(lines_take(&l, &line, &len) == 1 && len == 3, "the line");
	ok(lines_take(&l, &line, &len) == 1 && len == 3, "and the one that came with it");
	give(big, 40);
	is_int(lines_fill(&l), 0, "too much");
	is_int(lines_take(&l, &line, &len), MP_ELIMIT, "is refused before its end is there");
	is_int(lines_take(&l, &line, &len), 0, "its rest is awaited");
	give("x\nnext\n", 7);
	is_int(lines_fill(&l), 0, "until it comes");
	ok(lines_take(&l, &line, &len) == 1 && len == 4, "then the next line is given");
	ok(!lines_cut(&l), "it is whole");
	close(fds[1]);
	is_int(lines_fill(&l), 0, "the end");
	ok(l.eof && lines_take(&l, &line, &len) == 0 && !lines_cut(&l), "with nothing cut off");
	lines_free(&l);
	return done();
}
