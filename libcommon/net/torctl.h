/*
 * torctl: tor's control port (control-spec): authenticate by cookie, ask, add an onion service.
 * For a tor of our own: how far it is.  For the system's: our service.
 */
#ifndef MP_NET_TORCTL_H
#define MP_NET_TORCTL_H

#include <stdbool.h>
#include "crypto/identity.h"

struct torctl;
/*
 * where: "unix:PATH" or "HOST:PORT" (numeric); cookie_path NULL or "": no cookie. MP_ETEMP not
 * there yet; MP_ESYS refused.  No call takes longer than about 20 s, whatever the other end does or
 * leaves undone; after an answer that is late or no control protocol every further call is
 * MP_ETEMP.
 */
int torctl_open(struct torctl **out, const char *where, const char *cookie_path);
void torctl_close(struct torctl *t);
int torctl_fd(const struct torctl *t);

/* GETINFO status/bootstrap-phase: 0..100, and its summary for a person. */
int torctl_bootstrap(struct torctl *t, int *percent, char *summary, size_t size);
/* 1 once a descriptor of our service was uploaded since torctl_watch() (HS_DESC UPLOADED), 0 not
 * yet. */
int torctl_watch(struct torctl *t);
int torctl_uploaded(struct torctl *t, const char *onion, int timeout_ms);
/*
 * ADD_ONION for port 443 to target; the ServiceID that tor answers must be ours, else MP_EBAD and
 * it is removed.  MP_EEXIST when tor serves it already.  The service lives as long as this
 * connection: it goes with whoever asked for it, even when that is killed.
 */
int torctl_add_onion(struct torctl *t, const struct identity *id, const char *target);
int torctl_del_onion(struct torctl *t, const char *onion);
int torctl_socks(
    struct torctl *t, char *out, size_t size); /* GETINFO net/listeners/socks, the first */

#endif
