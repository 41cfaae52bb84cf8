/* A struct party in memory: rows whose old values come back when a transaction fails. */
#include "sim/sim.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"

/* ---- rows ---- */

static void put(struct peer *x, struct table *t, int64_t row, void *v)
{
	x->changes = grow(x->changes, &x->room, x->nchanges + 1, sizeof(*x->changes));
	x->changes[x->nchanges++] = (struct change){t, row, t->v[row]};
	t->v[row] = v;
}

static int64_t add(struct peer *x, struct table *t, void *v)
{
	size_t room = (size_t)t->room;
	int64_t row = t->n == 0 ? 1 : t->n;

	t->v = grow(t->v, &room, (size_t)row + 1, sizeof(*t->v));
	t->room = (int64_t)room;
	t->n = row + 1;
	t->v[0] = t->v[row] = NULL;
	put(x, t, row, v);
	return row;
}

static void drop_flow(void *v)
{
	struct kept *k = v;

	if (k == NULL)
		return;
	free(k->owed);
	free(k->f);
	free(k);
}

void keep_begin(struct peer *x)
{
	x->nchanges = 0;
	x->tells = 0;
	x->saved = false;
	x->calls = 0;
	x->fault_at = rng_chance(&x->w->rng, x->w->fault) ? rng_between(&x->w->rng, 1, 12) : 0;
	x->p.now = x->w->now;
}

void keep_commit(struct peer *x)
{
	for (size_t i = 0; i < x->nchanges; i++) {
		struct change *c = &x->changes[i];

		if (c->t == &x->contacts && c->old != NULL && c->t->v[c->row] == NULL)
			lane_forget(x, c->row);
		c->t->drop(c->old);
	}
	x->nchanges = 0;
	if (x->tells != 0)
		person_told(x, x->tells);
	if (x->saved) {
		check_bounds(x);
		node_due_soon(x, x->w->now + rng_between(&x->w->rng, 50, 20 * MP_SECOND));
	}
}

void keep_rollback(struct peer *x)
{
	while (x->nchanges > 0) {
		struct change *c = &x->changes[--x->nchanges];
		const struct kept *was = c->old, *now = c->t->v[c->row];

		if (c->t == &x->flows && now != NULL)
			check_undone(x, was != NULL ? was->f : NULL, now->f);
		c->t->drop(c->t->v[c->row]);
		c->t->v[c->row] = c->old;
	}
	x->tells = 0;
}

/* Each call of a step may be the one that the disk refuses. */
static int call(struct peer *x)
{
	if (++x->calls != x->fault_at)
		return 0;
	x->w->counts->faults++;
	trace(x->w, x->i, -1, NULL, "the disk is full");
	return err_set(MP_EFULL, "the disk is full");
}

/* ---- flows ---- */

static size_t size_of(enum flow_kind kind)
{
	static const size_t sizes[FLOW_KINDS] = {sizeof(struct proposal), sizeof(struct consent),
	    sizeof(struct acquaintance), sizeof(struct chat)};

	return offsetof(struct flow, u) + sizes[kind];
}

void keep_read(struct flow *out, const struct kept *k)
{
	memcpy(out, k->f, size_of(k->f->kind));
}

const struct kept *keep_flow(const struct peer *x, int64_t row)
{
	return row > 0 && row < x->flows.n ? x->flows.v[row] : NULL;
}

static int op_find(void *ctx, struct flow *f, enum flow_kind kind, int64_t contact,
    const uint8_t *ref, size_t reflen)
{
	struct peer *x = ctx;
	int rc = call(x);

	for (int64_t i = 1; rc == 0 && i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k == NULL || k->f->kind != kind || k->f->contact != contact ||
		    k->f->reflen != reflen || (reflen > 0 && memcmp(k->f->ref, ref, reflen) != 0))
			continue;
		keep_read(f, k);
		return 0;
	}
	return rc != 0 ? rc : err_set(MP_ENONE, "no such plan");
}

