/*
 * sender: what leaves, in which order, and what every answer does.  The peers are real servers that
 * open what they get with the peer's key and answer as their script says.
 */
#include "node/sender.h"
#include "base/base64.h"
#include "crypto/onion.h"
#include "net/server.h"
#include "node/sealer.h"
#include "store/outbox.h"
#include "tap.h"
#include "world.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#define BODIES 2048

static struct world w;

/* A peer with a server. */
struct host {
	struct peer peer;
	struct buf key, cert;
	struct server_options o;
	pthread_t thread;
	int stop[2], port;
	pthread_mutex_t lock;
	pthread_cond_t up;
	/* the script: answers in turn, then 204 */
	int script[8];
	int64_t retry_after;
	size_t at;
	struct buf reply; /* of a 200 */
	/* before the answer to the nth that came */
	size_t when;
	const char *then; /* SQL: what another process does */
	struct buf plain; /* one thread serves */
	/* what came */
	char bodies[BODIES][24];
	size_t n, bad;
};

/* What another process does to the store. */
static void elsewhere(const char *sql)
{
	sqlite3 *db;
	char *error = NULL;

	need(sqlite3_open(home_file("store.db"), &db) == 0, "sqlite3");
	sqlite3_busy_timeout(db, 10000);
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != 0)
		printf("Bail out! %s: %s\n", sql, error);
	need(error == NULL, "sql");
	sqlite3_close(db);
}

static void handle(
    void *ctx, unsigned thread, const uint8_t *body, size_t len, struct server_answer *a)
{
	struct host *h = ctx;
	struct envelope e;
	struct wire m;

	(void)thread;
	pthread_mutex_lock(&h->lock);
	if (envelope_open(&e, &h->plain, body, len, h->peer.recv, h->peer.cid) != 0 ||
	    wire_decode(&m, &e) != 0) {
		h->bad++;
	} else if (h->n < BODIES) {
		snprintf(h->bodies[h->n++], sizeof(h->bodies[0]), "%s%.*s", wire_type_name(m.type),
		    (int)m.blen, (const char *)m.body);
		wire_free(&m);
	}
	if (h->then != NULL && h->n == h->when)
		elsewhere(h->then);
	a->status = h->at < 8 && h->script[h->at] != 0 ? h->script[h->at++] : 204;
	a->retry_after = h->retry_after;
	if (a->status == 200)
		need(buf_add(&a->reply, h->reply.data, h->reply.len) == 0, "reply");
	pthread_mutex_unlock(&h->lock);
}

static void ready(void *ctx, const char *where)
{
	struct host *h = ctx;

	pthread_mutex_lock(&h->lock);
	h->port = atoi(strrchr(where, ':') + 1);
	pthread_cond_signal(&h->up);
	pthread_mutex_unlock(&h->lock);
}

static void *serve(void *ctx)
{
	struct host *h = ctx;

	need(server_listen("127.0.0.1:0", &h->o, h->stop[0], ready) == 0, "server");
	return NULL;
}

static char routes[4096];

static void add_route(const struct host *h, int port)
{
	char onion[ONION_TEXT], path[100];
	size_t n = strlen(routes);

	onion_encode(onion, h->peer.id->key);
	snprintf(routes + n, sizeof(routes) - n, "%s 127.0.0.1:%d\n", onion, port);
	snprintf(path, sizeof(path), "%s/routes", w.home);
	need(file_write(path, routes, strlen(routes), 0600, true) == 0, "routes");
}

static void host_start(struct host *h, const char *name, enum contact_state state)
{
	memset(h, 0, sizeof(*h));
	peer_meet(&w, &h->peer, name, state, 0);
	h->key = h->cert = (struct buf)BUF_INIT(65536);
	h->reply = h->plain = (struct buf)BUF_INIT(ENVELOPE_MAX);
	need(identity_tls(h->peer.id, &h->key, &h->cert) == 0 && buf_terminate(&h->key) == 0 &&
	         buf_terminate(&h->cert) == 0 && pipe2(h->stop, O_CLOEXEC) == 0,
	    "host");
	h->o = (struct server_options){.handler = handle,
	    .ctx = h,
	    .threads = 1,
	    .connections = 64,
	    .cert_pem = (char *)h->cert.data,
	    .key_pem = (char *)h->key.data};
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->up, NULL);
	pthread_create(&h->thread, NULL, serve, h);
	pthread_mutex_lock(&h->lock);
	while (h->port == 0)
		pthread_cond_wait(&h->up, &h->lock);
	pthread_mutex_unlock(&h->lock);
	add_route(h, h->port);
}

