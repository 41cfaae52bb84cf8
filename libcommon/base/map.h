/*
 * map: from numbers to pointers, for ids that are random.
 *
 * Who could choose the numbers could make it slow; those of the chat server are its own.  A number
 * is there once; 0 is none.  The map owns its array, never what the pointers point to.
 */
#ifndef MP_BASE_MAP_H
#define MP_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map {
	struct map_slot {
		uint64_t key; /* 0: empty */
		void *value;
	} * slot;
	size_t n, size; /* size: 0 or a power of two, at least twice n */
};

void *map_get(const struct map *m, uint64_t key); /* NULL: not there */
int map_put(struct map *m, uint64_t key, void *value);
void map_remove(struct map *m, uint64_t key);
void map_free(struct map *m);

#endif
