#include "base/secret.h"

#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define ARENA ((size_t)4 << 20)

/*
 * The arena is a row of blocks, each a header and its bytes.  Free blocks are a
 * list in order of address, and no two of them touch.
 */
struct block {
	size_t size;        /* of the bytes behind the header */
	struct block *next; /* of the free list; in_use() when taken */
};

_Static_assert(sizeof(struct block) == 16, "a header keeps the 16-byte alignment");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t *arena;
static struct block *free_list;
static size_t reached; /* no byte of the arena behind this one was ever given out */

/* An address that no free block has: tells a taken block, and so a second free. */
static struct block *in_use(void)
{
	return (struct block *)(void *)(arena + ARENA);
}

/* Not the whole arena: touching its pages for the first time would cost every command 2 ms. */
static void wipe_all(void)
{
	sodium_memzero(arena, reached);
}

static void make_arena(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = mmap(
	    NULL, ARENA + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED || mprotect(map + page, ARENA, PROT_READ | PROT_WRITE) != 0)
		abort();
	arena = map + page;
	/* Best effort: an ordinary RLIMIT_MEMLOCK may be smaller than the arena. */
	(void)mlock2(arena, ARENA, MLOCK_ONFAULT);
	(void)madvise(arena, ARENA, MADV_DONTDUMP);
	free_list = (struct block *)(void *)arena;
	free_list->size = ARENA - sizeof(struct block);
	free_list->next = NULL;
	atexit(wipe_all);
}

void secret_init(void)
{
	struct rlimit none = {0, 0};

	if (sodium_init() < 0)
		abort();
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Takes n bytes of the first block that has them; what is left over stays free. */
static struct block *take(size_t n)
{
	struct block **at = &free_list, *b;
	size_t end;

	while (*at != NULL && (*at)->size < n)
		at = &(*at)->next;
	if ((b = *at) == NULL)
		return NULL;
	if (b->size >= n + 2 * sizeof(struct block)) {
		struct block *rest = (struct block *)(void *)((uint8_t *)(b + 1) + n);

		rest->size = b->size - n - sizeof(struct block);
		rest->next = b->next;
		b->size = n;
		*at = rest;
	} else {
		*at = b->next;
	}
	b->next = in_use();
	end = (size_t)((uint8_t *)(b + 1) + b->size - arena);
	if (reached < end)
		reached = end;
	return b;
}

void *secret_alloc(size_t n)
{
	struct block *b;

	pthread_once(&once, make_arena);
	if (n > ARENA)
		abort();
	n = n == 0 ? 16 : (n + 15) & ~(size_t)15;
	pthread_mutex_lock(&lock);
	b = take(n);
	pthread_mutex_unlock(&lock);
	if (b == NULL)
		abort();
	memset(b + 1, 0, b->size);
	return b + 1;
}

static bool touch(const struct block *a, const struct block *b)
{
	return (const uint8_t *)(a + 1) + a->size == (const uint8_t *)b;
}

static void swallow_next(struct block *b)
{
	struct block *next = b->next;

	if (next == NULL || !touch(b, next))
		return;
	b->size += sizeof(struct block) + next->size;
	b->next = next->next;
	sodium_memzero(next, sizeof(*next));
}

void secret_free(void *p)
{
	struct block *b, *prev = NULL, *at;

	if (p == NULL)
		return;
	b = (struct block *)p - 1;
	if ((uint8_t *)p < arena || (uint8_t *)p >= arena + ARENA)
		abort();
	pthread_mutex_lock(&lock);
	if (b->next != in_use()) /* freed before, or overrun from the block below */
		abort();
	sodium_memzero(p, b->size);
	for (at = free_list; at != NULL && at < b; at = at->next)
		prev = at;
	b->next = at;
	if (prev == NULL)
		free_list = b;
	else
		prev->next = b;
	swallow_next(b);
	if (prev != NULL)
		swallow_next(prev);
	pthread_mutex_unlock(&lock);
}

void secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}
