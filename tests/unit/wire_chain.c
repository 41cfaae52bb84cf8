/* A group's chain: its fields in messages and files, and its hashes (vectors: tests/protocol.t). */
#include "base/err.h"
#include "base/text.h"
#include "wire/chain.h"
#include "tap.h"

#define HEX16 "0123456789abcdef"
#define HEX64 HEX16 HEX16 HEX16 HEX16
#define SEEN(member) "{\"member\":\"" member "\",\"n\":1,\"h\":\"" HEX64 "\"}"
#define SEEN_1 SEEN("0000000000000001")
#define SEEN_2 SEEN("0000000000000002")

static struct buf header = BUF_INIT(65536);

static int decode(struct wire *w, const char *type, const char *id, const char *rest, size_t blen)
{
	static const uint8_t body[4096] = {1};
	struct envelope e = {.body = body, .blen = blen};

	buf_clear(&header);
	buf_addf(&header, "{\"type\":\"%s\",\"id\":\"%s\",\"time\":\"2026-11-20T10:16:34.123Z\"%s}",
	    type, id, rest);
	e.header = header.data;
	e.hlen = header.len;
	return wire_decode(w, &e);
}

/* Decoded, encoded again: the same text. */
static void good(const char *type, const char *id, const char *rest, size_t blen, const char *what)
{
	struct buf again = BUF_INIT(65536);
	struct wire w;

	if (!is_int(decode(&w, type, id, rest, blen), 0, what))
		printf("# %s\n", err_detail());
	is_int(wire_encode(&again, &w), 0, "encoded again");
	ok(again.len == header.len && memcmp(again.data, header.data, again.len) == 0,
	    "it is the same");
	wire_free(&w);
	buf_free(&again);
}

static void bad(const char *type, const char *id, const char *rest, size_t blen, const char *what)
{
	struct wire w;

	is_int(decode(&w, type, id, rest, blen), MP_EBAD, what);
	ok(w.json == NULL && err_detail()[0] != '\0', "it says '%s'", err_detail());
}

/* A message to a group, with one of its fields replaced, or gone. */
static int message(int at, const char *instead)
{
	static const char *const fields[] = {"\"group\":\"" HEX64 "\"", "\"n\":7",
	    "\"h\":\"" HEX64 "\"", "\"members\":\"" HEX64 "\"", "\"seen\":[" SEEN_1 "," SEEN_2 "]"};
	struct buf b = BUF_INIT(65536);
	struct wire w;
	int r;

	for (int i = 0; i < 5; i++)
		if (i != at || instead[0] != '\0')
			buf_addf(&b, ",%s", i == at ? instead : fields[i]);
	buf_terminate(&b);
	r = decode(&w, "message", HEX16 HEX16, (char *)b.data, 5);
	if (r == 0)
		wire_free(&w);
	buf_free(&b);
	return r;
}

