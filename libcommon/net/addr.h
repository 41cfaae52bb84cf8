/*
 * addr: numeric socket addresses as text: "127.0.0.1:443", "[::1]:443", "unix:PATH".
 *
 * Never a name: nothing here can cause a look-up.  Plain values, nothing to free.
 */
#ifndef MP_NET_ADDR_H
#define MP_NET_ADDR_H

#include <sys/socket.h>

#define ADDR_TEXT 128 /* longest text, with NUL: "unix:" and a sun_path */

struct addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

/* MP_EBAD unless text is exactly one of the three forms; a port is 0 to 65535. */
int addr_parse(struct addr *a, const char *text);

/* The same text again, in its canonical form. */
void addr_format(char out[static ADDR_TEXT], const struct addr *a);

#endif
