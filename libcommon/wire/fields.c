#include "wire/fields.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "crypto/onion.h"
#include "wire/chain.h"
#include "wire/people.h"
#include "wire/plan.h"
#include "wire/mesh_fields.h"
#include "wire/rekey_fields.h"

#define SIZE_MAX_WIRE (INT64_C(1) << 53)
#define CHUNKS_MAX (INT64_C(1) << 31)
#define STEP_MIN 1024

static const char *const answers[] = {
    [FILE_NO] = "no",
    [FILE_FROM] = "from",
    [FILE_WAIT] = "wait",
};
#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

static int put_int(json_t *o, const char *key, int64_t v)
{
	return json_object_set_new(o, key, json_integer(v));
}

static int put_text(json_t *o, const char *key, const char *v)
{
	return v == NULL ? 0 : json_object_set_new(o, key, json_string(v));
}

static int put_initial(json_t *o, const struct wire_initial_contact *f)
{
	char host[ONION_TEXT];

	onion_encode(host, f->sender);
	return put_text(o, "sender", host) | json_set_hex(o, "proof", f->proof, 32) |
	       put_text(o, "nickname", f->nickname);
}

static int put_file(json_t *o, const struct wire_file *f)
{
	int r = put_int(o, "size", f->size) | put_int(o, "chunk", f->chunk) |
	        put_int(o, "chunks", f->chunks) | put_int(o, "step", f->step) |
	        chain_put(o, &f->chain, f->chunk == 0);

	if (f->chunk == 0)
		r |= put_text(o, "name", f->name);
	if (f->has_hash)
		r |= json_set_hex(o, "sha256", f->sha256, 32);
	return r;
}

int fields_put_status(json_t *o, const struct wire_file_status *s)
{
	int r = json_set_hex(o, "file", s->file, MESSAGE_ID) |
	        put_text(o, "answer", answers[s->answer]);

	if (s->answer == FILE_FROM)
		r |= put_int(o, "from", s->from);
	return r == 0 ? MP_OK : MP_ENOMEM;
}

int fields_put(json_t *o, const struct wire *w)
{
	int r = -1;

	if (wire_is_plan(w->type))
		return plan_put(o, w->type, &w->u.plan, false);
	switch (w->type) {
	case WIRE_INITIAL_CONTACT:
		r = put_initial(o, &w->u.initial);
		break;
	case WIRE_MESSAGE:
		r = chain_put(o, &w->u.message.chain, true);
		break;
	case WIRE_FILE:
		r = put_file(o, &w->u.file);
		break;
	case WIRE_FILE_STATUS:
		r = fields_put_status(o, &w->u.status);
		break;
	case WIRE_PING:
		r = w->u.ping.grouped ? json_set_hex(o, "group", w->u.ping.group, GROUP_ID) : 0;
		break;
	case WIRE_REKEY:
	case WIRE_REKEY_DRAINED:
		return fields_put_rekey(o, w);
	case WIRE_CONTACT_UPDATE:
	case WIRE_RECEIPT:
		return fields_put_mesh(o, w);
	case WIRE_DEVICE_SYNC:
		return MP_OK;
	default:
		break;
	}
	return r == 0 ? MP_OK : err_set(MP_ENOMEM, "no memory for a header");
}

int fields_optional(const char **out, const json_t *o, const char *key)
{
	*out = json_text(o, key);
	if (*out == NULL && json_object_get(o, key) != NULL)
		return err_set(MP_EBAD, "'%s' is no text", key);
	return MP_OK;
}

static int get_initial(struct wire_initial_contact *f, const json_t *o)
{
	int r = wire_onion_get(f->sender, o, "sender");

	if (r != MP_OK || (r = json_hex(o, "proof", f->proof, 32)) != MP_OK)
		return r;
	return fields_optional(&f->nickname, o, "nickname");
}

