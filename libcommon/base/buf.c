#include "base/buf.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * One byte more than cap is always allocated, for buf_terminate().  Not realloc(): it
 * would leave an unwiped copy behind.
 */
static int grow(struct buf *b, size_t need)
{
	size_t cap = b->cap < 64 ? 64 : b->cap;
	uint8_t *data;

	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	if (cap > b->max)
		cap = b->max;
	if (cap == SIZE_MAX || (data = malloc(cap + 1)) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	if (b->data != NULL) {
		memcpy(data, b->data, b->len);
		explicit_bzero(b->data, b->cap);
		free(b->data);
	}
	b->data = data;
	b->cap = cap;
	return 0;
}

int buf_reserve(struct buf *b, size_t n)
{
	if (n > b->max - b->len)
		return err_set(MP_ELIMIT, "larger than %zu bytes", b->max);
	if (n <= b->cap - b->len && b->data != NULL)
		return 0;
	return grow(b, b->len + n);
}

int buf_add(struct buf *b, const void *data, size_t n)
{
	int rc = buf_reserve(b, n);

	if (rc == 0 && n > 0) {
		memcpy(b->data + b->len, data, n);
		b->len += n;
	}
	return rc;
}

int buf_addc(struct buf *b, int c)
{
	uint8_t byte = (uint8_t)c;

	return buf_add(b, &byte, 1);
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(MP_EBAD, "cannot format text");
	if ((rc = buf_reserve(b, (size_t)n)) != 0)
		return rc;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

int buf_add32(struct buf *b, uint32_t v)
{
	uint8_t p[4];

	put32(p, v);
	return buf_add(b, p, sizeof(p));
}

int buf_terminate(struct buf *b)
{
	int rc = buf_reserve(b, 0);

	if (rc == 0)
		b->data[b->len] = '\0';
	return rc;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
}

void buf_free(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
}

uint32_t get32(const uint8_t p[static 4])
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void put32(uint8_t p[static 4], uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}
