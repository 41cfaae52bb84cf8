/*
 * Introductions, groups and additions on the wire: each type's fields, missing, wrong and out of
 * bounds, in both directions and in records.
 */
#include <sodium.h>

#include "base/err.h"
#include "base/text.h"
#include "crypto/onion.h"
#include "wire/wire.h"
#include "tap.h"

#define H8 "0123456789abcdef"
#define H16 "\"" H8 H8 "\""
#define H32 "\"" H8 H8 H8 H8 "\""
#define H112 "\"" H8 H8 H8 H8 H8 H8 H8 H8 H8 H8 H8 H8 H8 H8 "\""
#define MOST "9007199254740992" /* 2^53 */

enum kind { HEX, INT, WORD, PEOPLE, CONTACTS, TEXT };

struct field {
	const char *key;
	enum kind kind;
	const char *good; /* JSON; of lists "FIRST-LAST" */
	bool may;         /* be absent */
	const char *words;
	int64_t least, most; /* numbers; how many in a list */
	bool named;
};

/* clang-format off */
#define INTRODUCTION {"introduction", HEX, H16, .may = false}
#define GROUP {"group", HEX, H32, .may = false}
#define ADDITION {"addition", HEX, H16, .may = false}
#define NAME {"name", TEXT, "\"the \\\"band\\\"\"", .may = true}
static const struct {
	enum wire_type type;
	struct field f[8];
} types[] = {
    {WIRE_INTRODUCTION_REQUEST, {INTRODUCTION, {"people", PEOPLE, "0-2", .least = 2, .most = 32, .named = true}}},
    {WIRE_INTRODUCTION_RESPONSE, {INTRODUCTION, {"answer", WORD, "\"decline\"", .words = "accept decline"}}},
    {WIRE_INTRODUCTION_STATUS_REQUEST, {INTRODUCTION, {"seen", WORD, "\"initiated\"", .may = true, .words = "initiated cancelled"}}},
    {WIRE_INTRODUCTION_STATUS_RESPONSE, {INTRODUCTION, {"status", WORD, "\"accepted\"", .words = "pending accepted initiated cancelled"}}},
    {WIRE_INTRODUCTION_CONTACTS, {INTRODUCTION, {"contacts", CONTACTS, "0-2", .least = 1, .most = 31}}},
    {WIRE_INTRODUCTION_ACKNOWLEDGEMENT, {{"round", INT, "255", .most = 255}, {"number", HEX, H32, .may = false}, {"key", HEX, H32, .may = false}}},
    {WIRE_TEMPORARY_CONTACT_UPDATE, {{"round", INT, "0", .most = 255}, {"sealed", HEX, H112, .may = false}}},
    {WIRE_INTRODUCTION_PETITION, {INTRODUCTION, GROUP, {"addition", HEX, H16, .may = true}, {"people", PEOPLE, "0-0", .least = 1, .most = 31}}},
    {WIRE_INTRODUCTION_PETITION_DECLINATION, {INTRODUCTION}},
    {WIRE_GROUP_CHAT_REQUEST, {GROUP, NAME, {"people", PEOPLE, "0-1", .least = 2, .most = 32, .named = true}}},
    {WIRE_GROUP_CHAT_RESPONSE, {GROUP, {"answer", WORD, "\"accept\"", .words = "accept decline"}}},
    {WIRE_GROUP_CHAT_STATUS_REQUEST, {GROUP, {"seen", WORD, "\"accepted\"", .may = true, .words = "accepted cancelled"}}},
    {WIRE_GROUP_CHAT_STATUS_RESPONSE, {GROUP, {"status", WORD, "\"pending\"", .words = "pending accepted cancelled"}}},
    {WIRE_GROUP_ADDITION_REQUEST, {GROUP, ADDITION, {"base", HEX, H32, .may = false}, NAME,
        {"people", PEOPLE, "0-1", .least = 1, .most = 31, .named = true}, {"prospective", PEOPLE, "40-40", .least = 1, .most = 30, .named = true}}},
    {WIRE_GROUP_ADDITION_RESPONSE, {GROUP, ADDITION, {"answer", WORD, "\"busy\"", .words = "accept decline busy"}}},
    {WIRE_GROUP_ADDITION_STATUS_REQUEST, {GROUP, ADDITION, {"seen", WORD, "\"cancelled\"", .may = true, .words = "accepted cancelled"}}},
    {WIRE_GROUP_ADDITION_STATUS_RESPONSE, {GROUP, ADDITION, {"status", WORD, "\"accepted\"", .words = "accepted"},
        {"people", PEOPLE, "0-3", .may = true, .least = 1, .most = 32}}},
    {WIRE_NOTICE_OF_GROUP_EXIT, {GROUP, {"n", INT, MOST, .most = INT64_C(1) << 53}}},
    {WIRE_GROUP_RESEND_REQUEST, {GROUP, {"first", INT, "7", .least = 1, .most = 8}, {"last", INT, "8", .least = 7, .most = 1030}}},
};
/* clang-format on */
#define TYPES (sizeof(types) / sizeof(types[0]))
#define ADDRESSES 80

