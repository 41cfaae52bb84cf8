/*
 * listener: what a command with -l needs beside net/server.h: the home's key and certificate, so
 * many threads, and the line that says where it listens.
 */
#ifndef MP_NET_LISTENER_H
#define MP_NET_LISTENER_H

#include "base/buf.h"

#define LISTENER_THREADS 4

/* PEM, NUL-terminated; MP_EUSAGE: mp-keygen never ran here. */
int listener_tls(struct buf *cert, struct buf *key);
/* As many as there are processors, LISTENER_THREADS at most. */
unsigned listener_threads(void);
/* "ready WHERE" to fd, which is closed; nothing when fd is negative. */
void listener_ready(int fd, const char *where);

#endif
