#include "node/intake.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "crypto/envelope.h"
#include "crypto/onion.h"
#include "store/contact.h"
#include "store/message.h"
#include "store/outbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH 64               /* records a commit, at most */
#define BATCH_BYTES (8u << 20) /* envelopes in memory, at most */
#define OFFER_WAIT 10000       /* ms that a file's offer waits for its first chunk */

struct given {
	unsigned long line;
	char contact[33], ref[RECORD_REF];
	struct queue_item item;
	struct buf envelope;
	bool settled; /* there is nothing to do for it */
};

struct intake {
	struct config cfg;
	struct sender_options o;
	int64_t call;
	int wake;
	struct store *s;
	struct given batch[BATCH];
	size_t n, bytes;
	int64_t *woken; /* contacts whose lanes were made due by this call */
	size_t nwoken;
	struct roll *roll;

	pthread_mutex_t lock;
	int64_t *repeats; /* rows */
	size_t nrepeats;
	unsigned long given;
	int status, fatal;
	bool done, left;
};

static void note(struct intake *in, int status)
{
	pthread_mutex_lock(&in->lock);
	in->status = err_worse(in->status, status);
	pthread_mutex_unlock(&in->lock);
}

/* One line about a record; the others go on. */
static void reject(struct intake *in, unsigned long line, int rc)
{
	char text[700];

	if (line > 0)
		snprintf(text, sizeof(text), "%s:%lu: %s", in->o.input_name, line, err_detail());
	else
		snprintf(text, sizeof(text), "%s", err_detail());
	if (in->o.problem != NULL)
		in->o.problem(in->o.ctx, text);
	note(in, err_status(rc) == EXIT_NO ? EXIT_PERMANENT : err_status(rc));
}

static int64_t *grow(int64_t **list, size_t *n, int64_t v)
{
	int64_t *bigger = *list;

	if ((*n & (*n - 1)) == 0 && /* a power of two is full */
	    (bigger = realloc(*list, (*n == 0 ? 1 : 2 * *n) * sizeof(**list))) == NULL) {
		err_set(MP_ENOMEM, "out of memory");
		return NULL;
	}
	*list = bigger;
	bigger[(*n)++] = v;
	return bigger;
}

static bool among(const int64_t *list, size_t n, int64_t v)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == v)
			return true;
	return false;
}

/* The columns, without looking at the store. */
static int take_columns(struct given *g, const struct record *rec)
{
	enum wire_type t;
	int rc;

	if (rec->class != CLASS_SEALED)
		return err_set(MP_EBAD, "class '%s' is not sealed", record_class_name(rec->class));
	if (rec->contact[0] == '\0')
		return err_set(MP_EBAD, "no contact named: a blank record is for mp-take");
	if ((rc = wire_type_parse(&t, rec->kind)) != 0)
		return rc;
	if (!rec->has_id)
		return err_set(MP_EBAD, "a sealed record without its id");
	g->envelope.max = ENVELOPE_MAX;
	buf_clear(&g->envelope);
	if ((rc = base64_decode(&g->envelope, (const char *)rec->body.data,
	         rec->has_body ? rec->body.len : 0)) != 0)
		return rc;
	if (g->envelope.len < ENVELOPE_MIN)
		return err_set(MP_EBAD, "%zu bytes are no envelope", g->envelope.len);
	memset(&g->item, 0, sizeof(g->item));
	g->item.lane = wire_lane(t);
	memcpy(g->item.id, rec->id, sizeof(g->item.id));
	strcpy(g->item.kind, rec->kind);
	strcpy(g->contact, rec->contact);
	strcpy(g->ref, rec->ref);
	g->item.time = rec->time;
	return 0;
}

static int find_contact(struct intake *in, struct given *g)
{
	char onion[ONION_TEXT];
	struct contact c;
	int rc = contact_get(in->s, &c, g->contact);

	if (rc != 0)
		return rc;
	if (c.blocked)
		return err_set(MP_EUSAGE, "'%s' is blocked", c.name);
	if (!c.has_onion)
		return err_set(MP_EUSAGE, "'%s' has not accepted our card yet", c.name);
	onion_encode(onion, c.onion);
	if (strcmp(onion, g->ref) != 0)
		return err_set(MP_EBAD, "the address is not that of '%s'", c.name);
	g->item.contact = c.row;
	strcpy(g->item.name, c.name);
	return 0;
}

static bool is_file(const struct queue_item *item)
{
	return strcmp(item->kind, "file") == 0;
}

/* 1: there is nothing to do for it: it was delivered, or its file was given up. */
static int settled(struct intake *in, const struct queue_item *item)
{
	enum message_state state;
	uint8_t id[16];
	int rc;

	memcpy(id, item->id, sizeof(id));
	if (is_file(item))
		file_transfer_of(id, item->id);
	rc = message_get_state(in->s, item->contact, DIR_OUT, id, &state);
	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	if (!is_file(item))
		return state == MESSAGE_SENT;
	/* The receiver says which chunks of a repeated file it still wants. */
	return file_chunk_of(item->id) > 0 &&
	       (state == MESSAGE_FAILED || state == MESSAGE_CANCELLED);
}