static char address[ADDRESSES][ONION_TEXT];
static uint8_t onion[ADDRESSES][32];

static void addresses(void)
{
	uint8_t seed[32] = {0}, secret[64];

	for (int i = 0; i < ADDRESSES; i++) {
		seed[0] = (uint8_t)i;
		crypto_sign_seed_keypair(onion[i], secret, seed);
		onion_encode(address[i], onion[i]);
	}
}

/* The good value, a list written out; lists are of those from..to. */
static void add_list(struct buf *b, const struct field *f, int from, int to, bool named)
{
	buf_addc(b, '[');
	for (int i = from; i <= to; i++) {
		buf_addf(b, "%s{\"onion\":\"%s\"", i == from ? "" : ",", address[i]);
		if (f->kind == CONTACTS)
			buf_adds(b, ",\"id\":" H32 ",\"key\":" H32);
		if (named && i != from) /* one without */
			buf_addf(b, ",\"nickname\":\"n %d\"", i);
		buf_addc(b, '}');
	}
	buf_addc(b, ']');
}

static void add_good(struct buf *b, const struct field *f)
{
	int from, to;

	buf_addf(b, ",\"%s\":", f->key);
	if ((f->kind == PEOPLE || f->kind == CONTACTS) && sscanf(f->good, "%d-%d", &from, &to) == 2)
		add_list(b, f, from, to, f->named);
	else
		buf_adds(b, f->good);
}

static void add_head(struct buf *b, enum wire_type t)
{
	buf_clear(b);
	buf_addf(b, "{\"type\":\"%s\",\"id\":" H16 ",\"time\":\"2026-11-20T10:16:34.123Z\"",
	    wire_type_name(t));
}

/* The type's header, but with `instead` (NULL: nothing) as the value of the field at `at`. */
static void header(struct buf *b, size_t k, int at, const char *instead)
{
	add_head(b, types[k].type);
	for (int i = 0; types[k].f[i].key != NULL; i++) {
		if (i != at)
			add_good(b, &types[k].f[i]);
		else if (instead != NULL)
			buf_addf(b, ",\"%s\":%s", types[k].f[i].key, instead);
	}
	buf_addc(b, '}');
}

static int decode(struct wire *w, const struct buf *b, size_t blen)
{
	struct envelope e = {
	    .header = b->data, .hlen = b->len, .body = (const uint8_t *)"x", .blen = blen};

	return wire_decode(w, &e);
}

static int decodes(const struct buf *b)
{
	struct wire w;
	int r = decode(&w, b, 0);

	if (r == 0)
		wire_free(&w);
	else if (w.json != NULL || err_detail()[0] == '\0')
		return 1; /* not as it should */
	return r;
}

static void same(const struct buf *got, const struct buf *want, const char *what)
{
	if (!ok(got->len == want->len && memcmp(got->data, want->data, got->len) == 0, "%s", what))
		printf("# got %.*s\n# want %.*s\n", (int)got->len, (char *)got->data,
		    (int)want->len, (char *)want->data);
}

