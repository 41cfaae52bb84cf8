#include "node/keeper.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/identity.h"
#include "node/ledger.h"
#include "store/entry.h"
#include "store/key.h"
#include "store/message.h"

/* ---- flows ---- */

static int decode(struct flow *f, const struct flow_row *r, const struct buf *body)
{
	memset(f, 0, sizeof(*f));
	f->row = r->row;
	f->kind = (enum flow_kind)r->kind;
	f->contact = r->contact;
	memcpy(f->ref, r->ref, sizeof(f->ref));
	f->reflen = r->reflen;
	memcpy(f->name, r->name, sizeof(f->name));
	return flow_decode(f, (const char *)body->data, body->len);
}

static int finish(struct flow *f, const struct flow_row *r, struct buf *body, int rc)
{
	if (rc == 0)
		rc = decode(f, r, body);
	secret_wipe(body->data, body->len);
	buf_free(body);
	return rc;
}

static int op_find(void *ctx, struct flow *f, enum flow_kind kind, int64_t contact,
    const uint8_t *ref, size_t reflen)
{
	struct keeper *k = ctx;
	struct buf body = BUF_INIT(FLOW_BODY);
	struct flow_row r;
	int rc = flow_find(k->s, &r, &body, (int)kind, contact, ref, reflen);

	return finish(f, &r, &body, rc);
}

static int op_load(void *ctx, struct flow *f, int64_t row)
{
	struct keeper *k = ctx;
	struct buf body = BUF_INIT(FLOW_BODY);
	struct flow_row r;
	int rc = flow_get(k->s, &r, &body, row);

	return finish(f, &r, &body, rc);
}

static int op_by_name(void *ctx, struct flow *f, const char *name)
{
	struct keeper *k = ctx;
	struct buf body = BUF_INIT(FLOW_BODY);
	struct flow_row r;
	int rc = flow_named(k->s, &r, &body, name);

	return finish(f, &r, &body, rc);
}

struct visit {
	struct keeper *k;
	int (*fn)(void *arg, struct flow *f);
	void *arg;
};

static int visit(void *ctx, int64_t row)
{
	struct visit *v = ctx;
	struct flow f;
	int rc = op_load(v->k, &f, row);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	rc = v->fn(v->arg, &f);
	flow_wipe(&f);
	return rc;
}

static int op_each(void *ctx, enum flow_kind kind, int64_t contact,
    int (*fn)(void *arg, struct flow *f), void *arg)
{
	struct keeper *k = ctx;
	struct visit v = {k, fn, arg};

	return flow_rows(k->s, (int)kind, contact, visit, &v);
}

static int op_remove(void *ctx, const struct flow *f)
{
	struct keeper *k = ctx;

	return flow_delete(k->s, f->row);
}

static int op_count(void *ctx, int64_t contact, int64_t *n)
{
	struct keeper *k = ctx;

	return flow_count(k->s, contact, n);
}

static int op_save(void *ctx, struct flow *f)
{
	struct keeper *k = ctx;
	struct buf body = BUF_INIT(FLOW_BODY);
	int64_t at = flow_time(f);
	struct flow_row r = {.row = f->row,
	    .kind = (int)f->kind,
	    .state = flow_state(f),
	    .contact = f->contact,
	    .reflen = f->reflen,
	    .at = at == INT64_MAX ? 0 : at};
	int rc;

	memcpy(r.ref, f->ref, sizeof(r.ref));
	memcpy(r.name, f->name, sizeof(r.name));
	if ((rc = flow_encode(&body, f)) == 0 && (rc = buf_terminate(&body)) == 0)
		rc = flow_put(k->s, &r, (const char *)body.data, body.len);
	secret_wipe(body.data, body.len);
	buf_free(&body);
	if (rc != 0)
		return rc;
	f->row = r.row;
	return ledger_settle(k, f);
}

/* ---- names ---- */

static bool taken(struct keeper *k, const char *name, bool group)
{
	struct buf body = BUF_INIT(FLOW_BODY);
	struct flow_row r;
	struct contact c;
	int rc = group ? flow_named(k->s, &r, &body, name) : contact_get(k->s, &c, name);

	buf_free(&body);
	return rc != MP_ENONE;
}

