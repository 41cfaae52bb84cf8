#include "otr/payload.h"

#include <string.h>

#include "base/err.h"

#define STEP 256
#define HEAD 5 /* kind, u32 length of what follows */
#define FILE_HEAD \
	(PAYLOAD_ID + 4 + 4 + 8 + 32 + 1) /* id, piece, pieces, size, hash, length of name */

uint32_t payload_pieces(uint64_t size)
{
	uint64_t n = size == 0 ? 1 : (size + PAYLOAD_PIECE - 1) / PAYLOAD_PIECE;

	return n > UINT32_MAX ? 0 : (uint32_t)n;
}

static int add_file(struct buf *out, const struct payload *p)
{
	int r;

	if ((r = buf_add(out, p->id, PAYLOAD_ID)) != MP_OK ||
	    (r = buf_add32(out, p->piece)) != MP_OK || (r = buf_add32(out, p->pieces)) != MP_OK ||
	    (r = buf_add32(out, (uint32_t)(p->size >> 32))) != MP_OK ||
	    (r = buf_add32(out, (uint32_t)p->size)) != MP_OK ||
	    (r = buf_add(out, p->sha256, sizeof(p->sha256))) != MP_OK ||
	    (r = buf_addc(out, (int)p->name_len)) != MP_OK)
		return r;
	return buf_add(out, p->name, p->name_len);
}

/* Whether the numbers fit each other. */
static bool file_ok(const struct payload *p)
{
	uint64_t last = p->size - (uint64_t)(p->pieces - 1) * PAYLOAD_PIECE;

	if (p->pieces == 0 || p->pieces != payload_pieces(p->size) || p->piece >= p->pieces ||
	    p->name_len == 0 || p->name_len > PAYLOAD_NAME)
		return false;
	return p->len == (p->piece + 1 < p->pieces ? PAYLOAD_PIECE : last);
}

int payload_write(struct buf *out, const struct payload *p)
{
	size_t from = out->len;
	int r;

	if (p->kind == PAYLOAD_IS_TEXT ? p->len == 0 || p->len > PAYLOAD_TEXT : !file_ok(p))
		return err_set(
		    MP_ELIMIT, "a text of %zu bytes, of at most %d", p->len, PAYLOAD_TEXT);
	if ((r = buf_addc(out, (int)p->kind)) != MP_OK || (r = buf_add32(out, 0)) != MP_OK)
		return r;
	if (p->kind == PAYLOAD_IS_FILE && (r = add_file(out, p)) != MP_OK)
		return r;
	if ((r = buf_add(out, p->data, p->len)) != MP_OK)
		return r;
	put32(out->data + from + 1, (uint32_t)(out->len - from - HEAD));
	while (r == MP_OK && (out->len - from) % STEP != 0)
		r = buf_addc(out, 0);
	return r;
}

static int read_file(struct payload *p)
{
	const uint8_t *d = p->data;

	if (p->len < FILE_HEAD)
		return MP_EBAD;
	memcpy(p->id, d, PAYLOAD_ID);
	p->piece = get32(d + 16);
	p->pieces = get32(d + 20);
	p->size = (uint64_t)get32(d + 24) << 32 | get32(d + 28);
	memcpy(p->sha256, d + 32, sizeof(p->sha256));
	p->name = d + FILE_HEAD;
	p->name_len = d[FILE_HEAD - 1];
	if (p->len - FILE_HEAD < p->name_len)
		return MP_EBAD;
	p->data += FILE_HEAD + p->name_len;
	p->len -= FILE_HEAD + p->name_len;
	return file_ok(p) ? MP_OK : MP_EBAD;
}

int payload_read(struct payload *p, const uint8_t *data, size_t len)
{
	size_t n = len < HEAD ? 0 : get32(data + 1);
	int r = MP_EBAD;

	memset(p, 0, sizeof(*p));
	if (len < HEAD || len % STEP != 0 || n > len - HEAD || len - HEAD - n >= STEP)
		goto out;
	for (size_t i = HEAD + n; i < len; i++)
		if (data[i] != 0)
			goto out;
	p->kind = (enum payload_kind)data[0];
	p->data = data + HEAD;
	p->len = n;
	if (p->kind == PAYLOAD_IS_TEXT)
		r = n > 0 && n <= PAYLOAD_TEXT ? MP_OK : MP_EBAD;
	else if (p->kind == PAYLOAD_IS_FILE)
		r = read_file(p);
out:
	return r == MP_OK ? r : err_set(r, "a malformed message");
}
