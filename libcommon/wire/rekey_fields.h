/*
 * rekey_fields: what a rekey and a rekey-drained have beyond type, id, time and re; internal to
 * wire.
 */
#ifndef MP_WIRE_REKEY_FIELDS_H
#define MP_WIRE_REKEY_FIELDS_H

#include "wire/wire.h"

/* As those of wire/fields.h. */
int fields_put_rekey(json_t *o, const struct wire *w);
int fields_get_rekey(struct wire *w, const json_t *o);
int fields_check_rekey(const struct wire *w);

/* For the records' JSON: the epoch alone. */
int fields_put_epoch(json_t *o, const struct wire_rekey *f);
int fields_get_epoch(struct wire_rekey *f, const json_t *o);

#endif
