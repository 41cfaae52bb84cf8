/* mp-take: sealed records into the store, mp-take(1). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/text.h"
#include "node/receiver.h"

struct taking {
	struct store *s;
	struct receiver *r;
	struct config cfg;
	struct buf envelope;
	bool verbose;
	int status;
};

static void complain(struct taking *t, int status, const struct record *rec, const char *why)
{
	char id[2 * RECORD_ID + 1] = "-";

	if (rec->has_id)
		hex_encode(id, rec->id, RECORD_ID);
	err_warn("cannot take %s: %s", id, why);
	t->status = err_worse(t->status, status);
}

static void judge(struct taking *t, const struct record *rec, const struct received *got, int rc)
{
	switch (got->status) {
	case RECEIVED_REFUSED:
		complain(t, EXIT_PERMANENT, rec, "not for us or damaged");
		return;
	case RECEIVED_QUOTA:
	case RECEIVED_LATER:
		complain(t, rc == 0 ? EXIT_TEMPORARY : err_status(rc), rec,
		    rc == 0 ? got->why : err_detail());
		return;
	default:
		break;
	}
	if (t->verbose) {
		char id[2 * RECORD_ID + 1];

		hex_encode(id, got->id, RECORD_ID);
		err_warn("%s %s%s", wire_type_name(got->type), id,
		    got->repeated ? " was taken before" : "");
	}
}

static void take(struct taking *t, const struct record *rec)
{
	struct received got;
	int rc;

	if (rec->class != CLASS_SEALED) {
		complain(t, EXIT_PERMANENT, rec, "it is not sealed");
		return;
	}
	buf_clear(&t->envelope);
	if (base64_decode(&t->envelope, (const char *)rec->body.data, rec->body.len) != 0) {
		complain(t, EXIT_PERMANENT, rec, "not for us or damaged");
		return;
	}
	rc = receiver_take(t->r, t->envelope.data, t->envelope.len, VIA_HAND, &got);
	judge(t, rec, &got, rc);
	buf_free(&got.reply);
}

static int take_stream(struct taking *t)
{
	struct record_reader in;
	struct record *rec;
	int got, rc = 0;

	record_reader_init(&in, STDIN_FILENO, "standard input");
	while (rc == 0 && (got = record_read(&in, &rec)) != 0) {
		if (got > 0)
			take(t, rec);
		else if (got == MP_EBAD || got == MP_ELIMIT)
			t->status = err_worse(t->status, err_print(got));
		else
			rc = got;
	}
	if (rc == 0 && in.number == 0)
		t->status = EXIT_NO;
	record_reader_free(&in);
	return rc;
}

int main(int argc, char **argv)
{
	struct taking t = {.envelope = BUF_INIT(ENVELOPE_MAX), .status = EXIT_DONE};
	int c, rc;

	cmd_begin("mp-take", "mp-take [-hv]");
	while ((c = getopt(argc, argv, "+hv")) != -1) {
		if (c != 'v')
			return cmd_usage(c);
		t.verbose = true;
	}
	if (optind != argc)
		return cmd_usage(0);
	if ((rc = config_load(&t.cfg)) == 0 && (rc = store_open(&t.s)) == 0 &&
	    (rc = receiver_new(&t.r, t.s, &t.cfg)) == 0)
		rc = take_stream(&t);
	if (rc != 0)
		t.status = err_worse(t.status, err_print(rc));
	receiver_free(t.r);
	store_close(t.s);
	buf_free(&t.envelope);
	return t.status;
}
