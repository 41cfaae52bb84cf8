/*
 * entry: the chains of a group, one row a message (mp-store(5)).
 */
#ifndef MP_STORE_ENTRY_H
#define MP_STORE_ENTRY_H

#include "store/store.h"

struct entry {
	int64_t n;
	uint8_t h[32], content[32], id[16];
};

/* MP_ENONE. */
int entry_get(
    struct store *s, struct entry *e, int64_t chat, const uint8_t onion[static 32], int64_t n);
/* The counter of the message with that id. MP_ENONE. */
int entry_by_id(struct store *s, int64_t chat, const uint8_t onion[static 32],
    const uint8_t id[static 16], int64_t *n);
/* Over one that is there. */
int entry_put(struct store *s, int64_t chat, const uint8_t onion[static 32], const struct entry *e);
/* Those with n below. */
int entry_drop(struct store *s, int64_t chat, const uint8_t onion[static 32], int64_t below);

#endif
