/*
 * side: a database beside store.db, for what is no part of a person's mail: a relay's packets, a
 * mesh client's servers.  The same rules: WAL, what was committed is on disk, short write
 * transactions, any number of processes at once.
 *
 * Part of this floor; nobody above it includes it.
 */
#ifndef MP_STORE_SIDE_H
#define MP_STORE_SIDE_H

#include "store/writers.h"
#include "store/sql.h"

struct side {
	const char *file;         /* in the home */
	int application;          /* in the file's header */
	int version;              /* a newer file is refused */
	const char *schema;       /* for a new one */
	const char *const *steps; /* [v - 1]: SQL from version v to the next; NULL: there is one */
	struct writers
	    *writers;  /* commits of several threads share a sync (store/writers.h), or NULL */
	bool fleeting; /* a commit does not wait for the disk, what is deleted is overwritten */
};

/* Opens the file, brings an older one to this version, and makes it when it is absent and `make`
 * says so (else MP_ENONE). */
int side_open(struct store **out, const struct side *d, bool make);

#endif