static void host_stop(struct host *h)
{
	need(write(h->stop[1], "x", 1) == 1, "stop");
	pthread_join(h->thread, NULL);
	buf_free(&h->key);
	buf_free(&h->cert);
	buf_free(&h->reply);
	buf_free(&h->plain);
}

static void forget(struct host *h)
{
	h->n = h->bad = h->at = 0;
	memset(h->script, 0, sizeof(h->script));
	h->retry_after = 0;
	h->then = NULL;
}

/* Sealed records in a file. */
static FILE *input;
static uint8_t last_id[16];

static int put(void *ctx, const struct record *sealed)
{
	(void)ctx;
	memcpy(last_id, sealed->id, 16);
	return record_write(input, sealed, false);
}

static void begin(void)
{
	if (input != NULL)
		fclose(input);
	input = tmpfile();
}

static void seal(const char *kind, const char *contact, const char *body)
{
	struct sealer_options o = {.blank = false};
	struct sealer *z;
	struct record r;

	record_init(&r);
	r.class = CLASS_OUT;
	strcpy(r.kind, kind);
	strcpy(r.contact, contact);
	if (body != NULL) {
		r.has_body = true;
		need(buf_adds(&r.body, body) == 0, "body");
	}
	need(sealer_new(&z, w.s, &w.cfg, &o) == 0 && sealer_record(z, &r, put, NULL) == 0, "seal");
	sealer_free(z);
	record_free(&r);
}

static void seal_file(const char *contact, size_t n)
{
	struct sealer_options o = {.blank = false};
	struct sealer *z;
	FILE *f = tmpfile();

	for (size_t i = 0; i < n; i++)
		putc((int)(i * 7 % 251), f);
	rewind(f);
	need(sealer_new(&z, w.s, &w.cfg, &o) == 0 &&
	         sealer_file(z, contact, fileno(f), "f", put, NULL, NULL) == 0,
	    "seal file");
	sealer_free(z);
	fclose(f);
}

/* What was reported, as "class kind code," */
static char reports[4096];
static char problems[4096];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int report(void *ctx, const struct record *rec)
{
	size_t n;

	(void)ctx;
	pthread_mutex_lock(&lock);
	n = strlen(reports);
	snprintf(reports + n, sizeof(reports) - n, "%s %s %s,", record_class_name(rec->class),
	    rec->kind, rec->ref);
	pthread_mutex_unlock(&lock);
	return 0;
}

static void problem(void *ctx, const char *line)
{
	size_t n;

	(void)ctx;
	pthread_mutex_lock(&lock);
	n = strlen(problems);
	snprintf(problems + n, sizeof(problems) - n, "%s\n", line);
	pthread_mutex_unlock(&lock);
}

static int run(struct sender_options o)
{
	reports[0] = problems[0] = '\0';
	o.report = report;
	o.problem = problem;
	o.input_name = "in";
	if (o.stop_fd == 0)
		o.stop_fd = -1;
	return sender_run(&w.cfg, &o);
}

static int send_for(int64_t wait)
{
	fflush(input);
	rewind(input);
	/* The thread reads by descriptor. */
	lseek(fileno(input), 0, SEEK_SET);
	return run((struct sender_options){.input = fileno(input), .wait = wait});
}

static long long queued(void)
{
	return world_count(&w, "SELECT count(*) FROM queue");
}

static long long messages(int state)
{
	char sql[100];

	snprintf(
	    sql, sizeof(sql), "SELECT count(*) FROM message WHERE dir = 1 AND state = %d", state);
	return world_count(&w, sql);
}

static void test_order(struct host *a, struct host *b)
{
	char text[24];
	int wrong = 0;

	begin();
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "%d", i);
		seal("message", i % 2 ? "alice" : "bob", text);
	}
	is_int(send_for(120000), 0, "200 messages for two are delivered");
	for (int i = 0; i < 200; i++) {
		struct host *h = i % 2 ? a : b;

		snprintf(text, sizeof(text), "message%d", i);
		wrong += strcmp(h->bodies[i / 2], text) != 0;
	}
	ok(a->n == 100 && b->n == 100 && a->bad == 0, "each once");
	is_int(wrong, 0, "in order");
	is_int(queued(), 0, "nothing is left in the queue");
	is_int(world_count(&w, "SELECT count(*) FROM lane"), 0, "nor a lane");
	is_int(messages(MESSAGE_SENT), 200, "the history says sent");
	is_int(send_for(30000), 0, "the same input again");
	ok(a->n == 100 && b->n == 100, "is not delivered again");
	forget(a);
	forget(b);
}

