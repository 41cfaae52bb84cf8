/*
 * talk: a session running between standard input and output (mp-chat(1), TALK).
 *
 * What comes in is on disk, with its number, before it is sent, and is sent again after every break
 * until the server has confirmed it; what is heard is printed before it is confirmed.
 */
#ifndef MP_NODE_TALK_H
#define MP_NODE_TALK_H

#include <stdbool.h>
#include <stdint.h>
#include "node/chatcall.h"

struct talk_options {
	const char *account;
	uint64_t sid;
	bool lines;  /* each line of standard input is a message, not a record */
	bool follow; /* goes on after the end of input */
	bool deaf;   /* says only what waits to be said, hears nothing */
	bool json, verbose, verified_only;
	int64_t wait; /* ms: after the end of input; and to connect */
};

/* An exit status of its own: bad records in the input count, but end nothing. */
int talk_run(
    int *status, struct store *s, const struct chat_account *a, const struct talk_options *o);

#endif
