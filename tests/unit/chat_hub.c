/* The hub with a store in memory: sessions of many, a reader who is slow, a store that is busy with
 * nobody. */
#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/secret.h"
#include "chat/guest.h"
#include "chat/payload.h"
#include "node/hub.h"
#include "node/warden.h"
#include "store/chatd.h"
#include "tap.h"

#include <inttypes.h>
#include <poll.h>
#include <sodium.h>
#include <unistd.h>

#define NOW INT64_C(1800000000000)
#define USERS 5

struct person {
	struct hub_conn *conn;
	struct guest *guest;
	struct buf in;
	bool dropped, slow, waits;
	char last[400]; /* payload of the last frame, as text */
	uint64_t sid, seq;
	size_t pending; /* what waits for him besides */
	int messages, invited, closed, statuses, opened;
};

static struct person p[USERS];
static struct serverkey *key;
static struct store *store;
static struct hub *hub;
static int woken;

static void on_write(void *owner, const uint8_t *data, size_t n)
{
	buf_add(&((struct person *)owner)->in, data, n);
}

static size_t on_waiting(void *owner)
{
	struct person *w = owner;

	return w->slow ? HUB_HIGH : w->pending;
}

static void on_drop(void *owner)
{
	((struct person *)owner)->dropped = true;
}

static int on_verify(void *owner, const char *name, const char *stored, const char *password)
{
	(void)name;
	(void)stored;
	(void)password;
	((struct person *)owner)->waits = true;
	return 0;
}

static void on_wake(void *ctx)
{
	(void)ctx;
	woken++;
}

static void hear(struct person *w, const struct heard *e)
{
	size_t n = e->n < sizeof(w->last) - 1 ? e->n : sizeof(w->last) - 1;
	struct chat_message m;

	if (n > 0)
		memcpy(w->last, e->payload, n);
	w->last[n] = '\0';
	w->invited += e->event == GUEST_INVITED;
	w->closed += e->event == GUEST_CLOSED;
	w->statuses += e->event == GUEST_STATUS;
	w->opened += e->event == GUEST_OPENED;
	if (e->event == GUEST_INVITED || e->event == GUEST_OPENED)
		w->sid = e->sid;
	if (e->event == GUEST_MESSAGE && message_read(&m, true, e->payload, e->n) == 0) {
		w->messages += m.seq > w->seq;
		w->seq = m.seq;
	}
}

static void flush(void)
{
	for (int i = 0; i < 100; i++) {
		woken = 0;
		hub_flush(hub);
		if (woken == 0)
			break;
	}
	for (int i = 0; i < USERS; i++) {
		size_t at = 0, size;
		struct heard e;

		while (p[i].guest != NULL &&
		       frame_next(p[i].in.data + at, p[i].in.len - at, &size) == 1) {
			if (guest_take(p[i].guest, &e, p[i].in.data + at, size) != 0)
				p[i].dropped = true;
			hear(&p[i], &e);
			at += size;
		}
		buf_clear(&p[i].in);
	}
}

static void give(struct person *w, const struct buf *b)
{
	size_t used;

	if (hub_take(hub, w->conn, b->data, b->len, &used, NOW) != 0)
		w->dropped = true;
	if (w->waits)
		hub_verified(hub, w->conn, true, NOW);
	w->waits = false;
}

static void come(int i)
{
	struct buf b = BUF_INIT(4096);
	char name[3] = {'u', (char)('0' + i), '\0'};

	p[i].in.max = (size_t)16 << 20;
	hub_join(hub, &p[i].conn, &p[i]);
	guest_login(&p[i].guest, &b, key, name, "x", NOW);
	give(&p[i], &b);
	buf_free(&b);
	flush();
}

static void go(int i)
{
	hub_leave(hub, p[i].conn);
	guest_free(p[i].guest);
	p[i].guest = NULL;
	p[i].conn = NULL;
	p[i].dropped = p[i].slow = false;
}

static void say(int i, enum frame_type type, uint64_t sid, const void *payload, size_t n)
{
	struct buf b = BUF_INIT(FRAME_MAX);

	if (guest_send(p[i].guest, &b, type, sid, payload, n) == 0)
		give(&p[i], &b);
	buf_free(&b);
}

static void message(int i, uint64_t number)
{
	uint8_t text[16] = {0};

	text[7] = (uint8_t)number;
	text[6] = (uint8_t)(number >> 8);
	say(i, FRAME_MSG_REQ, p[0].sid, text, sizeof(text));
}