static void test_input(struct host *a)
{
	begin();
	is_int(send_for(60000), 1, "empty input is 1");
	fputs("in\tmessage\talice\t-\t-\t-\thello\n", input);
	fputs("no record\n", input);
	seal("message", "alice", "good");
	fprintf(input, "sealed\tmessage\t-\t%032d\t-\t-\tAAAA\n", 1);
	fprintf(input, "sealed\tmessage\tnobody\t%032d\t-\tx.onion\t%01404d\n", 1, 0);
	fprintf(input, "sealed\tmessage\talice\t%032d\t-\tx.onion\t%01404d\n", 1, 0);
	fprintf(input, "sealed\tmessage\talice\t%032d\t-\tx.onion\tAB==\n", 1);
	fprintf(input, "sealed\tmessage\talice\t%032d\t-\tx.onion\tAAAA\n", 1);
	fprintf(input, "sealed\tunknown\talice\t%032d\t-\tx.onion\tAAAA\n", 1);
	fputs("sealed", input);
	is_int(send_for(60000), 100, "bad records are 100");
	is_str(problems,
	    "in:1: class 'in' is not sealed\n"
	    "in:2: 1 columns, not 7\n"
	    "in:4: no contact named: a blank record is for mp-take\n"
	    "in:7: not canonical base64\n"
	    "in:8: 3 bytes are no envelope\n"
	    "in:9: unknown type 'unknown'\n"
	    "in:5: no contact 'nobody'\n"
	    "in:6: the address is not that of 'alice'\n"
	    "in:10: last line has no line feed: cut off\n",
	    "each is one line");
	ok(a->n == 1 && strcmp(a->bodies[0], "messagegood") == 0, "and the good one goes");
	is_int(queued(), 0, "none of them is queued");
	forget(a);
}

static void test_refused(struct host *a)
{
	int64_t began = clock_monotonic();

	begin();
	seal("message", "alice", "bad");
	seal("message", "alice", "next");
	a->script[0] = a->script[1] = a->script[2] = 400;
	is_int(send_for(60000), 100, "a record that is refused is 100");
	ok(clock_monotonic() - began >= 6000, "after 1 and 5 s");
	is_int((long long)a->n, 4, "three tries, then the next one");
	is_str(a->bodies[2], "messagebad", "the third");
	is_str(a->bodies[3], "messagenext", "the next");
	is_str(reports, "failed message 400,sent message 204,", "both are reported");
	is_int(world_count(&w, "SELECT count(*) FROM queue WHERE state = 2"), 1, "set aside");
	is_int(world_count(&w,
	           "SELECT count(*) FROM message WHERE state = 13 AND kind = 'message' AND "
	           "body IS NOT NULL"),
	    1, "its text is kept");
	forget(a);
	is_int(run((struct sender_options){.input = -1, .flush = true, .wait = 60000}), 1,
	    "a flush leaves it aside");
	is_int((long long)a->n, 0, "indeed");

	begin();
	seal("message", "alice", "again");
	is_int(queue_retry(w.s, last_id), MP_ENONE, "what is not queued is not retried");
	is_int(world_count(&w, "DELETE FROM queue RETURNING 1"), 1, "clean");
}

static void test_later(struct host *a)
{
	int64_t now = clock_now();
	long long due;

	begin();
	seal("message", "alice", "one");
	seal("message", "alice", "two");
	a->script[0] = 503;
	a->retry_after = 3600;
	is_int(send_for(60000), 111, "503 leaves it queued");
	ok(clock_now() - now < 60000, "and is not waited for");
	is_int((long long)a->n, 1, "the lane waits whole");
	is_str(reports, "queued message 503,queued message 503,", "both are reported");
	due = world_count(&w, "SELECT due FROM lane");
	ok(due >= now + 3590000 && due <= now + 3700000, "as long as the peer said");
	is_int(messages(MESSAGE_QUEUED), 2, "the history says queued");
	forget(a);
	begin();
	is_int(send_for(1000), 1, "a later call without input");
	is_int((long long)a->n, 0, "does not try before the time");
	is_int(run((struct sender_options){.input = -1, .flush = true, .wait = 60000}), 0,
	    "a flush does");
	is_int((long long)a->n, 2, "and both arrive");
	is_str(reports, "sent message 204,sent message 204,", "reported too");
	forget(a);
}

