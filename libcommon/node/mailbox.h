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
	uint8_t own[32]; /* the secret of the tokens for what we post to ourselves */
};

/* A contact's tokens for a day, when so many have some; ours are MAILBOX_OWN times as many. */
uint32_t mailbox_tokens(int64_t contacts);
#define MAILBOX_OWN 4

/* Two new keys and a device; MP_EEXIST. */
int mailbox_make(struct store *s, int64_t now);
/* New ones in their place, and other relays: who has a copy of the old ones is left with them.
 * MP_ENONE: no keys. */
int mailbox_renew(struct store *s, int64_t now);
/*
 * The keys of another device of ours, as PEM, told at that time: in the place of ours, if we have
 * none that were told later.  Within the caller's transaction. MP_EBAD: no keys.
 */
int mailbox_adopt(
    struct store *s, const struct buf *signing, const struct buf *opening, int64_t told);
/* MP_ENONE: no keys. */
int mailbox_open(struct mailbox **out, struct store *s);
void mailbox_free(struct mailbox *m);

#endif