static int op_load(void *ctx, struct flow *f, int64_t row)
{
	struct peer *x = ctx;
	const struct kept *k = keep_flow(x, row);
	int rc = call(x);

	if (rc != 0)
		return rc;
	if (k == NULL)
		return err_set(MP_ENONE, "no such plan");
	keep_read(f, k);
	return 0;
}

static int op_by_name(void *ctx, struct flow *f, const char *name)
{
	struct peer *x = ctx;
	int rc = call(x);

	for (int64_t i = 1; rc == 0 && i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k != NULL && strcmp(k->f->name, name) == 0) {
			keep_read(f, k);
			return 0;
		}
	}
	return rc != 0 ? rc : err_set(MP_ENONE, "no group '%s'", name);
}

static int op_each(void *ctx, enum flow_kind kind, int64_t contact,
    int (*fn)(void *arg, struct flow *f), void *arg)
{
	struct peer *x = ctx;
	int64_t n = x->flows.n;
	int rc = call(x);

	for (int64_t i = 1; rc == 0 && i < n; i++) {
		const struct kept *k = x->flows.v[i];
		struct flow *copy;

		if (k == NULL || k->f->kind != kind || (contact >= 0 && k->f->contact != contact))
			continue;
		copy = malloc(sizeof(*copy));
		keep_read(copy, k);
		rc = fn(arg, copy);
		free(copy);
	}
	return rc;
}

static int op_count(void *ctx, int64_t contact, int64_t *n)
{
	struct peer *x = ctx;

	*n = 0;
	for (int64_t i = 1; i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		*n += k != NULL && k->f->contact == contact;
	}
	return call(x);
}

/* ---- what they owe ---- */

struct ledger {
	struct peer *x;
	const struct flow *f;
	const struct kept *old;
	struct kept *k;
	size_t room;
};

static struct kept_entry *entry(
    struct peer *x, int64_t chat, const uint8_t onion[static 32], int64_t n, int64_t *row)
{
	for (int64_t i = 1; i < x->entries.n; i++) {
		struct kept_entry *e = x->entries.v[i];

		if (e != NULL && e->e.n == n && e->chat == chat &&
		    memcmp(e->onion, onion, 32) == 0) {
			*row = i;
			return e;
		}
	}
	return NULL;
}

static bool same(const struct duty *a, const struct duty *b)
{
	return a->contact == b->contact && a->type == b->type && a->serial == b->serial;
}

static int add_owed(void *ctx, enum wire_type type, const uint8_t *to, int64_t serial, int64_t at)
{
	struct ledger *l = ctx;
	struct duty d = {.contact = l->f->contact, .serial = serial, .at = at, .type = type};
	const struct kept_entry *e = NULL;
	struct known who;
	int64_t row;

	if (to != NULL) {
		int rc = l->x->p.known_by_onion(l->x, to, &who);

		if (rc != 0)
			return rc == MP_ENONE ? 0 : rc;
		d.contact = who.row;
	}
	if (type == WIRE_MESSAGE && (e = entry(l->x, l->f->row, l->x->onion, serial, &row)) == NULL)
		return 0;
	if (e != NULL)
		memcpy(d.id, e->e.id, sizeof(d.id));
	else
		randombytes_buf(d.id, sizeof(d.id));
	for (size_t i = 0; l->old != NULL && i < l->old->nowed; i++)
		if (same(&l->old->owed[i], &d)) {
			memcpy(d.id, l->old->owed[i].id, sizeof(d.id));
			d.failed = l->old->owed[i].failed;
		}
	for (size_t i = 0; i < l->k->nowed; i++)
		if (same(&l->k->owed[i], &d))
			fail(l->x->w, l->x->i, -1, tag_of_flow(l->f),
			    "a flow owes one thing twice: %s", wire_type_name(type));
	l->k->owed = grow(l->k->owed, &l->room, l->k->nowed + 1, sizeof(*l->k->owed));
	l->k->owed[l->k->nowed++] = d;
	return 0;
}

