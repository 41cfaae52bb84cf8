/*
 * fuzz/chat_server: a hub with a store in memory, and three users who know their keys and say
 * anything.  The input is a list of:  who 1 | type 1 | which session 1 | length 2 | payload.  A
 * type over 9 is one of: a tick, a flush, a reader that is slow or not, one who leaves and comes
 * again, bytes of noise. Whatever they say, an honest fourth is served at the end.
 */
#include "fuzz.h"

#include "base/err.h"
#include "chat/guest.h"
#include "chat/payload.h"
#include "node/hub.h"
#include "store/chatd.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USERS 4
#define NOW INT64_C(1800000000000)

struct person {
	struct hub_conn *conn;
	struct guest *guest;
	struct buf in; /* from the server, not read yet */
	bool dropped, slow, waits;
};

static struct person people[USERS];
static struct serverkey *key;
static struct store *store;
static struct hub *hub;
static uint64_t sids[8];
static size_t n_sids;
static uint64_t uids[USERS];
static char dir[] = "/tmp/fuzz-chat.XXXXXX";

static void on_write(void *owner, const uint8_t *data, size_t n)
{
	struct person *p = owner;

	if (buf_add(&p->in, data, n) != 0)
		p->dropped = true;
}

static size_t on_waiting(void *owner)
{
	return ((struct person *)owner)->slow ? HUB_HIGH : 0;
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
}

static void remember(uint64_t sid)
{
	for (size_t i = 0; i < n_sids; i++)
		if (sids[i] == sid)
			return;
	if (sid != 0)
		sids[n_sids++ % 8] = sid;
	if (n_sids > 8)
		n_sids = 8;
}

/* Whatever the hub says must be what a client takes. */
static int listen_(struct person *p)
{
	size_t at = 0, size;
	struct heard e;
	int statuses = 0;

	while (p->guest != NULL && frame_next(p->in.data + at, p->in.len - at, &size) == 1) {
		must(guest_take(p->guest, &e, p->in.data + at, size) == 0);
		remember(e.sid);
		statuses += e.event == GUEST_STATUS;
		at += size;
	}
	must(at == p->in.len || p->dropped);
	buf_clear(&p->in);
	return statuses;
}

static void leave(struct person *p)
{
	if (p->conn != NULL)
		hub_leave(hub, p->conn);
	p->conn = NULL;
	guest_free(p->guest);
	p->guest = NULL;
	buf_clear(&p->in);
	p->dropped = p->slow = p->waits = false;
}

static void give(struct person *p, const struct buf *b)
{
	size_t used;

	if (p->conn != NULL && hub_take(hub, p->conn, b->data, b->len, &used, NOW) != 0)
		p->dropped = true;
	if (p->waits && !p->dropped)
		hub_verified(hub, p->conn, true, NOW);
	p->waits = false;
}

static void flush(void)
{
	hub_flush(hub);
	for (int i = 0; i < USERS; i++) {
		listen_(&people[i]);
		if (people[i].dropped)
			leave(&people[i]);
	}
}

static void come(struct person *p)
{
	char name[] = "u0";
	struct buf b = BUF_INIT(4096);

	name[1] = (char)('0' + (p - people));
	must(hub_join(hub, &p->conn, p) == 0);
	must(guest_login(&p->guest, &b, key, name, "x", NOW) == 0);
	give(p, &b);
	buf_free(&b);
	flush();
}