/* A file by its offer: without it there is none. */
static int enrol(struct intake *in, const struct queue_item *item)
{
	if (in->o.follow || (is_file(item) && file_chunk_of(item->id) != 0))
		return 0;
	return roll_add(in->roll, item);
}

static int remember_repeat(struct intake *in, const struct queue_item *item)
{
	struct queue_item there;
	int rc = outbox_find(in->s, item->contact, item->id, &there);

	if (rc == 0 && there.state == QUEUE_FAILED)
		rc = queue_retry(in->s, item->id);
	if (rc != 0 || (rc = enrol(in, &there)) != 0)
		return rc;
	pthread_mutex_lock(&in->lock);
	if (grow(&in->repeats, &in->nrepeats, there.seq) == NULL)
		rc = MP_ENOMEM;
	pthread_mutex_unlock(&in->lock);
	return rc;
}

/*
 * Who gives a record wants it tried now, whatever back-off its lane is in; but once a call only,
 * for a pipe that gives a line a second must not hammer a peer that is away.
 */
static int wake_lanes(struct intake *in, int64_t contact)
{
	if (among(in->woken, in->nwoken, contact))
		return 0;
	if (grow(&in->woken, &in->nwoken, contact) == NULL)
		return MP_ENOMEM;
	return lane_wake(in->s, contact, 1, NULL);
}

static int enqueue(struct intake *in, struct given *g)
{
	struct queue_item *item = &g->item;
	uint8_t transfer[16];
	bool held = false;
	int rc;

	memcpy(transfer, item->id, sizeof(transfer));
	if (is_file(item)) {
		file_transfer_of(transfer, item->id);
		if (file_chunk_of(item->id) > 0 &&
		    (rc = outbox_waits(in->s, item->contact, transfer, &held)) != 0)
			return rc;
	}
	item->call = in->call;
	item->state = held ? QUEUE_HELD : QUEUE_WAITING;
	item->added = clock_now();
	item->expires = item->added + in->cfg.queue_expires;
	if (item->time == RECORD_TIME_ABSENT)
		item->time = item->added;
	rc = queue_add(in->s, item, g->envelope.data, g->envelope.len);
	if (rc == MP_EEXIST)
		rc = remember_repeat(in, item);
	else if (rc == 0 && (rc = enrol(in, item)) == 0)
		rc = message_set_state(in->s, item->contact, DIR_OUT, transfer, MESSAGE_QUEUED);
	if (rc == MP_ENONE) /* a control message, or sealed elsewhere, or pruned */
		rc = 0;
	return rc != 0 ? rc : wake_lanes(in, item->contact);
}

/* Counts as delivered. */
static int report_settled(struct intake *in, const struct queue_item *item)
{
	struct record rec;
	int rc;

	if (in->o.report == NULL)
		return 0;
	record_init(&rec);
	rec.class = CLASS_SENT;
	strcpy(rec.kind, item->kind);
	strcpy(rec.contact, item->name);
	rec.has_id = rec.has_body = true;
	memcpy(rec.id, item->id, RECORD_ID);
	rec.time = item->time;
	if ((rc = buf_adds(&rec.body, "delivered before")) == 0)
		rc = in->o.report(in->o.ctx, &rec);
	record_free(&rec);
	return rc;
}

/* One record of the batch, inside its transaction. A bad one is said and passed over. */
static int take_one(struct intake *in, struct given *g)
{
	int rc = find_contact(in, g);

	g->settled = false;
	if (rc == MP_ENONE || rc == MP_EUSAGE || rc == MP_EBAD) {
		reject(in, g->line, rc);
		return 0;
	}
	if (rc != 0 || (rc = settled(in, &g->item)) < 0)
		return rc;
	g->settled = rc == 1;
	return g->settled ? 0 : enqueue(in, g);
}

