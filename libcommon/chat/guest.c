#include "chat/guest.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/err.h"
#include "base/secret.h"
#include "chat/link.h"

/* clang-format off */
static const struct guest_step table[GUEST_STATES][FRAME_TYPES] = {
    [GUEST_LOGGING_IN] = {
        [FRAME_INIT_RES]   = {GUEST_LOGGED_IN, GUEST_READY},
    },
    [GUEST_READY] = {
        [FRAME_CLOSE_REQ]  = {GUEST_CLOSED,    GUEST_READY},
        [FRAME_MSG_REQ]    = {GUEST_MESSAGE,   GUEST_READY},
        [FRAME_MSG_RES]    = {GUEST_RESULT,    GUEST_READY},
        [FRAME_INVITE_REQ] = {GUEST_INVITED,   GUEST_READY},
        [FRAME_STATUS_RES] = {GUEST_STATUS,    GUEST_READY},
    },
    [GUEST_OPENING] = {
        [FRAME_INIT_RES]   = {GUEST_OPENED,    GUEST_READY},
        [FRAME_CLOSE_REQ]  = {GUEST_CLOSED,    GUEST_OPENING},
        [FRAME_MSG_REQ]    = {GUEST_MESSAGE,   GUEST_OPENING},
        [FRAME_MSG_RES]    = {GUEST_RESULT,    GUEST_OPENING},
        [FRAME_INVITE_REQ] = {GUEST_INVITED,   GUEST_OPENING},
        [FRAME_STATUS_RES] = {GUEST_STATUS,    GUEST_OPENING},
    },
    [GUEST_CLOSING] = {
        [FRAME_CLOSE_REQ]  = {GUEST_CLOSED,    GUEST_CLOSING},
        [FRAME_CLOSE_RES]  = {GUEST_ENDED,     GUEST_READY},
        [FRAME_MSG_REQ]    = {GUEST_MESSAGE,   GUEST_CLOSING},
        [FRAME_MSG_RES]    = {GUEST_RESULT,    GUEST_CLOSING},
        [FRAME_INVITE_REQ] = {GUEST_INVITED,   GUEST_CLOSING},
        [FRAME_STATUS_RES] = {GUEST_STATUS,    GUEST_CLOSING},
    },
};
/* clang-format on */

struct guest {
	enum guest_state state;
	struct link *link;
	uint8_t *secret; /* X25519, in the arena; NULL after the login */
	uint8_t hash[32];
	uint64_t uid;
	struct buf plain;
};

struct guest_step guest_step(enum guest_state state, enum frame_type type)
{
	return table[state][type];
}

enum guest_state guest_state(const struct guest *c)
{
	return c->state;
}

uint64_t guest_uid(const struct guest *c)
{
	return c->uid;
}

void guest_free(struct guest *c)
{
	if (c == NULL)
		return;
	link_free(c->link);
	secret_free(c->secret);
	buf_free(&c->plain);
	free(c);
}

static int write_login(struct guest *c, struct buf *out, const struct serverkey *key,
    const struct login *l, const uint8_t temporary[static 32])
{
	struct frame f = {.type = FRAME_INIT_REQ, .len = FRAME_ETK};
	uint8_t text[LOGIN_SIZE], wrapped[SERVERKEY_WRAPPED];
	int rc;

	randombytes_buf(f.rnd, sizeof(f.rnd));
	if ((rc = login_write(text, l)) == 0) {
		login_hash(c->hash, text, sizeof(text));
		if ((rc = link_seal(out, c->link, &f, text, sizeof(text))) == 0 &&
		    (rc = serverkey_wrap(wrapped, key, temporary)) == 0)
			rc = buf_add(out, wrapped, sizeof(wrapped));
	}
	secret_wipe(text, sizeof(text));
	return rc;
}

int guest_login(struct guest **out_guest, struct buf *out, const struct serverkey *key,
    const char *name, const char *password, int64_t now)
{
	struct guest *c = calloc(1, sizeof(*c));
	struct login l = {.time = now};
	uint8_t temporary[32];
	int rc;

	*out_guest = NULL;
	if (c == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	c->plain.max = FRAME_MAX;
	c->secret = secret_alloc(32);
	randombytes_buf(c->secret, 32);
	randombytes_buf(temporary, sizeof(temporary));
	c->link = link_new(temporary);
	crypto_scalarmult_base(l.random, c->secret);
	if (strlen(name) >= sizeof(l.name) || strlen(password) >= sizeof(l.password)) {
		rc = err_set(MP_EUSAGE, "the name or the password is too long");
	} else {
		strcpy(l.name, name);
		strcpy(l.password, password);
		rc = write_login(c, out, key, &l, temporary);
	}
	secret_wipe(&l, sizeof(l));
	secret_wipe(temporary, sizeof(temporary));
	if (rc != 0) {
		guest_free(c);
		return rc;
	}
	*out_guest = c;
	return 0;
}

static int logged_in(struct guest *c)
{
	struct login_answer a;
	int rc = login_answer_read(&a, c->plain.data, c->plain.len);

	if (rc == 0 && memcmp(a.request, c->hash, 32) != 0)
		rc = err_set(MP_EBAD, "an answer to another login");
	if (rc == 0 && (rc = link_transfer(c->link, false, c->secret, a.random, c->hash)) == 0)
		c->uid = a.uid;
	secret_free(c->secret);
	c->secret = NULL;
	return rc;
}

int guest_take(struct guest *c, struct heard *e, const uint8_t *frame, size_t size)
{
	struct guest_step step;
	struct frame f;
	int rc;

	e->event = GUEST_REFUSE;
	if ((rc = frame_read(&f, frame)) != 0)
		return rc;
	step = table[c->state][f.type];
	if (step.event == GUEST_REFUSE)
		return err_set(MP_EBAD, "a frame that this state does not allow");
	if ((rc = link_open(c->link, &f, &c->plain, frame, size, 0)) != 0)
		return rc;
	if (step.event == GUEST_LOGGED_IN && (rc = logged_in(c)) != 0)
		return rc;
	c->state = step.next;
	*e = (struct heard){.event = step.event,
	    .sid = f.sid,
	    .uid = f.uid,
	    .payload = c->plain.data,
	    .n = c->plain.len};
	return 0;
}

int guest_send(struct guest *c, struct buf *out, enum frame_type type, uint64_t sid,
    const void *payload, size_t n)
{
	struct frame f = {.type = type, .sid = sid, .uid = c->uid};
	bool waits = type == FRAME_INIT_REQ || type == FRAME_CLOSE_REQ;
	int rc;

	if (c->state == GUEST_LOGGING_IN || (waits && c->state != GUEST_READY))
		return err_set(MP_EUSAGE, "the server has not answered yet");
	randombytes_buf(f.rnd, sizeof(f.rnd));
	rc = link_seal(out, c->link, &f, payload, n);
	if (rc == 0 && waits)
		c->state = type == FRAME_INIT_REQ ? GUEST_OPENING : GUEST_CLOSING;
	return rc;
}
