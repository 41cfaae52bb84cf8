#include "net/server.h"
#include "base/clock.h"
#include "base/err.h"
#include "net/addr.h"
#include "net/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STOP_TIME 10000    /* ms that requests under way have when the listener stops */
#define DRAIN_TIME 2000    /* ms, and */
#define DRAIN_MAX 2097152L /* bytes that are still read so that an early answer is not lost */
#define BACKLOG 1024
#define WAKE_GAP 20 /* ms between two times that parked requests are asked */

/*
 * An answer given before the request was read is lost when the connection is reset, as it
 * is by closing it with bytes unread; so a little more is read.
 */
static void drain(int fd, bool wait)
{
	int64_t end = clock_monotonic() + DRAIN_TIME, now;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char scratch[4096];
	long left = DRAIN_MAX;
	ssize_t n = 1;

	(void)shutdown(fd, SHUT_WR);
	while (n > 0 && left > 0 && (now = clock_monotonic()) < end &&
	       poll(&p, 1, wait ? (int)(end - now) : 0) > 0) {
		n = recv(fd, scratch, sizeof(scratch), MSG_DONTWAIT);
		left -= n;
	}
}

/* The only connection is parked: until something comes, or its time is over. */
static void wait_parked(struct server *s, int fd, int64_t again)
{
	struct pollfd p[2] = {
	    {.fd = s->o->wake_fd, .events = POLLIN}, {.fd = fd, .events = POLLRDHUP}};
	int64_t left = again - clock_monotonic();

	if (poll(p, 2, left < 0 ? 0 : (int)left) < 0 && errno != EINTR)
		conns_release(&s->conns);
	if (p[0].revents != 0) {
		daemon_drain(s->o->wake_fd);
		conns_wake(&s->conns);
	}
	conns_sweep(&s->conns, clock_monotonic());
}

/* Runs the only connection; a request that takes too long ends it. */
static void run_one(struct server *s, struct MHD_Daemon *d, int fd)
{
	int64_t left, again;

	while (s->conns.open > 0) {
		if ((again = conns_again(&s->conns)) != INT64_MAX) {
			wait_parked(s, fd, again);
			if (MHD_run_wait(d, 0) != MHD_YES)
				break;
			continue;
		}
		left = atomic_load(&s->conns.first->deadline) - clock_monotonic();
		if (left <= 0) {
			(void)shutdown(fd, SHUT_RDWR);
			left = MP_SECOND;
		}
		if (MHD_run_wait(d, (int32_t)left) != MHD_YES)
			break;
	}
}

