#include "chat/frame.h"

#include <string.h>

#include "base/err.h"

#define VERSION 0x0100

static const uint16_t codes[FRAME_TYPES] = {
    [FRAME_INIT_REQ] = 0x0000,
    [FRAME_INIT_RES] = 0x0010,
    [FRAME_CLOSE_REQ] = 0x0100,
    [FRAME_CLOSE_RES] = 0x0110,
    [FRAME_MSG_REQ] = 0x0200,
    [FRAME_MSG_RES] = 0x0210,
    [FRAME_INVITE_REQ] = 0x0300,
    [FRAME_INVITE_RES] = 0x0310,
    [FRAME_STATUS_REQ] = 0x0400,
    [FRAME_STATUS_RES] = 0x0410,
};

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

void put64(uint8_t p[static 8], uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

uint64_t get64(const uint8_t p[static 8])
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void frame_write(uint8_t out[static FRAME_HEAD], const struct frame *f)
{
	put16(out, VERSION);
	put16(out + 2, codes[f->type]);
	put16(out + 4, f->len);
	put16(out + 6, f->sqn);
	put64(out + 8, f->sid);
	put64(out + 16, f->uid);
	memcpy(out + 24, f->rnd, 6);
	put16(out + 30, 0);
}

static int find_type(enum frame_type *type, uint16_t code)
{
	for (int i = 0; i < FRAME_TYPES; i++)
		if (codes[i] == code) {
			*type = (enum frame_type)i;
			return 0;
		}
	return err_set(MP_EBAD, "a frame of an unknown type");
}

int frame_read(struct frame *f, const uint8_t head[static FRAME_HEAD])
{
	if (get16(head) != VERSION)
		return err_set(MP_EBAD, "a frame of another version");
	f->len = get16(head + 4);
	f->sqn = get16(head + 6);
	f->sid = get64(head + 8);
	f->uid = get64(head + 16);
	memcpy(f->rnd, head + 24, 6);
	if (f->len < FRAME_HEAD + FRAME_MAC || get16(head + 30) != 0)
		return err_set(MP_EBAD, "a frame with a wrong header");
	return find_type(&f->type, get16(head + 2));
}

int frame_next(const uint8_t *data, size_t len, size_t *size)
{
	struct frame f;

	if (len < FRAME_HEAD) {
		/* Not one byte more is waited for from who speaks something else. */
		if ((len > 0 && data[0] != VERSION >> 8) ||
		    (len > 1 && data[1] != (VERSION & 0xff)))
			return err_set(MP_EBAD, "a frame of another version");
		return 0;
	}
	if (frame_read(&f, data) != 0)
		return MP_EBAD;
	*size = f.len;
	return len >= f.len;
}
