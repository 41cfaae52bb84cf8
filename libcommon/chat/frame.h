/*
 * frame: one message of the transfer protocol, as bytes (mp-chat-protocol(7), FRAMES).
 *
 *   ver 2 | typ 2 | len 2 | sqn 2 | sid 8 | uid 8 | rnd 6 | rsv 2 | payload, encrypted | mac 12
 *
 * All numbers big endian; len counts the whole frame.  The first frame of a client has the wrapped
 * temporary key (256 bytes) behind the mac.
 */
#ifndef MP_CHAT_FRAME_H
#define MP_CHAT_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define FRAME_HEAD 32u
#define FRAME_MAC 12u
#define FRAME_ETK 256u
#define FRAME_MAX 65535u
#define FRAME_PAYLOAD (FRAME_MAX - FRAME_HEAD - FRAME_MAC)

enum frame_type {
	FRAME_INIT_REQ,   /* 00 00, the first one of a connection: the login */
	FRAME_INIT_RES,   /* 00 10 */
	FRAME_CLOSE_REQ,  /* 01 00 */
	FRAME_CLOSE_RES,  /* 01 10 */
	FRAME_MSG_REQ,    /* 02 00 */
	FRAME_MSG_RES,    /* 02 10 */
	FRAME_INVITE_REQ, /* 03 00 */
	FRAME_INVITE_RES, /* 03 10 */
	FRAME_STATUS_REQ, /* 04 00 */
	FRAME_STATUS_RES, /* 04 10 */
	FRAME_TYPES
};

struct frame {
	enum frame_type type;
	uint16_t len, sqn;
	uint64_t sid, uid;
	uint8_t rnd[6];
};

void frame_write(uint8_t out[static FRAME_HEAD], const struct frame *f);
/* MP_EBAD: another version, an unknown type, a len below an empty frame's, rsv not zero. */
int frame_read(struct frame *f, const uint8_t head[static FRAME_HEAD]);

/*
 * Is a whole frame at the start of len bytes?  1 and its *size; 0 when more is needed; MP_EBAD as
 * soon as it cannot become a frame.
 */
int frame_next(const uint8_t *data, size_t len, size_t *size);

void put64(uint8_t p[static 8], uint64_t v);
uint64_t get64(const uint8_t p[static 8]);

#endif
