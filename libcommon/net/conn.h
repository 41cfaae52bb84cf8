/*
 * conn: the connections of a server, how long each may live, and which of them goes when there
 * are many.
 *
 * Anybody can connect, so a connection is worth nothing until it is proven: until something that
 * came on it was authentic.  Before that its time runs out whatever trickles in, see server.h; and
 * when three quarters of the places are taken, each newcomer ends the oldest unproven one.  So who
 * fills all places must do so faster than an honest client can say who he is.
 *
 * A request whose answer has to wait is parked: its connection is suspended and holds no thread,
 * and it is asked again when something came, when its time is over, or when it is to end.
 *
 * Part of server; nobody else includes it.  A conn belongs to one thread of the server;
 * what the sweeper and other threads look at is atomic or under the lock.  Nothing here closes a
 * descriptor: a connection is shut down, and its thread sees its end.
 */
#ifndef MP_NET_CONN_H
#define MP_NET_CONN_H

#include <microhttpd.h>
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
	bool kept; /* lives as long as a proven one, but its place can be taken */
	/* The request that it is at. */
	bool fresh; /* there was none yet */
	bool began, bad, large;
	const char *path;                 /* of a route, or NULL */
	const struct server_route *route; /* and its method's */
	unsigned long long got;
	struct buf body;
	/* Parked; under the lock. */
	struct MHD_Connection *parked;
	int64_t again;    /* ms, monotonic: asked again then */
	int64_t whole_at; /* when the request in hand was whole; 0: it is not yet */
};

struct conns {
	pthread_mutex_t lock;
	struct conn *first;
	size_t open, ended;
	size_t places;        /* 0: this is the only one */
	int64_t request_time; /* ms */
	size_t body_max;
	atomic_uint came; /* how often something came */
	bool no_more;     /* nothing is parked any more; under the lock */
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
void conn_judged(struct conn *c, bool authentic, bool keep); /* and was found to be that */
void conn_answered(struct conn *c);                          /* it is answered, or was given up */

/* Shuts down what is past its deadline or has gone while parked. */
void conns_sweep(struct conns *all, int64_t now);

/*
 * Parks the request for ms, unless something came since `came` was read, or it has to be answered
 * now: then false.
 */
bool conn_park(
    struct conns *all, struct conn *c, struct MHD_Connection *mc, unsigned came, int64_t ms);
/* Something came: all parked requests are asked again. */
void conns_wake(struct conns *all);
/* All parked requests are to be answered, and none is parked again. */
void conns_release(struct conns *all);
/* Whether a request has to be answered with what there is. */
bool conn_last(struct conns *all, struct conn *c);
/* The first parked request's time, INT64_MAX: there is none. */
int64_t conns_again(struct conns *all);

#endif
