/* Every packet of the mesh: its members are the specification's, it comes back as it went, and each
 * malformed variant of it is refused. */
#include <sodium.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "crypto/identity.h"
#include "mesh/ack.h"
#include "mesh/address.h"
#include "mesh/batch.h"
#include "mesh/letter.h"
#include "mesh/report.h"
#include "mesh/retrieval.h"
#include "mesh/servers.h"
#include "mesh/token.h"
#include "tap.h"

#define NOW INT64_C(1795000000123)

static struct rsa_key *sign_a, *enc_a, *sign_b, *enc_b;
static struct identity *s1, *s2;

typedef int reader(const json_t *o);

static void must(int rc)
{
	if (rc != 0) {
		printf("Bail out! %s\n", err_detail());
		exit(99);
	}
}

static char *keys_of(const json_t *o)
{
	static char out[256];
	const char *key;
	json_t *v;

	out[0] = '\0';
	json_object_foreach((json_t *)o, key, v)
	{
		strcat(out, key);
		strcat(out, " ");
	}
	return out;
}

/* Values of which each is good: any text, no evidence, an empty list. */
static bool may_be(const char *key, const json_t *v)
{
	if (strcmp(key, "content") == 0)
		return json_is_string(v);
	if (strcmp(key, "evidence") == 0)
		return json_is_string(v) && json_string_length(v) == 0;
	return (strcmp(key, "known_servers") == 0 || strcmp(key, "relays") == 0) &&
	       json_is_array(v) && json_array_size(v) == 0;
}

/* o without a member, with each other kind of value there, and with a character too few or too
 * many. */
static void mutate_member(const char *what, reader *read, const json_t *o, const char *key)
{
	json_t *values[] = {json_null(), json_integer(7), json_true(), json_real(1.5),
	    json_string(""), json_string("x"), json_array(), json_object(), json_pack("[s]", "x"),
	    json_string("not base64, no time, no name")};
	json_t *copy = json_deep_copy(o);
	const char *s = json_text(o, key);
	int good = 1;

	json_object_del(copy, key);
	good &= ok(read(copy) == MP_EBAD, "%s without '%s' is refused", what, key);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		if (json_typeof(values[i]) == json_typeof(json_object_get(o, key)) &&
		    !json_is_string(values[i]) && !json_is_array(values[i]) &&
		    !json_is_object(values[i])) {
			json_decref(values[i]);
			continue;
		}
		json_object_set_new(copy, key, values[i]);
		if (read(copy) != MP_EBAD && !may_be(key, values[i])) {
			char *text = json_dumps(values[i], JSON_ENCODE_ANY);

			good = ok(0, "%s with '%s' %s", what, key, text);
			free(text);
		}
	}
	if (s != NULL && !may_be(key, json_object_get(o, key))) {
		size_t n = strlen(s);
		char *longer = malloc(n + 2);

		memcpy(longer, s, n);
		strcpy(longer + n, "=");
		json_object_set_new(copy, key, json_string(longer));
		good &= read(copy) == MP_EBAD;
		json_object_set_new(copy, key, json_stringn(s, n - 1));
		good &= read(copy) == MP_EBAD;
		longer[0] = '\n';
		memcpy(longer + 1, s, n + 1);
		json_object_set_new(copy, key, json_string(longer));
		good &= read(copy) == MP_EBAD;
		free(longer);
	}
	ok(good, "%s with another '%s' is refused", what, key);
	json_decref(copy);
}

/* The members by name and order are those of the specification (and ours behind them). */
static void check(const char *what, reader *read, json_t *o, const char *keys)
{
	const char *key;
	json_t *v, *more = json_deep_copy(o);

	is_str(keys_of(o), keys, what);
	is_int(read(o), 0, "... is read");
	json_object_set_new(more, "later", json_string("an extension"));
	is_int(read(more), 0, "... with a member that we do not know, too");
	json_decref(more);
	json_object_foreach(o, key, v) mutate_member(what, read, o, key);
}

static int read_packet(const json_t *o)
{
	struct packet p;
	int rc;

	packet_init(&p);
	rc = packet_read(&p, o);
	packet_free(&p);
	return rc;
}

