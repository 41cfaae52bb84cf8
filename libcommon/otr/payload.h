/*
 * payload: what a message of a session carries: a text, or a piece of a file (mp-otr-protocol(7),
 * PAYLOAD).
 *
 * Padded with zeros to a multiple of 256 bytes, so that the ciphertext's length tells little of the
 * text's. A piece says everything about its file, so its receiver needs to remember only what it
 * has written. Reading borrows from the bytes given.  MP_EBAD: malformed.
 */
#ifndef MP_OTR_PAYLOAD_H
#define MP_OTR_PAYLOAD_H

#include <stdbool.h>
#include "base/buf.h"

#define PAYLOAD_TEXT 32768  /* bytes of a text, at most */
#define PAYLOAD_PIECE 24576 /* of a file's piece; all but the last have as many */
#define PAYLOAD_NAME 207    /* of a file's name, at most */
#define PAYLOAD_ID 16

enum payload_kind { PAYLOAD_IS_TEXT = 1, PAYLOAD_IS_FILE = 2 };

struct payload {
	enum payload_kind kind;
	/* a file's piece */
	uint8_t id[PAYLOAD_ID];
	uint32_t piece, pieces; /* from 0; at least 1 */
	uint64_t size;          /* of the file */
	uint8_t sha256[32];     /* of the file */
	const uint8_t *name;
	size_t name_len;
	/* the text, or the piece */
	const uint8_t *data;
	size_t len;
};

int payload_write(struct buf *out, const struct payload *p);
int payload_read(struct payload *p, const uint8_t *data, size_t len);

/* Pieces of a file of so many bytes, or 0 when there would be too many. */
uint32_t payload_pieces(uint64_t size);

#endif