int server_connection(int fd, const struct server_options *o)
{
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	struct sockaddr_storage peer = {.ss_family = AF_UNIX};
	socklen_t len = sizeof(peer), tlen = sizeof(int);
	struct MHD_Daemon *d;
	struct server s;
	int type, listening, own, rc = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &tlen) != 0 || type != SOCK_STREAM ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &tlen) != 0 || listening)
		return err_set(MP_EUSAGE, "descriptor %d is no connected socket", fd);
	if (getpeername(fd, (struct sockaddr *)&peer, &len) != 0)
		return errno == ENOTCONN ? 0 : err_sys("cannot tell the peer of descriptor %d", fd);
	daemon_no_delay(fd);
	if ((own = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
		return err_sys("cannot copy descriptor %d", fd);
	daemon_init(&s, o, 0);
	if ((d = daemon_start(&s, MHD_USE_NO_LISTEN_SOCKET, none)) == NULL) {
		close(own);
		daemon_stop(&s, NULL);
		return err_set(MP_ENOMEM, "cannot start the HTTP server");
	}
	if (MHD_add_connection(d, own, (struct sockaddr *)&peer, len) != MHD_YES)
		rc = err_sys("cannot serve descriptor %d", fd);
	else
		run_one(&s, d, fd);
	daemon_stop(&s, d);
	drain(fd, s.early);
	return rc;
}

static int listen_fd(const char *where)
{
	int fd, on = 1, listening = 0;
	socklen_t len = sizeof(listening);
	struct addr a;
	char *end;
	long n;

	if (strncmp(where, "fd:", 3) == 0) {
		n = strtol(where + 3, &end, 10);
		if (end == where + 3 || *end != '\0' || n < 0 || n > INT_MAX ||
		    getsockopt((int)n, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 ||
		    !listening)
			return err_set(MP_EUSAGE, "'%.60s' is no listening socket", where);
		return (int)n;
	}
	if (addr_parse(&a, where) != 0 || a.ss.ss_family == AF_UNIX)
		return err_set(MP_EUSAGE, "'%.60s' is neither a numeric ADDR:PORT nor fd:N", where);
	if ((fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return err_sys("cannot make a socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&a.ss, a.len) != 0 || listen(fd, BACKLOG) != 0) {
		err_sys("cannot listen on '%s'", where);
		close(fd);
		return MP_ESYS;
	}
	return fd;
}

static struct MHD_Daemon *start_listener(struct server *s, int fd, const struct server_options *o)
{
	/*
	 * poll, not epoll: libmicrohttpd's edge-triggered epoll overlooks an end that comes
	 * together with data, and would keep the connection of a client who has gone for a minute.
	 */
	unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC;
	struct MHD_OptionItem items[8] = {
	    {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
	    {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)o->connections, NULL},
	};
	size_t n = 2;

	if (o->threads > 1)
		items[n++] = (struct MHD_OptionItem){
		    MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)o->threads, NULL};
	if (o->cert_pem != NULL) {
		flags |= MHD_USE_TLS;
		items[n++] =
		    (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)o->cert_pem};
		items[n++] =
		    (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)o->key_pem};
		items[n++] = (struct MHD_OptionItem){
		    MHD_OPTION_HTTPS_PRIORITIES, 0, "SECURE128:-VERS-ALL:+VERS-TLS1.3"};
	}
	items[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
	return daemon_start(s, flags, items);
}

/* Upkeep, and waking what is parked, until stop_fd is readable. */
static void tend(struct server *s, int stop_fd)
{
	struct pollfd p[2] = {{.fd = stop_fd, .events = POLLIN},
	    {.fd = s->o->wake_fd > 0 ? s->o->wake_fd : -1, .events = POLLIN}};
	int64_t swept = 0, now;

	for (;;) {
		if (poll(p, 2, (int)MP_SECOND) < 0 && errno != EINTR)
			return;
		if (p[0].revents != 0)
			return;
		if (p[1].revents != 0) {
			daemon_drain(s->o->wake_fd);
			conns_wake(&s->conns);
			/* What a stranger can make us do is bounded; what else came, comes with the
			 * next. */
			if (poll(p, 1, WAKE_GAP) > 0)
				return;
		}
		now = clock_monotonic();
		if (now - swept >= MP_SECOND) {
			conns_sweep(&s->conns, now);
			swept = now;
		}
	}
}

/* Until stop_fd is readable, then until nothing is under way. */
static void watch(struct server *s, struct MHD_Daemon *d, int stop_fd)
{
	int64_t end;
	int fd;

	tend(s, stop_fd);
	atomic_store(&s->stopping, true);
	conns_release(&s->conns);
	if ((fd = MHD_quiesce_daemon(d)) >= 0)
		close(fd);
	end = clock_monotonic() + STOP_TIME;
	while (atomic_load(&s->busy) > 0 && clock_monotonic() < end)
		poll(NULL, 0, 10);
}

int server_listen(const char *where, const struct server_options *o, int stop_fd,
    void (*ready)(void *ctx, const char *where))
{
	struct addr a = {.len = sizeof(a.ss)};
	struct MHD_Daemon *d = NULL;
	char text[ADDR_TEXT];
	struct server s;
	int fd, rc = 0;

	if (o->threads < 1 || o->threads > 16 || o->connections < o->threads)
		return err_set(MP_EUSAGE, "1 to 16 threads, and a connection each at least");
	if ((fd = listen_fd(where)) < 0)
		return fd;
	daemon_no_delay(fd); /* inherited by what is accepted */
	daemon_init(&s, o, o->connections);
	if (getsockname(fd, (struct sockaddr *)&a.ss, &a.len) != 0) {
		rc = err_sys("cannot tell the address of '%s'", where);
		goto out;
	}
	if ((d = start_listener(&s, fd, o)) == NULL) {
		rc = err_set(MP_ESYS, "cannot start the HTTP server (certificate, key, limits?)");
		goto out;
	}
	addr_format(text, &a);
	if (ready != NULL)
		ready(o->ctx, text);
	watch(&s, d, stop_fd);
	fd = -1; /* closed when it stopped */
out:
	daemon_stop(&s, d);
	if (fd >= 0)
		close(fd);
	return rc;
}
