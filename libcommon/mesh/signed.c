#include "mesh/signed.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"

#include <string.h>

#include <sodium.h>

#define PREFIX "mp mesh/1 signed\n"
#define SERVER_DER (12 + ONION_KEY)
#define TIME_MOST 40 /* bytes: a fraction of a second can be as long as one likes */

/* SubjectPublicKeyInfo of an Ed25519 key, RFC 8410. */
static const uint8_t server_head[12] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

int server_sign(uint8_t sig[static 64], const struct identity *id, const void *data, size_t len)
{
	uint8_t pk[32], *sk = secret_alloc(64);
	int rc = 0;

	if (crypto_sign_seed_keypair(pk, sk, id->seed) != 0 ||
	    crypto_sign_detached(sig, NULL, data, len, sk) != 0)
		rc = err_set(MP_ENOMEM, "cannot sign");
	secret_free(sk);
	return rc;
}

int server_verify(const uint8_t onion[static ONION_KEY], const uint8_t sig[static 64],
    const void *data, size_t len)
{
	return crypto_sign_verify_detached(sig, data, len, onion) == 0
	           ? 0
	           : err_set(MP_EBAD, "wrong signature");
}

static int signed_bytes(struct buf *out, const char *time, const char *text, size_t len)
{
	int rc;

	if ((rc = buf_adds(out, PREFIX)) != 0 || (rc = buf_adds(out, time)) != 0 ||
	    (rc = buf_addc(out, '\n')) != 0)
		return rc;
	return buf_add(out, text, len);
}

static int check(struct signed_message *m, const json_t *o, const struct buf *bytes)
{
	struct buf key = BUF_INIT(RSA_DER), sig = BUF_INIT(RSA_BYTES);
	int rc;

	if ((rc = field_buf(o, "public_key", &key, 1)) != 0 ||
	    (rc = field_buf(o, "signature", &sig, 1)) != 0)
		goto out;
	m->server = key.len == SERVER_DER;
	rc = MP_EBAD;
	if (m->server && sig.len == 64 && memcmp(key.data, server_head, sizeof(server_head)) == 0) {
		memcpy(m->onion, key.data + sizeof(server_head), ONION_KEY);
		rc = server_verify(m->onion, sig.data, bytes->data, bytes->len);
	} else if (key.len == RSA_DER && sig.len == RSA_BYTES) {
		memcpy(m->key, key.data, RSA_DER);
		rc = rsa_verify(m->key, sig.data, bytes->data, bytes->len);
	}
	if (rc != 0)
		err_set(rc, "wrong signature");
out:
	buf_free(&key);
	buf_free(&sig);
	return rc;
}

int signed_read(struct signed_message *m, const json_t *o)
{
	struct buf bytes = BUF_INIT(MESH_BODY_MAX);
	const json_t *inner = json_object_get(o, "message"), *text;
	const char *time = json_text(inner, "timestamp");
	int rc;

	memset(m, 0, sizeof(*m));
	if ((rc = field_type(o, "signed_message")) != 0)
		return rc;
	text = json_object_get(inner, "content");
	if (!json_is_object(inner) || !json_is_string(text))
		return err_set(MP_EBAD, "bad 'message'");
	if (time != NULL && strlen(time) > TIME_MOST)
		return err_set(MP_EBAD, "bad 'timestamp'");
	if ((rc = field_time(inner, "timestamp", &m->time)) == 0 &&
	    (rc = signed_bytes(&bytes, time, json_string_value(text), json_string_length(text))) ==
	        0 &&
	    (rc = check(m, o, &bytes)) == 0)
		rc = json_read(&m->content, json_string_value(text), json_string_length(text));
	buf_free(&bytes);
	return rc;
}

void signed_free(struct signed_message *m)
{
	json_decref(m->content);
	m->content = NULL;
}

int signed_copy(json_t **out, const json_t *o)
{
	const json_t *inner = json_object_get(o, "message");

	*out = json_pack("{s:s, s:{s:O, s:O}, s:O, s:O}", "type", "signed_message", "message",
	    "content", json_object_get(inner, "content"), "timestamp",
	    json_object_get(inner, "timestamp"), "signature", json_object_get(o, "signature"),
	    "public_key", json_object_get(o, "public_key"));
	return *out != NULL ? 0 : err_set(MP_ENOMEM, "out of memory");
}

/* k or id signs. */
static int sign(struct buf *out, const struct identity *id, const struct rsa_key *k,
    const json_t *content, int64_t now)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX), bytes = BUF_INIT(MESH_BODY_MAX + 64);
	json_t *o = json_object(), *inner = json_object();
	uint8_t sig[RSA_BYTES], der[RSA_DER];
	char time[CLOCK_TEXT];
	int rc;

	clock_format(time, now);
	if ((rc = json_write(&text, content)) != 0 ||
	    (rc = signed_bytes(&bytes, time, (const char *)text.data, text.len)) != 0 ||
	    (rc = id != NULL ? server_sign(sig, id, bytes.data, bytes.len)
	                     : rsa_sign(sig, k, bytes.data, bytes.len)) != 0)
		goto out;
	if (id != NULL) {
		memcpy(der, server_head, sizeof(server_head));
		memcpy(der + sizeof(server_head), id->key, ONION_KEY);
	} else {
		memcpy(der, rsa_der(k), RSA_DER);
	}
	if ((rc = field_set(inner, "content", json_stringn((const char *)text.data, text.len))) ==
	        0 &&
	    (rc = field_set_text(inner, "timestamp", time)) == 0 &&
	    (rc = field_set_text(o, "type", "signed_message")) == 0 &&
	    (rc = field_set(o, "message", json_incref(inner))) == 0 &&
	    (rc = field_set_bytes(o, "signature", sig, id != NULL ? 64 : RSA_BYTES)) == 0 &&
	    (rc = field_set_bytes(o, "public_key", der, id != NULL ? SERVER_DER : RSA_DER)) == 0)
		rc = json_write(out, o);
out:
	json_decref(inner);
	json_decref(o);
	buf_free(&bytes);
	buf_free(&text);
	return rc;
}

int signed_by_server(struct buf *out, const struct identity *id, const json_t *content, int64_t now)
{
	return sign(out, id, NULL, content, now);
}

int signed_by_person(struct buf *out, const struct rsa_key *k, const json_t *content, int64_t now)
{
	return sign(out, NULL, k, content, now);
}
