/* A relay in this process, asked by strangers, recipients and peers whose keys are ours. */
#include "world.h"

#include "base/json.h"
#include "mesh/flood.h"
#include "mesh/letter.h"
#include "mesh/retrieval.h"
#include "mesh/servers.h"
#include "mesh/token.h"
#include "node/mesher_link.h"
#include "node/relay_step.h"
#include "store/sql.h"
#include "tap.h"

#define PEERS 5

static struct world w;
static struct relay *r;
static struct identity *peer[PEERS];
static struct rsa_key *ann, *eve;
static int64_t now;

static int64_t count(const char *sql)
{
	int64_t n = 0;

	need(sql_int(r->s, &n, sql, "") >= 0, sql);
	return n;
}

static void run(const char *sql)
{
	need(sql_exec(r->s, sql, "") == 0, sql);
}

static void forget(void)
{
	run("DELETE FROM flood");
	run("DELETE FROM packet");
	run("DELETE FROM box");
	run("DELETE FROM vote");
	run("DELETE FROM audit");
	run("UPDATE peer SET score = 0, vote = 0, black = 0, audits = 0, lost = 0, reported = 0");
}

/* Takes body, which is an object or a text; the status. */
static int ask(
    const char *method, const char *path, json_t *o, const struct buf *text, json_t **out)
{
	struct server_answer a = {.reply = BUF_INIT(MESH_BODY_MAX)};
	struct buf body = BUF_INIT(MESH_BODY_MAX);
	struct server_request q;
	size_t n, i = 0;
	const struct server_route *routes = relay_routes(&n);

	while (strcmp(routes[i].path, path) != 0 || strcmp(routes[i].method, method) != 0)
		need(++i < n, path);
	if (o != NULL)
		need(json_write(&body, o) == 0, "json_write");
	else if (text != NULL)
		need(buf_add(&body, text->data, text->len) == 0, "body");
	q = (struct server_request){.route = &routes[i], .body = body.data, .len = body.len};
	relay_answer(r, &q, &a);
	if (out != NULL)
		need(json_read(out, (const char *)a.reply.data, a.reply.len) == 0, "no answer");
	json_decref(o);
	buf_free(&body);
	buf_free(&a.reply);
	return a.status;
}

static void packet_make(struct packet *p, const struct rsa_key *to, size_t size)
{
	packet_init(p);
	memcpy(p->recipient, rsa_der(to), RSA_DER);
	need(buf_reserve(&p->message, size) == 0 && buf_reserve(&p->signature, 700) == 0, "packet");
	randombytes_buf(p->message.data, p->message.len = size);
	randombytes_buf(p->signature.data, p->signature.len = 700);
	packet_identify(p);
}

static json_t *packet_json(const struct packet *p)
{
	json_t *o;

	need(packet_write(&o, p) == 0, "packet_write");
	return o;
}

static int post(const struct packet *p)
{
	return ask("POST", "/packets", packet_json(p), NULL, NULL);
}

/* By a peer; what he is told of it. */
static enum result hand(const struct identity *from, const struct packet *p, int hops, int attempt)
{
	struct buf body = BUF_INIT(MESH_BODY_MAX);
	enum result result = RESULT_REFUSED;
	json_t *o = NULL;

	need(batch_write(&body, from, r->id->key,
	         json_pack("[o]", batch_item_new(packet_json(p), hops, attempt)), NULL, NULL,
	         now) == 0,
	    "batch_write");
	need(ask("POST", "/mesh", NULL, &body, &o) == 200, "no answer to a batch");
	need(batch_answer_read(&result, 1, o) == 0, "batch_answer");
	json_decref(o);
	buf_free(&body);
	return result;
}

static json_t *ack_json(const struct rsa_key *k, uint8_t device, const struct packet *p)
{
	struct ack *a = calloc(1, sizeof(*a));
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	json_t *o;

	need(a != NULL, "memory");
	a->device[0] = device;
	a->n = 1;
	memcpy(a->id[0], p->id, PACKET_ID);
	need(ack_write(&text, a, k, now) == 0 &&
	         json_read(&o, (const char *)text.data, text.len) == 0,
	    "ack");
	buf_free(&text);
	free(a);
	return o;
}

