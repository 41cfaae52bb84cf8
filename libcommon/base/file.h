/*
 * file: paths under MP_HOME, and files that are whole or absent.
 */
#ifndef MP_BASE_FILE_H
#define MP_BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/buf.h"

/*
 * The home: $MP_HOME, else $XDG_DATA_HOME/mariposa, else ~/.local/share/mariposa; absolute.
 * Borrowed, constant for the process.  NULL with a detail when none can be told.
 */
const char *home_path(void);

/* home/REST in a static ring of 8 buffers; aborts on paths over PATH_MAX. Thread-safe (per thread).
 */
const char *home_file(const char *rest);

/* Makes path and its parents 0700.  Refuses (MP_ESYS) an existing one that others can write. */
int dir_make(const char *path);

/*
 * Whole or absent, even when killed: temporary file in the same directory (O_EXCL|O_NOFOLLOW,
 * mode), fsync, rename, fsync of the directory.  With replace false an existing
 * path is MP_EEXIST and stays as it is.
 */
int file_write(const char *path, const void *data, size_t len, mode_t mode, bool replace);

/* Appends the whole file; MP_ENONE when absent, MP_ELIMIT past b->max. */
int file_read(const char *path, struct buf *b);

/* The same for a secret: also refuses (MP_ESYS) a file that others can read. O_NOFOLLOW. */
int file_read_secret(const char *path, struct buf *b);

/* Reads fd to its end. */
int fd_read_all(int fd, struct buf *b);
int fd_write_all(int fd, const void *data, size_t len);

/* Makes path (0600) when absent and sets its time to now: wakes those who watch it. Best effort. */
void file_touch(const char *path);

/* True when fd is a regular file that others may read: a secret printed there warns. */
bool fd_is_public(int fd);

#endif
