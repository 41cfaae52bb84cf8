#include "node/chatcall.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "net/dial.h"

#define INPUT 262144u
#define OUTPUT ((size_t)64 << 20)

int chatcall_path(char *out, size_t size, const char *account, const char *name)
{
	char rest[128];

	if (!text_name_ok(account))
		return err_set(MP_EUSAGE, "'%.40s' is no name of an account", account);
	if (home_path() == NULL)
		return MP_ESYS;
	snprintf(rest, sizeof(rest), "chat/%s%s%s", account, *name != '\0' ? "/" : "", name);
	if ((size_t)snprintf(out, size, "%s", home_file(rest)) >= size)
		return err_set(MP_ELIMIT, "path too long");
	return 0;
}

void chatcall_close(struct chatcall *c)
{
	if (c->fd >= 0)
		close(c->fd);
	guest_free(c->guest);
	buf_free(&c->in);
	buf_free(&c->out);
	*c = (struct chatcall){.fd = -1};
}

int chatcall_send(
    struct chatcall *c, enum frame_type type, uint64_t sid, const void *payload, size_t n)
{
	return guest_send(c->guest, &c->out, type, sid, payload, n);
}

short chatcall_wants(const struct chatcall *c)
{
	return (short)(POLLIN | (c->out.len > 0 ? POLLOUT : 0));
}

static int over(void)
{
	return err_set(MP_ETEMP, "the server closed the connection");
}

static int push(struct chatcall *c)
{
	ssize_t n;

	while (c->out.len > 0) {
		n = write(c->fd, c->out.data, c->out.len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return over();
		c->out.len -= (size_t)n;
		memmove(c->out.data, c->out.data + n, c->out.len);
	}
	return 0;
}

static int pull(struct chatcall *c)
{
	size_t room;
	ssize_t n;
	int rc;

	if (c->at > 0) {
		c->in.len -= c->at;
		memmove(c->in.data, c->in.data + c->at, c->in.len);
		c->at = 0;
	}
	/* A frame is shorter than half of it: there is room whenever one is not whole. */
	room = INPUT - c->in.len;
	if ((rc = buf_reserve(&c->in, room)) != 0)
		return rc;
	if (room == 0)
		return 0;
	n = read(c->fd, c->in.data + c->in.len, room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return over();
	c->in.len += (size_t)n;
	return 0;
}

int chatcall_io(struct chatcall *c, short revents)
{
	int rc = 0;

	if (revents & (POLLIN | POLLHUP | POLLERR))
		rc = pull(c);
	return rc == 0 ? push(c) : rc;
}

int chatcall_next(struct chatcall *c, struct heard *e)
{
	const uint8_t *p = c->in.data + c->at;
	size_t size;
	int rc;

	if (c->in.len == c->at)
		return 0;
	rc = frame_next(p, c->in.len - c->at, &size);
	if (rc != 1)
		return rc;
	if ((rc = guest_take(c->guest, e, p, size)) != 0)
		return rc;
	c->at += size;
	return 1;
}

int chatcall_wait(struct chatcall *c, struct heard *e, int64_t ms)
{
	int64_t end = clock_monotonic() + ms, left;
	struct pollfd p = {.fd = c->fd};
	int rc;

	while ((rc = chatcall_next(c, e)) == 0) {
		if ((left = end - clock_monotonic()) <= 0)
			return err_set(MP_ETEMP, "the server does not answer");
		p.events = chatcall_wants(c);
		if (poll(&p, 1, (int)(left < 60000 ? left : 60000)) < 0 && errno != EINTR)
			return err_sys("cannot wait");
		if ((rc = chatcall_io(c, p.revents)) != 0)
			return rc;
	}
	return rc == 1 ? 0 : rc;
}

/* Accounts must not share a circuit: the user at the server is the isolation. */
static int log_in(struct chatcall *c, const struct chat_account *a, int64_t ms)
{
	int64_t end = clock_monotonic() + ms;
	struct serverkey *key = NULL;
	char isolation[400];
	struct heard e;
	int rc;

	snprintf(isolation, sizeof(isolation), "%s@%s", a->name, a->server);
	for (char *p = isolation; *p != '\0'; p++)
		if (*p == ':')
			*p = '.';
	if ((rc = serverkey_from_public(&key, a->key, strlen(a->key))) != 0)
		return rc;
	rc = dial(&c->fd, a->server, isolation, ms);
	if (rc == 0)
		rc = guest_login(&c->guest, &c->out, key, a->name, a->password, clock_now());
	serverkey_free(key);
	if (rc != 0)
		return rc;
	rc = chatcall_wait(c, &e, end - clock_monotonic());
	if (rc == MP_ETEMP && clock_monotonic() < end)
		return err_set(MP_EBAD,
		    "'%s' closed the connection at the login: is it the name, the password, the "
		    "server's key, the clock?",
		    a->server);
	return rc;
}

int chatcall_open(struct chatcall *c, const struct chat_account *a, int64_t ms)
{
	int rc;

	*c = (struct chatcall){.fd = -1, .in = BUF_INIT(INPUT), .out = BUF_INIT(OUTPUT)};
	if ((rc = log_in(c, a, ms)) != 0)
		chatcall_close(c);
	return rc;
}
