/* mp-queue: the outbox: list, flush, cancel; mp-queue(1). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "base/text.h"
#include "node/cover.h"
#include "node/sender.h"
#include "store/outbox.h"
#include "store/slot.h"

struct call {
	struct store *s;
	bool json, verbose;
	int64_t wait;
	uint8_t (*ids)[16];
	size_t nids;
	int status;
	/* list: the rows of one message or file are one record */
	struct queue_item item;
	int64_t rows, listed;
};

static void complain(void *ctx, const char *line)
{
	(void)ctx;
	err_warn("%s", line);
}

static void progress(void *ctx, const char *contact, int64_t done, int64_t all)
{
	(void)ctx;
	cmd_progress(contact, done, all);
}

static int print(void *ctx, const struct record *rec)
{
	const struct call *q = ctx;
	int rc = record_write(stdout, rec, q->json);

	return rc != 0 ? rc : record_finish(stdout);
}

static bool is_file(const struct queue_item *item)
{
	return strcmp(item->kind, wire_type_name(WIRE_FILE)) == 0;
}

static bool same(const struct queue_item *a, const struct queue_item *b)
{
	return a->contact == b->contact && is_file(a) && is_file(b) &&
	       memcmp(a->id, b->id, 12) == 0;
}

/* "no connection; 3 tries failed, next at 2026-11-20T10:16:34.123Z" */
static int describe(struct call *q, struct buf *body)
{
	const struct queue_item *item = &q->item;
	char when[CLOCK_TEXT];
	struct outbox_lane l;
	int rc = 0;

	/* What it said when it was put there may be so no more. */
	if (item->state == QUEUE_WAITING && strcmp(item->code, SLOT_CODE) == 0)
		return buf_adds(body, cover_waits());
	if (item->reason[0] != '\0')
		rc = buf_addf(body, "%s; ", item->reason);
	if (rc == 0 && is_file(item))
		rc = buf_addf(body, "%lld chunks; ", (long long)q->rows);
	if (rc != 0 || item->state == QUEUE_FAILED)
		return rc != 0 ? rc : buf_adds(body, "given up");
	if (item->state == QUEUE_HELD)
		return buf_adds(body, "waits for the answer to its offer");
	if (item->state == QUEUE_CARRIED)
		return buf_adds(body, "a relay has it; its receipt has not come yet");
	rc = outbox_lane(q->s, item->contact, item->lane, clock_now(), &l);
	if (rc == MP_ENONE)
		return buf_adds(body, "due now");
	if (rc != 0)
		return rc;
	if (l.taken)
		return buf_adds(body, "being delivered");
	if (l.due <= clock_now())
		return buf_adds(body, "due now");
	clock_format(when, l.due);
	return buf_addf(body, "%lld tries failed, next at %s", (long long)l.fails, when);
}

static int list_one(struct call *q)
{
	const struct queue_item *item = &q->item;
	struct record rec;
	int rc;

	if (q->rows == 0)
		return 0;
	record_init(&rec);
	rec.class = item->state == QUEUE_FAILED ? CLASS_FAILED : CLASS_QUEUED;
	strcpy(rec.kind, item->kind);
	strcpy(rec.contact, item->name);
	rec.has_id = rec.has_body = true;
	memcpy(rec.id, item->id, RECORD_ID);
	if (is_file(item))
		file_transfer_of(rec.id, item->id);
	rec.time = item->time;
	snprintf(rec.ref, sizeof(rec.ref), "%s",
	    item->state == QUEUE_HELD      ? "held"
	    : item->state == QUEUE_CARRIED ? "mesh"
	                                   : item->code);
	rc = describe(q, &rec.body);
	if (rc == 0)
		rc = record_write(stdout, &rec, q->json);
	record_free(&rec);
	q->listed++;
	q->rows = 0;
	return rc;
}

static int list_row(void *ctx, const struct queue_item *item)
{
	struct call *q = ctx;
	int rc = 0;

	if (q->rows == 0 || !same(&q->item, item)) {
		rc = list_one(q);
		q->item = *item;
	}
	q->rows++;
	return rc;
}

