/* Rooms of a relay: who knows a room's id posts sealed lines and reads them. */
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

#include "base/err.h"
#include "base/file.h"
#include "mesh/visit.h"
#include "node/relay_step.h"

#define RETRY 10 /* s */
#define LOOK 200 /* ms */

static struct rooms_limits limits(const struct relay *r)
{
	return (struct rooms_limits){
	    .count = r->cfg.room_count, .quota = r->cfg.room_quota, .rate = r->cfg.room_rate};
}

static int post(struct relay *r, const struct visit *v, int64_t now)
{
	struct rooms_limits l = limits(r);
	struct room_row room;
	const uint8_t *line;
	size_t at = 0, len;
	int rc;

	if ((rc = rooms_begin(r->rooms)) != 0)
		return rc;
	rc = rooms_enter(r->rooms, &room, v->room, &l, now);
	while (rc == 0 && visit_next(v, &at, &line, &len))
		rc = rooms_post(r->rooms, &room, line, len, &l, now);
	return rooms_end(r->rooms, rc);
}

/* Too many rooms or lines: for a while. */
static int judge(struct relay_call *c, int rc)
{
	c->kept = rc != MP_EBAD;
	if (rc == MP_EBUSY) {
		c->status = 429;
		c->retry_after = RETRY;
	}
	return rc;
}

int relay_on_room_post(struct relay_call *c)
{
	struct visit v;
	int rc;

	if (c->r->rooms == NULL)
		return err_set(MP_EBAD, "no rooms here");
	visit_init(&v);
	if ((rc = visit_post_read(&v, c->in)) == 0 && (rc = post(c->r, &v, c->now)) == 0)
		file_touch(home_file("run/" RELAY_ROOMS));
	visit_free(&v);
	return judge(c, rc);
}

static int add_line(void *ctx, int64_t n, const void *line, size_t len)
{
	struct visit *v = ctx;
	int rc = visit_add(v, line, len);

	if (rc == MP_ELIMIT) {
		v->more = true;
		return 1;
	}
	if (rc == 0)
		v->cursor = n;
	return rc;
}

/* What is above the cursor.  Nothing, and it may wait: later. */
static int look(struct relay_call *c, struct visit *v)
{
	struct rooms_limits l = limits(c->r);
	struct room_row room;
	int rc = rooms_enter(c->r->rooms, &room, v->room, &l, c->now);

	if (rc != 0)
		return rc;
	if (v->cursor == VISIT_NOW) {
		v->cursor = room.last;
		v->wait = 0; /* this is the answer */
	}
	v->lost = v->cursor < room.gone;
	if ((rc = rooms_each(c->r->rooms, &room, v->cursor, add_line, v)) != 0)
		return rc;
	if (v->n == 0 && v->lost)
		v->cursor = room.last;
	if (v->n == 0 && !v->lost && c->waited < v->wait) {
		c->later = v->wait - c->waited;
		return 0;
	}
	return visit_answer_write(&c->out, v);
}

int relay_on_room_read(struct relay_call *c)
{
	struct visit v;
	int rc;

	if (c->r->rooms == NULL)
		return err_set(MP_EBAD, "no rooms here");
	visit_init(&v);
	if ((rc = visit_read_read(&v, c->in)) == 0)
		rc = look(c, &v);
	visit_free(&v);
	return judge(c, rc);
}

/* A user has a hundred inotify instances, and may have more connections than that. */
static int tick(void)
{
	struct itimerspec t = {.it_interval.tv_nsec = LOOK * 1000000, .it_value.tv_nsec = 1};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &t, NULL) != 0)
		return err_sys("cannot make a timer");
	return fd;
}

int relay_rooms_watch(bool alone)
{
	int fd;

	if (alone || (fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) < 0)
		return tick();
	file_touch(home_file("run/" RELAY_ROOMS));
	if (inotify_add_watch(fd, home_file("run/" RELAY_ROOMS), IN_ATTRIB | IN_MODIFY) < 0) {
		close(fd);
		return tick();
	}
	return fd;
}

int relay_rooms_upkeep(struct relay *r, int64_t now)
{
	return r->rooms == NULL ? 0 : rooms_expire(r->rooms, now - r->cfg.room_keep);
}
