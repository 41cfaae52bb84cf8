#include "wire/people.h"

#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "crypto/onion.h"
#include "wire/fields.h"

int wire_onion_get(uint8_t out[static 32], const json_t *o, const char *key)
{
	const char *text = json_text(o, key);
	char canonical[ONION_TEXT];
	int r;

	if (text == NULL)
		return err_set(MP_EBAD, "'%s' is missing", key);
	if ((r = onion_decode(out, text)) != MP_OK)
		return r;
	onion_encode(canonical, out);
	if (strcmp(canonical, text) != 0)
		return err_set(MP_EBAD, "'%s' is not in its one form", key);
	return MP_OK;
}

static int put_onion(json_t *o, const uint8_t onion[static 32])
{
	char host[ONION_TEXT];

	onion_encode(host, onion);
	return json_object_set_new(o, "onion", json_string(host));
}

int wire_people_put(json_t *o, const char *key, const struct wire_people *p, bool nicknames)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct wire_person *who = &p->person[i];
		json_t *one = json_object();

		r |= put_onion(one, who->onion);
		if (nicknames && who->nickname != NULL)
			r |= json_object_set_new(one, "nickname", json_string(who->nickname));
		r |= json_array_append_new(list, one);
	}
	return json_object_set_new(o, key, list) | r;
}

/* The array's length, or MP_EBAD. */
static int list_of(const json_t **list, size_t *n, const json_t *o, const char *key)
{
	*list = json_object_get(o, key);
	*n = json_array_size(*list);
	if (!json_is_array(*list))
		return err_set(MP_EBAD, "'%s' is no list", key);
	if (*n == 0 || *n > PEOPLE_MAX)
		return err_set(MP_EBAD, "'%s' is a list of %zu", key, *n);
	return MP_OK;
}

int wire_people_get(struct wire_people *p, const json_t *o, const char *key, bool nicknames)
{
	const json_t *list;
	int r = list_of(&list, &p->n, o, key);

	for (size_t i = 0; r == MP_OK && i < p->n; i++) {
		const json_t *one = json_array_get(list, i);

		r = wire_onion_get(p->person[i].onion, one, "onion");
		if (r == MP_OK && nicknames)
			r = fields_optional(&p->person[i].nickname, one, "nickname");
	}
	return r;
}

bool wire_people_has(const struct wire_people *p, size_t n, const uint8_t onion[static 32])
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(p->person[i].onion, onion, 32) == 0)
			return true;
	return false;
}

static int check_number(const char *key, size_t n, size_t least, size_t most)
{
	if (n >= least && n <= most)
		return MP_OK;
	return err_set(MP_EBAD, "'%s' has %zu people: %zu to %zu are allowed", key, n, least, most);
}

int wire_people_check(
    const char *key, const struct wire_people *p, size_t least, size_t most, bool nicknames)
{
	int r = check_number(key, p->n, least, most);

	for (size_t i = 0; r == MP_OK && i < p->n; i++) {
		if (wire_people_has(p, i, p->person[i].onion))
			return err_set(MP_EBAD, "'%s' has somebody twice", key);
		if (nicknames)
			r = fields_check_nickname(p->person[i].nickname);
	}
	return r;
}

int wire_keys_put(json_t *o, const char *key, const struct wire_key *k, size_t n)
{
	json_t *list = json_array();
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		json_t *one = json_object();

		r |= put_onion(one, k[i].onion) | json_set_hex(one, "id", k[i].id, 32) |
		     json_set_hex(one, "key", k[i].key, 32);
		r |= json_array_append_new(list, one);
	}
	return json_object_set_new(o, key, list) | r;
}

int wire_keys_get(struct wire_key k[static PEOPLE_MAX], size_t *n, const json_t *o, const char *key)
{
	const json_t *list;
	int r = list_of(&list, n, o, key);

	for (size_t i = 0; r == MP_OK && i < *n; i++) {
		const json_t *one = json_array_get(list, i);

		if ((r = wire_onion_get(k[i].onion, one, "onion")) == MP_OK &&
		    (r = json_hex(one, "id", k[i].id, 32)) == MP_OK)
			r = json_hex(one, "key", k[i].key, 32);
	}
	return r;
}

int wire_keys_check(const char *key, const struct wire_key *k, size_t n, size_t least, size_t most)
{
	int r = check_number(key, n, least, most);

	for (size_t i = 0; r == MP_OK && i < n; i++)
		for (size_t j = 0; j < i; j++)
			if (memcmp(k[i].onion, k[j].onion, 32) == 0)
				return err_set(MP_EBAD, "'%s' has somebody twice", key);
	return r;
}

static void wipe(const json_t *text)
{
	/* jansson's own copy, which it frees as it is. */
	if (json_is_string(text))
		secret_wipe((char *)json_string_value(text), json_string_length(text));
}

void wire_keys_wipe(json_t *o)
{
	const json_t *list = json_object_get(o, "contacts");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		wipe(json_object_get(one, "id"));
		wipe(json_object_get(one, "key"));
	}
}