/* alice's answer to the file of last_id, as the reply of a 200. */
static void answer(struct host *a, enum file_answer what, int64_t from)
{
	struct wire m = wire_make(WIRE_FILE_STATUS);

	file_transfer_of(m.u.status.file, last_id);
	m.u.status.answer = what;
	m.u.status.from = from;
	peer_seal(&a->reply, &a->peer, &m);
}

/* A peer may ask for fewer tries, not for more. */
static void test_hasty(struct host *a)
{
	int64_t now = clock_now();

	begin();
	seal("message", "alice", "one");
	for (int i = 0; i < 8; i++)
		a->script[i] = 503;
	a->retry_after = 1;
	is_int(send_for(6000), 111, "who says 503 and to come back in a second");
	is_int((long long)a->n, 1, "is not asked every second");
	ok(world_count(&w, "SELECT due FROM lane") >= now + w.cfg.retry_min * 3 / 4,
	    "but as by our own back-off");
	forget(a);
	is_int(run((struct sender_options){.input = -1, .flush = true, .wait = 60000}), 0, "clean");
	forget(a);
}

static void give(size_t n)
{
	char text[24];

	begin();
	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%zu", i);
		seal("message", "alice", text);
	}
}

/* What another process does to a call's records while they are being delivered. */
static void test_blocked(struct host *a)
{
	give(20);
	a->when = 3;
	a->then = "UPDATE contact SET blocked = 1 WHERE name = 'alice'";
	is_int(send_for(60000), 111, "a contact that is blocked meanwhile");
	is_int((long long)a->n, 3, "gets no further record");
	is_int(queued(), 17, "they stay queued");
	ok(strstr(reports, "queued message blocked,") != NULL, "and why is said");
	elsewhere("UPDATE contact SET blocked = 0");
	forget(a);
	is_int(run((struct sender_options){.input = -1, .flush = true, .wait = 60000}), 0,
	    "unblocked it gets them");
	forget(a);
}

static void test_cancelled(struct host *a)
{
	give(20);
	a->when = 3;
	a->then = "DELETE FROM queue WHERE seq > (SELECT min(seq) + 9 FROM queue);"
	          "UPDATE message SET state = 14 WHERE seq > (SELECT max(seq) - 10 FROM message)";
	is_int(send_for(60000), 100, "records that another process cancelled");
	is_str(problems, "10 records were cancelled\n", "are said");
	is_int((long long)a->n, 10, "the others went");
	ok(strstr(reports, "sent message 204,failed message cancelled,") != NULL,
	    "each is reported");
	forget(a);

	give(2);
	a->when = 1;
	a->then = "DELETE FROM queue; UPDATE message SET state = 12 WHERE state = 11";
	is_int(send_for(60000), 0, "what another process delivered is delivered");
	is_str(problems, "", "without a word");
	is_str(reports, "sent message 204,sent message ,", "both are reported");
	forget(a);

	begin();
	seal_file("alice", 3 * FILE_STEP);
	answer(a, FILE_FROM, 1);
	a->script[0] = 200;
	a->when = 2;
	a->then = "DELETE FROM queue; UPDATE message SET state = 14 WHERE state = 11";
	is_int(send_for(60000), 100, "a file that another process cancelled");
	is_str(problems, "1 record was cancelled\n", "is one record");
	is_str(reports, "failed file cancelled,", "once");
	forget(a);
}

static void test_removed(void)
{
	struct host h;

	host_start(&h, "gone", CONTACT_ACTIVE);
	begin();
	for (int i = 0; i < 20; i++)
		seal("message", "gone", "x");
	h.when = 3;
	h.then = "PRAGMA foreign_keys = 1; DELETE FROM contact WHERE name = 'gone'";
	is_int(send_for(60000), 100, "the contact is removed meanwhile");
	is_int((long long)h.n, 3, "it gets no further record");
	is_str(problems, "17 records were cancelled\n", "all others are said");
	host_stop(&h);

	host_start(&h, "went", CONTACT_ACTIVE);
	begin();
	seal_file("went", 3 * FILE_STEP);
	answer(&h, FILE_FROM, 1);
	h.script[0] = 200;
	h.when = 2;
	h.then = "PRAGMA foreign_keys = 1; DELETE FROM contact WHERE name = 'went'";
	is_int(send_for(60000), 100, "the receiver of a file is removed meanwhile");
	is_str(problems, "1 record was cancelled\n", "which is one record");
	host_stop(&h);
}

