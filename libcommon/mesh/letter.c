#include "mesh/letter.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "crypto/envelope.h"

#include <string.h>

#define UUID_TEXT 37
#define SIGNED "mp mesh/1 letter\n"
#define PLAIN_MAX (600u << 10)

void letter_init(struct letter *l)
{
	*l = (struct letter){.content = BUF_INIT(LETTER_CONTENT)};
}

void letter_free(struct letter *l)
{
	buf_free(&l->content);
}

/* 8-4-4-4-12, RFC 9562. */
static void uuid_write(char out[static UUID_TEXT], const uint8_t uuid[static 16])
{
	static const size_t parts[] = {4, 2, 2, 2, 6};

	for (size_t i = 0; i < 5; uuid += parts[i], out += 2 * parts[i] + 1, i++) {
		hex_encode(out, uuid, parts[i]);
		out[2 * parts[i]] = i < 4 ? '-' : '\0';
	}
}

static int uuid_read(uint8_t uuid[static 16], const char *s)
{
	char hex[33];
	size_t n = 0;

	if (s == NULL || strlen(s) != UUID_TEXT - 1)
		return -1;
	for (size_t i = 0; s[i] != '\0'; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return -1;
		} else if (n < 32) {
			hex[n++] = s[i];
		}
	}
	hex[n] = '\0';
	return hex_decode(uuid, 16, hex);
}

int letter_read(struct letter *l, const char *text, size_t len)
{
	const json_t *content;
	json_t *o;
	int rc = json_read(&o, text, len);

	buf_clear(&l->content);
	if (rc != 0)
		return rc;
	content = json_object_get(o, "content");
	if (field_key(o, "sender", l->sender) != 0 || !json_is_string(content) ||
	    field_time(o, "timestamp", &l->time) != 0 ||
	    uuid_read(l->uuid, json_text(o, "uuid")) != 0)
		rc = err_set(MP_EBAD, "not a letter");
	else
		rc = buf_add(&l->content, json_string_value(content), json_string_length(content));
	json_decref(o);
	return rc;
}

/* The object and spaces up to its size. */
static int write_plain(struct buf *out, const struct letter *l)
{
	char uuid[UUID_TEXT];
	json_t *o = json_object();
	size_t size;
	int rc;

	uuid_write(uuid, l->uuid);
	if ((rc = field_set_bytes(o, "sender", l->sender, RSA_DER)) == 0 &&
	    (rc = field_set(
	         o, "content", json_stringn((const char *)l->content.data, l->content.len))) == 0 &&
	    (rc = field_set_text(o, "uuid", uuid)) == 0 &&
	    (rc = field_set_time(o, "timestamp", l->time)) == 0)
		rc = json_write(out, o);
	json_decref(o);
	if (rc != 0)
		return rc;
	size = out->len <= LETTER_SMALL ? LETTER_SMALL : envelope_padded(out->len);
	return json_pad(out, size);
}

static int signed_bytes(struct buf *out, const struct packet *p)
{
	int rc;

	if ((rc = buf_adds(out, SIGNED)) != 0 || (rc = buf_add(out, p->recipient, RSA_DER)) != 0)
		return rc;
	return buf_add(out, p->message.data, p->message.len);
}

static int seal_signature(
    struct packet *p, const uint8_t encryption[static RSA_DER], const struct rsa_key *self)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	uint8_t sig[RSA_BYTES];
	json_t *o = json_object();
	int rc;

	if ((rc = signed_bytes(&text, p)) == 0)
		rc = rsa_sign(sig, self, text.data, text.len);
	buf_clear(&text);
	if (rc == 0 && (rc = field_set_bytes(o, "signature", sig, sizeof(sig))) == 0 &&
	    (rc = json_write(&text, o)) == 0)
		rc = rsa_seal(&p->signature, encryption, text.data, text.len);
	json_decref(o);
	buf_free(&text);
	return rc;
}

int letter_seal(struct packet *p, const uint8_t address[static RSA_DER],
    const uint8_t encryption[static RSA_DER], const struct rsa_key *self, struct letter *l)
{
	struct buf plain = BUF_INIT(PLAIN_MAX);
	int rc;

	buf_clear(&p->message);
	buf_clear(&p->signature);
	p->has_token = false;
	memcpy(p->recipient, address, RSA_DER);
	memcpy(l->sender, rsa_der(self), RSA_DER);
	if ((rc = write_plain(&plain, l)) == 0 &&
	    (rc = rsa_seal(&p->message, encryption, plain.data, plain.len)) == 0)
		rc = seal_signature(p, encryption, self);
	if (rc == 0)
		packet_identify(p);
	buf_free(&plain);
	return rc;
}

static int check_signature(
    const struct letter *l, const struct packet *p, const struct rsa_key *encryption)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	uint8_t sig[RSA_BYTES];
	json_t *o = NULL;
	int rc;

	if ((rc = rsa_open(&text, encryption, p->signature.data, p->signature.len)) == 0 &&
	    (rc = json_read(&o, (const char *)text.data, text.len)) == 0)
		rc = field_bytes(o, "signature", sig, sizeof(sig));
	json_decref(o);
	buf_clear(&text);
	if (rc == 0 && (rc = signed_bytes(&text, p)) == 0)
		rc = rsa_verify(l->sender, sig, text.data, text.len);
	buf_free(&text);
	return rc;
}

int letter_open(struct letter *l, const struct packet *p, const struct rsa_key *encryption)
{
	struct buf plain = BUF_INIT(PLAIN_MAX);
	int rc;

	if ((rc = rsa_open(&plain, encryption, p->message.data, p->message.len)) == 0 &&
	    (rc = letter_read(l, (const char *)plain.data, plain.len)) == 0)
		rc = check_signature(l, p, encryption);
	buf_free(&plain);
	return rc == 0 || rc == MP_ENOMEM ? rc : err_set(MP_EBAD, "not a letter to us");
}
