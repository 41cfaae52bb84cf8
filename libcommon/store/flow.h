/*
 * flow: introductions, groups and acquaintances, each a row (mp-store(5)).
 *
 * What a flow says is mariposa/flow.h's; here its body is text.  A flow goes with the contact who
 * initiated it, or with its temporary contact.
 */
#ifndef MP_STORE_FLOW_H
#define MP_STORE_FLOW_H

#include "store/store.h"

#define FLOW_BODY (1u << 20) /* bytes, at most */

struct flow_row {
	int64_t row;
	int kind, state;
	int64_t contact; /* 0: ours */
	uint8_t ref[33];
	size_t reflen;
	char name[33]; /* "" none */
	int64_t at;    /* 0: time changes nothing */
};

/* Inserts when row is 0 (MP_EEXIST: there is one such, or the name is taken), else updates. */
int flow_put(struct store *s, struct flow_row *f, const char *body, size_t len);
/* body is appended. MP_ENONE. */
int flow_get(struct store *s, struct flow_row *f, struct buf *body, int64_t row);
int flow_find(struct store *s, struct flow_row *f, struct buf *body, int kind, int64_t contact,
    const uint8_t *ref, size_t reflen);
int flow_named(struct store *s, struct flow_row *f, struct buf *body, const char *name);
int flow_delete(struct store *s, int64_t row);

/*
 * Rows only, in order, so that who acts on one may change others: of a kind (-1 any) and contact
 * (-1 anybody), or whose time is over.  A row may be gone when its turn comes.
 */
int flow_rows(
    struct store *s, int kind, int64_t contact, int (*fn)(void *ctx, int64_t row), void *ctx);
/* Of a kind, whose state is below that number. */
int flow_rows_open(
    struct store *s, int kind, int below, int (*fn)(void *ctx, int64_t row), void *ctx);
int flow_rows_due(struct store *s, int64_t now, int (*fn)(void *ctx, int64_t row), void *ctx);
/* How many a contact initiated. */
int flow_count(struct store *s, int64_t contact, int64_t *n);

#endif
