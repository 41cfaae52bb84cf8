#include "base/record.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

static const char *const class_names[] = {
    [CLASS_OUT] = "out",
    [CLASS_IN] = "in",
    [CLASS_WAS] = "was",
    [CLASS_SEALED] = "sealed",
    [CLASS_SENT] = "sent",
    [CLASS_QUEUED] = "queued",
    [CLASS_FAILED] = "failed",
    [CLASS_EVENT] = "event",
};

const char *record_class_name(enum record_class c)
{
	return class_names[c];
}

void record_init(struct record *r)
{
	memset(r, 0, sizeof(*r));
	r->time = RECORD_TIME_ABSENT;
	r->body.max = RECORD_LINE;
}

void record_free(struct record *r)
{
	buf_free(&r->body);
}

/* Absent, except that the memory of the body stays. */
static void record_reset(struct record *r)
{
	struct buf body = r->body;

	record_init(r);
	r->body = body;
	buf_clear(&r->body);
}

static int set_class(struct record *r, const char *s)
{
	for (size_t i = 0; i < sizeof(class_names) / sizeof(class_names[0]); i++) {
		if (strcmp(s, class_names[i]) == 0) {
			r->class = (enum record_class)i;
			return 0;
		}
	}
	return err_set(MP_EBAD, "unknown class '%.20s'", s);
}

static bool absent(const char *s)
{
	return s[0] == '-' && s[1] == '\0';
}

/* A column of at most size - 1 characters out of set; "-" is the absent one. */
static int set_word(char *out, size_t size, const char *s, const char *set, const char *column)
{
	size_t n = strlen(s);

	if (absent(s))
		return 0;
	if (n == 0 || n >= size || strspn(s, set) != n)
		return err_set(MP_EBAD, "bad %s '%.80s'", column, s);
	memcpy(out, s, n + 1);
	return 0;
}

#define LOWER_DIGITS "abcdefghijklmnopqrstuvwxyz0123456789"
#define KIND_SET LOWER_DIGITS "-"
#define REF_SET LOWER_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ._:-"
#define CONTACT_SET LOWER_DIGITS "._-"

static int set_contact(struct record *r, const char *s)
{
	if (!absent(s) && !text_name_ok(s))
		return err_set(MP_EBAD, "bad contact '%.80s'", s);
	return set_word(r->contact, sizeof(r->contact), s, CONTACT_SET, "contact");
}

static int set_id(struct record *r, const char *s)
{
	if (absent(s))
		return 0;
	if (hex_decode(r->id, RECORD_ID, s) != 0)
		return err_set(MP_EBAD, "bad id '%.80s'", s);
	r->has_id = true;
	return 0;
}

static int set_time(struct record *r, const char *s)
{
	return absent(s) ? 0 : clock_parse(&r->time, s);
}

/* The first six columns, in order, each a string. */
static int set_column(struct record *r, int column, const char *s)
{
	switch (column) {
	case 0:
		return set_class(r, s);
	case 1:
		return set_word(r->kind, sizeof(r->kind), s, KIND_SET, "kind");
	case 2:
		return set_contact(r, s);
	case 3:
		return set_id(r, s);
	case 4:
		return set_time(r, s);
	default:
		return set_word(r->ref, sizeof(r->ref), s, REF_SET, "ref");
	}
}

/* The body of a line is text and escapes; what should have been escaped is not let in. */
static int set_body(struct record *r, const char *s, size_t len)
{
	int rc;

	if (len == 0)
		return err_set(MP_EBAD, "empty body: '-' is the absent one");
	if (len == 1 && *s == '-')
		return 0;
	for (size_t at = 0; at < len; at++) {
		at += text_plain(s + at, len - at);
		if (at < len && s[at] != '\\')
			return err_set(MP_EBAD, "byte 0x%02x in the body is not escaped",
			    (unsigned char)s[at]);
	}
	rc = text_unescape(&r->body, s, len);
	r->has_body = rc == 0;
	return rc;
}

static int parse_tsv(struct record *r, const char *line, size_t len)
{
	char column[RECORD_REF + 1];
	const char *tab;
	int rc;

	for (int i = 0; i < 6; i++) {
		if ((tab = memchr(line, '\t', len)) == NULL)
			return err_set(MP_EBAD, "%d columns, not 7", i + 1);
		if ((size_t)(tab - line) >= sizeof(column))
			return err_set(MP_EBAD, "column %d is too long", i + 1);
		memcpy(column, line, (size_t)(tab - line));
		column[tab - line] = '\0';
		if ((rc = set_column(r, i, column)) != 0)
			return rc;
		len -= (size_t)(tab + 1 - line);
		line = tab + 1;
	}
	if (memchr(line, '\t', len) != NULL)
		return err_set(MP_EBAD, "more than 7 columns");
	return set_body(r, line, len);
}

static const char *const names[] = {"class", "kind", "contact", "id", "time", "ref"};

