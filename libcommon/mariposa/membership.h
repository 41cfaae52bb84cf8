/*
 * membership: who is in a group, as its chat flow keeps it: how an accepted plan becomes a chat,
 * people join and part, and what is under way for it (mp-protocol(7), GROUPS).
 *
 * For the group files of this floor and talk.h; MP_E* of the party's calls throughout.
 */
#ifndef MP_MARIPOSA_MEMBERSHIP_H
#define MP_MARIPOSA_MEMBERSHIP_H

#include "mariposa/plan.h"

/* The chat of that group. MP_ENONE. */
int membership_find(struct party *p, struct flow *chat, const uint8_t group[static GROUP_ID]);
bool membership_is_self(const struct party *p, const uint8_t onion[static 32]);
/* What our person calls it, NULL when nothing. Borrowed. */
const char *membership_name(const struct flow *f);

/* For our person: its id and people; the caller's to free. */
json_t *membership_people(struct party *p, const struct flow *chat);
/* An event about one of its people; takes more, which may be NULL. */
int membership_tell(struct party *p, const struct flow *chat, const char *kind,
    const struct person *who, json_t *more);

/* Saves chat as a new one under the name of f, which gives it up and is saved, too. */
int membership_keep(struct party *p, struct flow *f, struct flow *chat);
/* The chat of those of a consent who stay: all who have not left, or, with the initiator's status,
 * whom it names. */
int membership_of_consent(struct party *p, struct flow *f, const struct wire_plan *status,
    enum chat_state state, struct flow *chat);
/* People come to a chat that is there, and our person hears of it; or they are taken out again. */
int membership_join(struct party *p, struct flow *chat, const struct person *who, size_t n);
int membership_part(struct party *p, struct flow *chat, const struct person *who, size_t n);

/* Those whom an addition is to add and who have not left; the number. */
size_t membership_prospective(const struct consent *c, struct person who[static PEOPLE_MAX]);
/* Whom of it we cannot write to. */
int membership_missing(struct party *p, const struct consent *c, struct wire_people *out);
/* Is it a group's or an addition's plan about that group? */
bool membership_about(const struct flow *f, const uint8_t group[static GROUP_ID]);
/* 1 when another change of this group is under way here, 0 or MP_E*. */
int membership_changing(struct party *p, const uint8_t group[static GROUP_ID]);

#endif
