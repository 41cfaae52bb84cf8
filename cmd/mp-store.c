/* mp-store: the store looked after, mp-store(1). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/file.h"
#include "node/incoming.h"
#include "store/contact.h"
#include "store/dump.h"
#include "store/message.h"

struct prune {
	int64_t age, count; /* -1: not given */
	const char *contact;
};

static void print_finding(void *ctx, const char *finding)
{
	int *status = ctx;

	err_warn("%s", finding);
	*status = EXIT_PERMANENT;
}

static int check(struct store *s)
{
	int status = EXIT_DONE;
	int r = store_check(s, print_finding, &status);

	return r == MP_OK ? status : err_worse(status, err_print(r));
}

static int export(struct store *s)
{
	int r;

	if (fd_is_public(STDOUT_FILENO))
		err_warn(
		    "standard output is a file that others can read, and this holds every key");
	r = store_export(s, stdout);
	return r == MP_OK ? EXIT_DONE : err_print(r);
}

/* Erased also when there was nothing to delete: an earlier call may have been cut short. */
static int prune(struct store *s, const struct prune *p)
{
	struct contact c = {.row = 0};
	int64_t before = p->age < 0 ? 0 : clock_now() - p->age, n;
	int r = p->contact == NULL ? MP_OK : contact_get(s, &c, p->contact);

	if (r == MP_OK)
		r = message_prune(s, before, c.row, p->count, &n);
	if (r == MP_OK)
		r = incoming_expire(s, clock_now());
	if (r == MP_OK)
		r = store_shrink(s);
	if (r == MP_OK)
		r = store_erase(s);
	return r == MP_OK ? EXIT_DONE : err_print(r);
}

static int status_of(int r)
{
	return r == MP_OK ? EXIT_DONE : err_print(r);
}

static int run(const char *verb, const char *file, const struct prune *p)
{
	struct store *s = NULL;
	int r = store_open(&s), status;

	if (r != MP_OK)
		return err_print(r);
	if (strcmp(verb, "check") == 0)
		status = check(s);
	else if (strcmp(verb, "backup") == 0)
		status = status_of(store_backup(s, file));
	else if (strcmp(verb, "export") == 0)
		status = export(s);
	else if (strcmp(verb, "import") == 0)
		status = status_of(store_import(s, STDIN_FILENO, "standard input"));
	else
		status = prune(s, p);
	store_close(s);
	return status;
}

/* How many operands a verb has; -1: there is no such verb. */
static int operands(const char *verb)
{
	static const struct {
		const char *verb;
		int operands;
	} verbs[] = {{"check", 0}, {"backup", 1}, {"export", 0}, {"import", 0}, {"prune", 0}};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].verb, verb) == 0)
			return verbs[i].operands;
	return -1;
}

int main(int argc, char **argv)
{
	struct prune p = {.age = -1, .count = -1};
	const char *verb;
	bool pruning;
	int c;

	cmd_begin("mp-store", "mp-store check | backup FILE | export | import |\n"
	                      "    prune [-c COUNT] [-e AGE] [-t NAME]");
	while ((c = getopt(argc, argv, "+h")) != -1)
		return cmd_usage(c);
	if (optind == argc)
		return cmd_usage(0);
	verb = argv[optind++];
	pruning = strcmp(verb, "prune") == 0;
	while ((c = getopt(argc, argv, pruning ? "+hc:e:t:" : "+h")) != -1) {
		switch (c) {
		case 'c':
			p.count = cmd_number(c, optarg, 0, INT64_MAX);
			break;
		case 'e':
			p.age = cmd_duration(c, optarg);
			break;
		case 't':
			p.contact = optarg;
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (operands(verb) != argc - optind)
		return cmd_usage(0);
	if (pruning && p.age < 0 && p.count < 0 && p.contact == NULL)
		return cmd_usage(0);
	return run(verb, argv[optind], &p);
}