static void invite(int i, int n)
{
	struct buf text = BUF_INIT(4096);
	struct init in = {.key = {1}};

	for (int k = 1; k <= n; k++) {
		struct chatd_user u;
		char name[3] = {'u', (char)('0' + k), '\0'};

		chatd_user_find(store, &u, name);
		in.invited[in.n++] = u.uid;
	}
	init_write(&text, &in);
	say(i, FRAME_INIT_REQ, 0, text.data, text.len);
	buf_free(&text);
	flush();
}

static void accept_(int i)
{
	struct buf text = BUF_INIT(256);
	uint8_t k[32] = {(uint8_t)i};

	answer_write(&text, k);
	say(i, FRAME_INVITE_RES, p[0].sid, text.data, text.len);
	buf_free(&text);
	flush();
}

static void follow(int i, uint64_t after)
{
	char text[40];

	snprintf(text, sizeof(text), "Follow\n%" PRIu64 "\n", after);
	say(i, FRAME_STATUS_REQ, p[0].sid, text, strlen(text));
	flush();
}

static void confirm(int i, uint64_t seq)
{
	char text[40];

	snprintf(text, sizeof(text), "OK\n%" PRIu64 "\n", seq);
	say(i, FRAME_MSG_RES, p[0].sid, text, strlen(text));
}

static int64_t stored(void)
{
	sqlite3_stmt *st = store_sql(store, "SELECT count(*) FROM message");
	int64_t n = store_step(store, st) == 1 ? sqlite3_column_int64(st, 0) : -1;

	sqlite3_reset(st);
	return n;
}

static void sessions(void)
{
	come(0);
	come(1);
	invite(0, 3);
	is_int(p[1].invited, 1, "who is online is invited at once");
	is_int(p[0].opened, 0, "the creator waits for him");
	p[0].sid = p[1].sid;
	accept_(1);
	is_int(p[0].opened, 1, "and is told when he has answered");
	come(2);
	is_int(p[2].invited, 1, "who comes later finds the invitation");
	say(2, FRAME_INVITE_RES, p[0].sid, "Deny\n", 5);
	flush();
	follow(0, 0);
	follow(1, 0);
	ok(strstr(p[1].last, "u2 - declined\n") != NULL, "the status says who declined");
	message(0, 1);
	flush();
	is_int(p[1].messages, 1, "a message arrives");
	is_int(p[0].messages, 0, "not at its sender");
	message(0, 1);
	flush();
	is_str(p[0].last, "OK\n1\n", "once more it is acknowledged");
	is_int(p[1].messages, 1, "and has no effect");
	confirm(1, 1);
	hub_tick(hub, NOW);
	is_int(stored(), 0, "what all have is deleted");
	message(2, 1);
	flush();
	is_str(p[2].last, "not allowed\n1\n", "who declined says nothing");
	invite(0, 3);
	is_int(p[0].opened, 1, "nobody answers");
	hub_tick(hub, NOW + 59000);
	flush();
	is_int(p[0].opened, 1, "for 59 s");
	hub_tick(hub, NOW + 60000);
	flush();
	is_int(p[0].opened, 2, "after 60 s the session is open");
	p[0].sid = p[1].sid;
	go(2);
	come(2);
	invite(0, 2);
	go(1);
	go(2);
	flush();
	is_int(p[0].opened, 3, "who goes away is not waited for");
}

static void slow(void)
{
	come(1);
	invite(0, 1);
	p[0].sid = p[1].sid;
	accept_(1);
	follow(0, 0);
	follow(1, 0);
	p[1].messages = 0;
	p[1].seq = 0;
	p[1].slow = true;
	for (int i = 1; i <= 1000; i++)
		message(0, (uint64_t)i);
	flush();
	is_int(p[1].messages, 0, "who does not read gets nothing more");
	p[1].slow = false;
	hub_drained(hub, p[1].conn);
	flush();
	is_int(p[1].messages, 1000, "who reads again gets all of it");
	message(0, 1001);
	flush();
	is_int((long long)p[1].seq, 1001, "and what follows");
	go(1);
	p[1].messages = 0;
	p[1].seq = 990;
	come(1);
	follow(1, 990);
	is_int(p[1].messages, 11, "only what he lacks");
	confirm(1, 5000);
	hub_tick(hub, NOW);
	is_int(stored(), 0, "who confirms more than there is confirms all there is");
	hub_tick(hub, NOW + 2 * 3600000);
	message(0, 1002);
	flush();
	hub_tick(hub, NOW + HUB_EXPIRES + 4 * INT64_C(3600000));
	is_int(stored(), 0, "what nobody fetches for 30 days goes");
	say(0, FRAME_CLOSE_REQ, p[0].sid, NULL, 0);
	flush();
	is_int(p[1].closed, 1, "who is there hears of the end");
	message(0, 1003);
	flush();
	is_str(p[0].last, "closed\n1003\n", "nobody says anything more");
}

