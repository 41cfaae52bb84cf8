#include "tap.h"
#include "base/err.h"
#include "base/json.h"

static int reads(const char *s, size_t len)
{
	json_t *o = (json_t *)s;
	int rc = json_read(&o, s, len);

	if (rc != 0 && o != NULL)
		return 1;
	json_decref(o);
	return rc;
}

static const char *written(const json_t *v)
{
	static struct buf out = BUF_INIT(1 << 20);

	buf_clear(&out);
	if (json_write(&out, v) != 0 || buf_terminate(&out) != 0)
		return NULL;
	return (const char *)out.data;
}

static void reading(void)
{
	static const char *const good[] = {"{}", " {\"a\" : [1, 2.5, true, null, \"x\"]} \n",
	    "{\"n\":9007199254740992}", "{\"n\":-9007199254740992}", "{\"a\":{\"a\":1}}"};
	static const char *const bad[] = {"", "{", "[]", "1", "null", "{\"a\":1}{", "{\"a\":1}x",
	    "{\"a\":1,\"a\":2}", "{\"b\":{\"a\":1,\"a\":1}}", "{\"a\":\"\\u0000\"}",
	    "{\"\\u0000\":1}", "{\"n\":9007199254740993}", "{\"b\":[{\"n\":-9007199254740993}]}",
	    "{\"n\":99999999999999999999}", "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\xaf\"}",
	    "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\\ud800\"}", "{'a':1}", "{\"a\":1,}",
	    "{\"a\":\"line\nfeed\"}", "{\"a\":01}", "\xef\xbb\xbf{}"};
	char deep[10000];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		is_int(reads(good[i], strlen(good[i])), 0, good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(reads(bad[i], strlen(bad[i])) == MP_EBAD, "bad JSON %zu", i);
	is_int(reads("{}\0", 3), MP_EBAD, "a NUL behind the object");
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	is_int(reads(deep, sizeof(deep)), MP_EBAD, "ten thousand levels");
}

static void writing(void)
{
	json_t *o = json_pack("{s:i, s:s, s:[n,b]}", "z", 1, "a", "x\"\\\n\x7f", "l", 1);
	struct buf small = BUF_INIT(20);

	is_str(written(o), "{\"z\":1,\"a\":\"x\\\"\\\\\\n\\u007f\",\"l\":[null,true]}",
	    "compact, in order, DEL escaped");
	is_int(json_write(&small, o), MP_ELIMIT, "past the maximum");
	is_int((long long)small.len, 0, "nothing is added");
	buf_free(&small);
	json_object_clear(o);
	json_object_set_new(o, "k",
	    json_string(
	        "\xc2\x85\xd8\x9c\xe2\x80\x8f\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa6\x1b\xc3\xa9"
	        "\xf0\x9f\x98\x80"));
	is_str(written(o),
	    "{\"k\":\"\\u0085\\u061c\\u200f\\u2028\\u202e\\u2066\\u001B\xc3\xa9\xf0\x9f\x98\x80\"}",
	    "controls escaped, letters not");
	json_decref(o);
}

static void members(void)
{
	static const char text[] = "{\"s\":\"t\",\"i\":5,\"r\":5.0,\"h\":\"00fe\",\"H\":\"00FE\"}";
	json_t *o;
	uint8_t b[2];
	int64_t v = 7;

	json_read(&o, text, strlen(text));
	is_str(json_text(o, "s"), "t", "a text member");
	ok(json_text(o, "i") == NULL && json_text(o, "x") == NULL, "no text, none there");
	ok(json_int(o, "i", 5, 5, &v) == 0 && v == 5, "an integer");
	v = 7;
	ok(json_int(o, "i", 6, 9, &v) == MP_EBAD && json_int(o, "i", 0, 4, &v) == MP_EBAD,
	    "outside");
	ok(json_int(o, "r", 0, 9, &v) == MP_EBAD && json_int(o, "s", 0, 9, &v) == MP_EBAD &&
	        json_int(o, "x", 0, 9, &v) == MP_EBAD && v == 7,
	    "no integer, none there");
	ok(json_hex(o, "h", b, 2) == 0 && b[1] == 0xfe, "hex");
	ok(json_hex(o, "h", b, 1) == MP_EBAD && json_hex(o, "H", b, 2) == MP_EBAD &&
	        json_hex(o, "i", b, 2) == MP_EBAD && json_hex(o, "x", b, 2) == MP_EBAD,
	    "another length, capitals, no text, none there");
	ok(json_set_hex(o, "new", (const uint8_t *)"\xab\x01", 2) == 0, "hex is set");
	is_str(json_text(o, "new"), "ab01", "in lower case");
	json_decref(o);
}

int main(void)
{
	reading();
	writing();
	members();
	return done();
}
