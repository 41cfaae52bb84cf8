#include "node/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/stop.h"
#include "base/record.h"
#include "node/chatroom.h"
#include "node/typed.h"

#define WINDOW 64    /* messages on their way at once */
#define WAITING 1024 /* of ours in the store, before no more are read */
#define PULSE (60 * MP_SECOND)
#define NO_PULSE (90 * MP_SECOND)

struct talk {
	const struct talk_options *o;
	const struct chat_account *a;
	struct store *s;
	struct chatcall call;
	struct chatroom room;
	struct typed in;
	bool connected, following, ended, closed, stopped;
	uint64_t sent;      /* the last number that went out on this connection */
	uint64_t confirmed; /* the last seq that was confirmed */
	int64_t unsaid;     /* ours in the store */
	int64_t heard_at, retry_at, pause;
	int64_t end; /* when waiting is over, 0: no end yet */
	int flying;
	int status;
	char why[200]; /* the server cannot be reached */
};

static int send_text(struct talk *t, enum frame_type type, uint64_t sid, struct buf *text, int rc)
{
	if (rc == 0)
		rc = chatcall_send(&t->call, type, sid, text->data, text->len);
	buf_free(text);
	return rc;
}

static int ask(struct talk *t)
{
	struct buf text = BUF_INIT(64);
	enum wanted w = t->o->deaf ? WANT_ROOM : WANT_FOLLOW;

	return send_text(t, FRAME_STATUS_REQ, t->o->sid, &text,
	    want_write(&text, w, t->room.state.cursor, NULL, 0));
}

/* Alive?  The list of our sessions is short, and every server answers with it. */
static int pulse(struct talk *t)
{
	return chatcall_send(&t->call, FRAME_STATUS_REQ, 0, NULL, 0);
}

static void hang_up(struct talk *t)
{
	chatcall_close(&t->call);
	t->connected = t->following = false;
	t->sent = 0;
	t->flying = 0;
	t->pause = t->pause == 0 ? MP_SECOND : t->pause * 2 > MP_MINUTE ? MP_MINUTE : t->pause * 2;
	t->retry_at =
	    clock_monotonic() + t->pause / 2 + randombytes_uniform((uint32_t)t->pause / 2 + 1);
}

static int connect_(struct talk *t)
{
	int64_t patience = t->o->wait > 0 && t->o->wait < MP_MINUTE ? t->o->wait : MP_MINUTE;
	int rc = chatcall_open(&t->call, t->a, patience);

	/* Once it was right, a refusal at the login is a server that is being restarted. */
	if (rc == MP_ETEMP || (rc == MP_EBAD && t->room.own != 0)) {
		snprintf(t->why, sizeof(t->why), "%s", err_detail());
		hang_up(t);
		return 0;
	}
	if (rc != 0 || (rc = chat_room_get(t->s, &t->room.state, t->o->sid)) != 0)
		return rc;
	t->room.own = guest_uid(t->call.guest);
	t->connected = true;
	t->confirmed = t->room.state.cursor;
	t->heard_at = clock_monotonic();
	return ask(t);
}

static int on_status(struct talk *t, const struct heard *e)
{
	int rc;

	if (e->sid != t->o->sid)
		return 0;
	if ((rc = store_begin(t->s)) != 0)
		return rc;
	if ((rc = chatroom_status(&t->room, e->payload, e->n)) != 0) {
		store_rollback(t->s);
		return rc;
	}
	if (t->room.role != MEMBER_CREATOR && t->room.role != MEMBER_JOINED) {
		store_rollback(t->s);
		return err_set(
		    MP_ENONE, "session %016" PRIx64 ": accept the invitation first", t->o->sid);
	}
	t->following = true;
	t->pause = 0;
	return store_commit(t->s);
}

static int on_message(struct talk *t, const struct heard *e)
{
	struct chat_message m;
	int rc;

	if (e->sid != t->o->sid || t->o->deaf)
		return 0;
	if (!t->following || (rc = message_read(&m, true, e->payload, e->n)) != 0)
		return MP_EBAD;
	if (m.seq <= t->room.state.cursor)
		return 0;
	if ((rc = store_in_transaction(t->s) ? 0 : store_begin(t->s)) == 0 &&
	    (rc = chatroom_hear(&t->room, e->uid, &m)) == 0 &&
	    (rc = chat_room_cursor(t->s, t->o->sid, m.seq)) == 0)
		t->room.state.cursor = m.seq;
	return rc;
}

static int say(struct talk *t, enum record_class class, uint64_t number, const char *why)
{
	struct record rec;
	int rc = 0;

	if (!t->o->verbose && class == CLASS_SENT)
		return 0;
	record_init(&rec);
	rec.class = class;
	strcpy(rec.kind, "message");
	snprintf(rec.ref, sizeof(rec.ref), "%016" PRIx64, t->o->sid);
	rec.time = clock_now();
	rec.has_body = true;
	if ((rc = buf_addf(&rec.body, "%s %" PRIu64, why, number)) == 0 && !t->o->deaf)
		rc = record_write(stdout, &rec, t->o->json);
	record_free(&rec);
	return rc;
}