static int op_save(void *ctx, struct flow *f)
{
	struct peer *x = ctx;
	struct kept *k;
	struct ledger l = {.x = x, .f = f, .old = keep_flow(x, f->row)};
	int rc = call(x);

	if (rc != 0)
		return rc;
	if (f->row > 0 && l.old == NULL)
		return err_set(MP_ENONE, "no such plan");
	for (int64_t i = 1; i < x->flows.n; i++) {
		const struct kept *o = x->flows.v[i];

		if (o == NULL || i == f->row)
			continue;
		if (f->name[0] != '\0' && strcmp(o->f->name, f->name) == 0)
			return err_set(MP_EEXIST, "two groups have the name '%s'", f->name);
		if (f->row == 0 && o->f->kind == f->kind && o->f->contact == f->contact &&
		    o->f->reflen == f->reflen && memcmp(o->f->ref, f->ref, f->reflen) == 0)
			return err_set(MP_EEXIST, "there is such a plan already");
	}
	check_flow(x, l.old != NULL ? l.old->f : NULL, f);
	k = calloc(1, sizeof(*k));
	if (f->row == 0)
		f->row = add(x, &x->flows, k);
	else
		put(x, &x->flows, f->row, k);
	k->f = malloc(size_of(f->kind));
	memcpy(k->f, f, size_of(f->kind));
	l.k = k;
	x->saved = true;
	return flow_owes(f, add_owed, &l);
}

static void remove_entries(struct peer *x, int64_t chat)
{
	for (int64_t i = 1; i < x->entries.n; i++) {
		const struct kept_entry *e = x->entries.v[i];

		if (e != NULL && e->chat == chat)
			put(x, &x->entries, i, NULL);
	}
}

static int op_remove(void *ctx, const struct flow *f)
{
	struct peer *x = ctx;
	int rc = call(x);

	if (rc != 0)
		return rc;
	if (keep_flow(x, f->row) != NULL) {
		trace(x->w, x->i, -1, tag_of_flow(f), "forgets flow %lld", (long long)f->row);
		put(x, &x->flows, f->row, NULL);
		x->saved = true;
	}
	if (f->kind == FLOW_CHAT)
		remove_entries(x, f->row);
	return 0;
}

static bool name_taken(const struct peer *x, const char *name, bool group)
{
	for (int64_t i = 1; group && i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k != NULL && strcmp(k->f->name, name) == 0)
			return true;
	}
	for (int64_t i = 1; !group && i < x->contacts.n; i++) {
		const struct contact *c = x->contacts.v[i];

		if (c != NULL && strcmp(c->known.name, name) == 0)
			return true;
	}
	return false;
}

static int op_name(void *ctx, char out[static 33], const char *wish, bool group)
{
	struct peer *x = ctx;

	snprintf(out, 33, "%.20s", wish[0] != '\0' ? wish : group ? "group" : "contact");
	for (int n = 2; name_taken(x, out, group); n++)
		snprintf(out, 33, "%.20s-%d", wish[0] != '\0' ? wish : "x", n);
	return call(x);
}

/* ---- contacts ---- */

int keep_peer(const struct world *w, const uint8_t onion[static 32])
{
	for (int i = 0; i < w->n; i++)
		if (memcmp(w->peer[i].onion, onion, 32) == 0)
			return i;
	return -1;
}

struct contact *keep_contact(const struct peer *x, int64_t row)
{
	return row > 0 && row < x->contacts.n ? x->contacts.v[row] : NULL;
}

struct contact *keep_contact_of(const struct peer *x, int peer, bool temporary)
{
	for (int64_t i = 1; i < x->contacts.n; i++) {
		struct contact *c = x->contacts.v[i];

		if (c != NULL && c->peer == peer && c->temporary == temporary)
			return c;
	}
	return NULL;
}

