#include "node/chatd.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/map.h"
#include "net/addr.h"
#include "node/hub.h"
#include "node/warden.h"

#define LOGIN_PATIENCE (10 * MP_SECOND)
#define DRAIN_PATIENCE (5 * MP_SECOND)
#define INPUT 131072      /* bytes read ahead, more than a frame */
#define CONNECTIONS 16384 /* at most, as far as descriptors go */
#define STRANGERS 4       /* one part in so many may be before its login's end */
#define ROUND 2           /* ms that a commit waits for more to go with it */

struct conn {
	struct chatd *d;
	struct bufferevent *bev;
	struct hub_conn *hub;
	uint64_t ticket, source;
	int64_t since; /* monotonic */
	bool dead, known, deaf;
	struct conn *next, *prev; /* of all: oldest first */
	struct conn *next_dead;
};

struct chatd {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *tick, *flush, *answers, *term, *interrupt;
	struct store *s;
	struct serverkey *key;
	struct hub *hub;
	struct warden *warden;
	struct conn *first, *last, *dead;
	size_t n, strangers, most;
	uint64_t tickets;
	struct map by_ticket;
	int64_t woken; /* since when a flush is due, 0 not */
	int64_t drain_until;
	bool draining;
	int lock;
	const struct chatd_options *o;
};

static void close_conn(struct conn *c)
{
	struct chatd *d = c->d;

	hub_leave(d->hub, c->hub);
	map_remove(&d->by_ticket, c->ticket);
	*(c->prev != NULL ? &c->prev->next : &d->first) = c->next;
	*(c->next != NULL ? &c->next->prev : &d->last) = c->prev;
	d->n--;
	d->strangers -= !c->known;
	bufferevent_free(c->bev);
	free(c);
}

/* Not at once: the hub may be walking along a list that it is in. */
static void drop(void *owner)
{
	struct conn *c = owner;

	if (c->dead)
		return;
	c->dead = true;
	c->next_dead = c->d->dead;
	c->d->dead = c;
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	event_active(c->d->flush, EV_TIMEOUT, 0);
}

static void bury(struct chatd *d)
{
	struct conn *c;

	while ((c = d->dead) != NULL) {
		d->dead = c->next_dead;
		close_conn(c);
	}
}

static void flush(struct chatd *d)
{
	d->woken = 0;
	hub_flush(d->hub);
	bury(d);
}

static void wake(void *ctx)
{
	struct chatd *d = ctx;

	if (d->woken == 0) {
		d->woken = clock_monotonic();
		event_active(d->flush, EV_TIMEOUT, 0);
	}
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	flush(arg);
}

static void hub_write(void *owner, const uint8_t *data, size_t n)
{
	struct conn *c = owner;

	if (!c->dead && bufferevent_write(c->bev, data, n) != 0)
		drop(c);
}

static size_t hub_waiting(void *owner)
{
	return evbuffer_get_length(bufferevent_get_output(((struct conn *)owner)->bev));
}

static int hub_verify(void *owner, const char *name, const char *stored, const char *password)
{
	struct conn *c = owner;

	return warden_ask(c->d->warden, c->ticket, c->source, name, stored, password);
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct chatd *d = arg;
	uint64_t ticket;
	struct conn *c;
	bool right;

	(void)fd;
	(void)what;
	while (warden_answer(d->warden, &ticket, &right)) {
		if ((c = map_get(&d->by_ticket, ticket)) == NULL || c->dead)
			continue;
		hub_verified(d->hub, c->hub, right, clock_now());
		if (hub_logged_in(c->hub) && !c->known) {
			c->known = true;
			d->strangers--;
		}
	}
	bury(d);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct chatd *d = c->d;
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in), used = 0;
	const uint8_t *data = evbuffer_pullup(in, -1);

	if (c->dead || n == 0)
		return;
	if (data == NULL || hub_take(d->hub, c->hub, data, n, &used, clock_now()) != 0) {
		drop(c);
		return;
	}
	evbuffer_drain(in, used);
	if (hub_waiting(c) > HUB_ENOUGH && !c->deaf) {
		c->deaf = true;
		bufferevent_disable(bev, EV_READ);
	}
	/* A loop that always has something to read would never come to the flush. */
	if (d->woken != 0 && clock_monotonic() - d->woken >= ROUND)
		flush(d);
}

static void on_drained(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->dead)
		return;
	hub_drained(c->d->hub, c->hub);
	if (c->deaf && !c->d->draining) {
		c->deaf = false;
		bufferevent_enable(bev, EV_READ);
		on_read(bev, c);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		drop(arg);
}

