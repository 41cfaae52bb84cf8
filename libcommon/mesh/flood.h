/*
 * flood: what a relay does with a copy of a packet (mp-mesh-protocol(7), FLOODING).
 *
 *     known?  copy                                   action
 *     no      any                                    take, pass on while hops are left
 *     yes     acknowledged by the recipient          drop
 *     yes     same attempt, more hops than before    pass on once more
 *     yes     later attempt whose time has come      pass on once more
 *     yes     else                                   drop
 *
 * An attempt's number is its sender's word and is believed only as far as its time has come by our
 * own clock.  So a copy that comes first suppresses nothing, be it with no hops left or with the
 * last attempt's number; and a peer who numbers attempts up makes us pass a packet on at most
 * ATTEMPTS times more, and each of them once more for each hop, at times that we know ourselves.
 *
 * Attempt k is due first * (2^k - 1) after the packet was first seen: with 10 minutes after 10, 30,
 * 70 minutes ... and 3.5 days.
 */
#ifndef MP_MESH_FLOOD_H
#define MP_MESH_FLOOD_H

#include <stdbool.h>
#include "mesh/batch.h"

enum flood { FLOOD_TAKE, FLOOD_AGAIN, FLOOD_DROP };

struct flood_seen {
	bool known, acked;
	int hops, attempt; /* of the best copy; the attempt as far as it is believed */
	int64_t since;     /* ms, when it was first seen */
};

/* ms after the packet was first seen; first: of attempt 1. */
int64_t flood_due(int attempt, int64_t first);

/* How much of it is believed; it is what is kept. */
int flood_believe(const struct flood_seen *seen, int attempt, int64_t first, int64_t now);

enum flood flood_judge(
    const struct flood_seen *seen, int hops, int attempt, int64_t first, int64_t now);

#endif
