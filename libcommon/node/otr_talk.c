#include "node/otr_talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/secret.h"
#include "base/stop.h"
#include "node/otr_person.h"

#define SKEW (5 * MP_MINUTE)
#define PENDING_MAX ((size_t)64 << 20)
/* More than this waits for the transport: the person has to wait, too. */
#define PENDING_FULL ((size_t)256 << 10)

static void to_transport(void *ctx, const char *text, size_t len)
{
	struct talk *t = ctx;
	int r = outflow_line(&t->pending, text, len);

	if (r != MP_OK && t->failure == MP_OK)
		t->failure = r;
}

/* Lines that are none of this protocol are nobody's fault here. */
static int read_transport(struct talk *t, int64_t now)
{
	const uint8_t *line;
	size_t len;
	int n, r = lines_fill(&t->transport);

	while (r == MP_OK && (n = lines_take(&t->transport, &line, &len)) != 0) {
		if (n == MP_ELIMIT || (n == 1 && lines_cut(&t->transport)))
			continue;
		if (n < 0)
			return n;
		r = room_line(t->room, (const char *)line, len, now);
		if (r == MP_EBAD || r == MP_ELIMIT) {
			if (t->o->verbose)
				err_warn("passed over: %s", err_detail());
			r = MP_OK;
		}
	}
	t->transport_end = t->transport.eof;
	return r;
}

static bool may_speak(const struct talk *t)
{
	return !t->leaving && t->room->current != NULL && t->room->current->stage == STAGE_OPEN &&
	       outflow_waits(&t->pending) < PENDING_FULL;
}

static int hear_person(struct talk *t, int64_t now)
{
	const uint8_t *line;
	size_t len;
	int n, r = MP_OK;

	while (r == MP_OK && may_speak(t) && (n = lines_take(&t->person, &line, &len)) != 0) {
		if (n == 1 && lines_cut(&t->person) && !t->o->lines)
			n = err_set(MP_EBAD, "the last line was cut off");
		if (n == 1)
			n = talk_said(t, line, len, now);
		if (n == MP_EBAD || n == MP_ELIMIT || n == MP_EUSAGE)
			t->status = err_worse(t->status, err_print(n));
		else if (n < 0)
			return n;
	}
	return r;
}

static int read_person(struct talk *t)
{
	int r = lines_fill(&t->person);

	if (r == MP_OK && t->person.eof)
		t->person_end = true;
	return r;
}

static int leave(struct talk *t, int64_t now)
{
	if (t->leaving)
		return MP_OK;
	t->leaving = true;
	return room_leave(t->room, now);
}

/* Without reading: while no session is open, what waits is the pipe's. */
static bool nothing_waits(const struct talk *t)
{
	int n;

	return t->person.eof ||
	       (t->opened > 0 && ioctl(TALK_PERSON_IN, FIONREAD, &n) == 0 && n == 0);
}

static bool said_all(const struct talk *t)
{
	return t->person_end && t->person.at == t->person.b.len && nothing_waits(t);
}

/* The person is gone and everything that he had said was said; or there was time enough for it. */
static int maybe_leave(struct talk *t, int64_t now)
{
	bool all = said_all(t);

	if (t->leaving || (!t->person_end && !t->person.eof))
		return MP_OK;
	if (t->give_up == INT64_MAX)
		t->give_up = now + t->cfg.wait;
	if (!all && now < t->give_up)
		return MP_OK;
	if (!all)
		t->status = err_worse(t->status,
		    err_print(err_set(MP_ETEMP, "not everything was said: no session was open")));
	return leave(t, now);
}

static int take_signal(struct talk *t, int64_t now)
{
	struct signalfd_siginfo info;

	if (read(t->signals, &info, sizeof(info)) != sizeof(info))
		return MP_OK;
	if (t->leaving)
		return err_set(MP_ETEMP, "ended before all sessions were closed");
	return leave(t, now);
}

