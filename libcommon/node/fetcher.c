#include "node/fetcher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "mesh/letter.h"
#include "mesh/servers.h"
#include "node/meshcall.h"
#include "node/relays.h"
#include "node/visit.h"
#include "store/receipt.h"

#define TRIES 8           /* relays in one call */
#define PAGES 200         /* of one relay in one call: whatever it makes up, we come to an end */
#define SLOT_REQUEST 2048 /* bytes of one with a body, in a slot */
#define LOAD_AGE MP_DAY
#define LOADS 4 /* asked for in one call */

int visit_wrong(struct visit *t, const char *why)
{
	t->wrong = true;
	snprintf(t->why, sizeof(t->why), "%s", why);
	return err_set(MP_EBAD, "%s", why);
}

int visit_call(struct visit *t, const char *method, const char *path, const struct buf *body,
    int want, json_t **o)
{
	struct meshanswer a;
	int rc = meshcall(t->f->client, t->v.onion, t->v.isolation, method, path, body, &a);

	*o = NULL;
	if (rc != 0)
		return rc;
	if (a.status == want && !a.wrong) {
		*o = a.o;
		return 0;
	}
	json_decref(a.o);
	if (a.wrong || a.status == 200 || a.status == 204)
		return visit_wrong(
		    t, a.status == 200 || a.reason[0] == '\0' ? "a wrong answer" : a.reason);
	snprintf(t->why, sizeof(t->why), "%s", a.reason);
	return err_set(MP_ETEMP, "%s", a.reason);
}

static int challenge(struct visit *t)
{
	json_t *o;
	int rc = visit_call(t, "GET", "/challenge", NULL, 200, &o);

	if (rc == 0 && challenge_read(t->challenge, o) != 0)
		rc = visit_wrong(t, "no challenge");
	t->at = clock_now();
	json_decref(o);
	return rc;
}

static int fit(const struct visit *t, struct buf *body)
{
	return t->f->o->slot ? json_pad(body, SLOT_REQUEST) : 0;
}

static int ask(struct visit *t, json_t **o)
{
	struct buf body = BUF_INIT(MESH_BODY_MAX);
	struct retrieval q = {.time = clock_now(), .cursor = t->cursor};
	json_t *proof = NULL;
	int rc;

	*o = NULL;
	memcpy(q.challenge, t->challenge, CHALLENGE_BYTES);
	memcpy(q.device, t->f->me->self.device, MESH_DEVICE);
	if (t->f->o->slot)
		q.size = RETRIEVAL_SIZE;
	if ((rc = retrieval_write(&proof, &q, t->f->me->signing, t->v.onion)) == 0 &&
	    (rc = json_write(&body, proof)) == 0 && (rc = fit(t, &body)) == 0)
		rc = visit_call(t, "GET", "/messages", &body, 200, o);
	json_decref(proof);
	buf_free(&body);
	return rc;
}

/* 1: it is in the store or will never be, 0: it must come once more. */
static int take_envelope(struct fetcher *f)
{
	struct received got;
	int rc = receiver_take(f->receiver, f->envelope.data, f->envelope.len, VIA_HAND, &got);
	bool kept = got.status == RECEIVED_TAKEN || got.status == RECEIVED_REPLY;

	buf_free(&got.reply);
	if (got.status == RECEIVED_QUOTA || got.status == RECEIVED_LATER) {
		f->out->later++;
		return rc == MP_EBUSY || rc == MP_EFULL || rc == 0 ? 0 : rc;
	}
	if (rc != 0 || !kept)
		return rc != 0 ? rc : 1;
	if (!got.repeated)
		f->out->news++;
	if (got.type == WIRE_MESSAGE || got.type == WIRE_CONTACT_UPDATE)
		rc = receipt_add(f->s, got.contact, got.id);
	return rc != 0 ? rc : 1;
}

/* What does not open is nobody's: anybody can post a packet to our key.  What is empty is a fake,
 * our own as a rule. */
static int open_packet(struct fetcher *f, const struct packet *p)
{
	struct letter letter;
	bool fake;
	int rc;

	letter_init(&letter);
	buf_clear(&f->envelope);
	rc = letter_open(&letter, p, f->me->opening);
	fake = rc == 0 && letter.content.len == 0;
	if (rc == 0)
		rc = base64_decode(
		    &f->envelope, (const char *)letter.content.data, letter.content.len);
	letter_free(&letter);
	if (fake || rc == MP_EBAD || rc == MP_ELIMIT)
		return 1;
	return rc != 0 ? rc : take_envelope(f);
}

static int take_packet(struct visit *t, const json_t *o)
{
	struct packet p;
	int rc;

	packet_init(&p);
	if (packet_read(&p, o) != 0)
		rc = visit_wrong(t, "what is no packet");
	else if (memcmp(p.recipient, t->f->me->self.address, RSA_DER) != 0)
		rc = visit_wrong(t, "somebody else's packet");
	else if ((rc = open_packet(t->f, &p)) == 1)
		memcpy(t->ack.id[t->ack.n++], p.id, PACKET_ID);
	else if (rc == 0)
		t->held = true;
	packet_free(&p);
	return rc < 0 ? rc : 0;
}

