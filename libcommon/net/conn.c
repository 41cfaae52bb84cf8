#include "net/conn.h"
#include "base/clock.h"
#include "net/server.h"

#include <poll.h>
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
static void resume(struct conn *c)
{
	struct MHD_Connection *mc = c->parked;

	c->parked = NULL;
	if (mc != NULL)
		MHD_resume_connection(mc);
}

/* Under the lock. */
static void end(struct conns *all, struct conn *c)
{
	if (!c->ended)
		all->ended++;
	c->ended = true;
	(void)shutdown(c->fd, SHUT_RDWR);
	resume(c);
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
	if (c->proven || c->kept)
		atomic_store(&c->deadline, clock_monotonic() + all->request_time);
}

void conn_headed(struct conn *c)
{
	if (c->proven || c->kept || c->refused)
		return;
	c->base = clock_monotonic() + SERVER_BODY_TIME;
	extend(c);
}

void conn_got(struct conn *c, size_t len)
{
	c->got += len;
	if (c->proven || c->kept)
		return;
	c->earned += (int64_t)len;
	extend(c);
}

void conn_whole(struct conns *all, struct conn *c)
{
	if (c->whole_at == 0)
		c->whole_at = clock_monotonic();
	/* Our own slowness is not the client's. */
	atomic_store(&c->safe, true);
	atomic_store(&c->deadline, clock_monotonic() + all->request_time);
}

void conn_judged(struct conn *c, bool authentic, bool keep)
{
	c->proven = c->proven || authentic;
	c->kept = keep;
}

void conn_answered(struct conn *c)
{
	int64_t now = clock_monotonic();

	c->began = false;
	c->whole_at = 0;
	buf_free(&c->body);
	atomic_store(&c->safe, c->proven);
	if (c->proven || c->kept) {
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

/* Nobody looks at the socket of a suspended connection but us. */
static bool has_gone(const struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

	return c->parked != NULL && poll(&p, 1, 0) > 0;
}

void conns_sweep(struct conns *all, int64_t now)
{
	pthread_mutex_lock(&all->lock);
	for (struct conn *c = all->first; c != NULL; c = c->next) {
		if (atomic_load(&c->deadline) <= now || has_gone(c))
			end(all, c);
		else if (c->again <= now)
			resume(c);
	}
	pthread_mutex_unlock(&all->lock);
}

/* Suspended under the lock: whoever resumes it finds it suspended. */
bool conn_park(
    struct conns *all, struct conn *c, struct MHD_Connection *mc, unsigned came, int64_t ms)
{
	bool park;

	pthread_mutex_lock(&all->lock);
	park = !c->ended && !all->no_more && atomic_load(&all->came) == came;
	if (park) {
		c->again = clock_monotonic() + ms;
		c->parked = mc;
		atomic_store(&c->safe, c->proven);
		MHD_suspend_connection(mc);
	}
	pthread_mutex_unlock(&all->lock);
	return park;
}

static void resume_all(struct conns *all, bool no_more)
{
	pthread_mutex_lock(&all->lock);
	atomic_fetch_add(&all->came, 1);
	all->no_more = all->no_more || no_more;
	for (struct conn *c = all->first; c != NULL; c = c->next)
		resume(c);
	pthread_mutex_unlock(&all->lock);
}

void conns_wake(struct conns *all)
{
	resume_all(all, false);
}

void conns_release(struct conns *all)
{
	resume_all(all, true);
}

bool conn_last(struct conns *all, struct conn *c)
{
	bool last;

	pthread_mutex_lock(&all->lock);
	last = c->ended || all->no_more;
	pthread_mutex_unlock(&all->lock);
	return last;
}

int64_t conns_again(struct conns *all)
{
	int64_t at = INT64_MAX;

	pthread_mutex_lock(&all->lock);
	for (struct conn *c = all->first; c != NULL; c = c->next)
		if (c->parked != NULL && c->again < at)
			at = c->again;
	pthread_mutex_unlock(&all->lock);
	return at;
}