static void make_letter(struct packet *p, const char *content)
{
	struct letter l;

	letter_init(&l);
	memset(l.uuid, 0xa5, 16);
	l.time = NOW;
	must(buf_adds(&l.content, content));
	must(letter_seal(p, rsa_der(sign_b), rsa_der(enc_b), sign_a, &l));
	letter_free(&l);
}

static void test_packet(void)
{
	struct packet p, q;
	uint8_t id[PACKET_ID], token[TOKEN_KEY];
	json_t *o;

	packet_init(&p);
	packet_init(&q);
	make_letter(&p, "hello");
	must(packet_write(&o, &p));
	check("a client packet", read_packet, o, "recipient message signature ");
	must(packet_read(&q, o));
	ok(memcmp(p.id, q.id, PACKET_ID) == 0, "its id comes back");
	json_decref(o);
	memset(token, 3, sizeof(token));
	token_mark(p.token, token, p.id);
	p.has_token = true;
	must(packet_write(&o, &p));
	is_str(keys_of(o), "recipient message signature token ", "one with a token");
	mutate_member("one with a token", read_packet, o, "message");
	json_object_set_new(o, "token", json_string("AAAA"));
	is_int(read_packet(o), MP_EBAD, "a bad token is refused");
	json_decref(o);
	memcpy(id, p.id, PACKET_ID);
	packet_identify(&p);
	ok(memcmp(id, p.id, PACKET_ID) == 0, "the token is not in the id");
	p.signature.data[p.signature.len - 1] ^= 1;
	packet_identify(&p);
	ok(memcmp(id, p.id, PACKET_ID) != 0, "every byte of the signature is");
	p.signature.data[p.signature.len - 1] ^= 1;
	/* A byte moved over from one part to the other. */
	must(buf_add(&p.message, p.signature.data, 1));
	memmove(p.signature.data, p.signature.data + 1, --p.signature.len);
	packet_identify(&p);
	ok(memcmp(id, p.id, PACKET_ID) != 0, "and where a part ends");
	packet_free(&p);
	packet_free(&q);
}

static int read_letter(const json_t *o)
{
	struct buf text = BUF_INIT(1 << 20);
	struct letter l;
	int rc;

	letter_init(&l);
	must(json_write(&text, o));
	rc = letter_read(&l, (const char *)text.data, text.len);
	buf_free(&text);
	letter_free(&l);
	return rc;
}

static void test_letter(void)
{
	struct packet p;
	struct letter l;
	struct buf plain = BUF_INIT(1 << 20);
	json_t *o;
	size_t small;

	packet_init(&p);
	letter_init(&l);
	make_letter(&p, "Hello, this is a test message!");
	small = p.message.len;
	must(rsa_open(&plain, enc_b, p.message.data, p.message.len));
	is_int((long long)plain.len, LETTER_SMALL, "a small letter has one size");
	must(json_read(&o, (const char *)plain.data, plain.len));
	check("the encrypted JSON object", read_letter, o, "sender content uuid timestamp ");
	is_str(json_text(o, "uuid"), "a5a5a5a5-a5a5-a5a5-a5a5-a5a5a5a5a5a5", "its uuid");
	json_object_set_new(o, "uuid", json_string("a5a5a5a5-a5a5-a5a5-a5a5a-5a5a5a5a5a5"));
	is_int(read_letter(o), MP_EBAD, "a hyphen elsewhere is refused");
	json_decref(o);
	buf_clear(&plain);
	must(rsa_open(&plain, enc_b, p.signature.data, p.signature.len));
	must(json_read(&o, (const char *)plain.data, plain.len));
	is_str(keys_of(o), "signature ", "the encrypted signature");
	json_decref(o);

	is_int(letter_open(&l, &p, enc_b), 0, "it is opened");
	ok(l.content.len == 30 && memcmp(l.content.data, "Hello", 5) == 0, "... with its content");
	ok(memcmp(l.sender, rsa_der(sign_a), RSA_DER) == 0, "... and its sender");
	is_int(letter_open(&l, &p, enc_a), MP_EBAD, "by nobody else");
	memcpy(p.recipient, rsa_der(sign_a), RSA_DER);
	is_int(letter_open(&l, &p, enc_b), MP_EBAD, "nor passed on to another address");
	make_letter(&p, "x");
	is_int((long long)p.message.len, (long long)small, "all small ones have that size");
	p.message.data[300] ^= 1;
	is_int(letter_open(&l, &p, enc_b), MP_EBAD, "nor changed");
	/* The whole message of one with the signature of another. */
	make_letter(&p, "one");
	buf_clear(&plain);
	must(buf_add(&plain, p.message.data, p.message.len));
	make_letter(&p, "two");
	buf_clear(&p.message);
	must(buf_add(&p.message, plain.data, plain.len));
	is_int(letter_open(&l, &p, enc_b), MP_EBAD, "nor under another's signature");
	buf_clear(&l.content);
	memset(plain.data, 'x', plain.len);
	while (l.content.len < LETTER_CONTENT)
		must(buf_addc(&l.content, 'A'));
	l.time = NOW;
	is_int(letter_seal(&p, rsa_der(sign_b), rsa_der(enc_b), sign_a, &l), 0, "the largest");
	must(packet_write(&o, &p));
	buf_clear(&plain);
	must(json_write(&plain, o));
	ok(plain.len <= MESH_PACKET_MAX, "... is a packet of %zu bytes", plain.len);
	json_decref(o);
	buf_free(&plain);
	packet_free(&p);
	letter_free(&l);
}