static int acknowledge(struct visit *t)
{
	struct buf body = BUF_INIT(MESH_BODY_MAX);
	json_t *o = NULL;
	int rc;

	/* Of a packet that nobody knows: relays do not look at it further. */
	if (t->f->o->slot && t->ack.n == 0)
		randombytes_buf(t->ack.id[t->ack.n++], PACKET_ID);
	if (t->ack.n == 0)
		return 0;
	memcpy(t->ack.device, t->f->me->self.device, MESH_DEVICE);
	if ((rc = ack_write(&body, &t->ack, t->f->me->signing, clock_now())) == 0 &&
	    (rc = fit(t, &body)) == 0)
		rc = visit_call(t, "POST", "/acks", &body, 204, &o);
	json_decref(o);
	buf_free(&body);
	return rc;
}

/* The members of an answer beside the packets. */
static int read_page(struct visit *t, const json_t *o, const json_t **packets)
{
	const json_t *more = json_object_get(o, "more");
	int64_t cursor;

	*packets = json_object_get(o, "packets");
	if (field_type(o, "messages") != 0 || !json_is_array(*packets) || !json_is_boolean(more) ||
	    json_array_size(*packets) > ACK_MAX ||
	    json_int(o, "cursor", t->cursor, (INT64_C(1) << 53) - 1, &cursor) != 0 ||
	    field_bytes(o, "challenge", t->challenge, CHALLENGE_BYTES) != 0)
		return visit_wrong(t, "a wrong page");
	/* Else it could keep us for ever with nothing. */
	if ((cursor > t->cursor) != (json_array_size(*packets) > 0) ||
	    (json_is_true(more) && cursor == t->cursor))
		return visit_wrong(t, "a page that leads nowhere");
	t->cursor = cursor;
	t->more = json_is_true(more);
	t->at = clock_now();
	return 0;
}

/* The cursor moves on once what is below it was acknowledged, so that nothing is passed over. */
static int page(struct visit *t)
{
	const json_t *packets;
	json_t *o;
	int rc = ask(t, &o);

	t->ack.n = 0;
	if (rc == 0 && (rc = read_page(t, o, &packets)) == 0)
		for (size_t i = 0; rc == 0 && i < json_array_size(packets); i++)
			rc = take_packet(t, json_array_get(packets, i));
	json_decref(o);
	if (rc == 0 && (rc = acknowledge(t)) == 0 && !t->held) {
		t->v.cursor = t->cursor;
		rc = meshserver_set_cursor(t->f->s, &t->v);
	}
	return rc;
}

static int make_visit(struct visit *t)
{
	int rc;

	t->cursor = t->v.cursor;
	t->more = true;
	if ((rc = challenge(t)) != 0)
		return rc;
	for (int i = 0; rc == 0 && t->more && i < (t->f->o->slot ? 1 : PAGES); i++) {
		/* A page can take us long, or somebody sends us to sleep. */
		if (clock_now() - t->at > CHALLENGE_TIME / 2 && (rc = challenge(t)) != 0)
			break;
		rc = page(t);
	}
	return rc != 0 ? rc : visit_tokens(t);
}

static void tell(const struct visit *t, void (*say)(void *ctx, const char *line), const char *what)
{
	char name[ONION_TEXT], line[400];

	onion_encode(name, t->v.onion);
	snprintf(line, sizeof(line), "%s: %s%s%s", name, what, t->why[0] ? ": " : "", t->why);
	say(t->f->o->ctx, line);
}

static int today_keys(struct fetcher *f)
{
	struct meshself self;
	int rc = meshself_get(f->s, &self);

	if (rc != 0 || memcmp(self.address, f->me->self.address, RSA_DER) == 0)
		return rc;
	mailbox_free(f->me);
	return mailbox_open(&f->me, f->s);
}

/*
 * The relay and our keys at one moment: new ones, which may have come from another device by the
 * last relay, must not be seen on a circuit of the old ones. MP_ENONE: it was chosen for those.
 */
static int settle(struct fetcher *f, struct meshserver *v)
{
	struct meshserver now;
	int rc = store_begin(f->s);

	if (rc != 0)
		return rc;
	if ((rc = meshserver_get(f->s, &now, v->onion)) == 0 &&
	    memcmp(now.isolation, v->isolation, sizeof(v->isolation)) != 0)
		rc = err_set(MP_ENONE, "it was chosen for other keys");
	if (rc == 0)
		rc = today_keys(f);
	store_rollback(f->s);
	if (rc == 0)
		*v = now;
	return rc;
}

