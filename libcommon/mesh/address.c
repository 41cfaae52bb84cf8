#include "mesh/address.h"
#include "base/err.h"

#include <string.h>

#define SIGNED "mp mesh/1 encryption key\n"

static void signed_bytes(
    uint8_t out[static sizeof(SIGNED) - 1 + RSA_DER], const uint8_t encryption[static RSA_DER])
{
	memcpy(out, SIGNED, sizeof(SIGNED) - 1);
	memcpy(out + sizeof(SIGNED) - 1, encryption, RSA_DER);
}

int address_certify(
    struct address *a, const struct rsa_key *signing, const struct rsa_key *encryption)
{
	uint8_t bytes[sizeof(SIGNED) - 1 + RSA_DER];

	memcpy(a->key, rsa_der(signing), RSA_DER);
	memcpy(a->encryption, rsa_der(encryption), RSA_DER);
	signed_bytes(bytes, a->encryption);
	return rsa_sign(a->certificate, signing, bytes, sizeof(bytes));
}

int address_read(struct address *a, const json_t *o)
{
	uint8_t bytes[sizeof(SIGNED) - 1 + RSA_DER];
	int rc;

	if ((rc = field_type(o, "mesh_address")) != 0 ||
	    (rc = field_key(o, "address", a->key)) != 0 ||
	    (rc = field_key(o, "encryption", a->encryption)) != 0 ||
	    (rc = field_bytes(o, "certificate", a->certificate, RSA_BYTES)) != 0 ||
	    (rc = field_bytes(o, "tokens", a->secret, sizeof(a->secret))) != 0 ||
	    (rc = field_servers(o, "relays", a->relay, ADDRESS_RELAYS, &a->n)) != 0)
		return rc;
	signed_bytes(bytes, a->encryption);
	if (memcmp(a->key, a->encryption, RSA_DER) == 0 ||
	    rsa_verify(a->key, a->certificate, bytes, sizeof(bytes)) != 0)
		return err_set(MP_EBAD, "bad 'certificate'");
	return 0;
}

int address_write(json_t **out, const struct address *a)
{
	json_t *o = json_object();
	int rc;

	if ((rc = field_set_text(o, "type", "mesh_address")) == 0 &&
	    (rc = field_set_bytes(o, "address", a->key, RSA_DER)) == 0 &&
	    (rc = field_set_bytes(o, "encryption", a->encryption, RSA_DER)) == 0 &&
	    (rc = field_set_bytes(o, "certificate", a->certificate, RSA_BYTES)) == 0 &&
	    (rc = field_set_servers(o, "relays", a->relay, a->n)) == 0)
		rc = field_set_bytes(o, "tokens", a->secret, sizeof(a->secret));
	*out = rc == 0 ? o : NULL;
	if (rc != 0)
		json_decref(o);
	return rc;
}
