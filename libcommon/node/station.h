/*
 * station: what a running node holds: the home's lock, its port, and a directory for tor's sockets.
 *
 * The lock (run/serve.lock, flock) is this process's alone: no child may keep it.  Its file says
 * who holds it: the process, and once requests are answered the address.  The port is held by a
 * bound socket that never listens: socat, which sets SO_REUSEADDR too, can listen on it, go, and
 * come back, and nobody else is given the port meanwhile.
 */
#ifndef MP_NODE_STATION_H
#define MP_NODE_STATION_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include "crypto/onion.h"
#include "net/addr.h"

struct station {
	int lock, port;         /* descriptors, -1 not open */
	uint8_t key[ONION_KEY]; /* our own */
	char onion[ONION_TEXT];
	char where[ADDR_TEXT];  /* ADDR:PORT that is listened on, the port chosen */
	char target[ADDR_TEXT]; /* the same as this machine reaches it: never 0.0.0.0 or [::] */
	char socks[PATH_MAX], control[PATH_MAX], cookie[PATH_MAX]; /* of a tor of our own */
	char temporary[64]; /* the directory of the sockets when the home's path is too long, else
	                       "" */
};

/*
 * bind: ADDR:PORT, port 0 any.  MP_ENONE: somebody serves this home already; MP_EUSAGE the address,
 * or there is no identity; MP_ESYS: the address cannot be had.
 */
int station_open(struct station *s, const char *bind);
/* Makes the sockets' directory, for a tor of our own. */
int station_sockets(struct station *s);
/* Says in the lock file that requests are answered. */
void station_ready(struct station *s);
void station_close(struct station *s);

#endif
