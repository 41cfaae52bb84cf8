#include "store/slack.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/secret.h"
#include "store/sql.h"

/* The file format of sqlite.org/fileformat2.html, sections 1.3, 1.6 and 1.8. */
#define LOCK_BYTE 0x40000000u
enum { PTRMAP_ROOT = 1, PTRMAP_NODE = 5 };
enum { NODE_INDEX = 2, NODE_TABLE = 5, LEAF_INDEX = 10, LEAF_TABLE = 13 };

struct pages {
	sqlite3_file *f;
	size_t size, usable;
	uint64_t count;
	uint8_t *page, *map; /* one page, and the pointer map page that speaks of it */
	uint64_t map_page;
};

static int io(int rc)
{
	if (rc == SQLITE_OK)
		return 0;
	return err_set(rc == SQLITE_FULL ? MP_EFULL : MP_ESYS, "store.db: %s", sqlite3_errstr(rc));
}

static int read_page(const struct pages *p, uint64_t n, uint8_t *out)
{
	return io(
	    p->f->pMethods->xRead(p->f, out, (int)p->size, (sqlite3_int64)((n - 1) * p->size)));
}

/* The pointer map page that speaks of page n. */
static uint64_t map_of(const struct pages *p, uint64_t n)
{
	uint64_t each = p->usable / 5 + 1;
	uint64_t map = (n - 2) / each * each + 2;

	return map == LOCK_BYTE / p->size + 1 ? map + 1 : map;
}

/* 1 when page n is a node of a b-tree, 0 when it is anything else. */
static int is_node(struct pages *p, uint64_t n)
{
	uint64_t map;
	uint8_t type;
	int rc;

	if (n == 1)
		return 1;
	map = map_of(p, n);
	if (n <= map || n == LOCK_BYTE / p->size + 1)
		return 0;
	if (map != p->map_page && (rc = read_page(p, map, p->map)) != 0)
		return rc;
	p->map_page = map;
	type = p->map[5 * (n - map - 1)];
	return type == PTRMAP_ROOT || type == PTRMAP_NODE;
}

static size_t get16(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* Between the array of cell pointers and the first cell; false when the page looks otherwise. */
static bool gap_of(const struct pages *p, uint64_t n, size_t *from, size_t *to)
{
	size_t at = n == 1 ? 100 : 0;
	uint8_t type = p->page[at];
	bool leaf = type == LEAF_INDEX || type == LEAF_TABLE;

	if (!leaf && type != NODE_INDEX && type != NODE_TABLE)
		return false;
	*from = at + (leaf ? 8 : 12) + 2 * get16(p->page + at + 3);
	*to = get16(p->page + at + 5);
	if (*to == 0)
		*to = 65536;
	return *from < *to && *to <= p->usable;
}

static int wipe_page(struct pages *p, uint64_t n)
{
	size_t from, to, at;
	int rc = is_node(p, n);

	if (rc <= 0 || (rc = read_page(p, n, p->page)) != 0)
		return rc;
	if (!gap_of(p, n, &from, &to))
		return 0;
	for (at = from; at < to && p->page[at] == 0; at++)
		;
	if (at == to)
		return 0;
	memset(p->page + from, 0, to - from);
	return io(p->f->pMethods->xWrite(
	    p->f, p->page + from, (int)(to - from), (sqlite3_int64)((n - 1) * p->size + from)));
}

/* Page size, reserved bytes and whether there is a pointer map stand in the first 100 bytes. */
static int read_header(struct pages *p)
{
	uint8_t head[100];
	sqlite3_int64 size;
	int rc = io(p->f->pMethods->xRead(p->f, head, sizeof head, 0));

	if (rc == 0)
		rc = io(p->f->pMethods->xFileSize(p->f, &size));
	if (rc != 0)
		return rc;
	p->size = get16(head + 16) == 1 ? 65536 : get16(head + 16);
	p->usable = p->size - head[20];
	if (p->size < 512 || p->usable < 480 || get32(head + 52) == 0)
		return err_set(MP_ESYS, "store.db: not made by mp-keygen");
	p->count = (uint64_t)size / p->size;
	return 0;
}

int slack_wipe(struct store *s)
{
	struct pages p = {.page = NULL};
	int rc;

	if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_FILE_POINTER, &p.f) ||
	    p.f->pMethods == NULL)
		return err_set(MP_ESYS, "store.db: no file");
	if ((rc = read_header(&p)) != 0)
		return rc;
	p.page = malloc(p.size);
	p.map = malloc(p.size);
	if (p.page == NULL || p.map == NULL)
		rc = err_set(MP_ENOMEM, "out of memory");
	for (uint64_t n = 1; rc == 0 && n <= p.count; n++)
		rc = wipe_page(&p, n);
	if (rc == 0)
		rc = io(p.f->pMethods->xSync(p.f, SQLITE_SYNC_NORMAL));
	if (p.page != NULL)
		secret_wipe(p.page, p.size);
	free(p.page);
	free(p.map);
	return rc;
}
