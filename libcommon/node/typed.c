#include "node/typed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

#define CHUNK 65536

void typed_init(struct typed *t, bool lines, uint64_t sid)
{
	memset(t, 0, sizeof(*t));
	t->lines = lines;
	t->sid = sid;
	t->b.max = RECORD_LINE + 2 * CHUNK;
	record_init(&t->rec);
}

void typed_free(struct typed *t)
{
	buf_free(&t->b);
	record_free(&t->rec);
}

static int wrong(struct typed *t, int rc)
{
	err_set(rc, "standard input:%lu: %s", t->number, err_detail());
	t->status = err_worse(t->status, err_print(rc));
	return 0;
}

static int copy(const uint8_t *line, size_t n)
{
	if (fwrite(line, 1, n, stdout) != n || putc('\n', stdout) == EOF)
		return err_sys("cannot write standard output");
	return 0;
}

/* For this session, and something that can be said. */
static int check(const struct typed *t)
{
	char sid[17];

	snprintf(sid, sizeof(sid), "%016" PRIx64, t->sid);
	if (strcmp(t->rec.kind, "message") != 0)
		return err_set(MP_EBAD, "a session carries messages, not '%s'", t->rec.kind);
	if (t->rec.ref[0] != '\0' && strcmp(t->rec.ref, sid) != 0)
		return err_set(MP_EBAD, "for another session: '%s'", t->rec.ref);
	if (!t->rec.has_body || t->rec.body.len == 0)
		return err_set(MP_EBAD, "an empty message");
	return 0;
}

static int one_record(struct typed *t, int (*take)(void *ctx, struct record *rec), void *ctx,
    const uint8_t *line, size_t n)
{
	int rc = record_parse(&t->rec, (const char *)line, n);

	if (rc != 0)
		return wrong(t, rc);
	if (t->rec.class != CLASS_OUT)
		return copy(line, n);
	if ((rc = check(t)) == 0)
		rc = take(ctx, &t->rec);
	return rc == MP_EBAD || rc == MP_ELIMIT ? wrong(t, rc) : rc;
}

static int one_line(struct typed *t, int (*take)(void *ctx, struct record *rec), void *ctx,
    const uint8_t *line, size_t n)
{
	int rc;

	if (n == 0) /* nobody says nothing */
		return 0;
	t->rec.time = RECORD_TIME_ABSENT;
	t->rec.has_id = false;
	buf_clear(&t->rec.body);
	if ((rc = buf_add(&t->rec.body, line, n)) == 0)
		rc = take(ctx, &t->rec);
	return rc == MP_ELIMIT ? wrong(t, rc) : rc;
}

static int one(struct typed *t, int (*take)(void *ctx, struct record *rec), void *ctx,
    const uint8_t *line, size_t n)
{
	t->number++;
	return t->lines ? one_line(t, take, ctx, line, n) : one_record(t, take, ctx, line, n);
}

/* What has no line feed at the end of input. */
static int last(struct typed *t, int (*take)(void *ctx, struct record *rec), void *ctx)
{
	if (t->b.len == 0 || t->skipping)
		return 0;
	if (t->lines)
		return one(t, take, ctx, t->b.data, t->b.len);
	t->number++;
	return wrong(t, err_set(MP_EBAD, "last line has no line feed: cut off"));
}

static int whole_lines(struct typed *t, int (*take)(void *ctx, struct record *rec), void *ctx)
{
	const uint8_t *lf;
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && at < t->b.len &&
	       (lf = memchr(t->b.data + at, '\n', t->b.len - at)) != NULL) {
		size_t n = (size_t)(lf - t->b.data) - at;

		if (!t->skipping)
			rc = one(t, take, ctx, t->b.data + at, n);
		t->skipping = false;
		at += n + 1;
	}
	if (at > 0) {
		t->b.len -= at;
		memmove(t->b.data, t->b.data + at, t->b.len);
	}
	if (rc == 0 && t->b.len > RECORD_LINE) {
		if (!t->skipping) {
			t->number++;
			wrong(t, err_set(MP_ELIMIT, "line is longer than %u bytes", RECORD_LINE));
		}
		t->skipping = true;
		buf_clear(&t->b);
	}
	return rc;
}

int typed_read(struct typed *t, int (*take)(void *ctx, struct record *rec), void *ctx, bool *end)
{
	ssize_t n;
	int rc;

	t->status = EXIT_DONE;
	if ((rc = buf_reserve(&t->b, CHUNK)) != 0)
		return rc;
	n = read(STDIN_FILENO, t->b.data + t->b.len, CHUNK);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0
		                                         : err_sys("cannot read standard input");
	if (n == 0) {
		*end = true;
		return last(t, take, ctx);
	}
	t->b.len += (size_t)n;
	return whole_lines(t, take, ctx);
}
