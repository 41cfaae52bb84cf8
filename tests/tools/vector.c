/*
 * vector FILE...: recomputes test vectors (tests/vectors/) with this library.  TAP on stdout.
 * Of the kind "chain": what a member says to a group.  All others are envelopes, and `expect` says
 * how far one may get:
 *   open       sealing its inputs gives it, it opens, and its message is legal
 *   proof      as open, but the initial-contact's proof is wrong
 *   malformed  it opens, but its message is refused
 *   refused    it does not open
 */
#include <sodium.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/onion.h"
#include "wire/card.h"
#include "wire/chain.h"
#include "wire/wire.h"
#include "tap.h"

struct vector {
	const char *name;
	json_t *json;
	struct identity *from, *to;
	uint8_t key[32], id[32], send[32], recv[32];
	struct buf envelope, body;
};

static const char *text(const struct vector *v, const char *key)
{
	const char *s = json_text(v->json, key);

	return s == NULL ? "" : s;
}

static int is(const struct vector *v, const char *got, const char *key)
{
	int good = strcmp(got, text(v, key)) == 0;

	ok(good, "%s: %s", v->name, key);
	if (!good)
		printf("# got %s, want %s\n", got, text(v, key));
	return good;
}

static void is_bytes(const struct vector *v, const uint8_t *got, size_t n, const char *key)
{
	char *hex = malloc(2 * n + 1);

	hex_encode(hex, got, n);
	is(v, hex, key);
	free(hex);
}

static void add_hex(struct buf *b, const char *hex)
{
	size_t n = strlen(hex) / 2;

	if (buf_reserve(b, n + 1) != 0 || hex_decode(b->data, n, hex) != 0)
		abort();
	b->len = n;
}

static struct identity *person(const struct vector *v, const char *key)
{
	struct identity *id;
	uint8_t seed[32];

	if (json_hex(v->json, key, seed, 32) != 0 || identity_from_seed(&id, seed) != 0)
		abort();
	return id;
}

static void check_keys(struct vector *v)
{
	char host[ONION_TEXT];

	onion_encode(host, v->from->key);
	is(v, host, "from_onion");
	onion_encode(host, v->to->key);
	is(v, host, "to_onion");
	if (strcmp(text(v, "kind"), "offer") == 0) {
		kdf_offer(v->send, v->key, v->id, v->to->key);
		memcpy(v->recv, v->send, 32);
	} else {
		uint8_t other[32];

		kdf_pair(v->send, other, v->from, v->to->key, v->key, v->id);
		kdf_pair(other, v->recv, v->to, v->from->key, v->key, v->id);
	}
	is_bytes(v, v->send, 32, "seal_key");
	is_bytes(v, v->recv, 32, "seal_key");
}

/* What only the manual's example has. */
static void check_card(const struct vector *v)
{
	char line[CARD_TEXT], pin[ONION_PIN], print[FINGERPRINT_TEXT];
	uint8_t offer[32];
	struct card c = {0};

	c.expires = 1000 * json_integer_value(json_object_get(v->json, "expires"));
	memcpy(c.id, v->id, 32);
	memcpy(c.key, v->key, 32);
	memcpy(c.onion, v->to->key, 32);
	card_encode(line, &c);
	is(v, line, "card");
	onion_pin(pin, v->to->key);
	is(v, pin, "pin");
	fingerprint(print, v->from->key, v->to->key, v->id);
	is(v, print, "fingerprint");
	kdf_offer(offer, v->key, v->id, v->to->key);
	is_bytes(v, offer, 32, "offer_key");
}

static void check_rekey(const struct vector *v)
{
	uint8_t secret[2][32], half[2][32], next[32], send[32], recv[32];
	int64_t epoch;

	if (json_hex(v->json, "rekey_secret_from", secret[0], 32) != 0 ||
	    json_hex(v->json, "rekey_secret_to", secret[1], 32) != 0 ||
	    json_int(v->json, "epoch", 1, INT64_MAX, &epoch) != 0)
		abort();
	kdf_rekey_public(half[0], secret[0]);
	is_bytes(v, half[0], 32, "rekey_half_from");
	kdf_rekey_public(half[1], secret[1]);
	is_bytes(v, half[1], 32, "rekey_half_to");
	for (int i = 0; i < 2; i++) {
		is_int(kdf_rekey(next, v->key, v->id, epoch, secret[i], half[!i]), 0, "rekeyed");
		is_bytes(v, next, 32, "rekey_key");
	}
	kdf_pair(send, recv, v->from, v->to->key, next, v->id);
	is_bytes(v, send, 32, "rekey_seal_key");
}

static void check_seal(const struct vector *v)
{
	struct buf out = BUF_INIT(ENVELOPE_MAX);
	uint8_t iv[12];
	const char *header = text(v, "header");

	if (json_hex(v->json, "iv", iv, 12) != 0)
		abort();
	is_int(envelope_seal_iv(
	           &out, iv, v->send, v->id, header, strlen(header), v->body.data, v->body.len),
	    0, "sealed");
	is_bytes(v, out.data, out.len, "envelope");
	buf_free(&out);
}

