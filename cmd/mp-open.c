/* mp-open: sealed records opened, nothing written, mp-open(1). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/text.h"
#include "node/receiver.h"

struct opening {
	struct store *s;
	struct receiver *r;
	struct config cfg;
	struct buf envelope;
	struct record in;
	bool json;
	int status;
};

/* A bad record is said and passed over; MP_OK while one can go on. */
static int open_one(struct opening *o, const struct record *sealed)
{
	char id[2 * RECORD_ID + 1] = "-";
	int rc;

	if (sealed->has_id)
		hex_encode(id, sealed->id, RECORD_ID);
	buf_clear(&o->envelope);
	if ((rc = base64_decode(&o->envelope, (const char *)sealed->body.data, sealed->body.len)) ==
	    0)
		rc = receiver_open(o->r, o->envelope.data, o->envelope.len, &o->in);
	if (rc == 0)
		return record_write(stdout, &o->in, o->json);
	if (rc != MP_EBAD && rc != MP_ELIMIT)
		return rc;
	err_warn("cannot open %s: not for us or damaged", id);
	o->status = err_worse(o->status, EXIT_PERMANENT);
	return 0;
}

/*
 * What it reads may come from anybody: a line that says it was received, or is to be sent, would
 * pass for one of ours behind the pipe.
 */
static void reject(struct opening *o, const struct record_reader *in)
{
	err_warn("%s:%lu: it is not sealed", in->name, in->number);
	o->status = err_worse(o->status, EXIT_PERMANENT);
}

static int open_stream(struct opening *o)
{
	struct record_reader in;
	struct record *rec;
	int got, rc = 0;

	record_reader_init(&in, STDIN_FILENO, "standard input");
	while (rc == 0 && (got = record_read(&in, &rec)) != 0) {
		if (got > 0 && rec->class == CLASS_SEALED)
			rc = open_one(o, rec);
		else if (got > 0)
			reject(o, &in);
		else if (got == MP_EBAD || got == MP_ELIMIT)
			o->status = err_worse(o->status, err_print(got));
		else
			rc = got;
		if (rc == 0 && !record_ready(&in))
			rc = record_finish(stdout);
	}
	if (rc == 0 && in.number == 0)
		o->status = EXIT_NO;
	record_reader_free(&in);
	return rc != 0 ? rc : record_finish(stdout);
}

int main(int argc, char **argv)
{
	struct opening o = {.envelope = BUF_INIT(ENVELOPE_MAX), .status = EXIT_DONE};
	int c, rc;

	cmd_begin("mp-open", "mp-open [-hj]");
	while ((c = getopt(argc, argv, "+hj")) != -1) {
		if (c != 'j')
			return cmd_usage(c);
		o.json = true;
	}
	if (optind != argc)
		return cmd_usage(0);
	record_init(&o.in);
	config_defaults(&o.cfg);
	if ((rc = store_open_reading(&o.s)) == 0 && (rc = receiver_new(&o.r, o.s, &o.cfg)) == 0)
		rc = open_stream(&o);
	if (rc != 0)
		o.status = err_worse(o.status, err_print(rc));
	receiver_free(o.r);
	store_close(o.s);
	record_free(&o.in);
	buf_free(&o.envelope);
	return o.status;
}