static int64_t until(const struct talk *t, int64_t now)
{
	int64_t at = room_wake(t->room);

	if (!t->leaving && t->give_up < at)
		at = t->give_up;
	if (at <= now)
		return 0;
	return at - now > MP_MINUTE ? MP_MINUTE : at - now;
}

/* One turn: whatever can be read or written, then whatever is due. */
static int turn(struct talk *t)
{
	bool waiting = outflow_waits(&t->pending) > 0, speak = may_speak(t) && !t->person.eof;
	struct pollfd p[4] = {
	    {.fd = t->transport_end ? -1 : TALK_TRANSPORT_IN, .events = POLLIN},
	    {.fd = waiting ? TALK_TRANSPORT_OUT : -1, .events = POLLOUT},
	    {.fd = t->person.eof ? -1 : TALK_PERSON_IN, .events = speak ? POLLIN : 0},
	    {.fd = t->signals, .events = POLLIN},
	};
	int64_t now;
	int r = MP_OK;

	/* A writer that has gone shows also where nothing is read; it would show for ever. */
	if (t->person_end && !speak)
		p[2].fd = -1;
	if (poll(p, 4, (int)until(t, clock_now())) < 0 && errno != EINTR)
		return err_sys("cannot wait");
	now = clock_now();
	if (p[3].revents != 0)
		r = take_signal(t, now);
	if (r == MP_OK && p[0].revents != 0)
		r = read_transport(t, now);
	if (r == MP_OK && p[2].revents != 0) {
		if (speak)
			r = read_person(t);
		else
			t->person_end = (p[2].revents & (POLLHUP | POLLERR)) != 0;
	}
	if (r == MP_OK)
		r = room_tick(t->room, now);
	if (r == MP_OK)
		r = hear_person(t, now);
	if (r == MP_OK)
		r = maybe_leave(t, now);
	if (r == MP_OK && p[1].revents != 0)
		r = outflow_write(&t->pending);
	return r == MP_OK ? t->failure : r;
}

static bool over(const struct talk *t)
{
	return room_over(t->room) && outflow_waits(&t->pending) == 0;
}

/*
 * Our last line is written, and the transport may have lines for us still.  Where it is a socket,
 * they are read up to its end: somebody who wrote to us in vain might not carry what we wrote.
 */
static void linger(struct talk *t)
{
	struct pollfd p[2] = {
	    {.fd = TALK_TRANSPORT_IN, .events = POLLIN}, {.fd = t->signals, .events = POLLIN}};
	int64_t end = clock_monotonic() + t->cfg.wait, now;
	char scratch[4096];

	if (t->transport_end || shutdown(TALK_TRANSPORT_OUT, SHUT_WR) != 0)
		return;
	fflush(t->out);
	while ((now = clock_monotonic()) < end && poll(p, 2, (int)(end - now)) > 0 &&
	       p[1].revents == 0 && read(TALK_TRANSPORT_IN, scratch, sizeof(scratch)) > 0)
		;
}

/* Does anything wait to be said? A person who is there and silent has said all. */
static int unsaid(struct talk *t, bool *yes)
{
	struct pollfd p = {.fd = t->person.eof ? -1 : TALK_PERSON_IN, .events = POLLIN};
	int r = MP_OK;

	while (r == MP_OK && !t->person.eof && t->person.at == t->person.b.len &&
	       poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0)
		r = read_person(t);
	*yes = t->person.at < t->person.b.len;
	return r;
}

/* The others left in order and took the transport with them: a good end, unless something was
 * still to be said. */
static int transport_ended(struct talk *t)
{
	bool more = true;
	int r = t->opened > 0 && room_idle(t->room) ? unsaid(t, &more) : MP_OK;

	return r != MP_OK ? r : more ? err_set(MP_ETEMP, "the transport ended") : MP_OK;
}

