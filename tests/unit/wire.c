/* Messages: what each type may say, in both directions, field by field. */
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/wire.h"
#include "tap.h"

#define ID "000102030405060708090a0b0c0d0e0f"
#define RE "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
#define TIME "2026-11-20T10:16:34.123Z"
#define HEAD "\"id\":\"" ID "\",\"time\":\"" TIME "\""
#define GROUP "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ONION "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onion"
#define MESSAGE "{\"type\":\"message\"," HEAD

static int decode(struct wire *w, const char *header, const void *body, size_t blen)
{
	struct envelope e = {
	    .header = (const uint8_t *)header, .hlen = strlen(header), .body = body, .blen = blen};

	return wire_decode(w, &e);
}

static void good(const char *header, const void *body, size_t blen, const char *name)
{
	struct wire w;

	if (!is_int(decode(&w, header, body, blen), 0, name))
		printf("# %s\n", err_detail());
	wire_free(&w);
}

static void bad(const char *header, const void *body, size_t blen, const char *name)
{
	struct wire w;

	is_int(decode(&w, header, body, blen), MP_EBAD, name);
	ok(w.json == NULL && err_detail()[0] != '\0', "it says '%s'", err_detail());
}

/* Encodes, checks the header's text, and decodes it again. */
static void round_trip(const struct wire *w, const char *want, struct wire *back, const char *name)
{
	static struct buf header = BUF_INIT(65536);
	struct envelope e;

	buf_clear(&header);
	is_int(wire_encode(&header, w), 0, name);
	buf_terminate(&header);
	is_str((char *)header.data, want, "its header");
	e = (struct envelope){
	    .header = header.data, .hlen = header.len, .body = w->body, .blen = w->blen};
	is_int(wire_decode(back, &e), 0, "decoded");
	ok(back->type == w->type && memcmp(back->id, w->id, 16) == 0 && back->time == w->time &&
	        back->reply == w->reply && memcmp(back->re, w->re, 16) == 0 &&
	        back->body == w->body && back->blen == w->blen,
	    "the same");
}

static struct wire start(enum wire_type t)
{
	struct wire w = {.type = t};

	hex_decode(w.id, 16, ID);
	clock_parse(&w.time, TIME);
	return w;
}

/* An unknown field is ignored, but not at any price. */
static void test_length(void)
{
	static char header[HEADER_MAX + 2];
	int n = snprintf(header, sizeof(header), "%s", MESSAGE ",\"x\":\"");

	memset(header + n, 'a', sizeof(header) - 1 - (size_t)n);
	memcpy(header + HEADER_MAX - 2, "\"}", 3);
	good(header, "hi", 2, "a header of the longest");
	memcpy(header + HEADER_MAX - 2, "a\"}", 4);
	bad(header, "hi", 2, "and one byte more");
}

static void test_names(void)
{
	static const char *const names[WIRE_TYPES] = {"initial-contact", "message", "file",
	    "file-status", "ping", "introduction-request", "introduction-response",
	    "introduction-status-request", "introduction-status-response", "introduction-contacts",
	    "introduction-acknowledgement", "temporary-contact-update", "introduction-petition",
	    "introduction-petition-declination", "group-chat-request", "group-chat-response",
	    "group-chat-status-request", "group-chat-status-response", "group-addition-request",
	    "group-addition-response", "group-addition-status-request",
	    "group-addition-status-response", "notice-of-group-exit", "group-resend-request",
	    "rekey", "rekey-drained", "contact-update", "receipt", "device-sync"};
	enum wire_type t;

	for (size_t i = 0; i < WIRE_TYPES; i++) {
		is_str(wire_type_name((enum wire_type)i), names[i], "name");
		is_int(wire_type_parse(&t, names[i]), 0, "parsed");
		is_int(t, (long long)i, "the same type");
		is_int(wire_lane(t),
		    i == WIRE_MESSAGE || i == WIRE_DEVICE_SYNC ? LANE_MESSAGE
		    : i == WIRE_FILE                           ? LANE_FILE
		                                               : LANE_CONTROL,
		    "its lane");
		is_int(wire_is_plan(t), i > WIRE_PING && i < WIRE_REKEY, "its kind of fields");
	}
	is_int(wire_is_plan(WIRE_TYPES), 0, "and no type has none");
	is_int(wire_type_parse(&t, "no-such-type"), MP_EBAD, "an unknown type");
	is_int(wire_type_parse(&t, ""), MP_EBAD, "no type");
}

