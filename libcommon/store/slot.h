/*
 * slot: lanes whose next record goes to the relay mesh, and waits for cover's slot (mp-mesh(1)).
 *
 * Such a lane was released with the code SLOT_CODE, and keeps it until somebody works on it again:
 * whoever tries the onion meanwhile may do so.  Its record waits like any other.
 */
#ifndef MP_STORE_SLOT_H
#define MP_STORE_SLOT_H

#include "store/queue.h"

#define SLOT_CODE "cover"

/*
 * Claims the lane whose first record has waited longest, of those that nobody has: for ms, as
 * lane_claim() does.  The record in *item, its envelope appended.  MP_ENONE.
 */
int slot_claim(
    struct store *s, struct queue_item *item, struct buf *envelope, int64_t now, int64_t ms);
/* Lets go and leaves the lane as it was; an empty one goes. */
int slot_release(struct store *s, int64_t contact, enum wire_lane lane);

#endif