static json_t *parse(const struct buf *b)
{
	json_t *o;

	must(json_read(&o, (const char *)b->data, b->len));
	return o;
}

static int read_signed(const json_t *o)
{
	struct signed_message m;
	int rc = signed_read(&m, o);

	signed_free(&m);
	return rc;
}

static void test_signed(void)
{
	struct buf b = BUF_INIT(1 << 20);
	json_t *content = json_pack("{s:s}", "type", "x"), *o, *inner;
	struct signed_message m;

	for (int person = 0; person < 2; person++) {
		buf_clear(&b);
		must(person ? signed_by_person(&b, sign_a, content, NOW)
		            : signed_by_server(&b, s1, content, NOW));
		o = parse(&b);
		check(person ? "a person's signed_message" : "a server's", read_signed, o,
		    "type message signature public_key ");
		inner = json_object_get(o, "message");
		is_str(keys_of(inner), "content timestamp ", "its message");
		must(signed_read(&m, o));
		ok(m.server == !person && m.time == NOW, "signer and time");
		is_str(json_text(m.content, "type"), "x", "content");
		signed_free(&m);
		json_object_set_new(inner, "timestamp", json_string("2026-11-20T10:16:34.124Z"));
		is_int(read_signed(o), MP_EBAD, "another time is refused");
		json_object_set_new(inner, "timestamp", json_integer(1));
		is_int(read_signed(o), MP_EBAD, "no time, too");
		json_object_del(inner, "timestamp");
		is_int(read_signed(o), MP_EBAD, "an absent one, too");
		json_decref(o);
	}
	o = parse(&b);
	json_object_set_new(
	    json_object_get(o, "message"), "content", json_string("{\"type\":\"y\"}"));
	is_int(read_signed(o), MP_EBAD, "another content is refused");
	json_decref(o);
	json_decref(content);
	buf_free(&b);
}

static int read_retrieval(const json_t *o)
{
	struct retrieval r;
	int rc = retrieval_read(&r, o);

	return rc != 0 ? rc : retrieval_verify(&r, s1->key);
}

static int read_challenge(const json_t *o)
{
	uint8_t c[CHALLENGE_BYTES];

	return challenge_read(c, o);
}

