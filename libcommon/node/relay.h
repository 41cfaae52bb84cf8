/*
 * relay: a node of the mesh that answers requests (mp-mesh-protocol(7), REQUESTS).
 *
 * One struct relay belongs to one thread, and has a store of its own; any number of threads and
 * processes answer at once.  What a request did is committed before it is answered.  Handing
 * packets to the peers, audits and upkeep are the mesher's.  A request that reads a room waits
 * until somebody posts to one, which all learn by relay_rooms_watch()'s descriptor.
 */
#ifndef MP_NODE_RELAY_H
#define MP_NODE_RELAY_H

#include "crypto/identity.h"
#include "net/server.h"
#include "node/relay_config.h"
#include "store/relay.h"
#include "store/rooms.h"

#define RELAY_MEDIA_TYPE "application/json"

struct relay {
	struct relay_config cfg;
	struct identity *id;
	struct store *s;
	struct store *rooms; /* NULL: there are none */
	uint8_t secret[32];  /* of the challenges */
	bool verbose;
};

/* The identity and relay.conf must be there; relay.db is made when it is not. */
int relay_new(struct relay **out, bool verbose);
void relay_free(struct relay *r);

/* What is served; for server_options. */
const struct server_route *relay_routes(size_t *n);
void relay_answer(
    struct relay *r, const struct server_request *request, struct server_answer *answer);

/* {"type": "status", ...} for the operator. */
int relay_status(struct relay *r, struct buf *json);

/* The operator accepts and drops peers. */
int relay_accept(struct relay *r, const char *name);
int relay_drop(struct relay *r, const char *name);

/*
 * Readable when something was posted to a room, by any process; one for a server.  alone: for one
 * connection; such processes are many, and look five times a second.
 */
int relay_rooms_watch(bool alone);
/* Lines whose time is over. */
int relay_rooms_upkeep(struct relay *r, int64_t now);
#define RELAY_ROOMS "relay-rooms" /* in $MP_HOME/run */

/* Touched when there is something for the peers. */
void relay_wake(void);
#define RELAY_WAKE "relay-flood" /* in $MP_HOME/run */

#endif
