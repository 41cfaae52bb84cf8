/* mp-show: records as people read them, mp-show(1). */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/err.h"
#include "base/json.h"
#include "base/record.h"
#include "base/text.h"

/* What begins with it is not the start of a record, whatever a peer wrote there. */
#define INDENT "    "

static int add_time(struct buf *out, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (ms == RECORD_TIME_ABSENT || localtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm) == 0)
		return buf_adds(out, "-");
	return buf_adds(out, text);
}

/* Text with its lines, all but the first indented; one line feed at its end is dropped. */
static int add_text(struct buf *out, const struct buf *body)
{
	const char *p = (const char *)body->data, *lf;
	size_t len = body->len;
	int r = MP_OK;

	if (len > 0 && p[len - 1] == '\n')
		len--;
	while (r == MP_OK && len > 0 && (lf = memchr(p, '\n', len)) != NULL) {
		r = text_display(out, p, (size_t)(lf - p), 0);
		if (r == MP_OK)
			r = buf_adds(out, "\n" INDENT);
		len -= (size_t)(lf + 1 - p);
		p = lf + 1;
	}
	return r == MP_OK ? text_display(out, p, len, 0) : r;
}

/* [alice, (ourselves), "a nickname" ADDRESS]: names are ours, what a peer chose stays quoted. */
static int add_people(struct buf *out, json_t *list)
{
	const char *text;
	int r = buf_addc(out, '[');
	json_t *who;
	size_t i;

	json_array_foreach(list, i, who)
	{
		if (r == MP_OK && i > 0)
			r = buf_adds(out, ", ");
		if (r != MP_OK)
			return r;
		if (json_is_true(json_object_get(who, "self"))) {
			r = buf_adds(out, "(ourselves)");
		} else if ((text = json_text(who, "contact")) != NULL) {
			r = text_display(out, text, strlen(text), 0);
		} else {
			if (json_text(who, "nickname") != NULL &&
			    (r = json_write(out, json_object_get(who, "nickname"))) == MP_OK)
				r = buf_addc(out, ' ');
			text = json_text(who, "onion");
			if (r == MP_OK)
				r = text_display(out, text, strlen(text), 0);
		}
	}
	return r == MP_OK ? buf_addc(out, ']') : r;
}

static bool is_people(json_t *v)
{
	json_t *who;
	size_t i;

	json_array_foreach(v, i, who) if (json_text(who, "onion") == NULL) return false;
	return json_array_size(v) > 0;
}

/* ` key=value` for each member that is there; values stay quoted, so none can pass for another. */
static int add_fields(struct buf *out, json_t *o)
{
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		int r = MP_OK;

		if (json_is_null(v))
			continue;
		if ((r = buf_addc(out, ' ')) != MP_OK ||
		    (r = text_display(out, key, strlen(key), 0)) != MP_OK ||
		    (r = buf_addc(out, '=')) != MP_OK ||
		    (r = is_people(v) ? add_people(out, v) : json_write(out, v)) != MP_OK)
			return r;
	}
	return MP_OK;
}

static size_t decoded_size(const struct buf *base64)
{
	size_t n = base64->len / 4 * 3;

	for (size_t i = base64->len; i > 0 && n > 0 && base64->data[i - 1] == '='; i--)
		n--;
	return n;
}

static int add_details(struct buf *out, const struct record *rec)
{
	json_t *o = NULL;
	int r;

	if (!rec->has_body)
		return MP_OK;
	if (rec->class == CLASS_SEALED)
		return buf_addf(out, " %zu bytes", decoded_size(&rec->body));
	if (rec->body.data[0] == '{' &&
	    json_read(&o, (const char *)rec->body.data, rec->body.len) == MP_OK) {
		r = add_fields(out, o);
		json_decref(o);
		return r;
	}
	r = buf_addc(out, ' ');
	return r == MP_OK ? add_text(out, &rec->body) : r;
}

static const char *or_dash(const char *s)
{
	return s[0] != '\0' ? s : "-";
}