/* How many packets there are for a device. */
static int poll_status;
static int64_t poll_box(const struct rsa_key *k, uint8_t device, int64_t cursor)
{
	struct retrieval q = {.time = now, .cursor = cursor, .device = {device}};
	json_t *o, *proof;
	int64_t n;

	need(ask("GET", "/challenge", NULL, NULL, &o) == 200 && challenge_read(q.challenge, o) == 0,
	    "challenge");
	json_decref(o);
	need(retrieval_write(&proof, &q, k, r->id->key) == 0, "retrieval");
	poll_status = ask("GET", "/messages", json_incref(proof), NULL, NULL);
	if (poll_status != 200) {
		json_decref(proof);
		return -1;
	}
	need(ask("GET", "/messages", proof, NULL, NULL) == 400, "a proof was taken twice");
	n = count("SELECT count(*) FROM packet WHERE boxed = 1 AND text IS NOT NULL");
	return n;
}

static void tokens_register(
    const struct rsa_key *k, const uint8_t secret[32], int64_t day, size_t n, int want)
{
	struct tokens *t = calloc(1, sizeof(*t));
	struct buf text = BUF_INIT(MESH_BODY_MAX);

	need(t != NULL, "memory");
	memcpy(t->server, r->id->key, ONION_KEY);
	t->day = day;
	for (t->n = 0; t->n < n; t->n++)
		token_derive(t->token[t->n], secret, (uint32_t)day, (uint32_t)t->n);
	need(tokens_write(&text, t, k, now) == 0, "tokens");
	is_int(ask("POST", "/tokens", NULL, &text, NULL), want, "tokens are registered, or not");
	buf_free(&text);
	free(t);
}

static void mark(struct packet *p, const uint8_t secret[32], int64_t day, uint32_t i)
{
	uint8_t token[TOKEN_KEY];

	token_derive(token, secret, (uint32_t)day, i);
	token_mark(p->token, token, p->id);
	p->has_token = true;
}

static void decision_make(
    struct decision *d, const uint8_t about[ONION_KEY], enum verdict value, int64_t window, int who)
{
	memset(d, 0, sizeof(*d));
	memcpy(d->about, about, ONION_KEY);
	d->final = value;
	d->time = now;
	d->n = 1;
	memcpy(d->vote[0].about, about, ONION_KEY);
	d->vote[0].value = value;
	d->vote[0].window = window;
	need(vote_sign(&d->vote[0], peer[who]) == 0, "vote_sign");
}

/* At another time than now. */
static void vote_at(
    const uint8_t about[ONION_KEY], enum verdict value, int64_t window, int who, int64_t time)
{
	struct decision *d = calloc(1, sizeof(*d));
	bool fresh = false;

	need(d != NULL, "memory");
	decision_make(d, about, value, window, who);
	need(relay_begin(r->s) == 0, "begin");
	need(relay_end(r->s, relay_take_decision(r, d, 0, time, &fresh)) == 0, "decision");
	free(d);
}

static struct relay_peer peer_row(int who)
{
	struct relay_peer p;

	need(relay_peer_get(r->s, &p, peer[who]->key) == 0, "peer");
	return p;
}

/* What goes to the peers has the members that have a name, and a bound. */
static void test_passed_on(void)
{
	struct decision *d = calloc(1, sizeof(*d));
	char *junk = malloc(300001);
	struct packet p;
	json_t *o;

	need(d != NULL && junk != NULL, "memory");
	memset(junk, '"', 300000);
	junk[300000] = '\0';
	packet_make(&p, ann, 4000);
	is_int(post(&p), 204, "a packet");
	o = ack_json(ann, 1, &p);
	json_object_set_new(o, "junk", json_string(junk));
	json_object_set_new(json_object_get(o, "message"), "junk", json_string(junk + 200000));
	is_int(ask("POST", "/acks", o, NULL, NULL), 204, "an acknowledgement with a lot beside it");
	ok(count("SELECT max(length(text)) FROM flood WHERE kind = 1") < 2000,
	    "... goes on without that");
	is_int(count("SELECT count(*) FROM flood WHERE kind = 1 AND text LIKE '%junk%'"), 0,
	    "... all of it");
	decision_make(d, peer[1]->key, VERDICT_BLACKLISTED, now / r->cfg.vote_window, 0);
	need(decision_write(&o, d) == 0, "decision");
	json_object_set_new(o, "junk", json_string(junk));
	is_int(ask("POST", "/decisions", o, NULL, NULL), 204, "a decision with a lot beside it");
	ok(count("SELECT length(text) FROM flood WHERE kind = 2") < 2000, "... goes on without");
	packet_free(&p);
	free(junk);
	free(d);
	forget();
}

