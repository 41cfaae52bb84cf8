/*
 * courier: hands envelopes to the relay mesh, many at once, over a client that others use too.
 *
 * An envelope becomes a letter to the contact's address, with one of his tokens, and goes to a
 * relay that we post to; when that one is away or wrong, to the next, at most COURIER_TRIES.
 */
#ifndef MP_NODE_COURIER_H
#define MP_NODE_COURIER_H

#include "net/client.h"
#include "node/mailbox.h"

#define COURIER_TRIES 4

struct courier;

/* Does a record of this kind go by the mesh?  What needs an answer, or is too large for every
 * relay, goes by onion only. */
bool courier_carries(const char *kind);

/* Borrows s and c, whose media type is that of meshcall.h. MP_ENONE: we have no keys. */
int courier_new(struct courier **out, struct store *s, struct client *c);
void courier_free(struct courier *k);

/* From now on each post goes by a circuit and a connection of its own, whoever it is for. */
void courier_apart(struct courier *k);

/* Has he an address, and do we know a server, be it away just now? 1 or 0, or MP_E*. */
int courier_reaches(struct courier *k, int64_t contact);

/* Begins; the end comes by courier_result(). MP_ENONE: he has no address, or no server is left. */
int courier_start(struct courier *k, int64_t contact, const void *envelope, size_t len, void *tag);

/*
 * The same with a fake (mp-mesh-protocol(7), COVER): a letter to ourselves, which only we can tell
 * from another.
 */
int courier_fake(struct courier *k, void *tag);

struct courier_end {
	void *tag;
	bool taken;
	char code[16], reason[160]; /* when it was not; the same may go later */
};

/* What a result of the client says: 1 and *end, 0 it goes on, COURIER_OTHER it is not ours; MP_E*.
 */
enum { COURIER_OTHER = 2 };
int courier_result(struct courier *k, struct post_result *r, struct courier_end *end);
/* It is not wanted any more; it may arrive all the same. */
void courier_cancel(struct courier *k, void *tag);

#endif
