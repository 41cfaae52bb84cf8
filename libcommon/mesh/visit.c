#include "mesh/visit.h"
#include "base/base64.h"
#include "base/err.h"

#include <string.h>

#define CURSOR_MOST (INT64_C(1) << 53)

void visit_init(struct visit *v)
{
	memset(v, 0, sizeof(*v));
	v->lines = (struct buf)BUF_INIT(VISIT_BYTES + 4 * VISIT_LINES);
}

void visit_free(struct visit *v)
{
	buf_free(&v->lines);
}

int visit_add(struct visit *v, const void *line, size_t len)
{
	int rc;

	if (v->n == VISIT_LINES || v->lines.len + len > VISIT_BYTES)
		return err_set(MP_ELIMIT, "more lines than one request takes");
	if ((rc = buf_reserve(&v->lines, 4 + len)) != 0 ||
	    (rc = buf_add32(&v->lines, (uint32_t)len)) != 0 ||
	    (rc = buf_add(&v->lines, line, len)) != 0)
		return rc;
	v->n++;
	return 0;
}

int visit_next(const struct visit *v, size_t *at, const uint8_t **line, size_t *len)
{
	if (*at == v->lines.len)
		return 0;
	*len = get32(v->lines.data + *at);
	*line = v->lines.data + *at + 4;
	*at += 4 + *len;
	return 1;
}

static int read_lines(struct visit *v, const json_t *o, size_t least)
{
	const json_t *list = json_object_get(o, "lines"), *one;
	struct buf b = BUF_INIT(DOOR_SEALED);
	int rc = 0;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) < least)
		return err_set(MP_EBAD, "bad 'lines'");
	json_array_foreach(list, i, one)
	{
		buf_clear(&b);
		if (!json_is_string(one) ||
		    base64_decode(&b, json_string_value(one), json_string_length(one)) != 0 ||
		    b.len == 0 || visit_add(v, b.data, b.len) != 0) {
			rc = err_set(MP_EBAD, "bad 'lines'");
			break;
		}
	}
	buf_free(&b);
	return rc;
}

static int append(json_t *list, const uint8_t *line, size_t len)
{
	struct buf b = BUF_INIT(2 * DOOR_SEALED);
	int rc = base64_encode(&b, line, len);

	if (rc == 0 && json_array_append_new(list, json_stringn((char *)b.data, b.len)) != 0)
		rc = err_set(MP_ENOMEM, "out of memory");
	buf_free(&b);
	return rc;
}

static int set_lines(json_t *o, const struct visit *v)
{
	json_t *list = json_array();
	const uint8_t *line;
	size_t at = 0, len;
	int rc = 0;

	while (rc == 0 && visit_next(v, &at, &line, &len))
		rc = append(list, line, len);
	if (rc == 0)
		rc = field_set(o, "lines", json_incref(list));
	json_decref(list);
	return rc;
}

static int finish(json_t **out, json_t *o, int rc)
{
	*out = rc == 0 ? o : NULL;
	if (rc != 0)
		json_decref(o);
	return rc;
}

int visit_post_read(struct visit *v, const json_t *o)
{
	int rc;

	if ((rc = field_type(o, "room_post")) == 0 &&
	    (rc = field_bytes(o, "room", v->room, DOOR_ID)) == 0)
		rc = read_lines(v, o, 1);
	return rc;
}

int visit_post_write(json_t **out, const struct visit *v)
{
	json_t *o = json_object();
	int rc;

	if ((rc = field_set_text(o, "type", "room_post")) == 0 &&
	    (rc = field_set_bytes(o, "room", v->room, DOOR_ID)) == 0)
		rc = set_lines(o, v);
	return finish(out, o, rc);
}

int visit_read_read(struct visit *v, const json_t *o)
{
	int rc;

	if ((rc = field_type(o, "room_read")) == 0 &&
	    (rc = field_bytes(o, "room", v->room, DOOR_ID)) == 0 &&
	    (rc = json_int(o, "cursor", VISIT_NOW, CURSOR_MOST, &v->cursor)) == 0)
		rc = json_int(o, "wait", 0, VISIT_WAIT, &v->wait);
	return rc;
}

int visit_read_write(json_t **out, const struct visit *v)
{
	json_t *o = json_object();
	int rc;

	if ((rc = field_set_text(o, "type", "room_read")) == 0 &&
	    (rc = field_set_bytes(o, "room", v->room, DOOR_ID)) == 0 &&
	    (rc = field_set_int(o, "cursor", v->cursor)) == 0)
		rc = field_set_int(o, "wait", v->wait);
	return finish(out, o, rc);
}

static int read_flag(const json_t *o, const char *key, bool *v)
{
	const json_t *member = json_object_get(o, key);

	if (!json_is_boolean(member))
		return err_set(MP_EBAD, "bad '%s'", key);
	*v = json_is_true(member);
	return 0;
}

int visit_answer_read(struct visit *v, const json_t *o)
{
	int rc;

	if ((rc = field_type(o, "room_lines")) == 0 &&
	    (rc = json_int(o, "cursor", 0, CURSOR_MOST, &v->cursor)) == 0 &&
	    (rc = read_flag(o, "lost", &v->lost)) == 0 &&
	    (rc = read_flag(o, "more", &v->more)) == 0)
		rc = read_lines(v, o, 0);
	return rc;
}

int visit_answer_write(json_t **out, const struct visit *v)
{
	json_t *o = json_object();
	int rc;

	if ((rc = field_set_text(o, "type", "room_lines")) == 0 &&
	    (rc = field_set_int(o, "cursor", v->cursor)) == 0 &&
	    (rc = field_set(o, "lost", json_boolean(v->lost))) == 0 &&
	    (rc = field_set(o, "more", json_boolean(v->more))) == 0)
		rc = set_lines(o, v);
	return finish(out, o, rc);
}