/* Removed when its lane is ours and nothing is read yet: as if its rows were left behind. */
static void test_dangling(struct host *a)
{
	struct host h;

	host_start(&h, "ghost", CONTACT_ACTIVE);
	begin();
	seal("message", "ghost", "boo");
	is_int(send_for(0), 111, "one is queued");
	elsewhere("PRAGMA foreign_keys = 0; DELETE FROM contact WHERE name = 'ghost'");
	begin();
	seal("message", "alice", "hello");
	is_int(send_for(60000), 0, "a lane without its contact ends nothing");
	is_str(problems, "", "nor is it worth a word");
	ok(a->n == 1 && h.n == 0, "the others get theirs");
	elsewhere("DELETE FROM queue; DELETE FROM lane");
	host_stop(&h);
	forget(a);
}

/* A listener that nobody serves would time out; a closed port refuses at once. */
static void test_down(struct host *a)
{
	struct host dead;
	int64_t began;

	memset(&dead, 0, sizeof(dead));
	peer_meet(&w, &dead.peer, "dead", CONTACT_ACTIVE, 0);
	add_route(&dead, 1);
	begin();
	seal("message", "dead", "hello");
	seal("message", "alice", "alive");
	began = clock_monotonic();
	is_int(send_for(4000), 111, "a peer that is down is 111");
	ok(clock_monotonic() - began < 30000, "in time");
	is_str(a->bodies[0], "messagealive", "others are not held up");
	is_int(world_count(&w, "SELECT fails FROM lane"), 1, "a call counts as one failure");
	is_int(queued(), 1, "it stays queued");
	ok(strstr(reports, "queued message connect,") != NULL, "and says why");
	forget(a);
	begin();
	seal("message", "dead", "another");
	is_int(send_for(0), 111, "with no time to wait it only queues");
	is_int(queued(), 2, "so");
	is_int(world_count(&w, "DELETE FROM queue RETURNING 1"), 1, "clean");
	world_count(&w, "DELETE FROM lane RETURNING 1");
}

static void test_comes_up(struct host *a)
{
	begin();
	seal("message", "alice", "x");
	a->script[0] = a->script[1] = 500;
	is_int(send_for(5000), 111, "a code that means nothing makes the lane wait");
	is_int((long long)a->n, 1, "without quick tries");
	forget(a);
	seal("message", "alice", "y");
	is_int(send_for(60000), 0, "giving a further record tries again, back-off or not");
	is_int((long long)a->n, 2, "both");
	forget(a);
}

static void test_greeting(void)
{
	int64_t least = w.cfg.retry_min;
	struct host d;
	struct contact_key k = {.role = KEY_OFFER, .has_send = true};
	struct contact c;

	host_start(&d, "dave", CONTACT_PENDING);
	k.contact = d.peer.row;
	memcpy(k.cid, d.peer.cid, 32);
	memcpy(k.secret, d.peer.secret, 32);
	need(kdf_offer(k.send, d.peer.secret, d.peer.cid, d.peer.id->key) == 0 &&
	         key_add(w.s, &k) == 0,
	    "offer key");
	begin();
	seal("message", "dave", "first");
	seal("initial-contact", "dave", "{}");
	seal("message", "dave", "second");
	d.script[0] = 503;
	w.cfg.retry_min = 1000;
	is_int(send_for(60000), 0, "a greeting and two messages");
	w.cfg.retry_min = least;
	is_int((long long)d.bad, 2, "the greeting went first, and twice");
	ok(d.n == 2 && strcmp(d.bodies[0], "messagefirst") == 0, "nothing overtook it");
	need(contact_by_row(w.s, &c, d.peer.row) == 0, "dave");
	is_int(c.state, CONTACT_ACTIVE, "its 204 confirms the contact");
	is_int(
	    key_for_sending(w.s, &k, d.peer.row, KEY_OFFER), MP_ENONE, "the offer's key is gone");
	host_stop(&d);
}

