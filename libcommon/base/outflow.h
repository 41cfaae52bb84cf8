/*
 * outflow: lines for a descriptor that takes them when it likes.
 *
 * The writer adds and goes on; what waits is in memory, up to a maximum, and outflow_write() is
 * called when poll() says that the descriptor takes something.  So two programs that are joined
 * both ways do not wait for each other.  The descriptor need not be non-blocking and is not made
 * so, for it may be another program's, too.
 */
#ifndef MP_BASE_OUTFLOW_H
#define MP_BASE_OUTFLOW_H

#include "base/buf.h"

struct outflow {
	int fd;
	const char *name; /* in messages; not copied */
	struct buf b;
	size_t sent; /* of b */
};

void outflow_init(struct outflow *o, int fd, const char *name, size_t max);
void outflow_free(struct outflow *o);

/* Adds a line and its LF. MP_ELIMIT, MP_ENOMEM. */
int outflow_line(struct outflow *o, const void *line, size_t len);
/* Bytes that wait. */
size_t outflow_waits(const struct outflow *o);
/* One write. MP_ESYS: nobody reads any more. */
int outflow_write(struct outflow *o);

#endif
