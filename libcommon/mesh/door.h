/*
 * door: what lets one into a room on a relay, and what a line looks like there
 * (mp-mesh-protocol(7), ROOMS OF A RELAY).
 *
 * A room's name, its relay and perhaps a password give two values: the relay knows the room by the
 * one, and never sees the other, under which lines are sealed.  The name may be short, so the way
 * from it is made slow.  A sealed line hides its length up to DOOR_STEP bytes; by its mark one that
 * comes twice is known.  Plain values; door_wipe()
 * when it is no longer used.
 */
#ifndef MP_MESH_DOOR_H
#define MP_MESH_DOOR_H

#include "base/buf.h"
#include "crypto/onion.h"

#define DOOR_ID 32
#define DOOR_MARK 16
#define DOOR_STEP 256
#define DOOR_LINE 60000   /* bytes of a line, at most */
#define DOOR_SEALED 60200 /* and of a sealed one */

struct door {
	uint8_t id[DOOR_ID], key[32];
};

/* Takes 64 MiB and a tenth of a second.  password may be "".  MP_ENOMEM. */
int door_make(
    struct door *d, const char *room, const uint8_t server[static ONION_KEY], const char *password);
void door_wipe(struct door *d);

/* Appends. MP_ELIMIT. */
int door_seal(struct buf *out, const struct door *d, const void *line, size_t len);
/* To *line, in plain, which is cleared first.  MP_EBAD: nobody who is let in made it. */
int door_open(const uint8_t **line, size_t *len, struct buf *plain, const struct door *d,
    const uint8_t *sealed, size_t sealed_len);
void door_mark(uint8_t mark[static DOOR_MARK], const uint8_t *sealed, size_t len);

#endif
