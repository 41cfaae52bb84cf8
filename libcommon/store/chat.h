/*
 * chat: what mp-chat keeps of an account: its keys, those of others, its sessions and what it has
 * not delivered yet (mp-chat(1)).  A database of its own.  0 or MP_E*, MP_ENONE for nothing such.
 */
#ifndef MP_STORE_CHAT_H
#define MP_STORE_CHAT_H

#include "store/store.h"

struct chat_account {
	char name[33];
	char server[300];
	char key[640];  /* text */
	char *password; /* in the arena; chat_account_free() */
	uint8_t *seed;  /* 32 bytes, in the arena */
};

int chat_create(const char *path, const struct chat_account *a); /* MP_EEXIST */
int chat_open(struct store **out, const char *path);             /* MP_EUSAGE: no such account */
int chat_account_get(struct store *s, struct chat_account *a);
void chat_account_free(struct chat_account *a);
int chat_account_password(struct store *s, const char *password);

struct chat_peer {
	char name[33];
	uint8_t key[32];
	bool verified;
};
int chat_peer_get(struct store *s, struct chat_peer *p, const char *name);
/* Remembers who was not known; MP_EBAD when another key is known. */
int chat_peer_meet(
    struct store *s, struct chat_peer *p, const char *name, const uint8_t key[static 32]);
int chat_peer_verify(struct store *s, const char *name);
int chat_peer_forget(struct store *s, const char *name);
int chat_peer_each(struct store *s, int (*fn)(void *ctx, const struct chat_peer *p), void *ctx);

struct chat_room {
	uint64_t number, cursor;
	uint32_t epoch, joined;
};
int chat_room_get(struct store *s, struct chat_room *r, uint64_t sid); /* makes it when absent */
int chat_room_cursor(struct store *s, uint64_t sid, uint64_t cursor);
int chat_invited_add(struct store *s, uint64_t sid, const char *name);
bool chat_invited(struct store *s, uint64_t sid, const char *name);
int chat_room_forget(struct store *s, uint64_t sid);

/* A new session key: epoch counts from the next message on. */
int chat_epoch_add(struct store *s, uint64_t sid, uint32_t epoch, const uint8_t key[static 32]);
int chat_epoch_get(struct store *s, uint8_t key[static 32], uint64_t sid, uint32_t epoch);

struct chat_member {
	uint64_t uid, number;
	char name[33];
	uint8_t key[32];
};
int chat_member_put(struct store *s, uint64_t sid, const struct chat_member *m);
int chat_member_get(struct store *s, struct chat_member *m, uint64_t sid, uint64_t uid);
int chat_member_number(struct store *s, uint64_t sid, uint64_t uid, uint64_t number);

struct chat_outgoing {
	uint64_t number;
	bool is_key;
	uint32_t epoch; /* 0: waits for a session key */
	uint8_t id[16];
	int64_t time;
	const uint8_t *body;
	size_t n;
};
/*
 * A new key goes before the texts that wait for it: the number for it, which its signature covers.
 * In the transaction that also adds it.
 */
int chat_outbox_make_way(struct store *s, uint64_t sid, uint64_t *number);
/* Gives a text its number and the newest epoch; a key has its own. */
int chat_outbox_add(struct store *s, uint64_t sid, struct chat_outgoing *o);
/* In order, behind `after`; those without an epoch and what follows them not. */
int chat_outbox_each(struct store *s, uint64_t sid, uint64_t after, int most,
    int (*fn)(void *ctx, const struct chat_outgoing *o), void *ctx);
int chat_outbox_done(struct store *s, uint64_t sid, uint64_t number);
int chat_outbox_count(struct store *s, int64_t *n, uint64_t sid);

#endif
