#include "node/slots.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "crypto/envelope.h"
#include "node/courier.h"
#include "node/fetcher.h"
#include "node/meshcall.h"
#include "node/retry.h"
#include "node/telling.h"
#include "store/carried.h"
#include "store/slot.h"

#define LEASE (60 * MP_SECOND)
#define RENEW (20 * MP_SECOND)

struct desk {
	const struct config *cfg;
	const struct cover_options *o;
	struct store *store;
	struct client *client;
	struct courier *courier;  /* NULL before the first slot */
	uint8_t address[RSA_DER]; /* its */
	struct buf envelope;
	char trouble[400]; /* that was said last */
};

__attribute__((format(printf, 2, 3))) static void sayf(const struct desk *d, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	d->o->say(d->o->ctx, line);
}

/* Once, as long as it stays the same: a night without a network is one line. */
static void trouble(void *ctx, const char *line)
{
	struct desk *d = ctx;

	if (strcmp(d->trouble, line) == 0)
		return;
	snprintf(d->trouble, sizeof(d->trouble), "%s", line);
	d->o->say(d->o->ctx, line);
}

static void close_desk(void *state)
{
	struct desk *d = state;

	if (d == NULL)
		return;
	courier_free(d->courier);
	client_free(d->client);
	store_close(d->store);
	buf_free(&d->envelope);
	free(d);
}

static int open_desk(void **state, const struct config *cfg, const struct cover_options *o)
{
	struct desk *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	*state = d;
	d->cfg = cfg;
	d->o = o;
	d->envelope = (struct buf)BUF_INIT(ENVELOPE_MAX);
	return store_open(&d->store);
}

static int open_post(void **state, const struct config *cfg, const struct cover_options *o)
{
	int rc = open_desk(state, cfg, o);
	struct desk *d = *state;

	return rc != 0 ? rc : meshcall_client(&d->client, cfg->send_timeout);
}

/* A courier with the keys of today: who removes a device gets new ones. */
static int have_courier(struct desk *d)
{
	struct meshself self;
	int rc = meshself_get(d->store, &self);

	if (rc != 0)
		return rc;
	if (d->courier != NULL && memcmp(self.address, d->address, RSA_DER) == 0)
		return 0;
	courier_free(d->courier);
	if ((rc = courier_new(&d->courier, d->store, d->client)) == 0)
		courier_apart(d->courier);
	memcpy(d->address, self.address, RSA_DER);
	return rc;
}

/*
 * Who stands first in a lane by now may be one that goes by onion only: then the lane is the
 * sender's.
 */
static int next_record(struct desk *d, struct queue_item *item, bool *real)
{
	int64_t now = clock_now();
	int rc;

	buf_clear(&d->envelope);
	rc = slot_claim(d->store, item, &d->envelope, now, LEASE);
	*real = rc == 0 && courier_carries(item->kind);
	if (rc == 0 && !*real &&
	    (rc = lane_release(d->store, item->contact, item->lane, now, false, "", "")) == 0)
		store_wake_queue();
	return rc == MP_ENONE ? 0 : rc;
}

static int settle_receipt(struct desk *d, const struct queue_item *item)
{
	int rc = store_begin(d->store);

	if (rc != 0)
		return rc;
	if ((rc = queue_remove(d->store, item->seq)) == 0)
		rc = telling_taken(d->store, item->contact, item->kind, item->id);
	return store_end(d->store, rc);
}

/* A relay has it: like byroad.c.  MP_ENONE: it was cancelled meanwhile. */
static int taken(struct desk *d, const struct queue_item *item)
{
	int rc;

	if (strcmp(item->kind, wire_type_name(WIRE_RECEIPT)) == 0)
		rc = settle_receipt(d, item);
	else
		rc = carried_add(d->store, item->seq, clock_now() + d->cfg->receipt_wait);
	return rc == MP_ENONE ? 0 : rc;
}

