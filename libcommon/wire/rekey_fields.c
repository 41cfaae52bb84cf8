#include "wire/rekey_fields.h"

#include "base/err.h"

#define EPOCH_MAX ((INT64_C(1) << 53) - 1)

int fields_put_epoch(json_t *o, const struct wire_rekey *f)
{
	return json_object_set_new(o, "epoch", json_integer(f->epoch)) == 0
	           ? MP_OK
	           : err_set(MP_ENOMEM, "no memory for a header");
}

int fields_get_epoch(struct wire_rekey *f, const json_t *o)
{
	return json_int(o, "epoch", 0, EPOCH_MAX, &f->epoch);
}

int fields_put_rekey(json_t *o, const struct wire *w)
{
	const struct wire_rekey *f = &w->u.rekey;
	int r = fields_put_epoch(o, f);

	if (r == MP_OK && w->type == WIRE_REKEY &&
	    json_set_hex(o, "key", f->key, sizeof(f->key)) != 0)
		r = err_set(MP_ENOMEM, "no memory for a header");
	return r;
}

int fields_get_rekey(struct wire *w, const json_t *o)
{
	struct wire_rekey *f = &w->u.rekey;
	int r = fields_get_epoch(f, o);

	return r == MP_OK && w->type == WIRE_REKEY ? json_hex(o, "key", f->key, sizeof(f->key)) : r;
}

int fields_check_rekey(const struct wire *w)
{
	int64_t least = w->type == WIRE_REKEY ? 1 : 0;

	if (w->u.rekey.epoch < least || w->u.rekey.epoch > EPOCH_MAX)
		return err_set(MP_EBAD, "an epoch that there cannot be");
	return MP_OK;
}
