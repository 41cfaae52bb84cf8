/*
 * link: one end of a connection's encryption: two keys, two sequence numbers (mp-chat-protocol(7),
 * TRANSFER).
 *
 * Invariants: a number is used once under a key; what is taken rises strictly.  Behind number
 * LINK_LAST the key is replaced by one derived from it and counting begins anew, so that no end
 * ever runs out.  Lives in the locked arena; link_free() wipes it.
 */
#ifndef MP_CHAT_LINK_H
#define MP_CHAT_LINK_H

#include <stdbool.h>

#include "base/buf.h"
#include "chat/frame.h"

#define LINK_LAST 65534u

struct link_way {
	uint8_t key[32];
	uint16_t sqn; /* of the last frame */
};

struct link {
	struct link_way send, recv;
};

/* Both ways under the temporary key of a login. */
struct link *link_new(const uint8_t temporary[static 32]);
void link_free(struct link *l);

/*
 * The transfer keys: from our secret and the other's random value (X25519 both), and the request's
 * hash.  The numbers go on.  MP_EBAD when the two agree on nothing.
 */
int link_transfer(struct link *l, bool server, const uint8_t secret[static 32],
    const uint8_t other[static 32], const uint8_t request[static 32]);

/*
 * Appends a frame; type, sid, uid and rnd are the caller's, len is what he will append behind the
 * mac (FRAME_ETK at a login, else 0).  MP_ELIMIT past FRAME_PAYLOAD.
 */
int link_seal(
    struct buf *out, struct link *l, const struct frame *f, const void *payload, size_t n);

/*
 * Opens one whole frame (frame_next()) of size bytes, `behind` of which follow the mac.  The
 * payload replaces plain.  MP_EBAD changes nothing in l.
 */
int link_open(struct link *l, struct frame *f, struct buf *plain, const uint8_t *data, size_t size,
    size_t behind);

#endif
