/*
 * box: whether a packet gets into a recipient's box (mp-mesh-protocol(7), DELIVERY TOKENS).
 *
 * A fifth of a box is for everybody; who carries an unused token may fill the whole.  So strangers
 * can never take more than that fifth.
 */
#ifndef MP_MESH_BOX_H
#define MP_MESH_BOX_H

#include <stdbool.h>
#include <stdint.h>

#define BOX_OPEN_SHARE 5

enum admission { BOX_TAKE, BOX_FULL };

struct box_state {
	int64_t quota; /* bytes */
	int64_t used;  /* by all packets in it */
	int64_t open;  /* of these, by packets without a token */
};

enum admission box_admit(const struct box_state *b, int64_t size, bool token);

#endif
