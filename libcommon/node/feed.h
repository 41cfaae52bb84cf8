/*
 * feed: a file, read and hashed one chunk ahead of who seals it.
 *
 * A thread of its own reads and hashes (SHA-256), so that hashing costs no time of sealing.  The
 * file's size is that at feed_open(); a file that has another one when its end is reached is
 * MP_EBAD. The caller keeps fd and name for the feed's life.
 */
#ifndef MP_NODE_FEED_H
#define MP_NODE_FEED_H

#include <stddef.h>
#include <stdint.h>

struct feed;

/* fd: a regular file, at its start (MP_EUSAGE otherwise). name: for messages. step: bytes a chunk.
 */
int feed_open(struct feed **out, int fd, const char *name, size_t step, int64_t *size);
/* Stops the thread, wipes what was read. NULL is nothing. */
void feed_free(struct feed *f);

/* The next chunk, all but the last `step` bytes: valid until the next call.  Not after the end. */
int feed_next(struct feed *f, const uint8_t **data, size_t *len);

/* After the last chunk (at once for an empty file): the hash of the whole. */
int feed_hash(struct feed *f, uint8_t sha256[static 32]);

#endif
