#include "node/courier.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "mesh/letter.h"
#include "mesh/token.h"
#include "node/meshcall.h"
#include "node/relays.h"
#include "store/device.h"
#include "store/letterbox.h"
#include "wire/wire.h"

#define OWN_FILE "run/cover.token" /* a day, and its next number of our own tokens */

struct carry {
	struct carry *next;
	void *tag;
	int64_t contact;
	struct buf body;
	struct meshserver server; /* that it is with */
	int64_t tried[COURIER_TRIES];
	size_t ntried;
	char code[16], reason[160];
};

struct courier {
	struct store *s;
	struct client *client;
	struct mailbox *me;
	struct carry *carries;
	bool apart;
};

/* Who gets a letter. */
struct addressee {
	const uint8_t *address, *encryption, *secret;
	int64_t day, token;
};

bool courier_carries(const char *kind)
{
	static const enum wire_type types[] = {
	    WIRE_MESSAGE, WIRE_CONTACT_UPDATE, WIRE_RECEIPT, WIRE_DEVICE_SYNC};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(kind, wire_type_name(types[i])) == 0)
			return true;
	return false;
}

int courier_new(struct courier **out, struct store *s, struct client *c)
{
	struct courier *k = calloc(1, sizeof(*k));
	int rc;

	*out = NULL;
	if (k == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	k->s = s;
	k->client = c;
	if ((rc = mailbox_open(&k->me, s)) != 0)
		free(k);
	else
		*out = k;
	return rc;
}

static void carry_free(struct courier *k, struct carry *c)
{
	struct carry **at = &k->carries;

	while (*at != NULL && *at != c)
		at = &(*at)->next;
	if (*at == c)
		*at = c->next;
	buf_free(&c->body);
	free(c);
}

void courier_free(struct courier *k)
{
	if (k == NULL)
		return;
	while (k->carries != NULL) {
		client_cancel(k->client, k->carries);
		carry_free(k, k->carries);
	}
	mailbox_free(k->me);
	free(k);
}

void courier_cancel(struct courier *k, void *tag)
{
	for (struct carry *c = k->carries; c != NULL; c = c->next)
		if (c->tag == tag) {
			client_cancel(k->client, c);
			carry_free(k, c);
			return;
		}
}

void courier_apart(struct courier *k)
{
	k->apart = true;
}

int courier_reaches(struct courier *k, int64_t contact)
{
	struct meshserver v;
	struct letterbox b;
	bool address;
	int rc = letterbox_get(k->s, &b, contact);

	address = rc == 0 && b.has_theirs;
	secret_wipe(&b, sizeof(b));
	if (address)
		rc = meshserver_next(k->s, &v, 0);
	return rc == MP_ENONE ? 0 : rc != 0 ? rc : address;
}

/* Devices of one person share tokens: even ones for the first, odd ones for others.  Of each `step`
 * ours is that in place `part`. */
static int share_tokens(struct courier *k, int64_t *step, int64_t *part)
{
	int second = device_is_second(k->s);
	int first = second == 0 ? device_has_seconds(k->s) : 0;

	*step = second == 1 || first == 1 ? 2 : 1;
	*part = second == 1;
	return second < 0 ? second : first < 0 ? first : 0;
}

static int next_token(struct courier *k, int64_t contact, int64_t day, int64_t *i)
{
	int64_t step, part;
	int rc = share_tokens(k, &step, &part);

	if (rc == 0 && (rc = letterbox_token(k->s, contact, day, i)) == 0)
		*i = step * *i + part;
	return rc;
}

/* Tokens are his relays' to count: one that they do not know is as good as none. */
static void mark(const struct addressee *a, struct packet *p)
{
	uint8_t token[TOKEN_KEY];

	token_derive(token, a->secret, (uint32_t)a->day, (uint32_t)a->token);
	token_mark(p->token, token, p->id);
	p->has_token = true;
	secret_wipe(token, sizeof(token));
}

static int write_packet(struct courier *k, const struct addressee *a, int64_t now,
    const void *envelope, size_t len, struct buf *out)
{
	struct letter letter;
	struct packet p;
	json_t *o = NULL;
	int rc;

	packet_init(&p);
	letter_init(&letter);
	randombytes_buf(letter.uuid, sizeof(letter.uuid));
	letter.time = now;
	if ((rc = base64_encode(&letter.content, envelope, len)) == 0 &&
	    (rc = letter_seal(&p, a->address, a->encryption, k->me->signing, &letter)) == 0) {
		mark(a, &p);
		if ((rc = packet_write(&o, &p)) == 0)
			rc = json_write(out, o);
	}
	json_decref(o);
	letter_free(&letter);
	packet_free(&p);
	return rc;
}

/* One for each contact: a relay cannot tell that letters to two of them are from one sender. */
static void isolate(uint8_t out[static 16], const struct courier *k, const struct carry *c)
{
	if (k->apart)
		randombytes_buf(out, 16);
	else
		crypto_generichash(out, 16, (const uint8_t *)&c->contact, sizeof(c->contact),
		    c->server.isolation, sizeof(c->server.isolation));
}

/* To the next relay. MP_ENONE: there is none. */
static int post(struct courier *k, struct carry *c)
{
	uint8_t isolation[16];
	int rc;

	if (c->ntried == COURIER_TRIES)
		return err_set(MP_ENONE, "no relay takes it");
	rc = relays_pick(k->s, ROLE_POST, c->tried, c->ntried, clock_now(), &c->server);
	if (rc != 0)
		return rc;
	c->tried[c->ntried++] = c->server.row;
	isolate(isolation, k, c);
	return client_request(k->client, c->server.onion, isolation, "POST", "/packets",
	    c->body.data, c->body.len, k->apart, c);
}

static int start(struct courier *k, int64_t contact, const struct addressee *a,
    const void *envelope, size_t len, void *tag)
{
	struct carry *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	c->tag = tag;
	c->contact = contact;
	c->body = (struct buf)BUF_INIT(MESH_BODY_MAX);
	c->next = k->carries;
	k->carries = c;
	if ((rc = write_packet(k, a, clock_now(), envelope, len, &c->body)) == 0)
		rc = post(k, c);
	if (rc != 0)
		carry_free(k, c);
	return rc;
}

int courier_start(struct courier *k, int64_t contact, const void *envelope, size_t len, void *tag)
{
	struct letterbox b;
	struct addressee a = {.day = clock_now() / MP_DAY};
	int rc = letterbox_get(k->s, &b, contact);

	if (rc == 0 && !b.has_theirs)
		rc = err_set(MP_ENONE, "no address in the mesh is known");
	if (rc != 0)
		return rc;
	a.address = b.address;
	a.encryption = b.encryption;
	a.secret = b.theirs;
	if ((rc = next_token(k, contact, a.day, &a.token)) == 0)
		rc = start(k, contact, &a, envelope, len, tag);
	secret_wipe(&b, sizeof(b));
	return rc;
}

/* A number is on disk before its token is used: a second packet with it would be seen to be a fake.
 */
static int own_keep(int64_t day, int64_t next)
{
	char text[48];
	int n = snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 "\n", day, next);

	return file_write(home_file(OWN_FILE), text, (size_t)n, 0600, true);
}

