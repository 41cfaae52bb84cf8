#include "base/json.h"
#include "base/err.h"
#include "base/text.h"

#include <string.h>

#define INT_MOST (INT64_C(1) << 53)

/* jansson reads 64 bits; other readers of the same text keep 53, and would see another number. */
static bool ints_ok(const json_t *v)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_integer(v))
		return json_integer_value(v) <= INT_MOST && json_integer_value(v) >= -INT_MOST;
	json_array_foreach(v, i, member) if (!ints_ok(member)) return false;
	json_object_foreach((json_t *)v, key, member) if (!ints_ok(member)) return false;
	return true;
}

int json_read(json_t **out, const char *s, size_t len)
{
	json_error_t e;
	json_t *v = json_loadb(s, len, JSON_REJECT_DUPLICATES, &e);

	*out = NULL;
	if (v == NULL) {
		if (json_error_code(&e) == json_error_out_of_memory)
			return err_set(MP_ENOMEM, "out of memory");
		return err_set(MP_EBAD, "bad JSON: %s", e.text);
	}
	if (!json_is_object(v) || !ints_ok(v)) {
		int object = json_is_object(v);

		json_decref(v);
		return err_set(
		    MP_EBAD, object ? "bad JSON: integer beyond 2^53" : "bad JSON: not an object");
	}
	*out = v;
	return 0;
}

/* jansson escapes what JSON demands; this does the rest, all of it inside strings. */
static int add_safe(const char *text, size_t len, void *arg)
{
	const uint8_t *p = (const uint8_t *)text;
	struct buf *out = arg;
	size_t from = 0, at = 0;

	while (at < len) {
		uint32_t cp;
		size_t n;

		at += text_plain(p + at, len - at);
		if (at == len)
			break;
		n = text_next(p + at, len - at, &cp);
		if (n != 0 && text_unsafe(cp)) {
			if (buf_add(out, p + from, at - from) != 0 ||
			    buf_addf(out, "\\u%04x", cp) != 0)
				return -1;
			from = at + n;
		}
		at += n == 0 ? 1 : n;
	}
	return buf_add(out, p + from, len - from) != 0 ? -1 : 0;
}

int json_write(struct buf *out, const json_t *v)
{
	size_t before = out->len;

	err_set(0, "cannot write JSON");
	if (json_dump_callback(v, add_safe, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
		return 0;
	out->len = before;
	return out->max - before < 64 || strncmp(err_detail(), "larger", 6) == 0 ? MP_ELIMIT
	                                                                         : MP_ENOMEM;
}

int json_pad(struct buf *out, size_t size)
{
	int rc;

	if (out->len >= size)
		return 0;
	if ((rc = buf_reserve(out, size - out->len)) != 0)
		return rc;
	memset(out->data + out->len, ' ', size - out->len);
	out->len = size;
	return 0;
}

const char *json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int json_int(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *v)
{
	const json_t *member = json_object_get(object, key);
	int64_t n = json_integer_value(member);

	if (!json_is_integer(member) || n < min || n > max)
		return err_set(MP_EBAD, "bad '%s'", key);
	*v = n;
	return 0;
}

int json_hex(const json_t *object, const char *key, uint8_t *out, size_t n)
{
	const char *s = json_text(object, key);

	if (s == NULL || strspn(s, "0123456789abcdef") != 2 * n || hex_decode(out, n, s) != 0)
		return err_set(MP_EBAD, "bad '%s'", key);
	return 0;
}

int json_set_hex(json_t *object, const char *key, const uint8_t *data, size_t n)
{
	struct buf hex = BUF_INIT(2 * n + 1);
	int rc = buf_reserve(&hex, 2 * n + 1);

	if (rc != 0)
		return rc;
	hex_encode((char *)hex.data, data, n);
	if (json_object_set_new(object, key, json_string((const char *)hex.data)) != 0)
		rc = err_set(MP_ENOMEM, "out of memory");
	buf_free(&hex);
	return rc;
}