static void round_trip(const struct buf *b, const char *what)
{
	struct buf again = BUF_INIT(65536);
	struct wire w;

	if (!is_int(decode(&w, b, 0), 0, what))
		printf("# %s\n", err_detail());
	is_int(wire_encode(&again, &w), 0, "encoded again");
	same(&again, b, "is the same");
	wire_free(&w);
	buf_free(&again);
}

static void check_words(struct buf *b, size_t k, int at)
{
	static const char *const words[] = {"accept", "decline", "busy", "pending", "accepted",
	    "initiated", "cancelled", "Accepted", "none", "", "accept "};
	char allowed[80], one[40], json[40];
	int wrong = 0;

	snprintf(allowed, sizeof(allowed), " %s ", types[k].f[at].words);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(one, sizeof(one), " %s ", words[i]);
		snprintf(json, sizeof(json), "\"%s\"", words[i]);
		header(b, k, at, json);
		wrong += decodes(b) != (strstr(allowed, one) != NULL ? 0 : MP_EBAD);
	}
	is_int(wrong, 0, "its words and no other");
}

static void check_hex(struct buf *b, size_t k, int at)
{
	const char *good = types[k].f[at].good;
	size_t n = strlen(good);
	char json[300];
	int wrong = 0;

	for (int i = 0; i < 4; i++) {
		snprintf(json, sizeof(json), "%s", good);
		if (i == 0)
			json[11] = 'A'; /* capital */
		else if (i == 1)
			json[1] = 'g';
		else if (i == 2)
			snprintf(json + n - 3, sizeof(json) - n, "\""); /* a byte less */
		else
			snprintf(json + n - 1, sizeof(json) - n, "00\"");
		header(b, k, at, json);
		wrong += decodes(b) != MP_EBAD;
	}
	is_int(wrong, 0, "only so many digits of hex, in small letters");
}

static void check_int(struct buf *b, size_t k, int at)
{
	const struct field *f = &types[k].f[at];
	static const char *const never[] = {"1.0", "\"1\"", "-1", "true", "9007199254740993"};
	char json[40];
	int wrong = 0;

	for (int i = 0; i < 4; i++) {
		int64_t v = i < 2 ? f->least - (i == 0) : f->most + (i == 3);

		snprintf(json, sizeof(json), "%lld", (long long)v);
		header(b, k, at, json);
		wrong += decodes(b) != (i == 0 || i == 3 ? MP_EBAD : 0);
	}
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		header(b, k, at, never[i]);
		wrong += decodes(b) != MP_EBAD;
	}
	is_int(wrong, 0, "from its least to its most, and integers only");
}

/* With these in the place of what follows the address of the second, or of the address. */
static int member(
    struct buf *b, struct buf *list, size_t k, int at, const char *host, const char *rest)
{
	const struct field *f = &types[k].f[at];
	int first = atoi(f->good);

	buf_clear(list);
	add_list(list, f, first, first, false);
	list->len--;
	buf_addf(list, ",%s%s%s", host == NULL ? "{" : "{\"onion\":\"", host == NULL ? "" : host,
	    host == NULL ? "" : "\"");
	buf_addf(list, "%s}]", rest);
	buf_terminate(list);
	header(b, k, at, (char *)list->data);
	return decodes(b);
}

static void check_members(struct buf *b, struct buf *list, size_t k, int at)
{
	const struct field *f = &types[k].f[at];
	static const char *const keys = ",\"id\":" H32 ",\"key\":" H32;
	const char *rest = f->kind == CONTACTS ? keys : "";
	int first = atoi(f->good);
	char host[ONION_TEXT];
	int wrong = member(b, list, k, at, address[70], rest) != 0;

	wrong += member(b, list, k, at, address[first], rest) != MP_EBAD; /* twice */
	snprintf(host, sizeof(host), "%s", address[70]);
	host[0] = (char)(host[0] - 32);
	wrong += member(b, list, k, at, host, rest) != MP_EBAD; /* a capital, or another digit */
	snprintf(host, sizeof(host), "%.56s", address[70]);
	wrong += member(b, list, k, at, host, rest) != MP_EBAD; /* without .onion */
	wrong += member(b, list, k, at, "", rest) != MP_EBAD;
	wrong += member(b, list, k, at, NULL, "\"onion\":7") != MP_EBAD;
	wrong += member(b, list, k, at, NULL, "\"nickname\":\"x\"") != MP_EBAD;
	if (f->kind == CONTACTS) {
		wrong += member(b, list, k, at, address[70], ",\"id\":" H32) != MP_EBAD;
		wrong += member(b, list, k, at, address[70], ",\"key\":" H32) != MP_EBAD;
		wrong +=
		    member(b, list, k, at, address[70], ",\"id\":" H16 ",\"key\":" H32) != MP_EBAD;
		wrong +=
		    member(b, list, k, at, address[70], ",\"id\":" H32 ",\"key\":7") != MP_EBAD;
	}
	is_int(wrong, 0, "its members' fields");
}

