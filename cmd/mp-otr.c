/* mp-otr: a deniable live session in a room, as a filter, mp-otr(1). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/record.h"
#include "base/secret.h"
#include "base/text.h"
#include "node/otr_person.h"
#include "node/otr_talk.h"

#define USAGE                                                                                     \
	"mp-otr [-hjlNvV] [-e duration] [-o folder] [-w duration] -n nickname -r room[@server]\n" \
	"       mp-otr file [-j] file ...\n"                                                      \
	"       mp-otr show\n"                                                                    \
	"       mp-otr list [-j]\n"                                                               \
	"       mp-otr trust name fingerprint\n"                                                  \
	"       mp-otr forget name"

#define LIFE_STAGES 10 /* shorter ones leave no time for an agreement */
#define LIFE_MIN (10 * MP_SECOND)
#define LIFE_MAX (30 * MP_DAY)
#define WAIT_MIN MP_SECOND
#define WAIT_MAX MP_DAY

static int show(void)
{
	char print[OTR_FINGERPRINT];
	struct otr_identity *id;
	int r = person_identity(&id);

	if (r != MP_OK)
		return r;
	r = otr_fingerprint(print, id->key);
	secret_free(id);
	if (r == MP_OK && printf("%s\n", print) < 0)
		r = err_sys("cannot write standard output");
	return r == MP_OK ? record_finish(stdout) : r;
}

struct listing {
	bool json, any;
};

static int list_one(void *ctx, const char *name, const char *fingerprint)
{
	struct listing *l = ctx;
	struct record rec;
	int r;

	l->any = true;
	record_init(&rec);
	rec.class = CLASS_EVENT;
	strcpy(rec.kind, "otr-person");
	rec.time = RECORD_TIME_ABSENT;
	snprintf(rec.contact, sizeof(rec.contact), "%s", name);
	rec.has_body = true;
	if ((r = buf_addf(&rec.body, "{\"fingerprint\":\"%s\"}", fingerprint)) == MP_OK)
		r = record_write(stdout, &rec, l->json);
	record_free(&rec);
	return r;
}

static int list(bool json)
{
	struct listing l = {.json = json};
	int r = person_each(list_one, &l);

	if (r == MP_OK)
		r = record_finish(stdout);
	return r == MP_OK && !l.any ? MP_ENONE : r;
}

static int files(bool json, char **paths)
{
	int r = MP_OK;

	for (; r == MP_OK && *paths != NULL; paths++)
		r = otr_file_print(stdout, *paths, json);
	return r == MP_OK ? record_finish(stdout) : r;
}

/* 0, a code, or 1 for a call that is no right one. */
static int verb(const char *name, int n, char **operand, bool json)
{
	if (strcmp(name, "file") == 0 && n > 0)
		return files(json, operand);
	if (strcmp(name, "list") == 0 && n == 0)
		return list(json);
	if (json)
		return 1;
	if (strcmp(name, "show") == 0 && n == 0)
		return show();
	if (strcmp(name, "trust") == 0 && n == 2)
		return person_trust(operand[0], operand[1]);
	if (strcmp(name, "forget") == 0 && n == 1)
		return person_forget(operand[0]);
	return 1;
}

/* Options may stand behind the verb. */
static int run_verb(int argc, char **argv)
{
	const char *name = argv[1];
	bool json = false;
	int c, r;

	optind = 2;
	while ((c = getopt(argc, argv, "+hj")) != -1) {
		if (c != 'j')
			return cmd_usage(c);
		json = true;
	}
	r = verb(name, argc - optind, argv + optind, json);
	if (r == 1)
		return cmd_usage(0);
	return r == MP_OK || (r == MP_ENONE && strcmp(name, "list") == 0) ? err_status(r)
	                                                                  : err_print(r);
}

static int64_t bounded(int option, const char *arg, int64_t min, int64_t max)
{
	int64_t ms = cmd_duration(option, arg);

	if (ms >= min && ms <= max)
		return ms;
	return -1;
}

int main(int argc, char **argv)
{
	struct talk_options o = {.life = MP_DAY, .wait = MP_MINUTE};
	int c;

	cmd_begin("mp-otr", USAGE);
	if (argc > 1 && argv[1][0] != '-')
		return run_verb(argc, argv);
	while ((c = getopt(argc, argv, "+e:hjlNn:o:r:vVw:")) != -1) {
		switch (c) {
		case 'e':
			o.life = bounded(c, optarg, LIFE_MIN, LIFE_MAX);
			break;
		case 'j':
			o.json = true;
			break;
		case 'l':
			o.lines = true;
			break;
		case 'N':
			o.fresh = true;
			break;
		case 'n':
			o.nick = optarg;
			break;
		case 'o':
			o.folder = optarg;
			break;
		case 'r':
			o.room = optarg;
			break;
		case 'v':
			o.verbose = true;
			break;
		case 'V':
			o.known = true;
			break;
		case 'w':
			o.wait = bounded(c, optarg, WAIT_MIN, WAIT_MAX);
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (optind != argc || o.room == NULL || o.nick == NULL)
		return cmd_usage(0);
	if (!text_name_ok(o.nick))
		return err_print(err_set(MP_EUSAGE, "'%.80s' is no nickname", o.nick));
	if (o.life < 0 || o.wait < 0 || o.life < LIFE_STAGES * o.wait)
		return err_print(err_set(MP_EUSAGE,
		    "a stage lasts 1s to 1d (-w), a session ten times as long to 30d (-e)"));
	return otr_talk_run(&o);
}