/* What of the wish may stand in a name. */
static void plain(char out[static 33], const char *wish, const char *instead)
{
	size_t n = 0;

	for (; *wish != '\0' && n < NAME_MAX_LEN; wish++) {
		char c = (char)tolower((unsigned char)*wish);

		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789", c) != NULL ||
		    (n > 0 && strchr("._-", c) != NULL))
			out[n++] = c;
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && strchr("._-", out[n - 1]) != NULL)
		n--;
	out[n] = '\0';
	if (n == 0)
		snprintf(out, 33, "%s", instead);
}

static int op_name(void *ctx, char out[static 33], const char *wish, bool group)
{
	struct keeper *k = ctx;
	char base[33];

	plain(base, wish, group ? "group" : "contact");
	snprintf(out, 33, "%s", base);
	for (unsigned n = 2; taken(k, out, group); n++) {
		char number[12];

		if (n > 9999)
			return err_set(MP_ELIMIT, "too many are called '%s'", base);
		snprintf(number, sizeof(number), "-%u", n);
		snprintf(out, 33, "%.*s%s", (int)(NAME_MAX_LEN - strlen(number)), base, number);
	}
	return 0;
}

/* ---- contacts ---- */

void keeper_known(struct known *out, const struct contact *c)
{
	memset(out, 0, sizeof(*out));
	out->row = c->row;
	memcpy(out->name, c->name, sizeof(out->name));
	memcpy(out->onion, c->onion, sizeof(out->onion));
	memcpy(out->nickname, c->nickname, sizeof(out->nickname));
	out->usable = !c->blocked && c->has_onion &&
	              (c->state == CONTACT_ACTIVE || c->state == CONTACT_PENDING);
}

static int op_known_by_onion(void *ctx, const uint8_t onion[static 32], struct known *out)
{
	struct keeper *k = ctx;
	struct contact c;
	int rc = contact_by_onion(k->s, &c, onion);

	if (rc == 0)
		keeper_known(out, &c);
	return rc;
}

static int op_known_by_row(void *ctx, int64_t row, struct known *out)
{
	struct keeper *k = ctx;
	struct contact c;
	int rc = contact_by_row(k->s, &c, row);

	if (rc == 0 && c.state == CONTACT_TEMPORARY)
		rc = MP_ENONE;
	if (rc == 0)
		keeper_known(out, &c);
	return rc;
}

/* What both ends derive from an id and a key, as a key of that role. MP_EBAD: no secret. */
static int add_key(struct keeper *k, int64_t row, enum key_role role,
    const uint8_t onion[static 32], const uint8_t id[static 32], const uint8_t key[static 32])
{
	struct contact_key *c = secret_alloc(sizeof(*c));
	struct identity *self = NULL;
	int rc = identity_load(&self);

	c->contact = row;
	c->role = role;
	memcpy(c->cid, id, CONTACT_ID);
	memcpy(c->secret, key, KEY_LEN);
	c->has_send = c->has_recv = true;
	if (rc == 0)
		rc = kdf_pair(c->send, c->recv, self, onion, key, id);
	identity_free(self);
	if (rc == 0)
		rc = key_add(k->s, c);
	secret_free(c);
	return rc;
}

static int op_meet(void *ctx, const struct person *who, int64_t introducer,
    const uint8_t id[static 32], const uint8_t key[static 32], int64_t *row)
{
	struct contact c = {.state = CONTACT_TEMPORARY, .has_onion = true}, by;
	struct keeper *k = ctx;
	int rc = contact_by_row(k->s, &by, introducer);

	if (rc != 0)
		return rc;
	memcpy(c.onion, who->onion, sizeof(c.onion));
	memcpy(c.introducer, by.name, sizeof(c.introducer));
	memcpy(c.nickname, who->nickname, sizeof(c.nickname));
	if ((rc = op_name(k, c.name, who->nickname, false)) != 0 ||
	    (rc = contact_add(k->s, &c, k->p.now)) != 0)
		return rc;
	*row = c.row;
	rc = add_key(k, c.row, KEY_TEMPORARY, who->onion, id, key);
	/* An address that agrees on nothing leaves no contact. */
	if (rc == MP_EBAD && contact_remove(k->s, c.row) != 0)
		rc = MP_ESYS;
	return rc;
}

static int op_pair(
    void *ctx, int64_t row, const uint8_t id[static 32], const uint8_t key[static 32])
{
	struct keeper *k = ctx;
	struct contact c;
	int rc = contact_by_row(k->s, &c, row);

	return rc != 0 ? rc : add_key(k, row, KEY_PAIR, c.onion, id, key);
}

