/* A relay among relays: batches, server lists, load, and what the operator sees. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "mesh/servers.h"
#include "node/relay_step.h"

#define STATUS_KEY 64 /* hex digits at most */

/* One item of a batch.  A peer that is blacklisted is only looked at: audits that it passes on
 * count. */
static int take_item(struct relay *r, const struct relay_peer *from, const json_t *item,
    int64_t now, enum result *result)
{
	struct relay_copy copy = {.from = from, .now = now};
	uint8_t whole[PACKET_ID];
	const json_t *o;
	struct packet p;
	int rc;

	packet_init(&p);
	copy.p = &p;
	*result = RESULT_REFUSED;
	if ((rc = batch_item(item, &o, &copy.hops, &copy.attempt)) == 0 &&
	    (rc = packet_read(&p, o)) == 0) {
		/* Where a packet entered gives it on with all hops but one: less is a lie that
		 * an audited peer, who cannot know which of its peers asks, tells to all. */
		packet_whole(whole, &p);
		rc = relay_audit_came(r->s, whole, from->row, copy.hops < MESH_HOPS - 1);
		if ((rc == 0 || rc == MP_ENONE) && !from->black)
			rc = relay_take(r, &copy, result);
	}
	packet_free(&p);
	return rc == MP_EBAD || rc == MP_ENONE ? 0 : rc;
}

/* MP_EBAD refuses itself. */
static int take_ack(struct relay *r, const json_t *o, int64_t source, int64_t now, bool *fresh)
{
	struct ack a;
	int rc = ack_read(&a, o);

	if (rc == 0)
		rc = relay_take_ack(r, &a, o, source, now, fresh);
	return rc == MP_EBAD ? 0 : rc;
}

static int take_decision(struct relay *r, const json_t *o, int64_t source, int64_t now, bool *fresh)
{
	struct decision *d = calloc(1, sizeof(*d));
	int rc = MP_ENOMEM;

	if (d != NULL && (rc = decision_read(d, o)) == 0)
		rc = relay_take_decision(r, d, source, now, fresh);
	free(d);
	return rc == MP_EBAD ? 0 : rc;
}

static int take_texts(
    struct relay *r, const struct batch *b, const struct relay_peer *from, int64_t now, bool *fresh)
{
	const json_t *v;
	size_t i;
	int rc = 0;

	json_array_foreach(b->acks, i, v)
	{
		if ((rc = take_ack(r, v, from->row, now, fresh)) != 0)
			return rc;
	}
	json_array_foreach(b->decisions, i, v)
	{
		if ((rc = take_decision(r, v, from->row, now, fresh)) != 0)
			return rc;
	}
	return 0;
}

static int take_batch(struct relay_call *c, const struct batch *b, const struct relay_peer *from,
    enum result *results, bool *fresh)
{
	const json_t *v;
	size_t i;
	int rc = 0;

	json_array_foreach(b->packets, i, v)
	{
		if ((rc = take_item(c->r, from, v, c->now, &results[i])) != 0)
			return rc;
		*fresh = *fresh || results[i] == RESULT_TAKEN;
	}
	return from->black ? 0 : take_texts(c->r, b, from, c->now, fresh);
}

int relay_on_batch(struct relay_call *c)
{
	enum result results[BATCH_ITEMS];
	struct relay_peer from;
	struct batch b;
	bool fresh = false;
	int rc;

	if ((rc = batch_read(&b, c->in, c->r->id->key)) != 0)
		return rc;
	if ((rc = relay_peer_get(c->r->s, &from, b.from.onion)) == MP_ENONE) {
		c->status = 403;
		goto out;
	}
	/* What was recorded on the way is worth nothing the day after. */
	if (rc == 0 && (b.from.time < c->now - MP_DAY || b.from.time > c->now + MP_DAY))
		rc = err_set(MP_EBAD, "a batch of another day");
	if (rc != 0 || (rc = relay_begin(c->r->s)) != 0)
		goto out;
	rc = relay_end(c->r->s, take_batch(c, &b, &from, results, &fresh));
	if (rc == 0)
		rc = batch_answer_write(&c->out, results, json_array_size(b.packets), c->now);
	c->proven = rc == 0;
	if (rc == 0 && fresh)
		relay_wake();
out:
	batch_free(&b);
	return rc;
}

static int list_server(void *ctx, const struct relay_peer *p)
{
	struct servers *list = ctx;

	if (list->n < SERVERS_MAX && !p->black && p->vote != VERDICT_BLACKLISTED)
		memcpy(list->server[list->n++], p->server, ONION_KEY);
	return 0;
}

