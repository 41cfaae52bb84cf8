/*
 * daemon: what one connection and a listener have in common: libmicrohttpd with our callbacks.
 *
 * Part of server; nobody else includes it.
 */
#ifndef MP_NET_DAEMON_H
#define MP_NET_DAEMON_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "net/server.h"

/*
 * conn: one connection and the request that it is at.  deadline always holds a time, so
 * that a client who sends a byte now and then gains nothing over a silent one.
 */
struct conn {
	struct conn *next, **at; /* server's list; under its lock */
	int fd;
	atomic_llong deadline; /* ms, monotonic: written by its thread, read by the sweeper */
	bool fresh;            /* has not served a request yet */
	bool began, bad, large;
	unsigned long long got;
	struct buf body;
};

struct server {
	const struct server_options *o;
	pthread_mutex_t lock;
	struct conn *conns;
	size_t open;
	atomic_uint threads;  /* indices given out */
	atomic_size_t busy;   /* requests under way */
	atomic_bool stopping; /* answers close their connection */
	bool early;           /* answered before the request was read (one connection) */
};

void daemon_init(struct server *s, const struct server_options *o);

/* Not yet for any socket but what flags and the further options in array say; NULL when it cannot.
 */
struct MHD_Daemon *daemon_start(struct server *s, unsigned flags, struct MHD_OptionItem *array);

/* Stops d, which may be NULL, and frees what s holds. */
void daemon_stop(struct server *s, struct MHD_Daemon *d);

/* TCP_NODELAY, best effort: a Unix socket has no such thing. */
void daemon_no_delay(int fd);

#endif
