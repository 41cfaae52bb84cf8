#include "tap.h"
#include "base/err.h"
#include "base/text.h"

static struct buf out = BUF_INIT(1 << 20);

static const char *escaped(const char *s, size_t len)
{
	buf_clear(&out);
	if (text_escape(&out, s, len) != 0 || buf_terminate(&out) != 0)
		return NULL;
	return (const char *)out.data;
}

static const char *shown(const char *s, int flags)
{
	buf_clear(&out);
	if (text_display(&out, s, strlen(s), flags) != 0 || buf_terminate(&out) != 0)
		return NULL;
	return (const char *)out.data;
}

static int unescapes(const char *s, const char *want, size_t len)
{
	buf_clear(&out);
	return text_unescape(&out, s, strlen(s)) == 0 && out.len == len &&
	       memcmp(out.data, want, len) == 0;
}

#define ESCAPED(s, want, name) is_str(escaped(s, sizeof(s) - 1), want, name)

static void record_form(void)
{
	ESCAPED("", "", "nothing stays nothing");
	ESCAPED("plain, 'quoted' ~ text", "plain, 'quoted' ~ text", "plain text");
	ESCAPED("-", "\\055", "a dash alone is not the absent '-'");
	ESCAPED("--", "--", "two dashes are themselves");
	ESCAPED("-x", "-x", "so is a leading one");
	ESCAPED("a\\b\nc\td\re", "a\\\\b\\nc\\td\\re", "the four short escapes");
	ESCAPED("\0", "\\0000", "NUL");
	ESCAPED("\0331", "\\00331", "three octal digits, for a digit may follow");
	ESCAPED("\x7f", "\\0177", "DEL");
	ESCAPED(
	    "\xc2\x80\xc2\x9f\xc2\xa0", "\\0302\\0200\\0302\\0237\xc2\xa0", "C1 and what follows");
	ESCAPED("\xd8\x9c", "\\0330\\0234", "U+061C");
	ESCAPED("\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f",
	    "\xe2\x80\x8d\\0342\\0200\\0216\\0342\\0200\\0217", "U+200E, U+200F, not U+200D");
	ESCAPED("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf",
	    "\xe2\x80\xa7\\0342\\0200\\0250\\0342\\0200\\0256\xe2\x80\xaf", "U+2028 to U+202E");
	ESCAPED("\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa",
	    "\xe2\x81\xa5\\0342\\0201\\0246\\0342\\0201\\0251\xe2\x81\xaa", "U+2066 to U+2069");
	ESCAPED("h\xc3\xa9llo \xf0\x9f\x98\x80", "h\xc3\xa9llo \xf0\x9f\x98\x80", "other UTF-8");
	ESCAPED("a\xff\xc3", "a\\0377\\0303", "bytes that are no UTF-8");
	ESCAPED("\xc0\xaf", "\\0300\\0257", "an overlong form");
	ESCAPED("\xed\xa0\x80", "\\0355\\0240\\0200", "a surrogate");
	ESCAPED("\xf4\x90\x80\x80", "\\0364\\0220\\0200\\0200", "beyond Unicode");
	ESCAPED("\xe2\x82(", "\\0342\\0202(", "a sequence that breaks off");
}

/* Each unsafe byte at each place of a word of eight. */
static void every_alignment(void)
{
	static const char specials[] = "\n\t\\\x7f\x1f\x1b\x01";
	int bad = 0;

	for (size_t at = 0; at < 24; at++) {
		for (const char *c = specials; *c != '\0'; c++) {
			char s[25] = "abcdefghijklmnopqrstuvwx";

			s[at] = *c;
			bad += text_plain(s, 24) != at;
		}
	}
	is_int(bad, 0, "text_plain finds each special byte at each place");
}

static void both_ways(void)
{
	uint8_t all[256 + 65536], *p = all;
	struct buf back = BUF_INIT(1 << 20);
	unsigned seed = 1;

	for (int i = 0; i < 256; i++)
		*p++ = (uint8_t)i;
	for (int i = 0; i < 65536; i++)
		*p++ = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
	escaped((char *)all, sizeof(all));
	ok(text_unescape(&back, (char *)out.data, out.len) == 0 && back.len == sizeof(all) &&
	        memcmp(back.data, all, sizeof(all)) == 0,
	    "64 KiB of any bytes come back");
	is_int((long long)text_plain(out.data, 1), 0, "the first of which was escaped");
	ok(memchr(out.data, '\n', out.len) == NULL && memchr(out.data, 0x1b, out.len) == NULL &&
	        text_utf8(out.data, out.len),
	    "and are one line of UTF-8");
	buf_free(&back);
}

static void unescape(void)
{
	static const char *const bad[] = {
	    "\\", "a\\", "\\c", "\\x41", "\\101", "\\e", "\\\"", "\\0400", "\\0777", "ok\\q"};

	ok(unescapes("\\a\\b\\f\\n\\r\\t\\v\\\\", "\a\b\f\n\r\t\v\\", 8), "the letters of %%b");
	ok(unescapes("\\0101\\012\\07x\\0", "A\n\ax\0", 5), "one to three octal digits, and none");
	ok(unescapes("\\00331",
	       "\x1b"
	       "1",
	       2),
	    "a digit after three is text");
	ok(unescapes("\\08",
	       "\0"
	       "8",
	       2),
	    "8 is no octal digit");
	ok(unescapes("\\0377", "\xff", 1), "the largest byte");
	ok(unescapes("\\055", "-", 1), "a dash");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&out);
		buf_adds(&out, "kept");
		ok(text_unescape(&out, bad[i], strlen(bad[i])) == MP_EBAD && out.len == 4,
		    "'%s' is refused and adds nothing", bad[i]);
	}
}

