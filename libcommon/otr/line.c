#include "otr/line.h"

#include <string.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "crypto/whirlpool.h"

#define FIELDS 8
#define YEAR_9999 INT64_C(253402300799999)

enum shape { NAME, PLACE, BYTES, NUMBER, BLOB };

struct field {
	const char *name;
	enum shape shape;
	size_t at;        /* in struct otr_line */
	size_t size;      /* BYTES: exactly; PLACE: with NUL; BLOB: of one item */
	int64_t min, max; /* NUMBER; BLOB: items */
};

#define AT(member) offsetof(struct otr_line, member)
#define FIXED(name, member)                                                           \
	{                                                                             \
		name, BYTES, AT(member), sizeof(((struct otr_line *)0)->member), 0, 0 \
	}
#define ITEMS(name, size, min, max)                  \
	{                                            \
		name, BLOB, AT(data), size, min, max \
	}
#define INTEGER(name, member, min, max)               \
	{                                             \
		name, NUMBER, AT(member), 0, min, max \
	}
#define FROM FIXED("sid", sid), FIXED("from", from)
#define SIGNATURE FIXED("sig", sig)

static const struct {
	const char *name;
	struct field fields[FIELDS];
} types[OTR_TYPES] = {
    [OTR_HELLO] = {"hello",
        {{"room", PLACE, AT(room), OTR_ROOM, 1, 0}, {"server", PLACE, AT(server), OTR_ROOM, 0, 0},
            {"nick", NAME, AT(nick), OTR_NICK, 0, 0}, FIXED("nonce", nonce),
            FIXED("long", long_key), FIXED("ephemeral", ephemeral),
            INTEGER("time", time, 0, YEAR_9999), INTEGER("life", life, 1000, 31536000000)}},
    [OTR_KEYS] = {"keys", {FROM, FIXED("key", key), ITEMS("macs", OTR_MAC, 2, OTR_MEMBERS)}},
    [OTR_COMMIT] = {"commit",
        {FROM, FIXED("roster", hash), FIXED("commitment", commitment), SIGNATURE}},
    [OTR_ECHO] = {"echo", {FROM, FIXED("commitments", hash), SIGNATURE}},
    [OTR_REVEAL] = {"reveal", {FROM, ITEMS("sealed", OTR_SEALED, 2, OTR_MEMBERS), SIGNATURE}},
    [OTR_ATTEST] = {"attest", {FROM, FIXED("view", hash), SIGNATURE}},
    [OTR_MESSAGE] = {"message", {FROM, INTEGER("n", n, 1, OTR_COUNT_MAX), FIXED("iv", iv),
                                    ITEMS("ciphertext", 1, 1, OTR_CIPHERTEXT), SIGNATURE}},
    [OTR_CHECK] = {"check",
        {FROM, ITEMS("counts", 4, 2, OTR_MEMBERS), FIXED("digest", hash), SIGNATURE}},
    [OTR_CLOSE] = {"close",
        {FROM, INTEGER("n", n, 0, OTR_COUNT_MAX), INTEGER("leave", why, 0, 1), SIGNATURE}},
    [OTR_DIGEST] = {"digest", {FROM, FIXED("digest", hash), SIGNATURE}},
    [OTR_PUBLISH] = {"publish", {FROM, FIXED("secret", secret)}},
    [OTR_ABORT] = {"abort", {FROM, INTEGER("stage", n, 0, 99), FIXED("who", who),
                                INTEGER("why", why, 0, 99), SIGNATURE}},
};

void otr_line_init(struct otr_line *l)
{
	memset(l, 0, sizeof(*l));
	l->data.max = OTR_CIPHERTEXT;
}

void otr_line_free(struct otr_line *l)
{
	buf_free(&l->data);
	sodium_memzero(l->secret, sizeof(l->secret));
}

const char *otr_type_name(enum otr_type t)
{
	return types[t].name;
}

static void *member(const struct otr_line *l, const struct field *f)
{
	return (char *)(uintptr_t)l + f->at;
}

/* Each field of a type, in order. */
static const struct field *next_field(enum otr_type t, const struct field *f)
{
	f = f == NULL ? types[t].fields : f + 1;
	return f < types[t].fields + FIELDS && f->name != NULL ? f : NULL;
}

static int set_bytes(json_t *o, const char *name, const void *data, size_t len)
{
	struct buf text = BUF_INIT(2 * OTR_CIPHERTEXT);
	int r = base64_encode(&text, data, len);

	if (r == MP_OK &&
	    json_object_set_new(o, name, json_stringn((const char *)text.data, text.len)) != 0)
		r = err_set(MP_ENOMEM, "out of memory");
	buf_free(&text);
	return r;
}

static int set_field(json_t *o, const struct otr_line *l, const struct field *f)
{
	json_t *v;

	switch (f->shape) {
	case BYTES:
		return set_bytes(o, f->name, member(l, f), f->size);
	case BLOB:
		return set_bytes(o, f->name, l->data.data, l->data.len);
	case NUMBER:
		v = json_integer(*(int64_t *)member(l, f));
		break;
	default:
		v = json_string(member(l, f));
		break;
	}
	return json_object_set_new(o, f->name, v) == 0 ? MP_OK
	                                               : err_set(MP_ENOMEM, "out of memory");
}

