#include "mesh/token.h"
#include "base/base64.h"
#include "base/err.h"

#include <string.h>

#include <sodium.h>

#define DAY_MAX 3000000 /* the year 9999 and more */

static void mac(uint8_t out[static 32], const uint8_t key[static 32], const char *label,
    const void *data, size_t len)
{
	crypto_auth_hmacsha256_state h;

	crypto_auth_hmacsha256_init(&h, key, 32);
	crypto_auth_hmacsha256_update(&h, (const uint8_t *)label, strlen(label));
	crypto_auth_hmacsha256_update(&h, data, len);
	crypto_auth_hmacsha256_final(&h, out);
}

void token_derive(
    uint8_t token[static TOKEN_KEY], const uint8_t secret[static 32], uint32_t day, uint32_t i)
{
	uint8_t which[8];

	put32(which, day);
	put32(which + 4, i);
	mac(token, secret, "mp mesh/1 token", which, sizeof(which));
}

void token_handle(uint8_t handle[static TOKEN_HANDLE], const uint8_t token[static TOKEN_KEY])
{
	crypto_hash_sha256_state h;
	uint8_t hash[32];

	crypto_hash_sha256_init(&h);
	crypto_hash_sha256_update(&h, (const uint8_t *)"mp mesh/1 handle", 16);
	crypto_hash_sha256_update(&h, token, TOKEN_KEY);
	crypto_hash_sha256_final(&h, hash);
	memcpy(handle, hash, TOKEN_HANDLE);
}

void token_mark(uint8_t mark[static TOKEN_BYTES], const uint8_t token[static TOKEN_KEY],
    const uint8_t id[static PACKET_ID])
{
	token_handle(mark, token);
	mac(mark + TOKEN_HANDLE, token, "mp mesh/1 packet", id, PACKET_ID);
}

int token_check(const uint8_t mark[static TOKEN_BYTES], const uint8_t token[static TOKEN_KEY],
    const uint8_t id[static PACKET_ID])
{
	uint8_t right[TOKEN_BYTES];

	token_mark(right, token, id);
	return sodium_memcmp(right, mark, TOKEN_BYTES) == 0 ? 0
	                                                    : err_set(MP_EBAD, "not that token");
}

static int read_list(struct tokens *t, const json_t *list)
{
	struct buf b = BUF_INIT(TOKEN_KEY);
	const json_t *v;
	size_t i;
	int rc = 0;

	t->n = json_array_size(list);
	if (t->n < 1 || t->n > TOKENS_MAX)
		return err_set(MP_EBAD, "bad 'tokens'");
	json_array_foreach(list, i, v)
	{
		buf_clear(&b);
		if (!json_is_string(v) ||
		    base64_decode(&b, json_string_value(v), json_string_length(v)) != 0 ||
		    b.len != TOKEN_KEY) {
			rc = err_set(MP_EBAD, "bad 'tokens'");
			break;
		}
		memcpy(t->token[i], b.data, TOKEN_KEY);
	}
	buf_free(&b);
	return rc;
}

int tokens_read(struct tokens *t, const json_t *o)
{
	struct signed_message m;
	int rc = signed_read(&m, o);

	if (rc != 0)
		return rc;
	memcpy(t->key, m.key, RSA_DER);
	t->time = m.time;
	if (m.server)
		rc = err_set(MP_EBAD, "a server has no tokens");
	else if ((rc = field_type(m.content, "tokens")) == 0 &&
	         (rc = field_server(m.content, "to", t->server)) == 0 &&
	         (rc = json_int(m.content, "day", 0, DAY_MAX, &t->day)) == 0)
		rc = read_list(t, json_object_get(m.content, "tokens"));
	signed_free(&m);
	return rc;
}

int tokens_write(struct buf *out, const struct tokens *t, const struct rsa_key *k, int64_t now)
{
	json_t *o = json_object(), *list = json_array();
	struct buf b = BUF_INIT(64);
	int rc = 0;

	for (size_t i = 0; i < t->n && rc == 0; i++) {
		buf_clear(&b);
		if ((rc = base64_encode(&b, t->token[i], TOKEN_KEY)) == 0 &&
		    json_array_append_new(list, json_stringn((const char *)b.data, b.len)) != 0)
			rc = err_set(MP_ENOMEM, "out of memory");
	}
	if (rc == 0 && (rc = field_set_text(o, "type", "tokens")) == 0 &&
	    (rc = field_set_server(o, "to", t->server)) == 0 &&
	    (rc = field_set_int(o, "day", t->day)) == 0 &&
	    (rc = field_set(o, "tokens", json_incref(list))) == 0)
		rc = signed_by_person(out, k, o, now);
	json_decref(list);
	json_decref(o);
	buf_free(&b);
	return rc;
}
