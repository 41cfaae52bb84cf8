#include "wire/wire.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "wire/fields.h"
#include "wire/rekey_fields.h"

#define TIME_MAX INT64_C(253402300799999) /* the last millisecond of the year 9999 */

static const struct {
	const char *name;
	enum wire_lane lane;
} types[WIRE_TYPES] = {
    [WIRE_INITIAL_CONTACT] = {"initial-contact", LANE_CONTROL},
    [WIRE_MESSAGE] = {"message", LANE_MESSAGE},
    [WIRE_FILE] = {"file", LANE_FILE},
    [WIRE_FILE_STATUS] = {"file-status", LANE_CONTROL},
    [WIRE_PING] = {"ping", LANE_CONTROL},
    [WIRE_REKEY] = {"rekey", LANE_CONTROL},
    [WIRE_REKEY_DRAINED] = {"rekey-drained", LANE_CONTROL},
};

const char *wire_type_name(enum wire_type t)
{
	return (size_t)t < WIRE_TYPES ? types[t].name : "unknown";
}

int wire_type_parse(enum wire_type *t, const char *name)
{
	for (size_t i = 0; i < WIRE_TYPES; i++) {
		if (strcmp(types[i].name, name) == 0) {
			*t = (enum wire_type)i;
			return MP_OK;
		}
	}
	return err_set(MP_EBAD, "unknown type '%s'", name);
}

enum wire_lane wire_lane(enum wire_type t)
{
	return (size_t)t < WIRE_TYPES ? types[t].lane : LANE_CONTROL;
}

static int check(const struct wire *w)
{
	if ((size_t)w->type >= WIRE_TYPES)
		return err_set(MP_EBAD, "a message of unknown type");
	if (w->time < 0 || w->time > TIME_MAX)
		return err_set(MP_EBAD, "a message's time is outside the years 1970 to 9999");
	return fields_check(w);
}

int wire_encode(struct buf *header, const struct wire *w)
{
	char time[CLOCK_TEXT];
	json_t *o;
	int r;

	if ((r = check(w)) != MP_OK)
		return r;
	if ((o = json_object()) == NULL)
		return err_set(MP_ENOMEM, "no memory for a header");
	clock_format(time, w->time);
	r = json_object_set_new(o, "type", json_string(types[w->type].name)) |
	    json_set_hex(o, "id", w->id, MESSAGE_ID) |
	    json_object_set_new(o, "time", json_string(time));
	if (w->reply)
		r |= json_set_hex(o, "re", w->re, MESSAGE_ID);
	if (r != 0)
		r = err_set(MP_ENOMEM, "no memory for a header");
	else if ((r = fields_put(o, w)) == MP_OK)
		r = json_write(header, o);
	json_decref(o);
	return r;
}

static int get_common(struct wire *w, const json_t *o)
{
	const char *type = json_text(o, "type"), *time = json_text(o, "time");
	int r;

	if (type == NULL || time == NULL)
		return err_set(MP_EBAD, "a message without its type or time");
	if ((r = wire_type_parse(&w->type, type)) != MP_OK ||
	    (r = json_hex(o, "id", w->id, MESSAGE_ID)) != MP_OK ||
	    (r = clock_parse(&w->time, time)) != MP_OK)
		return r;
	w->reply = json_object_get(o, "re") != NULL;
	return w->reply ? json_hex(o, "re", w->re, MESSAGE_ID) : MP_OK;
}

int wire_decode(struct wire *w, const struct envelope *e)
{
	int r;

	memset(w, 0, sizeof(*w));
	if (e->hlen > HEADER_MAX)
		return err_set(MP_EBAD, "a header of %zu bytes", e->hlen);
	if ((r = json_read(&w->json, (const char *)e->header, e->hlen)) != MP_OK)
		return r;
	w->body = e->body;
	w->blen = e->blen;
	if ((r = get_common(w, w->json)) != MP_OK || (r = fields_get(w, w->json)) != MP_OK ||
	    (r = check(w)) != MP_OK)
		wire_free(w);
	return r;
}

void wire_free(struct wire *w)
{
	json_decref(w->json);
	memset(w, 0, sizeof(*w));
}

/* initial-contact's sender and proof are made when it is sealed: a record has none. */
static int body_put(json_t *o, const struct wire *w)
{
	const char *text, *key = "group";

	switch (w->type) {
	case WIRE_FILE_STATUS:
		return fields_put_status(o, &w->u.status);
	case WIRE_INITIAL_CONTACT:
		text = w->u.initial.nickname;
		key = "nickname";
		break;
	case WIRE_PING:
		text = w->u.ping.group;
		break;
	case WIRE_REKEY:
	case WIRE_REKEY_DRAINED:
		return fields_put_epoch(o, &w->u.rekey);
	default:
		return err_set(
		    MP_EUSAGE, "a '%s' has no fields in a record", wire_type_name(w->type));
	}
	return text == NULL || json_object_set_new(o, key, json_string(text)) == 0
	           ? MP_OK
	           : err_set(MP_ENOMEM, "no memory for a record");
}

int wire_to_body(struct buf *body, const struct wire *w)
{
	json_t *o = json_object();
	int r;

	if (o == NULL)
		return err_set(MP_ENOMEM, "no memory for a record");
	if ((r = body_put(o, w)) == MP_OK)
		r = json_write(body, o);
	json_decref(o);
	return r;
}

static int body_get(struct wire *w, const json_t *o)
{
	int r;

	switch (w->type) {
	case WIRE_FILE_STATUS:
		if ((r = fields_get_status(&w->u.status, o)) != MP_OK)
			return r;
		return fields_check_status(&w->u.status);
	case WIRE_INITIAL_CONTACT:
		if ((r = fields_optional(&w->u.initial.nickname, o, "nickname")) != MP_OK)
			return r;
		return fields_check_nickname(w->u.initial.nickname);
	case WIRE_PING:
		if ((r = fields_optional(&w->u.ping.group, o, "group")) != MP_OK)
			return r;
		return fields_check_group(w->u.ping.group);
	case WIRE_REKEY:
	case WIRE_REKEY_DRAINED:
		return fields_get_epoch(&w->u.rekey, o);
	default:
		return err_set(
		    MP_EUSAGE, "a '%s' has no fields in a record", wire_type_name(w->type));
	}
}

int wire_from_body(struct wire *w, enum wire_type t, const char *body, size_t len)
{
	int r;

	memset(w, 0, sizeof(*w));
	w->type = t;
	if ((r = json_read(&w->json, body, len)) != MP_OK)
		return r;
	if ((r = body_get(w, w->json)) != MP_OK)
		wire_free(w);
	return r;
}

void file_chunk_id(
    uint8_t out[static MESSAGE_ID], const uint8_t transfer[static MESSAGE_ID], uint32_t chunk)
{
	memmove(out, transfer, 12);
	put32(out + 12, chunk);
}

uint32_t file_chunk_of(const uint8_t id[static MESSAGE_ID])
{
	return get32(id + 12);
}

void file_transfer_of(uint8_t out[static MESSAGE_ID], const uint8_t id[static MESSAGE_ID])
{
	file_chunk_id(out, id, 0);
}