/* A full box, or a letter that is too large, must not keep the others from their slots. */
static int put_back(struct desk *d, const struct queue_item *item, const struct courier_end *end)
{
	int64_t fails = 0;
	int rc;

	if (strcmp(end->code, "507") != 0 && strcmp(end->code, "413") != 0)
		return slot_release(d->store, item->contact, item->lane);
	if ((rc = lane_fails(d->store, item->contact, item->lane, &fails)) != 0)
		return rc;
	return lane_release(d->store, item->contact, item->lane,
	    clock_now() +
	        retry_backoff(d->cfg->retry_min, d->cfg->retry_max, fails, randombytes_random()),
	    true, end->code, end->reason);
}

/* Until the post is at its end; meanwhile the lane stays ours, or the record goes twice. */
static int wait_end(struct desk *d, const struct queue_item *item, struct courier_end *end)
{
	struct post_result r;
	int rc;

	while ((rc = client_poll(d->client, &r, NULL, 0, RENEW)) >= 0) {
		if (rc == 1 && (rc = courier_result(d->courier, &r, end)) != 0)
			break;
		if (item != NULL)
			(void)lane_renew(d->store, item->contact, item->lane, clock_now(), LEASE);
	}
	if (rc == 1)
		return 0;
	courier_cancel(d->courier, d);
	return rc < 0 ? rc : err_set(MP_ESYS, "an answer that nobody asked for");
}

static int begin(struct desk *d, const struct queue_item *item)
{
	return item == NULL
	           ? courier_fake(d->courier, d)
	           : courier_start(d->courier, item->contact, d->envelope.data, d->envelope.len, d);
}

static void tell(struct desk *d, const struct queue_item *item, const struct courier_end *end)
{
	char line[400];

	if (end->taken)
		d->trouble[0] = '\0';
	if (!end->taken) {
		snprintf(line, sizeof(line), "nothing was posted: %s", end->reason);
		trouble(d, line);
	} else if (d->o->verbose && item != NULL) {
		sayf(d, "posted: a %s for %s", item->kind, item->name);
	} else if (d->o->verbose) {
		sayf(d, "posted: a fake");
	}
}

static int post(void *state)
{
	struct desk *d = state;
	struct queue_item there, *item;
	struct courier_end end = {.taken = false};
	bool real = false;
	int rc = have_courier(d), back;

	if (rc == 0)
		rc = next_record(d, &there, &real);
	if (rc != 0)
		return rc == MP_EBUSY ? 0 : rc;
	item = real ? &there : NULL;
	if ((rc = begin(d, item)) == 0)
		rc = wait_end(d, item, &end);
	if (rc == MP_ENONE || rc == MP_ELIMIT) {
		snprintf(end.code, sizeof(end.code), "%s", rc == MP_ELIMIT ? "413" : "");
		snprintf(end.reason, sizeof(end.reason), "%s", err_detail());
		rc = 0;
	}
	if (rc == 0)
		tell(d, item, &end);
	if (real && rc == 0 && end.taken)
		rc = taken(d, item);
	if (real && (back = put_back(d, item, &end)) != 0 && rc == 0)
		rc = back;
	if (real)
		store_wake_queue();
	return rc == MP_EBUSY ? 0 : rc;
}

static int fetch(void *state)
{
	struct desk *d = state;
	const struct fetcher_options o = {.timeout = d->cfg->send_timeout,
	    .away = d->o->verbose ? trouble : NULL,
	    .slot = true,
	    .problem = trouble,
	    .ctx = d};
	struct fetched got;
	int rc = fetcher_run(&got, d->store, d->cfg, &o);

	/* None: all are away just now. */
	if (rc == MP_ETEMP || rc == MP_ENONE) {
		trouble(d, err_detail());
		return 0;
	}
	if (rc != 0)
		return rc == MP_EBUSY ? 0 : rc;
	if (got.later == 0)
		d->trouble[0] = '\0';
	else
		trouble(d, "some stay at the relay: no room here");
	if (d->o->verbose)
		sayf(d, "fetched: %lld new", (long long)got.news);
	return 0;
}

const struct slots slots_post = {"posts", open_post, post, close_desk},
                   slots_fetch = {"fetches", open_desk, fetch, close_desk};
