#include "node/chatroom.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/record.h"
#include "base/secret.h"

int chatroom_open(struct chatroom *r, struct store *s, uint64_t sid, const char *name,
    const uint8_t seed[static 32])
{
	uint8_t key[32];

	memset(r, 0, sizeof(*r));
	r->s = s;
	r->sid = sid;
	r->plain.max = 65536;
	strncpy(r->name, name, sizeof(r->name) - 1);
	crypto_sign_seed_keypair(key, r->secret, seed);
	return chat_room_get(s, &r->state, sid);
}

void chatroom_close(struct chatroom *r)
{
	secret_wipe(r->secret, sizeof(r->secret));
	buf_free(&r->plain);
}

static int print(struct chatroom *r, struct record *rec, const char *name)
{
	int rc = 0;

	snprintf(rec->ref, sizeof(rec->ref), "%016" PRIx64, r->sid);
	strcpy(rec->contact, name);
	if (r->out != NULL)
		rc = record_write(r->out, rec, r->json);
	record_free(rec);
	return rc;
}

int chatroom_event(struct chatroom *r, const char *kind, const char *name, const char *body)
{
	struct record rec;
	int rc = 0;

	record_init(&rec);
	rec.class = CLASS_EVENT;
	strcpy(rec.kind, kind);
	rec.time = clock_now();
	if (body != NULL) {
		rc = buf_adds(&rec.body, body);
		rec.has_body = true;
	}
	return rc == 0 ? print(r, &rec, name) : rc;
}

/* Known, or met for the first time. */
static int meet(struct chatroom *r, const char *name, const uint8_t key[static 32])
{
	struct chat_peer p;
	int rc = chat_peer_meet(r->s, &p, name, key);

	if (rc == 0 && r->verified_only && !p.verified)
		rc = err_set(MP_EBAD, "the key of '%s' is not verified", name);
	r->stop |= rc == MP_EBAD;
	return rc;
}

/* The roster is what the creator signs: himself and all who joined. */
static void make_roster(struct content_roster *list, struct line_reader lines)
{
	struct member_line m;

	list->n = 0;
	while (list->n < CONTENT_MEMBERS && member_read(&lines, &m)) {
		struct content_member *to = &list->member[list->n];

		if ((m.state != MEMBER_CREATOR && m.state != MEMBER_JOINED) || !m.has_key)
			continue;
		to->uid = m.uid;
		strcpy(to->name, m.name);
		memcpy(to->key, m.key, 32);
		list->n++;
	}
}

/* Somebody is in the list who has not got the key yet. */
static int is_news(struct chatroom *r, const struct content_roster *list, bool *news)
{
	struct chat_member m;
	int rc = 0;

	*news = false;
	for (size_t i = 0; rc == 0 && i < list->n; i++) {
		rc = chat_member_get(r->s, &m, r->sid, list->member[i].uid);
		if (rc == MP_ENONE || (rc == 0 && memcmp(m.key, list->member[i].key, 32) != 0))
			*news = true;
		if (rc == MP_ENONE)
			rc = 0;
	}
	return rc;
}

static int event_joined(struct chatroom *r, const char *name)
{
	struct chat_peer p;
	char print_[40], body[128];
	int rc = chat_peer_get(r->s, &p, name);

	if (rc != 0)
		return rc;
	content_fingerprint(print_, p.key);
	snprintf(body, sizeof(body), "{\"fingerprint\":\"%s\",\"verified\":%s}", print_,
	    p.verified ? "true" : "false");
	return chatroom_event(r, "chat-joined", name, body);
}

static int adopt(struct chatroom *r, const struct content_roster *list)
{
	struct chat_member m, old;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->n; i++) {
		m.uid = list->member[i].uid;
		strcpy(m.name, list->member[i].name);
		memcpy(m.key, list->member[i].key, 32);
		rc = chat_member_get(r->s, &old, r->sid, m.uid);
		if (rc != 0 && rc != MP_ENONE)
			return rc;
		if (rc == MP_ENONE && m.uid != r->own)
			rc = event_joined(r, m.name);
		else
			rc = 0;
		if (rc == 0)
			rc = chat_member_put(r->s, r->sid, &m);
	}
	return rc;
}

static int announce(struct chatroom *r, struct content_roster *list, struct buf *body)
{
	struct content_place at = {.sid = r->sid, .uid = r->own};
	struct chat_outgoing o = {.is_key = true, .time = clock_now()};
	uint8_t session[32];
	int rc;

	o.epoch = list->epoch = r->state.epoch + 1;
	randombytes_buf(session, sizeof(session));
	if ((rc = chat_outbox_make_way(r->s, r->sid, &o.number)) == 0) {
		at.number = o.number;
		rc = content_key_seal(body, &at, r->secret, list, session);
	}
	o.body = body->data;
	o.n = body->len;
	if (rc == 0 && (rc = chat_outbox_add(r->s, r->sid, &o)) == 0 &&
	    (rc = chat_epoch_add(r->s, r->sid, list->epoch, session)) == 0)
		rc = adopt(r, list);
	secret_wipe(session, sizeof(session));
	if (rc == 0)
		rc = chat_room_get(r->s, &r->state, r->sid);
	return rc;
}