static int get_file(struct wire_file *f, const json_t *o)
{
	int r;

	if ((r = json_int(o, "size", 0, SIZE_MAX_WIRE, &f->size)) != MP_OK ||
	    (r = json_int(o, "chunk", 0, CHUNKS_MAX, &f->chunk)) != MP_OK ||
	    (r = json_int(o, "chunks", 0, CHUNKS_MAX, &f->chunks)) != MP_OK ||
	    (r = json_int(o, "step", STEP_MIN, FILE_STEP, &f->step)) != MP_OK ||
	    (r = chain_get(&f->chain, o, f->chunk == 0)) != MP_OK)
		return r;
	if (f->chunk == 0 && (r = fields_optional(&f->name, o, "name")) != MP_OK)
		return r;
	f->has_hash = json_object_get(o, "sha256") != NULL;
	return f->has_hash ? json_hex(o, "sha256", f->sha256, 32) : MP_OK;
}

int fields_get_status(struct wire_file_status *s, const json_t *o)
{
	const char *answer = json_text(o, "answer");
	size_t i = 0;
	int r;

	if ((r = json_hex(o, "file", s->file, MESSAGE_ID)) != MP_OK)
		return r;
	while (i < ANSWERS && (answer == NULL || strcmp(answer, answers[i]) != 0))
		i++;
	if (i == ANSWERS)
		return err_set(MP_EBAD, "'answer' is not 'no', 'from' or 'wait'");
	s->answer = (enum file_answer)i;
	if (s->answer != FILE_FROM)
		return MP_OK;
	return json_int(o, "from", 1, CHUNKS_MAX + 1, &s->from);
}

int fields_get_group(bool *has, uint8_t group[static GROUP_ID], const json_t *o)
{
	*has = json_object_get(o, "group") != NULL;
	return *has ? json_hex(o, "group", group, GROUP_ID) : MP_OK;
}

int fields_get(struct wire *w, const json_t *o)
{
	if (wire_is_plan(w->type))
		return plan_get(&w->u.plan, w->type, o, false);
	switch (w->type) {
	case WIRE_INITIAL_CONTACT:
		return get_initial(&w->u.initial, o);
	case WIRE_MESSAGE:
		return chain_get(&w->u.message.chain, o, true);
	case WIRE_FILE:
		return get_file(&w->u.file, o);
	case WIRE_FILE_STATUS:
		return fields_get_status(&w->u.status, o);
	case WIRE_PING:
		return fields_get_group(&w->u.ping.grouped, w->u.ping.group, o);
	case WIRE_REKEY:
	case WIRE_REKEY_DRAINED:
		return fields_get_rekey(w, o);
	case WIRE_CONTACT_UPDATE:
	case WIRE_RECEIPT:
		return fields_get_mesh(w, o);
	case WIRE_DEVICE_SYNC:
		return MP_OK;
	default:
		break;
	}
	return err_set(MP_EBAD, "a message of unknown type");
}

/* Refused here rather than escaped: a name that needs it is an attempt to look like another. */
static int check_characters(const char *what, const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;
	uint32_t cp;

	for (size_t i = 0, step; i < n; i += step) {
		if ((step = text_next(p + i, n - i, &cp)) == 0)
			return err_set(MP_EBAD, "%s is not UTF-8", what);
		if (text_unsafe(cp))
			return err_set(MP_EBAD, "%s has control characters", what);
	}
	return MP_OK;
}

int fields_check_text(const char *what, const char *text, size_t max)
{
	size_t n = strlen(text);

	if (n == 0 || n > max)
		return err_set(MP_EBAD, "%s has %zu bytes: 1 to %zu are allowed", what, n, max);
	return check_characters(what, text, n);
}

int fields_check_nickname(const char *nickname)
{
	return nickname == NULL ? MP_OK : fields_check_text("the nickname", nickname, NICKNAME_MAX);
}

