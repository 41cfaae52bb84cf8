/*
 * meshself: who we are in the relay mesh: two RSA keys, this device, and the version of what
 * contacts are told of it (mp-mesh-protocol(7), ADDRESSES).
 *
 * There is one or none.  The keys are PEM; the version rises when they change, or the servers where
 * we fetch.
 */
#ifndef MP_STORE_MESHSELF_H
#define MP_STORE_MESHSELF_H

#include "crypto/rsa.h"
#include "store/store.h"

struct meshself {
	uint8_t address[RSA_DER], encryption[RSA_DER], certificate[RSA_BYTES];
	uint8_t device[8];
	int64_t made, version; /* made: or told by the first device */
};

/* MP_EEXIST: we have keys. */
int meshself_make(struct store *s, const struct meshself *m, const struct buf *signing,
    const struct buf *opening);
/* The same in the place of those that we have; the device stays.  What contacts were told is no
 * longer so. */
int meshself_replace(struct store *s, const struct meshself *m, const struct buf *signing,
    const struct buf *opening);
/* MP_ENONE: "no keys of the mesh". */
int meshself_get(struct store *s, struct meshself *m);
/* The secret halves, appended. */
int meshself_keys(struct store *s, struct buf *signing, struct buf *opening);
/* What contacts were told is no longer so. */
int meshself_changed(struct store *s);

#endif
