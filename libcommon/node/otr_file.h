/*
 * otr_file: files in an mpOTR session: pieces to records, and pieces to files in a folder.
 *
 * A file being received is a hidden temporary file until its last piece is there and its hash is
 * right; then it gets its name, never over another one (NAME-2 and so on).  One file at a time from
 * each member.  otr_files_free() removes what is not whole.
 */
#ifndef MP_NODE_OTR_FILE_H
#define MP_NODE_OTR_FILE_H

#include "base/json.h"
#include "base/record.h"
#include "otr/line.h"
#include "otr/payload.h"

/* Prints the file as `out` records of kind file. */
int otr_file_print(FILE *out, const char *path, bool json);
/* The piece in such a record's body.  *name, *data: what p borrows from, freed by the caller. */
int otr_file_parse(struct payload *p, const struct buf *body, json_t **o, struct buf *data);

struct otr_files;

enum otr_file_state { FILE_MORE, FILE_WHOLE, FILE_REFUSED, FILE_LOST };

/* dir NULL: none is taken.  limit: bytes. */
int otr_files_new(struct otr_files **out, const char *dir, int64_t limit);
void otr_files_free(struct otr_files *f);

/*
 * A piece from a member.  FILE_WHOLE: path is where it is.  FILE_REFUSED, FILE_LOST: once for a
 * file, with err_detail(); later pieces of it are FILE_MORE.
 */
int otr_files_take(struct otr_files *f, const uint8_t key[static P256_PUBLIC],
    const struct payload *p, enum otr_file_state *state, char path[static 4096]);

#endif
