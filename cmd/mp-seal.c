/* mp-seal: out records, a message or files to sealed records, mp-seal(1). */
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lines.h"
#include "node/sealer.h"

#define BATCH 64                      /* records a commit, at most */
#define PENDING (4u << 20)            /* bytes of output a commit, at most */
#define BUFFER (PENDING + (4u << 20)) /* so that nothing leaves by itself before the commit */

struct job {
	struct store *s;
	struct sealer *z;
	char **to, **groups, **files;
	size_t tos, ngroups, nfiles;
	bool json, lines;
	int status;
	unsigned long given, batch; /* records of input in all, since the last commit */
	size_t pending;             /* bytes of output since then */
	bool open;                  /* a transaction is */
};

static void warn_key(const char *contact)
{
	err_warn("the key of '%s' has sealed 2^31 messages: mp-contact rekey before it is used up",
	    contact);
}

static int print(void *ctx, const struct record *sealed)
{
	struct job *j = ctx;

	j->pending += sealed->body.len + 512;
	return record_write(stdout, sealed, j->json);
}

/* What was sealed is on disk before it leaves. */
static int commit(struct job *j)
{
	int rc = j->open ? store_commit(j->s) : 0;

	j->open = false;
	j->batch = 0;
	j->pending = 0;
	return rc != 0 ? rc : record_finish(stdout);
}

static int begin(struct job *j)
{
	int rc = j->open ? 0 : store_begin(j->s);

	j->open = rc == 0;
	return rc;
}

/* Says what is wrong with one record; 0 when the next one can be sealed all the same. */
static int complain(struct job *j, int rc, const char *name, unsigned long number)
{
	if (rc == 0)
		return 0;
	if (name != NULL && rc != MP_ESYS && rc != MP_EFULL)
		err_set(rc, "%s:%lu: %s", name, number, err_detail());
	j->status = err_worse(j->status, err_print(rc));
	if (rc == MP_ESYS || rc == MP_EFULL || rc == MP_EBUSY || rc == MP_ENOMEM)
		return rc;
	return j->open && !store_in_transaction(j->s) ? rc : 0;
}

static int seal_records(struct job *j)
{
	struct record_reader in;
	struct record *rec;
	size_t len;
	int got, rc = 0;

	record_reader_init(&in, STDIN_FILENO, "standard input");
	while (rc == 0 && (got = record_read(&in, &rec)) != 0) {
		j->given++;
		if (got < 0) {
			j->status = err_worse(j->status, err_print(got));
			if (got != MP_EBAD && got != MP_ELIMIT)
				break;
		} else if (rec->class == CLASS_OUT) {
			if ((rc = begin(j)) != 0 || (rc = sealer_record(j->z, rec, print, j)) != 0)
				rc = complain(j, rc, in.name, in.number);
		} else {
			record_raw(&in, &len);
			j->pending += len + 1;
			rc = complain(j, record_copy(stdout, &in), NULL, 0);
		}
		if (rc == 0 && (++j->batch >= BATCH || j->pending >= PENDING || !record_ready(&in)))
			rc = complain(j, commit(j), NULL, 0);
	}
	record_reader_free(&in);
	return rc;
}

/* body as one message to each of -t and -g. */
static int seal_text(struct job *j, const void *body, size_t len, unsigned long number)
{
	struct record rec;
	int rc;

	record_init(&rec);
	rec.class = CLASS_OUT;
	strcpy(rec.kind, "message");
	rc = buf_add(&rec.body, body, len);
	rec.has_body = true;
	for (size_t i = 0; rc == 0 && i < j->tos + j->ngroups; i++) {
		strcpy(rec.contact, i < j->tos ? j->to[i] : "");
		strcpy(rec.ref, i < j->tos ? "" : j->groups[i - j->tos]);
		if ((rc = begin(j)) != 0 || (rc = sealer_record(j->z, &rec, print, j)) != 0)
			rc = complain(j, rc, number > 0 ? "standard input" : NULL, number);
	}
	record_free(&rec);
	return rc;
}

static int seal_lines(struct job *j)
{
	struct lines in;
	const uint8_t *line;
	size_t len;
	int got, rc = 0;

	lines_init(&in, STDIN_FILENO, MESSAGE_TEXT);
	while (rc == 0 && (got = lines_next(&in, &line, &len)) != 0) {
		j->given++;
		if (got < 0) {
			j->status = err_worse(j->status, err_print(got));
			if (got != MP_ELIMIT)
				break;
			continue;
		}
		if (len > 0)
			rc = seal_text(j, line, len, in.number);
		if (rc == 0 && (++j->batch >= BATCH || j->pending >= PENDING || !lines_ready(&in)))
			rc = complain(j, commit(j), NULL, 0);
	}
	lines_free(&in);
	return rc;
}

