/*
 * devices: several homes of one person (mp-mesh(1), devices).
 *
 * They meet as contacts do, by a card.  A fresh home asks to be the second device of the other, and
 * a person there says yes: a home that did not ask gets no keys.  What is decided with contacts,
 * groups and introductions is the first device's; a second one writes and reads messages.
 */
#ifndef MP_NODE_DEVICES_H
#define MP_NODE_DEVICES_H

#include "store/device.h"
#include "wire/wire.h"

/* This home becomes the second device of that contact's. MP_EUSAGE: it is in use. */
int devices_join(struct store *s, const char *name, int64_t now);
/* That contact's becomes a second device of ours. MP_EUSAGE: it did not ask, or we are one. */
int devices_add(struct store *s, const char *name, int64_t now);
/*
 * It is none any more: we get new keys of the mesh, and each contact a new key, of which it learns
 * nothing.  MP_EUSAGE: it is the first one.
 */
int devices_remove(struct store *s, const char *name, int64_t now);

struct device_line {
	char name[33];
	enum device_role role;
	int64_t since, seen; /* seen: when it was last heard of, 0 never */
	int64_t waiting;     /* things that it was not told yet */
};
/* The next one behind *after, 0 the first; MP_ENONE. */
int devices_next(struct store *s, struct device_line *out, int64_t *after);

/* 0, or MP_EUSAGE with what to say: when this is a second device; when that contact is shared with
 * us, or is a device itself which would be cut off (ends); when a shared one is sent more than
 * messages. */
int devices_first(struct store *s);
int devices_change(struct store *s, const char *name, bool ends);
int devices_may(struct store *s, int64_t contact, enum wire_type t);

#endif
