/* Files on the wire: the only chunks, ids and statuses that there can be; records' JSON. */
#include "base/err.h"
#include "base/text.h"
#include "wire/wire.h"
#include "tap.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static uint8_t body[ENVELOPE_CHUNK];

/* A file of 10,000 bytes in chunks of 4096: 0, 1, 2, 3 (1808 bytes, with the hash). */
static struct wire chunk(int64_t n)
{
	struct wire w = {.type = WIRE_FILE, .time = 1, .body = body};

	file_chunk_id(w.id, (const uint8_t *)"transfer id.\0\0\0", (uint32_t)n);
	w.u.file = (struct wire_file){.size = 10000, .chunk = n, .chunks = 3, .step = 4096};
	if (n == 0)
		w.u.file.name = "report.pdf";
	w.blen = n == 0 ? 0 : n == 3 ? 1808 : 4096;
	if (n == 3) {
		w.u.file.has_hash = true;
		hex_decode(w.u.file.sha256, 32, HASH);
	}
	return w;
}

static void refused(const struct wire *w, const char *what)
{
	struct buf out = BUF_INIT(4096);

	is_int(wire_encode(&out, w), MP_EBAD, what);
	is_int((long long)out.len, 0, "nothing written");
	buf_free(&out);
}

static int travels(const struct wire *w, struct buf *header, struct wire *back)
{
	struct envelope e;

	buf_clear(header);
	if (wire_encode(header, w) != 0)
		return MP_EUSAGE;
	e = (struct envelope){
	    .header = header->data, .hlen = header->len, .body = w->body, .blen = w->blen};
	return wire_decode(back, &e);
}

static void test_chunks(void)
{
	struct buf header = BUF_INIT(4096);
	struct wire back;

	for (int64_t n = 0; n <= 3; n++) {
		struct wire w = chunk(n);

		is_int(travels(&w, &header, &back), 0, "a chunk travels");
		ok(back.u.file.size == 10000 && back.u.file.chunk == n && back.u.file.chunks == 3 &&
		        back.u.file.step == 4096 && back.u.file.has_hash == (n == 3),
		    "its fields");
		if (n == 0)
			is_str(back.u.file.name, "report.pdf", "its name");
		else
			ok(back.u.file.name == NULL, "no name");
		wire_free(&back);
	}
	buf_free(&header);
}

static void test_edges(void)
{
	struct buf header = BUF_INIT(4096);
	struct wire w = chunk(0), back;

	w.u.file = (struct wire_file){.name = "empty", .step = 1024, .has_hash = true};
	is_int(travels(&w, &header, &back), 0, "an empty file is chunk 0 with its hash");
	wire_free(&back);
	w.u.file.has_hash = false;
	refused(&w, "without the hash it is not");
	w = chunk(1);
	w.u.file = (struct wire_file){
	    .size = 4096, .chunk = 1, .chunks = 1, .step = 4096, .has_hash = true};
	is_int(travels(&w, &header, &back), 0, "exactly one full chunk");
	wire_free(&back);
	w = chunk(0);
	w.u.file.size = (INT64_C(1) << 31) * FILE_STEP;
	w.u.file.step = FILE_STEP;
	w.u.file.chunks = INT64_C(1) << 31;
	is_int(travels(&w, &header, &back), 0, "2^31 chunks");
	wire_free(&back);
	file_chunk_id(w.id, w.id, UINT32_C(1) << 31);
	w.u.file.chunk = INT64_C(1) << 31;
	w.u.file.has_hash = true;
	w.blen = FILE_STEP;
	is_int(travels(&w, &header, &back), 0, "and the last of them");
	wire_free(&back);
	w = chunk(0);
	w.u.file.size = (INT64_C(1) << 31) * FILE_STEP + 1;
	w.u.file.step = FILE_STEP;
	w.u.file.chunks = (INT64_C(1) << 31) + 1;
	refused(&w, "one more chunk");
	buf_free(&header);
}

