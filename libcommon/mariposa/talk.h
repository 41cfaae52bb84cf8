/*
 * talk: what a member of a group does with messages to it (mp-protocol(7), GROUPS): the chains,
 * what is missing, split views, and the membership that they name.
 */
#ifndef MP_MARIPOSA_TALK_H
#define MP_MARIPOSA_TALK_H

#include "mariposa/party.h"

#define CHAT_ASK MP_HOUR /* what is missing is asked for after this time */
#define CHAT_ASK_MOST 3  /* so often, a day apart, then our person is told that it is lost */
#define CHAT_DOUBT                                                                     \
	(24 * MP_HOUR) /* of the initiator's silence, then a member's word is believed \
	                */

/*
 * Our own next message, with its content's hash: counted, chained, kept as an entry, f saved; chain
 * is what goes with it.  MP_EUSAGE: we left, or nobody else is in it.
 */
int talk_say(struct party *p, struct flow *f, const uint8_t id[static MESSAGE_ID],
    const uint8_t content[static 32], struct wire_chain *chain);
/* The chain of one that we said before, for who asks again. MP_ENONE: forgotten. */
int talk_again(struct party *p, const struct flow *f, int64_t n, uint8_t id[static MESSAGE_ID],
    struct wire_chain *chain);

/*
 * A member's message to a group. With REPLY_TAKEN and not repeated it is to be shown, under the
 * group's name; what it reveals (something missing, a split view) is told and kept.
 */
int talk_take(struct party *p, const struct known *from, const struct wire_chain *chain,
    const uint8_t id[static MESSAGE_ID], const uint8_t content[static 32], struct outcome *out,
    char group[static 33]);
/* Are we and from in it? For a ping and the chunks of a file. */
int talk_shares(struct party *p, const struct known *from, const uint8_t group[static GROUP_ID],
    char name[static 33]);

#endif