static void test_retrieval(void)
{
	uint8_t secret[32] = {1}, other[32] = {2}, sig[RSA_BYTES];
	struct retrieval r = {.time = NOW, .cursor = 77};
	json_t *o;

	challenge_make(r.challenge, secret, NOW);
	is_int(challenge_check(r.challenge, secret, NOW), 0, "our challenge");
	is_int(challenge_check(r.challenge, secret, NOW + CHALLENGE_TIME), 0, "in its time");
	is_int(
	    challenge_check(r.challenge, secret, NOW + CHALLENGE_TIME + 1), MP_EBAD, "and after");
	is_int(challenge_check(r.challenge, secret, NOW - 1), MP_EBAD, "and before it");
	is_int(challenge_check(r.challenge, other, NOW), MP_EBAD, "another server's");
	r.challenge[0] ^= 1;
	is_int(challenge_check(r.challenge, secret, NOW), MP_EBAD, "a changed one");
	r.challenge[0] ^= 1;
	must(challenge_write(&o, r.challenge, NOW));
	check("a challenge", read_challenge, o, "type challenge timestamp ");
	json_decref(o);
	must(retrieval_write(&o, &r, sign_a, s1->key));
	check("a retrieval", read_retrieval, o,
	    "public_key signature challenge timestamp device cursor ");
	is_int(retrieval_verify(&r, s2->key), MP_EBAD, "it is for one server only");
	r.cursor++;
	is_int(retrieval_verify(&r, s1->key), MP_EBAD, "... and cursor");
	r.cursor--;
	r.device[0]++;
	is_int(retrieval_verify(&r, s1->key), MP_EBAD, "... and device");
	r.device[0]--;
	is_int(retrieval_verify(&r, s1->key), 0, "(this one is right)");
	must(rsa_sign(sig, sign_a, "I AM WHO I SAY I AM", 19));
	must(field_set_bytes(o, "signature", sig, sizeof(sig)));
	is_int(read_retrieval(o), MP_EBAD, "the bare phrase proves nothing");
	json_object_set_new(o, "cursor", json_integer(-1));
	is_int(read_retrieval(o), MP_EBAD, "a cursor is not negative");
	json_decref(o);
}

static int read_ack(const json_t *o)
{
	struct ack a;

	return ack_read(&a, o);
}

/* A message with the content as it is, signed by a person or a server. */
static json_t *signed_content(json_t *content, int person)
{
	struct buf b = BUF_INIT(1 << 20);
	json_t *o;

	must(person ? signed_by_person(&b, sign_a, content, NOW)
	            : signed_by_server(&b, s1, content, NOW));
	o = parse(&b);
	buf_free(&b);
	return o;
}

/* Each member of a signed content in turn absent or of another kind. */
static void check_content(const char *what, reader *read, const struct buf *b, const char *keys)
{
	json_t *o = parse(b), *content, *copy, *again, *v;
	struct signed_message m;
	const char *key;
	int person;

	must(signed_read(&m, o));
	person = !m.server;
	content = m.content;
	is_str(keys_of(content), keys, what);
	is_int(read(o), 0, "... is read");
	json_object_foreach(content, key, v)
	{
		json_t *bad[] = {NULL, json_integer(-1), json_string("x"), json_null(),
		    json_pack("[i]", 1), json_pack("[s]", "00")};

		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			copy = json_deep_copy(content);
			if (bad[i] == NULL)
				json_object_del(copy, key);
			else
				json_object_set_new(copy, key, bad[i]);
			again = signed_content(copy, person);
			/* A list of which each item is judged alone may be absent or hold what it
			 * likes. */
			if (!(read(again) == MP_EBAD ||
			        (json_is_array(v) && strcmp(what, "a batch") == 0 &&
			            (i == 0 || i > 3))))
				ok(0, "%s with another '%s', %zu", what, key, i);
			json_decref(again);
			json_decref(copy);
		}
	}
	again = signed_content(content, !person);
	is_int(read(again), MP_EBAD, "... not by the other kind of signer");
	json_decref(again);
	signed_free(&m);
	json_decref(o);
}

static int read_tokens(const json_t *o)
{
	static struct tokens t;

	return tokens_read(&t, o);
}

static int read_batch(const json_t *o)
{
	struct batch b;
	int rc = batch_read(&b, o, s2->key);

	if (rc == 0)
		batch_free(&b);
	return rc;
}