static void test_message(void)
{
	struct wire w = start(WIRE_MESSAGE), back;
	static uint8_t body[MESSAGE_TEXT + 1] = "\0any\xff bytes";

	w.body = body;
	w.blen = 11;
	round_trip(&w, MESSAGE "}", &back, "a message");
	ok(!back.u.message.chain.grouped, "without a group");
	wire_free(&back);
	w.reply = true;
	hex_decode(w.re, 16, RE);
	round_trip(&w, MESSAGE ",\"re\":\"" RE "\"}", &back, "in reply");
	wire_free(&back);
	good(MESSAGE "}", body, 1, "one byte");
	good(MESSAGE "}", body, MESSAGE_TEXT, "64 KiB");
	bad(MESSAGE "}", body, MESSAGE_TEXT + 1, "one byte more");
	bad(MESSAGE "}", body, 0, "empty");
	good(MESSAGE ",\"colour\":[1,{\"a\":null}]}", body, 1, "unknown fields are ignored");
}

static void test_common(void)
{
	const char *b = "x";

	bad("", b, 1, "no header");
	bad("[]", b, 1, "no object");
	bad("{}", b, 1, "nothing in it");
	bad(MESSAGE "} ,", b, 1, "more after it");
	bad(MESSAGE ",\"type\":\"ping\"}", b, 1, "a key twice");
	bad(MESSAGE ",\"a\":\"\\u0000\"}", b, 1, "U+0000");
	bad(MESSAGE ",\"a\":9007199254740993}", b, 1, "an integer beyond 2^53");
	bad(MESSAGE ",\"a\":\"\xff\"}", b, 1, "no UTF-8");
	bad("{" HEAD "}", b, 1, "no type");
	bad("{\"type\":\"no-such-type\"," HEAD "}", b, 0, "an unknown type");
	bad("{\"type\":\"Message\"," HEAD "}", b, 1, "a type in capitals");
	bad("{\"type\":5," HEAD "}", b, 1, "a type that is no text");
	bad("{\"type\":\"message\",\"time\":\"" TIME "\"}", b, 1, "no id");
	bad("{\"type\":\"message\",\"id\":\"00\",\"time\":\"" TIME "\"}", b, 1, "a short id");
	bad("{\"type\":\"message\",\"id\":\"" ID "00\",\"time\":\"" TIME "\"}", b, 1, "a long id");
	bad("{\"type\":\"message\",\"id\":\"000102030405060708090A0B0C0D0E0F\",\"time\":\"" TIME
	    "\"}",
	    b, 1, "an id in capitals");
	bad("{\"type\":\"message\",\"id\":\"" ID "\"}", b, 1, "no time");
	bad("{\"type\":\"message\",\"id\":\"" ID "\",\"time\":\"yesterday\"}", b, 1,
	    "no such time");
	bad("{\"type\":\"message\",\"id\":\"" ID "\",\"time\":1795170994}", b, 1,
	    "a time in seconds");
	bad("{\"type\":\"message\",\"id\":\"" ID "\",\"time\":\"1969-12-31T23:59:59.999Z\"}", b, 1,
	    "before 1970");
	good("{\"type\":\"message\",\"id\":\"" ID "\",\"time\":\"1970-01-01T00:00:00Z\"}", b, 1,
	    "1970");
	good("{\"type\":\"message\",\"id\":\"" ID "\",\"time\":\"9999-12-31T23:59:59.999Z\"}", b, 1,
	    "9999");
	bad("{\"type\":\"message\",\"id\":\"" ID "\",\"time\":\"9999-12-31T23:59:59.999-01:00\"}",
	    b, 1, "after 9999");
	bad(MESSAGE ",\"re\":\"00\"}", b, 1, "a short re");
	bad(MESSAGE ",\"re\":null}", b, 1, "a null re");
}

