/*
 * spool: the bytes of incoming files: $MP_HOME/spool/CONTACTROW-ID until whole, then
 * $MP_HOME/files/CONTACT/NAME, never over an existing file (NAME-2 ... before the suffix).
 *
 * Who writes holds a lock on the spool file from the first byte until the store has committed, so
 * that two deliveries of one chunk at once cannot undo each other.  The whole file is linked into
 * place before the commit and leaves the spool after it: what was not committed loses its
 * name again, at once or, after a kill, when the next chunk comes: bytes that no hash covers are
 * never written where a person looks.
 */
#ifndef MP_NODE_SPOOL_H
#define MP_NODE_SPOOL_H

#include "store/transfer.h"

/* Opens and locks; with create false MP_ENONE when it is not there. MP_EBUSY: another writes. Close
 * fd to let go. */
int spool_lock(int *fd, const struct transfer *t, bool create);
/*
 * What a kill left under the file's own name is taken back, so that no byte is written there. When
 * it is under another name by now, it is let go: MP_ENONE.
 */
int spool_own(int fd, const struct transfer *t);
/* Writes at the chunk's place and syncs: the bytes are on disk before the store says so. MP_ENONE
 * when what comes before it is missing. */
int spool_write(int fd, const struct transfer *t, int64_t chunk, const uint8_t *data, size_t len);
/* Checks size and SHA-256 of the whole and links it into place; sets t->path. MP_EBAD: hash. */
int spool_finish(int fd, struct transfer *t, const uint8_t sha256[static 32]);
void spool_drop(const struct transfer *t);
/* Takes t->path away again: the store did not commit. */
void spool_undo(struct transfer *t);
/* Files of the spool that no transfer still wants (a crash, a removed contact): removed. */
int spool_clean(struct store *s);
/*
 * 0 when so many bytes leave the disk its reserve: 5 %, 16 MiB at least, 100 MiB at most.  Else
 * MP_EFULL.  Asked before anything that a contact sends is stored: on a disk that is full to the
 * last byte nothing can be marked, pruned or removed.
 */
int spool_room(int64_t bytes);

#endif