static void check_message(const struct vector *v, const struct envelope *e)
{
	int malformed = strcmp(text(v, "expect"), "malformed") == 0;
	int forged = strcmp(text(v, "expect"), "proof") == 0;
	uint8_t send[32], recv[32], proof[32];
	struct wire w;

	is_int(wire_decode(&w, e), malformed ? MP_EBAD : 0, "its message");
	if (malformed)
		return;
	if (w.type == WIRE_INITIAL_CONTACT) {
		kdf_pair(send, recv, v->to, w.u.initial.sender, v->key, v->id);
		kdf_proof(proof, recv, w.id);
		is_int(memcmp(proof, w.u.initial.proof, 32) != 0, forged, "its proof");
	}
	wire_free(&w);
}

static void check_open(const struct vector *v)
{
	int refused = strcmp(text(v, "expect"), "refused") == 0;
	struct buf plain = BUF_INIT(ENVELOPE_MAX);
	struct envelope e;

	is_int(envelope_open(&e, &plain, v->envelope.data, v->envelope.len, v->recv, v->id),
	    refused ? MP_EBAD : 0, text(v, "about"));
	if (!refused) {
		const char *header = text(v, "header");

		ok(e.hlen == strlen(header) && memcmp(e.header, header, e.hlen) == 0, "its header");
		ok(e.blen == v->body.len &&
		        (e.blen == 0 || memcmp(e.body, v->body.data, e.blen) == 0),
		    "its body");
		check_message(v, &e);
	}
	buf_free(&plain);
}

static void need_hex(const json_t *o, const char *key, uint8_t *out, size_t n)
{
	if (json_hex(o, key, out, n) != 0)
		abort();
}

static void check_link(struct vector *v, const json_t *link, uint8_t h[static 32],
    const uint8_t group[static 32], const uint8_t sender[static 32])
{
	uint8_t content[32], want[32], transfer[MESSAGE_ID], sha256[32];
	const char *body = json_text(link, "body");
	int64_t n, size;

	if (json_int(link, "n", 1, INT64_C(1) << 53, &n) != 0)
		abort();
	if (body != NULL) {
		v->body.len = 0;
		add_hex(&v->body, body);
		chain_content_message(content, v->body.data, v->body.len);
	} else {
		if (json_int(link, "size", 0, INT64_C(1) << 53, &size) != 0)
			abort();
		need_hex(link, "transfer", transfer, sizeof(transfer));
		need_hex(link, "sha256", sha256, 32);
		chain_content_file(content, transfer, size, sha256, json_text(link, "name"));
	}
	need_hex(link, "content", want, 32);
	ok(memcmp(content, want, 32) == 0, "%s: content of %lld", v->name, (long long)n);
	chain_next(h, h, group, sender, n, content);
	need_hex(link, "h", want, 32);
	ok(memcmp(h, want, 32) == 0, "%s: h of %lld", v->name, (long long)n);
}

static void check_chain(struct vector *v)
{
	const json_t *onions = json_object_get(v->json, "onions"), *link;
	uint8_t group[32], sender[32], h[32], all[64][32], members[32];
	size_t n = json_array_size(onions), i;

	need_hex(v->json, "group", group, 32);
	need_hex(v->json, "sender", sender, 32);
	need_hex(v->json, "before", h, 32);
	for (i = 0; i < n && i < 64; i++)
		if (hex_decode(all[i], 32, json_string_value(json_array_get(onions, i))) != 0)
			abort();
	chain_members(members, group, (const uint8_t(*)[32])all, n);
	is_bytes(v, members, 32, "members");
	json_array_foreach(json_object_get(v->json, "links"), i, link)
	{
		check_link(v, link, h, group, sender);
	}
}

static void check(const char *path)
{
	struct buf file = BUF_INIT(8u << 20);
	struct vector v = {
	    .name = path, .envelope = BUF_INIT(ENVELOPE_MAX), .body = BUF_INIT(ENVELOPE_MAX)};

	if (file_read(path, &file) != 0 ||
	    json_read(&v.json, (const char *)file.data, file.len) != 0) {
		ok(0, "%s: %s", path, err_detail());
		goto out;
	}
	if (strcmp(text(&v, "kind"), "chain") == 0) {
		check_chain(&v);
		goto out;
	}
	need_hex(v.json, "key", v.key, 32);
	need_hex(v.json, "contact_id", v.id, 32);
	v.from = person(&v, "from_seed");
	v.to = person(&v, "to_seed");
	add_hex(&v.envelope, text(&v, "envelope"));
	add_hex(&v.body, text(&v, "body"));
	check_keys(&v);
	if (json_text(v.json, "card") != NULL)
		check_card(&v);
	if (json_text(v.json, "rekey_key") != NULL)
		check_rekey(&v);
	if (strcmp(text(&v, "expect"), "refused") != 0)
		check_seal(&v);
	check_open(&v);
out:
	json_decref(v.json);
	identity_free(v.from);
	identity_free(v.to);
	buf_free(&v.envelope);
	buf_free(&v.body);
	buf_free(&file);
}

int main(int argc, char **argv)
{
	secret_init();
	for (int i = 1; i < argc; i++)
		check(argv[i]);
	return done();
}
