#include "net/daemon.h"
#include "base/clock.h"
#include "base/err.h"
#include "crypto/envelope.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECONDS(ms) ((unsigned)((ms) / MP_SECOND)) /* as libmicrohttpd counts */
#define HEADER_MAX 8192                            /* bytes of header in a request */
#define POOL 32768 /* libmicrohttpd's memory for a connection: header, read and write buffer */
#define MEDIA_TYPE "application/octet-stream"

void daemon_init(struct server *s, const struct server_options *o, size_t places)
{
	memset(s, 0, sizeof(*s));
	s->o = o;
	conns_init(&s->conns, places, o->request_time > 0 ? o->request_time : SERVER_REQUEST_TIME,
	    o->router != NULL ? o->body_max : ENVELOPE_MAX);
}

/* Which of the pool's threads this is: each belongs to one server for its whole life. */
static unsigned thread_index(struct server *s)
{
	static _Thread_local const struct server *of;
	static _Thread_local unsigned index;

	if (of != s) {
		of = s;
		index = atomic_fetch_add(&s->threads, 1);
	}
	return index;
}

static struct conn *conn_of(struct MHD_Connection *mc)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

static void request_end(struct server *s, struct conn *c)
{
	if (!c->began)
		return;
	conn_answered(c);
	atomic_fetch_sub(&s->busy, 1);
}

/* Without a context every request is refused. */
static void on_connection(
    void *ctx, struct MHD_Connection *mc, void **conn_ctx, enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct server *s = ctx;
	struct conn *c = *conn_ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD);
		*conn_ctx = info == NULL ? NULL : conn_new(&s->conns, info->connect_fd);
	} else if (c != NULL) {
		request_end(s, c);
		conn_free(&s->conns, c);
	}
}

/* The path as the table has it, or NULL. */
static const char *find_path(const struct server_options *o, const char *uri)
{
	if (uri != NULL && o->router == NULL && strcmp(uri, "/") == 0)
		return "/";
	for (size_t i = 0; uri != NULL && o->router != NULL && i < o->n_routes; i++)
		if (strcmp(o->routes[i].path, uri) == 0)
			return o->routes[i].path;
	return NULL;
}

/*
 * The first line of a request is there, its URI not yet decoded.  From here on a pause
 * may last longer than the few seconds that a stranger has to say something at all.
 */
static void *on_uri(void *ctx, const char *uri, struct MHD_Connection *mc)
{
	struct server *s = ctx;
	struct conn *c = conn_of(mc);

	if (c == NULL)
		return NULL;
	if (c->fresh)
		MHD_set_connection_option(
		    mc, MHD_CONNECTION_OPTION_TIMEOUT, SECONDS(SERVER_IDLE_TIME));
	conn_began(&s->conns, c);
	c->path = find_path(s->o, uri);
	c->bad = c->path == NULL;
	atomic_fetch_add(&s->busy, 1);
	return c;
}

static void on_completed(
    void *ctx, struct MHD_Connection *mc, void **request, enum MHD_RequestTerminationCode why)
{
	struct conn *c = conn_of(mc);

	(void)request;
	(void)why;
	if (c != NULL)
		request_end(ctx, c);
}

static const char *header(struct MHD_Connection *mc, const char *name)
{
	return MHD_lookup_connection_value(mc, MHD_HEADER_KIND, name);
}

/* Canonical digits only; one that is not a number is as good as too large. */
static unsigned long long content_length(struct MHD_Connection *mc)
{
	const char *s = header(mc, MHD_HTTP_HEADER_CONTENT_LENGTH);
	char *end;
	unsigned long long v;

	if (s == NULL)
		return 0;
	errno = 0;
	v = strtoull(s, &end, 10);
	return errno != 0 || *end != '\0' || *s == '-' ? ULLONG_MAX : v;
}

static const char *media_type(const struct server_options *o)
{
	return o->router != NULL ? o->media_type : MEDIA_TYPE;
}

/* Whether the method goes with the path, and the type with both. */
static bool method_ok(
    const struct server_options *o, struct conn *c, const char *method, const char *type)
{
	c->route = NULL;
	for (size_t i = 0; o->router != NULL && i < o->n_routes; i++)
		if (c->path != NULL && strcmp(o->routes[i].path, c->path) == 0 &&
		    strcmp(o->routes[i].method, method) == 0)
			c->route = &o->routes[i];
	if (o->router != NULL ? c->route == NULL : strcmp(method, MHD_HTTP_METHOD_POST) != 0)
		return false;
	if (c->route != NULL && !c->route->body)
		return true;
	return type != NULL && strcasecmp(type, media_type(o)) == 0;
}

