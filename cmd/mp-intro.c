/* mp-intro: introductions, mp-intro(1). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/record.h"
#include "node/plans.h"

static int offer(struct plans *a, char **names, int n)
{
	struct known people[PEOPLE_MAX];
	struct flow f;
	int rc = plans_people(a, people, names, n);

	if (rc == 0 && (rc = plans_begin(a)) == 0)
		rc = plans_end(a, introduction_offer(&a->k.p, &f, people, (size_t)n));
	return rc != 0 ? rc : plans_print_owed(a, f.row);
}

static int decide(struct plans *a, const char *id, bool accept)
{
	struct flow f;
	int rc = plans_begin(a);

	if (rc != 0)
		return rc;
	if ((rc = plans_introduction(a, &f, id)) == 0)
		rc = plan_decide(&a->k.p, &f, accept);
	rc = plans_end(a, rc);
	return rc != 0 ? rc : plans_print_owed(a, f.row);
}

static int cancel(struct plans *a, const char *id)
{
	struct flow f;
	int rc = plans_begin(a);

	if (rc != 0)
		return rc;
	if ((rc = plans_introduction(a, &f, id)) == 0)
		rc = plan_cancel(&a->k.p, &f);
	rc = plans_end(a, rc);
	return rc != 0 ? rc : plans_print_owed(a, f.row);
}

static int petition(struct plans *a, const char *group)
{
	struct flow f;
	int rc = plans_begin(a);

	if (rc != 0)
		return rc;
	if ((rc = plans_group(a, &f, group, true)) == 0)
		rc = group_petition(&a->k.p, &f);
	rc = plans_end(a, rc);
	return rc != 0 ? rc : plans_print_owed(a, f.row);
}

static int show(struct plans *a, const char *id)
{
	struct flow f;
	int rc = plans_introduction(a, &f, id);

	return rc != 0 ? rc : plans_show(a, &f);
}

static int each(struct plans *a, char **ids, const char *verb)
{
	int status = EXIT_DONE;

	for (; *ids != NULL; ids++) {
		int rc = strcmp(verb, "cancel") == 0 ? cancel(a, *ids)
		         : strcmp(verb, "show") == 0 ? show(a, *ids)
		                                     : decide(a, *ids, strcmp(verb, "accept") == 0);

		if (rc != 0)
			status = err_worse(status, err_print(rc));
	}
	return status;
}

static int run(struct plans *a, const char *verb, char **operands, int n)
{
	int rc;

	if (strcmp(verb, "list") == 0)
		rc = plans_list(a, false);
	else if (strcmp(verb, "offer") == 0)
		rc = offer(a, operands, n);
	else if (strcmp(verb, "petition") == 0)
		rc = petition(a, operands[0]);
	else
		return each(a, operands, verb);
	if (rc == MP_ENONE && strcmp(verb, "list") == 0)
		return EXIT_NO;
	return rc != 0 ? err_print(rc) : EXIT_DONE;
}

static bool known_verb(const char *verb, int operands, bool json)
{
	if (strcmp(verb, "list") == 0)
		return operands == 0;
	if (strcmp(verb, "show") == 0)
		return operands > 0;
	if (json || operands == 0)
		return false;
	if (strcmp(verb, "petition") == 0)
		return operands == 1;
	return strcmp(verb, "offer") == 0 || strcmp(verb, "accept") == 0 ||
	       strcmp(verb, "decline") == 0 || strcmp(verb, "cancel") == 0;
}

int main(int argc, char **argv)
{
	struct plans a = {.s = NULL};
	const char *verb;
	int rc, status, bad;

	cmd_begin("mp-intro", "mp-intro offer name name ...\n"
	                      "       mp-intro list [-j]\n"
	                      "       mp-intro show [-j] id ...\n"
	                      "       mp-intro accept id ...\n"
	                      "       mp-intro decline id ...\n"
	                      "       mp-intro cancel id ...\n"
	                      "       mp-intro petition group");
	if ((verb = cmd_verb(&argc, &argv, 'j', &a.json, &bad)) == NULL)
		return cmd_usage(bad);
	if (!known_verb(verb, argc, a.json))
		return cmd_usage(0);
	if ((rc = plans_open(&a)) != 0)
		return err_print(rc);
	status = run(&a, verb, argv, argc);
	if (status != EXIT_PERMANENT && (rc = record_finish(stdout)) != 0)
		status = err_print(rc);
	plans_close(&a);
	return status;
}
