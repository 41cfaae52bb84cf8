#include "net/conn.h"
#include "base/clock.h"
#include "net/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void conns_init(struct conns *all, size_t places, int64_t request_time, size_t body_max)
{
	memset(all, 0, sizeof(*all));
	all->places = places;
	all->request_time = request_time;
	all->body_max = body_max;
	pthread_mutex_init(&all->lock, NULL);
}

void conns_free(struct conns *all)
{
	pthread_mutex_destroy(&all->lock);
}

/* Under the lock. */
static void end(struct conns *all, struct conn *c)
{
	if (!c->ended)
		all->ended++;
	c->ended = true;
	(void)shutdown(c->fd, SHUT_RDWR);
}

/* Under the lock. */
static void end_oldest_unproven(struct conns *all)
{
	struct conn *oldest = NULL;

	for (struct conn *c = all->first; c != NULL; c = c->next)
		if (!c->ended && !atomic_load(&c->safe))
			oldest = c;
	if (oldest != NULL)
		end(all, oldest);
}

/* An unproven connection: later by what it has sent, but never later than its limit. */
static void extend(struct conn *c)
{
	int64_t to = c->base + c->earned * MP_SECOND / SERVER_RATE;

	atomic_store(&c->deadline, to < c->limit ? to : c->limit);
}

struct conn *conn_new(struct conns *all, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));
	int64_t now = clock_monotonic();

	if (c == NULL)
		return NULL;
	c->fd = fd;
	c->fresh = true;
	c->body = (struct buf)BUF_INIT(all->body_max);
	c->base = now + SERVER_HEADER_TIME;
	c->limit = now + all->request_time;
	extend(c);
	pthread_mutex_lock(&all->lock);
	if (all->places > 0 && 4 * (all->open - all->ended) >= 3 * all->places)
		end_oldest_unproven(all);
	c->next = all->first;
	c->at = &all->first;
	if (c->next != NULL)
		c->next->at = &c->next;
	all->first = c;
	all->open++;
	pthread_mutex_unlock(&all->lock);
	return c;
}

/* The descriptor is closed only after this, so nobody shuts down a stranger's. */
void conn_free(struct conns *all, struct conn *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&all->lock);
	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
	all->open--;
	if (c->ended)
		all->ended--;
	pthread_mutex_unlock(&all->lock);
	buf_free(&c->body);
	free(c);
}

void conn_began(struct conns *all, struct conn *c)
{
	c->fresh = false;
	c->began = true;
	c->large = false;
	c->got = 0;
	if (c->proven)
		atomic_store(&c->deadline, clock_monotonic() + all->request_time);
}

void conn_headed(struct conn *c)
{
	if (c->proven || c->refused)
		return;
	c->base = clock_monotonic() + SERVER_BODY_TIME;
	extend(c);
}

void conn_got(struct conn *c, size_t len)
{
	c->got += len;
	if (c->proven)
		return;
	c->earned += (int64_t)len;
	extend(c);
}

void conn_whole(struct conns *all, struct conn *c)
{
	/* Our own slowness is not the client's. */
	atomic_store(&c->safe, true);
	atomic_store(&c->deadline, clock_monotonic() + all->request_time);
}

void conn_judged(struct conn *c, bool authentic)
{
	c->proven = c->proven || authentic;
}

void conn_answered(struct conn *c)
{
	int64_t now = clock_monotonic();

	c->began = false;
	buf_free(&c->body);
	atomic_store(&c->safe, c->proven);
	if (c->proven) {
		atomic_store(&c->deadline, now + SERVER_IDLE_TIME);
		return;
	}
	/* Only once: otherwise one small refusal after the other would keep the place. */
	if (!c->refused) {
		c->base = now + SERVER_REFUSED_TIME;
		c->earned = 0;
	}
	c->refused = true;
	extend(c);
}

void conns_sweep(struct conns *all, int64_t now)
{
	pthread_mutex_lock(&all->lock);
	for (struct conn *c = all->first; c != NULL; c = c->next)
		if (atomic_load(&c->deadline) <= now)
			end(all, c);
	pthread_mutex_unlock(&all->lock);
}
