/*
 * talk: what a member of a group does with messages to it (mp-protocol(7), GROUPS): the chains,
 * what is missing, split views, exits and additions as they change the membership.
 */
#ifndef MP_MARIPOSA_TALK_H
#define MP_MARIPOSA_TALK_H

#include "mariposa/party.h"

#define CHAT_ASK (1 * MP_HOUR)      /* what is missing is asked for after this time */
#define CHAT_ASK_MOST 3             /* so often, then our person is told that it is lost */
#define CHAT_DOUBT (24 * MP_HOUR)   /* of the initiator's silence, then a member's word is believed */

/* -1 when no member, or gone and that long ago that nothing of his is under way. */
int chat_find(const struct chat *c, const uint8_t onion[static 32]);
/* Of all who are in it, ourselves among them. */
void chat_hash(uint8_t out[static 32], const struct chat *c, const uint8_t self[static 32]);

int chat_owes(const struct chat *c, plan_owes *fn, void *ctx);
int64_t chat_time(const struct chat *c);

#endif
