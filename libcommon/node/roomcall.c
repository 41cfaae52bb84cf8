#include "node/roomcall.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/lines.h"
#include "base/outflow.h"
#include "mesh/visit.h"
#include "net/client.h"
#include "node/relay.h"
#include "otr/line.h"

#define LONG_POLL INT64_C(25000)
#define AGAIN_MIN INT64_C(500)
#define AGAIN_MAX INT64_C(20000)
#define OUT_MAX ((size_t)16 << 20)
#define OUT_FULL ((size_t)1 << 20)    /* the relay keeps the rest meanwhile */
#define POST_FULL ((size_t)256 << 10) /* sealed: standard input waits */
#define MARKS 4096                    /* lines that are known when they come again */

/* One of the two requests. */
struct asking {
	bool on;
	struct buf body;
	int64_t after, pause; /* not before, monotonic; the last pause */
	uint8_t circuit[16];
};

struct call {
	const struct roomcall_options *o;
	uint8_t server[ONION_KEY];
	struct door door;
	struct client *client;
	struct asking post, read;
	struct lines in;
	struct outflow out;
	struct visit pending;           /* to be posted */
	bool posting;                   /* all of it is on its way: nothing is added */
	int64_t cursor;                 /* VISIT_NOW: not known yet */
	int64_t well;                   /* monotonic: when the relay answered last */
	uint8_t mark[MARKS][DOOR_MARK]; /* of lines that were here, our own among them */
	size_t at, marks;
	int status;
	int failure; /* nobody reads our output any more */
	char why[200];
};

static int start(struct call *c, struct asking *a, const char *method, json_t *o)
{
	int rc;

	buf_clear(&a->body);
	if ((rc = json_write(&a->body, o)) == 0)
		rc = client_request(c->client, c->server, a->circuit, method, "/room", a->body.data,
		    a->body.len, false, a);
	a->on = rc == 0;
	return rc;
}

static int start_read(struct call *c)
{
	struct visit v = {.cursor = c->cursor, .wait = c->cursor == VISIT_NOW ? 0 : LONG_POLL};
	json_t *o = NULL;
	int rc;

	memcpy(v.room, c->door.id, DOOR_ID);
	if ((rc = visit_read_write(&o, &v)) == 0)
		rc = start(c, &c->read, "GET", o);
	json_decref(o);
	return rc;
}

static int start_post(struct call *c)
{
	json_t *o = NULL;
	int rc;

	if ((rc = visit_post_write(&o, &c->pending)) == 0)
		rc = start(c, &c->post, "POST", o);
	c->posting = true;
	json_decref(o);
	return rc;
}

static bool may_start(const struct asking *a, int64_t now)
{
	return !a->on && now >= a->after;
}

/* Who has said his last line hears nothing more. */
static bool listens(const struct call *c)
{
	return !c->in.eof && c->failure == 0;
}

static int start_requests(struct call *c, int64_t now)
{
	int rc = 0;

	if (may_start(&c->read, now) && listens(c) && outflow_waits(&c->out) < OUT_FULL)
		rc = start_read(c);
	if (rc == 0 && may_start(&c->post, now) && (c->cursor != VISIT_NOW || c->in.eof) &&
	    c->pending.n > 0)
		rc = start_post(c);
	return rc;
}

/* Whether it was not here before; now it was. */
static bool is_new(struct call *c, const uint8_t *sealed, size_t len)
{
	uint8_t mark[DOOR_MARK];

	door_mark(mark, sealed, len);
	for (size_t i = 0; i < c->marks; i++)
		if (memcmp(c->mark[i], mark, DOOR_MARK) == 0)
			return false;
	memcpy(c->mark[c->at], mark, DOOR_MARK);
	c->at = (c->at + 1) % MARKS;
	if (c->marks < MARKS)
		c->marks++;
	return true;
}

static int hear(struct call *c, const struct visit *v)
{
	struct buf plain = BUF_INIT(DOOR_SEALED);
	const uint8_t *sealed, *line;
	size_t at = 0, n, len;
	int rc = 0;

	while (rc == 0 && visit_next(v, &at, &sealed, &n)) {
		if (!is_new(c, sealed, n))
			continue;
		if ((rc = door_open(&line, &len, &plain, &c->door, sealed, n)) == 0) {
			rc = listens(c) ? outflow_line(&c->out, line, len) : 0;
		} else if (rc == MP_EBAD) {
			if (c->o->verbose)
				err_warn("passed over: %s", err_detail());
			rc = 0;
		}
	}
	buf_free(&plain);
	return rc;
}

