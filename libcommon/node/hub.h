/*
 * hub: the chat server without its sockets: connections, rooms and the store (mp-chatd(1)).
 *
 * The owner of the sockets gives it bytes and takes bytes from it through struct hub_ops.  What
 * requests change is committed once for many of them by hub_flush(), and nothing that depends on it
 * leaves before: an "OK" speaks of what is on disk, and nobody gets a message that a crash could
 * take back. One thread.
 */
#ifndef MP_NODE_HUB_H
#define MP_NODE_HUB_H

#include "crypto/serverkey.h"
#include "store/chatd.h"

#define HUB_HIGH                                                                        \
	262144u /* waiting bytes of a connection from which on it gets no more messages \
	         */
#define HUB_ENOUGH (1u << 20) /* ... from which on no more of its requests are taken */
#define HUB_MOST (16u << 20)  /* ... that end it: it does not read */
#define HUB_USER 512          /* connections of one user; the oldest goes for each newcomer */
#define HUB_EXPIRES (30 * INT64_C(86400000)) /* ms that a message waits for its last reader */

struct hub;
struct hub_conn;

struct hub_ops {
	void (*write)(void *owner, const uint8_t *data, size_t n);
	size_t (*waiting)(void *owner); /* bytes written and not yet sent */
	void (*drop)(void *owner); /* to be closed, with hub_leave(), after this call's return */
	/* Compare, in any time; the answer is hub_verified(). The strings are copied. */
	int (*verify)(void *owner, const char *name, const char *stored, const char *password);
	void (*wake)(void *ctx); /* hub_flush() is due soon */
};

/* store and key are borrowed. */
int hub_new(struct hub **out, struct store *s, const struct serverkey *key,
    const struct hub_ops *ops, void *ctx, int64_t expires);
void hub_free(struct hub *h);

int hub_join(struct hub *h, struct hub_conn **out, void *owner);
void hub_leave(struct hub *h, struct hub_conn *c);
bool hub_logged_in(const struct hub_conn *c);

/*
 * Whole frames at the start of data; *used bytes of them.  Not 0: close, silently.  When HUB_ENOUGH
 * waits for it the rest is left for later: to be given again behind hub_drained().
 */
int hub_take(
    struct hub *h, struct hub_conn *c, const uint8_t *data, size_t n, size_t *used, int64_t now);
void hub_verified(struct hub *h, struct hub_conn *c, bool right, int64_t now);
/* Its waiting bytes are fewer than HUB_HIGH again. */
void hub_drained(struct hub *h, struct hub_conn *c);

int hub_flush(struct hub *h);
/* About once a second. */
int hub_tick(struct hub *h, int64_t now);

#endif
