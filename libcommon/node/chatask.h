/*
 * chatask: one question to a chat server and its answer, on a connection that is logged in.
 *
 * ms: how long the answer is waited for, MP_ETEMP.  MP_ENONE is the server's no, in its words.
 */
#ifndef MP_NODE_CHATASK_H
#define MP_NODE_CHATASK_H

#include "node/chatcall.h"

/* A session with the users of these names; seed: our Ed25519 key. */
int ask_init(struct chatcall *c, uint64_t *sid, const uint8_t seed[static 32],
    const char *const *names, size_t n, int64_t ms);

/* The status_res about sid, or 0 of all sessions, still in e. */
int ask_status(struct chatcall *c, struct heard *e, uint64_t sid, int64_t ms);

/* Accepts, or declines with seed NULL, and looks whether the server took it. */
int ask_answer(struct chatcall *c, uint64_t sid, const uint8_t *seed, int64_t ms);

/* A session that is closed already is no error. */
int ask_close(struct chatcall *c, uint64_t sid, int64_t ms);

#endif