/* MP_EBAD: the relay is none. */
static int take_lines(struct call *c, const struct post_result *r)
{
	struct visit v;
	json_t *o = NULL;
	int rc;

	visit_init(&v);
	if ((rc = json_read(&o, (const char *)r->reply.data, r->reply.len)) == 0 &&
	    (rc = visit_answer_read(&v, o)) == 0 && (rc = hear(c, &v)) == 0) {
		if (v.lost && c->cursor != VISIT_NOW) {
			err_warn("lines were lost: the relay kept them no longer");
			c->status = err_worse(c->status, EXIT_TEMPORARY);
		}
		/* A relay that does not let us wait is not asked without a pause. */
		if (v.n == 0 && c->cursor != VISIT_NOW && r->elapsed < AGAIN_MIN)
			c->read.after = clock_monotonic() + AGAIN_MIN;
		c->cursor = v.cursor;
	}
	json_decref(o);
	visit_free(&v);
	return rc;
}

static void taken(struct call *c)
{
	buf_clear(&c->pending.lines);
	c->pending.n = 0;
	c->posting = false;
}

/* It could not be asked, or not now: later, unless that has gone on for too long. */
static int again(struct call *c, struct asking *a, const struct post_result *r)
{
	int64_t now = clock_monotonic();

	if (c->o->verbose)
		err_warn("%s: %s", r->code, r->reason);
	if (now - c->well >= c->o->wait)
		return err_set(MP_ETEMP, "the relay: %s", r->reason);
	a->pause = a->pause == 0 ? AGAIN_MIN : 2 * a->pause > AGAIN_MAX ? AGAIN_MAX : 2 * a->pause;
	a->after = now + a->pause / 2 + (int64_t)randombytes_uniform((uint32_t)a->pause);
	if (r->retry_after > 0 && a->after < now + r->retry_after)
		a->after = now + r->retry_after;
	return 0;
}

static int answered(struct call *c, struct post_result *r)
{
	struct asking *a = r->tag;
	int rc;

	a->on = false;
	if (r->status != 200 && r->status != 204)
		return r->status == 400 || r->status == 413
		           ? err_set(MP_EBAD, "the relay refuses: it has no rooms, or others")
		           : again(c, a, r);
	c->well = clock_monotonic();
	a->pause = 0;
	if (a == &c->post) {
		taken(c);
		return 0;
	}
	rc = r->status == 200 ? take_lines(c, r) : err_set(MP_EBAD, "no lines");
	return rc == MP_EBAD ? err_set(MP_EBAD, "the relay's answer is none: %s", err_detail())
	                     : rc;
}

static bool may_read(const struct call *c)
{
	return !c->posting && c->pending.lines.len < POST_FULL && c->pending.n < VISIT_LINES;
}

static int seal(struct call *c, const uint8_t *line, size_t len)
{
	struct buf sealed = BUF_INIT(DOOR_SEALED);
	int rc;

	if ((rc = door_seal(&sealed, &c->door, line, len)) == 0 &&
	    (rc = visit_add(&c->pending, sealed.data, sealed.len)) == 0)
		is_new(c, sealed.data, sealed.len);
	buf_free(&sealed);
	return rc;
}

/* What was read already; a line that is too long is the only one that is not said. */
static int say(struct call *c)
{
	const uint8_t *line;
	size_t len;
	int n, rc = 0;

	while (rc == 0 && may_read(c) && (n = lines_take(&c->in, &line, &len)) != 0) {
		if (n == MP_ELIMIT)
			c->status = err_worse(c->status, err_print(n));
		else
			rc = n < 0 ? n : seal(c, line, len);
	}
	return rc;
}