static void test_encode_bounds(void)
{
	struct buf out = BUF_INIT(4096);
	struct wire w = start(WIRE_MESSAGE);

	w.body = (const uint8_t *)"x";
	w.blen = 1;
	w.time = -1;
	is_int(wire_encode(&out, &w), MP_EBAD, "a time before 1970 is not sent");
	w.time = INT64_C(253402300800000);
	is_int(wire_encode(&out, &w), MP_EBAD, "nor one after 9999");
	w = start(WIRE_TYPES);
	is_int(wire_encode(&out, &w), MP_EBAD, "nor a type that there is not");
	w = start(WIRE_MESSAGE);
	is_int(wire_encode(&out, &w), MP_EBAD, "nor an empty message");
	w = start(WIRE_PING);
	w.blen = 1;
	is_int(wire_encode(&out, &w), MP_EBAD, "nor a ping with a body");
	is_int((long long)out.len, 0, "and nothing is written");
	buf_free(&out);
}

static void test_ping(void)
{
	struct wire w = start(WIRE_PING), back;

	round_trip(&w, "{\"type\":\"ping\"," HEAD "}", &back, "a ping");
	ok(!back.u.ping.grouped, "without a group");
	wire_free(&back);
	w.u.ping.grouped = true;
	hex_decode(w.u.ping.group, GROUP_ID, GROUP);
	round_trip(&w, "{\"type\":\"ping\"," HEAD ",\"group\":\"" GROUP "\"}", &back, "to a group");
	ok(back.u.ping.grouped && memcmp(back.u.ping.group, w.u.ping.group, GROUP_ID) == 0,
	    "its group");
	wire_free(&back);
	bad("{\"type\":\"ping\"," HEAD "}", "x", 1, "a ping with a body");
	bad("{\"type\":\"ping\"," HEAD ",\"group\":\"0123\"}", "", 0, "a short group");
	bad("{\"type\":\"ping\"," HEAD ",\"group\":\"" GROUP "0\"}", "", 0, "a long group");
	bad("{\"type\":\"ping\"," HEAD ",\"group\":\"X123456789abcdef0123456789abcdef0123456789abcd"
	    "ef0123456789abcdef\"}",
	    "", 0, "a group that is no hex");
	bad("{\"type\":\"ping\"," HEAD ",\"group\":7}", "", 0, "a group that is no text");
	bad("{\"type\":\"ping\"," HEAD ",\"group\":null}", "", 0, "a null group");
}

#define INITIAL \
	"{\"type\":\"initial-contact\"," HEAD ",\"sender\":\"" ONION "\",\"proof\":\"" GROUP "\""

