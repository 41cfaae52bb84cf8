/*
 * fuzz/mesh_relay: all that a relay answers.  The input is a sequence of requests: a letter, two
 * bytes of length (big endian), the data.  Small letters a, b ...: the first routes in their order,
 * the data is the body.  O: a packet to the person of this harness. B: the content of a batch to us
 * that our peer signs.  P: what the person signs, to /acks and /tokens.  R: a retrieval with a
 * right proof, whose cursor is the data.  V: the peer's votes on the other one: bytes of value and
 * window.  What is refused changes nothing; a packet that comes twice is taken once.
 */
#include "fuzz.h"

#include "world.h"

#include "base/base64.h"
#include "mesh/ack.h"
#include "mesh/ballot.h"
#include "mesh/batch.h"
#include "mesh/retrieval.h"
#include "node/relay.h"
#include "store/sql.h"

static struct world w;
static struct relay *relay;
static struct identity *peer[2];
static struct rsa_key *person;
static size_t routes;

enum {
	PACKETS,
	ACKS,
	CHALLENGE,
	MESSAGES,
	TOKENS,
	SERVERS,
	LOAD,
	REPORTS,
	DECISIONS,
	MESH,
	STATUS
};

static void begin(void)
{
	char name[ONION_TEXT];
	uint8_t seed[32] = {1};

	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	world_home(&w);
	need(identity_from_seed(&w.self, seed) == 0 && identity_write(w.self) == 0 &&
	         rsa_new(&person) == 0 && relay_new(&relay, false) == 0,
	    "no relay");
	(void)relay_routes(&routes);
	for (uint8_t i = 0; i < 2; i++) {
		seed[0] = (uint8_t)(10 + i);
		need(identity_from_seed(&peer[i], seed) == 0, "identity");
		onion_encode(name, peer[i]->key);
		need(relay_accept(relay, name) == 0, "peer");
	}
}

static int64_t changes(void)
{
	int64_t n = 0;

	must(sql_int(relay->s, &n, "SELECT total_changes()", "") >= 0);
	return n;
}

static int request(size_t route, const void *body, size_t len, struct buf *reply)
{
	static const int known[] = {200, 204, 400, 403, 413, 429, 503, 507};
	struct server_answer a = {.reply = BUF_INIT(MESH_BODY_MAX)};
	size_t i = 0;
	struct server_request q = {.body = body, .len = len};
	int64_t before = changes();
	json_t *o;

	q.route = &relay_routes(&routes)[route];
	must(route < routes);
	relay_answer(relay, &q, &a);
	while (i < sizeof(known) / sizeof(*known) && known[i] != a.status)
		i++;
	must(i < sizeof(known) / sizeof(*known) && (a.status == 200) == (a.reply.len > 0));
	if (a.status == 400 || a.status == 403)
		must(changes() == before && !a.proven);
	if (a.status == 200) {
		must(json_read(&o, (const char *)a.reply.data, a.reply.len) == 0);
		json_decref(o);
	}
	if (reply != NULL)
		must(buf_add(reply, a.reply.data, a.reply.len) == 0);
	buf_free(&a.reply);
	return a.status;
}

static void request_json(size_t route, json_t *o)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX);

	if (json_write(&text, o) == 0)
		request(route, text.data, text.len, NULL);
	json_decref(o);
	buf_free(&text);
}

static void body(size_t route, const uint8_t *data, size_t n)
{
	int64_t before;

	/* A listener gives a body to who has one. */
	if (request(route, data, n, NULL) != 204 || route != PACKETS)
		return;
	before = changes();
	must(request(route, data, n, NULL) == 204 && changes() == before);
}

static void own_packet(const uint8_t *data, size_t n)
{
	json_t *o;

	if (json_read(&o, (const char *)data, n) != 0)
		return;
	if (json_is_object(o) && field_set_bytes(o, "recipient", rsa_der(person), RSA_DER) == 0)
		request_json(PACKETS, json_incref(o));
	json_decref(o);
}

