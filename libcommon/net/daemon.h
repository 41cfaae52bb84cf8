/*
 * daemon: what one connection and a listener have in common: libmicrohttpd with our callbacks.
 *
 * Part of server; nobody else includes it.
 */
#ifndef MP_NET_DAEMON_H
#define MP_NET_DAEMON_H

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "net/conn.h"
#include "net/server.h"

struct server {
	const struct server_options *o;
	struct conns conns;
	atomic_uint threads;  /* indices given out */
	atomic_size_t busy;   /* requests under way */
	atomic_bool stopping; /* answers close their connection */
	bool early;           /* answered before the request was read (one connection) */
};

/* places: connections at once; 0: there is only one. */
void daemon_init(struct server *s, const struct server_options *o, size_t places);

/* Not yet for any socket but what flags and the further options in array say; NULL when it cannot.
 */
struct MHD_Daemon *daemon_start(struct server *s, unsigned flags, struct MHD_OptionItem *array);

/* Whatever can be read from a descriptor that does not block is thrown away. */
void daemon_drain(int fd);

/* Stops d, which may be NULL, and frees what s holds. */
void daemon_stop(struct server *s, struct MHD_Daemon *d);

/* TCP_NODELAY, best effort: a Unix socket has no such thing. */
void daemon_no_delay(int fd);

#endif