static int on_result(struct talk *t, const struct heard *e)
{
	char response[RESPONSE_SIZE];
	uint64_t number;
	int rc = result_read(response, &number, e->payload, e->n);

	if (rc != 0 || e->sid != t->o->sid)
		return rc;
	t->flying -= t->flying > 0;
	if (strcmp(response, "OK") == 0) {
		if ((rc = chat_outbox_done(t->s, t->o->sid, number)) == 0 &&
		    (rc = chat_outbox_count(t->s, &t->unsaid, t->o->sid)) == 0)
			rc = say(t, CLASS_SENT, number, "number");
		return rc;
	}
	/* Too much waits there: later, in the same order. */
	if (strcmp(response, "full") == 0)
		return err_set(MP_ETEMP, "too much waits in the session");
	return err_set(MP_ENONE, "session %016" PRIx64 ": %s", t->o->sid, response);
}

static int on_event(struct talk *t, const struct heard *e)
{
	switch (e->event) {
	case GUEST_STATUS:
		return on_status(t, e);
	case GUEST_MESSAGE:
		return on_message(t, e);
	case GUEST_RESULT:
		return on_result(t, e);
	case GUEST_CLOSED:
		if (e->sid != t->o->sid)
			return 0;
		t->closed = true;
		return chatroom_event(&t->room, "chat-closed", "", NULL);
	default:
		return 0; /* an invitation to another session */
	}
}

/* Printed, then on disk, then confirmed. */
static int settle(struct talk *t)
{
	struct buf text = BUF_INIT(64);
	int rc = record_finish(stdout);

	if (rc == 0 && store_in_transaction(t->s))
		rc = store_commit(t->s);
	if (rc != 0 || !t->connected || t->o->deaf || t->room.state.cursor <= t->confirmed)
		return rc;
	t->confirmed = t->room.state.cursor;
	return send_text(
	    t, FRAME_MSG_RES, t->o->sid, &text, result_write(&text, "OK", t->confirmed));
}

static int hear(struct talk *t)
{
	struct heard e;
	int rc, done;

	while ((rc = chatcall_next(&t->call, &e)) == 1) {
		t->heard_at = clock_monotonic();
		if ((rc = on_event(t, &e)) != 0 || t->closed)
			break;
	}
	done = settle(t);
	return rc != 0 ? rc : done;
}

static int speak_one(void *ctx, const struct chat_outgoing *o)
{
	struct talk *t = ctx;
	struct buf content = BUF_INIT(MESSAGE_CONTENT), text = BUF_INIT(FRAME_PAYLOAD);
	struct chat_message m = {.number = o->number};
	int rc = chatroom_speak(&t->room, &content, o);

	m.content = content.data;
	m.n = content.len;
	rc = send_text(
	    t, FRAME_MSG_REQ, t->o->sid, &text, rc == 0 ? message_write(&text, false, &m) : rc);
	buf_free(&content);
	t->sent = o->number;
	t->flying++;
	return rc;
}

static int speak(struct talk *t)
{
	if (!t->connected || !t->following || t->flying >= WINDOW / 2)
		return 0;
	return chat_outbox_each(t->s, t->o->sid, t->sent, WINDOW - t->flying, speak_one, t);
}

/* One message of the person's, into the store. */
static int take(void *ctx, struct record *rec)
{
	struct talk *t = ctx;
	struct chat_outgoing o = {.time = rec->time, .body = rec->body.data, .n = rec->body.len};
	int rc;

	if (o.n > CONTENT_TEXT)
		return err_set(
		    MP_ELIMIT, "a text of a session is at most %u KiB", CONTENT_TEXT / 1024);
	if (rec->time == RECORD_TIME_ABSENT || rec->time < 0)
		o.time = clock_now();
	if (rec->has_id)
		memcpy(o.id, rec->id, sizeof(o.id));
	else
		randombytes_buf(o.id, sizeof(o.id));
	if ((rc = store_in_transaction(t->s) ? 0 : store_begin(t->s)) == 0 &&
	    (rc = chat_outbox_add(t->s, t->o->sid, &o)) == 0)
		t->unsaid++;
	return rc;
}

/* As long as the connection lives: what comes later than this from a server that says nothing is
 * over. */
static int beat(struct talk *t, int64_t now)
{
	if (!t->connected)
		return now >= t->retry_at ? connect_(t) : 0;
	if (now - t->heard_at > NO_PULSE)
		return err_set(MP_ETEMP, "the server says nothing any more");
	if (now - t->heard_at > PULSE && t->call.out.len == 0) {
		t->heard_at += MP_SECOND; /* not more than once a second */
		return pulse(t);
	}
	return 0;
}

/* All was said, and all was heard that was there. */
static bool done(const struct talk *t)
{
	if (!t->ended || t->o->follow || t->unsaid > 0)
		return false;
	return t->following && (t->o->deaf || t->room.state.cursor >= t->room.last) &&
	       t->call.out.len == 0;
}

