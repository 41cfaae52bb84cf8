/*
 * torrc: the configuration of a tor of our own, as text.
 *
 * Every path is quoted, so that any byte of $MP_HOME is harmless.  Borrowed strings, nothing to
 * free.
 */
#ifndef MP_NODE_TORRC_H
#define MP_NODE_TORRC_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/buf.h"

struct torrc {
	const char *data;    /* DataDirectory */
	const char *service; /* HiddenServiceDir, with the keys of our identity */
	const char *log;     /* notices, emptied at each start */
	const char *socks;   /* the sockets' paths; tor wants their directory 0700 */
	const char *control;
	const char *cookie;  /* for the control port */
	const char *target;  /* ADDR:PORT behind port 443 of our service */
	const char *include; /* more lines, read last; "" none */
	pid_t owner;         /* tor ends with this process */
	bool pow;            /* this tor has the proof-of-work defence */
};

int torrc_text(struct buf *out, const struct torrc *t);

#endif
