#include "node/roll.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define LEAST 64 /* rows, below which nothing is tidied */

struct row {
	int64_t seq, contact, time;
	uint8_t id[16];
	enum wire_type kind;
	bool dropped;
	char name[33];
};

/* In order of seq, which rises with what is given: nearly always something is added at the end and
 * dropped near the beginning. */
struct roll {
	pthread_mutex_t lock;
	struct row *rows;
	size_t n, room, dropped;
};

int roll_new(struct roll **out)
{
	struct roll *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return 0;
}

void roll_free(struct roll *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r->rows);
	free(r);
}

/* The first row that is not below seq. */
static size_t find(const struct roll *r, int64_t seq)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->rows[mid].seq < seq)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int make_room(struct roll *r)
{
	size_t room = r->room == 0 ? LEAST : 2 * r->room;
	struct row *bigger;

	if (r->n < r->room)
		return 0;
	if ((bigger = realloc(r->rows, room * sizeof(*bigger))) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	r->rows = bigger;
	r->room = room;
	return 0;
}

static int add(struct roll *r, const struct queue_item *item)
{
	size_t at = find(r, item->seq);
	struct row row = {.seq = item->seq, .contact = item->contact, .time = item->time};
	int rc;

	if (at < r->n && r->rows[at].seq == item->seq) { /* given twice */
		r->dropped -= r->rows[at].dropped;
		r->rows[at].dropped = false;
		return 0;
	}
	if ((rc = wire_type_parse(&row.kind, item->kind)) != 0 || (rc = make_room(r)) != 0)
		return rc;
	memcpy(row.id, item->id, sizeof(row.id));
	memcpy(row.name, item->name, sizeof(row.name));
	memmove(r->rows + at + 1, r->rows + at, (r->n - at) * sizeof(row));
	r->rows[at] = row;
	r->n++;
	return 0;
}

int roll_add(struct roll *r, const struct queue_item *item)
{
	int rc;

	pthread_mutex_lock(&r->lock);
	rc = add(r, item);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

static void tidy(struct roll *r)
{
	size_t n = 0;

	if (r->n < LEAST || r->dropped < r->n / 2)
		return;
	for (size_t i = 0; i < r->n; i++)
		if (!r->rows[i].dropped)
			r->rows[n++] = r->rows[i];
	r->n = n;
	r->dropped = 0;
}

void roll_drop(struct roll *r, int64_t seq)
{
	size_t at;

	pthread_mutex_lock(&r->lock);
	at = find(r, seq);
	if (at < r->n && r->rows[at].seq == seq && !r->rows[at].dropped) {
		r->rows[at].dropped = true;
		r->dropped++;
		tidy(r);
	}
	pthread_mutex_unlock(&r->lock);
}

int roll_each(struct roll *r, int (*fn)(void *ctx, const struct queue_item *item), void *ctx)
{
	struct queue_item item = {.seq = 0};
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; rc == 0 && i < r->n; i++) {
		const struct row *row = &r->rows[i];

		if (row->dropped)
			continue;
		item.seq = row->seq;
		item.contact = row->contact;
		item.time = row->time;
		item.lane = wire_lane(row->kind);
		memcpy(item.id, row->id, sizeof(item.id));
		memcpy(item.name, row->name, sizeof(item.name));
		strcpy(item.kind, wire_type_name(row->kind));
		rc = fn(ctx, &item);
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}