static void test_long_ack(void)
{
	json_t *o = json_object(), *list = json_array();
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	char *junk = malloc(ACK_TEXT + 1);
	int64_t before = count("SELECT total_changes()");

	need(junk != NULL, "memory");
	memset(junk, 'x', ACK_TEXT);
	junk[ACK_TEXT] = '\0';
	json_array_append_new(list, json_string("00"));
	json_object_set_new(o, "type", json_string("ack"));
	json_object_set_new(o, "device", json_string("0000000000000001"));
	json_object_set_new(o, "packets", list);
	json_object_set_new(o, "junk", json_string(junk));
	need(signed_by_person(&text, ann, o, now) == 0, "signed");
	is_int(ask("POST", "/acks", NULL, &text, NULL), 400, "an ack of more than it can need");
	is_int(count("SELECT total_changes()"), before, "... has no effect");
	json_decref(o);
	buf_free(&text);
	free(junk);
}

/* Who votes both ways has no vote until both have lapsed, and spoils nobody's. */
static void test_contradiction(void)
{
	int64_t day = r->cfg.vote_window, window = now / day;
	const uint8_t *about = peer[1]->key;
	struct decision *d = calloc(1, sizeof(*d));
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	struct relay_peer p;
	json_t *o = NULL;
	sqlite3_stmt *st;

	need(d != NULL, "memory");
	vote_at(about, VERDICT_BLACKLISTED, window, 0, now);
	vote_at(about, VERDICT_WHITELISTED, window, 0, now);
	is_int(peer_row(0).score, STANDING_BAD, "a contradiction is seen");
	vote_at(about, VERDICT_BLACKLISTED, window + 7, 2, now + 7 * day);
	vote_at(about, VERDICT_BLACKLISTED, window + 7, 3, now + 7 * day);
	ok(!peer_row(1).black, "a week later his is still none: two of five are too few");
	vote_at(about, VERDICT_BLACKLISTED, window + 7, 0, now + 7 * day);
	ok(!peer_row(1).black, "... and he gets none by voting again so soon");
	run("DELETE FROM flood");
	p = peer_row(1);
	need(relay_begin(r->s) == 0, "begin");
	need(relay_end(r->s, relay_observe(r, &p, SAW_CONTRADICTION, now + 7 * day)) == 0, "vote");
	need(sql_row(r->s, &st, "SELECT text FROM flood WHERE kind = 2", "") == 1 &&
	         sql_buf(st, 0, &text) == 0,
	    "no decision");
	sql_done(st);
	need(json_read(&o, (const char *)text.data, text.len) == 0, "json");
	is_int(decision_read(d, o), 0, "the decision that we send then is one that others take");
	is_int((long long)d->n, 3, "... with our vote and theirs, and not his");
	vote_at(about, VERDICT_BLACKLISTED, window + 8, 0, now + 8 * day);
	is_int(count("SELECT count(*) FROM vote WHERE value = 0"), 0, "... and then he may vote");
	json_decref(o);
	buf_free(&text);
	free(d);
	forget();
}

/* A copy whose token was taken off or spoilt takes the place of none. */
static void test_tokens(void)
{
	static const uint8_t secret[32] = {7};
	int64_t today = now / MP_DAY;
	struct packet p, q, other;

	r->cfg.box_quota = 64 << 10;
	is_int(poll_box(ann, 1, 0), 0, "ann polls");
	tokens_register(ann, secret, today, 3, 204);
	packet_make(&other, ann, 5000);
	is_int(post(&other), 204, "a packet fills everybody's part");
	packet_make(&p, ann, 5000);
	packet_make(&q, ann, 5000);
	mark(&p, secret, today, 0);
	mark(&q, secret, today, 1);
	p.has_token = false;
	is_int(hand(peer[0], &p, 7, 0), RESULT_TAKEN, "a copy without its token comes first");
	is_int(count("SELECT count(*) FROM packet WHERE boxed = 1"), 1, "... there is no room");
	p.has_token = true;
	is_int(hand(peer[1], &p, 7, 0), RESULT_TAKEN, "then the copy with its token");
	is_int(count("SELECT count(*) FROM packet WHERE boxed = 1"), 2, "... for which there is");
	is_int(count("SELECT count(*) FROM flood WHERE kind = 0"), 3, "... and both go on");
	is_int(hand(peer[2], &p, 7, 0), RESULT_SEEN, "... once");
	q.token[TOKEN_BYTES - 1] ^= 1;
	is_int(hand(peer[0], &q, 7, 0), RESULT_TAKEN, "a copy with a token that is spoilt");
	q.token[TOKEN_BYTES - 1] ^= 1;
	is_int(hand(peer[1], &q, 6, 0), RESULT_TAKEN, "... and then the right one");
	is_int(
	    count("SELECT count(*) FROM packet WHERE boxed = 1 AND token = 1"), 2, "... is there");
	is_int(ask("POST", "/acks", ack_json(ann, 1, &p), NULL, NULL), 204, "ann has it");
	is_int(count("SELECT count(*) FROM packet WHERE acked = 1"), 2, "... by any copy");
	p.token[0] ^= 1;
	is_int(hand(peer[3], &p, 7, 0), RESULT_SEEN, "a further copy is not wanted");
	packet_free(&q);
	packet_make(&q, ann, 5000);
	tokens_register(ann, secret, today + 5, 3, 204);
	mark(&q, secret, today + 5, 0);
	is_int(post(&q), 507, "a token of a day to come is none yet");
	r->cfg.box_quota = 64 << 20;
	packet_free(&p);
	packet_free(&q);
	packet_free(&other);
	forget();
}

