/* Lines to text and back; what is no line; what a signature covers. */
#include "base/err.h"
#include "base/json.h"
#include "base/secret.h"
#include "otr/line.h"
#include "tap.h"

#include <sodium.h>

static void fill(struct otr_line *l, enum otr_type t)
{
	uint8_t secret[P256_SECRET];

	otr_line_init(l);
	l->type = t;
	strcpy(l->room, "ops");
	strcpy(l->server, "Example.onion:80");
	strcpy(l->nick, "alice");
	l->time = 1700000000000;
	l->life = 3600000;
	l->n = 7;
	l->why = 1;
	randombytes_buf(l->nonce, 32);
	randombytes_buf(l->sid, 32);
	randombytes_buf(l->from, 16);
	randombytes_buf(l->hash, 32);
	randombytes_buf(l->commitment, 32);
	randombytes_buf(l->iv, 16);
	if (p256_generate(l->secret, l->key) != MP_OK ||
	    p256_generate(secret, l->long_key) != MP_OK ||
	    p256_generate(secret, l->ephemeral) != MP_OK || buf_reserve(&l->data, 49 * 48) != MP_OK)
		abort();
	l->data.len = 49 * 16 * 4; /* a number of items of every size */
	if (t == OTR_KEYS || t == OTR_CHECK)
		l->data.len = 16 * 3;
	randombytes_buf(l->data.data, l->data.len);
}

static int read_text(const char *text)
{
	struct otr_line l;
	int r;

	otr_line_init(&l);
	r = otr_line_read(&l, text, strlen(text));
	otr_line_free(&l);
	return r;
}

static int write_json(char **text, json_t *o)
{
	struct buf out = BUF_INIT(100000);
	int r = json_write(&out, o);

	if (r == MP_OK)
		r = buf_terminate(&out);
	*text = (char *)out.data;
	return r;
}

/* Without a field, with another one, with one of the wrong kind. */
static void test_fields(enum otr_type t, const struct buf *text)
{
	json_t *o, *copy, *v;
	const char *key;
	unsigned good = 0, all = 0;
	char *s;

	if (json_read(&o, (const char *)text->data, text->len) != MP_OK)
		abort();
	json_object_foreach(o, key, v)
	{
		static const char *const wrong[] = {"", "=", "AAAA", "A\001", "_/"};

		for (size_t i = 0; i < 8; i++) {
			copy = json_deep_copy(o);
			if (i == 0)
				json_object_del(copy, key);
			else if (i == 1)
				json_object_set_new(copy, key, json_null());
			else if (i == 2)
				json_object_set_new(copy, key, json_integer(-1));
			else
				json_object_set_new(copy, key, json_string(wrong[i - 3]));
			/* A room without a server, a room of any name, a short ciphertext. */
			if (write_json(&s, copy) != MP_OK)
				abort();
			all++;
			good += read_text(s) == MP_EBAD ||
			        (t == OTR_HELLO && (i == 3 || i == 5) &&
			            (strcmp(key, "server") == 0 || strcmp(key, "room") == 0)) ||
			        (t == OTR_MESSAGE && i == 5 && strcmp(key, "ciphertext") == 0);
			free(s);
			json_decref(copy);
		}
	}
	is_int(good, all, "each field must be there and of its kind");
	json_object_set_new(o, "more", json_integer(1));
	if (write_json(&s, o) != MP_OK)
		abort();
	is_int(read_text(s), MP_EBAD, "and there is no other");
	free(s);
	json_decref(o);
}

static void test_type(enum otr_type t)
{
	struct buf text = BUF_INIT(OTR_LINE_MAX), again = BUF_INIT(OTR_LINE_MAX);
	uint8_t secret[P256_SECRET], key[P256_PUBLIC], a[64], b[64];
	struct otr_line l, back;

	fill(&l, t);
	otr_line_init(&back);
	is_int(p256_generate(secret, key), 0, otr_type_name(t));
	is_int(otr_line_sign(&l, secret), 0, "signed");
	is_int(otr_line_write(&text, &l), 0, "written");
	is_int(otr_line_read(&back, (char *)text.data, text.len), 0, "read");
	is_int(otr_line_write(&again, &back), 0, "written again");
	ok(text.len == again.len && memcmp(text.data, again.data, text.len) == 0, "is the same");
	is_int(otr_line_hash(a, &l), 0, "hashed");
	is_int(otr_line_hash(b, &back), 0, "what came back too");
	ok(memcmp(a, b, 64) == 0, "is the same");
	if (t != OTR_HELLO && t != OTR_KEYS && t != OTR_PUBLISH) {
		is_int(otr_line_verify(&back, key), 0, "the signature holds");
		back.sid[0] ^= 1;
		is_int(otr_line_verify(&back, key), MP_EBAD, "not in another session");
		back.sid[0] ^= 1;
		back.from[0] ^= 1;
		is_int(otr_line_verify(&back, key), MP_EBAD, "not from another");
		back.from[0] ^= 1;
		back.type = t == OTR_ECHO ? OTR_DIGEST : OTR_ECHO;
		is_int(otr_line_verify(&back, key), MP_EBAD, "not as another type");
	}
	test_fields(t, &text);
	otr_line_free(&l);
	otr_line_free(&back);
	buf_free(&text);
	buf_free(&again);
}

/* The longest line of each type fits into a message of any transport. */
static void test_longest(void)
{
	struct buf text = BUF_INIT(OTR_LINE_MAX);
	struct otr_line l;

	fill(&l, OTR_MESSAGE);
	if (buf_reserve(&l.data, OTR_CIPHERTEXT - l.data.len) != MP_OK)
		abort();
	l.data.len = OTR_CIPHERTEXT;
	is_int(otr_line_write(&text, &l), 0, "the longest message is a line");
	is_int(otr_line_read(&l, (char *)text.data, OTR_LINE_MAX + 1), MP_ELIMIT,
	    "a longer one is none");
	otr_line_free(&l);
	buf_free(&text);
}

int main(void)
{
	secret_init();
	for (int t = 0; t < OTR_TYPES; t++)
		test_type((enum otr_type)t);
	test_longest();
	return done();
}
