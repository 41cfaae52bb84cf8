/* What a relay takes: packets, from clients and peers, and acknowledgements. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "mesh/box.h"
#include "mesh/flood.h"
#include "mesh/token.h"
#include "node/relay_step.h"

#define COPIES 100 /* of one packet, by their tokens, that one acknowledgement is looked up for */

/* The token of the packet's mark: 0, or MP_ENONE. */
static int find_token(
    struct relay *r, const struct relay_box *b, const struct packet *p, int64_t now)
{
	uint8_t token[TOKEN_KEY];
	int rc = p->has_token ? 0 : MP_ENONE;

	if (rc == 0)
		rc = relay_token_get(r->s, b->row, p->token, now / MP_DAY - TOKEN_DAYS,
		    now / MP_DAY + 1, token); /* clocks run apart */
	if (rc == 0 && token_check(p->token, token, p->id) != 0)
		rc = MP_ENONE;
	return rc;
}

/* Into its recipient's box, if he polls here. */
static int put_in_box(struct relay *r, struct relay_copy *copy, struct relay_packet *p)
{
	struct relay_box b;
	struct box_state state;
	int rc = relay_box_get(r->s, &b, p->box);

	if (rc != 0)
		return rc == MP_ENONE ? 0 : rc;
	if ((rc = find_token(r, &b, copy->p, copy->now)) != 0 && rc != MP_ENONE)
		return rc;
	p->token = rc == 0;
	state = (struct box_state){.quota = r->cfg.box_quota, .used = b.used, .open = b.open};
	if (box_admit(&state, p->size, p->token) == BOX_FULL) {
		copy->box_full = true;
		return 0;
	}
	if (p->token && (rc = relay_token_use(r->s, b.row, copy->p->token)) != 0)
		return rc;
	p->boxed = true;
	return relay_box_put(r->s, &b, p);
}

int relay_has_room(struct relay *r, enum relay_share share)
{
	int64_t used;
	int rc = relay_bytes(r->s, &used);

	if (rc == 0 && used > r->cfg.store_max / 4 * (int64_t)share)
		rc = err_set(MP_EBUSY, "relay.db is as large as it may be");
	return rc;
}

/* MP_EBUSY: not so many, not so much. */
static int check_limits(struct relay *r, const struct relay_copy *copy)
{
	int64_t most = copy->from != NULL ? r->cfg.peer_rate : r->cfg.client_rate, n;
	int rc;

	if ((rc = relay_meter(
	         r->s, copy->from != NULL ? copy->from->row : 0, copy->now / MP_MINUTE, &n)) != 0)
		return rc;
	if (n > most)
		return err_set(MP_EBUSY, "more packets a minute than are taken");
	return relay_has_room(r, copy->from != NULL ? SHARE_MESH : SHARE_CLIENT);
}

static int store_copy(struct relay *r, struct relay_copy *copy, struct relay_packet *p, bool known)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	json_t *o = NULL;
	int rc;

	if ((rc = packet_write(&o, copy->p)) != 0 || (rc = json_write(&text, o)) != 0)
		goto out;
	if ((int64_t)text.len > r->cfg.packet_max) {
		rc = err_set(MP_ELIMIT, "a packet larger than packet.max");
		goto out;
	}
	p->size = (int64_t)text.len;
	rc = known ? relay_packet_again(r->s, p, text.data, text.len)
	           : relay_packet_add(r->s, p, text.data, text.len);
	if (rc == 0 && !p->boxed)
		rc = put_in_box(r, copy, p);
	if (rc == 0 && copy->hops > 0)
		rc = relay_flood_packet(r->s, p->row, copy->hops - 1, copy->attempt,
		    copy->from != NULL ? copy->from->row : 0, copy->now);
out:
	json_decref(o);
	buf_free(&text);
	return rc;
}

/* A copy that we know; else nothing is set, and .acked when the recipient has another one. */
static int look_up(
    struct relay *r, const struct relay_copy *copy, struct relay_packet *p, bool *known)
{
	uint8_t whole[PACKET_ID];
	int rc;

	packet_whole(whole, copy->p);
	rc = relay_packet_get(r->s, p, whole);
	*known = rc == 0;
	if (rc == MP_ENONE) {
		*p = (struct relay_packet){.row = 0};
		memcpy(p->hash, whole, PACKET_ID);
		memcpy(p->name, copy->p->id, PACKET_ID);
		rc = relay_packet_acked(r->s, copy->p->id);
		p->acked = rc == 1;
	}
	return rc < 0 ? rc : 0;
}

