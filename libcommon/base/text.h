/*
 * text: bytes as people and shells see them.
 *
 * The one place that escapes.  Two forms:
 *   - the record form, which POSIX `printf %b` decodes: \\ \n \t \r and \0ooo for
 *     every other C0 and C1 control, DEL, bidi control, U+2028, U+2029 and every
 *     byte that is not valid UTF-8 (multi-byte characters byte by byte).  A text
 *     that is exactly "-" becomes \055, for "-" alone means absent.
 *   - the display form, for a terminal: as the record form, but a backslash stays one
 *     and (with TEXT_LINES) a newline stays a newline.
 * mp-records(5) documents the first, mp-show(1) the second.
 */
#ifndef MP_BASE_TEXT_H
#define MP_BASE_TEXT_H

#include <stdbool.h>
#include "base/buf.h"

enum { TEXT_LINES = 1 };

#define NAME_MAX_LEN 32 /* a contact's or group's local name */

int text_escape(struct buf *out, const void *data, size_t len);

/*
 * The inverse, for what a person may also have typed: every escape of POSIX %b
 * but \c (\a \b \f \n \r \t \v \\ and \0 with up to three octal digits).  MP_EBAD
 * for an unknown or unfinished escape or a value over \0377.
 */
int text_unescape(struct buf *out, const char *s, size_t len);

int text_display(struct buf *out, const void *data, size_t len, int flags);

bool text_utf8(const void *data, size_t len);

/* The character at p and its bytes (1 to 4), or 0 when none begins there. */
size_t text_next(const uint8_t *p, size_t n, uint32_t *cp);

/* A control, DEL, C1, bidi control, U+2028 or U+2029: never shown as it is. */
bool text_unsafe(uint32_t cp);

/* How many bytes at the start stand for themselves in the record form. */
size_t text_plain(const void *data, size_t len);

/* [a-z0-9][a-z0-9._-]{0,31} */
bool text_name_ok(const char *s);

/*
 * A peer's file name made safe for this disk: the last path component, controls, '/'
 * and invalid UTF-8 replaced by '_', no leading '.' or '-', at most 200 bytes cut at a
 * character, "file" when nothing is left.  out is NUL-terminated.
 */
void text_filename(char out[static 208], const char *name, size_t len);

/* Lower-case hex of n bytes into out[2n+1]; the inverse takes either case, -1 unless exactly n. */
void hex_encode(char *out, const uint8_t *data, size_t n);
int hex_decode(uint8_t *out, size_t n, const char *hex);

#endif
