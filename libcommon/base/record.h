/*
 * record: one line, seven TAB-separated columns, LF (mp-records(5)).
 *
 *     class  kind  contact  id  time  ref  body
 *
 * class is a closed set that no peer can influence.  In memory the body is decoded
 * bytes; kind, contact and ref are checked, "" standing for the absent "-".
 * The reader owns its line buffer and the record it fills; a record stays valid until
 * the next record_read() on that reader.  It reads both forms: a line that starts with
 * '{' is NDJSON.
 */
#ifndef MP_BASE_RECORD_H
#define MP_BASE_RECORD_H

#include <stdbool.h>
#include <stdio.h>
#include "base/buf.h"

enum record_class {
	CLASS_OUT,    /* to be sealed */
	CLASS_IN,     /* received */
	CLASS_WAS,    /* sent earlier, in a history */
	CLASS_SEALED, /* ready to be delivered */
	CLASS_SENT,   /* delivered */
	CLASS_QUEUED, /* not delivered yet */
	CLASS_FAILED, /* given up */
	CLASS_EVENT,  /* something changed here */
};

#define RECORD_KIND 40 /* longest kind, with NUL */
#define RECORD_REF 72  /* longest ref, with NUL */
#define RECORD_ID 16   /* bytes of an id; 32 hex digits in the line */
#define RECORD_LINE \
	(2u << 20) /* longest line: a sealed envelope of 512 KiB, or 64 KiB of escapes */
#define RECORD_TIME_ABSENT INT64_MIN

struct record {
	enum record_class class;
	char kind[RECORD_KIND];
	char contact[33];
	bool has_id;
	uint8_t id[RECORD_ID];
	int64_t time; /* ms, or RECORD_TIME_ABSENT */
	char ref[RECORD_REF];
	bool has_body;
	struct buf body; /* decoded */
};

struct record_reader {
	int fd;
	const char *name;   /* for messages: "standard input" or a file name */
	struct buf line;    /* what was read and not yet consumed */
	size_t at;          /* start of the next line in it */
	size_t raw, rawlen; /* the current line without its LF, for copying on unchanged */
	unsigned long number;
	bool eof, skipping;
	struct record rec;
};

const char *record_class_name(enum record_class c);

void record_init(struct record *r); /* body limit RECORD_LINE */
void record_free(struct record *r);

void record_reader_init(struct record_reader *r, int fd, const char *name);
void record_reader_free(struct record_reader *r);

/*
 * The next record: 1 and *rec, 0 at the end of input, or a negative code with a detail
 * that names the line ("standard input:3: unknown class 'foo'").  After MP_EBAD
 * or MP_ELIMIT the reader stands behind the bad line and can be called on; after any
 * other code it cannot.  A last line without LF is MP_EBAD.
 */
int record_read(struct record_reader *r, struct record **rec);

/* True when a whole further line is in memory: the next record_read() will not block. */
bool record_ready(const struct record_reader *r);

/* The current line as it came, without LF. */
const char *record_raw(const struct record_reader *r, size_t *len);

/* One line to f: TSV, or NDJSON when json. A short write is MP_ESYS or MP_EFULL. */
int record_write(FILE *f, const struct record *rec, bool json);

/* The current line, unchanged, to f (a class that the filter does not handle). */
int record_copy(FILE *f, const struct record_reader *r);

/* fflush and ferror of stdout: what every command ends with. */
int record_finish(FILE *f);

/* Parses one line without LF (for tests and fuzzing, and what the reader itself uses). */
int record_parse(struct record *rec, const char *line, size_t len);

#endif
