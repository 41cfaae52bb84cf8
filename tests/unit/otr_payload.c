/* Texts and pieces of files to padded bytes and back; what is no payload. */
#include "base/err.h"
#include "otr/payload.h"
#include "tap.h"

static void test_text(void)
{
	static uint8_t big[PAYLOAD_TEXT + 1];
	struct buf out = BUF_INIT(1 << 20);
	struct payload p = {.kind = PAYLOAD_IS_TEXT, .data = (const uint8_t *)"hi", .len = 2}, q;

	is_int(payload_write(&out, &p), 0, "a text");
	is_int((long long)out.len, 256, "is padded");
	is_int(payload_read(&q, out.data, out.len), 0, "is read");
	ok(q.kind == PAYLOAD_IS_TEXT && q.len == 2 && memcmp(q.data, "hi", 2) == 0, "and the same");
	for (size_t i = 0; i < out.len; i++) {
		uint8_t kept = out.data[i];

		if (i >= 4 && i <= 6) /* a longer text, another text */
			continue;
		out.data[i] ^= 0x40;
		if (payload_read(&q, out.data, out.len) != MP_EBAD)
			ok(0, "byte %zu changed is refused", i);
		out.data[i] = kept;
	}
	is_int(payload_read(&q, out.data, out.len - 1), MP_EBAD, "cut off");
	is_int(payload_read(&q, out.data, 0), MP_EBAD, "nothing");
	out.len = 0;
	p.len = 0;
	is_int(payload_write(&out, &p), MP_ELIMIT, "an empty text is none");
	p.data = big;
	p.len = PAYLOAD_TEXT;
	is_int(payload_write(&out, &p), 0, "the longest");
	is_int(payload_read(&q, out.data, out.len), 0, "is read");
	p.len++;
	is_int(payload_write(&out, &p), MP_ELIMIT, "a longer one is none");
	out.len = 0;
	p.len = 251;
	is_int(payload_write(&out, &p), 0, "one that fits exactly");
	is_int((long long)out.len, 256, "has no padding");
	is_int(payload_read(&q, out.data, out.len), 0, "and is read");
	buf_free(&out);
}

static void test_file(void)
{
	static uint8_t data[PAYLOAD_PIECE];
	struct buf out = BUF_INIT(1 << 20);
	struct payload p = {.kind = PAYLOAD_IS_FILE,
	                   .pieces = 2,
	                   .size = PAYLOAD_PIECE + 3,
	                   .name = (const uint8_t *)"x.bin",
	                   .name_len = 5,
	                   .data = data,
	                   .len = PAYLOAD_PIECE},
	               q;

	is_int((long long)payload_pieces(0), 1, "an empty file is a piece");
	is_int((long long)payload_pieces(PAYLOAD_PIECE), 1, "a full one is one");
	is_int((long long)payload_pieces(PAYLOAD_PIECE + 1), 2, "a byte more is two");
	is_int((long long)payload_pieces(UINT64_MAX / 2), 0, "there is a limit");
	is_int(payload_write(&out, &p), 0, "a piece");
	is_int(payload_read(&q, out.data, out.len), 0, "is read");
	ok(q.piece == 0 && q.pieces == 2 && q.size == p.size && q.len == PAYLOAD_PIECE &&
	        q.name_len == 5 && memcmp(q.name, "x.bin", 5) == 0,
	    "and the same");
	out.data[5 + 16 + 7] = 3; /* pieces */
	is_int(payload_read(&q, out.data, out.len), MP_EBAD, "numbers that do not fit");
	out.len = 0;
	p.piece = 1;
	is_int(payload_write(&out, &p), MP_ELIMIT, "the last has what is left");
	p.len = 3;
	is_int(payload_write(&out, &p), 0, "and no more");
	p.piece = 2;
	is_int(payload_write(&out, &p), MP_ELIMIT, "there is none behind it");
	buf_free(&out);
}

int main(void)
{
	test_text();
	test_file();
	return done();
}