static void test_wrong(void)
{
	struct wire w;

#define WRONG(n, change, what)     \
	do {                       \
		w = chunk(n);      \
		change;            \
		refused(&w, what); \
	} while (0)
	WRONG(0, w.blen = 1, "an offer with a body");
	WRONG(1, w.blen = 4095, "a chunk too short");
	WRONG(1, w.blen = 4097, "a chunk too long");
	WRONG(1, w.blen = 0, "a chunk without a body");
	WRONG(3, w.blen = 4096, "the last chunk as long as the others");
	WRONG(3, w.blen = 1807, "the last chunk too short");
	WRONG(3, w.u.file.has_hash = false, "the last chunk without the hash");
	WRONG(2, w.u.file.has_hash = true, "a hash in the middle");
	WRONG(0, w.u.file.has_hash = true, "a hash in the offer");
	WRONG(0, w.u.file.name = NULL, "an offer without a name");
	WRONG(0, w.u.file.name = "", "an empty name");
	WRONG(0, w.u.file.name = "a/b", "a path");
	WRONG(0, w.u.file.name = "/etc/passwd", "an absolute path");
	WRONG(0, w.u.file.name = ".", "a name '.'");
	WRONG(0, w.u.file.name = "..", "a name '..'");
	WRONG(0, w.u.file.name = "a\nb", "a newline in the name");
	WRONG(0,
	    w.u.file.name = "cod\xe2\x80\xae"
	                    "fdp.exe",
	    "a bidi override in the name");
	WRONG(0, w.u.file.name = "a\xff", "a name that is no UTF-8");
	WRONG(1, w.u.file.chunk = 2, "a number that is not the id's");
	WRONG(1, w.id[15] = 2, "an id that is not the number's");
	WRONG(1, w.id[12] = 1, "an id with more than the number");
	WRONG(1, (w.u.file.chunks = 4), "too many chunks for the size");
	WRONG(1, (w.u.file.chunks = 2), "too few chunks for the size");
	WRONG(1, (w.u.file.chunks = -1), "less than no chunks");
	WRONG(0, w.u.file.size = -1, "less than no size");
	WRONG(0, w.u.file.size = (INT64_C(1) << 53) + 1, "a size beyond 2^53");
	WRONG(1, w.u.file.step = 0, "no step");
	WRONG(1, w.u.file.step = 1023, "a step too short");
	WRONG(1, w.u.file.step = FILE_STEP + 1, "a step too long");
	WRONG(0, (w.u.file.chain.grouped = true, w.u.file.chain.n = 1),
	    "an offer to a group without the hash");
	w = chunk(3);
	file_chunk_id(w.id, w.id, 4);
	w.u.file.chunk = 4;
	refused(&w, "a chunk behind the last");
}

/* The same rules hold for what arrives: each field out of bounds, missing or of another type. */
static void test_arriving(void)
{
	static const char *const good[] = {
	    "\"size\":10000", "\"chunk\":1", "\"chunks\":3", "\"step\":4096"};
	static const char *const wrong[][5] = {
	    {"\"size\":-1", "\"size\":9007199254740992", "\"size\":1e4", "\"size\":\"10000\"",
	        "\"x\":0"},
	    {"\"chunk\":-1", "\"chunk\":2", "\"chunk\":4", "\"chunk\":1.0", "\"x\":0"},
	    {"\"chunks\":0", "\"chunks\":2", "\"chunks\":4", "\"chunks\":true", "\"x\":0"},
	    {"\"step\":0", "\"step\":1023", "\"step\":261081", "\"step\":4095", "\"x\":0"},
	};
	uint8_t id[16];
	char hex[33], text[1024];
	int taken = 0;

	file_chunk_id(id, (const uint8_t *)"transfer id.\0\0\0", 1);
	hex_encode(hex, id, 16);
	for (int f = -1; f < 4; f++) {
		for (int v = 0; v < 5; v++) {
			const char *a[4] = {good[0], good[1], good[2], good[3]};
			struct envelope e = {.body = body, .blen = 4096};
			struct wire w;
			int r;

			if (f >= 0)
				a[f] = wrong[f][v];
			e.hlen = (size_t)snprintf(text, sizeof(text),
			    "{\"type\":\"file\",\"id\":\"%s\",\"time\":\"2026-11-20T10:16:34."
			    "123Z\","
			    "%s,%s,%s,%s}",
			    hex, a[0], a[1], a[2], a[3]);
			e.header = (const uint8_t *)text;
			r = wire_decode(&w, &e);
			if (f < 0)
				is_int(r, 0, "the right header is taken");
			else
				taken += r != MP_EBAD;
			if (r == 0)
				wire_free(&w);
		}
	}
	is_int(taken, 0, "no wrong one is");
}

static void test_step(void)
{
	struct wire w = chunk(0), back;
	struct buf header = BUF_INIT(4096);

	w.u.file = (struct wire_file){.size = INT64_C(500000000000000),
	    .chunks = (INT64_C(500000000000000) + FILE_STEP - 1) / FILE_STEP,
	    .step = FILE_STEP,
	    .chain = {.grouped = true}};
	w.u.file.chunk = w.u.file.chunks;
	w.u.file.has_hash = true;
	file_chunk_id(w.id, w.id, (uint32_t)w.u.file.chunk);
	w.blen = (size_t)(w.u.file.size - (w.u.file.chunks - 1) * w.u.file.step);
	w.reply = true;
	is_int(travels(&w, &header, &back), 0, "the longest header of a chunk");
	ok(header.len <= 1024, "is %zu bytes", header.len);
	is_int(ENVELOPE_CHUNK, 40 + 1024 + FILE_STEP, "and 1024 leave an envelope of 256 KiB");
	is_int((long long)envelope_padded(40 + 1024 + FILE_STEP), ENVELOPE_CHUNK, "unpadded");
	wire_free(&back);
	buf_free(&header);
}