static void signal_main(struct intake *in)
{
	uint64_t one = 1;

	while (write(in->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static int flush(struct intake *in)
{
	int rc;

	if (in->n == 0)
		return 0;
	if ((rc = store_begin(in->s)) != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < in->n; i++)
		rc = take_one(in, &in->batch[i]);
	if (rc == 0)
		rc = store_commit(in->s);
	if (rc != 0) {
		store_rollback(in->s);
		for (size_t i = 0; i < in->n; i++)
			roll_drop(in->roll, in->batch[i].item.seq);
		return rc;
	}
	for (size_t i = 0; rc == 0 && i < in->n; i++)
		/* A file that was given up meanwhile is one record, which its offer reports. */
		if (in->batch[i].settled && !is_file(&in->batch[i].item))
			rc = report_settled(in, &in->batch[i].item);
	pthread_mutex_lock(&in->lock);
	in->given += in->n;
	pthread_mutex_unlock(&in->lock);
	in->n = in->bytes = 0;
	signal_main(in);
	return rc;
}

/*
 * An offer and the first chunk behind it enter the queue together: with a held chunk there, the
 * queue itself says for ever after whether the offer was answered.
 */
static bool more_soon(const struct intake *in, const struct record_reader *r)
{
	const struct given *last = &in->batch[in->n - 1];
	struct pollfd p = {.fd = in->o.input, .events = POLLIN};

	if (record_ready(r))
		return true;
	if (!is_file(&last->item) || file_chunk_of(last->item.id) != 0)
		return false;
	return poll(&p, 1, OFFER_WAIT) > 0;
}

static int read_all(struct intake *in)
{
	struct record_reader r;
	struct record *rec;
	int got, rc = 0;

	record_reader_init(&r, in->o.input, in->o.input_name);
	while (rc == 0 && (got = record_read(&r, &rec)) != 0) {
		struct given *g = &in->batch[in->n];

		if (got == MP_EBAD || got == MP_ELIMIT) {
			reject(in, 0, got); /* the reader names the line */
		} else if (got < 0) {
			rc = got;
		} else if ((got = take_columns(g, rec)) != 0) {
			reject(in, r.number, got);
		} else {
			g->line = r.number;
			in->n++;
			in->bytes += g->envelope.len;
		}
		if (got < 0) {
			pthread_mutex_lock(&in->lock);
			in->given++;
			pthread_mutex_unlock(&in->lock);
		}
		if (rc == 0 && in->n > 0 &&
		    (in->n == BATCH || in->bytes >= BATCH_BYTES || !more_soon(in, &r)))
			rc = flush(in);
	}
	if (rc == 0)
		rc = flush(in);
	record_reader_free(&r);
	return rc;
}

static void intake_free(struct intake *in)
{
	store_close(in->s);
	if (in->wake >= 0)
		close(in->wake);
	for (size_t i = 0; i < BATCH; i++)
		buf_free(&in->batch[i].envelope);
	roll_free(in->roll);
	free(in->woken);
	free(in->repeats);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

static void *run(void *arg)
{
	struct intake *in = arg;
	bool left;
	int rc = store_open(&in->s);

	if (rc == 0)
		rc = read_all(in);
	if (rc != 0) {
		reject(in, 0, rc);
		pthread_mutex_lock(&in->lock);
		in->fatal = rc;
		in->given++;
		pthread_mutex_unlock(&in->lock);
	}
	pthread_mutex_lock(&in->lock);
	in->done = true;
	left = in->left;
	signal_main(in);
	pthread_mutex_unlock(&in->lock);
	if (left)
		intake_free(in);
	return NULL;
}

int intake_start(
    struct intake **out, const struct config *cfg, const struct sender_options *o, int64_t call)
{
	struct intake *in = calloc(1, sizeof(*in));
	pthread_t thread;

	if (in == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	in->cfg = *cfg;
	in->o = *o;
	in->call = call;
	in->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	in->status = EXIT_DONE;
	pthread_mutex_init(&in->lock, NULL);
	if (in->wake < 0 || roll_new(&in->roll) != 0 ||
	    pthread_create(&thread, NULL, run, in) != 0) {
		intake_free(in);
		return err_set(MP_ENOMEM, "cannot start a thread");
	}
	pthread_detach(thread);
	*out = in;
	return 0;
}

int intake_fd(const struct intake *in)
{
	return in->wake;
}

struct roll *intake_roll(struct intake *in)
{
	return in->roll;
}

void intake_leave(struct intake *in)
{
	bool done;

	if (in == NULL)
		return;
	pthread_mutex_lock(&in->lock);
	done = in->done;
	in->left = true;
	pthread_mutex_unlock(&in->lock);
	if (done)
		intake_free(in);
}

bool intake_state(struct intake *in, unsigned long *given, int *status)
{
	bool done;

	pthread_mutex_lock(&in->lock);
	done = in->done;
	*given = in->given;
	*status = in->status;
	pthread_mutex_unlock(&in->lock);
	return done;
}

int intake_fatal(struct intake *in)
{
	int rc;

	pthread_mutex_lock(&in->lock);
	rc = in->fatal;
	pthread_mutex_unlock(&in->lock);
	return rc;
}

bool intake_repeated(struct intake *in, int64_t seq)
{
	bool found;

	pthread_mutex_lock(&in->lock);
	found = among(in->repeats, in->nrepeats, seq);
	pthread_mutex_unlock(&in->lock);
	return found;
}

size_t intake_repeats(struct intake *in)
{
	size_t n;

	pthread_mutex_lock(&in->lock);
	n = in->nrepeats;
	pthread_mutex_unlock(&in->lock);
	return n;
}