static int known(struct peer *x, const struct contact *c, struct known *k)
{
	int rc = call(x);

	if (rc != 0)
		return rc;
	if (c == NULL || c->temporary)
		return err_set(MP_ENONE, "no contact with this address");
	*k = c->known;
	k->usable = !c->blocked;
	return 0;
}

static int op_known_by_onion(void *ctx, const uint8_t onion[static 32], struct known *k)
{
	struct peer *x = ctx;

	for (int64_t i = 1; i < x->contacts.n; i++) {
		const struct contact *c = x->contacts.v[i];

		if (c != NULL && !c->temporary && memcmp(c->known.onion, onion, 32) == 0)
			return known(x, c, k);
	}
	return known(x, NULL, k);
}

static int op_known_by_row(void *ctx, int64_t row, struct known *k)
{
	return known(ctx, keep_contact(ctx, row), k);
}

/* Changes are made to a copy: the old one comes back when the transaction fails. */
static struct contact *change_contact(struct peer *x, int64_t row)
{
	struct contact *c = malloc(sizeof(*c));

	*c = *keep_contact(x, row);
	put(x, &x->contacts, row, c);
	return c;
}

static int op_meet(void *ctx, const struct person *who, int64_t introducer,
    const uint8_t id[static 32], const uint8_t key[static 32], int64_t *row)
{
	struct peer *x = ctx;
	struct contact *c;
	int rc = call(x);

	if (rc != 0)
		return rc;
	if (keep_contact(x, introducer) == NULL)
		return err_set(MP_ENONE, "no introducer");
	c = calloc(1, sizeof(*c));
	c->peer = keep_peer(x->w, who->onion);
	c->temporary = c->introduced = true;
	memcpy(c->known.onion, who->onion, 32);
	memcpy(c->known.nickname, who->nickname, sizeof(c->known.nickname));
	(void)op_name(x, c->known.name, who->nickname, false);
	c->temp.has = true;
	memcpy(c->temp.id, id, 32);
	memcpy(c->temp.key, key, 32);
	*row = c->known.row = add(x, &x->contacts, c);
	trace(x->w, x->i, c->peer, NULL, "meets p%d as contact %lld", c->peer, (long long)*row);
	return 0;
}

static int op_pair(
    void *ctx, int64_t row, const uint8_t id[static 32], const uint8_t key[static 32])
{
	struct peer *x = ctx;
	struct contact *c = keep_contact(x, row);
	int rc = call(x);

	if (rc != 0)
		return rc;
	if (c == NULL)
		return err_set(MP_ENONE, "no such contact");
	if (c->pair.has)
		fail(x->w, x->i, c->peer, NULL, "the pair's key of a contact is replaced");
	c = change_contact(x, row);
	c->pair.has = true;
	memcpy(c->pair.id, id, 32);
	memcpy(c->pair.key, key, 32);
	if (!x->hostile && (c->peer < 0 || !x->w->peer[c->peer].hostile)) {
		if (set_has(&x->w->clear, id) || set_has(&x->w->clear, key))
			fail(x->w, x->i, c->peer, NULL, "a new key was seen by others before");
		set_add(&x->w->secrets, id);
		set_add(&x->w->secrets, key);
	}
	trace(x->w, x->i, c->peer, NULL, "has a new key %02x%02x for p%d", key[0], key[1], c->peer);
	return 0;
}

static int op_solidify(void *ctx, int64_t row, bool forget)
{
	struct peer *x = ctx;
	struct contact *c = keep_contact(x, row);
	int rc = call(x);

	if (rc != 0)
		return rc;
	if (c == NULL)
		return err_set(MP_ENONE, "no such contact");
	c = change_contact(x, row);
	c->temporary = false;
	if (forget)
		memset(&c->temp, 0, sizeof(c->temp));
	trace(x->w, x->i, c->peer, NULL, "knows p%d%s", c->peer, forget ? ", for good" : "");
	check_solid(x, c);
	return 0;
}

