/*
 * hook: a program run for each new message (mp-inbox -x).
 *
 * The body alone on its stdin; MP_KIND MP_CONTACT MP_ID MP_TIME MP_REF MP_FILE in its environment.
 * Exit 0 marks the message read, 100 gives it up, anything else (a signal, a time-out) backs off
 * and is tried ten times in all. One lease a message: two at once are harmless.
 *
 * A hook has a process group of its own, killed whole when its time is over.  It dies with us, so
 * that a message whose lease died is not worked on twice.  Once it has ended, nothing that it left
 * running is waited for.
 */
#ifndef MP_NODE_HOOK_H
#define MP_NODE_HOOK_H

#include "base/config.h"
#include "store/message.h"

#define HOOK_TRIES 10

struct hook {
	char *const *argv; /* the program, its arguments, NULL; the program is looked for on PATH */
	int64_t timeout;   /* ms; 0: config hook.timeout */
	int stop_fd; /* readable: the hook at work gets SIGTERM and 5 s, no other one starts; -1
	                none */
	/* One line for a person about each message that was not marked; may be NULL. */
	void (*report)(void *ctx, const struct record *rec, const char *line);
	void *ctx;
};

/* 0, or MP_ESYS, MP_EUSAGE when there is no such program: a misspelt one must not use up the tries.
 */
int hook_check(const char *program);

/*
 * Runs it for every message that is due now.  Returns an exit status: 0, 1 nothing new, 100 given
 * up or no such program (nothing is claimed then; detail set), 111 some will be tried again.
 */
int hook_run_all(struct store *s, const struct config *cfg, const struct hook *h);

#endif