static void test_message(void)
{
	static const struct {
		int at;
		const char *instead, *what;
	} wrong[] = {
	    {0, "", "no group"},
	    {1, "", "no n"},
	    {2, "", "no h"},
	    {3, "", "no members"},
	    {4, "", "no seen"},
	    {0, "\"group\":null", "a null group"},
	    {0, "\"group\":\"" HEX16 "\"", "a short group"},
	    {0, "\"group\":\"" HEX64 "00\"", "a long group"},
	    {1, "\"n\":0", "n 0"},
	    {1, "\"n\":-1", "n -1"},
	    {1, "\"n\":9007199254740993", "n beyond 2^53"},
	    {1, "\"n\":\"7\"", "n as text"},
	    {1, "\"n\":7.0", "n as a real number"},
	    {2, "\"h\":\"" HEX16 "\"", "a short h"},
	    {2, "\"h\":7", "h as a number"},
	    {3, "\"members\":[]", "members as a list"},
	    {4, "\"seen\":null", "a null seen"},
	    {4, "\"seen\":{}", "seen as an object"},
	    {4, "\"seen\":[7]", "a number that was seen"},
	    {4, "\"seen\":[{\"n\":1,\"h\":\"" HEX64 "\"}]", "nobody that was seen"},
	    {4, "\"seen\":[{\"member\":\"" HEX16 "\",\"h\":\"" HEX64 "\"}]", "nothing that was"},
	    {4, "\"seen\":[{\"member\":\"" HEX16 "\",\"n\":1}]", "nothing that it was"},
	    {4, "\"seen\":[{\"member\":\"" HEX16 "\",\"n\":0,\"h\":\"" HEX64 "\"}]", "seen 0"},
	    {4, "\"seen\":[" SEEN("01") "]", "a short member"},
	    {4, "\"seen\":[" SEEN(HEX16 "00") "]", "a long member"},
	    {4, "\"seen\":[" SEEN_1 "," SEEN_2 "," SEEN_1 "]", "a member twice"},
	};

	is_int(message(-1, ""), 0, "a message to a group");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		is_int(message(wrong[i].at, wrong[i].instead), MP_EBAD, wrong[i].what);
	is_int(message(1, "\"n\":9007199254740992"), 0, "n 2^53");
	is_int(message(4, "\"seen\":[]"), 0, "nothing seen yet");
	good("message", HEX16 HEX16,
	    ",\"group\":\"" HEX64 "\",\"n\":1,\"h\":\"" HEX64 "\",\"members\":\"" HEX64
	    "\",\"seen\":[" SEEN_1 "]",
	    1, "the whole of it");
	bad("message", HEX16 HEX16, ",\"n\":1", 1, "a counter without its group");
	bad("message", HEX16 HEX16, ",\"seen\":[]", 1, "nor what was seen without it");
}

static void test_most(void)
{
	struct wire w = {.type = WIRE_MESSAGE, .time = 1, .body = (const uint8_t *)"x", .blen = 1};
	struct wire_chain *c = &w.u.message.chain;
	struct buf out = BUF_INIT(65536);
	struct wire back;

	c->grouped = true;
	c->n = INT64_C(1) << 53;
	c->nseen = PEOPLE_MAX;
	for (int i = 0; i < PEOPLE_MAX; i++) {
		c->seen[i].member[7] = (uint8_t)i;
		c->seen[i].n = INT64_C(1) << 53;
	}
	is_int(wire_encode(&out, &w), 0, "32 members seen");
	ok(out.len <= HEADER_MAX, "are %zu bytes", out.len);
	is_int(wire_decode(&back,
	           &(struct envelope){
	               .header = out.data, .hlen = out.len, .body = w.body, .blen = w.blen}),
	    0, "and arrive");
	ok(memcmp(&back.u.message.chain, c, sizeof(*c)) == 0, "as they were");
	wire_free(&back);
	buf_clear(&out);
	c->nseen = PEOPLE_MAX + 1;
	is_int(wire_encode(&out, &w), MP_EBAD, "33 are not sent");
	c->nseen = 2;
	c->seen[1].member[7] = 0;
	is_int(wire_encode(&out, &w), MP_EBAD, "nor one of them twice");
	c->seen[1].member[7] = 1;
	c->seen[1].n = 0;
	is_int(wire_encode(&out, &w), MP_EBAD, "nor of whom nothing was seen");
	c->nseen = 0;
	c->n = 0;
	is_int(wire_encode(&out, &w), MP_EBAD, "nor a counter of 0");
	c->n = (INT64_C(1) << 53) + 1;
	is_int(wire_encode(&out, &w), MP_EBAD, "nor one beyond 2^53");
	is_int((long long)out.len, 0, "nothing was written");
	buf_free(&out);
}