/* What waits for a device that is silent goes when the device does. */
static void test_silent_device(void)
{
	struct relay_expiry e = {.now = now,
	    .keep = 30 * MP_DAY,
	    .silent = r->cfg.device_silent,
	    .log = MP_DAY,
	    .day = now / MP_DAY};
	struct packet p, q;
	bool more;

	poll_box(ann, 1, 0);
	poll_box(ann, 2, 0);
	packet_make(&p, ann, 4000);
	packet_make(&q, ann, 4000);
	post(&p);
	post(&q);
	ask("POST", "/acks", ack_json(ann, 1, &p), NULL, NULL);
	need(relay_flood_trim(r->s, now + MP_DAY) == 0, "trim");
	is_int(count("SELECT count(*) FROM packet WHERE boxed = 1"), 2, "one device has a packet");
	run("UPDATE device SET polled = 1 WHERE name = x'0200000000000000'");
	need(relay_expire(r->s, &e, &more) == 0, "expire");
	is_int(count("SELECT count(*) FROM device"), 1, "the other one was silent too long");
	is_int(count("SELECT count(*) FROM packet WHERE boxed = 1 AND text IS NOT NULL"), 1,
	    "... so that is over");
	is_int(count("SELECT used FROM box") > 0 &&
	           count("SELECT used FROM box") ==
	               count("SELECT sum(length(text)) FROM packet WHERE boxed = 1"),
	    1, "... and its place is free; what nobody has stays");
	ask("POST", "/acks", ack_json(ann, 2, &q), NULL, NULL);
	is_int(count("SELECT count(*) FROM packet WHERE boxed = 1"), 1,
	    "the word of a device that does not poll deletes nothing");
	packet_free(&p);
	packet_free(&q);
	forget();
}

/* Who posts again what the relay has let go is not told that it was taken for nothing. */
static void test_comes_again(void)
{
	struct relay_expiry e = {.now = now,
	    .keep = r->cfg.packet_keep,
	    .silent = r->cfg.device_silent,
	    .log = MP_DAY,
	    .day = now / MP_DAY};
	struct packet p;
	bool more;

	packet_make(&p, ann, 4000);
	post(&p);
	need(sql_exec(r->s, "UPDATE packet SET since = since - ?", "i",
	         r->cfg.packet_keep + MP_MINUTE) == 0 &&
	         relay_expire(r->s, &e, &more) == 0,
	    "expire");
	is_int(count("SELECT count(*) FROM packet WHERE text IS NOT NULL"), 0, "its time is over");
	is_int(post(&p), 204, "it is posted again");
	need(relay_expire(r->s, &e, &more) == 0, "expire");
	is_int(count("SELECT count(*) FROM packet WHERE text IS NOT NULL AND again > 0"), 1,
	    "... and kept");
	is_int(count("SELECT count(*) FROM flood"), 1, "... and passed on");
	packet_free(&p);
	forget();
}

