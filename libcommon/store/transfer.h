/*
 * transfer: incoming files (states in mp-store(5)).  The bytes are in $MP_HOME/spool/ until whole.
 */
#ifndef MP_STORE_TRANSFER_H
#define MP_STORE_TRANSFER_H

#include "store/store.h"

enum transfer_state {
	TRANSFER_OFFERED,
	TRANSFER_ACCEPTED,
	TRANSFER_DECLINED,
	TRANSFER_COMPLETE,
	TRANSFER_FAILED
};

struct transfer {
	int64_t contact;
	char contact_name[33]; /* read only */
	uint8_t id[16];
	enum transfer_state state;
	char name[256]; /* as the peer gave it: UTF-8, untrusted */
	int64_t size, step, chunks, next;
	int64_t time, touched;
	bool owed;          /* a file-status is owed to the sender ... */
	uint8_t status[16]; /* ... with this id */
	char ref[72];
	char path[1024]; /* of the complete file, "" before */
};

int transfer_add(struct store *s, const struct transfer *t); /* MP_EEXIST */
int transfer_get(struct store *s, struct transfer *t, int64_t contact, const uint8_t id[static 16]);
int transfer_find(
    struct store *s, struct transfer *t, const uint8_t id[static 16]); /* of any contact */
int transfer_update(
    struct store *s, const struct transfer *t); /* state, next, touched, owed, status, path */
int transfer_each(struct store *s, int (*fn)(void *ctx, const struct transfer *t), void *ctx);
/* Those whose sender is owed a status; what it costs does not grow with the others. */
int transfer_each_owed(struct store *s, int (*fn)(void *ctx, const struct transfer *t), void *ctx);
/* It was delivered; a newer one, which has another id, stays owed. */
int transfer_told(struct store *s, int64_t contact, const uint8_t status[static 16]);
/* An accepted one of which nothing came since `before`; MP_ENONE. */
int transfer_stale(struct store *s, struct transfer *t, int64_t before);

struct transfer_load {
	int64_t bytes;             /* of accepted ones, whole: what they have and what is to come */
	int64_t offered, accepted; /* how many */
};
int transfer_quota(struct store *s, int64_t contact, struct transfer_load *load);
/* How one ended that message_prune() took out: 1, 0 there was none such, or MP_E*. */
int transfer_ended(
    struct store *s, int64_t contact, const uint8_t id[static 16], enum transfer_state *end);

#endif
