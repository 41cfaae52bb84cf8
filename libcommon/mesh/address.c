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

static int read_relays(struct address *a, const json_t *list)
{
	const json_t *v;
	size_t i;

	a->n = json_array_size(list);
	if (!json_is_array(list) || a->n > ADDRESS_RELAYS)
		return err_set(MP_EBAD, "bad 'relays'");
	json_array_foreach(list, i, v) if (server_name_read(a->relay[i], json_string_value(v)) !=
	                                   0) return err_set(MP_EBAD, "bad 'relays'");
	return 0;
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
	    (rc = read_relays(a, json_object_get(o, "relays"))) != 0)
		return rc;
	signed_bytes(bytes, a->encryption);
	if (memcmp(a->key, a->encryption, RSA_DER) == 0 ||
	    rsa_verify(a->key, a->certificate, bytes, sizeof(bytes)) != 0)
		return err_set(MP_EBAD, "bad 'certificate'");
	return 0;
}

int address_write(json_t **out, const struct address *a)
{
	json_t *o = json_object(), *list = json_array();
	char name[ONION_TEXT];
	int rc = 0;

	for (size_t i = 0; i < a->n && rc == 0; i++) {
		onion_encode(name, a->relay[i]);
		if (json_array_append_new(list, json_string(name)) != 0)
			rc = err_set(MP_ENOMEM, "out of memory");
	}
	if (rc == 0 && (rc = field_set_text(o, "type", "mesh_address")) == 0 &&
	    (rc = field_set_bytes(o, "address", a->key, RSA_DER)) == 0 &&
	    (rc = field_set_bytes(o, "encryption", a->encryption, RSA_DER)) == 0 &&
	    (rc = field_set_bytes(o, "certificate", a->certificate, RSA_BYTES)) == 0 &&
	    (rc = field_set(o, "relays", json_incref(list))) == 0)
		rc = field_set_bytes(o, "tokens", a->secret, sizeof(a->secret));
	json_decref(list);
	*out = rc == 0 ? o : NULL;
	if (rc != 0)
		json_decref(o);
	return rc;
}