static int op_part(void *ctx, int64_t row)
{
	struct peer *x = ctx;
	struct contact *c = keep_contact(x, row);
	int rc = call(x);

	if (rc != 0 || c == NULL)
		return rc;
	trace(x->w, x->i, c->peer, NULL, "parts from p%d", c->peer);
	for (int64_t i = 1; i < x->flows.n; i++) {
		const struct kept *k = x->flows.v[i];

		if (k != NULL && k->f->contact == row)
			put(x, &x->flows, i, NULL);
	}
	put(x, &x->contacts, row, NULL);
	return 0;
}

void keep_add_contact(
    struct peer *x, int peer, const uint8_t id[static 32], const uint8_t key[static 32])
{
	struct contact *c = calloc(1, sizeof(*c));

	keep_begin(x);
	c->peer = peer;
	memcpy(c->known.onion, x->w->peer[peer].onion, 32);
	snprintf(c->known.name, sizeof(c->known.name), "p%d", peer);
	snprintf(c->known.nickname, sizeof(c->known.nickname), "p%d", peer);
	c->pair.has = true;
	memcpy(c->pair.id, id, 32);
	memcpy(c->pair.key, key, 32);
	c->known.row = add(x, &x->contacts, c);
	keep_commit(x);
}

void keep_block(struct peer *x, int64_t row)
{
	keep_begin(x);
	change_contact(x, row)->blocked = true;
	keep_commit(x);
}

/* ---- our person ---- */

static enum policy op_policy(void *ctx, const struct known *k, enum plan plan)
{
	struct peer *x = ctx;

	(void)k;
	(void)plan;
	return x->policy;
}

static int op_tell(void *ctx, int64_t contact, const char *kind, const char *group, json_t *body)
{
	struct peer *x = ctx;
	struct buf text = BUF_INIT(1u << 20);
	int rc = call(x);

	if (body == NULL)
		return err_set(MP_ENOMEM, "nothing to tell");
	if (rc == 0 && (rc = json_write(&text, body)) == 0)
		rc = buf_terminate(&text);
	json_decref(body);
	if (rc == 0 && contact > 0 && keep_contact(x, contact) == NULL)
		rc = err_set(MP_ENONE, "told about nobody");
	if (rc == 0)
		check_told(x, kind, (const char *)text.data);
	buf_free(&text);
	if (rc != 0)
		return rc;
	trace(x->w, x->i, -1, NULL, "is told %s %s", kind, group != NULL ? group : "");
	if (strstr(kind, "request") != NULL || strcmp(kind, "introduction-petition") == 0)
		x->tells |= TELL_ASKED;
	return 0;
}

/* ---- chains ---- */

static int op_entry_get(
    void *ctx, int64_t chat, const uint8_t onion[static 32], int64_t n, struct chat_entry *out)
{
	struct peer *x = ctx;
	const struct kept_entry *e;
	int64_t row;
	int rc = call(x);

	if (rc != 0)
		return rc;
	if ((e = entry(x, chat, onion, n, &row)) == NULL)
		return err_set(MP_ENONE, "no such message");
	*out = e->e;
	return 0;
}

static int op_entry_put(
    void *ctx, int64_t chat, const uint8_t onion[static 32], const struct chat_entry *in)
{
	struct peer *x = ctx;
	struct kept_entry *e;
	int64_t row;
	int rc = call(x);

	if (rc != 0)
		return rc;
	e = calloc(1, sizeof(*e));
	e->chat = chat;
	e->e = *in;
	memcpy(e->onion, onion, 32);
	if (entry(x, chat, onion, in->n, &row) != NULL)
		put(x, &x->entries, row, e);
	else
		(void)add(x, &x->entries, e);
	return 0;
}

