/* A recipient at a relay: challenge, retrieval, tokens. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "mesh/box.h"
#include "mesh/retrieval.h"
#include "mesh/token.h"
#include "node/relay_step.h"

#define ANSWER_BYTES (900u << 10)
#define ANSWER_PACKETS 200
#define ANSWER_REST 512 /* what an answer has beside its packets, and more */

int relay_on_challenge(struct relay_call *c)
{
	uint8_t challenge[CHALLENGE_BYTES];

	challenge_make(challenge, c->r->secret, c->now);
	return challenge_write(&c->out, challenge, c->now);
}

struct page {
	json_t *packets;
	size_t bytes, most;
	int64_t last;
	bool more;
};

static int add_packet(void *ctx, int64_t row, const void *text, size_t len)
{
	struct page *p = ctx;
	json_t *o;
	int rc;

	if (json_array_size(p->packets) == ANSWER_PACKETS ||
	    (p->bytes > 0 && p->bytes + len > p->most)) {
		p->more = true;
		return 1;
	}
	if ((rc = json_read(&o, text, len)) != 0)
		return rc;
	if (json_array_append_new(p->packets, o) != 0)
		return err_set(MP_ENOMEM, "out of memory");
	p->bytes += len;
	p->last = row;
	return 0;
}

/* The answer has the next challenge, so that a further page costs one request. */
static int answer(struct relay_call *c, const struct page *p)
{
	uint8_t challenge[CHALLENGE_BYTES];
	json_t *o = json_object();
	int rc;

	challenge_make(challenge, c->r->secret, c->now);
	if ((rc = field_set_text(o, "type", "messages")) == 0 &&
	    (rc = field_set(o, "packets", json_incref(p->packets))) == 0 &&
	    (rc = field_set_int(o, "cursor", p->last)) == 0 &&
	    (rc = field_set(o, "more", json_boolean(p->more))) == 0)
		rc = field_set_bytes(o, "challenge", challenge, CHALLENGE_BYTES);
	if (rc != 0)
		json_decref(o);
	else
		c->out = o;
	return rc;
}

/* His box and device are known from now on. */
static int register_poll(struct relay_call *c, const struct retrieval *q, const uint8_t box[32])
{
	const struct relay_config *cfg = &c->r->cfg;
	struct relay_box b;
	int rc;

	if ((rc = relay_begin(c->r->s)) != 0)
		return rc;
	if ((rc = relay_answered(c->r->s, q->challenge, CHALLENGE_BYTES, c->now)) == MP_EEXIST)
		rc = err_set(MP_EBAD, "this challenge was answered before");
	if (rc == 0 &&
	    (rc = relay_box_poll(c->r->s, &b, box, q->device, c->now, cfg->device_silent,
	         cfg->box_devices, cfg->box_count)) == 1 &&
	    (rc = relay_has_room(c->r, SHARE_BOX)) == 0)
		rc = relay_box_adopt(c->r->s, box, cfg->box_quota / BOX_OPEN_SHARE);
	return relay_end(c->r->s, rc);
}

int relay_on_messages(struct relay_call *c)
{
	struct page page = {.packets = json_array()};
	struct retrieval q;
	uint8_t box[32];
	int rc;

	if ((rc = retrieval_read(&q, c->in)) != 0 ||
	    (rc = challenge_check(q.challenge, c->r->secret, c->now)) != 0 ||
	    (rc = retrieval_verify(&q, c->r->id->key)) != 0)
		goto out;
	packet_box(box, q.key);
	page.last = q.cursor;
	page.most = ANSWER_BYTES;
	if (q.size > 0)
		page.most = q.size > ANSWER_REST ? (size_t)q.size - ANSWER_REST : 1;
	c->size = (size_t)q.size;
	if ((rc = register_poll(c, &q, box)) == 0 &&
	    (rc = relay_box_each(c->r->s, box, q.cursor, add_packet, &page)) == 0)
		rc = answer(c, &page);
	if (rc == MP_ELIMIT) {
		c->status = 429;
		c->retry_after = 3600;
	}
	c->proven = rc == 0;
out:
	json_decref(page.packets);
	return rc;
}

static int add_tokens(struct relay *r, const struct tokens *t)
{
	uint8_t box[32], handle[TOKEN_HANDLE];
	struct relay_box b;
	int rc;

	packet_box(box, t->key);
	if ((rc = relay_box_get(r->s, &b, box)) != 0)
		return rc == MP_ENONE ? err_set(MP_EBAD, "nobody of that name polls here") : rc;
	if ((rc = relay_has_room(r, SHARE_BOX)) != 0)
		return rc;
	for (size_t i = 0; i < t->n && rc == 0; i++) {
		token_handle(handle, t->token[i]);
		rc = relay_token_add(r->s, b.row, handle, t->token[i], t->day, r->cfg.box_tokens);
	}
	return rc;
}

int relay_on_tokens(struct relay_call *c)
{
	int64_t today = c->now / MP_DAY;
	struct tokens t;
	int rc;

	if ((rc = tokens_read(&t, c->in)) != 0)
		return rc;
	if (memcmp(t.server, c->r->id->key, ONION_KEY) != 0 || t.day < today - 1 ||
	    t.day > today + TOKEN_DAYS)
		return err_set(MP_EBAD, "tokens for another server or another time");
	if ((rc = relay_begin(c->r->s)) != 0)
		return rc;
	rc = relay_end(c->r->s, add_tokens(c->r, &t));
	if (rc == MP_ELIMIT) {
		c->status = 429;
		c->retry_after = 86400;
	}
	c->proven = rc == 0;
	return rc;
}
