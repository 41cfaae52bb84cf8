/*
 * dial: one TCP connection, for protocols that are not HTTP.
 *
 * A numeric address, or an onion address with a route, is reached directly; every other name only
 * through Tor's SOCKS port, which resolves it: nothing here looks a name up.
 */
#ifndef MP_NET_DIAL_H
#define MP_NET_DIAL_H

#include <stdint.h>

#define DIAL_TEXT 300 /* longest HOST:PORT, with NUL */

/* MP_EBAD unless it is HOST:PORT that dial() could try. */
int dial_check(const char *where);

/*
 * *fd: non-blocking, TCP_NODELAY.  isolation: the SOCKS user name, so that no two accounts share a
 * circuit.  MP_ETEMP when it cannot be reached within ms.
 */
int dial(int *fd, const char *where, const char *isolation, int64_t ms);

#endif
