/*
 * carried: rows of the outbox that a relay has taken, and whose recipient has yet to say that he
 * has them (mp-mesh(1)).
 *
 * Such a row is QUEUE_CARRIED: it stands in nobody's way in its lane.  A receipt takes it out; when
 * none came it waits again, and goes by onion or by mesh once more.
 */
#ifndef MP_STORE_CARRIED_H
#define MP_STORE_CARRIED_H

#include "store/queue.h"

/* Until then. MP_ENONE: it is in the queue no more. */
int carried_add(struct store *s, int64_t seq, int64_t until);
/* Those whose time has come wait again; *n of them. */
int carried_again(struct store *s, int64_t now, int64_t *n);

#endif
