#include "chat/host.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "chat/link.h"

/* clang-format off */
static const struct host_step table[HOST_STATES][FRAME_TYPES] = {
    [HOST_FRESH] = {
        [FRAME_INIT_REQ]   = {HOST_LOGIN,   HOST_CHECKING},
    },
    [HOST_READY] = {
        [FRAME_INIT_REQ]   = {HOST_INIT,    HOST_OPENING},
        [FRAME_CLOSE_REQ]  = {HOST_CLOSE,   HOST_READY},
        [FRAME_MSG_REQ]    = {HOST_MESSAGE, HOST_READY},
        [FRAME_MSG_RES]    = {HOST_CONFIRM, HOST_READY},
        [FRAME_INVITE_RES] = {HOST_ANSWER,  HOST_READY},
        [FRAME_STATUS_REQ] = {HOST_STATUS,  HOST_READY},
    },
    [HOST_OPENING] = {
        [FRAME_CLOSE_REQ]  = {HOST_CLOSE,   HOST_OPENING},
        [FRAME_MSG_REQ]    = {HOST_MESSAGE, HOST_OPENING},
        [FRAME_MSG_RES]    = {HOST_CONFIRM, HOST_OPENING},
        [FRAME_INVITE_RES] = {HOST_ANSWER,  HOST_OPENING},
        [FRAME_STATUS_REQ] = {HOST_STATUS,  HOST_OPENING},
    },
};
/* clang-format on */

struct host {
	enum host_state state;
	struct link *link;
	uint64_t uid;
	uint8_t hash[32];   /* of the login's text */
	uint8_t random[32]; /* the client's */
	uint8_t rnd[6];     /* of the login's nonce */
	struct buf plain;
};

struct host_step host_step(enum host_state state, enum frame_type type)
{
	return table[state][type];
}

struct host *host_new(void)
{
	struct host *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->plain.max = FRAME_MAX;
	return s;
}

void host_free(struct host *s)
{
	if (s == NULL)
		return;
	link_free(s->link);
	buf_free(&s->plain);
	free(s);
}

enum host_state host_state(const struct host *s)
{
	return s->state;
}

uint64_t host_uid(const struct host *s)
{
	return s->uid;
}

const uint8_t *host_login_hash(const struct host *s)
{
	return s->hash;
}

static int take_login(struct host *s, struct request *r, const struct serverkey *key, int64_t now,
    const uint8_t *frame, size_t size)
{
	uint8_t temporary[32];
	struct frame f;
	int rc;

	/* The cheap refusals come before the RSA operation. */
	if (size != FRAME_HEAD + LOGIN_SIZE + FRAME_MAC + FRAME_ETK ||
	    (rc = frame_read(&f, frame)) != 0 || f.sqn != 1 || f.sid != 0 || f.uid != 0)
		return err_set(MP_EBAD, "no login");
	if ((rc = serverkey_unwrap(temporary, key, frame + size - FRAME_ETK)) != 0)
		return rc;
	s->link = link_new(temporary);
	secret_wipe(temporary, sizeof(temporary));
	if ((rc = link_open(s->link, &f, &s->plain, frame, size, FRAME_ETK)) == 0) {
		login_hash(s->hash, s->plain.data, s->plain.len);
		rc = login_read(&r->login, s->plain.data, s->plain.len);
	}
	if (s->plain.data != NULL)
		secret_wipe(s->plain.data, s->plain.cap);
	if (rc != 0)
		return rc;
	memcpy(s->random, r->login.random, 32);
	memcpy(s->rnd, f.rnd, 6);
	if (r->login.time < now - LOGIN_SKEW || r->login.time > now + LOGIN_SKEW) {
		secret_wipe(&r->login, sizeof(r->login));
		return err_set(MP_EBAD, "a login of another time");
	}
	return 0;
}

/* What the header of a frame after the login must say: who he is, and a room where one is meant. */
static bool head_ok(const struct host *s, const struct frame *f, enum host_action a)
{
	if (f->uid != s->uid)
		return false;
	if (a == HOST_INIT)
		return f->sid == 0;
	return a == HOST_STATUS || f->sid != 0;
}

int host_take(struct host *s, struct request *r, const struct serverkey *key, int64_t now,
    const uint8_t *frame, size_t size)
{
	struct host_step step;
	struct frame f;
	int rc;

	r->action = HOST_REFUSE;
	if ((rc = frame_read(&f, frame)) != 0)
		return rc;
	step = table[s->state][f.type];
	if (step.action == HOST_REFUSE)
		return err_set(MP_EBAD, "a frame that this state does not allow");
	if (step.action == HOST_LOGIN)
		rc = take_login(s, r, key, now, frame, size);
	else if ((rc = link_open(s->link, &f, &s->plain, frame, size, 0)) == 0 &&
	         !head_ok(s, &f, step.action))
		rc = err_set(MP_EBAD, "a frame of somebody else");
	if (rc != 0)
		return rc;
	s->state = step.next;
	r->action = step.action;
	r->sid = f.sid;
	r->payload = s->plain.data;
	r->n = s->plain.len;
	return 0;
}

int host_admit(struct host *s, struct buf *out, uint64_t uid)
{
	struct login_answer a = {.uid = uid};
	struct frame f = {.type = FRAME_INIT_RES};
	struct buf text = BUF_INIT(256);
	uint8_t secret[32];
	int rc;

	memcpy(a.request, s->hash, 32);
	randombytes_buf(secret, sizeof(secret));
	crypto_scalarmult_base(a.random, secret);
	/* Both logins' frames have number 1 under one key: the rest of the nonce must differ. */
	do
		randombytes_buf(f.rnd, sizeof(f.rnd));
	while (memcmp(f.rnd, s->rnd, sizeof(f.rnd)) == 0);
	if ((rc = login_answer_write(&text, &a)) == 0 &&
	    (rc = link_seal(out, s->link, &f, text.data, text.len)) == 0 &&
	    (rc = link_transfer(s->link, true, secret, s->random, s->hash)) == 0) {
		s->uid = uid;
		s->state = HOST_READY;
	}
	secret_wipe(secret, sizeof(secret));
	buf_free(&text);
	return rc;
}

int host_send(struct host *s, struct buf *out, enum frame_type type, uint64_t sid, uint64_t uid,
    const void *payload, size_t n)
{
	struct frame f = {.type = type, .sid = sid, .uid = uid};
	int rc;

	randombytes_buf(f.rnd, sizeof(f.rnd));
	rc = link_seal(out, s->link, &f, payload, n);
	if (rc == 0 && type == FRAME_INIT_RES && s->state == HOST_OPENING)
		s->state = HOST_READY;
	return rc;
}