static void refusals(void)
{
	struct buf b = BUF_INIT(4096);

	invite(0, 0);
	ok(p[0].dropped, "an init request for nobody ends the connection");
	go(0);
	come(0);
	invite(0, 1);
	go(0);
	come(0);
	hub_join(hub, &p[3].conn, &p[3]);
	guest_login(&p[3].guest, &b, key, "u3", "x", NOW);
	p[3].in.max = 1 << 20;
	give(&p[3], &b);
	buf_clear(&b);
	say(3, FRAME_STATUS_REQ, 0, NULL, 0);
	flush();
	ok(hub_logged_in(p[3].conn), "a user logs in");
	guest_free(p[3].guest);
	buf_clear(&b);
	hub_leave(hub, p[3].conn);
	hub_join(hub, &p[3].conn, &p[3]);
	guest_login(&p[3].guest, &b, key, "nobody", "x", NOW);
	give(&p[3], &b);
	ok(p[3].dropped && !hub_logged_in(p[3].conn),
	    "who is no user does not, whatever the password");
	buf_free(&b);
}

/* Who asks and does not read the answers. */
static void deaf(void)
{
	struct buf b = BUF_INIT(4096);
	size_t one, used;
	int before;

	go(0);
	come(0);
	guest_send(p[0].guest, &b, FRAME_STATUS_REQ, 0, NULL, 0);
	one = b.len;
	guest_send(p[0].guest, &b, FRAME_STATUS_REQ, 0, NULL, 0);
	before = p[0].statuses;
	p[0].pending = HUB_ENOUGH + 1;
	is_int(hub_take(hub, p[0].conn, b.data, b.len, &used, NOW), 0, "a request is taken");
	ok(used == one, "of who does not read the answers only one at a time");
	p[0].pending = 0;
	hub_take(hub, p[0].conn, b.data + used, b.len - used, &used, NOW);
	flush();
	is_int(p[0].statuses - before, 2, "the rest when he reads");
	p[0].pending = HUB_MOST + 1;
	say(0, FRAME_STATUS_REQ, 0, NULL, 0);
	flush();
	ok(p[0].dropped, "who lets far too much wait is dropped");
	p[0].pending = 0;
	go(0);
	buf_free(&b);
}

static void many(void)
{
	static struct person m[HUB_USER + 1];
	struct buf b = BUF_INIT(4096);
	int dropped = 0;

	for (size_t i = 0; i < HUB_USER + 1; i++) {
		m[i].in.max = (size_t)1 << 20;
		hub_join(hub, &m[i].conn, &m[i]);
		buf_clear(&b);
		guest_login(&m[i].guest, &b, key, "u4", "x", NOW);
		give(&m[i], &b);
		flush();
		guest_free(m[i].guest);
		for (size_t k = 0; i == HUB_USER - 1 && k <= i; k++)
			dropped += m[k].dropped;
	}
	is_int(dropped, 0, "a user has many connections");
	for (size_t i = 0; i < HUB_USER + 1; i++)
		dropped += m[i].dropped;
	ok(dropped == 1 && m[0].dropped, "the oldest goes for one too many");
	for (size_t i = 0; i < HUB_USER + 1; i++) {
		hub_leave(hub, m[i].conn);
		buf_free(&m[i].in);
	}
	buf_free(&b);
}