/* What the header alone says about a request: bad, or large. */
static void judge(struct server *s, struct conn *c, struct MHD_Connection *mc, const char *method,
    const char *version)
{
	const char *type = header(mc, MHD_HTTP_HEADER_CONTENT_TYPE);
	const union MHD_ConnectionInfo *size =
	    MHD_get_connection_info(mc, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	if (!method_ok(s->o, c, method, type) || strcmp(version, "HTTP/1.1") != 0 || size == NULL ||
	    size->header_size > HEADER_MAX)
		c->bad = true;
	/* Two lengths at once are how requests are smuggled. */
	if (header(mc, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL &&
	    header(mc, MHD_HTTP_HEADER_CONTENT_LENGTH) != NULL)
		c->bad = true;
	c->large = content_length(mc) > s->conns.body_max;
}

static enum MHD_Result send_answer(
    struct server *s, struct MHD_Connection *mc, const struct server_answer *a)
{
	struct MHD_Response *r;
	enum MHD_Result rc;
	bool with_reply = a->status == 200;
	char seconds[24];

	r = MHD_create_response_from_buffer(with_reply ? a->reply.len : 0,
	    with_reply ? a->reply.data : NULL,
	    with_reply ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT);
	if (r == NULL)
		return MHD_NO;
	if (with_reply)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, media_type(s->o));
	if (a->retry_after > 0 && (a->status == 429 || a->status == 503 || a->status == 507)) {
		snprintf(seconds, sizeof(seconds), "%lld", (long long)a->retry_after);
		MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	}
	if (atomic_load(&s->stopping) || a->status == 413)
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
	rc = MHD_queue_response(mc, (unsigned)a->status, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result answer_status(struct server *s, struct MHD_Connection *mc, int status)
{
	struct server_answer a = {.status = status, .reply = BUF_INIT(0)};

	return send_answer(s, mc, &a);
}

static enum MHD_Result answer_early(struct server *s, struct MHD_Connection *mc)
{
	s->early = true;
	return answer_status(s, mc, 413);
}

/* A body that is not wanted is read to its end all the same: the refusal then arrives. */
static enum MHD_Result take_body(struct server *s, struct conn *c, const char *data, size_t *len)
{
	conn_got(c, *len);
	if (c->got > s->conns.body_max)
		c->large = true;
	if (c->got > 2ull * s->conns.body_max)
		return MHD_NO;
	if (c->bad || c->large)
		buf_free(&c->body);
	else if (buf_add(&c->body, data, *len) != 0)
		return MHD_NO;
	*len = 0;
	return MHD_YES;
}

static void route(
    struct server *s, struct conn *c, struct MHD_Connection *mc, struct server_answer *a)
{
	bool last = s->o->wake_fd <= 0 || conn_last(&s->conns, c);
	static const char scheme[] = "Bearer ";
	const char *auth = header(mc, MHD_HTTP_HEADER_AUTHORIZATION);
	struct server_request r = {.route = c->route, .body = c->body.data, .len = c->body.len};

	if (auth != NULL && strncmp(auth, scheme, sizeof(scheme) - 1) == 0)
		r.bearer = auth + sizeof(scheme) - 1;
	r.waited = last ? INT64_MAX : clock_monotonic() - c->whole_at;
	s->o->router(s->o->ctx, thread_index(s), &r, a);
}

/* True when the request is parked. */
static bool ask(
    struct server *s, struct conn *c, struct MHD_Connection *mc, struct server_answer *a)
{
	unsigned came;

	do {
		came = atomic_load(&s->conns.came);
		a->later = 0;
		route(s, c, mc, a);
		if (a->later > 0 && conn_park(&s->conns, c, mc, came, a->later))
			return true;
	} while (a->later > 0);
	return false;
}

static enum MHD_Result handle(struct server *s, struct conn *c, struct MHD_Connection *mc)
{
	struct server_answer a = {.status = 503, .reply = BUF_INIT(s->conns.body_max)};
	enum MHD_Result rc;

	conn_whole(&s->conns, c);
	if (s->o->router != NULL) {
		if (ask(s, c, mc, &a))
			return MHD_YES;
	} else {
		s->o->handler(s->o->ctx, thread_index(s), c->body.data, c->body.len, &a);
		/* A full quota is a contact's. */
		a.proven = a.status == 200 || a.status == 204 || a.status == 429;
	}
	conn_judged(c, a.proven, a.kept);
	rc = send_answer(s, mc, &a);
	buf_free(&a.reply);
	return rc;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mc, const char *url,
    const char *method, const char *version, const char *data, size_t *len, void **request)
{
	struct conn *c = conn_of(mc);

	(void)url; /* judged as it came, before it was decoded */
	if (c == NULL || !c->began)
		return MHD_NO;
	if (*request != (void *)&c->got) {
		*request = &c->got;
		conn_headed(c);
		judge(ctx, c, mc, method, version);
		return c->large ? answer_early(ctx, mc) : MHD_YES;
	}
	if (*len > 0)
		return take_body(ctx, c, data, len);
	if (c->large)
		return answer_status(ctx, mc, 413);
	if (c->bad || (c->body.len == 0) != (c->route != NULL && !c->route->body))
		return answer_status(ctx, mc, 400);
	return handle(ctx, c, mc);
}

struct MHD_Daemon *daemon_start(struct server *s, unsigned flags, struct MHD_OptionItem *array)
{
	if (s->o->wake_fd > 0)
		flags |= MHD_ALLOW_SUSPEND_RESUME;
	return MHD_start_daemon(flags | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL, NULL, on_request,
	    s, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_URI_LOG_CALLBACK, on_uri,
	    s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_CONNECTION_TIMEOUT,
	    SECONDS(SERVER_FIRST_TIME), MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, array, MHD_OPTION_END);
}

void daemon_drain(int fd)
{
	char scratch[4096];

	while (read(fd, scratch, sizeof(scratch)) > 0)
		;
}

void daemon_stop(struct server *s, struct MHD_Daemon *d)
{
	conns_release(&s->conns);
	if (d != NULL)
		MHD_stop_daemon(d);
	conns_free(&s->conns);
}

void daemon_no_delay(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}
