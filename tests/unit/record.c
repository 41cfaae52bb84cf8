#include "tap.h"
#include "base/err.h"
#include "base/record.h"

#include <fcntl.h>
#include <unistd.h>

#define ID "00112233445566778899aabbccddeeff"
#define TIME "2026-11-20T10:16:34.123Z"

static struct record rec;

/* A descriptor that gives these bytes. */
static int source(const void *data, size_t len)
{
	FILE *f = tmpfile();
	int fd;

	fwrite(data, 1, len, f);
	fflush(f);
	fd = dup(fileno(f));
	fclose(f);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static const char *written(const struct record *r, bool json)
{
	static char text[1 << 20];
	FILE *f = tmpfile();
	size_t n = 0;

	if (record_write(f, r, json) == 0 && record_finish(f) == 0) {
		rewind(f);
		n = fread(text, 1, sizeof(text) - 1, f);
	}
	text[n] = '\0';
	fclose(f);
	return text;
}

static int parses(const char *line)
{
	return record_parse(&rec, line, strlen(line));
}

/* Parses one form and compares what both forms are written as. */
static void same(const char *line, const char *tsv, const char *json, const char *name)
{
	int rc = parses(line);

	if (!ok(rc == 0, "%s", name)) {
		printf("# %s\n", err_detail());
		return;
	}
	is_str(written(&rec, false), tsv, "... as a line");
	is_str(written(&rec, true), json, "... as JSON");
}

static void both_forms(void)
{
	same("in\tmessage\talice\t" ID "\t" TIME "\tgroup:1\thello\\nworld",
	    "in\tmessage\talice\t" ID "\t" TIME "\tgroup:1\thello\\nworld\n",
	    "{\"class\":\"in\",\"kind\":\"message\",\"contact\":\"alice\",\"id\":\"" ID
	    "\",\"time\":\"" TIME "\",\"ref\":\"group:1\",\"body\":\"hello\\nworld\"}\n",
	    "a whole record");
	same("{\"body\":\"hello\\nworld\",\"ref\":\"group:1\",\"time\":\"" TIME "\",\"id\":\"" ID
	     "\",\"contact\":\"alice\",\"kind\":\"message\",\"class\":\"in\",\"extra\":[1]}",
	    "in\tmessage\talice\t" ID "\t" TIME "\tgroup:1\thello\\nworld\n",
	    "{\"class\":\"in\",\"kind\":\"message\",\"contact\":\"alice\",\"id\":\"" ID
	    "\",\"time\":\"" TIME "\",\"ref\":\"group:1\",\"body\":\"hello\\nworld\"}\n",
	    "the same from JSON, in any order");
	same("out\t-\t-\t-\t-\t-\t-", "out\t-\t-\t-\t-\t-\t-\n",
	    "{\"class\":\"out\",\"kind\":null,\"contact\":null,\"id\":null,\"time\":null,\"ref\":"
	    "null,"
	    "\"body\":null}\n",
	    "all absent");
	same("{\"class\":\"out\"}", "out\t-\t-\t-\t-\t-\t-\n",
	    "{\"class\":\"out\",\"kind\":null,\"contact\":null,\"id\":null,\"time\":null,\"ref\":"
	    "null,"
	    "\"body\":null}\n",
	    "all absent in JSON");
	same("{\"class\":\"was\",\"kind\":\"-\",\"contact\":null,\"id\":\"-\",\"body\":\"-\"}",
	    "was\t-\t-\t-\t-\t-\t\\055\n",
	    "{\"class\":\"was\",\"kind\":null,\"contact\":null,\"id\":null,\"time\":null,\"ref\":"
	    "null,"
	    "\"body\":\"-\"}\n",
	    "a dash is absent in every column but the body of JSON");
	same("event\tcard-used\t-\t-\t-\t-\t\\055", "event\tcard-used\t-\t-\t-\t-\t\\055\n",
	    "{\"class\":\"event\",\"kind\":\"card-used\",\"contact\":null,\"id\":null,\"time\":"
	    "null,"
	    "\"ref\":null,\"body\":\"-\"}\n",
	    "a literal dash");
	same("sealed\t-\t-\t-\t-\t-\t\\0377\\0000A", "sealed\t-\t-\t-\t-\t-\t\\0377\\0000A\n",
	    "{\"class\":\"sealed\",\"kind\":null,\"contact\":null,\"id\":null,\"time\":null,"
	    "\"ref\":null,"
	    "\"body_b64\":\"/wBB\"}\n",
	    "a body that is no UTF-8");
	same("{\"class\":\"sealed\",\"body_b64\":\"/wBB\"}",
	    "sealed\t-\t-\t-\t-\t-\t\\0377\\0000A\n",
	    "{\"class\":\"sealed\",\"kind\":null,\"contact\":null,\"id\":null,\"time\":null,"
	    "\"ref\":null,"
	    "\"body_b64\":\"/wBB\"}\n",
	    "and from JSON");
	same("in\tmessage\ta\t-\t-\t-\ta\\0000b", "in\tmessage\ta\t-\t-\t-\ta\\0000b\n",
	    "{\"class\":\"in\",\"kind\":\"message\",\"contact\":\"a\",\"id\":null,\"time\":null,"
	    "\"ref\":"
	    "null,\"body_b64\":\"YQBi\"}\n",
	    "a body with NUL");
	same("in\tmessage\ta\t-\t-\t-\t\\0033[2J\\0342\\0200\\0256",
	    "in\tmessage\ta\t-\t-\t-\t\\0033[2J\\0342\\0200\\0256\n",
	    "{\"class\":\"in\",\"kind\":\"message\",\"contact\":\"a\",\"id\":null,\"time\":null,"
	    "\"ref\":"
	    "null,\"body\":\"\\u001B[2J\\u202e\"}\n",
	    "controls are escaped in both");
	same("{\"class\":\"out\",\"body\":\"\",\"body_b64\":null}", "out\t-\t-\t-\t-\t-\t-\n",
	    "{\"class\":\"out\",\"kind\":null,\"contact\":null,\"id\":null,\"time\":null,\"ref\":"
	    "null,"
	    "\"body\":null}\n",
	    "an empty body is absent");
}

static void classes(void)
{
	static const char *const names[] = {
	    "out", "in", "was", "sealed", "sent", "queued", "failed", "event"};

	for (int i = 0; i < 8; i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s\t-\t-\t-\t-\t-\t-", names[i]);
		ok(parses(line) == 0 && (int)rec.class == i, "class %s", names[i]);
		is_str(record_class_name((enum record_class)i), names[i], "and back");
	}
}

#define X31 "x234567890123456789012345678901"
#define COLUMNS(kind, contact, id, time, ref) \
	"out\t" kind "\t" contact "\t" id "\t" time "\t" ref "\tb"

static void bad_lines(void)
{
	static const char *const bad[] = {"", "out", "\t\t\t\t\t\t", "out\t-\t-\t-\t-\t-",
	    "out\t-\t-\t-\t-\t-\t", "out\t-\t-\t-\t-\t-\t-\t", "out\t-\t-\t-\t-\t-\ta\tb",
	    "-\t-\t-\t-\t-\t-\t-", "Out\t-\t-\t-\t-\t-\t-", "outs\t-\t-\t-\t-\t-\t-",
	    " out\t-\t-\t-\t-\t-\t-", "\t-\t-\t-\t-\t-\t-", "out\t\t-\t-\t-\t-\t-",
	    COLUMNS("Message", "-", "-", "-", "-"), COLUMNS("a b", "-", "-", "-", "-"),
	    COLUMNS("a_b", "-", "-", "-", "-"), COLUMNS(X31 "xxxxxxxxx", "-", "-", "-", "-"),
	    COLUMNS("-", "", "-", "-", "-"), COLUMNS("-", "Alice", "-", "-", "-"),
	    COLUMNS("-", "-a", "-", "-", "-"), COLUMNS("-", X31 "xx", "-", "-", "-"),
	    COLUMNS("-", "-", "", "-", "-"), COLUMNS("-", "-", "00", "-", "-"),
	    COLUMNS("-", "-", ID "0", "-", "-"),
	    COLUMNS("-", "-", "0011223344556677889 aabbccddeeff", "-", "-"),
	    COLUMNS("-", "-", "-", "", "-"), COLUMNS("-", "-", "-", "now", "-"),
	    COLUMNS("-", "-", "-", "-", ""), COLUMNS("-", "-", "-", "-", "a/b"),
	    COLUMNS("-", "-", "-", "-", X31 X31 "xxxxxxxxxx"), "out\t-\t-\t-\t-\t-\t\\q",
	    "out\t-\t-\t-\t-\t-\t\\", "out\t-\t-\t-\t-\t-\ta\033b", "out\t-\t-\t-\t-\t-\ta\rb",
	    "out\t-\t-\t-\t-\t-\t\xff", "out\t-\t-\t-\t-\t-\t\xe2\x80\xae",
	    "out\t-\t-\t-\t-\t-\t\x7f", "{", "{}", "{\"class\":\"foo\"}", "{\"class\":null}",
	    "{\"class\":1}", "{\"class\":\"out\",\"kind\":1}", "{\"class\":\"out\",\"kind\":\"A\"}",
	    "{\"class\":\"out\",\"id\":\"00\"}", "{\"class\":\"out\",\"time\":5}",
	    "{\"class\":\"out\",\"body\":5}", "{\"class\":\"out\",\"body\":{}}",
	    "{\"class\":\"out\",\"body_b64\":\"Zh==\"}", "{\"class\":\"out\",\"contact\":\"a b\"}",
	    "{\"class\":\"out\",\"body\":\"a\",\"body_b64\":\"Zg==\"}",
	    "{\"class\":\"out\",\"body\":\"\\u0000\"}", "{\"class\":\"out\",\"class\":\"in\"}",
	    "{\"class\":\"out\"}\tx"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(parses(bad[i]) == MP_EBAD, "bad line %zu", i);
	is_int(record_parse(&rec, "out\t-\t-\t-\t-\t-\ta\0b", 16), MP_EBAD, "a NUL in a line");
	is_int(parses(COLUMNS(X31 "xxxxxxxx", X31 "x", ID, TIME, X31 X31 "xxxxxxxxx")), 0,
	    "the longest columns");
	is_int(parses("foo\t-\t-\t-\t-\t-\t-"), MP_EBAD, "an unknown class");
	is_str(err_detail(), "unknown class 'foo'", "is named");
}

static const char stream[] = "out\tmessage\talice\t-\t-\t-\tone\n"
                             "foo\t-\t-\t-\t-\t-\t-\n"
                             "out\tmess\0age\talice\t-\t-\t-\ttwo\n"
                             "\n"
                             "{\"class\":\"in\",\"kind\":\"message\",\"body\":\"three\"}\n"
                             "event\t-\t-\t-\t-\t-\tfour \\0033\n"
                             "out\tmessage\talice\t-\t-\t-\tcut off";

static int next(struct record_reader *r, const char *want)
{
	struct record *got;
	int rc = record_read(r, &got);

	if (rc == 1 && want != NULL)
		return got->body.len == strlen(want) &&
		       memcmp(got->body.data, want, got->body.len) == 0;
	return rc;
}

static void reading(void)
{
	struct record_reader r;
	int fd = source(stream, sizeof(stream) - 1);
	FILE *f = tmpfile();
	char line[200];

	record_reader_init(&r, fd, "standard input");
	ok(!record_ready(&r), "nothing is ready before the first read");
	is_int(next(&r, "one"), 1, "a record");
	ok(record_ready(&r), "further lines are in memory");
	is_int(next(&r, NULL), MP_EBAD, "an unknown class");
	is_str(err_detail(), "standard input:2: unknown class 'foo'", "is reported with its line");
	is_int(next(&r, NULL), MP_EBAD, "a NUL");
	is_str(err_detail(), "standard input:3: NUL byte in the line", "is reported");
	is_int(next(&r, NULL), MP_EBAD, "an empty line is none");
	is_int(next(&r, "three"), 1, "the next good line is read, JSON");
	is_int(next(&r, "four \033"), 1, "and the next");
	is_int(record_copy(f, &r), 0, "it is copied on");
	ok(!record_ready(&r), "no whole line is left");
	is_int(next(&r, NULL), MP_EBAD, "a last line without its LF is no record");
	is_str(
	    err_detail(), "standard input:7: last line has no line feed: cut off", "but reported");
	is_int(next(&r, NULL), 0, "then the end");
	is_int(next(&r, NULL), 0, "that stays the end");
	rewind(f);
	is_str(fgets(line, sizeof(line), f), "event\t-\t-\t-\t-\t-\tfour \\0033\n",
	    "the copy is the line");
	fclose(f);
	close(fd);
	record_reader_free(&r);
}

/* One byte at a time, through a pipe: nothing depends on how the bytes come. */
static void trickle(void)
{
	struct record_reader r;
	int p[2], rc = 0, records = 0, bad = 0, status[16];
	const char *s = stream;
	struct record *got;

	if (pipe(p) != 0)
		exit(1);
	record_reader_init(&r, p[0], "pipe");
	for (size_t i = 0; i < sizeof(stream) - 1; i++) {
		if (write(p[1], s + i, 1) != 1)
			exit(1);
		if (s[i] != '\n')
			continue;
		/* The line is there; its successor is not: this must not block. */
		rc = record_read(&r, &got);
		status[(records + bad) % 16] = rc;
		records += rc == 1;
		bad += rc == MP_EBAD;
	}
	close(p[1]);
	ok(records == 3 && bad == 3 && status[0] == 1 && status[4] == 1,
	    "line by line from a pipe");
	is_int(record_read(&r, &got), MP_EBAD, "the cut line");
	is_int(record_read(&r, &got), 0, "the end");
	close(p[0]);
	record_reader_free(&r);
}

/* A line of exactly n bytes, the LF not counted. */
static void add_line(struct buf *b, size_t n)
{
	static const char head[] = "out\tmessage\talice\t-\t-\t-\t";
	size_t start = b->len;

	buf_adds(b, head);
	while (b->len - start < n)
		buf_addc(b, 'x');
	buf_addc(b, '\n');
}

static void long_lines(void)
{
	struct buf b = BUF_INIT(64u << 20);
	struct record_reader r;
	int fd;

	add_line(&b, RECORD_LINE);
	add_line(&b, RECORD_LINE + 1);
	buf_adds(&b, "out\t-\t-\t-\t-\t-\tafter\n");
	add_line(&b, 20u << 20);
	add_line(&b, RECORD_LINE);
	buf_adds(&b, "out\t-\t-\t-\t-\t-\tlast\n");
	add_line(&b, 5u << 20);
	b.len--; /* no LF */
	fd = source(b.data, b.len);
	record_reader_init(&r, fd, "long");
	is_int(next(&r, NULL), 1, "the longest line");
	is_int(next(&r, NULL), MP_ELIMIT, "one byte more");
	is_str(err_detail(), "long:2: line is longer than 2097152 bytes", "is reported");
	is_int(next(&r, "after"), 1, "the next line is read");
	is_int(next(&r, NULL), MP_ELIMIT, "20 MiB");
	is_int(next(&r, NULL), 1, "are skipped, and the longest line read");
	is_int(next(&r, "last"), 1, "and another");
	is_int(next(&r, NULL), MP_ELIMIT, "a long line that the end cuts off");
	is_int(next(&r, NULL), 0, "is reported once");
	ok(r.line.cap < 4u << 20, "in bounded memory");
	close(fd);
	record_reader_free(&r);
	buf_free(&b);
}

static void failures(void)
{
	struct record_reader r;
	FILE *full = fopen("/dev/full", "w");
	struct record *got;

	record_reader_init(&r, -1, "nothing");
	is_int(record_read(&r, &got), MP_ESYS, "a descriptor that cannot be read");
	is_str(err_detail(), "nothing: cannot read: Bad file descriptor", "is named");
	record_reader_free(&r);
	parses("out\t-\t-\t-\t-\t-\tx");
	setvbuf(full, NULL, _IOFBF, 8192);
	is_int(record_write(full, &rec, false), 0, "a full disk takes what fits the buffer");
	is_int(record_finish(full), MP_EFULL, "and record_finish() tells");
	setvbuf(full, NULL, _IONBF, 0);
	is_int(record_write(full, &rec, false), MP_EFULL, "unbuffered, record_write() tells");
	fclose(full);
}

/* 64 KiB of the bytes that grow most in each form come back. */
static void largest_message(void)
{
	struct record r;
	int bad = 0;

	record_init(&r);
	r.class = CLASS_IN;
	r.has_body = true;
	for (int byte = 0; byte < 256; byte++) {
		for (int json = 0; json < 2; json++) {
			const char *line;

			buf_clear(&r.body);
			buf_reserve(&r.body, 65536);
			memset(r.body.data, byte, 65536);
			r.body.len = 65536;
			line = written(&r, json);
			bad += strlen(line) < 65536 ||
			       record_parse(&rec, line, strlen(line) - 1) != 0 ||
			       rec.body.len != 65536 ||
			       memcmp(rec.body.data, r.body.data, 65536) != 0;
		}
	}
	is_int(bad, 0, "64 KiB of each byte come back from both forms");
	record_free(&r);
}

int main(void)
{
	record_init(&rec);
	both_forms();
	classes();
	bad_lines();
	reading();
	trickle();
	long_lines();
	failures();
	largest_message();
	record_free(&rec);
	return done();
}
