/*
 * item: a row of the queue as a struct queue_item, for queue.c, outbox.c and lane.c.
 */
#ifndef MP_STORE_ITEM_H
#define MP_STORE_ITEM_H

#include "store/queue.h"

/* Column 14 is the first free one. */
#define ITEM_COLUMNS                                                                         \
	"q.seq, q.contact, q.call, c.name, q.lane, q.state, q.id, q.kind, q.time, q.added, " \
	"q.expires,"                                                                         \
	" q.refused, coalesce(q.code, l.code), coalesce(q.reason, l.reason)"
#define ITEM_FROM                                          \
	" FROM queue q JOIN contact c ON c.id = q.contact" \
	" LEFT JOIN lane l ON l.contact = q.contact AND l.lane = q.lane"

void item_fill(struct queue_item *item, sqlite3_stmt *st);
/* What sql_row() gave, rc and st, as the one item that was asked for; MP_ENONE for none. */
int item_one(struct queue_item *item, int rc, sqlite3_stmt *st);

#endif
