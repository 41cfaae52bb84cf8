/*
 * mesh_fields: what a contact-update and a receipt have beyond type, id, time and re; internal to
 * wire.
 */
#ifndef MP_WIRE_MESH_FIELDS_H
#define MP_WIRE_MESH_FIELDS_H

#include "wire/wire.h"

/* As those of wire/fields.h. */
int fields_put_mesh(json_t *o, const struct wire *w);
int fields_get_mesh(struct wire *w, const json_t *o);
int fields_check_mesh(const struct wire *w);

/* For the records' JSON: what a receipt names; of a contact-update nothing. */
int fields_put_receipt(json_t *o, const struct wire_receipt *f);

#endif
