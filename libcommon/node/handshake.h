/*
 * handshake: connections that socat accepted and whose TLS handshake does not end.
 *
 * socat's time limit on its sockets counts from byte to byte, so somebody who sends one byte of a
 * ClientHello every few seconds keeps one of its places for an hour, and needs nothing but our
 * address for it.  socat forks before the handshake and runs mp-recv after it: a child of socat
 * that is old and has no child itself is such a connection.
 */
#ifndef MP_NODE_HANDSHAKE_H
#define MP_NODE_HANDSHAKE_H

#include <stdint.h>
#include <sys/types.h>

#define HANDSHAKE_TIME 15000 /* ms; over Tor an honest one takes two or three seconds */

/*
 * Kills the children of socat (a process) that are older than age ms and have none: the number
 * killed.  Best effort: where /proc does not list children, none.
 */
int handshake_end(pid_t socat, int64_t age);

#endif
