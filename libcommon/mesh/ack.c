#include "mesh/ack.h"
#include "base/err.h"
#include "base/text.h"

#include <string.h>

static int read_ids(struct ack *a, const json_t *list)
{
	const json_t *v;
	size_t i;

	a->n = json_array_size(list);
	if (a->n < 1 || a->n > ACK_MAX)
		return err_set(MP_EBAD, "bad 'packets'");
	json_array_foreach(list, i, v)
	{
		const char *s = json_string_value(v);

		if (s == NULL || strspn(s, "0123456789abcdef") != 2 * PACKET_ID ||
		    hex_decode(a->id[i], PACKET_ID, s) != 0)
			return err_set(MP_EBAD, "bad 'packets'");
	}
	return 0;
}

int ack_read(struct ack *a, const json_t *o)
{
	const char *text = json_text(json_object_get(o, "message"), "content");
	struct signed_message m;
	int rc;

	if (text != NULL && strlen(text) > ACK_TEXT)
		return err_set(MP_EBAD, "an acknowledgement of more than %d bytes", ACK_TEXT);
	if ((rc = signed_read(&m, o)) != 0)
		return rc;
	memcpy(a->key, m.key, RSA_DER);
	a->time = m.time;
	if (m.server)
		rc = err_set(MP_EBAD, "a server's word is no acknowledgement");
	else if ((rc = field_type(m.content, "ack")) == 0 &&
	         (rc = json_hex(m.content, "device", a->device, MESH_DEVICE)) == 0)
		rc = read_ids(a, json_object_get(m.content, "packets"));
	signed_free(&m);
	return rc;
}

int ack_write(struct buf *out, const struct ack *a, const struct rsa_key *k, int64_t now)
{
	json_t *o = json_object(), *list = json_array();
	char hex[2 * PACKET_ID + 1];
	int rc = 0;

	for (size_t i = 0; i < a->n && rc == 0; i++) {
		hex_encode(hex, a->id[i], PACKET_ID);
		if (json_array_append_new(list, json_string(hex)) != 0)
			rc = err_set(MP_ENOMEM, "out of memory");
	}
	if (rc == 0 && (rc = field_set_text(o, "type", "ack")) == 0 &&
	    (rc = json_set_hex(o, "device", a->device, MESH_DEVICE)) == 0 &&
	    (rc = field_set(o, "packets", json_incref(list))) == 0)
		rc = signed_by_person(out, k, o, now);
	json_decref(list);
	json_decref(o);
	return rc;
}
