/*
 * fuzz/record: any bytes as a stream of records.  What is read must come back the same
 * from both written forms, and what is written must be one line without raw controls.
 */
#include "fuzz.h"

#include "base/err.h"
#include "base/record.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void same(const struct record *a, const struct record *b)
{
	bool body = a->has_body && a->body.len > 0;

	must(a->class == b->class && strcmp(a->kind, b->kind) == 0 &&
	     strcmp(a->contact, b->contact) == 0 && strcmp(a->ref, b->ref) == 0);
	must(a->has_id == b->has_id && memcmp(a->id, b->id, RECORD_ID) == 0 && a->time == b->time);
	must(body == b->has_body);
	must(!body ||
	     (a->body.len == b->body.len && memcmp(a->body.data, b->body.data, a->body.len) == 0));
}

/* Of a line only the tabs between the columns and the backslashes do not stand for themselves. */
static void one_clean_line(const char *line, size_t len)
{
	must(len > 1 && line[len - 1] == '\n');
	for (size_t i = 0; i < len - 1; i++) {
		i += text_plain(line + i, len - 1 - i);
		must(i >= len - 1 || line[i] == '\\' || line[i] == '\t');
	}
}

static void round_trip(const struct record *rec, bool json)
{
	char *line = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&line, &len);
	struct record back;
	int rc;

	must(f != NULL);
	record_init(&back);
	rc = record_write(f, rec, json);
	must(fclose(f) == 0);
	must(rc == 0 || rc == MP_ELIMIT);
	if (rc == 0) {
		one_clean_line(line, len);
		must(record_parse(&back, line, len - 1) == 0);
		same(rec, &back);
	}
	record_free(&back);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("records", MFD_CLOEXEC), rc;
	struct record_reader r;
	struct record *rec;
	size_t most = size + 2;

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	record_reader_init(&r, fd, "input");
	while ((rc = record_read(&r, &rec)) != 0) {
		must(rc == 1 || rc == MP_EBAD || rc == MP_ELIMIT);
		must(most-- > 0);
		if (rc != 1)
			continue;
		round_trip(rec, false);
		round_trip(rec, true);
	}
	record_reader_free(&r);
	close(fd);
	return 0;
}