static int set_json_body(struct record *r, const json_t *v, bool encoded)
{
	int rc;

	if (v == NULL || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return err_set(MP_EBAD, "'body' is no string");
	if (r->has_body)
		return err_set(MP_EBAD, "'body' and 'body_b64' at once");
	if (encoded)
		rc = base64_decode(&r->body, json_string_value(v), json_string_length(v));
	else
		rc = buf_add(&r->body, json_string_value(v), json_string_length(v));
	r->has_body = r->body.len > 0;
	return rc;
}

static int parse_json(struct record *r, const char *line, size_t len)
{
	json_t *o;
	int rc = json_read(&o, line, len);

	for (int i = 0; rc == 0 && i < 6; i++) {
		const json_t *v = json_object_get(o, names[i]);

		if (json_is_string(v))
			rc = set_column(r, i, json_string_value(v));
		else if (i == 0 || (v != NULL && !json_is_null(v)))
			rc = err_set(MP_EBAD, "'%s' is no string", names[i]);
	}
	if (rc == 0)
		rc = set_json_body(r, json_object_get(o, "body"), false);
	if (rc == 0)
		rc = set_json_body(r, json_object_get(o, "body_b64"), true);
	json_decref(o);
	return rc;
}

int record_parse(struct record *rec, const char *line, size_t len)
{
	record_reset(rec);
	if (len == 0)
		return err_set(MP_EBAD, "empty line");
	if (len > RECORD_LINE)
		return err_set(MP_ELIMIT, "line is longer than %u bytes", RECORD_LINE);
	if (memchr(line, '\0', len) != NULL)
		return err_set(MP_EBAD, "NUL byte in the line");
	return line[0] == '{' ? parse_json(rec, line, len) : parse_tsv(rec, line, len);
}

void record_reader_init(struct record_reader *r, int fd, const char *name)
{
	memset(r, 0, sizeof(*r));
	r->fd = fd;
	r->name = name;
	r->line.max = RECORD_LINE + 2 * CHUNK;
	record_init(&r->rec);
}

void record_reader_free(struct record_reader *r)
{
	buf_free(&r->line);
	record_free(&r->rec);
}

/* Reads once into the room behind what is there.  0, with eof set at the end. */
static int fill(struct record_reader *r)
{
	ssize_t n;
	int rc;

	if (r->at > 0) {
		r->line.len -= r->at;
		memmove(r->line.data, r->line.data + r->at, r->line.len);
		r->at = 0;
	}
	if ((rc = buf_reserve(&r->line, CHUNK)) != 0)
		return rc;
	do
		n = read(r->fd, r->line.data + r->line.len, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("%s: cannot read", r->name);
	r->eof = n == 0;
	r->line.len += (size_t)n;
	return 0;
}

/* The next LF behind the first *seen bytes of the line, or NULL; *seen is then what the line has.
 */
static const uint8_t *find_end(const struct record_reader *r, size_t *seen)
{
	size_t from = r->at + *seen;
	const uint8_t *lf = NULL;

	if (from < r->line.len)
		lf = memchr(r->line.data + from, '\n', r->line.len - from);
	*seen = (lf != NULL ? (size_t)(lf - r->line.data) : r->line.len) - r->at;
	return lf;
}

/* What is left when the input has ended. */
static int last_line(struct record_reader *r)
{
	if (r->at == r->line.len)
		return 0;
	r->number++;
	r->at = r->line.len;
	return err_set(MP_EBAD, "last line has no line feed: cut off");
}

/*
 * Makes the next line the current one: 1, 0 at the end, or a code.  A line that passes the
 * limit is given up as soon as it does, and its rest skipped by the next call.
 */
static int next_line(struct record_reader *r)
{
	size_t seen = 0; /* of the line that begins at r->at; no LF in them */
	int rc;

	for (;;) {
		const uint8_t *lf = find_end(r, &seen);
		bool skipped = r->skipping;

		if (skipped || seen > RECORD_LINE) {
			r->at += seen + (lf != NULL);
			r->skipping = lf == NULL;
			seen = 0;
			if (!skipped) {
				r->number++;
				return err_set(
				    MP_ELIMIT, "line is longer than %u bytes", RECORD_LINE);
			}
		} else if (lf != NULL) {
			r->number++;
			r->raw = r->at;
			r->rawlen = seen;
			r->at += seen + 1;
			return 1;
		}
		if (lf != NULL)
			continue;
		if (r->eof)
			return last_line(r);
		if ((rc = fill(r)) != 0)
			return rc;
	}
}

int record_read(struct record_reader *r, struct record **rec)
{
	int rc;

	r->raw = r->rawlen = 0;
	*rec = &r->rec;
	if ((rc = next_line(r)) == 1)
		rc = record_parse(&r->rec, (const char *)r->line.data + r->raw, r->rawlen);
	else if (rc == 0)
		return 0;
	if (rc == MP_EBAD || rc == MP_ELIMIT)
		return err_set(rc, "%s:%lu: %s", r->name, r->number, err_detail());
	return rc == 0 ? 1 : rc;
}

bool record_ready(const struct record_reader *r)
{
	return r->line.len > r->at &&
	       memchr(r->line.data + r->at, '\n', r->line.len - r->at) != NULL;
}

const char *record_raw(const struct record_reader *r, size_t *len)
{
	*len = r->rawlen;
	return r->line.data != NULL ? (const char *)r->line.data + r->raw : "";
}
