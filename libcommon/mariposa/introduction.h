/*
 * introduction: the steps of introductions at all three ends: the initiator, those who are
 * introduced, and the two of each pair (mp-protocol(7), INTRODUCTIONS).
 */
#ifndef MP_MARIPOSA_INTRODUCTION_H
#define MP_MARIPOSA_INTRODUCTION_H

#include "mariposa/plan.h"

/* Contacts lists, petitions and declinations; the rest is plan_take()'s. */
bool introduction_takes(enum wire_type t);
int introduction_take(
    struct party *p, const struct known *from, const struct wire *w, struct outcome *out);

/* An acknowledgement or update, under the key of a temporary contact. */
int acquaintance_take(
    struct party *p, int64_t temporary, const struct wire *w, struct outcome *out);
/* Anything authentic under the new key of such a contact. */
int acquaintance_heard(struct party *p, int64_t contact);
/* What we sent under the temporary key was taken, or refused for good. */
int acquaintance_sent(struct party *p, struct flow *f, const struct sent *s, bool taken);
int acquaintance_expire(struct party *p, struct flow *f);

/* Our person's: f is set. MP_EUSAGE with a detail: one twice, too few, too many. */
int introduction_offer(struct party *p, struct flow *f, const struct known *people, size_t n);

#endif