static void wardens(void)
{
	char hash[WARDEN_PASSWORD];
	struct warden *w;
	struct pollfd f = {.events = POLLIN};
	uint64_t ticket;
	bool right, good[3] = {false};
	int answers = 0;

	is_int(warden_hash(hash, "right"), 0, "a password is hashed");
	is_int(warden_new(&w, &f.fd, clock_monotonic), 0, "a warden");
	warden_ask(w, 1, 1, "u", hash, "right");
	warden_ask(w, 2, 2, "u", hash, "wrong");
	while (answers < 2 && poll(&f, 1, 30000) == 1)
		while (warden_answer(w, &ticket, &right)) {
			answers++;
			good[ticket] = right;
		}
	ok(good[1] && !good[2], "tells right from wrong");
	for (uint64_t i = 3; i < 403; i++)
		warden_ask(w, i, 7, "u", hash, "wrong");
	warden_ask(w, 403, 8, "u", hash, "right");
	answers = 0;
	while (answers == 0 && poll(&f, 1, 60000) == 1)
		while (warden_answer(w, &ticket, &right))
			answers += ticket == 403 && right;
	is_int(answers, 1, "a flood of wrong ones from elsewhere locks nobody out");
	warden_free(w);
}

static _Atomic int64_t tick = MP_HOUR;

static int64_t stands(void)
{
	return tick;
}

/* Until `wanted` of the tickets above `above` are answered: how many of the others were. */
static int others_before(struct warden *w, int fd, uint64_t above, int wanted)
{
	struct pollfd f = {.fd = fd, .events = POLLIN};
	uint64_t ticket;
	bool right;
	int others = 0;

	while (wanted > 0 && poll(&f, 1, 60000) == 1)
		while (warden_answer(w, &ticket, &right))
			(void)(ticket > above ? wanted-- : others++);
	return wanted > 0 ? -1 : others;
}

/* By a clock that stands still: who has to wait does, and nobody else. */
static void warden_waits(void)
{
	char hash[WARDEN_PASSWORD];
	struct warden *w;
	int fd;

	is_int(warden_hash(hash, "right"), 0, "a password is hashed");
	is_int(warden_new(&w, &fd, stands), 0, "a warden whose clock stands");
	for (uint64_t i = 1; i <= WARDEN_FREE; i++)
		warden_ask(w, i, 7, "u", hash, "wrong");
	is_int(others_before(w, fd, 0, WARDEN_FREE), 0, "ten wrong ones are answered");
	for (uint64_t i = 11; i <= 13; i++)
		warden_ask(w, i, 7, "u", hash, "wrong");
	for (uint64_t i = 101; i <= 103; i++)
		warden_ask(w, i, 8, "u", hash, "right");
	is_int(others_before(w, fd, 100, 3), 0, "more of them wait, another place does not");
	warden_ask(w, 104, 7, "v", hash, "right");
	is_int(others_before(w, fd, 100, 1), 0, "... nor another name");
	tick += MP_SECOND;
	is_int(others_before(w, fd, 10, 1), 0, "a second later one is answered");
	warden_ask(w, 105, 8, "u", hash, "right");
	is_int(others_before(w, fd, 100, 1), 0, "... and no more");
	warden_free(w);
}

static void maps(void)
{
	struct map m = {.slot = NULL};
	int bad = 0;

	for (uint64_t i = 1; i <= 1000; i++)
		bad += map_put(&m, i * 77, (void *)(uintptr_t)i) != 0;
	for (uint64_t i = 1; i <= 1000; i += 2)
		map_remove(&m, i * 77);
	for (uint64_t i = 1; i <= 1000; i++)
		bad += (uintptr_t)map_get(&m, i * 77) != (i % 2 == 0 ? i : 0);
	is_int(bad, 0, "a map finds what is in it and nothing else");
	map_free(&m);
}

int main(void)
{
	static const struct hub_ops ops = {on_write, on_waiting, on_drop, on_verify, on_wake};
	char dir[] = "/tmp/mp-unit.XXXXXX", path[64], name[] = "u0", command[100];

	secret_init();
	if (mkdtemp(dir) == NULL || serverkey_new(&key) != 0)
		return 1;
	snprintf(path, sizeof(path), "%s/chatd.db", dir);
	is_int(chatd_open(&store, path), 0, "a store is made");
	for (; name[1] < '0' + USERS; name[1]++)
		chatd_user_add(store, name, "x");
	is_int(hub_new(&hub, store, key, &ops, NULL, HUB_EXPIRES), 0, "a hub");
	sessions();
	slow();
	refusals();
	deaf();
	many();
	wardens();
	warden_waits();
	maps();
	for (int i = 0; i < USERS; i++) {
		guest_free(p[i].guest);
		buf_free(&p[i].in);
	}
	hub_free(hub);
	is_int(store_erase(store), 0, "what was deleted is erased");
	store_close(store);
	is_int(chatd_open(&store, path), 0, "and the store can be opened again");
	store_close(store);
	serverkey_free(key);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return done() | (system(command) != 0);
}
