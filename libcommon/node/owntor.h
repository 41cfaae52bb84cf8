/*
 * owntor: a tor process of our own: finding the program, its torrc, starting it, and what it said
 * last.
 */
#ifndef MP_NODE_OWNTOR_H
#define MP_NODE_OWNTOR_H

#include <stdbool.h>
#include <stddef.h>
#include "base/config.h"
#include "node/station.h"

/* Can the program be run?  name with '/' is a path, else looked for on PATH. */
bool program_exists(const char *name);

/* Writes tor/torrc; tor will end with the process owner. */
int owntor_configure(const struct config *cfg, const struct station *s, pid_t owner);
/* Becomes tor; returns only when that fails. */
int owntor_exec(const struct config *cfg);
/* The last warning of the tor that just ended, "" none. */
void owntor_last_words(char *out, size_t size);

#endif