/* And one that arrives with 33. */
static void test_too_many(void)
{
	struct buf b = BUF_INIT(65536);

	buf_adds(&b, "\"seen\":[");
	for (int i = 0; i < 33; i++)
		buf_addf(&b, "%s{\"member\":\"%016x\",\"n\":1,\"h\":\"" HEX64 "\"}",
		    i == 0 ? "" : ",", (unsigned)i);
	buf_adds(&b, "]");
	buf_terminate(&b);
	is_int(message(4, (char *)b.data), MP_EBAD, "33 members seen");
	buf_free(&b);
}

#define FILE_ID "6162636465666768696a6b6c0000000"
#define TO ",\"group\":\"" HEX64 "\""
#define CHAIN TO ",\"n\":1,\"h\":\"" HEX64 "\",\"members\":\"" HEX64 "\",\"seen\":[]"
#define NAME ",\"name\":\"a\""
#define HASH ",\"sha256\":\"" HEX64 "\""

static void test_file(void)
{
	const char *const zero = ",\"size\":10000,\"chunk\":0,\"chunks\":3,\"step\":4096";
	char text[1024];

#define WITH(list) (snprintf(text, sizeof(text), "%s%s", zero, list), text)
	good("file", FILE_ID "0", WITH(CHAIN NAME HASH), 0, "the offer of a file to a group");
	bad("file", FILE_ID "0", WITH(CHAIN NAME), 0, "without its hash");
	bad("file", FILE_ID "0", WITH(NAME HASH), 0, "with the hash, but without a group");
	bad("file", FILE_ID "0", WITH(TO NAME HASH), 0, "with a group and no chain");
	bad("file", FILE_ID "0", WITH(NAME ",\"n\":1"), 0, "with a counter and no group");
#undef WITH
	good("file", FILE_ID "1", ",\"size\":10000,\"chunk\":1,\"chunks\":3,\"step\":4096" TO, 4096,
	    "a chunk has the group alone");
	bad("file", FILE_ID "1", ",\"size\":10000,\"chunk\":1,\"chunks\":3,\"step\":4096" TO HASH,
	    4096, "and no hash");
	good("file", FILE_ID "3", ",\"size\":10000,\"chunk\":3,\"chunks\":3,\"step\":4096" TO HASH,
	    1808, "the last one has the hash");
	bad("file", FILE_ID "3",
	    ",\"size\":10000,\"chunk\":3,\"chunks\":3,\"step\":4096,\"group\":7" HASH, 1808,
	    "a group that is a number");
	good("file", FILE_ID "0",
	    ",\"size\":0,\"chunk\":0,\"chunks\":0,\"step\":4096" CHAIN NAME HASH, 0,
	    "an empty file to a group");
}

static void test_hashes(void)
{
	static uint8_t onions[40][32];
	uint8_t group[32] = {9}, one[32], two[32], h[32] = {0}, content[32] = {7};

	for (int i = 0; i < 40; i++)
		onions[i][0] = (uint8_t)(i * 37);
	chain_members(one, group, (const uint8_t(*)[32])onions, 40);
	for (int i = 0; i < 40; i++)
		onions[i][0] = (uint8_t)((39 - i) * 37);
	chain_members(two, group, (const uint8_t(*)[32])onions, 40);
	ok(memcmp(one, two, 32) == 0,
	    "members in whatever order, and more of them than a list has");
	chain_members(two, group, (const uint8_t(*)[32])onions, 39);
	ok(memcmp(one, two, 32) != 0, "but not without one");
	chain_next(one, h, group, onions[0], 1, content);
	chain_next(h, h, group, onions[0], 1, content);
	ok(memcmp(one, h, 32) == 0, "a chain goes on in place");
	chain_next(one, h, group, onions[0], 2, content);
	chain_next(two, h, group, onions[1], 2, content);
	ok(memcmp(one, two, 32) != 0, "two senders have two chains");
}

int main(void)
{
	test_message();
	test_most();
	test_too_many();
	test_file();
	test_hashes();
	buf_free(&header);
	return done();
}
