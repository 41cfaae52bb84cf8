/*
 * reporter: tells the relays that we know that another one misbehaves (mp-mesh(1), report).
 *
 * Nothing in a report says who we are: no reporter, the hour for a time, and for each relay a
 * circuit of its own.  Whom we tell is drawn in another order each time.
 */
#ifndef MP_NODE_REPORTER_H
#define MP_NODE_REPORTER_H

#include "store/meshserver.h"

struct buf;

struct reporter_options {
	int64_t timeout; /* ms for one relay */
	/* One that answers wrongly; one that does not answer, or NULL. */
	void (*problem)(void *ctx, const char *line);
	void (*away)(void *ctx, const char *line);
	void *ctx;
};

/*
 * Sends the evidence against the server to each relay that is neither that one nor out.  0: as many
 * have taken it as are needed, and a server that is out counts as reported.  MP_ENONE: we know
 * nobody else; MP_ETEMP: too few took it; MP_EUSAGE: the evidence is of votes that prove nothing.
 */
int reporter_tell(struct store *s, const uint8_t server[static ONION_KEY],
    const struct buf *evidence, const struct reporter_options *o);

/* The next behind that row that is out, which nobody has heard of from us; MP_ENONE. */
int reporter_next(struct store *s, struct meshserver *v, int64_t after);

#define REPORTER_HEARD 3 /* relays that are needed, or all there are */

#endif