/* Empty input is a clean no and says nothing: an alert that found nothing to say is no mail from
 * cron. */
static int seal_whole(struct job *j)
{
	struct buf body = BUF_INIT(MESSAGE_TEXT);
	int rc = fd_read_all(STDIN_FILENO, &body);

	if (rc == MP_ELIMIT)
		err_set(rc, "longer than 64 KiB: send it as a file with -f");
	j->given = body.len > 0;
	if (rc == 0 && body.len > 0)
		rc = seal_text(j, body.data, body.len, 0);
	else if (rc != 0)
		complain(j, rc, NULL, 0);
	buf_free(&body);
	return rc != 0 ? rc : complain(j, commit(j), NULL, 0);
}

static void show_progress(void *ctx, int64_t done, int64_t all)
{
	(void)ctx;
	cmd_progress("sealed", done, all);
}

/* Each file to each of -t and -g.  Chunks are not held back: their offer is on disk before it
 * leaves. */
static void seal_files(struct job *j)
{
	for (size_t i = 0; i < j->nfiles; i++) {
		const char *path = j->files[i], *slash = strrchr(path, '/');

		for (size_t k = 0; k < j->tos + j->ngroups; k++) {
			int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
			int rc = fd < 0 ? err_sys("cannot open '%s'", path)
			                : (k < j->tos ? sealer_file : sealer_group_file)(j->z,
			                      k < j->tos ? j->to[k] : j->groups[k - j->tos], fd,
			                      slash != NULL ? slash + 1 : path, print, j,
			                      cmd_watched() ? show_progress : NULL);

			if (fd >= 0)
				close(fd);
			if (rc == 0)
				rc = record_finish(stdout);
			if (rc != 0)
				j->status = err_worse(j->status, err_print(rc));
			if (ferror(stdout))
				return;
		}
	}
}

/* All names are right before anything is read or sealed: a misspelt one seals for nobody. */
static int check_names(struct job *j)
{
	for (size_t i = 0; i < j->tos + j->ngroups; i++) {
		int rc = i < j->tos ? sealer_check(j->z, j->to[i])
		                    : sealer_group_check(j->z, j->groups[i - j->tos]);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static void run(struct job *j, bool blank)
{
	struct sealer_options o = {.blank = blank, .warn = warn_key};
	struct config cfg;
	char *buffer;
	int rc;

	if ((rc = config_load(&cfg)) != 0 || (rc = store_open(&j->s)) != 0 ||
	    (rc = sealer_new(&j->z, j->s, &cfg, &o)) != 0 || (rc = check_names(j)) != 0) {
		j->status = err_print(rc);
		return;
	}
	if (j->nfiles > 0) {
		seal_files(j);
		return;
	}
	/* stdio takes the size only with the memory; it is stdout's until the end. */
	if ((buffer = malloc(BUFFER)) == NULL || setvbuf(stdout, buffer, _IOFBF, BUFFER) != 0) {
		j->status = err_print(err_set(MP_ENOMEM, "out of memory"));
		return;
	}
	rc = j->lines ? seal_lines(j) : j->tos + j->ngroups > 0 ? seal_whole(j) : seal_records(j);
	if (rc != 0) { /* what was not committed must not leave */
		store_rollback(j->s);
		__fpurge(stdout);
	}
	if (j->given == 0)
		j->status = err_worse(j->status, EXIT_NO);
}

int main(int argc, char **argv)
{
	static struct job j; /* static: its lists live as long as the process */
	bool blank = false;
	int c;

	cmd_begin("mp-seal", "mp-seal [-bhjl] [-f file ...] [-g group ...] [-t name ...]");
	j.to = calloc((size_t)argc, sizeof(*j.to));
	j.groups = calloc((size_t)argc, sizeof(*j.groups));
	j.files = calloc((size_t)argc, sizeof(*j.files));
	if (j.to == NULL || j.groups == NULL || j.files == NULL)
		return err_print(err_set(MP_ENOMEM, "out of memory"));
	while ((c = getopt(argc, argv, "+bf:g:hjlt:")) != -1) {
		switch (c) {
		case 'b':
			blank = true;
			break;
		case 'f':
			j.files[j.nfiles++] = optarg;
			break;
		case 'g':
			j.groups[j.ngroups++] = optarg;
			break;
		case 'j':
			j.json = true;
			break;
		case 'l':
			j.lines = true;
			break;
		case 't':
			j.to[j.tos++] = optarg;
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (optind < argc || ((j.lines || j.nfiles > 0) && j.tos + j.ngroups == 0) ||
	    (j.lines && j.nfiles > 0))
		return cmd_usage(0);
	run(&j, blank);
	sealer_free(j.z);
	store_close(j.s);
	free(j.to);
	free(j.groups);
	free(j.files);
	return j.status;
}
