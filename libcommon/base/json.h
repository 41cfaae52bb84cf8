/*
 * json: jansson with this project's strictness.
 *
 * Read: UTF-8, no duplicate keys, no U+0000, integers within +-2^53, one value and
 * nothing after it (RFC 8259).  Written: compact, keys in the order they were set, every
 * control, DEL, C1, bidi control, U+2028 and U+2029 as \uXXXX, so that a line of JSON
 * never carries a raw control byte.
 */
#ifndef MP_BASE_JSON_H
#define MP_BASE_JSON_H

#include <jansson.h>
#include "base/buf.h"

/* The object at s; the caller json_decref()s it.  MP_EBAD when it is not one. */
int json_read(json_t **out, const char *s, size_t len);

/* Appends v. */
int json_write(struct buf *out, const json_t *v);

/* Spaces behind what is there, which a reader passes over, up to size bytes in all. */
int json_pad(struct buf *out, size_t size);

/* The member, or NULL when absent or of another type.  Borrowed. */
const char *json_text(const json_t *object, const char *key);

/* 0 and *v, or MP_EBAD when absent, no integer, or outside [min, max]. */
int json_int(const json_t *object, const char *key, int64_t min, int64_t max, int64_t *v);

/* Exactly n bytes of lower-case hex in the member, or MP_EBAD. */
int json_hex(const json_t *object, const char *key, uint8_t *out, size_t n);
int json_set_hex(json_t *object, const char *key, const uint8_t *data, size_t n);

#endif
