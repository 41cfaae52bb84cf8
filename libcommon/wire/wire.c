#include "wire/wire.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "wire/fields.h"
#include "wire/people.h"
#include "wire/plan.h"
#include "wire/mesh_fields.h"
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
    [WIRE_INTRODUCTION_REQUEST] = {"introduction-request", LANE_CONTROL},
    [WIRE_INTRODUCTION_RESPONSE] = {"introduction-response", LANE_CONTROL},
    [WIRE_INTRODUCTION_STATUS_REQUEST] = {"introduction-status-request", LANE_CONTROL},
    [WIRE_INTRODUCTION_STATUS_RESPONSE] = {"introduction-status-response", LANE_CONTROL},
    [WIRE_INTRODUCTION_CONTACTS] = {"introduction-contacts", LANE_CONTROL},
    [WIRE_INTRODUCTION_ACKNOWLEDGEMENT] = {"introduction-acknowledgement", LANE_CONTROL},
    [WIRE_TEMPORARY_CONTACT_UPDATE] = {"temporary-contact-update", LANE_CONTROL},
    [WIRE_INTRODUCTION_PETITION] = {"introduction-petition", LANE_CONTROL},
    [WIRE_INTRODUCTION_PETITION_DECLINATION] = {"introduction-petition-declination", LANE_CONTROL},
    [WIRE_GROUP_CHAT_REQUEST] = {"group-chat-request", LANE_CONTROL},
    [WIRE_GROUP_CHAT_RESPONSE] = {"group-chat-response", LANE_CONTROL},
    [WIRE_GROUP_CHAT_STATUS_REQUEST] = {"group-chat-status-request", LANE_CONTROL},
    [WIRE_GROUP_CHAT_STATUS_RESPONSE] = {"group-chat-status-response", LANE_CONTROL},
    [WIRE_GROUP_ADDITION_REQUEST] = {"group-addition-request", LANE_CONTROL},
    [WIRE_GROUP_ADDITION_RESPONSE] = {"group-addition-response", LANE_CONTROL},
    [WIRE_GROUP_ADDITION_STATUS_REQUEST] = {"group-addition-status-request", LANE_CONTROL},
    [WIRE_GROUP_ADDITION_STATUS_RESPONSE] = {"group-addition-status-response", LANE_CONTROL},
    [WIRE_NOTICE_OF_GROUP_EXIT] = {"notice-of-group-exit", LANE_CONTROL},
    [WIRE_GROUP_RESEND_REQUEST] = {"group-resend-request", LANE_CONTROL},
    [WIRE_REKEY] = {"rekey", LANE_CONTROL},
    [WIRE_REKEY_DRAINED] = {"rekey-drained", LANE_CONTROL},
    [WIRE_CONTACT_UPDATE] = {"contact-update", LANE_CONTROL},
    [WIRE_RECEIPT] = {"receipt", LANE_CONTROL},
    [WIRE_DEVICE_SYNC] = {"device-sync", LANE_MESSAGE},
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
	wire_keys_wipe(o);
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
	wire_keys_wipe(w->json);
	json_decref(w->json);
	secret_wipe(w, sizeof(*w));
}

/* initial-contact's sender and proof are made when it is sealed: a record has none. */
static int body_put(json_t *o, const struct wire *w)
{
	const char *text;

	if (wire_is_plan(w->type)) {
		int r = plan_check(w->type, &w->u.plan, true);

		return r != MP_OK ? r : plan_put(o, w->type, &w->u.plan, true);
	}
	switch (w->type) {
	case WIRE_FILE_STATUS:
		return fields_put_status(o, &w->u.status);
	case WIRE_INITIAL_CONTACT:
		text = w->u.initial.nickname;
		break;
	case WIRE_PING:
		return w->u.ping.grouped ? json_set_hex(o, "group", w->u.ping.group, GROUP_ID)
		                         : MP_OK;
	case WIRE_REKEY:
	case WIRE_REKEY_DRAINED:
		return fields_put_epoch(o, &w->u.rekey);
	case WIRE_CONTACT_UPDATE:
	case WIRE_DEVICE_SYNC:
		return MP_OK;
	case WIRE_RECEIPT:
		return fields_put_receipt(o, &w->u.receipt);
	default:
		return err_set(
		    MP_EUSAGE, "a '%s' has no fields in a record", wire_type_name(w->type));
	}
	return text == NULL || json_object_set_new(o, "nickname", json_string(text)) == 0
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

	if (wire_is_plan(w->type)) {
		if ((r = plan_get(&w->u.plan, w->type, o, true)) != MP_OK)
			return r;
		return plan_check(w->type, &w->u.plan, true);
	}
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
		return fields_get_group(&w->u.ping.grouped, w->u.ping.group, o);
	case WIRE_REKEY:
	case WIRE_REKEY_DRAINED:
		return fields_get_epoch(&w->u.rekey, o);
	case WIRE_CONTACT_UPDATE:
	case WIRE_RECEIPT:
	case WIRE_DEVICE_SYNC:
		return MP_OK;
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