static int poll_timeout(const struct talk *t, int64_t now)
{
	int64_t next = now + MP_SECOND * 5;

	if (!t->connected && t->retry_at < next)
		next = t->retry_at;
	if (t->end != 0 && t->end < next)
		next = t->end;
	return next <= now ? 0 : (int)(next - now);
}

static int round_(struct talk *t, int stop)
{
	struct pollfd p[3] = {{.fd = -1, .events = POLLIN}, {.fd = t->connected ? t->call.fd : -1},
	    {.fd = stop, .events = POLLIN}};
	int64_t now = clock_monotonic();
	int rc;

	if (!t->ended && t->unsaid < WAITING)
		p[0].fd = STDIN_FILENO;
	if (t->connected)
		p[1].events = chatcall_wants(&t->call);
	if (poll(p, 3, poll_timeout(t, now)) < 0 && errno != EINTR)
		return err_sys("cannot wait");
	if (p[2].revents != 0) {
		t->stopped = true;
		return 0;
	}
	if (p[0].revents != 0) {
		if ((rc = typed_read(&t->in, take, t, &t->ended)) != 0)
			return rc;
		t->status = err_worse(t->status, t->in.status);
		if ((rc = settle(t)) != 0)
			return rc;
	}
	if (t->ended && t->end == 0 && !t->o->follow)
		t->end = clock_monotonic() + t->o->wait;
	rc = beat(t, clock_monotonic());
	if (rc == 0 && t->connected && p[1].fd >= 0)
		rc = chatcall_io(&t->call, p[1].revents);
	/* What came before the end of the connection is heard, too. */
	if (t->connected) {
		int heard = hear(t);

		rc = heard != 0 ? heard : rc;
	}
	return rc == 0 ? speak(t) : rc;
}

/* A connection's failure is not the session's. */
static int survive(struct talk *t, int rc)
{
	if (rc != MP_ETEMP && !(rc == MP_EBAD && !t->room.stop && t->connected))
		return rc;
	if (store_in_transaction(t->s))
		store_rollback(t->s);
	if (t->o->verbose)
		err_warn("%s", err_detail());
	hang_up(t);
	return 0;
}

static int over(const struct talk *t)
{
	const char *why = t->connected || t->why[0] == '\0' ? "the server does not answer" : t->why;

	if (t->unsaid == 0)
		return err_set(MP_ETEMP, "%s", why);
	if (t->connected && t->following && t->room.state.epoch == 0)
		why = "the session has no key yet";
	return err_set(MP_ETEMP, "%" PRId64 " not sent yet: %s", t->unsaid, why);
}

static int loop(struct talk *t, int stop)
{
	int rc = 0;

	t->room.verified_only = t->o->verified_only;
	t->room.json = t->o->json;
	t->room.out = t->o->deaf ? NULL : stdout;
	while (rc == 0 && !t->closed && !t->stopped && !done(t)) {
		if (t->end != 0 && clock_monotonic() >= t->end)
			return over(t);
		if ((rc = round_(t, stop)) != 0)
			rc = survive(t, rc);
	}
	return rc;
}

/* Two that talk in one session at once would both send what waits. */
static int lock_session(const struct talk_options *o)
{
	char name[40], path[PATH_MAX];
	int fd, rc;

	snprintf(name, sizeof(name), "%016" PRIx64 ".lock", o->sid);
	if ((rc = chatcall_path(path, sizeof(path), o->account, name)) != 0)
		return rc;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys("cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	rc = errno == EWOULDBLOCK
	         ? err_set(MP_EBUSY, "another mp-chat talks in this session already")
	         : err_sys("cannot lock '%s'", path);
	close(fd);
	return rc;
}

int talk_run(
    int *status, struct store *s, const struct chat_account *a, const struct talk_options *o)
{
	struct talk t = {.o = o, .a = a, .s = s, .call = {.fd = -1}, .status = EXIT_DONE};
	int lock, stop = -1, rc;

	typed_init(&t.in, o->lines, o->sid);
	t.ended = o->deaf;
	t.end = o->deaf ? clock_monotonic() + o->wait : 0;
	if ((rc = lock = lock_session(o)) >= 0 && (rc = stop = stop_signals()) >= 0 &&
	    (rc = chatroom_open(&t.room, s, o->sid, a->name, a->seed)) == 0 &&
	    (rc = chat_outbox_count(s, &t.unsaid, o->sid)) == 0)
		rc = loop(&t, stop);
	if (store_in_transaction(s))
		store_rollback(s);
	if (rc == 0 && t.closed)
		rc = chat_room_forget(s, o->sid);
	chatcall_close(&t.call);
	chatroom_close(&t.room);
	typed_free(&t.in);
	if (stop >= 0)
		close(stop);
	if (lock >= 0)
		close(lock);
	*status = t.status;
	return rc;
}
