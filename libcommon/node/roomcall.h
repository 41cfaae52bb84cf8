/*
 * roomcall: one program in a room on a relay, between lines on descriptors 0 and 1 and the relay's
 * requests (mp-room(1), mp-mesh-protocol(7)).
 *
 * One request posts, another waits for lines, each over a circuit of its own.  Lines are posted in
 * their order, one request at a time and again until it is answered; a reader knows a line that
 * comes twice.
 * Nothing is posted before the relay has said where the room stands: whatever answers our first
 * line is heard.
 */
#ifndef MP_NODE_ROOMCALL_H
#define MP_NODE_ROOMCALL_H

#include <stdbool.h>
#include <stdint.h>

struct roomcall_options {
	const char *room;     /* ROOM@SERVER */
	const char *password; /* "": none */
	int64_t wait;         /* ms that the relay may be out of reach */
	bool verbose;
};

/* Until standard input has ended and all of it is posted: the exit status of mp-room. */
int roomcall_run(const struct roomcall_options *o);

#endif
