/*
 * otr_person: who is who in mpOTR: our own long-term key and the people whose keys were compared.
 *
 * $MP_HOME/otr/key (0600): a comment line and one base64 line of "P2" | secret.
 * $MP_HOME/otr/people/NAME: one line, the fingerprint of NAME's key.  A file each, so that any
 * number of commands can run at once and nothing but rm is needed to forget somebody.
 */
#ifndef MP_NODE_OTR_PERSON_H
#define MP_NODE_OTR_PERSON_H

#include "otr/share.h"

/* In the locked arena; to be given to secret_free().  Made when there is none yet. */
int person_identity(struct otr_identity **out);
/* One that is nowhere on disk. */
int person_fresh(struct otr_identity **out);

/* text: 40 hexadecimal digits, blanks between them or none.  MP_EBAD; MP_EEXIST for a name in use.
 */
int person_trust(const char *name, const char *text);
int person_forget(const char *name); /* MP_ENONE */

int person_each(int (*each)(void *ctx, const char *name, const char *fingerprint), void *ctx);
/* 1 and the name, which is "" when nobody has this key; or a code. */
int person_name(char name[static 33], const uint8_t key[static P256_PUBLIC]);

#endif