static void test_contents(void)
{
	static struct ack a = {.n = 2};
	static struct tokens t = {.n = 3, .day = 20777};
	struct buf b = BUF_INIT(1 << 20);
	json_t *o, *item, *found;
	struct packet p;
	const json_t *in;
	int hops, attempt;

	must(ack_write(&b, &a, sign_a, NOW));
	check_content("an ack", read_ack, &b, "type device packets ");
	a.n = ACK_MAX;
	buf_clear(&b);
	must(ack_write(&b, &a, sign_a, NOW));
	o = parse(&b);
	is_int(read_ack(o), 0, "the largest ack");
	json_decref(o);
	buf_clear(&b);
	memcpy(t.server, s1->key, ONION_KEY);
	must(tokens_write(&b, &t, sign_a, NOW));
	check_content("a registration of tokens", read_tokens, &b, "type to day tokens ");

	packet_init(&p);
	make_letter(&p, "x");
	must(packet_write(&o, &p));
	item = batch_item_new(o, 7, 0);
	is_int(batch_item(item, &in, &hops, &attempt), 0, "a batch's item");
	ok(in == o && hops == 7 && attempt == 0, "comes back");
	for (int i = 0; i < 6; i++) {
		json_t *copy = json_deep_copy(item);

		switch (i) {
		case 0:
			json_object_set_new(copy, "hops", json_integer(8));
			break;
		case 1:
			json_object_set_new(copy, "hops", json_integer(-1));
			break;
		case 2:
			json_object_set_new(copy, "attempt", json_integer(10));
			break;
		case 3:
			json_object_del(copy, "attempt");
			break;
		case 4:
			json_object_set_new(copy, "hops", json_string("7"));
			break;
		default:
			json_object_set_new(copy, "packet", json_string("x"));
		}
		is_int(batch_item(copy, &in, &hops, &attempt), MP_EBAD, "a bad item");
		json_decref(copy);
	}
	buf_clear(&b);
	found = json_array();
	json_array_append_new(found, item);
	must(batch_write(&b, s1, s2->key, found, json_array(), json_array(), NOW));
	check_content("a batch", read_batch, &b, "packets acks decisions type to ");
	buf_clear(&b);
	must(batch_write(&b, s1, s1->key, NULL, NULL, NULL, NOW));
	o = parse(&b);
	is_int(read_batch(o), MP_EBAD, "a batch for another server is refused");
	json_decref(o);
	packet_free(&p);
	buf_free(&b);
}

static int read_answer(const json_t *o)
{
	enum result r[4];

	return batch_answer_read(r, 4, o);
}

static void test_answer(void)
{
	enum result r[4] = {RESULT_TAKEN, RESULT_SEEN, RESULT_FULL, RESULT_REFUSED}, back[4];
	json_t *o;

	must(batch_answer_write(&o, r, 4, NOW));
	check("a batch's answer", read_answer, o, "type results timestamp ");
	must(batch_answer_read(back, 4, o));
	ok(memcmp(r, back, sizeof(r)) == 0, "its results come back");
	is_int(batch_answer_read(back, 3, o), MP_EBAD, "not as many as asked: refused");
	json_decref(o);
}

static int read_report(const json_t *o)
{
	struct report r;
	int rc = report_read(&r, o);

	report_free(&r);
	return rc;
}

static int read_decision(const json_t *o)
{
	static struct decision d;

	return decision_read(&d, o);
}

static void test_decision(void)
{
	static struct decision d = {.n = 2, .final = VERDICT_BLACKLISTED, .time = NOW}, back;
	char name[ONION_TEXT], other[ONION_TEXT];
	json_t *o, *votes;
	static const char *const bad[] = {"", "blacklisted", "blacklisted.20777",
	    "blacklisted.20777.", "blacklisted.020777.x", "blacklisted..x", "greylisted.1.x",
	    "blacklisted.-1.x"};

	memset(d.about, 0, ONION_KEY);
	memcpy(d.about, s2->key, ONION_KEY);
	for (int i = 0; i < 2; i++) {
		memcpy(d.vote[i].about, d.about, ONION_KEY);
		d.vote[i].value = i == 0 ? VERDICT_BLACKLISTED : VERDICT_WHITELISTED;
		d.vote[i].window = 20777;
		must(vote_sign(&d.vote[i], i == 0 ? s1 : s2));
	}
	must(decision_write(&o, &d));
	check("a quorum decision", read_decision, o,
	    "type reported_server_id votes final_decision timestamp ");
	must(decision_read(&back, o));
	is_int((long long)back.n, 2, "its votes come back");
	votes = json_object_get(o, "votes");
	onion_encode(name, s1->key);
	onion_encode(other, s2->key);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		json_t *copy = json_deep_copy(o);

		json_object_set_new(json_object_get(copy, "votes"), name, json_string(bad[i]));
		is_int(read_decision(copy), MP_EBAD, bad[i]);
		json_decref(copy);
	}
	json_object_set(votes, other, json_object_get(votes, name));
	is_int(read_decision(o), MP_EBAD, "one's vote in another's name is refused");
	json_object_clear(votes);
	is_int(read_decision(o), MP_EBAD, "so is a decision without votes");
	json_decref(o);
}

