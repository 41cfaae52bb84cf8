/*
 * lines: any bytes, cut at each LF, in constant memory.
 *
 * For text that is not records yet.  What lines_next() gives is valid until it is called again.
 */
#ifndef MP_BASE_LINES_H
#define MP_BASE_LINES_H

#include <stdbool.h>
#include "base/buf.h"

struct lines {
	int fd;
	size_t max; /* bytes of a line, without its LF */
	struct buf b;
	size_t at;
	unsigned long number; /* of the line given last */
	bool eof, skipping;
};

void lines_init(struct lines *l, int fd, size_t max);
void lines_free(struct lines *l);

/*
 * 1 and the next line without its LF, 0 at the end, or a code.  A last line without LF is a line
 * too. After MP_ELIMIT (longer than max) it can be called on: the rest of that line is passed over.
 */
int lines_next(struct lines *l, const uint8_t **line, size_t *len);

/*
 * The two halves of lines_next(), for who waits for several descriptors: one read(), which blocks
 * only when there is nothing, and what is in memory, 0 when that is no whole line.
 */
int lines_fill(struct lines *l);
int lines_take(struct lines *l, const uint8_t **line, size_t *len);

/* True when the line given last was the last one and had no LF. */
bool lines_cut(const struct lines *l);

/* True when a whole further line is in memory: the next call will not block. */
bool lines_ready(const struct lines *l);

#endif
