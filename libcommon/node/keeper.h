/*
 * keeper: what the state machines of introductions and groups work on, kept in the store: a struct
 * party whose calls are rows.
 *
 * A step is one transaction of the caller's.  Whatever a saved flow has to send is kept in `owed`
 * with an id that stays, until the flow owes it no more; mp-due prints it, the sealer completes it,
 * the sender tells what became of it.
 */
#ifndef MP_NODE_KEEPER_H
#define MP_NODE_KEEPER_H

#include "base/config.h"
#include "mariposa/party.h"
#include "store/contact.h"
#include "store/flow.h"
#include "store/owed.h"

struct keeper {
	struct party p;
	struct store *s;
	const struct config *cfg;
	uint8_t self[32];
};

/* Borrows s and cfg. MP_EUSAGE: no identity. */
int keeper_open(struct keeper *k, struct store *s, const struct config *cfg, int64_t now);

void keeper_known(struct known *out, const struct contact *c);

/* What of a flow is owed under that id, and the flow. MP_ENONE. */
int keeper_owed(
    struct keeper *k, int64_t contact, const uint8_t id[static 16], struct owed *o, struct flow *f);
/* It as the machines name it; to is o's contact's onion key. MP_EBAD: no such type. */
int keeper_sent(struct keeper *k, struct sent *sent, const struct owed *o, const struct flow *f,
    uint8_t to[static 32]);

#endif
