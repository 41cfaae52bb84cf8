/*
 * chatd: what a chat server keeps, in a database of its own (mp-chatd(1)).
 *
 * Ids are random, 1 to 2^63-1.  Functions return 0 or MP_E*, MP_ENONE for nothing such.  All that
 * write may stand inside store_begin() and store_commit(); the server commits once for many
 * requests.
 */
#ifndef MP_STORE_CHATD_H
#define MP_STORE_CHATD_H

#include "store/store.h"

#define CHATD_PASSWORD 128               /* libsodium's string form, with NUL */
#define CHATD_ROOMS 500                  /* sessions that one user is in, at most */
#define CHATD_BYTES (INT64_C(256) << 20) /* of undelivered messages in a session */

struct chatd_user {
	uint64_t uid;
	char name[33];
	char password[CHATD_PASSWORD];
};

/* Makes it when absent. */
int chatd_open(struct store **out, const char *path);

int chatd_user_add(struct store *s, const char *name, const char *password);
int chatd_user_password(struct store *s, const char *name, const char *password);
/* His own sessions are closed, in those of others he is no member any more. */
int chatd_user_remove(struct store *s, const char *name);
int chatd_user_find(struct store *s, struct chatd_user *u, const char *name);
int chatd_user_exists(struct store *s, uint64_t uid);
int chatd_user_each(
    struct store *s, int (*fn)(void *ctx, const struct chatd_user *u, int64_t rooms), void *ctx);

/* MP_EEXIST when this login was seen before. Forgets those whose time is over. */
int chatd_login_once(struct store *s, const uint8_t hash[static 32], int64_t now, int64_t until);

/* True when another process has changed the database since the last call. */
bool chatd_changed(struct store *s, int64_t *version);

enum chatd_state { CHATD_CREATOR, CHATD_INVITED, CHATD_JOINED, CHATD_DECLINED };

struct chatd_member {
	uint64_t sid, uid;
	char name[33];
	enum chatd_state state;
	bool has_key;
	uint8_t key[32];
	uint64_t number;
};

/* MP_ENONE: nobody of it, or no such session. MP_EEXIST: it is closed. */
int chatd_member_get(struct store *s, struct chatd_member *m, uint64_t sid, uint64_t uid);
int chatd_members(
    struct store *s, uint64_t sid, int (*fn)(void *ctx, const struct chatd_member *m), void *ctx);
/* The sessions he is in; name and uid are the creator's, state is his own. */
int chatd_rooms(
    struct store *s, uint64_t uid, int (*fn)(void *ctx, const struct chatd_member *m), void *ctx);

/* MP_ELIMIT when one of them is in too many sessions, MP_ENONE when there is no such user. */
int chatd_session_new(struct store *s, uint64_t *sid, uint64_t creator,
    const uint8_t key[static 32], const uint64_t *invited, size_t n);
int chatd_session_close(struct store *s, uint64_t sid);
/* key: of who accepts, NULL of who declines. */
int chatd_member_answer(struct store *s, uint64_t sid, uint64_t uid, const uint8_t *key);

struct chatd_message {
	uint64_t seq, uid, number;
	const uint8_t *content;
	size_t n;
};

/* MP_EEXIST: number is not above his last one.  MP_EBUSY: too much is here undelivered. */
int chatd_message_add(struct store *s, uint64_t sid, struct chatd_message *m, int64_t now);
/*
 * Those of others than uid behind `after`, in order, at most `most`; fn ends it by a value that is
 * not 0, which is returned.
 */
int chatd_messages(struct store *s, uint64_t sid, uint64_t uid, uint64_t after, int most,
    int (*fn)(void *ctx, const struct chatd_message *m), void *ctx);
/* The last message of another than uid, 0 none. */
int chatd_last(struct store *s, uint64_t *seq, uint64_t sid, uint64_t uid);
/* He has all up to seq: what all have goes. */
int chatd_confirm(struct store *s, uint64_t sid, uint64_t uid, uint64_t seq);
/* Messages from before this time go, delivered or not. */
int chatd_expire(struct store *s, int64_t before);

#endif
