/*
 * meshcall: one request to a relay, and its answer, which is JSON or none.
 */
#ifndef MP_NODE_MESHCALL_H
#define MP_NODE_MESHCALL_H

#include "mesh/field.h"
#include "net/client.h"
#include "node/relays.h"

#define MESH_MEDIA_TYPE "application/json"

struct meshanswer {
	int status; /* HTTP; 0: none came */
	json_t *o;  /* of a 200; the caller's */
	bool wrong; /* no honest relay says so */
	char reason[160];
};

/* A client for such calls. */
int meshcall_client(struct client **out, int64_t timeout);

/*
 * Waits for the answer; nothing else may be under way on this client.  0, or MP_E* when it could
 * not be asked for a reason of ours.
 */
int meshcall(struct client *c, const uint8_t server[static ONION_KEY],
    const uint8_t isolation[static 16], const char *method, const char *path,
    const struct buf *body, struct meshanswer *a);

/* Whether the status is one that a relay may give to what we ask. */
bool meshcall_wrong(int status, const char *code);

#endif