static int loop(struct talk *t)
{
	int r = MP_OK;

	while (r == MP_OK && !over(t)) {
		r = turn(t);
		if (r == MP_OK && t->transport_end && !room_over(t->room))
			return transport_ended(t);
	}
	if (r == MP_OK && !t->leaving)
		r = err_set(MP_ETEMP, "no session came about after %d tries", ROOM_TRIES);
	return r;
}

static int descriptors(struct talk *t)
{
	if (fcntl(TALK_PERSON_IN, F_GETFD) < 0 || fcntl(TALK_PERSON_OUT, F_GETFD) < 0)
		return err_set(MP_EUSAGE,
		    "the person's records go through descriptors 3 and 4, which are not open");
	if ((t->out = fdopen(TALK_PERSON_OUT, "w")) == NULL)
		return err_sys("cannot write to descriptor 4");
	lines_init(&t->transport, TALK_TRANSPORT_IN, OTR_LINE_MAX);
	lines_init(&t->person, TALK_PERSON_IN, t->o->lines ? PAYLOAD_TEXT : RECORD_LINE);
	return MP_OK;
}

static int place_of(struct talk *t)
{
	const char *at = strchr(t->o->room, '@');
	size_t n = at == NULL ? strlen(t->o->room) : (size_t)(at - t->o->room);

	if (n >= OTR_ROOM || (at != NULL && strlen(at + 1) >= OTR_ROOM))
		return err_set(MP_EUSAGE, "the room's name is too long");
	memcpy(t->cfg.room, t->o->room, n);
	t->cfg.room[n] = '\0';
	strcpy(t->cfg.server, at == NULL ? "" : at + 1);
	return otr_place_ok(t->cfg.room, 1) && otr_place_ok(t->cfg.server, 0)
	           ? MP_OK
	           : err_set(MP_EUSAGE, "'%.80s' is no name of a room", t->o->room);
}

static int begin(struct talk *t)
{
	struct config c;
	int r;

	if ((r = place_of(t)) != MP_OK || (r = config_load(&c)) != MP_OK ||
	    (r = descriptors(t)) != MP_OK)
		return r;
	snprintf(t->cfg.nick, sizeof(t->cfg.nick), "%s", t->o->nick);
	t->cfg.wait = t->o->wait;
	t->cfg.settle = t->o->wait / 60;
	t->cfg.life = t->o->life;
	t->cfg.skew = 2 * t->o->wait > SKEW ? 2 * t->o->wait : SKEW;
	t->cfg.sink = (struct otr_sink){t, to_transport, talk_note};
	if (t->o->known)
		t->cfg.welcome = talk_welcome;
	if ((r = t->o->fresh ? person_fresh(&t->self) : person_identity(&t->self)) != MP_OK)
		return r;
	t->cfg.self = t->self;
	if ((r = otr_files_new(&t->files, t->o->folder, c.file_accept)) != MP_OK ||
	    (r = t->signals = stop_unless_ignored()) < 0 || (r = talk_introduce(t)) != MP_OK)
		return r;
	return room_new(&t->room, &t->cfg, clock_now());
}

int otr_talk_run(const struct talk_options *o)
{
	static struct talk t = {.give_up = INT64_MAX, .signals = -1, .status = EXIT_DONE};
	int r;

	t.o = o;
	outflow_init(&t.pending, TALK_TRANSPORT_OUT, "the transport", PENDING_MAX);
	if ((r = begin(&t)) == MP_OK) {
		r = loop(&t);
		if (talk_unpublished(&t) != MP_OK && r == MP_OK)
			r = t.failure;
		linger(&t);
	}
	if (r != MP_OK)
		t.status = err_worse(t.status, err_print(r));
	if (t.opened == 0)
		t.status = err_worse(t.status, EXIT_NO);
	room_free(t.room);
	otr_files_free(t.files);
	secret_free(t.self);
	lines_free(&t.transport);
	lines_free(&t.person);
	outflow_free(&t.pending);
	return t.status;
}
