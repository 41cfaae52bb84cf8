/*
 * plans: introductions and groups as a person works with them: what mp-intro and mp-group share.
 */
#ifndef MP_NODE_PLANS_H
#define MP_NODE_PLANS_H

#include "mariposa/group.h"
#include "mariposa/introduction.h"
#include "node/keeper.h"

struct plans {
	struct config cfg;
	struct store *s;
	struct keeper k;
	bool json;
};

int plans_open(struct plans *a);
void plans_close(struct plans *a);

/* Around what changes something; plans_end() commits when rc is 0, else undoes and hands it back.
 */
int plans_begin(struct plans *a);
int plans_end(struct plans *a, int rc);

/* The contacts of these names. MP_ENONE, or MP_EUSAGE for more than PEOPLE_MAX. */
int plans_people(struct plans *a, struct known out[static PEOPLE_MAX], char **names, int n);
/* By its id, or the first digits of it. MP_ENONE; MP_EUSAGE: no id, or more than one fits. */
int plans_introduction(struct plans *a, struct flow *f, const char *id);
/*
 * What a group's name stands for: with `waiting` the request of it that waits for an answer, else
 * the group itself, or what is to become it. MP_ENONE.
 */
int plans_group(struct plans *a, struct flow *f, const char *name, bool waiting);

/* The out records of what a flow owes now. */
int plans_print_owed(struct plans *a, int64_t flow);
/* A record each; MP_ENONE: there is none. */
int plans_list(struct plans *a, bool groups);
/* One as lines for a person, or as a record with -j. */
int plans_show(struct plans *a, const struct flow *f);

#endif
