/*
 * traces: keys and secrets that were deleted, of which the files may still hold copies.
 *
 * The schema counts them, whoever deletes them and wherever: keys, acquaintances, and proposals
 * when they end.  Erasing reads the whole file, so it is done by the next call of mp-due, not by
 * who answers a peer.
 */
#ifndef MP_STORE_TRACES_H
#define MP_STORE_TRACES_H

#include "store/store.h"

/* Erases the files when there are any.  Outside a transaction. MP_EBUSY: somebody reads; later. */
int traces_erase(struct store *s);

#endif
