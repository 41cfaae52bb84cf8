#include "mesh/field.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"

#include <string.h>

static int bad(const char *key)
{
	return err_set(MP_EBAD, "bad '%s'", key);
}

int field_type(const json_t *o, const char *type)
{
	const char *s = json_text(o, "type");

	return s != NULL && strcmp(s, type) == 0 ? 0 : bad("type");
}

int field_buf(const json_t *o, const char *key, struct buf *out, size_t min)
{
	const json_t *v = json_object_get(o, key);
	size_t before = out->len;

	if (!json_is_string(v) ||
	    base64_decode(out, json_string_value(v), json_string_length(v)) != 0 ||
	    out->len - before < min) {
		out->len = before;
		return bad(key);
	}
	return 0;
}

int field_bytes(const json_t *o, const char *key, uint8_t *out, size_t n)
{
	struct buf b = BUF_INIT(n);
	int rc = field_buf(o, key, &b, n);

	if (rc == 0)
		memcpy(out, b.data, n);
	buf_free(&b);
	return rc;
}

int field_key(const json_t *o, const char *key, uint8_t der[static RSA_DER])
{
	int rc = field_bytes(o, key, der, RSA_DER);

	return rc == 0 && !rsa_der_ok(der) ? bad(key) : rc;
}

int server_name_read(uint8_t server[static ONION_KEY], const char *text)
{
	char again[ONION_TEXT];

	if (text == NULL || onion_decode(server, text) != 0)
		return err_set(MP_EBAD, "no server's name");
	onion_encode(again, server);
	return strcmp(again, text) == 0 ? 0 : err_set(MP_EBAD, "no server's name");
}

int field_server(const json_t *o, const char *key, uint8_t server[static ONION_KEY])
{
	return server_name_read(server, json_text(o, key)) == 0 ? 0 : bad(key);
}

int field_time(const json_t *o, const char *key, int64_t *ms)
{
	const char *s = json_text(o, key);

	return s != NULL && clock_parse(ms, s) == 0 ? 0 : bad(key);
}

int field_set(json_t *o, const char *key, json_t *v)
{
	return json_object_set_new(o, key, v) == 0 ? 0 : err_set(MP_ENOMEM, "out of memory");
}

int field_set_text(json_t *o, const char *key, const char *text)
{
	return field_set(o, key, json_string(text));
}

int field_set_int(json_t *o, const char *key, int64_t v)
{
	return field_set(o, key, json_integer(v));
}

int field_set_bytes(json_t *o, const char *key, const void *data, size_t n)
{
	struct buf b = BUF_INIT(2 * n + 8);
	int rc = base64_encode(&b, data, n);

	if (rc == 0)
		rc = field_set(o, key, json_stringn((const char *)b.data, b.len));
	buf_free(&b);
	return rc;
}

int field_set_server(json_t *o, const char *key, const uint8_t server[static ONION_KEY])
{
	char text[ONION_TEXT];

	onion_encode(text, server);
	return field_set_text(o, key, text);
}

int field_set_time(json_t *o, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT];

	clock_format(text, ms);
	return field_set_text(o, key, text);
}

int field_servers(
    const json_t *o, const char *key, uint8_t (*server)[ONION_KEY], size_t max, size_t *n)
{
	const json_t *list = json_object_get(o, key);

	*n = json_array_size(list);
	if (!json_is_array(list) || *n > max)
		return bad(key);
	for (size_t i = 0; i < *n; i++)
		if (server_name_read(server[i], json_string_value(json_array_get(list, i))) != 0)
			return bad(key);
	return 0;
}

int field_set_servers(json_t *o, const char *key, const uint8_t (*server)[ONION_KEY], size_t n)
{
	json_t *list = json_array();
	char name[ONION_TEXT];

	for (size_t i = 0; i < n; i++) {
		onion_encode(name, server[i]);
		if (json_array_append_new(list, json_string(name)) != 0) {
			json_decref(list);
			return err_set(MP_ENOMEM, "out of memory");
		}
	}
	return field_set(o, key, list);
}