static json_t *one_vote(const struct identity *by, enum verdict value, int64_t window)
{
	static struct decision d;
	json_t *o;

	d.n = 1;
	d.final = value;
	d.time = NOW;
	memcpy(d.about, s1->key, ONION_KEY);
	memcpy(d.vote[0].about, s1->key, ONION_KEY);
	d.vote[0].value = value;
	d.vote[0].window = window;
	must(vote_sign(&d.vote[0], by));
	must(decision_write(&o, &d));
	return o;
}

/* One of the two votes with the other's signature. */
static bool still_proves(struct report *r, const json_t *e, size_t i, int64_t oldest)
{
	json_t *copy = json_deep_copy(e), *list = json_object_get(copy, "votes"), *votes[2];
	const char *mine, *theirs;
	char name[ONION_TEXT], bad[200];
	bool proven;

	onion_encode(name, r->server);
	for (size_t k = 0; k < 2; k++)
		votes[k] = json_object_get(json_array_get(list, k), "votes");
	mine = json_string_value(json_object_get(votes[i], name));
	theirs = json_string_value(json_object_get(votes[1 - i], name));
	snprintf(bad, sizeof(bad), "%.*s%s", (int)(strrchr(mine, '.') - mine), mine,
	    strrchr(theirs, '.'));
	json_object_set_new(votes[i], name, json_string(bad));
	buf_clear(&r->evidence);
	must(json_write(&r->evidence, copy));
	proven = report_proves(r, oldest);
	json_decref(copy);
	return proven;
}

static bool proves(const struct identity *by, int64_t window, enum verdict second, int64_t oldest)
{
	struct report r = {.evidence = BUF_INIT(EVIDENCE_MAX)};
	json_t *e = json_pack("{s:[o,o]}", "votes", one_vote(by, VERDICT_BLACKLISTED, 100),
	    one_vote(by, second, window));
	bool proven;

	memcpy(r.server, s2->key, ONION_KEY);
	must(json_write(&r.evidence, e));
	proven = report_proves(&r, oldest);
	if (proven)
		for (size_t i = 0; i < 2; i++)
			ok(!still_proves(&r, e, i, oldest), "a wrong signature proves nothing");
	json_decref(e);
	report_free(&r);
	return proven;
}

static void test_report(void)
{
	struct report r = {.time = NOW, .evidence = BUF_INIT(EVIDENCE_MAX)};
	json_t *o;

	onion_encode(r.reporter, s1->key);
	memcpy(r.server, s2->key, ONION_KEY);
	must(buf_adds(&r.evidence, "it answers with nonsense"));
	must(report_write(&o, &r));
	check("a report", read_report, o, "reporter_id reported_server_id timestamp evidence ");
	json_object_set_new(o, "reporter_id", json_string("anonymous"));
	is_int(read_report(o), 0, "from nobody");
	must(field_set_bytes(o, "reporter_id", rsa_der(sign_a), RSA_DER));
	is_int(read_report(o), 0, "from a client");
	json_decref(o);
	ok(!report_proves(&r, 0), "text proves nothing");
	report_free(&r);
	ok(proves(s2, 100, VERDICT_WHITELISTED, 100), "two votes in one window prove something");
	ok(!proves(s2, 100, VERDICT_WHITELISTED, 101), "not for ever");
	ok(!proves(s2, 101, VERDICT_WHITELISTED, 0), "in two windows they do not");
	ok(!proves(s2, 100, VERDICT_BLACKLISTED, 0), "nor do two of one value");
	ok(!proves(s1, 100, VERDICT_WHITELISTED, 0), "nor somebody else's");
}

static int read_servers(const json_t *o)
{
	static struct servers s;

	return servers_read(&s, o);
}

