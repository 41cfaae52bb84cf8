/* mp-mark: messages marked read, mp-mark(1). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/err.h"
#include "base/record.h"
#include "base/text.h"
#include "store/message.h"

/* So many marks share one transaction, unless the input pauses. */
#define BATCH 500

struct marking {
	struct store *s;
	bool verbose;
	int status, pending;
};

static void complain(struct marking *m, int r)
{
	m->status = err_worse(m->status, err_print(r));
}

/* Nothing is waited for with a transaction open: others write too. */
static int finish_batch(struct marking *m)
{
	int r = m->pending > 0 ? store_commit(m->s) : MP_OK;

	m->pending = 0;
	return r;
}

/*
 * MP_OK also when the id is unknown, which was said then.  rec NULL: an id alone, which may be a
 * message's, an event's or both.
 */
static int mark(struct marking *m, const uint8_t id[static RECORD_ID], const struct record *rec)
{
	char text[2 * RECORD_ID + 1];
	int r = m->pending == 0 ? store_begin(m->s) : MP_OK;

	if (r != MP_OK)
		return r;
	m->pending++;
	hex_encode(text, id, RECORD_ID);
	if (rec == NULL)
		r = message_mark(m->s, id);
	else
		r = message_mark_record(m->s, rec);
	if (r == MP_ENONE) {
		err_set(r, "no message %s", text);
		complain(m, r);
		return MP_OK;
	}
	if (r == MP_OK && m->verbose)
		err_warn("%s is read", text);
	return r == MP_OK && m->pending >= BATCH ? finish_batch(m) : r;
}

static int mark_text(struct marking *m, const char *text)
{
	uint8_t id[RECORD_ID];

	if (hex_decode(id, sizeof(id), text) == 0)
		return mark(m, id, NULL);
	complain(m, err_set(MP_EBAD, "bad id '%.80s'", text));
	return MP_OK;
}

/* A record's id, or a line that is an id alone, for which record_read() has the code r. */
static int mark_line(
    struct marking *m, const struct record_reader *reader, const struct record *rec, int r)
{
	uint8_t id[RECORD_ID];
	char text[2 * RECORD_ID + 1];
	size_t len;
	const char *line = record_raw(reader, &len);

	if (r < 0 && len == sizeof(text) - 1) {
		memcpy(text, line, len);
		text[len] = '\0';
		if (hex_decode(id, sizeof(id), text) == 0)
			return mark(m, id, NULL);
	}
	if (r < 0) {
		if (r != MP_EBAD && r != MP_ELIMIT)
			return r;
		complain(m, r);
		return MP_OK;
	}
	if (rec->class != CLASS_IN && rec->class != CLASS_EVENT)
		return MP_OK; /* nothing that could be read or not */
	if (rec->has_id)
		return mark(m, rec->id, rec);
	complain(m, err_set(MP_EBAD, "%s:%lu: no id", reader->name, reader->number));
	return MP_OK;
}

static int mark_stream(struct marking *m)
{
	struct record_reader reader;
	struct record *rec;
	int n, r = MP_OK;

	record_reader_init(&reader, STDIN_FILENO, "standard input");
	while (r == MP_OK && (n = record_read(&reader, &rec)) != 0) {
		if ((r = mark_line(m, &reader, rec, n)) == MP_OK && !record_ready(&reader))
			r = finish_batch(m);
	}
	if (r == MP_OK && reader.number == 0)
		m->status = EXIT_NO;
	record_reader_free(&reader);
	return r;
}

int main(int argc, char **argv)
{
	struct marking m = {.status = EXIT_DONE};
	int c, r;

	cmd_begin("mp-mark", "mp-mark [-hv] [id ...]");
	while ((c = getopt(argc, argv, "+hv")) != -1) {
		if (c != 'v')
			return cmd_usage(c);
		m.verbose = true;
	}
	if ((r = store_open(&m.s)) == MP_OK) {
		if (optind == argc)
			r = mark_stream(&m);
		for (; r == MP_OK && optind < argc; optind++)
			r = mark_text(&m, argv[optind]);
	}
	if (r == MP_OK)
		r = finish_batch(&m);
	if (r != MP_OK)
		complain(&m, r);
	store_close(m.s);
	return m.status;
}