int relay_take(struct relay *r, struct relay_copy *copy, enum result *result)
{
	struct relay_packet p;
	struct flood_seen seen = {.known = false};
	bool known;
	int rc = look_up(r, copy, &p, &known);

	if (rc != 0)
		return rc;
	/* What comes again after its time is new: else it would be taken and forgotten. */
	if (known && !p.acked && p.since < copy->now - r->cfg.packet_keep) {
		p.since = copy->now;
		p.attempt = p.hops = 0;
		p.again = 0;
	} else if (known || p.acked) {
		seen = (struct flood_seen){.known = true,
		    .acked = p.acked,
		    .hops = p.hops,
		    .attempt = p.attempt,
		    .since = p.since};
	}
	/* A client knows of no attempts. */
	if (known && copy->from == NULL)
		copy->attempt = p.attempt;
	if (flood_judge(&seen, copy->hops, copy->attempt, r->cfg.again_first, copy->now) ==
	    FLOOD_DROP) {
		*result = RESULT_SEEN;
		return 0;
	}
	if ((rc = check_limits(r, copy)) != 0) {
		*result = RESULT_FULL;
		return rc == MP_EBUSY ? 0 : rc;
	}
	packet_box(p.box, copy->p->recipient);
	p.hops = copy->hops;
	p.attempt = flood_believe(&seen, copy->attempt, r->cfg.again_first, copy->now);
	if (!known)
		p.since = copy->now;
	/* Whoever posts it here wants it kept here, though it came by the mesh before. */
	if (copy->from == NULL && p.again == 0)
		p.again = p.since + flood_due(p.attempt + 1, r->cfg.again_first);
	rc = store_copy(r, copy, &p, known);
	*result = rc == MP_ELIMIT ? RESULT_REFUSED : RESULT_TAKEN;
	return rc == MP_ELIMIT ? 0 : rc;
}

static int take_one(struct relay_call *c, const struct packet *p)
{
	struct relay_copy copy = {.p = p, .hops = MESH_HOPS, .now = c->now};
	enum result result = RESULT_REFUSED;
	int rc;

	if ((rc = relay_begin(c->r->s)) != 0)
		return rc;
	rc = relay_take(c->r, &copy, &result);
	/* Whoever posts to the relay where the recipient polls learns at once that there is no
	 * room. */
	if (rc == 0 && copy.box_full)
		rc = MP_ELIMIT;
	if ((rc = relay_end(c->r->s, rc)) != 0 && !copy.box_full)
		return rc;
	if (copy.box_full) {
		c->status = 507;
		c->retry_after = 3600;
		return err_set(MP_EBUSY, "the recipient's box is full");
	}
	if (result == RESULT_FULL) {
		c->status = 429;
		c->retry_after = 60;
	} else if (result == RESULT_REFUSED) {
		c->status = 413;
	} else {
		c->proven = true;
		if (result == RESULT_TAKEN)
			relay_wake();
	}
	return 0;
}

int relay_on_packet(struct relay_call *c)
{
	struct packet p;
	int rc;

	packet_init(&p);
	if ((rc = packet_read(&p, c->in)) == 0)
		rc = take_one(c, &p);
	packet_free(&p);
	return rc;
}

static int ack_one(struct relay *r, const struct ack *a, const uint8_t box[static 32],
    const uint8_t id[static PACKET_ID], bool *fresh)
{
	struct relay_packet p;
	int rc;

	for (int n = 0; n < COPIES; n++) {
		if ((rc = relay_packet_named(r->s, &p, id, a->device)) != 0)
			return rc == MP_ENONE ? 0 : rc;
		/* Only the recipient himself. */
		if (memcmp(p.box, box, 32) != 0)
			return 0;
		if ((rc = relay_box_ack(r->s, &p, a->device, r->cfg.box_devices)) <= 0)
			return rc;
		*fresh = true;
	}
	return 0;
}

static int pass_on(struct relay *r, const json_t *o, int64_t source, int64_t now)
{
	struct buf text = BUF_INIT(MESH_BODY_MAX);
	json_t *copy = NULL;
	int rc;

	if ((rc = signed_copy(&copy, o)) == 0 && (rc = json_write(&text, copy)) == 0)
		rc = relay_flood_text(r->s, RELAY_ACK, text.data, text.len, source, now);
	json_decref(copy);
	buf_free(&text);
	return rc;
}

/* It makes room, so it is heeded however full we are; then it goes no further. */
int relay_take_ack(
    struct relay *r, const struct ack *a, const json_t *o, int64_t source, int64_t now, bool *fresh)
{
	uint8_t box[32];
	bool any = false;
	int rc = 0;

	packet_box(box, a->key);
	for (size_t i = 0; i < a->n && rc == 0; i++)
		rc = ack_one(r, a, box, a->id[i], &any);
	if (rc == 0 && any && (rc = relay_has_room(r, SHARE_MESH)) == 0)
		rc = pass_on(r, o, source, now);
	*fresh = *fresh || any;
	return rc == MP_EBUSY ? 0 : rc;
}

int relay_on_ack(struct relay_call *c)
{
	bool fresh = false;
	struct ack a;
	int rc;

	if ((rc = ack_read(&a, c->in)) != 0 || (rc = relay_begin(c->r->s)) != 0)
		return rc;
	rc = relay_end(c->r->s, relay_take_ack(c->r, &a, c->in, 0, c->now, &fresh));
	c->proven = rc == 0 && fresh;
	if (c->proven)
		relay_wake();
	return rc;
}