static void test_status(struct host *a)
{
	struct transfer t = {.contact = a->peer.row,
	    .id = "abcdefghijkl",
	    .state = TRANSFER_ACCEPTED,
	    .name = "f",
	    .size = 10,
	    .step = 1024,
	    .chunks = 1,
	    .next = 1};

	need(transfer_add(w.s, &t) == 0, "transfer");
	begin();
	seal("file-status", "alice",
	    "{\"file\":\"6162636465666768696a6b6c00000000\",\"answer\":\"from\",\"from\":1}");
	t.owed = true;
	memcpy(t.status, last_id, 16);
	need(transfer_update(w.s, &t) == 0, "owed");
	is_int(send_for(60000), 0, "a status that is owed");
	need(transfer_get(w.s, &t, a->peer.row, t.id) == 0, "transfer");
	ok(!t.owed, "is owed no more once it was taken");
	t.owed = true;
	randombytes_buf(t.status, 16);
	need(transfer_update(w.s, &t) == 0, "owed");
	begin();
	seal("file-status", "alice",
	    "{\"file\":\"6162636465666768696a6b6c00000000\",\"answer\":\"no\"}");
	is_int(send_for(60000), 0, "another one");
	need(transfer_get(w.s, &t, a->peer.row, t.id) == 0, "transfer");
	ok(t.owed, "settles only itself");
	forget(a);
}

static void test_file(struct host *a)
{
	begin();
	seal_file("alice", 3 * FILE_STEP + 1);
	answer(a, FILE_WAIT, 0);
	a->script[0] = 200;
	is_int(send_for(60000), 111, "a file that a person has to accept waits");
	is_int((long long)a->n, 1, "only the offer went");
	is_str(reports, "queued file held,", "which is said once");
	is_int(world_count(&w, "SELECT count(*) FROM queue WHERE state = 1"), 4, "chunks are held");
	is_int(send_for(1000), 111, "the same again: the offer is sent again");
	is_int((long long)a->n, 2, "but no chunk");

	forget(a);
	answer(a, FILE_FROM, 1);
	is_int(take_via(&w, a->reply.data, a->reply.len, VIA_REQUEST).status, RECEIVED_TAKEN,
	    "it is accepted");
	is_int(run((struct sender_options){.input = -1, .flush = true, .wait = 60000}), 0,
	    "then it goes");
	is_int((long long)a->n, 4, "chunk by chunk");
	is_str(reports, "sent file 204,", "reported once");
	is_int(messages(MESSAGE_QUEUED), 0, "and sent");
	is_int(queued(), 0, "whole");

	forget(a);
	begin();
	seal_file("alice", 3 * FILE_STEP);
	answer(a, FILE_FROM, 3);
	a->script[0] = 200;
	is_int(send_for(0), 111, "a file is queued whole");
	is_int(run((struct sender_options){.input = -1, .flush = true, .wait = 60000}), 0,
	    "the peer has the half of it");
	is_int((long long)a->n, 2, "it goes on where it stopped");

	forget(a);
	begin();
	seal_file("alice", 2 * FILE_STEP);
	answer(a, FILE_NO, 0);
	a->script[0] = 200;
	is_int(send_for(60000), 100, "a file that is declined is 100");
	is_str(reports, "failed file declined,", "said once");
	ok(a->n == 1 && queued() == 0, "and nothing of it is kept or sent");
	rewind(input);
	while (getc(input) != '\n')
		;
	lseek(fileno(input), ftell(input), SEEK_SET);
	run((struct sender_options){.input = fileno(input), .wait = 60000});
	is_str(reports, "", "chunks that come after the answer are not called sent");

	forget(a);
	begin();
	seal_file("alice", 2 * FILE_STEP);
	answer(a, FILE_FROM, 1);
	for (int i = 0; i < 6; i++)
		a->script[i] = 200;
	is_int(send_for(60000), 100, "a peer who asks for the same chunk for ever");
	ok(a->n == 4, "is asked three times (%zu requests)", a->n);
	is_str(reports, "failed file 200,", "then the file fails whole");
	is_int(world_count(&w, "SELECT count(*) FROM queue WHERE state <> 2"), 0, "all chunks");
	is_int(world_count(&w, "DELETE FROM queue RETURNING 1"), 1, "clean");
	forget(a);
}

