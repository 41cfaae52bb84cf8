/*
 * err: how a function says what went wrong.
 *
 * A function returns 0 (or a count) or one of the negative codes below, and
 * leaves one line of detail for a person in a per-thread slot.  Libraries
 * return; only a command prints and exits.  One table (err_status) turns a code
 * into the exit status that mp(7) documents.
 *
 * The detail is lower case, has no full stop, and may contain bytes of a peer:
 * err_print() escapes it.
 */
#ifndef MP_BASE_ERR_H
#define MP_BASE_ERR_H

#include <stdarg.h>

enum {
	MP_OK = 0,
	MP_ENONE = -1,  /* a clean no: nothing there, no such contact       exit 1   */
	MP_EUSAGE = -2, /* the call was wrong                               exit 100 */
	MP_EBAD = -3,   /* malformed, refused, not authentic                exit 100 */
	MP_EEXIST = -4, /* there already                                    exit 100 */
	MP_ELIMIT = -5, /* larger than it may be                            exit 100 */
	MP_ESYS = -6,   /* the system said no (open, write, permission)     exit 100 */
	MP_ENOMEM = -7, /* memory ran out                                   exit 111 */
	MP_EBUSY = -8,  /* store busy, quota full: the same may work later  exit 111 */
	MP_ETEMP = -9,  /* not reachable now                                exit 111 */
	MP_EFULL = -10, /* disk full or short write                         exit 111 */
};

enum { EXIT_DONE = 0, EXIT_NO = 1, EXIT_PERMANENT = 100, EXIT_TEMPORARY = 111 };

/* Sets the detail (cut at 511 bytes) and returns code. */
int err_set(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same, with ": " and strerror(errno) at the end; ENOSPC/EDQUOT turn MP_ESYS into MP_EFULL. */
int err_sys(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The detail of this thread's last failure; "" when there was none.  Unescaped. */
const char *err_detail(void);

/* The exit status for code. */
int err_status(int code);

/* The worse of two exit statuses: 100 over 111 over 1 over 0. */
int err_worse(int status, int other);

/* For commands: the name that starts each line on stderr.  Not copied. */
void err_name(const char *program);

/* "name: detail\n" to stderr, controls escaped; returns err_status(code). */
int err_print(int code);

/* "name: TEXT\n" to stderr, controls escaped. */
void err_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
