/*
 * mailbox: our own place in the relay mesh, with its keys (store/meshself.h).  mailbox_free() wipes
 * what it can.
 */
#ifndef MP_NODE_MAILBOX_H
#define MP_NODE_MAILBOX_H

#include "store/meshself.h"

struct mailbox {
	struct meshself self;
	struct rsa_key *signing, *opening;
};

/* Two new keys and a device; MP_EEXIST. */
int mailbox_make(struct store *s, int64_t now);
/* MP_ENONE: no keys. */
int mailbox_open(struct mailbox **out, struct store *s);
void mailbox_free(struct mailbox *m);

#endif