/* The giver breaks off: what was given goes, but nobody is told that the file was sent. */
static void test_cut(struct host *a)
{
	struct buf all = BUF_INIT(8u << 20);
	size_t lines = 0, at = 0;

	begin();
	seal_file("alice", 3 * FILE_STEP);
	fflush(input);
	lseek(fileno(input), 0, SEEK_SET);
	need(fd_read_all(fileno(input), &all) == 0, "read");
	while (lines < 3)
		lines += all.data[at++] == '\n';
	need(ftruncate(fileno(input), (off_t)at) == 0, "cut");
	buf_free(&all);
	answer(a, FILE_FROM, 1);
	a->script[0] = 200;
	is_int(send_for(60000), 100, "a file that was given in part is 100");
	is_int((long long)a->n, 3, "what was given went");
	is_str(reports, "failed file cut,", "and is not called sent");
	is_int(world_count(&w, "SELECT state FROM message ORDER BY seq DESC LIMIT 1"),
	    MESSAGE_FAILED, "nor in the history");
	forget(a);
	begin();
	seal_file("alice", 0);
	answer(a, FILE_FROM, 1);
	a->script[0] = 200;
	is_int(send_for(60000), 0, "an empty file is its offer");
	is_str(reports, "sent file 204,", "and sent with it");
	forget(a);
}

static void test_reply(struct host *a, struct host *b)
{
	struct wire m = wire_make(WIRE_MESSAGE);

	m.body = (const uint8_t *)"reply";
	m.blen = 5;
	peer_seal(&a->reply, &a->peer, &m);
	begin();
	seal("message", "alice", "question");
	a->script[0] = 200;
	is_int(send_for(60000), 0, "a 200 is a delivery");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE dir = 0 AND body = 'reply'"), 0,
	    "text bodies are blobs");
	is_int(world_count(&w,
	           "SELECT count(*) FROM message WHERE dir = 0 AND body = CAST('reply' AS BLOB)"),
	    1, "and its reply is in the inbox");
	forget(a);
	begin();
	m = wire_make(WIRE_MESSAGE);
	m.body = (const uint8_t *)"another's";
	m.blen = 9;
	peer_seal(&a->reply, &b->peer, &m);
	seal("message", "alice", "question");
	a->script[0] = 200;
	is_int(send_for(60000), 0, "and one with what bob sealed in it");
	is_int(world_count(&w, "SELECT count(*) FROM message WHERE dir = 0 AND contact = "
	                       "(SELECT id FROM contact WHERE name = 'bob')"),
	    0, "which is not taken: alice was asked");
	is_int(take(&w, &a->reply).status, RECEIVED_TAKEN, "it is authentic");
	forget(a);
	begin();
	buf_clear(&a->reply);
	need(buf_adds(&a->reply, "garbage") == 0, "garbage");
	seal("message", "alice", "question");
	a->script[0] = 200;
	is_int(send_for(60000), 0, "so is one whose reply is garbage");
	is_int(queued(), 0, "it is not asked again");
	forget(a);
}

static char *self;

/*
 * Another process that sends: a new one, since a child of ours would have the locks of our hosts'
 * threads.
 */
static pid_t sends_too(int in, int stop, int64_t wait)
{
	char args[3][24];
	char *argv[] = {self, args[0], args[1], args[2], NULL};
	pid_t pid;

	snprintf(args[0], sizeof(args[0]), "%d", in);
	snprintf(args[1], sizeof(args[1]), "%d", stop);
	snprintf(args[2], sizeof(args[2]), "%lld", (long long)wait);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		execv(self, argv);
		_exit(99);
	}
	return pid;
}

/* What it does: it follows when it has no input. */
static int send_too(char **args)
{
	struct sender_options o = {.input = atoi(args[0]),
	    .input_name = "in",
	    .stop_fd = atoi(args[1]),
	    .wait = atoll(args[2])};
	struct config cfg;

	alarm(600);
	secret_init();
	config_defaults(&cfg);
	o.follow = o.input < 0;
	return sender_run(&cfg, &o);
}