static void test_ids(void)
{
	uint8_t id[16], back[16], first[16] = "abcdefghijkl\0\0\0";

	file_chunk_id(id, first, 0x01020304);
	ok(memcmp(id, "abcdefghijkl\1\2\3\4", 16) == 0, "twelve bytes and the number");
	is_int(file_chunk_of(id), 0x01020304, "the number");
	file_transfer_of(back, id);
	ok(memcmp(back, first, 16) == 0, "the transfer");
}

static void status(const char *json, int want, const char *what)
{
	struct wire w;
	struct buf out = BUF_INIT(4096);
	int r = wire_from_body(&w, WIRE_FILE_STATUS, json, strlen(json));

	is_int(r, want, what);
	if (r == 0) {
		is_int(wire_to_body(&out, &w), 0, "written");
		buf_terminate(&out);
		is_str((char *)out.data, json, "the same");
		wire_free(&w);
	} else {
		ok(w.json == NULL, "nothing kept");
	}
	buf_free(&out);
}

#define FILE_ID                                       \
	"{\"file\":\"0001020304050607080910110000000" \
	"0\","

static void test_status(void)
{
	struct wire w = {.type = WIRE_FILE_STATUS, .time = 1}, back;
	struct buf header = BUF_INIT(4096);

	for (int a = FILE_NO; a <= FILE_WAIT; a++) {
		w.u.status = (struct wire_file_status){
		    .file = "twelve bytes", .answer = (enum file_answer)a, .from = a == FILE_FROM};
		is_int(travels(&w, &header, &back), 0, "a status travels");
		ok(memcmp(&back.u.status, &w.u.status, sizeof(w.u.status)) == 0, "the same");
		wire_free(&back);
	}
	w.u.status.file[15] = 1;
	refused(&w, "a chunk's id is no transfer's");
	w.u.status.file[15] = 0;
	w.u.status.answer = FILE_FROM;
	w.u.status.from = 0;
	refused(&w, "from chunk 0");
	w.u.status.from = (INT64_C(1) << 31) + 2;
	refused(&w, "from a chunk that cannot be");
	w.u.status.from = 1;
	w.blen = 1;
	w.body = body;
	refused(&w, "a body");
	buf_free(&header);
}

static void test_records(void)
{
	struct wire w;
	struct buf out = BUF_INIT(4096);

	status(FILE_ID "\"answer\":\"from\",\"from\":7}", 0, "from");
	status(FILE_ID "\"answer\":\"no\"}", 0, "no");
	status(FILE_ID "\"answer\":\"wait\"}", 0, "wait");
	status(FILE_ID "\"answer\":\"from\"}", MP_EBAD, "from nowhere");
	status(FILE_ID "\"answer\":\"from\",\"from\":0}", MP_EBAD, "from 0");
	status(FILE_ID "\"answer\":\"yes\"}", MP_EBAD, "another answer");
	status(FILE_ID "\"answer\":1}", MP_EBAD, "no text");
	status("{\"answer\":\"no\"}", MP_EBAD, "no file");
	status("{\"file\":\"00010203040506070809101100000001\",\"answer\":\"no\"}", MP_EBAD,
	    "a chunk");
	status("[]", MP_EBAD, "no object");
	is_int(wire_from_body(&w, WIRE_PING, "{}", 2), 0, "a ping");
	is_int(wire_to_body(&out, &w), 0, "back");
	ok(out.len == 2 && memcmp(out.data, "{}", 2) == 0, "is {}");
	wire_free(&w);
	is_int(wire_from_body(&w, WIRE_PING, "{\"group\":\"x\"}", 13), MP_EBAD, "to no group");
	is_int(wire_from_body(&w, WIRE_INITIAL_CONTACT, "{\"nickname\":\"ann\"}", 18), 0, "a name");
	is_str(w.u.initial.nickname, "ann", "is read");
	buf_clear(&out);
	is_int(wire_to_body(&out, &w), 0, "and written");
	ok(out.len == 18 && memcmp(out.data, "{\"nickname\":\"ann\"}", 18) == 0, "the same");
	wire_free(&w);
	is_int(
	    wire_from_body(&w, WIRE_INITIAL_CONTACT, "{\"nickname\":\"\"}", 15), MP_EBAD, "empty");
	is_int(
	    wire_from_body(&w, WIRE_MESSAGE, "{}", 2), MP_EUSAGE, "a message's body is its text");
	is_int(wire_from_body(&w, WIRE_FILE, "{}", 2), MP_EUSAGE, "a file's record names a path");
	buf_free(&out);
}

int main(void)
{
	test_chunks();
	test_edges();
	test_wrong();
	test_arriving();
	test_step();
	test_ids();
	test_status();
	test_records();
	return done();
}