/* An IPv6 network of /64 is one place. */
static uint64_t source_of(const struct sockaddr *sa)
{
	uint64_t v = 0;

	if (sa->sa_family == AF_INET)
		v = ((const struct sockaddr_in *)sa)->sin_addr.s_addr;
	else if (sa->sa_family == AF_INET6)
		memcpy(&v, &((const struct sockaddr_in6 *)sa)->sin6_addr, sizeof(v));
	return v;
}

static void drop_oldest_stranger(struct chatd *d)
{
	for (struct conn *c = d->first; c != NULL; c = c->next)
		if (!c->known && !c->dead) {
			drop(c);
			return;
		}
}

static struct conn *add_conn(struct chatd *d, evutil_socket_t fd, const struct sockaddr *sa)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	*c = (struct conn){
	    .d = d, .ticket = ++d->tickets, .source = source_of(sa), .since = clock_monotonic()};
	if (hub_join(d->hub, &c->hub, c) != 0)
		goto out;
	if (map_put(&d->by_ticket, c->ticket, c) != 0 ||
	    (c->bev = bufferevent_socket_new(d->base, fd, BEV_OPT_CLOSE_ON_FREE)) == NULL) {
		map_remove(&d->by_ticket, c->ticket);
		hub_leave(d->hub, c->hub);
		goto out;
	}
	c->prev = d->last;
	*(d->last != NULL ? &d->last->next : &d->first) = c;
	d->last = c;
	d->n++;
	d->strangers++;
	return c;
out:
	free(c);
	return NULL;
}

static void on_accept(
    struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct chatd *d = arg;
	struct conn *c;
	int one = 1;

	(void)listener;
	(void)len;
	if (d->strangers >= d->most / STRANGERS || d->n >= d->most)
		drop_oldest_stranger(d);
	if (d->n >= d->most + d->most / STRANGERS || (c = add_conn(d, fd, sa)) == NULL) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	bufferevent_setcb(c->bev, on_read, on_drained, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT);
	bufferevent_setwatermark(c->bev, EV_WRITE, HUB_HIGH / 2, 0);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct chatd *d = arg;

	(void)listener;
	/* Out of descriptors: one who has not logged in makes room. */
	drop_oldest_stranger(d);
}

static void drop_silent(struct chatd *d)
{
	int64_t now = clock_monotonic();

	for (struct conn *c = d->first; c != NULL && now - c->since > LOGIN_PATIENCE; c = c->next)
		if (!c->known)
			drop(c);
}

static bool all_sent(const struct chatd *d)
{
	for (struct conn *c = d->first; c != NULL; c = c->next)
		if (!c->dead && hub_waiting(c) > 0)
			return false;
	return true;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct chatd *d = arg;

	(void)fd;
	(void)what;
	hub_tick(d->hub, clock_now());
	drop_silent(d);
	bury(d);
	if (d->draining && (all_sent(d) || clock_monotonic() >= d->drain_until))
		event_base_loopbreak(d->base);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct timeval often = {.tv_usec = 20000};
	struct chatd *d = arg;

	(void)fd;
	(void)what;
	if (d->draining)
		return;
	d->draining = true;
	d->drain_until = clock_monotonic() + DRAIN_PATIENCE;
	evconnlistener_disable(d->listener);
	for (struct conn *c = d->first; c != NULL; c = c->next)
		bufferevent_disable(c->bev, EV_READ);
	flush(d);
	event_add(d->tick, &often);
}

static size_t descriptors(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return 128;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur > CONNECTIONS * 2)
		return CONNECTIONS;
	return r.rlim_cur > 128 ? (size_t)(r.rlim_cur - 64) * 3 / 4 : 48;
}

static int listening_socket(const char *where)
{
	struct addr a;
	int fd, rc, one = 1;
	char *end;

	if (strncmp(where, "fd:", 3) == 0) {
		fd = (int)strtol(where + 3, &end, 10);
		if (end == where + 3 || *end != '\0' || fcntl(fd, F_GETFD) < 0)
			return err_set(MP_EUSAGE, "'%.40s' is no open descriptor", where);
		evutil_make_socket_nonblocking(fd);
		return fd;
	}
	if ((rc = addr_parse(&a, where)) != 0)
		return rc;
	fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys("cannot listen on '%s'", where);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a.ss, a.len) != 0 || listen(fd, 1024) != 0) {
		rc = err_sys("cannot listen on '%s'", where);
		close(fd);
		return rc;
	}
	return fd;
}

