/*
 * incoming: a person's word about files that are offered, and what is owed to their senders.
 */
#ifndef MP_NODE_INCOMING_H
#define MP_NODE_INCOMING_H

#include "base/json.h"
#include "base/record.h"
#include "store/transfer.h"

/*
 * Accepts or declines in one transaction; the sender is owed the answer until it is delivered.
 * Again is harmless. MP_ENONE: no such file; MP_EUSAGE: it is decided or over, with a detail that
 * says so.
 */
int incoming_decide(struct store *s, const uint8_t id[static 16], bool accept, int64_t now);

/* The out file-status that says how t stands now; its id is t->status, so that asked twice the same
 * comes. */
int incoming_record(struct record *rec, const struct transfer *t, int64_t now);

/*
 * Accepted files of which nothing came for 30 days, after which no sender tries again, have failed:
 * their person is told.  What nobody wants goes from the spool.
 */
int incoming_expire(struct store *s, int64_t now);

/* Its id, name and size, as events tell them. */
json_t *incoming_about(const struct transfer *t);

/* Bytes of it that are on disk. */
int64_t incoming_have(const struct transfer *t);

#endif
