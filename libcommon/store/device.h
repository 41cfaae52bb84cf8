/*
 * device: the homes of one person (mp-mesh(1), devices), and the contacts that they share.
 *
 * The homes are contacts of each other.  One is the first; the others hold its keys of the mesh and
 * of its contacts.  A second device knows each shared contact by a row of its own, and by the
 * origin: the row that the first one has for it.
 */
#ifndef MP_STORE_DEVICE_H
#define MP_STORE_DEVICE_H

#include "store/store.h"

#define DEVICES_MAX 7 /* beside this one: as many as relays heed */

/* What the other home is to us. */
enum device_role { DEVICE_ASKS, DEVICE_SECOND, DEVICE_FIRST };

struct device {
	int64_t contact;
	enum device_role role;
	int64_t since, n; /* n: of the last device-sync to it that was named */
};

/* MP_EEXIST; MP_ELIMIT. */
int device_add(struct store *s, int64_t contact, enum device_role role, int64_t now);
int device_get(struct store *s, struct device *d, int64_t contact); /* MP_ENONE */
/* The next one behind that contact; MP_ENONE. */
int device_next(struct store *s, struct device *d, int64_t after);
/* MP_ENONE; MP_ELIMIT. */
int device_set_role(struct store *s, int64_t contact, enum device_role role, int64_t now);
/* And what the queue has for it as a device. MP_ENONE. */
int device_remove(struct store *s, int64_t contact);

/* Is this home the second device of another one?  1, 0 or MP_E*.  Has it second ones itself? */
int device_is_second(struct store *s);
int device_has_seconds(struct store *s);

struct shared {
	int64_t contact, origin;
	int64_t n; /* of the device-sync that last spoke of it */
};
int shared_get(struct store *s, struct shared *h, int64_t contact); /* MP_ENONE */
int shared_find(struct store *s, struct shared *h, int64_t origin); /* MP_ENONE */
int shared_put(struct store *s, const struct shared *h);

#endif
