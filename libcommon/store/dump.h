/*
 * dump: the whole store as lines of JSON, and back (mp-store(1)).
 *
 * First a header that names the version and the identity, then a line a row with the table's name
 * and every column, at last a line that counts the rows: a dump that was cut short is none.  Blobs
 * are base64; an integer beyond 2^53 is a string of digits; a text that is not UTF-8 is {"b64":
 * ...}. It holds every key and every text: as secret as the store itself.
 */
#ifndef MP_STORE_DUMP_H
#define MP_STORE_DUMP_H

#include <stdio.h>
#include "store/store.h"

#define DUMP_LINE (16u << 20)

/*
 * One snapshot, whatever others write meanwhile.  The -wal grows until it is done: a reader of f
 * who stands still costs disk, not correctness.
 */
int store_export(struct store *s, FILE *f);

/*
 * Reads fd to its end into an empty store, all or nothing.  MP_EEXIST when the store is not empty;
 * MP_EBAD and "NAME:LINE: ..." for the first line that is wrong.
 */
int store_import(struct store *s, int fd, const char *name);

/* The tables in an order in which references hold.  NULL at the end. */
extern const char *const dump_tables[];

#endif