static void check_nicknames(struct buf *b, struct buf *list, size_t k, int at)
{
	static const char *const bad[] = {"7", "null", "\"\"", "\"a\\nb\"", "\"\\u202e\"",
	    "\"0123456789012345678901234567890123456789012345678901234567890123x\""};
	const int want = types[k].f[at].named ? MP_EBAD : 0; /* ignored where there are none */
	char rest[100];
	int wrong = member(b, list, k, at, address[70], ",\"nickname\":\"ann\"") != 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(rest, sizeof(rest), ",\"nickname\":%s", bad[i]);
		wrong += member(b, list, k, at, address[70], rest) != want;
	}
	is_int(wrong, 0, "its nicknames");
}

static void check_list(struct buf *b, size_t k, int at)
{
	const struct field *f = &types[k].f[at];
	static const char *const never[] = {
	    "[]", "{}", "\"x\"", "7", "[7]", "[null,null]", "[[],[]]", "{\"onion\":\"x\"}"};
	struct buf list = BUF_INIT(65536);
	int first = atoi(f->good), wrong = 0;

	for (int n = (int)f->least - 1; n <= (int)f->most + 1; n++) {
		buf_clear(&list);
		add_list(&list, f, first, first + n - 1, f->named);
		buf_terminate(&list);
		header(b, k, at, (char *)list.data);
		wrong += decodes(b) != (n < (int)f->least || n > (int)f->most ? MP_EBAD : 0);
	}
	is_int(wrong, 0, "as many as it may have");
	wrong = 0;
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		header(b, k, at, never[i]);
		wrong += decodes(b) != MP_EBAD;
	}
	is_int(wrong, 0, "and a list only");
	if (f->most >= 2)
		check_members(b, &list, k, at);
	if (f->kind == PEOPLE)
		check_nicknames(b, &list, k, at);
	buf_free(&list);
}

static void check_text(struct buf *b, size_t k, int at)
{
	static const char *const bad[] = {"7", "\"\"", "\"a\\tb\"", "\"\\u2028\"", "\"\\u009b\"",
	    "\"0123456789012345678901234567890123456789012345678901234567890123x\""};
	int wrong = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		header(b, k, at, bad[i]);
		wrong += decodes(b) != MP_EBAD;
	}
	header(b, k, at, "\"0123456789012345678901234567890123456789012345678901234567890123\"");
	is_int(wrong + decodes(b), 0, "a text of 1 to 64 bytes");
}

static void check_field(struct buf *b, size_t k, int at)
{
	const struct field *f = &types[k].f[at];

	printf("# its '%s'\n", f->key);
	header(b, k, at, NULL);
	if (f->may)
		round_trip(b, "optional");
	else
		is_int(decodes(b), MP_EBAD, "it cannot be absent");
	header(b, k, at, "null");
	is_int(decodes(b), MP_EBAD, "nor null");
	header(b, k, at, f->kind == PEOPLE || f->kind == CONTACTS ? "{}" : "[]");
	is_int(decodes(b), MP_EBAD, "nor of another type");
	switch (f->kind) {
	case HEX:
		check_hex(b, k, at);
		break;
	case INT:
		check_int(b, k, at);
		break;
	case WORD:
		check_words(b, k, at);
		break;
	case PEOPLE:
	case CONTACTS:
		check_list(b, k, at);
		break;
	case TEXT:
		check_text(b, k, at);
		break;
	}
}