static int op_entry_drop(void *ctx, int64_t chat, const uint8_t onion[static 32], int64_t below)
{
	struct peer *x = ctx;
	int rc = call(x);

	for (int64_t i = 1; rc == 0 && i < x->entries.n; i++) {
		const struct kept_entry *e = x->entries.v[i];

		if (e != NULL && e->chat == chat && e->e.n < below &&
		    memcmp(e->onion, onion, 32) == 0)
			put(x, &x->entries, i, NULL);
	}
	return rc;
}

/* ---- from begin to end ---- */

void keep_open(struct peer *x)
{
	x->flows.drop = drop_flow;
	x->contacts.drop = x->entries.drop = free;
	x->p = (struct party){
	    .ctx = x,
	    .self = x->onion,
	    .find = op_find,
	    .load = op_load,
	    .by_name = op_by_name,
	    .each = op_each,
	    .save = op_save,
	    .remove = op_remove,
	    .count = op_count,
	    .name = op_name,
	    .known_by_onion = op_known_by_onion,
	    .known_by_row = op_known_by_row,
	    .meet = op_meet,
	    .pair = op_pair,
	    .solidify = op_solidify,
	    .part = op_part,
	    .policy = op_policy,
	    .tell = op_tell,
	    .entry_get = op_entry_get,
	    .entry_put = op_entry_put,
	    .entry_drop = op_entry_drop,
	};
}

void keep_restart(struct peer *x)
{
	struct flow *f = malloc(sizeof(*f));

	for (int64_t i = 1; i < x->flows.n; i++) {
		struct kept *k = x->flows.v[i];
		struct buf text = BUF_INIT(1u << 20), again = BUF_INIT(1u << 20);

		if (k == NULL)
			continue;
		memset(f, 0, sizeof(*f));
		memcpy(f, k->f, offsetof(struct flow, u));
		if (flow_encode(&text, k->f) != 0 || buf_terminate(&text) != 0 ||
		    flow_decode(f, (const char *)text.data, text.len) != 0 ||
		    flow_encode(&again, f) != 0)
			fail(x->w, x->i, -1, tag_of_flow(k->f), "a flow is not read back: %s",
			    err_detail());
		if (text.len != again.len || memcmp(text.data, again.data, text.len) != 0)
			fail(x->w, x->i, -1, tag_of_flow(k->f), "a flow is read back as another");
		memcpy(k->f, f, size_of(f->kind));
		buf_free(&text);
		buf_free(&again);
	}
	free(f);
}

void keep_close(struct peer *x)
{
	for (int64_t i = 1; i < x->flows.n; i++)
		drop_flow(x->flows.v[i]);
	for (int64_t i = 1; i < x->contacts.n; i++)
		free(x->contacts.v[i]);
	for (int64_t i = 1; i < x->entries.n; i++)
		free(x->entries.v[i]);
	free(x->flows.v);
	free(x->contacts.v);
	free(x->entries.v);
	free(x->changes);
	free(x->seen);
	free(x->heard);
}

struct fate *keep_fate(struct world *w, int by, enum plan plan, const uint8_t *id)
{
	struct fate *f;

	for (size_t i = 0; i < w->nfates; i++)
		if (w->fates[i].by == by && w->fates[i].plan == plan &&
		    memcmp(w->fates[i].id, id, plan_id_len(plan)) == 0)
			return &w->fates[i];
	w->fates = realloc(w->fates, (w->nfates + 1) * sizeof(*w->fates));
	f = &w->fates[w->nfates++];
	memset(f, 0, sizeof(*f));
	f->plan = plan;
	memcpy(f->id, id, plan_id_len(plan));
	f->by = by;
	f->state = -1;
	for (int i = 0; i < PEERS_MAX; i++)
		f->at[i].state = -1;
	return f;
}

size_t keep_group(struct world *w, const uint8_t group[static GROUP_ID])
{
	for (size_t i = 0; i < w->ngroups; i++)
		if (memcmp(w->groups[i], group, GROUP_ID) == 0)
			return i;
	if (w->ngroups == 16)
		return 15;
	memcpy(w->groups[w->ngroups], group, GROUP_ID);
	return w->ngroups++;
}
