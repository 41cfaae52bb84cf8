/*
 * slack: the bytes within a b-tree page that no cell uses.
 *
 * secure_delete overwrites the cell that is deleted.  It does not overwrite the copy that stays
 * behind when SQLite moves a cell to a neighbouring page to balance the two, and when the moved one
 * is deleted later, that copy is still in the file.  slack_wipe() zeroes all such bytes in place.
 *
 * They mean nothing to any reader, so a crash at any point does no harm.  It needs the -wal to be
 * empty and the write lock to be held: then nobody copies a page into the file meanwhile.
 */
#ifndef MP_STORE_SLACK_H
#define MP_STORE_SLACK_H

#include "store/store.h"

/* In the caller's transaction, which must have found the -wal empty. */
int slack_wipe(struct store *s);

#endif
