/*
 * visit: the two requests of a room on a relay and their answer, as JSON (mp-mesh-protocol(7),
 * ROOMS OF A RELAY).
 *
 * Lines are sealed (mesh/door.h) and only bytes here, one after the other in one buf, each behind
 * its length as 4 bytes big endian.  A struct is to be freed whatever a reader returns; readers are
 * 0 or MP_EBAD, writers 0 or MP_ENOMEM.
 */
#ifndef MP_MESH_VISIT_H
#define MP_MESH_VISIT_H

#include <stdbool.h>
#include "mesh/door.h"
#include "mesh/field.h"

#define VISIT_LINES 256           /* in one request or answer */
#define VISIT_BYTES (600u << 10)  /* sealed, in one of them; as base64 they fit a body */
#define VISIT_WAIT INT64_C(50000) /* ms that an answer may wait for a line, at most */
#define VISIT_NOW (-1)            /* as a cursor: from now on */

struct visit {
	uint8_t room[DOOR_ID];
	struct buf lines;
	size_t n;
	int64_t cursor, wait;
	bool lost; /* an answer: lines above the cursor that was asked for are gone */
	bool more; /* and more are there than were sent */
};

void visit_init(struct visit *v);
void visit_free(struct visit *v);
int visit_add(struct visit *v, const void *line, size_t len); /* MP_ELIMIT: no more fit */
/* The next of v->lines: 1, or 0 at the end; *at from 0. */
int visit_next(const struct visit *v, size_t *at, const uint8_t **line, size_t *len);

/* room, lines */
int visit_post_read(struct visit *v, const json_t *o);
int visit_post_write(json_t **out, const struct visit *v);
/* room, cursor, wait */
int visit_read_read(struct visit *v, const json_t *o);
int visit_read_write(json_t **out, const struct visit *v);
/* lines, cursor, lost, more */
int visit_answer_read(struct visit *v, const json_t *o);
int visit_answer_write(json_t **out, const struct visit *v);

#endif
