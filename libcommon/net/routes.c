#include "net/routes.h"
#include "base/err.h"
#include "base/file.h"
#include "net/addr.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)4 << 20)

struct route {
	uint8_t onion[ONION_KEY];
	char where[ADDR_TEXT];
	unsigned long line;
};

/* Invariant: list is sorted by onion, which is unique in it. */
struct routes {
	char *path;
	struct route *list;
	size_t n;
	struct stat seen; /* of the file when it was read; all zero: absent */
};

static int by_onion(const void *a, const void *b)
{
	return memcmp(
	    ((const struct route *)a)->onion, ((const struct route *)b)->onion, ONION_KEY);
}

static int bad_line(const char *path, unsigned long line, const char *why)
{
	return err_set(MP_EBAD, "%s:%lu: %s", path, line, why);
}

/* "ONION HOST:PORT"; cuts the line up. 1 when it holds a route, 0 when it is blank. */
static int parse_line(struct route *r, char *line, const char *path)
{
	char *save, *onion, *where, why[200];
	struct addr a;

	line[strcspn(line, "#")] = '\0';
	if ((onion = strtok_r(line, " \t\r", &save)) == NULL)
		return 0;
	if ((where = strtok_r(NULL, " \t\r", &save)) == NULL ||
	    strtok_r(NULL, " \t\r", &save) != NULL)
		return bad_line(path, r->line, "not 'ONION HOST:PORT'");
	if (onion_decode(r->onion, onion) != 0)
		return bad_line(path, r->line, "no onion address");
	if (addr_parse(&a, where) != 0) {
		snprintf(why, sizeof(why), "%s", err_detail());
		return bad_line(path, r->line, why);
	}
	if (a.ss.ss_family == AF_UNIX)
		return bad_line(path, r->line, "not 'ONION HOST:PORT'");
	addr_format(r->where, &a);
	return 1;
}

static int add_route(struct routes *r, const struct route *one)
{
	struct route *list = r->list;

	/* Grows at powers of two. */
	if ((r->n & (r->n - 1)) == 0) {
		list = reallocarray(list, r->n == 0 ? 1 : 2 * r->n, sizeof(*list));
		if (list == NULL)
			return err_set(MP_ENOMEM, "out of memory");
		r->list = list;
	}
	list[r->n++] = *one;
	return 0;
}

static int parse(struct routes *r, char *text, size_t len)
{
	char *end = text + len, *line, *lf;
	struct route one = {.line = 0};
	int rc;

	if (memchr(text, '\0', len) != NULL)
		return err_set(MP_EBAD, "%s: not a text file", r->path);
	for (line = text; line < end; line = lf + 1) {
		if ((lf = memchr(line, '\n', (size_t)(end - line))) == NULL)
			lf = end;
		*lf = '\0';
		one.line++;
		if ((rc = parse_line(&one, line, r->path)) < 0 ||
		    (rc == 1 && (rc = add_route(r, &one)) != 0))
			return rc;
	}
	if (r->n > 1)
		qsort(r->list, r->n, sizeof(*r->list), by_onion);
	for (size_t i = 1; i < r->n; i++)
		if (by_onion(&r->list[i - 1], &r->list[i]) == 0)
			return bad_line(
			    r->path, r->list[i].line, "this address has a route already");
	return 0;
}

/* Into r, which has a path and nothing else. */
static int read_routes(struct routes *r)
{
	struct buf text = BUF_INIT(FILE_MAX);
	int rc;

	rc = file_read(r->path, &text);
	if (rc == 0)
		rc = buf_terminate(&text);
	if (rc == 0)
		rc = parse(r, (char *)text.data, text.len);
	buf_free(&text);
	return rc == MP_ENONE ? 0 : rc;
}

static const char *default_path(void)
{
	const char *path = getenv("MP_ROUTES");

	if (path != NULL && *path != '\0')
		return path;
	return home_path() == NULL ? NULL : home_file("routes");
}

static void look(const char *path, struct stat *st)
{
	if (stat(path, st) != 0)
		memset(st, 0, sizeof(*st));
}

int routes_load(struct routes **out, const char *path)
{
	struct routes *r;
	int rc;

	*out = NULL;
	if (path == NULL && (path = default_path()) == NULL)
		return MP_ESYS;
	if ((r = calloc(1, sizeof(*r))) == NULL || (r->path = strdup(path)) == NULL) {
		free(r);
		return err_set(MP_ENOMEM, "out of memory");
	}
	look(path, &r->seen);
	if ((rc = read_routes(r)) != 0) {
		routes_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/*
 * A file that somebody is half way through editing leaves the routes as they were: a
 * contact on the LAN is not sent over Tor for a typing error.
 */
static void refresh(struct routes *r)
{
	struct routes fresh = {.path = r->path};

	look(r->path, &fresh.seen);
	if (same_file(&r->seen, &fresh.seen))
		return;
	r->seen = fresh.seen;
	if (read_routes(&fresh) == 0) {
		free(r->list);
		*r = fresh;
	} else {
		free(fresh.list);
	}
}

const char *routes_find(struct routes *r, const uint8_t onion[static ONION_KEY])
{
	struct route key, *found;

	refresh(r);
	if (r->n == 0)
		return NULL;
	memcpy(key.onion, onion, ONION_KEY);
	found = bsearch(&key, r->list, r->n, sizeof(*r->list), by_onion);
	return found == NULL ? NULL : found->where;
}

void routes_free(struct routes *r)
{
	if (r == NULL)
		return;
	free(r->path);
	free(r->list);
	free(r);
}
