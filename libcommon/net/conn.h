/*
 * conn: the connections of a server, how long each may live, and which of them goes when there
 * are many.
 *
 * Anybody can connect, so a connection is worth nothing until it is proven: until something that
 * came on it was authentic.  Before that its time runs out whatever trickles in, see server.h; and
 * when three quarters of the places are taken, each newcomer ends the oldest unproven one.  So who
 * fills all places must do so faster than an honest client can say who he is.
 *
 * Part of server; nobody else includes it.  A conn belongs to one thread of the server;
 * what the sweeper and other threads look at is atomic or under the lock.  Nothing here closes a
 * descriptor: a connection is shut down, and its thread sees its end.
 */
#ifndef MP_NET_CONN_H
#define MP_NET_CONN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "base/buf.h"

struct conn {
	struct conn *next, **at; /* newest first; under the lock */
	int fd;
	bool ended;            /* was shut down; under the lock */
	atomic_bool safe;      /* proven, or its request is whole and about to be answered */
	atomic_llong deadline; /* ms, monotonic */
	int64_t limit;         /* unproven: no deadline is later than this */
	int64_t base, earned;  /* unproven: the deadline is base plus what its bytes have earned */
	bool proven, refused;
	/* The request that it is at. */
	bool fresh; /* there was none yet */
	bool began, bad, large;
	const char *path;                 /* of a route, or NULL */
	const struct server_route *route; /* and its method's */
	unsigned long long got;
	struct buf body;
};

struct conns {
	pthread_mutex_t lock;
	struct conn *first;
	size_t open, ended;
	size_t places;        /* 0: this is the only one */
	int64_t request_time; /* ms */
	size_t body_max;
};

void conns_init(struct conns *all, size_t places, int64_t request_time, size_t body_max);
void conns_free(struct conns *all);

/* A newcomer: NULL when memory runs out. */
struct conn *conn_new(struct conns *all, int fd);
void conn_free(struct conns *all, struct conn *c); /* c may be NULL; before its fd is closed */

/* What happens on a connection, in this order, over and over. */
void conn_began(struct conns *all, struct conn *c); /* the first line of a request is there */
void conn_headed(struct conn *c);                   /* its header is whole */
void conn_got(struct conn *c, size_t len);          /* so much of its body came */
void conn_whole(struct conns *all, struct conn *c); /* its body is whole, and is judged now */
void conn_judged(struct conn *c, bool authentic);   /* and was found to be that */
void conn_answered(struct conn *c);                 /* it is answered, or was given up */

/* Shuts down what is past its deadline. */
void conns_sweep(struct conns *all, int64_t now);

#endif