/* It went as it goes with relays; MP_E* is our own trouble. */
static int go(struct fetcher *f, const struct meshserver *v)
{
	struct visit *t = calloc(1, sizeof(*t));
	enum relay_said said = SAID_RIGHT;
	int rc;

	if (t == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	t->f = f;
	t->v = *v;
	if ((rc = settle(f, &t->v)) != 0) {
		free(t);
		return rc == MP_ENONE ? 0 : rc;
	}
	rc = make_visit(t);
	if (t->wrong)
		said = SAID_WRONG;
	else if (rc == MP_ETEMP)
		said = SAID_NOTHING;
	if (rc == 0 || t->wrong || rc == MP_ETEMP)
		rc = relays_judge(f->s, &t->v, said, f->now);
	if (said == SAID_RIGHT && rc == 0)
		f->out->relays++;
	if (said == SAID_WRONG)
		tell(t, f->o->problem,
		    relays_out(&t->v) ? "answers wrongly, and is asked no more"
		                      : "answers wrongly");
	else if (said == SAID_NOTHING && f->o->away != NULL)
		tell(t, f->o->away, "no answer");
	free(t);
	return rc;
}

/* Those who have the role; then others, until enough have answered. */
static int go_round(struct fetcher *f)
{
	int64_t tried[TRIES + 1];
	struct meshserver v = {.row = 0};
	size_t n = 0;
	bool few = false;
	int rc = 0;

	while (n < TRIES && (rc = relays_next(f->s, ROLE_FETCH, v.row, f->now, &v)) == 0) {
		tried[n++] = v.row;
		if ((rc = go(f, &v)) != 0)
			return rc;
	}
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	while (n < TRIES && (rc = relays_few(f->s, f->now, &few)) == 0 &&
	       (few || f->out->relays < RELAYS_FETCH)) {
		if ((rc = relays_pick(f->s, ROLE_FETCH, tried, n, f->now, &v)) != 0)
			break;
		tried[n++] = v.row;
		if ((rc = go(f, &v)) != 0)
			return rc;
	}
	return rc == MP_ENONE && n > 0 ? 0 : rc;
}

/* One of those who have the role, or another as long as they are few. */
static int go_slot(struct fetcher *f)
{
	int64_t has[TRIES];
	struct meshserver v = {.row = 0};
	size_t n = 0;
	bool few = false;
	int rc = relays_few(f->s, f->now, &few);

	while (rc == 0 && few && n < TRIES &&
	       (rc = relays_next(f->s, ROLE_FETCH, v.row, f->now, &v)) == 0)
		has[n++] = v.row;
	if (rc == 0 || rc == MP_ENONE)
		rc = relays_pick(f->s, ROLE_FETCH, has, n, f->now, &v);
	if (rc == MP_ENONE && n > 0)
		rc = relays_pick(f->s, ROLE_FETCH, NULL, 0, f->now, &v);
	return rc != 0 ? rc : go(f, &v);
}

static int ask_load(struct fetcher *f, struct meshserver *v)
{
	struct meshanswer a;
	int64_t load;
	int rc = meshcall(f->client, v->onion, v->isolation, "GET", "/load", NULL, &a);

	if (rc != 0)
		return rc;
	v->asked = f->now;
	v->load = a.o != NULL && load_read(&load, a.o) == 0 ? load : -1;
	json_decref(a.o);
	return meshserver_set_load(f->s, v);
}

/* Some of those that may be chosen next: when that is, nobody is asked any more. */
static int ask_loads(struct fetcher *f)
{
	struct meshserver v = {.row = 0};
	int n = 0, rc;

	while (n < LOADS && (rc = meshserver_next(f->s, &v, v.row)) == 0) {
		if (v.role != ROLE_NONE || v.asked > f->now - LOAD_AGE || relays_out(&v))
			continue;
		n++;
		if ((rc = ask_load(f, &v)) != 0)
			return rc;
	}
	return 0;
}

int fetcher_run(
    struct fetched *out, struct store *s, const struct config *cfg, const struct fetcher_options *o)
{
	struct fetcher f = {
	    .s = s, .o = o, .out = out, .envelope = BUF_INIT(ENVELOPE_MAX), .now = clock_now()};
	int rc;

	memset(out, 0, sizeof(*out));
	if ((rc = mailbox_open(&f.me, s)) == 0 && (rc = receiver_new(&f.receiver, s, cfg)) == 0 &&
	    (rc = meshcall_client(&f.client, o->timeout)) == 0 && (rc = ask_loads(&f)) == 0 &&
	    (rc = o->slot ? go_slot(&f) : go_round(&f)) == MP_ENONE)
		rc = relays_nobody(s, f.now);
	if (rc == 0 && out->relays == 0)
		rc = err_set(MP_ETEMP, "no relay answers");
	client_free(f.client);
	receiver_free(f.receiver);
	mailbox_free(f.me);
	buf_free(&f.envelope);
	return rc;
}