/* Strangers' packets leave room for recipients, both for the mesh; an ack is heeded always. */
static void test_room(void)
{
	static const uint8_t secret[32] = {9};
	int64_t most = r->cfg.store_max, used;
	struct packet p, q;
	json_t *o;

	poll_box(ann, 1, 0);
	packet_make(&p, ann, 4000);
	packet_make(&q, ann, 4000);
	need(relay_bytes(r->s, &used) == 0, "bytes");
	r->cfg.store_max = used * 2 - 4000;
	is_int(post(&p), 429, "half of the store is full: no client's packet");
	need(ask("GET", "/load", NULL, NULL, &o) == 200, "load");
	is_int(json_integer_value(json_object_get(o, "load")), 100, "... which the load says");
	json_decref(o);
	tokens_register(ann, secret, now / MP_DAY, 3, 204);
	is_int(hand(peer[0], &p, 7, 0), RESULT_TAKEN, "... but a peer's");
	poll_box(ann, 1, 0);
	r->cfg.store_max = used * 4 / 3 - 4000;
	poll_box(eve, 1, 0);
	is_int(poll_status, 503, "three quarters: no new box");
	is_int(count("SELECT count(*) FROM box"), 1, "... is made");
	tokens_register(ann, secret, now / MP_DAY, 3, 503);
	is_int(poll_box(ann, 1, 0), 1, "who has one is served");
	r->cfg.store_max = used - 4000;
	is_int(hand(peer[0], &q, 7, 0), RESULT_FULL, "all of it: no peer's either");
	run("DELETE FROM flood");
	is_int(ask("POST", "/acks", ack_json(ann, 1, &p), NULL, NULL), 204, "an ack");
	is_int(count("SELECT count(*) FROM packet WHERE acked = 1"), 1, "... is heeded");
	is_int(count("SELECT count(*) FROM flood"), 0, "... and goes no further");
	r->cfg.store_max = most;
	packet_free(&p);
	packet_free(&q);
	forget();
}

/* An audit looks like what people write, and its peer must say what an honest one says. */
static void test_audit(void)
{
	static const struct {
		int status;
		const char *code;
		int64_t score;
		int64_t audits;
		const char *what;
	} rows[] = {
	    {204, "204", 0, 1, "taken: it waits for its way back"},
	    {0, "timeout", 0, 0, "away: not judged"},
	    {429, "429", 0, 0, "busy: not judged"},
	    {503, "503", 0, 0, "not now: not judged"},
	    {507, "507", 0, 0, "full: not judged"},
	    {400, "400", 1609, 0, "who calls it malformed"},
	    {200, "200", 1609, 0, "who answers something else"},
	    {0, "reply", 1609, 0, "who answers what is none"},
	};
	struct mesher *m = calloc(1, sizeof(*m));
	struct relay_peer p = peer_row(0);
	struct task t = {.audit = true};

	need(m != NULL, "memory");
	m->r = r;
	m->n = 1;
	m->link[0].peer = p.row;
	memcpy(m->link[0].server, p.server, ONION_KEY);
	t.link = &m->link[0];
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct post_result a = {.status = rows[i].status};

		strcpy(a.code, rows[i].code);
		need(relay_audit_add(r->s, t.hash, p.row) == 0 && audit_answered(m, &t, &a) == 0,
		    "audit");
		is_int(peer_row(0).score, rows[i].score, rows[i].what);
		is_int(count("SELECT count(*) FROM audit"), rows[i].audits, "... as an audit");
		forget();
	}
	free(m);
}

/* A file of the version before. */
static void test_upgrade(void)
{
	struct packet p;

	packet_make(&p, ann, 4000);
	post(&p);
	run("DROP INDEX packet_name");
	run("DROP INDEX device_polled");
	run("ALTER TABLE packet DROP COLUMN name");
	run("PRAGMA user_version = 1");
	relay_free(r);
	need(relay_new(&r, false) == 0, "relay.db of version 1");
	is_int(count("PRAGMA user_version"), 2, "a relay.db of version 1 is brought to 2");
	is_int(ask("POST", "/acks", ack_json(ann, 1, &p), NULL, NULL), 204, "... and what it held");
	is_int(count("SELECT count(*) FROM packet WHERE acked = 1"), 1, "... is known by its id");
	ok(count("SELECT seq FROM sqlite_sequence WHERE name = 'packet'") > 1700000000000,
	    "places begin with the time");
	packet_free(&p);
	forget();
}

int main(void)
{
	char name[ONION_TEXT];

	world_home(&w);
	now = clock_now();
	need(identity_new(&w.self) == 0 && identity_write(w.self) == 0 &&
	         relay_new(&r, false) == 0 && rsa_new(&ann) == 0 && rsa_new(&eve) == 0,
	    "no relay");
	for (int i = 0; i < PEERS; i++) {
		need(identity_new(&peer[i]) == 0, "identity");
		onion_encode(name, peer[i]->key);
		need(relay_accept(r, name) == 0, "accept");
	}
	test_passed_on();
	test_long_ack();
	test_contradiction();
	test_tokens();
	test_silent_device();
	test_comes_again();
	test_room();
	test_audit();
	test_upgrade();
	relay_free(r);
	for (int i = 0; i < PEERS; i++)
		identity_free(peer[i]);
	rsa_free(ann);
	rsa_free(eve);
	identity_free(w.self);
	return done();
}
