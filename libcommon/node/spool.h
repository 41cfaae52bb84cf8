/*
 * spool: the bytes of incoming files: $MP_HOME/spool/CONTACTROW-ID until whole, then
 * $MP_HOME/files/CONTACT/NAME, never over an existing file (NAME-2 ...).
 */
#ifndef MP_NODE_SPOOL_H
#define MP_NODE_SPOOL_H

#include "store/transfer.h"

/* Writes at the chunk's place and syncs: the bytes are on disk before the store says so. */
int spool_write(const struct transfer *t, int64_t chunk, const uint8_t *data, size_t len);
/* Checks the SHA-256 of the whole, syncs, moves it into place without replacing anything; sets t->path. MP_EBAD: hash. */
int spool_finish(struct transfer *t, const uint8_t sha256[static 32]);
void spool_drop(const struct transfer *t);
/* Files of the spool that no transfer names (a crash, a removed contact): removed. */
int spool_clean(struct store *s);

#endif