static void display(void)
{
	is_str(shown("a\\b\033[1m", 0), "a\\b\\0033[1m", "display keeps a backslash, not ESC");
	is_str(shown("a\nb\t", 0), "a\\nb\\t", "a newline is escaped");
	is_str(shown("a\nb\t\r\n", TEXT_LINES), "a\nb\\t\\r\n", "with TEXT_LINES it stays one");
	is_str(shown("-", 0), "-", "a dash is a dash");
	is_str(shown("\xe2\x80\xae"
	             "gpj",
	           TEXT_LINES),
	    "\\0342\\0200\\0256gpj", "bidi is escaped");
}

static void limits(void)
{
	struct buf b = BUF_INIT(8);

	buf_adds(&b, "1234");
	is_int(text_escape(&b, "\033", 1), MP_ELIMIT, "an escape that does not fit");
	is_int(text_escape(&b, "a\n\n\n", 4), MP_ELIMIT, "text that does not fit");
	is_int(text_unescape(&b, "\\nabcde", 7), MP_ELIMIT, "decoded text that does not fit");
	ok(b.len == 4, "leave the buf as it was");
	is_int(text_unescape(&b, "\\0101\\n\\n\\n", 11), 0, "escapes count decoded");
	buf_free(&b);
}

static void names(void)
{
	static const char *const good[] = {"a", "7", "alice", "a.b_c-d",
	    "0123456789abcdef0123456789abcdef"},
	                         *const bad[] = {"", "-", "-a", ".a", "_a", "Alice", "a b", "a/b",
	                             "a\n", "\xc3\xa9", "0123456789abcdef0123456789abcdef0"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(text_name_ok(good[i]), "'%s' is a name", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!text_name_ok(bad[i]), "bad name %zu", i);
}

static void filename(const char *s, size_t len, const char *want, const char *name)
{
	char to[208];

	text_filename(to, s, len);
	is_str(to, want, name);
}

#define FILENAME(s, want, name) filename(s, sizeof(s) - 1, want, name)

static void filenames(void)
{
	char longest[500], to[208];

	FILENAME("report.pdf", "report.pdf", "a file name");
	FILENAME("My report (2).pdf", "My report (2).pdf", "with blanks");
	FILENAME("/etc/passwd", "passwd", "a path");
	FILENAME("../../.ssh/authorized_keys", "authorized_keys", "a path upwards");
	FILENAME("..", "file", "dots alone");
	FILENAME("", "file", "nothing");
	FILENAME("dir/", "file", "a directory");
	FILENAME(".bashrc", "bashrc", "a hidden file");
	FILENAME("-rf", "rf", "an option");
	FILENAME(".-.-x", "x", "dots and dashes");
	FILENAME("a\nb\033c\0d", "a_b_c_d", "controls");
	FILENAME("a\xff\xc3(", "a__(", "invalid UTF-8");
	FILENAME("evil\xe2\x80\xaegpj.exe", "evil_gpj.exe", "a bidi control is one '_'");
	FILENAME("\xc3\xbc.txt", "\xc3\xbc.txt", "UTF-8");
	memset(longest, 'x', sizeof(longest));
	text_filename(to, longest, sizeof(longest));
	is_int((long long)strlen(to), 200, "at most 200 bytes");
	memcpy(longest + 199, "\xc3\xbc", 2);
	text_filename(to, longest, sizeof(longest));
	is_int((long long)strlen(to), 199, "cut at a character");
}

static void hex(void)
{
	uint8_t b[4];
	char s[9];

	hex_encode(s, (const uint8_t *)"\x00\x9f\xA0\xff", 4);
	is_str(s, "009fa0ff", "hex is lower case");
	ok(hex_decode(b, 4, "009Fa0fF") == 0 && memcmp(b, "\x00\x9f\xA0\xff", 4) == 0,
	    "read in either");
	is_int(hex_decode(b, 4, "009fa0f"), -1, "too short");
	is_int(hex_decode(b, 4, "009fa0ff0"), -1, "too long");
	is_int(hex_decode(b, 4, "009fa0fg"), -1, "no digit");
	is_int(hex_decode(b, 4, "009fa0f "), -1, "a blank");
}

static void utf8(void)
{
	ok(text_utf8("", 0) && text_utf8("a\0\n\xc3\xbc\xf4\x8f\xbf\xbf", 9), "valid UTF-8");
	ok(!text_utf8("\x80", 1) && !text_utf8("abcdefgh\xc3", 9) &&
	        !text_utf8("\xf5\x80\x80\x80", 4) && !text_utf8("\xe0\x80\x80", 3),
	    "invalid UTF-8");
}

int main(void)
{
	record_form();
	every_alignment();
	both_ways();
	unescape();
	display();
	limits();
	names();
	filenames();
	hex();
	utf8();
	buf_free(&out);
	return done();
}
