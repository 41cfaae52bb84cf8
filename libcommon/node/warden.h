/*
 * warden: passwords compared in a thread, for Argon2id takes long by intent (mp-chatd(1), LOGINS).
 *
 * Who asks waits in a queue.  Turns go round by the source of a connection, and for one source by
 * the name that is tried, so that a flood from one place costs the others one turn.  A wrong
 * password makes the next tries of that source at that name wait, never those of others: nobody can
 * lock a user out. Full, the queue loses one at random, never always the newcomer.
 */
#ifndef MP_NODE_WARDEN_H
#define MP_NODE_WARDEN_H

#include <stdbool.h>
#include <stdint.h>

#define WARDEN_PASSWORD 128
#define WARDEN_FREE 10 /* wrong ones, before each more costs a second of waiting */

struct warden;

/* What is kept of a password. MP_ENOMEM. */
int warden_hash(char out[static WARDEN_PASSWORD], const char *password);

/* *fd is readable when there is an answer.  now: ms of a clock that only rises, from its thread. */
int warden_new(struct warden **out, int *fd, int64_t (*now)(void));
void warden_free(struct warden *w);

/* Everything is copied.  ticket: not 0, the caller's name for it. */
int warden_ask(struct warden *w, uint64_t ticket, uint64_t source, const char *name,
    const char *stored, const char *password);
/* True and one answer, or false: none now. */
bool warden_answer(struct warden *w, uint64_t *ticket, bool *right);

#endif
