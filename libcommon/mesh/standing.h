/*
 * standing: what a node makes of a peer from what it saw itself (mp-mesh-protocol(7), REPUTATION).
 *
 * A sequential probability ratio test between "loses 5 % of packets" and "loses 25 %": an audit
 * that failed adds ln(0.25/0.05), one that was passed ln(0.75/0.95), in thousandths.  At +4,600 the
 * peer is taken for a dropper (a relay that loses 5 % gets there in one of a hundred runs); the
 * node votes to blacklist it and goes on with audits, and at 0 takes that back.  The score stays
 * within -2,300 and +4,600, so that a long good past buys little.  Being slow or away is no
 * failure; it only makes us wait.
 */
#ifndef MP_MESH_STANDING_H
#define MP_MESH_STANDING_H

#include <stdint.h>
#include "mesh/ballot.h"

#define STANDING_BAD 4600
#define STANDING_BEST (-2300)

enum observation {
	SAW_DELIVERED,     /* an audit came through */
	SAW_LOST,          /* it did not */
	SAW_GARBAGE,       /* an answer that no honest server gives */
	SAW_CONTRADICTION, /* proof of a double vote */
};

int64_t standing_step(int64_t score, enum observation saw);

/* Our vote on it, from the score and the vote so far. */
enum verdict standing_vote(int64_t score, enum verdict before);

#endif