static int own_kept(int64_t *day, int64_t *next)
{
	struct buf b = BUF_INIT(100);
	int rc = file_read(home_file(OWN_FILE), &b);

	*day = *next = 0;
	if (rc == 0 && (rc = buf_terminate(&b)) == 0 &&
	    sscanf((const char *)b.data, "%" SCNd64 " %" SCNd64, day, next) != 2)
		*day = 0;
	buf_free(&b);
	return rc == MP_ENONE ? 0 : rc;
}

/* The number of our next token of that day. */
static int own_token(struct courier *k, int64_t today, int64_t *i)
{
	int64_t step, part, day, next;
	int rc = share_tokens(k, &step, &part);

	if (rc != 0 || (rc = own_kept(&day, &next)) != 0)
		return rc;
	if (day != today || next < 0)
		next = 0;
	*i = step * next + part;
	return own_keep(today, next + 1);
}

int courier_fake(struct courier *k, void *tag)
{
	struct addressee a = {.address = k->me->self.address,
	    .encryption = k->me->self.encryption,
	    .secret = k->me->own,
	    .day = clock_now() / MP_DAY};
	int rc = own_token(k, a.day, &a.token);

	return rc != 0 ? rc : start(k, 0, &a, "", 0, tag);
}

/* What is as it should be is not written down. */
static int judge(struct courier *k, struct carry *c, enum relay_said said)
{
	int rc = meshserver_get(k->s, &c->server, c->server.onion);

	if (rc == 0 && (said != SAID_RIGHT || c->server.fails > 0 || c->server.wrong > 0))
		rc = relays_judge(k->s, &c->server, said, clock_now());
	return rc == MP_ENONE ? 0 : rc;
}

static int ended(struct courier *k, struct carry *c, bool taken, struct courier_end *end)
{
	*end = (struct courier_end){.tag = c->tag, .taken = taken};
	memcpy(end->code, c->code, sizeof(end->code));
	memcpy(end->reason, c->reason, sizeof(end->reason));
	carry_free(k, c);
	return 1;
}

/* Whether a relay can know that there is no room for him: he fetches there, as far as we know. */
static int knows_box(struct courier *k, const struct carry *c, bool *knows)
{
	struct letterbox b;
	int rc = letterbox_get(k->s, &b, c->contact);

	*knows = false;
	for (size_t i = 0; rc == 0 && i < b.n; i++)
		*knows = *knows || memcmp(b.relay[i], c->server.onion, ONION_KEY) == 0;
	secret_wipe(&b, sizeof(b));
	return rc == MP_ENONE ? 0 : rc;
}

int courier_result(struct courier *k, struct post_result *r, struct courier_end *end)
{
	enum relay_said said = SAID_RIGHT;
	struct carry *c = k->carries;
	bool full = false;
	int rc;

	while (c != NULL && c != r->tag)
		c = c->next;
	if (c == NULL)
		return COURIER_OTHER;
	if (meshcall_wrong(r->status, r->code) || r->status == 200)
		said = SAID_WRONG;
	else if (r->status == 0 || r->status == 429 || r->status == 503)
		said = SAID_NOTHING;
	memcpy(c->code, r->code, sizeof(c->code));
	snprintf(c->reason, sizeof(c->reason), "%s", r->reason);
	buf_free(&r->reply);
	if ((rc = judge(k, c, said)) != 0)
		return rc;
	if (r->status == 204)
		return ended(k, c, true, end);
	/* Another relay would take it in vain; but who cannot know may only want to keep it. */
	if (r->status == 507 && (rc = knows_box(k, c, &full)) != 0)
		return rc;
	if (full)
		return ended(k, c, false, end);
	rc = post(k, c);
	return rc == MP_ENONE ? ended(k, c, false, end) : rc;
}