/* The fields that no record has. */
static bool secret(const char *key)
{
	return strcmp(key, "contacts") == 0 || strcmp(key, "number") == 0 ||
	       strcmp(key, "key") == 0 || strcmp(key, "sealed") == 0;
}

/* As a record: {} with the fields, but without the one at `at`. */
static void record(struct buf *b, size_t k, int at)
{
	buf_clear(b);
	for (int i = 0; types[k].f[i].key != NULL; i++)
		if (i != at && !secret(types[k].f[i].key))
			add_good(b, &types[k].f[i]);
	if (b->len == 0)
		buf_addc(b, ' ');
	b->data[0] = '{';
	buf_addc(b, '}');
}

static void check_record(struct buf *b, size_t k)
{
	struct buf want = BUF_INIT(65536), got = BUF_INIT(65536);
	struct wire w;
	int wrong = 0;

	header(b, k, -1, NULL);
	is_int(decode(&w, b, 0), 0, "decoded");
	record(&want, k, -1);
	is_int(wire_to_body(&got, &w), 0, "as a record");
	same(&got, &want, "it has the fields that are no secret");
	wire_free(&w);
	is_int(wire_from_body(&w, types[k].type, (char *)want.data, want.len), 0, "read again");
	buf_clear(&got);
	is_int(wire_to_body(&got, &w), 0, "and written");
	same(&got, &want, "it is the same");
	ok(w.u.plan.nkeys == 0 && sodium_is_zero(w.u.plan.number, 32) &&
	        sodium_is_zero(w.u.plan.key, 32) && sodium_is_zero(w.u.plan.sealed, PLAN_SEALED),
	    "secrets are zero");
	wire_free(&w);
	for (int i = 0; types[k].f[i].key != NULL; i++) {
		const struct field *f = &types[k].f[i];

		record(b, k, i);
		if (!secret(f->key) && !f->may &&
		    wire_from_body(&w, types[k].type, (char *)b->data, b->len) != MP_EBAD)
			wrong++;
	}
	is_int(wrong, 0, "none of them can be absent");
	buf_free(&want);
	buf_free(&got);
}

static void test_types(void)
{
	struct buf b = BUF_INIT(65536);
	struct wire w;
	bool seen[WIRE_TYPES] = {false};

	for (size_t k = 0; k < TYPES; k++) {
		printf("# %s\n", wire_type_name(types[k].type));
		seen[types[k].type] = true;
		header(&b, k, -1, NULL);
		round_trip(&b, "a good one");
		is_int(decode(&w, &b, 1), MP_EBAD, "with a body it is none");
		b.len--;
		buf_adds(&b, ",\"colour\":[{\"onion\":1}]}");
		is_int(decodes(&b), 0, "what is not known is ignored");
		for (int i = 0; types[k].f[i].key != NULL; i++)
			check_field(&b, k, i);
		check_record(&b, k);
	}
	for (int t = WIRE_PING + 1; t < WIRE_TYPES; t++)
		ok(seen[t] || !wire_is_plan((enum wire_type)t), "%s was tested",
		    wire_type_name((enum wire_type)t));
	buf_free(&b);
}

/* The two lists of an addition are one membership. */
static void test_addition(void)
{
	struct wire w = {.type = WIRE_GROUP_ADDITION_REQUEST, .time = 1};
	struct wire_plan *p = &w.u.plan;
	struct buf out = BUF_INIT(65536);
	int wrong = 0;

	for (size_t m = 1; m <= 31; m++)
		for (size_t n = 1; n <= 31; n++) {
			buf_clear(&out);
			p->people.n = m;
			p->prospective.n = n;
			for (size_t i = 0; i < m; i++)
				memcpy(p->people.person[i].onion, onion[i], 32);
			for (size_t i = 0; i < n; i++)
				memcpy(p->prospective.person[i].onion, onion[40 + i], 32);
			wrong += wire_encode(&out, &w) != (m + n <= 32 ? 0 : MP_EBAD);
			if (m + n == 32)
				wrong += decodes(&out) != 0;
		}
	is_int(wrong, 0, "at most 32 together");
	p->people.n = 3;
	p->prospective.n = 2;
	memcpy(p->prospective.person[1].onion, onion[2], 32);
	is_int(wire_encode(&out, &w), MP_EBAD, "nobody is a member and prospective");
	buf_clear(&out);
	memcpy(p->prospective.person[1].onion, onion[40], 32);
	is_int(wire_encode(&out, &w), MP_EBAD, "nor prospective twice");
	buf_free(&out);
}

