#include "wire/chain.h"

#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "wire/fields.h"

#define TAG 8

int chain_put(json_t *o, const struct wire_chain *c, bool whole)
{
	json_t *list;
	int r;

	if (!c->grouped)
		return 0;
	r = json_set_hex(o, "group", c->group, GROUP_ID);
	if (!whole)
		return r;
	list = json_array();
	r |= json_object_set_new(o, "n", json_integer(c->n)) | json_set_hex(o, "h", c->h, 32) |
	     json_set_hex(o, "members", c->members, 32);
	for (size_t i = 0; i < c->nseen; i++) {
		json_t *one = json_object();

		r |= json_set_hex(one, "member", c->seen[i].member, TAG) |
		     json_object_set_new(one, "n", json_integer(c->seen[i].n)) |
		     json_set_hex(one, "h", c->seen[i].h, 32) | json_array_append_new(list, one);
	}
	return r | json_object_set_new(o, "seen", list);
}

static int get_seen(struct wire_chain *c, const json_t *o)
{
	const json_t *list = json_object_get(o, "seen");
	int r = MP_OK;

	if (!json_is_array(list) || json_array_size(list) > PEOPLE_MAX)
		return err_set(MP_EBAD, "'seen' is no list of members");
	c->nseen = json_array_size(list);
	for (size_t i = 0; r == MP_OK && i < c->nseen; i++) {
		const json_t *one = json_array_get(list, i);

		if ((r = json_hex(one, "member", c->seen[i].member, TAG)) == MP_OK &&
		    (r = json_int(one, "n", 1, COUNTER_MAX, &c->seen[i].n)) == MP_OK)
			r = json_hex(one, "h", c->seen[i].h, 32);
	}
	return r;
}

/* Without a group nothing of its chain may be there. */
static int get_nothing(const json_t *o)
{
	static const char *const keys[] = {"n", "h", "members", "seen"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_get(o, keys[i]) != NULL)
			return err_set(MP_EBAD, "'%s' without 'group'", keys[i]);
	return MP_OK;
}

int chain_get(struct wire_chain *c, const json_t *o, bool whole)
{
	int r;

	c->grouped = json_object_get(o, "group") != NULL;
	if (!c->grouped)
		return whole ? get_nothing(o) : MP_OK;
	if ((r = json_hex(o, "group", c->group, GROUP_ID)) != MP_OK || !whole)
		return r;
	if ((r = json_int(o, "n", 1, COUNTER_MAX, &c->n)) != MP_OK ||
	    (r = json_hex(o, "h", c->h, 32)) != MP_OK ||
	    (r = json_hex(o, "members", c->members, 32)) != MP_OK)
		return r;
	return get_seen(c, o);
}

int chain_check(const struct wire_chain *c, bool whole)
{
	if (!c->grouped || !whole)
		return MP_OK;
	if (c->n < 1 || c->n > COUNTER_MAX || c->nseen > PEOPLE_MAX)
		return err_set(MP_EBAD, "a group's counter is out of bounds");
	for (size_t i = 0; i < c->nseen; i++) {
		if (c->seen[i].n < 1 || c->seen[i].n > COUNTER_MAX)
			return err_set(MP_EBAD, "a group's counter is out of bounds");
		for (size_t j = 0; j < i; j++)
			if (memcmp(c->seen[i].member, c->seen[j].member, TAG) == 0)
				return err_set(MP_EBAD, "a member is named twice");
	}
	return MP_OK;
}

static void put64(uint8_t out[static 8], int64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)v >> (56 - 8 * i));
}

static void begin(crypto_hash_sha256_state *st, const char *label)
{
	crypto_hash_sha256_init(st);
	crypto_hash_sha256_update(st, (const uint8_t *)label, strlen(label));
}

void chain_content_message(uint8_t out[static 32], const uint8_t *body, size_t len)
{
	crypto_hash_sha256_state st;

	begin(&st, "mariposa/1 message");
	crypto_hash_sha256_update(&st, body, len);
	crypto_hash_sha256_final(&st, out);
}

void chain_content_file(uint8_t out[static 32], const uint8_t transfer[static MESSAGE_ID],
    int64_t size, const uint8_t sha256[static 32], const char *name)
{
	crypto_hash_sha256_state st;
	uint8_t number[8];

	put64(number, size);
	begin(&st, "mariposa/1 file");
	crypto_hash_sha256_update(&st, transfer, MESSAGE_ID);
	crypto_hash_sha256_update(&st, number, sizeof(number));
	crypto_hash_sha256_update(&st, sha256, 32);
	crypto_hash_sha256_update(&st, (const uint8_t *)name, strlen(name));
	crypto_hash_sha256_final(&st, out);
}

void chain_next(uint8_t h[static 32], const uint8_t before[static 32],
    const uint8_t group[static GROUP_ID], const uint8_t sender[static 32], int64_t n,
    const uint8_t content[static 32])
{
	crypto_hash_sha256_state st;
	uint8_t number[8];

	put64(number, n);
	crypto_hash_sha256_init(&st);
	crypto_hash_sha256_update(&st, before, 32);
	crypto_hash_sha256_update(&st, group, GROUP_ID);
	crypto_hash_sha256_update(&st, sender, 32);
	crypto_hash_sha256_update(&st, number, sizeof(number));
	crypto_hash_sha256_update(&st, content, 32);
	crypto_hash_sha256_final(&st, h);
}

/* The least that is greater than last, NULL last: the least of all; NULL when there is none. */
static const uint8_t *next_of(const uint8_t (*onions)[32], size_t n, const uint8_t *last)
{
	const uint8_t *least = NULL;

	for (size_t i = 0; i < n; i++)
		if ((last == NULL || memcmp(onions[i], last, 32) > 0) &&
		    (least == NULL || memcmp(onions[i], least, 32) < 0))
			least = onions[i];
	return least;
}

void chain_members(uint8_t out[static 32], const uint8_t group[static GROUP_ID],
    const uint8_t (*onions)[32], size_t n)
{
	crypto_hash_sha256_state st;

	begin(&st, "mariposa/1 members");
	crypto_hash_sha256_update(&st, group, GROUP_ID);
	for (const uint8_t *p = next_of(onions, n, NULL); p != NULL; p = next_of(onions, n, p))
		crypto_hash_sha256_update(&st, p, 32);
	crypto_hash_sha256_final(&st, out);
}