static bool readable(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* A program that ends closes both its ends, and what it said before is posted all the same. */
static bool over(const struct call *c)
{
	return c->pending.n == 0 && c->in.at == c->in.b.len &&
	       (c->in.eof || (c->failure != 0 && !readable()));
}

static void print(struct call *c)
{
	c->failure = outflow_write(&c->out);
	if (c->failure == 0)
		return;
	snprintf(c->why, sizeof(c->why), "%s", err_detail());
	outflow_free(&c->out);
}

/* The next time that something is started without being asked for. */
static int64_t pause_of(const struct call *c, int64_t now)
{
	int64_t at = now + MP_MINUTE;

	if (!c->read.on && listens(c) && c->read.after < at)
		at = c->read.after;
	if (!c->post.on && c->pending.n > 0 && c->post.after < at)
		at = c->post.after;
	return at <= now ? 0 : at - now;
}

static int turn(struct call *c)
{
	struct pollfd p[2] = {
	    {.fd = c->in.eof || !may_read(c) ? -1 : STDIN_FILENO, .events = POLLIN},
	    {.fd = listens(c) && outflow_waits(&c->out) > 0 ? STDOUT_FILENO : -1,
	        .events = POLLOUT},
	};
	struct post_result r;
	int64_t now = clock_monotonic();
	int rc, got;

	if ((rc = start_requests(c, now)) != 0)
		return rc;
	if ((got = client_poll(c->client, &r, p, 2, pause_of(c, now))) < 0)
		return got;
	if (got == 1) {
		rc = answered(c, &r);
		buf_free(&r.reply);
	}
	if (rc == 0 && p[0].revents != 0)
		rc = lines_fill(&c->in);
	if (rc == 0)
		rc = say(c);
	if (p[1].revents != 0 && listens(c))
		print(c);
	return rc;
}

/* ROOM@SERVER, as mp-otr has it; a server is an onion address. */
static int place_of(struct call *c, char room[static OTR_ROOM])
{
	const char *at = strchr(c->o->room, '@');
	size_t n = at == NULL ? 0 : (size_t)(at - c->o->room);

	if (at == NULL || n >= OTR_ROOM)
		return err_set(MP_EUSAGE, "'%.80s' is no room@server", c->o->room);
	memcpy(room, c->o->room, n);
	room[n] = '\0';
	if (!otr_place_ok(room, 1))
		return err_set(MP_EUSAGE, "'%.80s' is no name of a room", room);
	if (server_name_read(c->server, at + 1) != 0)
		return err_set(MP_EUSAGE, "'%.80s' is no server's name", at + 1);
	return 0;
}

static int begin(struct call *c)
{
	struct client_options o = {.media_type = RELAY_MEDIA_TYPE,
	    .body_max = MESH_BODY_MAX,
	    .timeout = LONG_POLL + MP_MINUTE};
	char room[OTR_ROOM];
	int rc;

	if ((rc = place_of(c, room)) != 0 || (rc = client_new(&c->client, &o)) != 0 ||
	    (rc = door_make(&c->door, room, c->server, c->o->password)) != 0)
		return rc;
	lines_init(&c->in, STDIN_FILENO, DOOR_LINE);
	outflow_init(&c->out, STDOUT_FILENO, "standard output", OUT_MAX);
	visit_init(&c->pending);
	memcpy(c->pending.room, c->door.id, DOOR_ID);
	randombytes_buf(c->post.circuit, sizeof(c->post.circuit));
	randombytes_buf(c->read.circuit, sizeof(c->read.circuit));
	c->post.body = c->read.body = (struct buf)BUF_INIT(MESH_BODY_MAX);
	c->cursor = VISIT_NOW;
	c->well = clock_monotonic();
	return 0;
}

static void end(struct call *c)
{
	client_free(c->client);
	door_wipe(&c->door);
	lines_free(&c->in);
	outflow_free(&c->out);
	visit_free(&c->pending);
	buf_free(&c->post.body);
	buf_free(&c->read.body);
}

int roomcall_run(const struct roomcall_options *o)
{
	static struct call c;
	int rc;

	c = (struct call){.o = o, .status = EXIT_DONE};
	if ((rc = begin(&c)) == 0)
		while (rc == 0 && !over(&c))
			rc = turn(&c);
	if (rc == 0 && c.failure != 0 && !c.in.eof)
		rc = err_set(c.failure, "%s", c.why);
	if (rc != 0)
		c.status = err_worse(c.status, err_print(rc));
	end(&c);
	return c.status;
}
