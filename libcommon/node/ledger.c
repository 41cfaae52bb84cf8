#include "node/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "mariposa/talk.h"
#include "store/entry.h"

/* All that a flow owes now, and what the store has of it. */
struct ledger {
	struct keeper *k;
	const struct flow *f;
	struct owed *want, *have;
	size_t nwant, nhave;
};

static int push(struct owed **list, size_t *n, const struct owed *o)
{
	struct owed *bigger = realloc(*list, (*n + 1) * sizeof(*bigger));

	if (bigger == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	*list = bigger;
	bigger[(*n)++] = *o;
	return 0;
}

static int add_have(void *ctx, const struct owed *o)
{
	struct ledger *l = ctx;

	return push(&l->have, &l->nhave, o);
}

/* A message that is asked for again goes under the id that it had. */
static int old_id(struct ledger *l, struct owed *o)
{
	struct entry e;
	int rc = entry_get(l->k->s, &e, l->f->row, l->k->self, o->serial);

	if (rc == 0)
		memcpy(o->id, e.id, sizeof(o->id));
	return rc;
}

static int add_want(void *ctx, enum wire_type type, const uint8_t *to, int64_t serial, int64_t at)
{
	struct ledger *l = ctx;
	struct owed o = {.contact = l->f->contact, .flow = l->f->row, .serial = serial, .at = at};
	struct known who;
	int rc = 0;

	snprintf(o.kind, sizeof(o.kind), "%s", wire_type_name(type));
	if (to != NULL && (rc = l->k->p.known_by_onion(l->k, to, &who)) == 0)
		o.contact = who.row;
	if (rc == 0 && type == WIRE_MESSAGE)
		rc = old_id(l, &o);
	if (rc != 0) /* who is no contact any more can be owed nothing */
		return rc == MP_ENONE ? 0 : rc;
	return push(&l->want, &l->nwant, &o);
}

static bool same(const struct owed *a, const struct owed *b)
{
	return a->contact == b->contact && a->serial == b->serial && strcmp(a->kind, b->kind) == 0;
}

static const struct owed *among(const struct owed *list, size_t n, const struct owed *o)
{
	for (size_t i = 0; i < n; i++)
		if (same(&list[i], o))
			return &list[i];
	return NULL;
}

static int settle_ledger(struct ledger *l)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->nhave; i++)
		if (among(l->want, l->nwant, &l->have[i]) == NULL)
			rc = owed_remove(l->k->s, &l->have[i]);
	for (size_t i = 0; rc == 0 && i < l->nwant; i++) {
		struct owed *w = &l->want[i];
		const struct owed *h = among(l->have, l->nhave, w);

		if (h == NULL) {
			if (strcmp(w->kind, wire_type_name(WIRE_MESSAGE)) != 0)
				randombytes_buf(w->id, sizeof(w->id));
			rc = owed_add(l->k->s, w);
			if (rc == MP_EEXIST)
				rc = 0;
		} else if (h->at != w->at) {
			memcpy(w->id, h->id, sizeof(w->id));
			rc = owed_set_at(l->k->s, w);
		}
	}
	return rc;
}

int ledger_settle(struct keeper *k, const struct flow *f)
{
	struct ledger l = {.k = k, .f = f};
	int rc = owed_of(k->s, f->row, add_have, &l);

	if (rc == 0)
		rc = flow_owes(f, add_want, &l);
	if (rc == 0)
		rc = settle_ledger(&l);
	free(l.want);
	free(l.have);
	return rc;
}
