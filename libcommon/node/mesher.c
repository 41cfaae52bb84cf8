#include "node/mesher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "mesh/flood.h"
#include "node/mesher_link.h"

#define UPKEEP (2 * MP_SECOND)
#define TICK MP_SECOND /* how late a time of ours may be noticed */
#define AGAIN 200      /* packets flooded again in one transaction */

struct task *task_new(struct mesher *m, struct link *l)
{
	struct task *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		err_set(MP_ENOMEM, "out of memory");
		return NULL;
	}
	t->link = l;
	t->body = (struct buf)BUF_INIT(MESH_BODY_MAX);
	t->next = m->tasks;
	m->tasks = t;
	return t;
}

void task_free(struct mesher *m, struct task *t)
{
	struct task **at = &m->tasks;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	buf_free(&t->body);
	free(t);
}

/* Locked while one works: -1 and a code's detail when another does. */
static int take_place(void)
{
	int fd =
	    open(home_file("run/relay-mesher"), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_sys("cannot open '%s'", home_file("run/relay-mesher"));
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return err_set(MP_EBUSY, "another process works for this relay");
	}
	return fd;
}

static int watch(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0)
		return err_sys("cannot watch '%s'", home_file("run"));
	file_touch(home_file("run/" RELAY_WAKE));
	if (inotify_add_watch(fd, home_file("run/" RELAY_WAKE), IN_ATTRIB | IN_MODIFY) < 0) {
		err_sys("cannot watch '%s'", home_file("run/" RELAY_WAKE));
		close(fd);
		return MP_ESYS;
	}
	return fd;
}

static void drain(int fd)
{
	char scratch[4096];

	while (read(fd, scratch, sizeof(scratch)) > 0)
		;
}

/* Entered here and confirmed by nobody: once more, or for the last time looked at. */
static int flood_again(struct mesher *m, const struct relay_packet *p, int64_t now)
{
	const struct relay_config *cfg = &m->r->cfg;
	int attempt = p->attempt + 1, rc;
	int64_t next;

	if (attempt > ATTEMPTS)
		return relay_packet_set_again(m->r->s, p->row, p->attempt, 0);
	next = attempt < ATTEMPTS ? flood_due(attempt + 1, cfg->again_first) : cfg->packet_keep;
	if ((rc = relay_flood_packet(m->r->s, p->row, MESH_HOPS - 1, attempt, 0, now)) != 0)
		return rc;
	return relay_packet_set_again(m->r->s, p->row, attempt, p->since + next);
}

static int again(struct mesher *m, int64_t now)
{
	struct relay_packet p;
	int rc, n = 0;

	/* A look takes no lock and no sync; most of the time there is nothing. */
	if ((rc = relay_packet_due(m->r->s, &p, now)) != 0)
		return rc == MP_ENONE ? 0 : rc;
	if ((rc = relay_begin(m->r->s)) != 0)
		return rc;
	while (n++ < AGAIN && (rc = relay_packet_due(m->r->s, &p, now)) == 0 &&
	       (rc = flood_again(m, &p, now)) == 0)
		;
	return relay_end(m->r->s, rc == MP_ENONE ? 0 : rc);
}

static int judge_peers(struct mesher *m, int64_t now)
{
	struct relay_peer p;
	bool fresh;
	int rc;

	if ((rc = relay_begin(m->r->s)) != 0)
		return rc;
	for (size_t i = 0; i < m->n && rc == 0; i++) {
		if (m->link[i].gone)
			continue;
		if ((rc = relay_peer_get(m->r->s, &p, m->link[i].server)) == 0 &&
		    (rc = relay_vote_renew(m->r, &p, now, &fresh)) == 0)
			rc = relay_recount(m->r, &p, now);
		rc = rc == MP_ENONE ? 0 : rc;
	}
	return relay_end(m->r->s, rc);
}

static int upkeep(struct mesher *m, int64_t now)
{
	const struct relay_config *cfg = &m->r->cfg;
	struct relay_expiry e = {.now = now,
	    .keep = cfg->packet_keep,
	    .silent = cfg->device_silent,
	    .log = cfg->log_keep,
	    .day = now / MP_DAY};
	bool more;
	int rc;

	if ((rc = relay_flood_trim(m->r->s, now - cfg->transit_keep)) != 0 ||
	    (rc = relay_expire(m->r->s, &e, &more)) != 0 || (rc = judge_peers(m, now)) != 0 ||
	    (rc = relay_rooms_upkeep(m->r, now)) != 0)
		return rc;
	m->upkeep = clock_monotonic() + (more ? 0 : UPKEEP);
	return 0;
}

/* Everything that is due. */
static int work(struct mesher *m)
{
	int64_t now = clock_now();
	int rc;

	if ((rc = links_load(m)) != 0 || (rc = again(m, now)) != 0 ||
	    (rc = audits_decide(m, now)) != 0 || (rc = audits_start(m, now)) != 0)
		return rc;
	if (clock_monotonic() >= m->upkeep && (rc = upkeep(m, now)) != 0)
		return rc;
	return links_start(m);
}

static int finish(struct mesher *m, struct post_result *r)
{
	struct task *t = r->tag;
	int rc = t->audit ? audit_answered(m, t, r) : link_answered(m, t->link, r);

	buf_free(&r->reply);
	task_free(m, t);
	return rc;
}

/* A busy store or a full disk is for later; the rest ends us. */
static int endure(int rc)
{
	if (rc != MP_EBUSY && rc != MP_EFULL)
		return rc;
	err_print(rc);
	return 0;
}

static int loop(struct mesher *m, int stop_fd, int wake, int64_t end)
{
	struct pollfd fds[] = {{.fd = stop_fd, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
	struct post_result r;
	int rc = 0, got;

	while (rc == 0 && clock_monotonic() < end) {
		if ((rc = endure(work(m))) != 0)
			break;
		if ((got = client_poll(m->client, &r, fds, 2, TICK)) < 0)
			rc = got;
		if (got == 1)
			rc = endure(finish(m, &r));
		if (fds[0].revents != 0)
			break;
		if (fds[1].revents != 0)
			drain(wake);
	}
	return rc;
}

static void mesher_free(struct mesher *m)
{
	client_free(m->client);
	while (m->tasks != NULL)
		task_free(m, m->tasks);
	for (size_t i = 0; i < m->n; i++)
		buf_free(&m->link[i].body);
	rsa_free(m->sealed_to);
	free(m);
}

int mesher_run(struct relay *r, int stop_fd, int64_t wait)
{
	struct client_options o = {.media_type = RELAY_MEDIA_TYPE, .body_max = MESH_BODY_MAX};
	struct mesher *m = calloc(1, sizeof(*m));
	int place, wake = -1, rc = 0;

	if (m == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	m->r = r;
	if ((place = take_place()) < 0 || (wake = watch()) < 0)
		rc = place < 0 ? place : wake;
	if (rc == 0 && (rc = audits_resume(m)) == 0 && (rc = rsa_new(&m->sealed_to)) == 0 &&
	    (rc = client_new(&m->client, &o)) == 0)
		rc = loop(m, stop_fd, wake, wait < 0 ? INT64_MAX : clock_monotonic() + wait);
	mesher_free(m);
	if (wake >= 0)
		close(wake);
	if (place >= 0)
		close(place);
	return rc;
}
