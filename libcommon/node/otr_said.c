#include "node/otr_talk.h"

#include <string.h>

#include "base/err.h"

static int say(struct talk *t, const struct payload *p, int64_t now)
{
	struct buf plain = BUF_INIT(OTR_CIPHERTEXT);
	int r = payload_write(&plain, p);

	if (r == MP_OK)
		r = room_say(t->room, plain.data, plain.len, now);
	buf_free(&plain);
	return r;
}

static int say_file(struct talk *t, const struct record *rec, int64_t now)
{
	struct buf data = BUF_INIT(2 * PAYLOAD_PIECE);
	json_t *o = NULL;
	struct payload p;
	int r = otr_file_parse(&p, &rec->body, &o, &data);

	memcpy(p.id, rec->id, PAYLOAD_ID);
	if (r == MP_OK && !rec->has_id)
		r = err_set(MP_EBAD, "a piece of a file has no id");
	if (r == MP_OK)
		r = say(t, &p, now);
	json_decref(o);
	buf_free(&data);
	return r;
}

/* A record for a contact was meant for mp-seal: said in a room it would reach others. */
static int said_record(struct talk *t, const struct record *rec, int64_t now)
{
	struct payload p = {.kind = PAYLOAD_IS_TEXT, .data = rec->body.data, .len = rec->body.len};

	if (rec->contact[0] != '\0')
		return err_set(MP_EBAD, "a record for '%s', not for a room", rec->contact);
	if (!rec->has_body || rec->body.len == 0)
		return err_set(MP_EBAD, "a record without a body");
	if (strcmp(rec->kind, "message") == 0)
		return say(t, &p, now);
	if (strcmp(rec->kind, "file") == 0)
		return say_file(t, rec, now);
	return err_set(MP_EBAD, "a session carries no '%s'", rec->kind);
}

/* The class is not for us: copied as it came. */
static int pass_on(struct talk *t, const uint8_t *line, size_t len)
{
	if (fwrite(line, 1, len, t->out) != len || fputc('\n', t->out) == EOF)
		return err_sys("cannot write to descriptor 4");
	return record_finish(t->out);
}

int talk_said(struct talk *t, const uint8_t *line, size_t len, int64_t now)
{
	struct payload p = {.kind = PAYLOAD_IS_TEXT, .data = line, .len = len};
	struct record rec;
	int r;

	if (t->o->lines)
		return len == 0 ? MP_OK : say(t, &p, now);
	record_init(&rec);
	r = record_parse(&rec, (const char *)line, len);
	if (r == MP_OK)
		r = rec.class == CLASS_OUT ? said_record(t, &rec, now) : pass_on(t, line, len);
	record_free(&rec);
	return r;
}