static void test_members_later(void)
{
	static const char *const words[] = {"pending", "cancelled"};
	struct buf b = BUF_INIT(65536);
	const struct field people = {"people", PEOPLE, "0-1", .may = true};

	for (int i = 0; i < 2; i++) {
		add_head(&b, WIRE_GROUP_ADDITION_STATUS_RESPONSE);
		buf_addf(&b, ",\"group\":" H32 ",\"addition\":" H16 ",\"status\":\"%s\"", words[i]);
		add_good(&b, &people);
		buf_addc(&b, '}');
		is_int(decodes(&b), MP_EBAD, "only an accepted addition has members");
		add_head(&b, WIRE_GROUP_ADDITION_STATUS_RESPONSE);
		buf_addf(
		    &b, ",\"group\":" H32 ",\"addition\":" H16 ",\"status\":\"%s\"}", words[i]);
		round_trip(&b, words[i]);
	}
	buf_free(&b);
}

static void range(int64_t first, int64_t last, int want, const char *what)
{
	struct wire w = {.type = WIRE_GROUP_RESEND_REQUEST, .time = 1};
	struct buf out = BUF_INIT(4096), b = BUF_INIT(4096);

	w.u.plan.first = first;
	w.u.plan.last = last;
	is_int(wire_encode(&out, &w), want, what);
	add_head(&b, w.type);
	buf_addf(&b, ",\"group\":" H32 ",\"first\":%lld,\"last\":%lld}", (long long)first,
	    (long long)last);
	is_int(decodes(&b), want, "and in the other direction");
	buf_free(&out);
	buf_free(&b);
}

static void test_range(void)
{
	const int64_t most = INT64_C(1) << 53;

	range(1, 1, 0, "one message");
	range(1, 1024, 0, "1024 of them");
	range(1, 1025, MP_EBAD, "one more");
	range(2, 1, MP_EBAD, "backwards");
	range(0, 1, MP_EBAD, "from the one before the first");
	range(most - 1023, most, 0, "the last that there can be");
	range(most, most + 1, MP_EBAD, "behind it");
	range(INT64_MIN, INT64_MAX, MP_EBAD, "everything");
}

static void refused(struct wire *w, const char *what)
{
	struct buf out = BUF_INIT(65536);

	is_int(wire_encode(&out, w), MP_EBAD, what);
	is_int((long long)out.len, 0, "nothing written");
	buf_free(&out);
}

/* What decoding refuses is not sent either. */
static void test_sending(void)
{
	struct wire w = {.type = WIRE_INTRODUCTION_RESPONSE, .time = 1};
	struct wire_plan *p = &w.u.plan;
	struct buf out = BUF_INIT(65536);

	p->answer = ANSWER_BUSY;
	refused(&w, "busy to an introduction");
	p->answer = (enum plan_answer)(ANSWER_BUSY + 1);
	refused(&w, "an answer that there is not");
	w.blen = 1;
	p->answer = ANSWER_ACCEPT;
	refused(&w, "a body");
	w.blen = 0;
	w.type = WIRE_GROUP_CHAT_STATUS_RESPONSE;
	p->status = STATUS_INITIATED;
	refused(&w, "initiated of a group");
	p->status = STATUS_NONE;
	refused(&w, "no status");
	is_int(wire_to_body(&out, &w), MP_EBAD, "nor is it in a record");
	w.type = WIRE_INTRODUCTION_STATUS_REQUEST;
	p->has_seen = true;
	p->seen = STATUS_ACCEPTED;
	refused(&w, "accepted is not the end of an introduction");
	w.type = WIRE_INTRODUCTION_REQUEST;
	refused(&w, "nobody");
	p->people.n = PEOPLE_MAX + 1;
	refused(&w, "more people than there is room for");
	p->people.n = 2;
	refused(&w, "one twice");
	memcpy(p->people.person[1].onion, onion[1], 32);
	p->people.person[1].nickname = "a\nb";
	refused(&w, "a control in a nickname");
	w.type = WIRE_INTRODUCTION_CONTACTS;
	refused(&w, "no contacts");
	p->nkeys = PEOPLE_MAX;
	refused(&w, "too many");
	p->nkeys = 2;
	refused(&w, "one twice");
	w.type = WIRE_TEMPORARY_CONTACT_UPDATE;
	p->round = 256;
	refused(&w, "a round too many");
	p->round = -1;
	refused(&w, "a round too few");
	w.type = WIRE_NOTICE_OF_GROUP_EXIT;
	p->n = -1;
	refused(&w, "a counter below nothing");
	p->n = (INT64_C(1) << 53) + 1;
	refused(&w, "and one beyond 2^53");
	buf_free(&out);
}

