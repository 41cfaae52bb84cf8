/*
 * fields: what each message type has beyond type, id, time and re, between struct wire and JSON;
 * internal to wire.
 *
 * put and get carry the fields and check their types; check knows their bounds
 * and how they hang together with the body and the id.  Both directions pass it, so that nothing is
 * sent that a peer would refuse.
 */
#ifndef MP_WIRE_FIELDS_H
#define MP_WIRE_FIELDS_H

#include "wire/wire.h"

#define NICKNAME_MAX 64                /* bytes of a nickname, and of a group's name */
#define COUNTER_MAX (INT64_C(1) << 53) /* of a group's messages */

/* MP_ENOMEM. */
int fields_put(json_t *o, const struct wire *w);
/* Texts borrow from o. MP_EBAD. */
int fields_get(struct wire *w, const json_t *o);
/* MP_EBAD with a detail for the person who sends. */
int fields_check(const struct wire *w);

/* For the records' JSON too. */
int fields_put_status(json_t *o, const struct wire_file_status *s);
int fields_get_status(struct wire_file_status *s, const json_t *o);
int fields_check_status(const struct wire_file_status *s);
/* A text that may be absent (NULL), but not of another type. */
int fields_optional(const char **out, const json_t *o, const char *key);
int fields_check_nickname(const char *nickname);
/* 1 to max bytes, safe to show. */
int fields_check_text(const char *what, const char *text, size_t max);
/* "group" of a ping: optional. */
int fields_get_group(bool *has, uint8_t group[static GROUP_ID], const json_t *o);

#endif