int relay_on_servers(struct relay_call *c)
{
	struct servers list = {.n = 1, .time = c->now};
	int rc;

	if ((rc = servers_request_read(c->in)) != 0)
		return rc;
	memcpy(list.server[0], c->r->id->key, ONION_KEY);
	if ((rc = relay_peer_each(c->r->s, list_server, &list)) != 0)
		return rc;
	return servers_write(&c->out, &list);
}

/* The fuller of rate and store, of what clients may bring. */
static int get_load(struct relay *r, int64_t now, int64_t *load)
{
	int64_t n, bytes;
	int rc;

	if ((rc = relay_meter_get(r->s, 0, now / MP_MINUTE - 1, &n)) != 0 ||
	    (rc = relay_bytes(r->s, &bytes)) != 0)
		return rc;
	n = n * 100 / r->cfg.client_rate;
	bytes = bytes / (r->cfg.store_max / 4 * SHARE_CLIENT / 100);
	*load = n > bytes ? n : bytes;
	return 0;
}

int relay_on_load(struct relay_call *c)
{
	int64_t load;
	int rc = get_load(c->r, c->now, &load);

	return rc != 0 ? rc : load_write(&c->out, load, c->now);
}

static int add_peer(void *ctx, const struct relay_peer *p)
{
	json_t *one = json_object();
	int rc;

	if ((rc = field_set_server(one, "server", p->server)) == 0 &&
	    (rc = field_set(one, "blacklisted", json_boolean(p->black))) == 0 &&
	    (rc = field_set_text(one, "vote",
	         p->vote == VERDICT_NONE ? "none" : verdict_name((enum verdict)p->vote))) == 0 &&
	    (rc = field_set_int(one, "score", p->score)) == 0 &&
	    (rc = field_set_int(one, "audits", p->audits)) == 0 &&
	    (rc = field_set_int(one, "lost", p->lost)) == 0 &&
	    (rc = field_set_int(one, "handed", p->handed)) == 0)
		rc = p->seen == 0 ? field_set(one, "seen", json_null())
		                  : field_set_time(one, "seen", p->seen);
	if (rc == 0 && json_array_append(ctx, one) != 0)
		rc = err_set(MP_ENOMEM, "out of memory");
	json_decref(one);
	return rc;
}

static int get_status(struct relay *r, int64_t now, json_t **out)
{
	json_t *o = json_object(), *peers = json_array();
	struct relay_counts n;
	int64_t load;
	int rc;

	*out = o;
	if ((rc = relay_count(r->s, &n)) >= 0 && (rc = get_load(r, now, &load)) == 0 &&
	    (rc = relay_peer_each(r->s, add_peer, peers)) == 0 &&
	    (rc = field_set_text(o, "type", "status")) == 0 &&
	    (rc = field_set_server(o, "server", r->id->key)) == 0 &&
	    (rc = field_set_int(o, "load", load)) == 0 &&
	    (rc = field_set_int(o, "packets", n.packets)) == 0 &&
	    (rc = field_set_int(o, "held", n.held)) == 0 &&
	    (rc = field_set_int(o, "flood", n.flood)) == 0 &&
	    (rc = field_set_int(o, "boxes", n.boxes)) == 0 &&
	    (rc = field_set_int(o, "devices", n.devices)) == 0 &&
	    (rc = field_set_int(o, "bytes", n.bytes)) == 0 &&
	    (rc = field_set(o, "peers", json_incref(peers))) == 0)
		rc = field_set_time(o, "timestamp", now);
	json_decref(peers);
	return rc < 0 ? rc : 0;
}

int relay_status(struct relay *r, struct buf *json)
{
	json_t *o;
	int rc = get_status(r, clock_now(), &o);

	if (rc == 0)
		rc = json_write(json, o);
	json_decref(o);
	return rc;
}

/* For who has the key in $MP_HOME/relay-status; without that file nobody. */
int relay_on_status(struct relay_call *c)
{
	struct buf key = BUF_INIT(STATUS_KEY + 1);
	int rc;

	c->status = 400;
	if (c->bearer != NULL && file_read_secret(home_file("relay-status"), &key) == 0) {
		while (key.len > 0 && (key.data[key.len - 1] == '\n'))
			key.len--;
		if (key.len >= 16 && strlen(c->bearer) == key.len &&
		    sodium_memcmp(c->bearer, key.data, key.len) == 0)
			c->status = 0;
	}
	buf_free(&key);
	if (c->status != 0)
		return 0;
	if ((rc = get_status(c->r, c->now, &c->out)) == 0)
		c->proven = true;
	return rc;
}
