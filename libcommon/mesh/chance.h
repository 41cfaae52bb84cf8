/*
 * chance: waiting times that tell nothing: exponential, so that how long one has waited already
 * says nothing about when the next is due.  The source of random bits is the caller's.
 */
#ifndef MP_MESH_CHANCE_H
#define MP_MESH_CHANCE_H

#include <stdint.h>

/* ms, of that mean; at most 20 times it. */
int64_t chance_wait(int64_t mean, uint32_t (*random)(void *ctx), void *ctx);

/* libsodium's, whatever ctx is. */
uint32_t chance_random(void *ctx);

#endif
