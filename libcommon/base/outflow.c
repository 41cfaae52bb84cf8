#include "base/outflow.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

#define WRITE_MAX 4096 /* what poll() promises that a pipe takes */

void outflow_init(struct outflow *o, int fd, const char *name, size_t max)
{
	*o = (struct outflow){.fd = fd, .name = name, .b = BUF_INIT(max)};
}

void outflow_free(struct outflow *o)
{
	buf_free(&o->b);
	o->sent = 0;
}

/* What was sent makes place once it is half of all, so that a line is moved a few times at most. */
static void close_up(struct outflow *o)
{
	if (o->sent < o->b.len - o->sent)
		return;
	memmove(o->b.data, o->b.data + o->sent, o->b.len - o->sent);
	o->b.len -= o->sent;
	o->sent = 0;
}

int outflow_line(struct outflow *o, const void *line, size_t len)
{
	int rc;

	if (o->sent > 0)
		close_up(o);
	if ((rc = buf_reserve(&o->b, len + 1)) != 0 || (rc = buf_add(&o->b, line, len)) != 0)
		return rc;
	return buf_addc(&o->b, '\n');
}

size_t outflow_waits(const struct outflow *o)
{
	return o->b.len - o->sent;
}

int outflow_write(struct outflow *o)
{
	size_t n = outflow_waits(o);
	ssize_t w;

	n = n > WRITE_MAX ? WRITE_MAX : n;
	w = send(o->fd, o->b.data + o->sent, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (w < 0 && errno == ENOTSOCK)
		w = write(o->fd, o->b.data + o->sent, n);
	if (w < 0)
		return errno == EAGAIN || errno == EINTR ? MP_OK
		                                         : err_sys("cannot write to %s", o->name);
	o->sent += (size_t)w;
	if (o->sent == o->b.len)
		o->sent = o->b.len = 0;
	return MP_OK;
}