static int op_solidify(void *ctx, int64_t row, bool forget)
{
	struct keeper *k = ctx;

	return contact_solidify(k->s, row, forget);
}

static int op_part(void *ctx, int64_t row)
{
	struct keeper *k = ctx;

	return contact_remove(k->s, row);
}

/* "ask", "decline", or "accept" and the names of those whose plans are. */
static enum policy read_policy(const char *text, const char *name)
{
	size_t n = strcspn(text, " ");
	bool any = false;

	if (n != 6 || strncmp(text, "accept", 6) != 0)
		return strcmp(text, "decline") == 0 ? POLICY_DECLINE : POLICY_ASK;
	for (text += n; *(text += strspn(text, " ")) != '\0'; text += n) {
		n = strcspn(text, " ");
		any = any || (strlen(name) == n && strncmp(text, name, n) == 0);
	}
	return any ? POLICY_ACCEPT : POLICY_ASK;
}

static enum policy op_policy(void *ctx, const struct known *who, enum plan plan)
{
	struct keeper *k = ctx;

	return read_policy(
	    plan == PLAN_INTRODUCTION ? k->cfg->introduction_policy : k->cfg->group_policy,
	    who->name);
}

/* ---- our person ---- */

static int op_tell(void *ctx, int64_t contact, const char *kind, const char *group, json_t *body)
{
	struct keeper *k = ctx;
	struct record rec;
	int rc;

	if (body == NULL)
		return err_set(MP_ENOMEM, "no memory for an event");
	record_init(&rec);
	rec.has_id = rec.has_body = true;
	randombytes_buf(rec.id, sizeof(rec.id));
	rec.time = k->p.now;
	snprintf(rec.kind, sizeof(rec.kind), "%s", kind);
	snprintf(rec.ref, sizeof(rec.ref), "%s", group != NULL ? group : "");
	if ((rc = json_write(&rec.body, body)) == 0)
		rc = message_add(k->s, contact, DIR_EVENT, MESSAGE_NEW, &rec, k->p.now);
	record_free(&rec);
	json_decref(body);
	return rc;
}

/* ---- chains ---- */

static int op_entry_get(
    void *ctx, int64_t chat, const uint8_t onion[static 32], int64_t n, struct chat_entry *out)
{
	struct keeper *k = ctx;
	struct entry e;
	int rc = entry_get(k->s, &e, chat, onion, n);

	if (rc != 0)
		return rc;
	out->n = n;
	memcpy(out->h, e.h, sizeof(out->h));
	memcpy(out->content, e.content, sizeof(out->content));
	memcpy(out->id, e.id, sizeof(out->id));
	return 0;
}

static int op_entry_put(
    void *ctx, int64_t chat, const uint8_t onion[static 32], const struct chat_entry *in)
{
	struct keeper *k = ctx;
	struct entry e = {.n = in->n};

	memcpy(e.h, in->h, sizeof(e.h));
	memcpy(e.content, in->content, sizeof(e.content));
	memcpy(e.id, in->id, sizeof(e.id));
	return entry_put(k->s, chat, onion, &e);
}

static int op_entry_drop(void *ctx, int64_t chat, const uint8_t onion[static 32], int64_t below)
{
	struct keeper *k = ctx;

	return entry_drop(k->s, chat, onion, below);
}

int keeper_open(struct keeper *k, struct store *s, const struct config *cfg, int64_t now)
{
	memset(k, 0, sizeof(*k));
	k->s = s;
	k->cfg = cfg;
	k->p = (struct party){
	    .ctx = k,
	    .now = now,
	    .self = k->self,
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
	return identity_public(k->self);
}

int keeper_owed(
    struct keeper *k, int64_t contact, const uint8_t id[static 16], struct owed *o, struct flow *f)
{
	int rc = owed_get(k->s, o, contact, id);

	return rc != 0 ? rc : op_load(k, f, o->flow);
}

int keeper_sent(struct keeper *k, struct sent *sent, const struct owed *o, const struct flow *f,
    uint8_t to[static 32])
{
	struct contact c;
	int rc = wire_type_parse(&sent->type, o->kind);

	sent->flow = f;
	sent->serial = o->serial;
	sent->to = NULL;
	if (rc != 0 || f->kind == FLOW_CONSENT || f->kind == FLOW_ACQUAINTANCE)
		return rc;
	if ((rc = contact_by_row(k->s, &c, o->contact)) != 0)
		return rc;
	memcpy(to, c.onion, sizeof(c.onion));
	sent->to = to;
	return 0;
}
