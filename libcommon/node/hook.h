/*
 * hook: a program run for each new message (mp-inbox -x).
 *
 * The body alone on its stdin; MP_KIND MP_CONTACT MP_ID MP_TIME MP_REF MP_FILE in its environment.  Exit 0 marks the message
 * read, 100 gives it up, anything else (a signal, a time-out) backs off and is tried ten times in all.
 * One lease a message: two at once are harmless.
 */
#ifndef MP_NODE_HOOK_H
#define MP_NODE_HOOK_H

#include "base/config.h"
#include "store/message.h"

#define HOOK_TRIES 10

/* Runs argv for every message that is due now. Returns an exit status: 0, 1 nothing new, 100 given up, 111 some will be tried again. */
int hook_run_all(struct store *s, const struct config *cfg, char *const argv[], int64_t timeout);

#endif
