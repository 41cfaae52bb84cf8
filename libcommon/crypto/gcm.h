/*
 * gcm: this thread's context of AES-256-GCM.
 *
 * One a thread, since making one costs as much as sealing a KiB; the thread's end frees it.  It
 * outlives a call, the key in it must not: whoever gave it one calls gcm_forget().
 */
#ifndef MP_CRYPTO_GCM_H
#define MP_CRYPTO_GCM_H

#include <openssl/evp.h>

#define GCM_IV 12

/* For IVs of GCM_IV bytes, until it is told of others.  NULL: MP_ENOMEM. */
EVP_CIPHER_CTX *gcm_context(void);
void gcm_forget(EVP_CIPHER_CTX *ctx);

#endif
