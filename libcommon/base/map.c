#include "base/map.h"

#include <stdlib.h>

#include "base/err.h"

static size_t place(const struct map *m, uint64_t key)
{
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (m->size - 1);

	while (m->slot[at].key != 0 && m->slot[at].key != key)
		at = (at + 1) & (m->size - 1);
	return at;
}

void *map_get(const struct map *m, uint64_t key)
{
	return m->size == 0 ? NULL : m->slot[place(m, key)].value;
}

static int grow(struct map *m)
{
	struct map bigger = {.n = m->n, .size = m->size == 0 ? 16 : 2 * m->size};

	bigger.slot = calloc(bigger.size, sizeof(*bigger.slot));
	if (bigger.slot == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	for (size_t i = 0; i < m->size; i++)
		if (m->slot[i].key != 0)
			bigger.slot[place(&bigger, m->slot[i].key)] = m->slot[i];
	free(m->slot);
	*m = bigger;
	return 0;
}

int map_put(struct map *m, uint64_t key, void *value)
{
	size_t at;
	int rc;

	if (2 * (m->n + 1) > m->size && (rc = grow(m)) != 0)
		return rc;
	at = place(m, key);
	m->n += m->slot[at].key == 0;
	m->slot[at] = (struct map_slot){key, value};
	return 0;
}

/* What stands behind it in the same run moves up, so that no search ends at the hole. */
void map_remove(struct map *m, uint64_t key)
{
	size_t at;

	if (m->size == 0 || m->slot[at = place(m, key)].key == 0)
		return;
	m->slot[at] = (struct map_slot){0, NULL};
	m->n--;
	for (size_t i = (at + 1) & (m->size - 1); m->slot[i].key != 0;
	     i = (i + 1) & (m->size - 1)) {
		struct map_slot moved = m->slot[i];

		m->slot[i] = (struct map_slot){0, NULL};
		m->slot[place(m, moved.key)] = moved;
	}
}

void map_free(struct map *m)
{
	free(m->slot);
	*m = (struct map){.slot = NULL};
}
