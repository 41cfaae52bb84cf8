#include "tap.h"
#include "base/buf.h"
#include "base/err.h"

static void grows_to_the_maximum(void)
{
	struct buf b = BUF_INIT(1000);
	int rc = 0;

	for (int i = 0; i < 1000 && rc == 0; i++)
		rc = buf_addc(&b, 'a' + i % 26);
	is_int(rc, 0, "a buf takes its maximum");
	is_int((long long)b.len, 1000, "and has that many bytes");
	ok(b.len <= b.cap && b.cap <= b.max, "len <= cap <= max");
	is_int(buf_addc(&b, 'x'), MP_ELIMIT, "one byte more is refused");
	ok(b.len == 1000 && b.data[0] == 'a' && b.data[999] == 'a' + 999 % 26,
	    "and changes nothing");
	is_int(buf_reserve(&b, SIZE_MAX), MP_ELIMIT, "an overflowing length is refused");
	is_int(buf_terminate(&b), 0, "a full buf can be terminated");
	is_int((long long)strlen((char *)b.data), 1000, "behind its last byte");
	buf_free(&b);
	ok(b.data == NULL && b.len == 0 && b.cap == 0 && b.max == 1000, "freed it is empty");
	is_int(buf_adds(&b, "again"), 0, "and can be used again");
	buf_free(&b);
}

static void an_add_is_whole_or_nothing(void)
{
	struct buf b = BUF_INIT(8);

	buf_adds(&b, "12345");
	is_int(buf_add(&b, "6789", 4), MP_ELIMIT, "an add past the maximum fails");
	is_int(buf_addf(&b, "%d", 6789), MP_ELIMIT, "a formatted one too");
	is_int(buf_add32(&b, 1), MP_ELIMIT, "a number too");
	ok(b.len == 5 && memcmp(b.data, "12345", 5) == 0, "what was there stays");
	is_int(buf_addf(&b, "%s", "678"), 0, "a formatted one that just fits");
	buf_terminate(&b);
	is_str((char *)b.data, "12345678", "is there without its NUL");
	buf_free(&b);
}

static void numbers(void)
{
	struct buf b = BUF_INIT(4);

	buf_add32(&b, 0x01fe0380);
	ok(memcmp(b.data, "\x01\xfe\x03\x80", 4) == 0, "numbers are big endian");
	ok(get32(b.data) == 0x01fe0380, "and come back");
	buf_free(&b);
}

static void empty(void)
{
	struct buf b = BUF_INIT(0);

	is_int(buf_add(&b, NULL, 0), 0, "nothing can be added to nothing");
	is_int(buf_terminate(&b), 0, "an empty buf can be terminated");
	is_str((char *)b.data, "", "and is the empty string");
	buf_clear(&b);
	buf_free(&b);
	buf_free(&b);
	ok(b.data == NULL, "freeing twice is harmless");
}

int main(void)
{
	grows_to_the_maximum();
	an_add_is_whole_or_nothing();
	numbers();
	empty();
	return done();
}
