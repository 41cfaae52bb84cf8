/*
 * turn: who writes next.
 *
 * SQLite's write lock is polled, and a writer who commits and begins again at once leaves it free
 * for microseconds only: a second one could poll for ever in vain.  So a writer holds PATH-turn,
 * locked, from before he asks for the write lock until he has it.  Who comes back has to queue
 * behind him.
 */
#ifndef MP_STORE_TURN_H
#define MP_STORE_TURN_H

#include <stdint.h>

/* A descriptor, or -1: without one, writers poll. */
int turn_open(const char *store_path);
/* 0, or MP_EBUSY at `end` (monotonic, ms). */
int turn_take(int turn, int64_t end);
void turn_pass(int turn);

#endif
