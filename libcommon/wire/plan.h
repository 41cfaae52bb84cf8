/*
 * plan: the fields of introductions and groups between struct wire_plan and JSON; internal to wire.
 *
 * One table says which type has which fields, for both directions.
 */
#ifndef MP_WIRE_PLAN_H
#define MP_WIRE_PLAN_H

#include "wire/wire.h"

/* As fields.h has them. record: for a record, where no secret stands. */
int plan_put(json_t *o, enum wire_type t, const struct wire_plan *p, bool record);
int plan_get(struct wire_plan *p, enum wire_type t, const json_t *o, bool record);
int plan_check(enum wire_type t, const struct wire_plan *p, bool record);

#endif
