/* mp-group: group chats, mp-group(1). */
#include <stdio.h>
#include <string.h>

#include "base/cmd.h"
#include "base/err.h"
#include "base/record.h"
#include "base/text.h"
#include "node/plans.h"

/* What a verb does with what is called NAME; f is set to what owes something then. */
typedef int verb_fn(struct plans *a, struct flow *f, char **operands, int n);

static int create(struct plans *a, struct flow *f, char **operands, int n)
{
	struct known people[PEOPLE_MAX];
	int rc;

	if (!text_name_ok(operands[0]))
		return err_set(MP_EUSAGE,
		    "bad name '%.80s': up to 32 of a-z, 0-9, '.', '_' and '-', a letter or digit "
		    "first",
		    operands[0]);
	if ((rc = plans_people(a, people, operands + 1, n - 1)) != 0)
		return rc;
	return group_create(&a->k.p, f, operands[0], people, (size_t)(n - 1));
}

static int add(struct plans *a, struct flow *f, char **operands, int n)
{
	struct known people[PEOPLE_MAX];
	struct flow chat;
	int rc;

	if ((rc = plans_group(a, &chat, operands[0], false)) != 0 ||
	    (rc = plans_people(a, people, operands + 1, n - 1)) != 0)
		return rc;
	if (chat.kind != FLOW_CHAT)
		return err_set(MP_EUSAGE, "the group '%s' has not begun yet", operands[0]);
	return group_add(&a->k.p, &chat, f, people, (size_t)(n - 1));
}

static int accept(struct plans *a, struct flow *f, char **operands, int n)
{
	int rc = plans_group(a, f, operands[0], true);

	(void)n;
	return rc != 0 ? rc : plan_decide(&a->k.p, f, true);
}

static int decline(struct plans *a, struct flow *f, char **operands, int n)
{
	int rc = plans_group(a, f, operands[0], true);

	(void)n;
	return rc != 0 ? rc : plan_decide(&a->k.p, f, false);
}

static int petition(struct plans *a, struct flow *f, char **operands, int n)
{
	int rc = plans_group(a, f, operands[0], true);

	(void)n;
	return rc != 0 ? rc : group_petition(&a->k.p, f);
}

static int leave(struct plans *a, struct flow *f, char **operands, int n)
{
	int rc = plans_group(a, f, operands[0], false);

	(void)n;
	return rc != 0 ? rc : group_leave(&a->k.p, f);
}

static const struct {
	const char *name;
	int least, most; /* operands */
	verb_fn *fn;
} verbs[] = {
    {"create", 2, PEOPLE_MAX, create},
    {"add", 2, PEOPLE_MAX, add},
    {"accept", 1, 1, accept},
    {"decline", 1, 1, decline},
    {"petition", 1, 1, petition},
    {"leave", 1, 1, leave},
};

/* In one transaction; then what is owed is printed: lost, mp-due prints it again. */
static int change(struct plans *a, verb_fn *fn, char **operands, int n)
{
	struct flow f;
	int rc = plans_begin(a);

	if (rc == 0)
		rc = plans_end(a, fn(a, &f, operands, n));
	return rc != 0 ? rc : plans_print_owed(a, f.row);
}

static int show(struct plans *a, const char *name)
{
	struct flow f;
	int rc = plans_group(a, &f, name, false);

	return rc != 0 ? rc : plans_show(a, &f);
}

/* -2: no such verb with so many operands. */
static int run(struct plans *a, const char *verb, char **operands, int n)
{
	if (strcmp(verb, "list") == 0 && n == 0)
		return plans_list(a, true);
	if (strcmp(verb, "show") == 0 && n == 1)
		return show(a, operands[0]);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i].name) == 0)
			return change(a, verbs[i].fn, operands, n);
	return MP_EUSAGE;
}

static bool known_verb(const char *verb, int n, bool json)
{
	if (strcmp(verb, "list") == 0)
		return n == 0;
	if (strcmp(verb, "show") == 0)
		return n == 1;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i].name) == 0)
			return !json && n >= verbs[i].least && n <= verbs[i].most;
	return false;
}

int main(int argc, char **argv)
{
	struct plans a = {.s = NULL};
	const char *verb;
	int rc, bad;
	bool quiet;

	cmd_begin("mp-group", "mp-group create group name ...\n"
	                      "       mp-group add group name ...\n"
	                      "       mp-group list [-j]\n"
	                      "       mp-group show [-j] group\n"
	                      "       mp-group accept group\n"
	                      "       mp-group decline group\n"
	                      "       mp-group petition group\n"
	                      "       mp-group leave group");
	if ((verb = cmd_verb(&argc, &argv, 'j', &a.json, &bad)) == NULL)
		return cmd_usage(bad);
	if (!known_verb(verb, argc, a.json))
		return cmd_usage(0);
	rc = plans_open(&a);
	if (rc == 0)
		rc = run(&a, verb, argv, argc);
	quiet = rc == MP_ENONE && strcmp(verb, "list") == 0; /* an empty list says nothing */
	if (rc == 0)
		rc = record_finish(stdout);
	plans_close(&a);
	return quiet ? EXIT_NO : rc == 0 ? EXIT_DONE : err_print(rc);
}