/* For us, and for today. */
static void address(json_t *o, const char *type)
{
	if (!json_is_object(o))
		return;
	must(field_set_server(o, "to", w.self->key) == 0);
	if (type != NULL)
		must(field_set_text(o, "type", type) == 0);
	if (json_object_get(o, "day") != NULL)
		must(field_set_int(o, "day", clock_now() / MP_DAY) == 0);
}

static void signed_content(const struct identity *id, const uint8_t *data, size_t n)
{
	struct buf text = BUF_INIT(2 * MESH_BODY_MAX);
	json_t *content;

	if (json_read(&content, (const char *)data, n) != 0)
		return;
	address(content, id != NULL ? "batch" : NULL);
	if (id != NULL && signed_by_server(&text, id, content, clock_now()) == 0)
		request(MESH, text.data, text.len, NULL);
	if (id == NULL && signed_by_person(&text, person, content, clock_now()) == 0) {
		request(ACKS, text.data, text.len, NULL);
		request(TOKENS, text.data, text.len, NULL);
	}
	json_decref(content);
	buf_free(&text);
}

static void retrieve(const uint8_t *data, size_t n)
{
	struct buf reply = BUF_INIT(MESH_BODY_MAX);
	struct retrieval q = {.time = clock_now(), .cursor = n > 0 ? data[0] : 0};
	json_t *o;

	must(request(CHALLENGE, NULL, 0, &reply) == 200);
	must(json_read(&o, (const char *)reply.data, reply.len) == 0);
	must(challenge_read(q.challenge, o) == 0);
	json_decref(o);
	memcpy(q.device, data, n < sizeof(q.device) ? n : sizeof(q.device));
	must(retrieval_write(&o, &q, person, w.self->key) == 0);
	request_json(MESSAGES, json_incref(o));
	request_json(
	    MESSAGES, o); /* the same proof: refused, by request()'s check without effect */
	buf_free(&reply);
}

static void votes(const uint8_t *data, size_t n)
{
	static struct decision d;
	json_t *o;

	for (size_t i = 0; i + 1 < n && i < 16; i += 2) {
		struct vote v = {.value = data[i] % 2 ? VERDICT_BLACKLISTED : VERDICT_WHITELISTED,
		    .window = clock_now() / relay->cfg.vote_window + data[i + 1] % 16 - 8};

		memcpy(v.about, peer[1]->key, ONION_KEY);
		must(vote_sign(&v, peer[0]) == 0);
		memcpy(d.about, v.about, ONION_KEY);
		d.final = v.value;
		d.n = 1;
		d.vote[0] = v;
		must(decision_write(&o, &d) == 0);
		request_json(DECISIONS, o);
	}
}

static void one(uint8_t how, const uint8_t *data, size_t n)
{
	switch (how) {
	case 'O':
		own_packet(data, n);
		break;
	case 'B':
		signed_content(peer[0], data, n);
		break;
	case 'P':
		signed_content(NULL, data, n);
		break;
	case 'R':
		retrieve(data, n);
		break;
	case 'V':
		votes(data, n);
		break;
	default:
		body((size_t)(how - 'a') % (STATUS + 1), data, n);
	}
}

/* Each input finds the same relay. */
static void clean(void)
{
	static const char *const sql[] = {"DELETE FROM flood", "DELETE FROM packet",
	    "DELETE FROM box", "DELETE FROM answered", "DELETE FROM vote", "DELETE FROM audit",
	    "DELETE FROM meter", "DELETE FROM log",
	    "UPDATE peer SET score = 0, vote = 0, black = 0, audits = 0, lost = 0, reported = 0"};
	int rc = relay_begin(relay->s);

	for (size_t i = 0; i < sizeof(sql) / sizeof(*sql) && rc == 0; i++)
		rc = sql_exec(relay->s, sql[i], "");
	must(relay_end(relay->s, rc) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (relay == NULL)
		begin();
	deliveries(data, size, NULL, one);
	clean();
	return 0;
}
