/*
 * keyring: every receiving key of every contact that is not blocked, packed in one row for trial
 * decryption (the slots of crypto/envelope.h).  Always equal to what the key table says: whoever
 * changes a receiving key, a block or a contact's life rewrites it in the same transaction.
 */
#ifndef MP_STORE_KEYRING_H
#define MP_STORE_KEYRING_H

#include "crypto/envelope.h"
#include "store/store.h"

#define KEYRING_MAX (64u << 20) /* bytes: a million keys */

/*
 * Replaces b when the stored version differs from *version (start with -1) and sets *version;
 * otherwise it costs one small read.
 */
int keyring_load(struct store *s, struct buf *b, int64_t *version);

/* Within the caller's transaction: all anew, or one more slot at the end. */
int keyring_rebuild(struct store *s);
int keyring_append(struct store *s, int64_t key_row, const uint8_t recv[static KEY_LEN],
    const uint8_t cid[static CONTACT_ID]);
/* What keyring_rebuild() would store, appended to b. */
int keyring_pack(struct store *s, struct buf *b);

#endif
