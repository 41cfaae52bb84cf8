/* Batches to the peers. */
#include "node/mesher_link.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"

#define ITEM_OVERHEAD 64 /* bytes of what stands around a packet */

static struct link *find_link(struct mesher *m, int64_t peer)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->link[i].peer == peer)
			return &m->link[i];
	return NULL;
}

static int load_one(void *ctx, const struct relay_peer *p)
{
	struct mesher *m = ctx;
	struct link *l = find_link(m, p->row);

	if (l == NULL) {
		if (m->n == LINKS_MAX)
			return 0;
		l = &m->link[m->n++];
		*l = (struct link){
		    .peer = p->row, .body = BUF_INIT(MESH_BODY_MAX), .last = AUDIT_WAIT};
		randombytes_buf(l->isolation, sizeof(l->isolation));
	}
	memcpy(l->server, p->server, ONION_KEY);
	l->black = p->black;
	l->gone = false;
	l->handed = p->handed;
	return 0;
}

/* A link keeps its place while a batch of it is under way; the place of one that was dropped is
 * lost. */
int links_load(struct mesher *m)
{
	for (size_t i = 0; i < m->n; i++)
		m->link[i].gone = true;
	return relay_peer_each(m->r->s, load_one, m);
}

struct gathered {
	json_t *packets, *acks, *decisions;
	size_t bytes;
	int64_t upto;
};

/* Inside a text that is signed each quote and each backslash takes two bytes. */
static size_t signed_size(const void *row, size_t len)
{
	const char *text = row;
	size_t size = len + ITEM_OVERHEAD;

	for (size_t i = 0; i < len; i++)
		size += text[i] == '"' || text[i] == '\\';
	return size;
}

static int gather(void *ctx, const struct relay_row *row)
{
	struct gathered *g = ctx;
	json_t *lists[] = {g->packets, g->acks, g->decisions}, *list = lists[row->kind], *o;
	size_t size = signed_size(row->text, row->len);
	int rc;

	/* No batch holds it, and it must not stand in the way of all others. */
	if (size > BATCH_BYTES)
		return 0;
	if (json_array_size(list) == BATCH_ITEMS || g->bytes + size > BATCH_BYTES)
		return 1;
	if ((rc = json_read(&o, row->text, row->len)) != 0)
		return rc;
	g->bytes += size;
	if (row->kind == RELAY_PACKET)
		o = batch_item_new(o, row->hops, row->attempt);
	return json_array_append_new(list, o) == 0 ? 0 : err_set(MP_ENOMEM, "out of memory");
}

/* 1: there is a batch in l->body. */
static int fill(struct mesher *m, struct link *l)
{
	struct gathered g = {
	    .packets = json_array(), .acks = json_array(), .decisions = json_array()};
	int rc = relay_flood_each(m->r->s, l->peer, l->handed, &g.upto, gather, &g);

	l->upto = g.upto;
	l->packets = json_array_size(g.packets);
	buf_clear(&l->body);
	if (rc != 0 || g.bytes == 0) {
		json_decref(g.packets);
		json_decref(g.acks);
		json_decref(g.decisions);
		return rc;
	}
	rc =
	    batch_write(&l->body, m->r->id, l->server, g.packets, g.acks, g.decisions, clock_now());
	return rc != 0 ? rc : 1;
}

static int start(struct mesher *m, struct link *l)
{
	struct task *t;
	int rc = fill(m, l);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		/* All there was came from him. */
		rc = l->upto > l->handed ? relay_peer_handed(m->r->s, l->peer, l->upto, clock_now())
		                         : 0;
		l->handed = l->upto;
		return rc;
	}
	if ((t = task_new(m, l)) == NULL)
		return MP_ENOMEM;
	if ((rc = client_request(m->client, l->server, l->isolation, "POST", "/mesh", l->body.data,
	         l->body.len, false, t)) != 0)
		task_free(m, t);
	else
		l->busy = true;
	return rc;
}

int links_start(struct mesher *m)
{
	int64_t now = clock_monotonic();
	int rc = 0;

	for (size_t i = 0; i < m->n && rc == 0; i++) {
		struct link *l = &m->link[i];

		if (!l->busy && !l->gone && !l->black && l->retry <= now)
			rc = start(m, l);
	}
	return rc;
}

/* Longer each time, with jitter. */
static void back_off(struct mesher *m, struct link *l)
{
	int64_t wait = m->r->cfg.retry_min << (l->failures < 20 ? l->failures : 20);

	if (wait > m->r->cfg.retry_max)
		wait = m->r->cfg.retry_max;
	l->failures++;
	l->retry = clock_monotonic() + wait / 2 + randombytes_uniform((uint32_t)(wait / 2 + 1));
}

/* What no honest server says: another answer than the one to what we asked. */
int link_garbage(struct mesher *m, struct link *l)
{
	struct relay_peer p;
	int rc;

	if ((rc = relay_begin(m->r->s)) != 0)
		return rc;
	if ((rc = relay_peer_get(m->r->s, &p, l->server)) == 0)
		rc = relay_observe(m->r, &p, SAW_GARBAGE, clock_now());
	rc = relay_end(m->r->s, rc);
	return rc == MP_ENONE ? 0 : rc;
}

static int read_answer(const struct link *l, const struct post_result *r, char what[static 100])
{
	enum result results[BATCH_ITEMS];
	size_t n[RESULT_REFUSED + 1] = {0};
	json_t *o;
	int rc = json_read(&o, (const char *)r->reply.data, r->reply.len);

	if (rc == 0) {
		rc = batch_answer_read(results, l->packets, o);
		json_decref(o);
	}
	for (size_t i = 0; rc == 0 && i < l->packets; i++)
		n[results[i]]++;
	snprintf(what, 100, "handed over: %zu taken, %zu seen, %zu full, %zu refused",
	    n[RESULT_TAKEN], n[RESULT_SEEN], n[RESULT_FULL], n[RESULT_REFUSED]);
	return rc;
}

static int settle(struct mesher *m, const struct link *l, const char *what)
{
	int64_t now = clock_now();
	int rc;

	if ((rc = relay_begin(m->r->s)) != 0)
		return rc;
	if ((rc = relay_peer_handed(m->r->s, l->peer, l->upto, now)) == 0)
		rc = relay_log(m->r->s, l->server, now, what);
	return relay_end(m->r->s, rc);
}

int link_answered(struct mesher *m, struct link *l, struct post_result *r)
{
	char what[100];

	l->busy = false;
	if (r->status == 200 && read_answer(l, r, what) == 0) {
		l->failures = 0;
		l->handed = l->upto;
		return settle(m, l, what);
	}
	back_off(m, l);
	if (r->status == 200 || strcmp(r->code, "reply") == 0)
		return link_garbage(m, l);
	if (l->failures > 1 && !m->r->verbose)
		return 0;
	snprintf(what, sizeof(what), "not handed over: %.80s", r->reason);
	return relay_log(m->r->s, l->server, clock_now(), what);
}