static void nickname(const char *name, int want, const char *what)
{
	struct wire w = start(WIRE_INITIAL_CONTACT);
	struct buf out = BUF_INIT(4096), json = BUF_INIT(4096);

	hex_decode(w.u.initial.sender, 32,
	    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	w.u.initial.nickname = name;
	is_int(wire_encode(&out, &w), want, what);
	buf_addf(&json, INITIAL ",\"nickname\":\"%s\"}", name);
	buf_terminate(&json);
	if (strpbrk(name, "\"\\\n") == NULL)
		is_int(decode(&w, (char *)json.data, "", 0), want, "and in the other direction");
	if (want == 0)
		wire_free(&w);
	buf_free(&out);
	buf_free(&json);
}

static void test_initial(void)
{
	static char long_name[] =
	    "0123456789012345678901234567890123456789012345678901234567890123";
	struct wire w = start(WIRE_INITIAL_CONTACT), back;

	hex_decode(w.u.initial.sender, 32,
	    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
	hex_decode(w.u.initial.proof, 32, GROUP);
	round_trip(&w, INITIAL "}", &back, "an initial-contact");
	ok(memcmp(&back.u.initial, &w.u.initial, sizeof(w.u.initial)) == 0, "its fields");
	wire_free(&back);
	w.u.initial.nickname = "J\xc3\xbcrgen \xf0\x9f\xa6\x8b";
	round_trip(
	    &w, INITIAL ",\"nickname\":\"J\xc3\xbcrgen \xf0\x9f\xa6\x8b\"}", &back, "with a name");
	is_str(back.u.initial.nickname, w.u.initial.nickname, "its name");
	wire_free(&back);
	nickname(long_name, 0, "64 bytes");
	nickname(
	    "0123456789012345678901234567890123456789012345678901234567890123x", MP_EBAD, "65");
	nickname("", MP_EBAD, "an empty name");
	nickname("a\tb", MP_EBAD, "a control");
	nickname("a\x7f", MP_EBAD, "DEL");
	nickname("a\xc2\x9b", MP_EBAD, "C1");
	nickname("a\xe2\x80\xae", MP_EBAD, "a bidi override");
	nickname("a\xe2\x81\xa6", MP_EBAD, "a bidi isolate");
	nickname("a\xd8\x9c", MP_EBAD, "the Arabic letter mark");
	nickname("a\xe2\x80\xa8", MP_EBAD, "a line separator");
	nickname("a\xff", MP_EBAD, "no UTF-8");
	nickname("a\xc0\x80", MP_EBAD, "overlong UTF-8");
	nickname("a\xed\xa0\x80", MP_EBAD, "a surrogate");
	bad(INITIAL "}", "x", 1, "a body");
	bad(INITIAL ",\"nickname\":7}", "", 0, "a name that is no text");
	bad("{\"type\":\"initial-contact\"," HEAD ",\"proof\":\"" GROUP "\"}", "", 0, "no sender");
	bad("{\"type\":\"initial-contact\"," HEAD ",\"sender\":\"" ONION "\"}", "", 0, "no proof");
	bad("{\"type\":\"initial-contact\"," HEAD ",\"sender\":\"" ONION "\",\"proof\":\"00\"}", "",
	    0, "a short proof");
	bad("{\"type\":\"initial-contact\"," HEAD ",\"proof\":\"" GROUP
	    "\",\"sender\":\"25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid\"}",
	    "", 0, "a sender without .onion");
	bad("{\"type\":\"initial-contact\"," HEAD ",\"proof\":\"" GROUP
	    "\",\"sender\":\"35njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onion\"}",
	    "", 0, "a sender with a wrong checksum");
}

static void test_rekey(void)
{
#define KEY64 "\"key\":\"0900000000000000000000000000000000000000000000000000000000000000\""
	good("{\"type\":\"rekey\"," HEAD ",\"epoch\":1," KEY64 "}", NULL, 0, "a rekey");
	good("{\"type\":\"rekey\"," HEAD ",\"epoch\":9007199254740991," KEY64 "}", NULL, 0,
	    "of the last epoch");
	good("{\"type\":\"rekey-drained\"," HEAD ",\"epoch\":0}", NULL, 0, "a rekey-drained");
	bad("{\"type\":\"rekey\"," HEAD ",\"epoch\":0," KEY64 "}", NULL, 0, "of the first epoch");
	bad("{\"type\":\"rekey\"," HEAD ",\"epoch\":9007199254740992," KEY64 "}", NULL, 0,
	    "beyond the last");
	bad("{\"type\":\"rekey\"," HEAD ",\"epoch\":-1," KEY64 "}", NULL, 0, "a negative one");
	bad("{\"type\":\"rekey\"," HEAD "," KEY64 "}", NULL, 0, "without an epoch");
	bad("{\"type\":\"rekey\"," HEAD ",\"epoch\":1}", NULL, 0, "without a key");
	bad("{\"type\":\"rekey\"," HEAD ",\"epoch\":1,\"key\":\"09\"}", NULL, 0, "a short key");
	bad("{\"type\":\"rekey\"," HEAD ",\"epoch\":1," KEY64 "}", "x", 1, "with a body");
	bad("{\"type\":\"rekey-drained\"," HEAD ",\"epoch\":\"0\"}", NULL, 0, "a text");
	bad("{\"type\":\"rekey-drained\"," HEAD "}", NULL, 0, "nothing");
}

/* The record says the epoch and never the key. */
static void test_rekey_record(void)
{
	struct buf body = BUF_INIT(200);
	struct wire w = {.type = WIRE_REKEY, .u.rekey = {.epoch = 7, .key = {9}}};

	is_int(wire_to_body(&body, &w), 0, "a rekey's record");
	ok(body.len == 11 && memcmp(body.data, "{\"epoch\":7}", 11) == 0, "has its epoch alone");
	is_int(wire_from_body(&w, WIRE_REKEY, "{\"epoch\":7}", 11), 0, "is read");
	is_int(w.u.rekey.epoch, 7, "and has it");
	wire_free(&w);
	is_int(wire_from_body(&w, WIRE_REKEY_DRAINED, "{}", 2), MP_EBAD, "none without");
	buf_free(&body);
}

/* What a mesh_address says is not wire's business; that it is an object is. */
static void test_mesh(void)
{
	static const char id[] = "\"000102030405060708090a0b0c0d0e0f\"";
	char many[4096];
	size_t n = 0;

	good("{\"type\":\"contact-update\"," HEAD ",\"mesh\":{\"type\":\"mesh_address\"}}", NULL, 0,
	    "a contact-update");
	bad("{\"type\":\"contact-update\"," HEAD "}", NULL, 0, "of nothing");
	bad("{\"type\":\"contact-update\"," HEAD ",\"mesh\":[]}", NULL, 0, "of a list");
	bad("{\"type\":\"contact-update\"," HEAD ",\"mesh\":{}}", "x", 1, "with a body");
	good("{\"type\":\"receipt\"," HEAD ",\"ids\":[\"000102030405060708090a0b0c0d0e0f\"]}", NULL,
	    0, "a receipt");
	bad("{\"type\":\"receipt\"," HEAD ",\"ids\":[]}", NULL, 0, "for nothing");
	bad("{\"type\":\"receipt\"," HEAD "}", NULL, 0, "without ids");
	bad("{\"type\":\"receipt\"," HEAD ",\"ids\":[\"0001\"]}", NULL, 0, "for a short id");
	bad("{\"type\":\"receipt\"," HEAD ",\"ids\":[7]}", NULL, 0, "for a number");
	bad("{\"type\":\"receipt\"," HEAD ",\"ids\":{\"a\":\"b\"}}", NULL, 0, "for an object");
	n = (size_t)snprintf(many, sizeof(many), "{\"type\":\"receipt\"," HEAD ",\"ids\":[%s", id);
	for (int i = 1; i < RECEIPT_MAX; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, ",%s", id);
	snprintf(many + n, sizeof(many) - n, "]}");
	good(many, NULL, 0, "for as many as there may be");
	snprintf(many + n, sizeof(many) - n, ",%s]}", id);
	bad(many, NULL, 0, "for one more");
}

/* What an update says is a secret: no record has it. */
static void test_mesh_record(void)
{
	struct buf body = BUF_INIT(2000);
	struct wire w = {.type = WIRE_CONTACT_UPDATE};

	is_int(wire_to_body(&body, &w), 0, "an update's record");
	ok(body.len == 2 && memcmp(body.data, "{}", 2) == 0, "has nothing");
	buf_clear(&body);
	w = (struct wire){.type = WIRE_RECEIPT, .u.receipt = {.n = 1, .id = {{0xab}}}};
	is_int(wire_to_body(&body, &w), 0, "a receipt's record");
	ok(body.len == 44 && memcmp(body.data, "{\"ids\":[\"ab00", 13) == 0, "has its ids");
	is_int(wire_from_body(&w, WIRE_DEVICE_SYNC, "{}", 2), 0, "a device-sync's is read");
	wire_free(&w);
	is_int(wire_from_body(&w, WIRE_RECEIPT, "{}", 2), 0, "one of mp-due is read");
	is_int((long long)w.u.receipt.n, 0, "and has none yet");
	wire_free(&w);
	buf_free(&body);
}

int main(void)
{
	test_mesh();
	test_mesh_record();
	test_rekey();
	test_rekey_record();
	test_names();
	test_length();
	test_message();
	test_common();
	test_encode_bounds();
	test_ping();
	test_initial();
	return done();
}
