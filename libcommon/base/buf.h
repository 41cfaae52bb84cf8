/*
 * buf: bytes that grow up to a hard maximum.
 *
 * Invariants: len <= cap <= max.  A buf that failed to grow is unchanged.
 * buf_free() wipes: plaintexts pass through here.  The owner of the struct
 * frees it; BUF_INIT(max) needs no call before use.
 */
#ifndef MP_BASE_BUF_H
#define MP_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len, cap, max;
};

#define BUF_INIT(maximum)                                          \
	{                                                          \
		.data = NULL, .len = 0, .cap = 0, .max = (maximum) \
	}

/* MP_ENOMEM, or MP_ELIMIT when len + n would pass max. Room for n more bytes after len. */
int buf_reserve(struct buf *b, size_t n);
int buf_add(struct buf *b, const void *data, size_t n);
int buf_addc(struct buf *b, int c);
int buf_adds(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_add32(struct buf *b, uint32_t v); /* big endian */

/* A NUL after the last byte, not counted in len: data can then be read as a C string. */
int buf_terminate(struct buf *b);

void buf_clear(struct buf *b); /* len = 0, keeps the memory, wipes nothing */
void buf_free(struct buf *b);  /* wipes, frees, can be used again */

/* The big-endian number at p. */
uint32_t get32(const uint8_t p[static 4]);
void put32(uint8_t p[static 4], uint32_t v);

#endif
