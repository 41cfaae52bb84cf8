/*
 * people: those of one introduction, group or addition, by onion key.
 *
 * Names are what somebody else calls them: text that a peer chose.  Plain values, nothing to free.
 */
#ifndef MP_MARIPOSA_PEOPLE_H
#define MP_MARIPOSA_PEOPLE_H

#include "wire/wire.h"

#define NICKNAME 65 /* longest nickname, with NUL */

struct person {
	uint8_t onion[32];
	char nickname[NICKNAME]; /* "" none */
};

/* What a plan is about, and its id: which a message names (mp-protocol(7)). */
enum plan { PLAN_INTRODUCTION, PLAN_GROUP, PLAN_ADDITION, PLANS };

/* Bytes of its id. */
size_t plan_id_len(enum plan p);
/* The id in w, a message about such a plan. */
const uint8_t *plan_id_of(enum plan p, const struct wire *w);
/* The plan that a type of message is about; false when it is about none. */
bool plan_of_type(enum wire_type t, enum plan *p);

void person_set(struct person *p, const uint8_t onion[static 32], const char *nickname);
/* Borrows p. */
void person_wire(struct wire_person *w, const struct person *p);

/* -1 when not among them. */
int people_find(const struct wire_people *p, const uint8_t onion[static 32]);

#endif