static void setup(void)
{
	static const struct hub_ops ops = {on_write, on_waiting, on_drop, on_verify, on_wake};
	char path[64], name[] = "u0";

	must(sodium_init() >= 0 && mkdtemp(dir) != NULL && serverkey_new(&key) == 0);
	snprintf(path, sizeof(path), "%s/chatd.db", dir);
	must(chatd_open(&store, path) == 0);
	sqlite3_stmt *fast = store_sql(store, "PRAGMA synchronous = OFF");
	must(store_run(store, fast) == 0);
	for (; name[1] < '0' + USERS; name[1]++)
		must(chatd_user_add(store, name, "x") == 0);
	for (int i = 0; i < USERS; i++) {
		struct chatd_user u;

		name[1] = (char)('0' + i);
		must(chatd_user_find(store, &u, name) == 0);
		uids[i] = u.uid;
		people[i].in.max = (size_t)64 << 20;
	}
	must(hub_new(&hub, store, key, &ops, NULL, HUB_EXPIRES) == 0);
	/* The store is open: nothing is left behind. */
	unlink(path);
	strcat(path, "-wal");
	unlink(path);
	path[strlen(path) - 3] = '\0';
	strcat(path, "shm");
	unlink(path);
	rmdir(dir);
}

static void special(struct person *p, uint8_t type, const uint8_t *data, size_t n)
{
	struct buf b = BUF_INIT(70000);

	if (type % 5 == 0) {
		must(hub_tick(hub, NOW + type * INT64_C(1000)) == 0);
	} else if (type % 5 == 1) {
		flush();
	} else if (type % 5 == 2) {
		p->slow = !p->slow;
		if (!p->slow && p->conn != NULL)
			hub_drained(hub, p->conn);
	} else if (type % 5 == 3) {
		leave(p);
		come(p);
	} else if (n > 0 && buf_add(&b, data, n) == 0) {
		give(p, &b);
	}
	buf_free(&b);
}

/* A short init request is a set of users, for their ids are nothing that could be guessed. */
static void invite(struct buf *text, unsigned set)
{
	struct init i = {.key = {1}};

	for (unsigned u = 0; u < USERS - 1; u++)
		if (set >> u & 1)
			i.invited[i.n++] = uids[u];
	must(init_write(text, &i) == 0);
}

static void act(const uint8_t *d, const uint8_t *payload, size_t n)
{
	struct person *p = &people[d[0] % (USERS - 1)];
	uint64_t sid = d[2] < 250 && n_sids > 0 ? sids[d[2] % n_sids] : d[2] % 3;
	struct buf b = BUF_INIT(70000), text = BUF_INIT(4096);

	if (p->conn == NULL)
		come(p);
	if (d[1] == FRAME_INIT_REQ && n == 1) {
		invite(&text, payload[0]);
		payload = text.data;
		n = text.len;
		sid = 0;
	}
	if (d[1] >= FRAME_TYPES) {
		special(p, d[1], payload, n);
	} else if (p->guest != NULL &&
	           guest_send(p->guest, &b, (enum frame_type)d[1], sid, payload, n) == 0) {
		give(p, &b);
	}
	buf_free(&b);
	buf_free(&text);
}

/* The honest one is asked for nothing but his sessions. */
static void honest(void)
{
	struct person *p = &people[USERS - 1];
	struct buf b = BUF_INIT(256);
	int answers;

	come(p);
	must(p->conn != NULL && guest_uid(p->guest) != 0);
	must(guest_send(p->guest, &b, FRAME_STATUS_REQ, 0, NULL, 0) == 0);
	give(p, &b);
	hub_flush(hub);
	answers = listen_(p);
	must(answers == 1);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (hub == NULL)
		setup();
	n_sids = 0;
	for (size_t at = 0; at + 5 <= size;) {
		size_t n = (size_t)(data[at + 3] << 8 | data[at + 4]);

		if (n > size - at - 5)
			n = size - at - 5;
		act(data + at, data + at + 5, n);
		at += 5 + n;
	}
	flush();
	honest();
	for (int i = 0; i < USERS; i++)
		leave(&people[i]);
	flush();
	must(store_run(store, store_sql(store, "DELETE FROM message")) == 0 &&
	     store_run(store, store_sql(store, "DELETE FROM member")) == 0 &&
	     store_run(store, store_sql(store, "DELETE FROM session")) == 0 &&
	     store_run(store, store_sql(store, "DELETE FROM login")) == 0);
	return 0;
}