/* Where there are no nicknames, none is sent: what somebody calls his friends is his own. */
static void test_unnamed(void)
{
	struct wire w = {.type = WIRE_INTRODUCTION_PETITION, .time = 1}, back;
	struct buf out = BUF_INIT(4096);

	w.u.plan.people.n = 1;
	memcpy(w.u.plan.people.person[0].onion, onion[0], 32);
	w.u.plan.people.person[0].nickname = "my secret love";
	is_int(wire_encode(&out, &w), 0, "a petition");
	buf_terminate(&out);
	ok(strstr((char *)out.data, "nickname") == NULL, "has no nicknames");
	out.len--;
	out.len -= 2; /* }] */
	buf_adds(&out, ",\"nickname\":\"x\"}]}");
	is_int(decode(&back, &out, 0), 0, "and one that has");
	ok(back.u.plan.people.person[0].nickname == NULL, "is not believed");
	wire_free(&back);
	buf_free(&out);
}

/* The longest names that there can be, and their longest forms, as mp and anybody writes them. */
static void test_header_max(void)
{
	struct wire w = {.type = WIRE_GROUP_ADDITION_REQUEST, .time = 1, .reply = true};
	char quotes[65];
	struct buf out = BUF_INIT(65536), other = BUF_INIT(65536);

	memset(quotes, '"', 64);
	quotes[64] = '\0';
	w.u.plan.name = quotes;
	w.u.plan.people.n = 31;
	w.u.plan.prospective.n = 1;
	memcpy(w.u.plan.prospective.person[0].onion, onion[40], 32);
	w.u.plan.prospective.person[0].nickname = quotes;
	for (int i = 0; i < 31; i++) {
		memcpy(w.u.plan.people.person[i].onion, onion[i], 32);
		w.u.plan.people.person[i].nickname = quotes;
	}
	is_int(wire_encode(&out, &w), 0, "32 people with names of 64 quotes");
	ok(out.len <= HEADER_MAX, "are %zu bytes", out.len);
	is_int(decodes(&out), 0, "and arrive");
	for (size_t i = 0; i < out.len; i++) {
		if (out.data[i] != '\\')
			buf_addc(&other, out.data[i]);
		else if (out.data[++i] == '"')
			buf_adds(&other, "\\u0022");
	}
	ok(other.len <= HEADER_MAX, "with each character escaped they are %zu", other.len);
	is_int(decodes(&other), 0, "and arrive, too");
	buf_free(&out);
	buf_free(&other);
}

static void test_contacts_max(void)
{
	struct wire w = {.type = WIRE_INTRODUCTION_CONTACTS, .time = 1};
	struct buf out = BUF_INIT(65536);

	w.u.plan.nkeys = 31;
	for (int i = 0; i < 31; i++)
		memcpy(w.u.plan.keys[i].onion, onion[i], 32);
	is_int(wire_encode(&out, &w), 0, "31 contacts");
	ok(out.len <= HEADER_MAX / 2, "are %zu bytes", out.len);
	is_int(decodes(&out), 0, "and arrive");
	buf_free(&out);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	addresses();
	test_types();
	test_addition();
	test_members_later();
	test_range();
	test_sending();
	test_unnamed();
	test_header_max();
	test_contacts_max();
	return done();
}