/* "alice> text", "to alice> text", "alice: file name=..." */
static int add_letter(struct buf *out, const struct record *rec)
{
	bool text = strcmp(rec->kind, "message") == 0;
	int r = buf_addf(out, " %s%s", rec->class == CLASS_IN ? "" : "to ", or_dash(rec->contact));

	if (r == MP_OK && rec->ref[0] != '\0')
		r = buf_addf(out, " [%s]", rec->ref);
	if (r != MP_OK)
		return r;
	if (!text) {
		r = buf_addf(out, ": %s", or_dash(rec->kind));
		return r == MP_OK ? add_details(out, rec) : r;
	}
	r = buf_adds(out, "> ");
	return r == MP_OK && rec->has_body ? add_text(out, &rec->body) : r;
}

/* "queued message to alice ID: [code] reason" */
static int add_delivery(struct buf *out, const struct record *rec)
{
	char id[2 * RECORD_ID + 1] = "-";
	int r;

	if (rec->has_id)
		hex_encode(id, rec->id, RECORD_ID);
	r = buf_addf(out, " %s %s to %s %s:", record_class_name(rec->class), or_dash(rec->kind),
	    or_dash(rec->contact), id);
	if (r == MP_OK && rec->ref[0] != '\0')
		r = buf_addf(out, " [%s]", rec->ref);
	return r == MP_OK ? add_details(out, rec) : r;
}

/* "* kind alice: what happened" */
static int add_event(struct buf *out, const struct record *rec)
{
	int r = buf_addf(out, " * %s", or_dash(rec->kind));

	if (r == MP_OK && rec->contact[0] != '\0')
		r = buf_addf(out, " %s", rec->contact);
	if (r == MP_OK && rec->ref[0] != '\0')
		r = buf_addf(out, " [%s]", rec->ref);
	if (r == MP_OK)
		r = buf_addc(out, ':');
	return r == MP_OK ? add_details(out, rec) : r;
}

static int add_record(struct buf *out, const struct record *rec)
{
	int r = add_time(out, rec->time);

	if (r != MP_OK)
		return r;
	switch (rec->class) {
	case CLASS_OUT:
	case CLASS_IN:
	case CLASS_WAS:
		r = add_letter(out, rec);
		break;
	case CLASS_EVENT:
		r = add_event(out, rec);
		break;
	default:
		r = add_delivery(out, rec);
		break;
	}
	return r == MP_OK ? buf_addc(out, '\n') : r;
}

static int show(const struct record *rec)
{
	struct buf out = BUF_INIT(8 * RECORD_LINE);
	int r = add_record(&out, rec);

	if (r == MP_OK && fwrite(out.data, 1, out.len, stdout) != out.len)
		r = err_sys("cannot write standard output");
	buf_free(&out);
	return r;
}

/* A bad line is said and passed over; MP_OK while one can go on. */
static int show_stream(struct record_reader *reader, int *status)
{
	struct record *rec;
	int n, r = MP_OK;

	while (r == MP_OK && (n = record_read(reader, &rec)) != 0) {
		if (n > 0)
			r = show(rec);
		else if (n == MP_EBAD || n == MP_ELIMIT)
			*status = err_worse(*status, err_print(n));
		else
			return n;
		if (r == MP_OK && !record_ready(reader))
			r = record_finish(stdout);
	}
	if (reader->number == 0 && r == MP_OK)
		*status = EXIT_NO;
	return r == MP_OK ? record_finish(stdout) : r;
}

int main(int argc, char **argv)
{
	struct record_reader reader;
	int c, r, status = EXIT_DONE;

	cmd_begin("mp-show", "mp-show [-h]");
	while ((c = getopt(argc, argv, "+h")) != -1)
		return cmd_usage(c);
	if (optind != argc)
		return cmd_usage(0);
	record_reader_init(&reader, STDIN_FILENO, "standard input");
	r = show_stream(&reader, &status);
	record_reader_free(&reader);
	return r == MP_OK ? status : err_worse(status, err_print(r));
}
