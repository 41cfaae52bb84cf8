#include "base/lines.h"
#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

void lines_init(struct lines *l, int fd, size_t max)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->max = max;
	l->b.max = max + 2 * CHUNK;
}

void lines_free(struct lines *l)
{
	buf_free(&l->b);
}

int lines_fill(struct lines *l)
{
	ssize_t n;
	int rc;

	if (l->at > 0) {
		l->b.len -= l->at;
		memmove(l->b.data, l->b.data + l->at, l->b.len);
		l->at = 0;
	}
	if ((rc = buf_reserve(&l->b, CHUNK)) != 0)
		return rc;
	do
		n = read(l->fd, l->b.data + l->b.len, CHUNK);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys("cannot read standard input");
	l->eof = n == 0;
	l->b.len += (size_t)n;
	return 0;
}

/* Of what is in memory: the bytes up to the next LF, or all of them. */
static size_t here(const struct lines *l, const uint8_t **lf)
{
	const uint8_t *start = l->b.data + l->at;
	size_t n = l->b.len - l->at;

	*lf = n > 0 ? memchr(start, '\n', n) : NULL;
	return *lf != NULL ? (size_t)(*lf - start) : n;
}

int lines_take(struct lines *l, const uint8_t **line, size_t *len)
{
	const uint8_t *lf;

	for (;;) {
		size_t n = here(l, &lf);
		bool whole = lf != NULL || (l->eof && n > 0);

		if (l->skipping) {
			l->at += n + (lf != NULL);
			l->skipping = lf == NULL;
		} else if (n > l->max) {
			l->number++;
			l->skipping = true;
			return err_set(
			    MP_ELIMIT, "line %lu is longer than %zu KiB", l->number, l->max / 1024);
		} else if (whole) {
			l->number++;
			*line = l->b.data + l->at;
			*len = n;
			l->at += n + (lf != NULL);
			return 1;
		}
		if (lf == NULL)
			return 0;
	}
}

int lines_next(struct lines *l, const uint8_t **line, size_t *len)
{
	int rc;

	while ((rc = lines_take(l, line, len)) == 0 && !l->eof)
		if ((rc = lines_fill(l)) != 0)
			return rc;
	return rc;
}

bool lines_cut(const struct lines *l)
{
	return l->eof && l->at == l->b.len && l->b.len > 0 && l->b.data[l->b.len - 1] != '\n';
}

bool lines_ready(const struct lines *l)
{
	const uint8_t *lf;

	here(l, &lf);
	return lf != NULL && !l->skipping;
}
