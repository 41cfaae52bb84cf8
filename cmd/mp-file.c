/* mp-file: the files that are offered to us, mp-file(1). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "node/incoming.h"

struct listing {
	struct record rec;
	bool json;
	unsigned long n;
};

/* file, name, size, state, have. */
static int describe(struct buf *body, const struct transfer *t)
{
	bool offered = t->state == TRANSFER_OFFERED;
	json_t *o = json_object();
	int rc;

	json_set_hex(o, "file", t->id, sizeof(t->id));
	json_object_set_new(o, "name", json_string(t->name));
	json_object_set_new(o, "size", json_integer(t->size));
	json_object_set_new(o, "state", json_string(offered ? "offered" : "accepted"));
	json_object_set_new(o, "have", json_integer(incoming_have(t)));
	buf_clear(body);
	rc = o == NULL ? err_set(MP_ENOMEM, "out of memory") : json_write(body, o);
	json_decref(o);
	return rc;
}

static int list_one(void *ctx, const struct transfer *t)
{
	struct listing *l = ctx;
	struct record *r = &l->rec;
	int rc;

	if (t->state != TRANSFER_OFFERED && t->state != TRANSFER_ACCEPTED)
		return 0;
	r->class = CLASS_EVENT;
	snprintf(r->kind, sizeof(r->kind), "%s",
	    t->state == TRANSFER_OFFERED ? "file-offer" : "file-partial");
	snprintf(r->contact, sizeof(r->contact), "%s", t->contact_name);
	memcpy(r->id, t->id, sizeof(r->id));
	r->has_id = r->has_body = true;
	r->time = t->time;
	l->n++;
	rc = describe(&r->body, t);
	return rc != 0 ? rc : record_write(stdout, r, l->json);
}

static int list(struct store *s, bool json)
{
	struct listing l = {.json = json};
	int rc;

	record_init(&l.rec);
	rc = transfer_each(s, list_one, &l);
	record_free(&l.rec);
	if (rc == 0)
		rc = record_finish(stdout);
	if (rc != 0)
		return err_print(rc);
	return l.n == 0 ? EXIT_NO : EXIT_DONE;
}

/* The decision is on disk and owed before its record is printed: lost, mp-due prints it again. */
static int decide(struct store *s, const char *text, bool accept, struct record *rec)
{
	uint8_t id[RECORD_ID];
	int64_t now = clock_now();
	struct transfer t;
	int rc;

	if (hex_decode(id, sizeof(id), text) != 0)
		return err_set(MP_EUSAGE, "'%.80s' is no id of a file", text);
	rc = incoming_decide(s, id, accept, now);
	if (rc == MP_ENONE)
		return err_set(rc, "no file %s is offered", text);
	if (rc != 0 || (rc = transfer_find(s, &t, id)) != 0 ||
	    (rc = incoming_record(rec, &t, now)) != 0 ||
	    (rc = record_write(stdout, rec, false)) != 0)
		return rc;
	return record_finish(stdout);
}

static int decide_all(struct store *s, char **ids, bool accept)
{
	struct record rec;
	int status = EXIT_DONE;

	record_init(&rec);
	for (; *ids != NULL; ids++) {
		int rc = decide(s, *ids, accept, &rec);

		if (rc != 0)
			status = err_worse(status, err_print(rc));
	}
	record_free(&rec);
	return status;
}

/* Options stand before or after the verb. */
static bool options(int argc, char **argv, bool *json, int *bad)
{
	int c;

	while ((c = getopt(argc, argv, "+hj")) != -1) {
		if (c != 'j') {
			*bad = c;
			return false;
		}
		*json = true;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct store *s = NULL;
	const char *verb;
	bool json = false, lists;
	int bad, rc, status;

	cmd_begin("mp-file", "mp-file list [-j]\n"
	                     "       mp-file accept id ...\n"
	                     "       mp-file decline id ...");
	if (!options(argc, argv, &json, &bad))
		return cmd_usage(bad);
	if (optind == argc || json)
		return cmd_usage(0);
	verb = argv[optind++];
	lists = strcmp(verb, "list") == 0;
	if (!lists && strcmp(verb, "accept") != 0 && strcmp(verb, "decline") != 0)
		return cmd_usage(0);
	argc -= optind - 1;
	argv += optind - 1;
	optind = 1;
	if (!options(argc, argv, &json, &bad))
		return cmd_usage(bad);
	if (lists ? optind != argc : optind == argc || json)
		return cmd_usage(0);
	if ((rc = store_open(&s)) != 0)
		return err_print(rc);
	status = lists ? list(s, json) : decide_all(s, argv + optind, verb[0] == 'a');
	store_close(s);
	return status;
}
