#include "mesh/packet.h"
#include "base/err.h"

#include <string.h>

#include <sodium.h>

void packet_init(struct packet *p)
{
	*p = (struct packet){
	    .message = BUF_INIT(MESH_PACKET_MAX), .signature = BUF_INIT(MESH_PACKET_MAX)};
}

void packet_free(struct packet *p)
{
	buf_free(&p->message);
	buf_free(&p->signature);
}

static void hash_part(crypto_hash_sha256_state *h, const void *data, size_t len)
{
	uint8_t n[4];

	put32(n, (uint32_t)len);
	crypto_hash_sha256_update(h, n, sizeof(n));
	crypto_hash_sha256_update(h, data, len);
}

void packet_identify(struct packet *p)
{
	crypto_hash_sha256_state h;

	crypto_hash_sha256_init(&h);
	hash_part(&h, p->recipient, RSA_DER);
	hash_part(&h, p->message.data, p->message.len);
	hash_part(&h, p->signature.data, p->signature.len);
	crypto_hash_sha256_final(&h, p->id);
}

void packet_whole(uint8_t whole[static PACKET_ID], const struct packet *p)
{
	crypto_hash_sha256_state h;

	crypto_hash_sha256_init(&h);
	crypto_hash_sha256_update(&h, p->id, PACKET_ID);
	crypto_hash_sha256_update(&h, p->token, TOKEN_BYTES);
	if (p->has_token)
		crypto_hash_sha256_final(&h, whole);
	else
		memcpy(whole, p->id, PACKET_ID);
}

void packet_box(uint8_t box[static 32], const uint8_t recipient[static RSA_DER])
{
	crypto_hash_sha256(box, recipient, RSA_DER);
}

int packet_read(struct packet *p, const json_t *o)
{
	int rc;

	buf_clear(&p->message);
	buf_clear(&p->signature);
	p->has_token = json_object_get(o, "token") != NULL;
	if ((rc = field_key(o, "recipient", p->recipient)) != 0 ||
	    (rc = field_buf(o, "message", &p->message, RSA_OVERHEAD + 1)) != 0 ||
	    (rc = field_buf(o, "signature", &p->signature, RSA_OVERHEAD + 1)) != 0)
		return rc;
	if (p->has_token && (rc = field_bytes(o, "token", p->token, TOKEN_BYTES)) != 0)
		return rc;
	packet_identify(p);
	return 0;
}

int packet_write(json_t **out, const struct packet *p)
{
	json_t *o = json_object();
	int rc;

	*out = NULL;
	if ((rc = field_set_bytes(o, "recipient", p->recipient, RSA_DER)) == 0 &&
	    (rc = field_set_bytes(o, "message", p->message.data, p->message.len)) == 0)
		rc = field_set_bytes(o, "signature", p->signature.data, p->signature.len);
	if (rc == 0 && p->has_token)
		rc = field_set_bytes(o, "token", p->token, TOKEN_BYTES);
	if (rc != 0)
		json_decref(o);
	else
		*out = o;
	return rc;
}
