/*
 * secret: one locked arena a process for keys.
 *
 * libsodium's sodium_malloc() takes several maps a block and a process has 65,530, so
 * all keys share one mapping, locked against swap where the limit allows, kept out of core
 * dumps, with no access pages on both sides.  Blocks are wiped when freed and the whole
 * at exit.  Aborts when out of memory, like the rest of the key handling: there is nothing
 * to clean up to.  Thread-safe.
 */
#ifndef MP_BASE_SECRET_H
#define MP_BASE_SECRET_H

#include <stddef.h>
#include <stdint.h>

/* sodium_init(), no core dumps (RLIMIT_CORE 0, PR_SET_DUMPABLE 0). Called by cmd_begin(). */
void secret_init(void);

void *secret_alloc(size_t n); /* zeroed, 16-byte aligned */
void secret_free(void *p);    /* wipes; NULL is nothing */
void secret_wipe(void *p, size_t n);

#endif