int otr_line_write(struct buf *out, const struct otr_line *l)
{
	json_t *o = json_object();
	int r = MP_OK;

	if (o == NULL || json_object_set_new(o, "mpotr", json_integer(OTR_VERSION)) != 0 ||
	    json_object_set_new(o, "type", json_string(types[l->type].name)) != 0)
		r = err_set(MP_ENOMEM, "out of memory");
	for (const struct field *f = NULL; r == MP_OK && (f = next_field(l->type, f)) != NULL;)
		r = set_field(o, l, f);
	if (r == MP_OK)
		r = json_write(out, o);
	json_decref(o);
	return r;
}

/* Room and server: what a record's ref may have, so that a person sees what was agreed. */
bool otr_place_ok(const char *s, size_t min)
{
	size_t n = strlen(s);

	return n >= min && n < OTR_ROOM &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") == n;
}

static int get_blob(struct buf *out, const struct field *f, const char *text, size_t len)
{
	int r = base64_decode(out, text, len);

	if (r != MP_OK)
		return r;
	return out->len % f->size == 0 && (int64_t)(out->len / f->size) >= f->min &&
	               (int64_t)(out->len / f->size) <= f->max
	           ? MP_OK
	           : MP_EBAD;
}

static int get_field(struct otr_line *l, const json_t *o, const struct field *f)
{
	const json_t *v = json_object_get(o, f->name);
	const char *text = json_string_value(v);
	size_t len = text == NULL ? 0 : json_string_length(v);

	if (f->shape == NUMBER)
		return json_int(o, f->name, f->min, f->max, member(l, f));
	if (text == NULL || strlen(text) != len)
		return MP_EBAD;
	switch (f->shape) {
	case BYTES:
		return base64_secret_decode(member(l, f), f->size, text, len);
	case BLOB:
		return get_blob(&l->data, f, text, len);
	case NAME:
		if (!text_name_ok(text))
			return MP_EBAD;
		break;
	default:
		if (!otr_place_ok(text, (size_t)f->min))
			return MP_EBAD;
		break;
	}
	memcpy(member(l, f), text, len + 1);
	return MP_OK;
}

static int get_type(enum otr_type *t, const json_t *o)
{
	const char *name = json_text(o, "type");
	int64_t version;

	if (json_int(o, "mpotr", 1, 1, &version) != MP_OK)
		return err_set(MP_EBAD, "no line of this protocol's version");
	for (int i = 0; name != NULL && i < OTR_TYPES; i++)
		if (strcmp(name, types[i].name) == 0) {
			*t = (enum otr_type)i;
			return MP_OK;
		}
	return err_set(MP_EBAD, "unknown type of line");
}

int otr_line_read(struct otr_line *l, const char *text, size_t len)
{
	size_t count = 2; /* mpotr, type */
	json_t *o;
	int r;

	if (len > OTR_LINE_MAX)
		return err_set(MP_ELIMIT, "a line of %zu bytes", len);
	if ((r = json_read(&o, text, len)) != MP_OK)
		return r;
	r = get_type(&l->type, o);
	for (const struct field *f = NULL; r == MP_OK && (f = next_field(l->type, f)) != NULL;) {
		count++;
		if (get_field(l, o, f) != MP_OK)
			r = err_set(MP_EBAD, "%s: bad '%s'", types[l->type].name, f->name);
	}
	if (r == MP_OK && json_object_size(o) != count)
		r = err_set(MP_EBAD, "%s: unknown fields", types[l->type].name);
	json_decref(o);
	return r;
}

int otr_line_hash(uint8_t out[static 64], const struct otr_line *l)
{
	static const char label[] = "mpotr/1 line";
	struct part parts[2 + FIELDS];
	uint8_t numbers[FIELDS][8];
	size_t n = 0, k = 0;

	parts[n++] = PART_TEXT(label);
	parts[n++] = PART_TEXT(types[l->type].name);
	for (const struct field *f = NULL; (f = next_field(l->type, f)) != NULL;) {
		if (f->at == AT(sig))
			continue;
		switch (f->shape) {
		case BYTES:
			parts[n++] = (struct part){member(l, f), f->size};
			break;
		case BLOB:
			parts[n++] = (struct part){l->data.data, l->data.len};
			break;
		case NUMBER: {
			uint64_t v = (uint64_t) * (int64_t *)member(l, f);

			put32(numbers[k], (uint32_t)(v >> 32));
			put32(numbers[k] + 4, (uint32_t)v);
			parts[n++] = (struct part){numbers[k++], 8};
			break;
		}
		default:
			parts[n++] = PART_TEXT((const char *)member(l, f));
			break;
		}
	}
	return whirlpool_parts(out, parts, n);
}

int otr_line_sign(struct otr_line *l, const uint8_t secret[static P256_SECRET])
{
	uint8_t hash[WHIRLPOOL_LEN];
	int r = otr_line_hash(hash, l);

	return r == MP_OK ? p256_sign(l->sig, secret, hash, sizeof(hash)) : r;
}

int otr_line_verify(const struct otr_line *l, const uint8_t key[static P256_PUBLIC])
{
	uint8_t hash[WHIRLPOOL_LEN];
	int r = otr_line_hash(hash, l);

	return r == MP_OK ? p256_verify(l->sig, key, hash, sizeof(hash)) : r;
}
