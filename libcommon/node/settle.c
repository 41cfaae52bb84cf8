#include "node/dispatch.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/message.h"
#include "store/transfer.h"

#include <stdlib.h>
#include <string.h>

static bool is(const struct queue_item *item, enum wire_type t)
{
	return strcmp(item->kind, wire_type_name(t)) == 0;
}

int settle_add(struct sender *s, const struct queue_item *item, const char *code)
{
	if (s->nsettled == 0)
		s->settle_at = clock_monotonic() + SETTLE_WAIT;
	s->settled[s->nsettled] = *item;
	memcpy(s->codes[s->nsettled], code, sizeof(s->codes[0]));
	s->nsettled++;
	/* What others wait for does not wait: a greeting holds up all mail behind it. */
	if (s->nsettled == SETTLE_MOST || item->lane == LANE_CONTROL)
		return settle_flush(s);
	return 0;
}

struct owing {
	const struct queue_item *item;
	struct transfer found;
	bool hit;
};

static int match_status(void *ctx, const struct transfer *t)
{
	struct owing *o = ctx;

	if (t->contact != o->item->contact || !t->owed ||
	    memcmp(t->status, o->item->id, sizeof(t->status)) != 0)
		return 0;
	o->found = *t;
	o->hit = true;
	return 1;
}

/* The sender of a file knows now what we think of it; a newer answer that became due meanwhile
 * stays owed: it has another id. */
static int status_told(struct sender *s, const struct queue_item *item)
{
	struct owing o = {.item = item};
	int rc = transfer_each(s->s, match_status, &o);

	if (rc < 0 || !o.hit)
		return rc < 0 ? rc : 0;
	o.found.owed = false;
	return transfer_update(s->s, &o.found);
}

static int set_sent(struct sender *s, const struct queue_item *item)
{
	uint8_t id[MESSAGE_ID];
	int rc;

	memcpy(id, item->id, sizeof(id));
	if (is(item, WIRE_FILE))
		file_transfer_of(id, item->id);
	rc = message_set_state(s->s, item->contact, DIR_OUT, id, MESSAGE_SENT);
	return rc == MP_ENONE ? 0 : rc; /* pruned, or sealed elsewhere */
}

/* Remembers the file once; its last chunk may not have come in yet. */
static int remember_whole(struct sender *s, const struct queue_item *item)
{
	struct whole *w;

	for (w = s->wholes; w != NULL; w = w->next)
		if (w->item.contact == item->contact && memcmp(w->item.id, item->id, 12) == 0)
			return 0;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	w->item = *item;
	file_transfer_of(w->item.id, item->id);
	w->next = s->wholes;
	s->wholes = w;
	return 0;
}

static int settle_one(struct sender *s, const struct queue_item *item)
{
	int64_t rows, lowest;
	int rc = queue_remove(s->s, item->seq);

	if (rc != 0 && rc != MP_ENONE) /* the answer to an offer took it out already */
		return rc;
	if (is(item, WIRE_MESSAGE))
		return set_sent(s, item);
	if (is(item, WIRE_FILE_STATUS))
		return status_told(s, item);
	if (is(item, WIRE_INITIAL_CONTACT)) {
		rc = contact_confirm(s->s, item->contact);
		return rc == MP_ENONE ? 0 : rc;
	}
	if (!is(item, WIRE_FILE))
		return 0;
	rc = queue_file_left(s->s, item->contact, item->id, &rows, &lowest);
	return rc == 0 && rows == 0 ? remember_whole(s, item) : rc;
}

/* Was the file declined, or cancelled meanwhile?  Its rows are gone as well then. */
static bool given_up(struct sender *s, const struct whole *w)
{
	enum message_state state;

	return message_get_state(s->s, w->item.contact, DIR_OUT, w->item.id, &state) == 0 &&
	       (state == MESSAGE_FAILED || state == MESSAGE_CANCELLED);
}

static int report_whole(struct sender *s, struct whole *w, bool declined)
{
	if (!sender_mine(s, &w->item))
		return 0;
	if (!declined)
		return sender_report(s, CLASS_SENT, &w->item, "204", NULL);
	s->failed = true;
	return sender_report(s, CLASS_FAILED, &w->item, "declined", "the file is not wanted");
}

/* Nothing more comes in: what is taken so far is the whole. */
static int settle_wholes(struct sender *s)
{
	struct whole *w;
	int64_t rows, lowest;
	int rc = 0;

	if (!s->input_done)
		return 0;
	while (rc == 0 && (w = s->wholes) != NULL) {
		bool declined = given_up(s, w);

		s->wholes = w->next;
		rc = queue_file_left(s->s, w->item.contact, w->item.id, &rows, &lowest);
		if (rc == 0 && rows == 0 && !declined)
			rc = set_sent(s, &w->item);
		if (rc == 0 && rows == 0)
			rc = report_whole(s, w, declined);
		free(w);
	}
	return rc;
}

int settle_flush(struct sender *s)
{
	size_t n = s->nsettled;
	int rc = 0;

	if (n > 0) {
		if ((rc = store_begin(s->s)) != 0)
			return rc;
		for (size_t i = 0; rc == 0 && i < n; i++)
			rc = settle_one(s, &s->settled[i]);
		if (rc == 0)
			rc = store_commit(s->s);
		if (rc != 0) {
			store_rollback(s->s);
			return rc;
		}
	}
	s->nsettled = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (!is(&s->settled[i], WIRE_FILE) && sender_mine(s, &s->settled[i]))
			rc = sender_report(s, CLASS_SENT, &s->settled[i], s->codes[i], NULL);
	return rc == 0 ? settle_wholes(s) : rc;
}

void settle_free(struct sender *s)
{
	struct whole *w;

	while ((w = s->wholes) != NULL) {
		s->wholes = w->next;
		free(w);
	}
}