static int list(struct call *q)
{
	int rc = queue_each(q->s, list_row, q);

	if (rc == 0 && (rc = list_one(q)) == 0)
		rc = record_finish(stdout);
	if (rc == 0 && q->listed == 0)
		q->status = EXIT_NO;
	return rc;
}

/* Each id by itself: a wrong one does not keep the others from it. */
static int each_id(struct call *q, int (*fn)(struct store *s, const uint8_t id[static 16]))
{
	char hex[33];

	for (size_t i = 0; i < q->nids; i++) {
		int rc = fn(q->s, q->ids[i]);

		hex_encode(hex, q->ids[i], 16);
		if (rc == MP_ENONE)
			err_set(rc, "'%s' is not in the queue", hex);
		if (rc != 0)
			q->status = err_worse(q->status, err_print(rc));
		if (rc != 0 && rc != MP_ENONE)
			return rc;
	}
	return 0;
}

static int flush(struct call *q)
{
	struct sender_options o = {.input = -1,
	    .flush = true,
	    .ids = q->nids > 0 ? (const uint8_t(*)[16])q->ids : NULL,
	    .nids = q->nids,
	    .wait = q->wait,
	    .report = q->verbose ? print : NULL,
	    .problem = complain,
	    .progress = cmd_watched() ? progress : NULL,
	    .ctx = q};
	struct config cfg;
	sigset_t set;
	int rc;

	if ((rc = config_load(&cfg)) != 0)
		return rc;
	if (each_id(q, queue_retry) != 0)
		return 0; /* said already */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	o.stop_fd = signalfd(-1, &set, SFD_CLOEXEC);
	q->status = err_worse(q->status, sender_run(&cfg, &o));
	return 0;
}

static int cancel(struct call *q)
{
	(void)each_id(q, queue_cancel);
	return 0;
}

static int read_ids(struct call *q, int argc, char **argv)
{
	q->ids = calloc((size_t)argc + 1, sizeof(*q->ids));
	if (q->ids == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	for (int i = 0; i < argc; i++)
		if (hex_decode(q->ids[q->nids++], 16, argv[i]) != 0)
			return err_set(MP_EUSAGE, "bad id '%.80s'", argv[i]);
	return 0;
}

int main(int argc, char **argv)
{
	struct call q = {.status = EXIT_DONE, .wait = MP_MINUTE};
	const char *verb, *letters;
	int (*run)(struct call *);
	int c, rc;

	cmd_begin("mp-queue", "mp-queue list [-j]\n"
	                      "       mp-queue flush [-jv] [-w duration] [id ...]\n"
	                      "       mp-queue cancel id ...");
	if ((c = getopt(argc, argv, "+h")) != -1)
		return cmd_usage(c);
	if ((verb = argv[optind++]) == NULL)
		return cmd_usage(0);
	run = strcmp(verb, "list") == 0     ? list
	      : strcmp(verb, "flush") == 0  ? flush
	      : strcmp(verb, "cancel") == 0 ? cancel
	                                    : NULL;
	if (run == NULL) {
		err_warn("no such verb: '%.40s'", verb);
		return cmd_usage(0);
	}
	letters = run == list ? "+hj" : run == flush ? "+hjvw:" : "+h";
	while ((c = getopt(argc, argv, letters)) != -1) {
		if (c == 'j')
			q.json = q.verbose = true;
		else if (c == 'v')
			q.verbose = true;
		else if (c == 'w')
			q.wait = cmd_duration(c, optarg);
		else
			return cmd_usage(c);
	}
	if ((run == list && optind < argc) || (run == cancel && optind == argc))
		return cmd_usage(0);
	if ((rc = read_ids(&q, argc - optind, argv + optind)) == 0 && (rc = store_open(&q.s)) == 0)
		rc = run(&q);
	if (rc != 0)
		q.status = err_worse(q.status, err_print(rc));
	store_close(q.s);
	free(q.ids);
	return q.status;
}
