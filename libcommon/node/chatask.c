#include "node/chatask.h"

#include <inttypes.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/secret.h"
#include "chat/payload.h"

/* The answer that is waited for; invitations and the like pass by. */
static int answer(struct chatcall *c, enum guest_event want, struct heard *e, int64_t ms)
{
	int64_t end = clock_monotonic() + ms;
	int rc;

	do
		rc = chatcall_wait(c, e, end - clock_monotonic());
	while (rc == 0 && e->event != want);
	return rc;
}

static int strange(void)
{
	return err_set(MP_EBAD, "the server answers something else");
}

static int no(uint64_t sid, const char *response)
{
	return err_set(MP_ENONE, "session %016" PRIx64 ": %s", sid, response);
}

static void public_key(uint8_t key[static 32], const uint8_t seed[static 32])
{
	uint8_t secret[64];

	crypto_sign_seed_keypair(key, secret, seed);
	secret_wipe(secret, sizeof(secret));
}

/* Names to ids, by the server's word. */
static int look_up(
    struct chatcall *c, struct init *i, const char *const *names, size_t n, int64_t ms)
{
	struct buf text = BUF_INIT(FRAME_PAYLOAD);
	struct line_reader r;
	struct member_line m;
	struct heard e;
	int rc = want_write(&text, WANT_USERS, 0, names, n);

	if (rc == 0)
		rc = chatcall_send(c, FRAME_STATUS_REQ, 0, text.data, text.len);
	buf_free(&text);
	if (rc != 0 || (rc = answer(c, GUEST_STATUS, &e, ms)) != 0)
		return rc;
	r = (struct line_reader){.p = e.payload, .n = e.n};
	if (!line_is(&r, "Users"))
		return strange();
	for (; i->n < n; i->n++) {
		if (!member_read(&r, &m) || strcmp(m.name, names[i->n]) != 0)
			return err_set(MP_ENONE, "no user '%.40s'", names[i->n]);
		i->invited[i->n] = m.uid;
	}
	return 0;
}

int ask_init(struct chatcall *c, uint64_t *sid, const uint8_t seed[static 32],
    const char *const *names, size_t n, int64_t ms)
{
	struct buf text = BUF_INIT(FRAME_PAYLOAD);
	char response[RESPONSE_SIZE];
	struct init i = {.n = 0};
	struct heard e;
	int rc = n > ROOM_INVITED ? MP_ELIMIT : look_up(c, &i, names, n, ms);

	public_key(i.key, seed);
	if (rc == 0 && (rc = init_write(&text, &i)) == 0)
		rc = chatcall_send(c, FRAME_INIT_REQ, 0, text.data, text.len);
	buf_free(&text);
	if (rc != 0 || (rc = answer(c, GUEST_OPENED, &e, ms)) != 0 ||
	    (rc = response_read(response, e.payload, e.n)) != 0)
		return rc;
	if (strcmp(response, "OK") != 0)
		return err_set(MP_ENONE, "the server says: %s", response);
	if (e.sid == 0 || e.sid > INT64_MAX)
		return strange();
	*sid = e.sid;
	return 0;
}

int ask_status(struct chatcall *c, struct heard *e, uint64_t sid, int64_t ms)
{
	char response[RESPONSE_SIZE];
	int rc = chatcall_send(c, FRAME_STATUS_REQ, sid, NULL, 0);

	do
		rc = rc == 0 ? answer(c, GUEST_STATUS, e, ms) : rc;
	while (rc == 0 && e->sid != sid);
	if (rc == 0 && sid != 0 && response_read(response, e->payload, e->n) == 0)
		return no(sid, response);
	return rc;
}

/* invite_res has no answer of its own. */
static int look(struct chatcall *c, uint64_t sid, const uint8_t key[static 32], int64_t ms)
{
	struct line_reader r;
	struct member_line m;
	struct heard e;
	uint64_t last;
	int rc = ask_status(c, &e, sid, ms);

	if (rc != 0)
		return rc;
	r = (struct line_reader){.p = e.payload, .n = e.n};
	if (!line_is(&r, "Session") || !line_number(&r, &last))
		return strange();
	while (member_read(&r, &m))
		if (m.uid == guest_uid(c->guest) && m.state == MEMBER_JOINED && m.has_key &&
		    memcmp(m.key, key, 32) == 0)
			return 0;
	return err_set(MP_EBAD, "the server did not take the answer");
}

int ask_answer(struct chatcall *c, uint64_t sid, const uint8_t *seed, int64_t ms)
{
	struct buf text = BUF_INIT(128);
	uint8_t key[32] = {0};
	struct heard e;
	int rc = ask_status(c, &e, sid, ms);

	if (rc != 0)
		return rc;
	if (seed != NULL)
		public_key(key, seed);
	if ((rc = answer_write(&text, seed != NULL ? key : NULL)) == 0)
		rc = chatcall_send(c, FRAME_INVITE_RES, sid, text.data, text.len);
	buf_free(&text);
	if (rc != 0)
		return rc;
	if (seed != NULL)
		return look(c, sid, key, ms);
	/* Who has declined is told nothing more of the session. */
	rc = ask_status(c, &e, sid, ms);
	return rc == MP_ENONE ? 0 : rc == 0 ? err_set(MP_EUSAGE, "too late to decline") : rc;
}

int ask_close(struct chatcall *c, uint64_t sid, int64_t ms)
{
	char response[RESPONSE_SIZE];
	struct heard e;
	int rc;

	if ((rc = chatcall_send(c, FRAME_CLOSE_REQ, sid, NULL, 0)) != 0 ||
	    (rc = answer(c, GUEST_ENDED, &e, ms)) != 0 ||
	    (rc = response_read(response, e.payload, e.n)) != 0)
		return rc;
	return strcmp(response, "OK") == 0 || strcmp(response, "closed") == 0 ? 0
	                                                                      : no(sid, response);
}