static int renew_key(struct chatroom *r, struct line_reader lines)
{
	struct content_roster *list = calloc(1, sizeof(*list));
	struct buf body = BUF_INIT(65536);
	bool news = false;
	int rc = 0;

	if (list == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	make_roster(list, lines);
	if (list->n > 1 && (rc = is_news(r, list, &news)) == 0 && news)
		rc = announce(r, list, &body);
	buf_free(&body);
	free(list);
	return rc;
}

/* He signs the first session key, so that he is known before any list that is signed. */
static int meet_creator(struct chatroom *r, const struct member_line *m)
{
	struct chat_member c = {.uid = m->uid};
	int rc = chat_member_get(r->s, &c, r->sid, m->uid);

	if (rc != MP_ENONE)
		return rc;
	strcpy(c.name, m->name);
	memcpy(c.key, m->key, 32);
	rc = chat_member_put(r->s, r->sid, &c);
	return rc == 0 ? event_joined(r, m->name) : rc;
}

/* Where we are the creator nobody is in it but who we invited, whatever the server says. */
static int was_invited(struct chatroom *r, const struct member_line *m)
{
	if (r->role != MEMBER_CREATOR || chat_invited(r->s, r->sid, m->name))
		return 0;
	r->stop = true;
	return err_set(MP_EBAD,
	    "the server says that '%s' is in the session, whom we did not invite", m->name);
}

/* What we are there, and whose it is. */
static int read_roles(struct chatroom *r, struct line_reader lines)
{
	struct member_line m;

	r->creator = 0;
	r->role = MEMBER_DECLINED;
	while (member_read(&lines, &m)) {
		if (m.state == MEMBER_CREATOR)
			r->creator = m.uid;
		if (m.uid == r->own)
			r->role = m.state;
	}
	return lines.at == lines.n && r->creator != 0 ? 0
	                                              : err_set(MP_EBAD, "no status of a session");
}

/* One line of the members: what it says of somebody else's key must be what is remembered. */
static int look_at(struct chatroom *r, const struct member_line *m)
{
	int rc;

	if (m->uid == r->own) {
		if (m->has_key && memcmp(m->key, r->secret + 32, 32) != 0)
			return err_set(
			    MP_EBAD, "the server says that this account has another key here");
		return strcmp(m->name, r->name) == 0
		           ? 0
		           : err_set(MP_EBAD, "the server gives this account another name");
	}
	if (!m->has_key)
		return 0;
	if ((rc = was_invited(r, m)) != 0 || (rc = meet(r, m->name, m->key)) != 0)
		return rc;
	return m->state == MEMBER_CREATOR ? meet_creator(r, m) : 0;
}

int chatroom_status(struct chatroom *r, const uint8_t *p, size_t n)
{
	struct line_reader lines = {.p = p, .n = n}, members;
	char response[RESPONSE_SIZE];
	struct member_line m;
	int rc = 0;

	if (!line_is(&lines, "Session")) {
		if (response_read(response, p, n) != 0)
			return MP_EBAD;
		return err_set(MP_ENONE, "session %016" PRIx64 ": %s", r->sid, response);
	}
	if (!line_number(&lines, &r->last))
		return err_set(MP_EBAD, "no status of a session");
	members = lines;
	rc = read_roles(r, lines);
	while (rc == 0 && member_read(&lines, &m))
		rc = look_at(r, &m);
	if (rc == 0 && r->role == MEMBER_CREATOR)
		rc = renew_key(r, members);
	return rc;
}

static int take_roster(struct chatroom *r, const struct content_roster *list,
    const uint8_t session[static 32], const struct chat_member *creator)
{
	bool signer = false;
	int rc = 0;

	if (list->epoch <= r->state.epoch)
		return err_set(MP_EBAD, "an old session key");
	for (size_t i = 0; rc == 0 && i < list->n; i++) {
		const struct content_member *m = &list->member[i];

		signer |= m->uid == creator->uid && memcmp(m->key, creator->key, 32) == 0 &&
		          strcmp(m->name, creator->name) == 0;
		if (m->uid != r->own)
			rc = meet(r, m->name, m->key);
		else if (strcmp(m->name, r->name) != 0)
			rc = err_set(MP_EBAD, "a session key that gives us another name");
	}
	if (rc == 0 && !signer)
		rc = err_set(MP_EBAD, "a session key of somebody who is no member");
	if (rc == 0 && (rc = chat_epoch_add(r->s, r->sid, list->epoch, session)) == 0 &&
	    (rc = adopt(r, list)) == 0)
		rc = chat_room_get(r->s, &r->state, r->sid);
	return rc;
}

/* One that is not for us is of the time before we joined. */
static int hear_key(struct chatroom *r, const struct chat_member *m, const struct content_place *at,
    const uint8_t *p, size_t n)
{
	struct content_roster *list;
	uint8_t session[32];
	int rc;

	if (m->uid != r->creator)
		return err_set(MP_EBAD, "a session key that is not the creator's");
	if ((list = calloc(1, sizeof(*list))) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	rc = content_key_open(list, session, at, m->key, r->own, r->secret, p, n);
	if (rc == 0 && list->opened)
		rc = take_roster(r, list, session, m);
	secret_wipe(session, sizeof(session));
	free(list);
	return rc;
}

static int hear_text(struct chatroom *r, const struct chat_member *m,
    const struct content_place *at, uint32_t epoch, const uint8_t *p, size_t n)
{
	struct content_text t;
	struct record rec;
	uint8_t key[32];
	int rc = chat_epoch_get(r->s, key, r->sid, epoch);

	if (rc != 0)
		return rc == MP_ENONE ? err_set(MP_EBAD, "under a key that is not known") : rc;
	rc = content_text_open(&t, &r->plain, at, m->key, key, p, n);
	secret_wipe(key, sizeof(key));
	if (rc != 0)
		return rc;
	record_init(&rec);
	rec.class = CLASS_IN;
	strcpy(rec.kind, "message");
	rec.has_id = rec.has_body = true;
	memcpy(rec.id, t.id, RECORD_ID);
	rec.time = t.time;
	if ((rc = buf_add(&rec.body, t.text, t.n)) != 0) {
		record_free(&rec);
		return rc;
	}
	return print(r, &rec, m->name);
}

static int event_count(struct chatroom *r, const char *kind, const char *name, uint64_t count)
{
	char body[48];

	snprintf(body, sizeof(body), "{\"count\":%" PRIu64 "}", count);
	return chatroom_event(r, kind, name, body);
}

/* Who comes late has nothing of what was said before: that is no loss to be told. */
static bool before_us(const struct chatroom *r, int kind, uint32_t epoch)
{
	return kind == CONTENT_SPOKEN && (r->state.joined == 0 || epoch < r->state.joined);
}

static int hear_one(struct chatroom *r, const struct chat_member *m, const struct content_place *at,
    const uint8_t *p, size_t n)
{
	uint32_t epoch;
	int kind = content_kind(&epoch, p, n), rc;

	if (kind == CONTENT_KEY)
		rc = hear_key(r, m, at, p, n);
	else if (kind == CONTENT_SPOKEN)
		rc = hear_text(r, m, at, epoch, p, n);
	else
		rc = kind;
	/* Only what is authentic counts: a number that anybody could raise would silence its owner.
	 */
	if (rc == 0)
		rc = chat_member_number(r->s, r->sid, at->uid, at->number);
	return rc;
}

int chatroom_hear(struct chatroom *r, uint64_t from, const struct chat_message *msg)
{
	struct content_place at = {.sid = r->sid, .uid = from, .number = msg->number};
	struct chat_member m;
	uint32_t epoch;
	int rc = chat_member_get(r->s, &m, r->sid, from);
	int kind = content_kind(&epoch, msg->content, msg->n);

	if (rc == MP_ENONE) /* before the key that lists him; it names who he is */
		return before_us(r, kind, epoch) ? 0 : event_count(r, "chat-unreadable", "", 1);
	if (rc != 0 || before_us(r, kind, epoch) || msg->number <= m.number)
		return rc;
	if (m.number > 0 && msg->number > m.number + 1 &&
	    (rc = event_count(r, "chat-missing", m.name, msg->number - m.number - 1)) != 0)
		return rc;
	rc = hear_one(r, &m, &at, msg->content, msg->n);
	if (rc == MP_EBAD && !r->stop)
		rc = event_count(r, "chat-unreadable", m.name, 1);
	return rc;
}

int chatroom_speak(struct chatroom *r, struct buf *out, const struct chat_outgoing *o)
{
	struct content_place at = {.sid = r->sid, .uid = r->own, .number = o->number};
	struct content_text t = {.time = o->time, .text = o->body, .n = o->n};
	uint8_t key[32];
	int rc;

	if (o->is_key)
		return buf_add(out, o->body, o->n);
	if ((rc = chat_epoch_get(r->s, key, r->sid, o->epoch)) != 0)
		return rc;
	memcpy(t.id, o->id, 16);
	rc = content_text_seal(out, &at, r->secret, o->epoch, key, &t);
	secret_wipe(key, sizeof(key));
	return rc;
}
