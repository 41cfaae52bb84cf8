/*
 * group: the steps of group chats: what an accepted group or addition means at each end, our
 * person's words, exits and what is asked for again (mp-protocol(7), GROUPS).
 *
 * Requests, answers and statuses are plan.h's; single messages are talk.h's.
 */
#ifndef MP_MARIPOSA_GROUP_H
#define MP_MARIPOSA_GROUP_H

#include "mariposa/plan.h"
#include "mariposa/talk.h"

/* Exits and requests to send again. */
bool group_takes(enum wire_type t);
int group_take(
    struct party *p, const struct known *from, const struct wire *w, struct outcome *out);
/* What a chat owed was taken, or refused for good. */
int group_sent(struct party *p, struct flow *f, const struct sent *s, bool taken);
/* flow_time() of a chat is over. */
int group_time(struct party *p, struct flow *f);

/*
 * Our person's; MP_EUSAGE with a detail.  name: what our person calls it, and what the others are
 * told.  f is set to the new proposal.
 */
int group_create(
    struct party *p, struct flow *f, const char *name, const struct known *people, size_t n);
/* People to a group that we are in; chat is its flow, f the new proposal. MP_EUSAGE also when a
 * change of this membership is under way already. */
int group_add(
    struct party *p, const struct flow *chat, struct flow *f, const struct known *people, size_t n);
/* A chat is left; a consent or proposal that is not final is cancelled. */
int group_leave(struct party *p, struct flow *f);
/* Asks the initiator to introduce us to whom we lack. MP_ENONE: nobody is missing. */
int group_petition(struct party *p, struct flow *f);

/* For plan.c and talk.c: when an addition that met another is made again (0: no more), and that it
 * is; what a member's message makes of a plan whose initiator is silent. */
int64_t group_retry_at(const struct proposal *q, int64_t now);
int group_again(struct party *p, struct flow *f);
int group_adopt(struct party *p, struct flow *f);

/* An owed message's fields, of a chat (and of a petition: whom it names). */
int group_fill(struct party *p, const struct flow *f, const struct sent *s, struct wire *w);

#endif