int fields_check_status(const struct wire_file_status *s)
{
	if (file_chunk_of(s->file) != 0)
		return err_set(MP_EBAD, "'file' is no transfer's id");
	if ((size_t)s->answer >= ANSWERS)
		return err_set(MP_EBAD, "a file's answer is 'no', 'from' or 'wait'");
	if (s->answer == FILE_FROM && (s->from < 1 || s->from > CHUNKS_MAX + 1))
		return err_set(MP_EBAD, "'from' is no chunk's number");
	return MP_OK;
}

static int check_name(const char *name)
{
	if (name == NULL)
		return err_set(MP_EBAD, "a file is offered without its name");
	if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(MP_EBAD, "a file's name has no '/' and is not '.' or '..'");
	return fields_check_text("the file's name", name, FILE_NAME_MAX);
}

/* The only length that chunk may have. */
static size_t chunk_length(const struct wire_file *f)
{
	if (f->chunk == 0)
		return 0;
	if (f->chunk < f->chunks)
		return (size_t)f->step;
	return (size_t)(f->size - (f->chunks - 1) * f->step);
}

static int check_file(const struct wire *w)
{
	const struct wire_file *f = &w->u.file;
	int r;

	if (f->size < 0 || f->size > SIZE_MAX_WIRE || f->step < STEP_MIN || f->step > FILE_STEP)
		return err_set(MP_EBAD, "a file's size or step is out of bounds");
	if (f->chunks > CHUNKS_MAX || f->chunks != (f->size + f->step - 1) / f->step)
		return err_set(MP_EBAD, "a file of %lld bytes is not %lld chunks of %lld",
		    (long long)f->size, (long long)f->chunks, (long long)f->step);
	if (f->chunk < 0 || f->chunk > f->chunks || file_chunk_of(w->id) != (uint32_t)f->chunk)
		return err_set(MP_EBAD, "a file's chunk has another's number");
	if (w->blen != chunk_length(f))
		return err_set(MP_EBAD, "a file's chunk has %zu bytes instead of %zu", w->blen,
		    chunk_length(f));
	if (f->has_hash != (f->chunk == f->chunks || (f->chunk == 0 && f->chain.grouped)))
		return err_set(MP_EBAD, "a file's hash stands in its last chunk%s",
		    f->chain.grouped ? " and in its first" : "");
	if (f->chunk == 0 && (r = check_name(f->name)) != MP_OK)
		return r;
	return chain_check(&f->chain, f->chunk == 0);
}

static int check_message(const struct wire *w)
{
	if (w->blen == 0)
		return err_set(MP_EBAD, "the message is empty");
	if (w->blen > MESSAGE_TEXT)
		return err_set(
		    MP_EBAD, "the message has more than %d bytes: send it as a file", MESSAGE_TEXT);
	return chain_check(&w->u.message.chain, true);
}

int fields_check(const struct wire *w)
{
	if (w->type == WIRE_MESSAGE)
		return check_message(w);
	if (w->type == WIRE_FILE)
		return check_file(w);
	if (w->type == WIRE_DEVICE_SYNC)
		return w->blen >= 2 && w->blen <= SYNC_TEXT
		           ? MP_OK
		           : err_set(MP_EBAD, "a device-sync of %zu bytes", w->blen);
	if (w->blen != 0)
		return err_set(MP_EBAD, "a '%s' has no body", wire_type_name(w->type));
	if (w->type == WIRE_INITIAL_CONTACT)
		return fields_check_nickname(w->u.initial.nickname);
	if (w->type == WIRE_FILE_STATUS)
		return fields_check_status(&w->u.status);
	if (w->type == WIRE_REKEY || w->type == WIRE_REKEY_DRAINED)
		return fields_check_rekey(w);
	if (w->type == WIRE_CONTACT_UPDATE || w->type == WIRE_RECEIPT)
		return fields_check_mesh(w);
	return wire_is_plan(w->type) ? plan_check(w->type, &w->u.plan, false) : MP_OK;
}
