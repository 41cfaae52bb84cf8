/* The writing half of record.h. */
#include "base/record.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

#include <string.h>

struct columns {
	char id[2 * RECORD_ID + 1], time[CLOCK_TEXT];
	const char *v[6]; /* NULL: absent */
};

static void make_columns(struct columns *c, const struct record *r)
{
	c->v[0] = record_class_name(r->class);
	c->v[1] = r->kind[0] != '\0' ? r->kind : NULL;
	c->v[2] = r->contact[0] != '\0' ? r->contact : NULL;
	c->v[3] = r->has_id ? c->id : NULL;
	c->v[4] = r->time != RECORD_TIME_ABSENT ? c->time : NULL;
	c->v[5] = r->ref[0] != '\0' ? r->ref : NULL;
	if (r->has_id)
		hex_encode(c->id, r->id, RECORD_ID);
	if (r->time != RECORD_TIME_ABSENT)
		clock_format(c->time, r->time);
}

/* An empty body is an absent one in both forms. */
static bool has_body(const struct record *r)
{
	return r->has_body && r->body.len > 0;
}

/* A body with nothing to escape, a sealed one above all, is written from where it is. */
static bool plain_body(const struct record *r)
{
	const struct buf *b = &r->body;

	return has_body(r) && (b->len != 1 || b->data[0] != '-') &&
	       text_plain(b->data, b->len) == b->len;
}

/* All but a body that is *plain. */
static int make_tsv(struct buf *out, const struct record *r, const struct columns *c, bool *plain)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < 6; i++) {
		rc = buf_adds(out, c->v[i] != NULL ? c->v[i] : "-");
		if (rc == 0)
			rc = buf_addc(out, '\t');
	}
	*plain = plain_body(r);
	if (rc != 0)
		return rc;
	if (!*plain)
		return has_body(r) ? text_escape(out, r->body.data, r->body.len)
		                   : buf_addc(out, '-');
	if (out->len + r->body.len > RECORD_LINE)
		return err_set(MP_ELIMIT, "longer than %u bytes", RECORD_LINE);
	return 0;
}

/* A member that could not be made shows as a null pointer, and json_object_set_new() fails. */
static int add_string(json_t *o, const char *key, const char *s, size_t len)
{
	return json_object_set_new(o, key, s != NULL ? json_stringn(s, len) : json_null());
}

static int add_json_body(json_t *o, const struct record *r)
{
	struct buf text = BUF_INIT(RECORD_LINE);
	int rc;

	if (!has_body(r))
		return add_string(o, "body", NULL, 0);
	/* No reader takes U+0000, though it is valid UTF-8. */
	if (memchr(r->body.data, '\0', r->body.len) == NULL && text_utf8(r->body.data, r->body.len))
		return add_string(o, "body", (const char *)r->body.data, r->body.len);
	rc = base64_encode(&text, r->body.data, r->body.len);
	if (rc == 0)
		rc = add_string(o, "body_b64", (const char *)text.data, text.len);
	buf_free(&text);
	return rc;
}

static int make_json(struct buf *out, const struct record *r, const struct columns *c)
{
	static const char *const names[] = {"class", "kind", "contact", "id", "time", "ref"};
	json_t *o = json_object();
	int rc = 0;

	for (int i = 0; rc == 0 && i < 6; i++)
		rc = add_string(o, names[i], c->v[i], c->v[i] != NULL ? strlen(c->v[i]) : 0);
	if (rc == 0)
		rc = add_json_body(o, r);
	if (rc == -1) /* jansson's */
		rc = err_set(MP_ENOMEM, "out of memory");
	if (rc == 0)
		rc = json_write(out, o);
	json_decref(o);
	return rc;
}

static int write_failed(void)
{
	return err_sys("cannot write standard output");
}

int record_write(FILE *f, const struct record *rec, bool json)
{
	struct buf line = BUF_INIT(RECORD_LINE + 1);
	struct columns c;
	bool plain = false;
	int rc;

	make_columns(&c, rec);
	rc = json ? make_json(&line, rec, &c) : make_tsv(&line, rec, &c, &plain);
	if (rc == 0 &&
	    (fwrite(line.data, 1, line.len, f) != line.len ||
	        (plain && fwrite(rec->body.data, 1, rec->body.len, f) != rec->body.len) ||
	        putc('\n', f) == EOF))
		rc = write_failed();
	buf_free(&line);
	return rc;
}

int record_copy(FILE *f, const struct record_reader *r)
{
	size_t len;
	const char *line = record_raw(r, &len);

	if (fwrite(line, 1, len, f) != len || putc('\n', f) == EOF)
		return write_failed();
	return 0;
}

int record_finish(FILE *f)
{
	if (fflush(f) != 0 || ferror(f))
		return write_failed();
	return 0;
}
