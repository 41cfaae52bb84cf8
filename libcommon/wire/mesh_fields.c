#include "wire/mesh_fields.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

static int no_memory(void)
{
	return err_set(MP_ENOMEM, "no memory for a header");
}

int fields_put_receipt(json_t *o, const struct wire_receipt *f)
{
	char hex[2 * MESSAGE_ID + 1];
	json_t *ids = json_array();

	for (size_t i = 0; i < f->n; i++) {
		hex_encode(hex, f->id[i], MESSAGE_ID);
		if (json_array_append_new(ids, json_string(hex)) != 0) {
			json_decref(ids);
			return no_memory();
		}
	}
	return json_object_set_new(o, "ids", ids) == 0 ? MP_OK : no_memory();
}

static int get_receipt(struct wire_receipt *f, const json_t *o)
{
	const json_t *ids = json_object_get(o, "ids");
	const char *hex;

	f->n = json_array_size(ids);
	if (f->n < 1 || f->n > RECEIPT_MAX)
		return err_set(MP_EBAD, "bad 'ids'");
	for (size_t i = 0; i < f->n; i++) {
		hex = json_string_value(json_array_get(ids, i));
		if (hex == NULL || strspn(hex, "0123456789abcdef") != 2 * MESSAGE_ID ||
		    hex_decode(f->id[i], MESSAGE_ID, hex) != 0)
			return err_set(MP_EBAD, "bad 'ids'");
	}
	return MP_OK;
}

int fields_put_mesh(json_t *o, const struct wire *w)
{
	if (w->type == WIRE_RECEIPT)
		return fields_put_receipt(o, &w->u.receipt);
	return json_object_set(o, "mesh", w->u.update.mesh) == 0 ? MP_OK : no_memory();
}

int fields_get_mesh(struct wire *w, const json_t *o)
{
	if (w->type == WIRE_RECEIPT)
		return get_receipt(&w->u.receipt, o);
	w->u.update.mesh = json_object_get(o, "mesh");
	return MP_OK;
}

int fields_check_mesh(const struct wire *w)
{
	if (w->type == WIRE_RECEIPT)
		return w->u.receipt.n >= 1 && w->u.receipt.n <= RECEIPT_MAX
		           ? MP_OK
		           : err_set(MP_EBAD, "a receipt of nothing, or of too much");
	return json_is_object(w->u.update.mesh) ? MP_OK : err_set(MP_EBAD, "bad 'mesh'");
}
