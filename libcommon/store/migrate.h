/*
 * migrate: a store of an earlier version made one of this version, when it is opened.
 *
 * Within one transaction, so that whoever is killed meanwhile leaves the earlier version whole.  A
 * program of that version may still be running; what it does afterwards must not be harmed, nor
 * harm: each statement can be run again.
 */
#ifndef MP_STORE_MIGRATE_H
#define MP_STORE_MIGRATE_H

#include "store/store.h"

/* From user_version, which is at most STORE_VERSION. */
int store_migrate(struct store *s);

#endif