static int say_ready(int fd, int socket_fd)
{
	struct addr a = {.len = sizeof(a.ss)};
	char text[ADDR_TEXT], line[ADDR_TEXT + 16];
	int n, rc;

	if (fd < 0)
		return 0;
	if (getsockname(socket_fd, (struct sockaddr *)&a.ss, &a.len) != 0)
		return err_sys("cannot tell the address");
	addr_format(text, &a);
	n = snprintf(line, sizeof(line), "ready %s\n", text);
	rc = fd_write_all(fd, line, (size_t)n);
	close(fd);
	return rc;
}

static struct event *on(
    struct chatd *d, evutil_socket_t fd, short what, event_callback_fn fn, int priority)
{
	struct event *e = event_new(d->base, fd, what, fn, d);

	if (e != NULL)
		event_priority_set(e, priority);
	return e;
}

static int set_up(struct chatd *d, int fd, int answers)
{
	struct timeval second = {.tv_sec = 1};

	if ((d->base = event_base_new()) == NULL || event_base_priority_init(d->base, 2) != 0)
		return err_set(MP_ENOMEM, "cannot make an event loop");
	d->listener = evconnlistener_new(d->base, on_accept, d, LEV_OPT_CLOSE_ON_FREE, -1, fd);
	d->flush = on(d, -1, EV_TIMEOUT, on_flush, 1);
	d->tick = on(d, -1, EV_PERSIST, on_tick, 0);
	d->answers = on(d, answers, EV_READ | EV_PERSIST, on_answer, 0);
	d->term = on(d, SIGTERM, EV_SIGNAL | EV_PERSIST, on_signal, 0);
	d->interrupt = on(d, SIGINT, EV_SIGNAL | EV_PERSIST, on_signal, 0);
	if (d->listener == NULL || d->flush == NULL || d->tick == NULL || d->answers == NULL ||
	    d->term == NULL || d->interrupt == NULL || event_add(d->tick, &second) != 0 ||
	    event_add(d->answers, NULL) != 0 || event_add(d->term, NULL) != 0 ||
	    event_add(d->interrupt, NULL) != 0)
		return err_set(MP_ENOMEM, "cannot make an event loop");
	evconnlistener_set_error_cb(d->listener, on_accept_error);
	return 0;
}

static void tear_down(struct chatd *d)
{
	struct event *events[] = {d->flush, d->tick, d->answers, d->term, d->interrupt};

	while (d->first != NULL)
		close_conn(d->first);
	if (d->hub != NULL)
		hub_flush(d->hub);
	warden_free(d->warden);
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i] != NULL)
			event_free(events[i]);
	if (d->listener != NULL)
		evconnlistener_free(d->listener);
	if (d->base != NULL)
		event_base_free(d->base);
	hub_free(d->hub);
	map_free(&d->by_ticket);
	serverkey_free(d->key);
	store_close(d->s);
	if (d->lock >= 0)
		close(d->lock);
}

/* Two servers on one store would each know half of the followers. */
static int take_lock(struct chatd *d)
{
	const char *path = chatd_file("lock");

	d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock < 0)
		return err_sys("cannot open '%s'", path);
	if (flock(d->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK
		           ? err_set(MP_EBUSY, "a server runs in '%s' already", chatd_file(""))
		           : err_sys("cannot lock '%s'", path);
	return 0;
}

int chatd_serve(const struct chatd_options *o)
{
	static const struct hub_ops ops = {hub_write, hub_waiting, drop, hub_verify, wake};
	struct chatd d = {.o = o, .lock = -1, .most = descriptors()};
	char print[FINGERPRINT_TEXT];
	int fd = -1, answers, rc;

	if ((rc = chatd_prepare(&d.s, &d.key)) != 0 || (rc = take_lock(&d)) != 0 ||
	    (rc = warden_new(&d.warden, &answers, clock_monotonic)) != 0 ||
	    (rc = fd = listening_socket(o->where)) < 0)
		goto out;
	if ((rc = set_up(&d, fd, answers)) != 0 ||
	    (rc = hub_new(&d.hub, d.s, d.key, &ops, &d, o->expires)) != 0)
		goto out;
	if (o->verbose) {
		serverkey_fingerprint(print, d.key);
		err_warn("key %s, at most %zu connections", print, d.most);
	}
	if ((rc = say_ready(o->ready_fd, fd)) == 0 && event_base_dispatch(d.base) < 0)
		rc = err_sys("the event loop ended");
out:
	if (d.listener == NULL && fd >= 0)
		close(fd);
	tear_down(&d);
	return rc;
}