static int read_load(const json_t *o)
{
	int64_t load;

	return load_read(&load, o);
}

static void test_servers(void)
{
	static struct servers s = {.n = 2, .time = NOW};
	char upper[ONION_TEXT];
	json_t *o;

	memcpy(s.server[0], s1->key, ONION_KEY);
	memcpy(s.server[1], s2->key, ONION_KEY);
	must(servers_request_write(&o, "anonymous", NOW));
	check("a server list request", servers_request_read, o, "type requester_id timestamp ");
	json_decref(o);
	must(servers_write(&o, &s));
	check("a server list response", read_servers, o, "type known_servers timestamp ");
	onion_encode(upper, s1->key);
	upper[0] = (char)(upper[0] & ~0x20);
	json_array_set_new(json_object_get(o, "known_servers"), 0,
	    json_string(upper[0] >= 'A' ? upper : "AAAA.onion"));
	is_int(read_servers(o), MP_EBAD, "a name in capitals is refused");
	json_array_set_new(json_object_get(o, "known_servers"), 0, json_integer(1));
	is_int(read_servers(o), MP_EBAD, "so is a number");
	json_decref(o);
	must(load_write(&o, 57, NOW));
	check("a load", read_load, o, "type load timestamp ");
	is_int(json_integer_value(json_object_get(o, "load")), 50, "tells tens only");
	json_object_set_new(o, "load", json_integer(55));
	is_int(read_load(o), MP_EBAD, "nothing finer is read");
	json_object_set_new(o, "load", json_integer(110));
	is_int(read_load(o), MP_EBAD, "nor more than 100");
	json_decref(o);
}

static int read_address(const json_t *o)
{
	static struct address a;

	return address_read(&a, o);
}

static void test_address(void)
{
	static struct address a = {.n = 1};
	json_t *o;

	memcpy(a.relay[0], s1->key, ONION_KEY);
	must(address_certify(&a, sign_a, enc_a));
	must(address_write(&o, &a));
	check("an address", read_address, o, "type address encryption certificate relays tokens ");
	must(field_set_bytes(o, "encryption", rsa_der(enc_b), RSA_DER));
	is_int(read_address(o), MP_EBAD, "another's encryption key is refused");
	json_decref(o);
	must(address_certify(&a, sign_a, sign_a));
	must(address_write(&o, &a));
	is_int(read_address(o), MP_EBAD, "so is one key for both");
	json_decref(o);
}

static void test_token(void)
{
	uint8_t secret[32] = {9}, t[TOKEN_KEY], u[TOKEN_KEY], mark[TOKEN_BYTES],
	        id[PACKET_ID] = {4};

	token_derive(t, secret, 20777, 1);
	token_derive(u, secret, 20777, 1);
	ok(memcmp(t, u, sizeof(t)) == 0, "both ends derive one token");
	token_derive(u, secret, 20777, 2);
	ok(memcmp(t, u, sizeof(t)) != 0, "the next is another");
	token_derive(u, secret, 20778, 1);
	ok(memcmp(t, u, sizeof(t)) != 0, "so is the next day's");
	token_mark(mark, t, id);
	is_int(token_check(mark, t, id), 0, "a mark is good");
	is_int(token_check(mark, u, id), MP_EBAD, "not by another token");
	id[0]++;
	is_int(token_check(mark, t, id), MP_EBAD, "nor for another packet");
	token_handle(u, t);
	ok(memcmp(u, mark, TOKEN_HANDLE) == 0, "the handle leads to the token");
}

int main(void)
{
	secret_init();
	must(rsa_new(&sign_a));
	must(rsa_new(&enc_a));
	must(rsa_new(&sign_b));
	must(rsa_new(&enc_b));
	must(identity_new(&s1));
	must(identity_new(&s2));
	test_packet();
	test_letter();
	test_signed();
	test_retrieval();
	test_contents();
	test_answer();
	test_decision();
	test_report();
	test_servers();
	test_address();
	test_token();
	rsa_free(sign_a);
	rsa_free(enc_a);
	rsa_free(sign_b);
	rsa_free(enc_b);
	identity_free(s1);
	identity_free(s2);
	return done();
}