/* Several processes on one store and one queue. */
static void test_many(struct host *a, struct host *b)
{
	char text[24];
	pid_t pids[3];
	int status, bad = 0, wrong = 0, inputs[3];
	bool seen[600] = {false};

	for (int p = 0; p < 3; p++) {
		begin();
		for (int i = 0; i < 200; i++) {
			snprintf(text, sizeof(text), "%03d", p * 200 + i);
			seal("message", i % 2 ? "alice" : "bob", text);
		}
		fflush(input);
		inputs[p] = dup(fileno(input));
		lseek(inputs[p], 0, SEEK_SET);
	}
	for (int p = 0; p < 3; p++)
		pids[p] = sends_too(inputs[p], -1, 60000);
	for (int p = 0; p < 3; p++) {
		waitpid(pids[p], &status, 0);
		bad += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	is_int(bad, 0, "three at once on one store succeed");
	is_int((long long)(a->n + b->n), 600, "and deliver each record once");
	for (int k = 0; k < 2; k++) {
		struct host *h = k ? a : b;
		int last[3] = {-1, -1, -1};

		for (size_t i = 0; i < h->n; i++) {
			int v = atoi(h->bodies[i] + 7);

			wrong += v < 0 || v >= 600 || seen[v] || v <= last[v / 200];
			seen[v] = true;
			last[v / 200] = v;
		}
	}
	is_int(wrong, 0, "each giver's in order");
	is_int(queued(), 0, "nothing is left");
	forget(a);
	forget(b);
}

/* Another process has the lane, and the record is refused there. */
static void test_elsewhere(struct host *a)
{
	int p[2], status;
	pid_t other;

	need(pipe(p) == 0, "pipe");
	begin();
	seal("message", "alice", "first");
	is_int(send_for(0), 111, "one is queued");
	a->script[0] = a->script[2] = a->script[3] = a->script[4] = 400;
	a->script[1] = 204;
	other = sends_too(-1, p[0], 60000);
	while (a->n == 0) /* the other has the lane, and waits a second with it */
		usleep(10000);
	begin();
	seal("message", "alice", "bad");
	is_int(send_for(60000), 100, "a record that is refused, whoever had the lane, is 100");
	is_int((long long)a->n, 5, "after three tries in all");
	need(write(p[1], "x", 1) == 1, "stop");
	waitpid(other, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a follower ends when it is told to");
	is_int(world_count(&w, "DELETE FROM queue RETURNING 1"), 1, "clean");
	forget(a);
}

/* A peer that says "later" and pings all the time does not make us post all the time. */
static void test_heard(struct host *a)
{
	struct buf ping = BUF_INIT(ENVELOPE_MAX);
	int p[2], status;
	pid_t follower;

	need(pipe(p) == 0, "pipe");
	begin();
	seal("message", "alice", "hello");
	is_int(send_for(0), 111, "one is queued");
	for (int i = 0; i < 8; i++)
		a->script[i] = 503;
	a->retry_after = 3600;
	follower = sends_too(-1, p[0], -1);
	while (a->n == 0)
		usleep(10000);
	for (int i = 0; i < 30; i++) {
		struct wire m = wire_make(WIRE_PING);

		peer_seal(&ping, &a->peer, &m);
		need(take(&w, &ping).status == RECEIVED_TAKEN, "ping");
		usleep(100000);
	}
	is_int((long long)a->n, 2, "30 pings in 3 s make one more try");
	need(write(p[1], "x", 1) == 1, "stop");
	waitpid(follower, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the follower ends");
	buf_free(&ping);
	forget(a);
	is_int(run((struct sender_options){.input = -1, .flush = true, .wait = 60000}), 0, "clean");
	forget(a);
}

static void test_stop(struct host *a)
{
	int p[2], s[2];
	struct sender_options o = {.wait = 60000};

	need(pipe(p) == 0 && pipe(s) == 0, "pipe");
	o.input = p[0];
	o.stop_fd = s[0];
	need(write(s[1], "x", 1) == 1, "stop");
	is_int(run(o), 1, "told to stop, it does, though its input goes on");
	close(p[1]);
	(void)a;
}

int main(int argc, char **argv)
{
	static struct host a, b;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 4)
		return send_too(argv + 1);
	self = argv[0];
	alarm(600);
	world_open(&w);
	mkdir(home_file("run"), 0700);
	unsetenv("MP_ROUTES");
	setenv("MP_SOCKS", "127.0.0.1:1", 1);
	host_start(&a, "alice", CONTACT_ACTIVE);
	host_start(&b, "bob", CONTACT_ACTIVE);
	test_order(&a, &b);
	test_input(&a);
	test_reply(&a, &b);
	test_later(&a);
	test_hasty(&a);
	test_comes_up(&a);
	test_greeting();
	test_status(&a);
	test_file(&a);
	test_cut(&a);
	test_many(&a, &b);
	test_down(&a);
	test_refused(&a);
	test_elsewhere(&a);
	test_blocked(&a);
	test_cancelled(&a);
	test_removed();
	test_dangling(&a);
	test_heard(&a);
	test_stop(&a);
	host_stop(&a);
	host_stop(&b);
	world_close();
	return done();
}
