/*
 * chatd: the chat server's sockets: one process, one event loop (libevent) around a hub
 * (mp-chatd(1)).
 *
 * Also what its commands share: its folder, with the key and the store.
 */
#ifndef MP_NODE_CHATD_H
#define MP_NODE_CHATD_H

#include "crypto/serverkey.h"
#include "store/chatd.h"

/* A file of the server's folder: $MP_CHATD, else $MP_HOME/chatd.  As home_file(). */
const char *chatd_file(const char *name);

/* The folder, the key and the store; makes what is missing.  key may be NULL. */
int chatd_prepare(struct store **s, struct serverkey **key);

struct chatd_options {
	const char *where; /* ADDR:PORT or fd:N */
	int64_t expires;   /* ms */
	bool verbose;
	int ready_fd; /* -1 none: "ready ADDR:PORT", then closed */
};

/* Until SIGTERM or SIGINT; what waits in connections gets 5 s more. MP_EBUSY: another one runs
 * here. */
int chatd_serve(const struct chatd_options *o);

#endif
