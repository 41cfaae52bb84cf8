/*
 * mesher: the half of a relay that acts by itself: hands what is to be flooded to the peers, floods
 * again what nobody confirmed, audits peers, votes, and forgets what is over.
 *
 * One works on a home at a time.  It may be killed at any moment: what it was handing over it hands
 * over again, and a peer takes a packet once.
 */
#ifndef MP_NODE_MESHER_H
#define MP_NODE_MESHER_H

#include "node/relay.h"

/*
 * Until stop_fd is readable, or `wait` ms are over (-1: never).  MP_EBUSY: another one is at work.
 * r is this thread's own.
 */
int mesher_run(struct relay *r, int stop_fd, int64_t wait);

#endif
