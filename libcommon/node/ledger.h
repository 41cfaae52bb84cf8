/*
 * ledger: what a flow has to send, as rows of `owed`.
 *
 * What it owes anew gets an id that stays, what it owes no more is gone.
 */
#ifndef MP_NODE_LEDGER_H
#define MP_NODE_LEDGER_H

#include "node/keeper.h"

/* Brings the rows of f, which was saved, to what it owes now; inside the caller's transaction. */
int ledger_settle(struct keeper *k, const struct flow *f);

#endif
