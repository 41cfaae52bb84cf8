#include "node/otr_talk.h"

#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "node/otr_person.h"

static const char *const reasons[WHYS] = {
    [WHY_LATE] = "late",
    [WHY_TWO] = "two",
    [WHY_ROSTER] = "roster",
    [WHY_COMMITMENTS] = "commitments",
    [WHY_SHARE] = "contribution",
    [WHY_VIEW] = "view",
    [WHY_TRANSCRIPT] = "transcript",
    [WHY_PUBLISHED] = "published",
    [WHY_LEFT] = "left",
    [WHY_GAVE_UP] = "gave-up",
    [WHY_EXPIRED] = "expired",
};

/* NICK:SHORT: the nickname is the peer's choice, the short fingerprint is not. */
static int refer(char out[static RECORD_REF], const struct otr_member *m)
{
	char brief[OTR_SHORT];
	int r = otr_short(brief, m->long_key);

	snprintf(out, RECORD_REF, "%s:%s", m->nick, r == MP_OK ? brief : "");
	return r;
}

static void fail(struct talk *t, int r)
{
	if (r < 0 && t->failure == MP_OK)
		t->failure = r;
}

static void start(struct record *rec, enum record_class class, const char *kind)
{
	record_init(rec);
	rec->class = class;
	snprintf(rec->kind, sizeof(rec->kind), "%s", kind);
	rec->time = clock_now();
}

/* Of a member: the local name of who was compared, and what he calls himself. */
static int about(struct record *rec, const struct otr_member *m)
{
	int r = person_name(rec->contact, m->long_key);

	return r < 0 ? r : refer(rec->ref, m);
}

/* Consumes o. */
static int put(struct talk *t, struct record *rec, json_t *o)
{
	int r = MP_OK;

	if (o != NULL) {
		r = json_write(&rec->body, o);
		rec->has_body = true;
		json_decref(o);
	}
	if (r == MP_OK && (r = record_write(t->out, rec, t->o->json)) == MP_OK)
		r = record_finish(t->out);
	record_free(rec);
	return r;
}

static int set_session(json_t *o, const struct otr_session *s)
{
	return json_set_hex(o, "session", s->sid, sizeof(s->sid));
}

static json_t *member_json(const struct otr_session *s, size_t i)
{
	const struct otr_member *m = &s->roster.m[i];
	char print[OTR_FINGERPRINT], name[33], ref[RECORD_REF];
	json_t *o = NULL;

	if (otr_fingerprint(print, m->long_key) == MP_OK && refer(ref, m) == MP_OK &&
	    person_name(name, m->long_key) >= 0)
		o = json_pack("{s:s,s:s,s:s,s:s?,s:b}", "member", ref, "nick", m->nick,
		    "fingerprint", print, "contact", name[0] == '\0' ? NULL : name, "self",
		    i == s->self);
	return o;
}

static int tell_open(struct talk *t, const struct otr_session *s)
{
	json_t *members = json_array(), *o;
	char until[CLOCK_TEXT];
	struct record rec;

	start(&rec, CLASS_EVENT, "otr-open");
	clock_format(until, s->expiry);
	for (size_t i = 0; i < s->roster.n; i++)
		(void)json_array_append_new(members, member_json(s, i));
	o = json_pack("{s:s,s:s,s:s,s:o}", "room", t->cfg.room, "server", t->cfg.server, "expires",
	    until, "members", members);
	if (o == NULL || json_array_size(members) != s->roster.n || set_session(o, s) != MP_OK) {
		json_decref(o);
		record_free(&rec);
		return err_set(MP_ENOMEM, "out of memory");
	}
	return put(t, &rec, o);
}

/* Every member has the same id for the same message: a link of the transcript. */
static void message_id(struct record *rec, const struct otr_note *note)
{
	const struct transcript_chain *c = &note->session->transcript.chains[note->from];

	rec->has_id = true;
	memcpy(rec->id, c->link[c->count % TRANSCRIPT_KEPT], RECORD_ID);
}

static int tell_file(struct talk *t, const struct otr_note *note, const struct payload *p)
{
	const struct otr_member *m = &note->session->roster.m[note->from];
	enum otr_file_state state;
	char path[4096], name[208];
	struct record rec;
	json_t *o;
	int r = otr_files_take(t->files, m->long_key, p, &state, path);

	if (r != MP_OK || state == FILE_MORE)
		return r;
	start(&rec, state == FILE_WHOLE ? CLASS_IN : CLASS_EVENT,
	    state == FILE_WHOLE ? "file" : "otr-file-failed");
	rec.has_id = true;
	memcpy(rec.id, p->id, RECORD_ID);
	text_filename(name, (const char *)p->name, p->name_len);
	o = json_pack("{s:s,s:I}", "name", name, "size", (json_int_t)p->size);
	if (state == FILE_WHOLE) {
		(void)json_set_hex(o, "sha256", p->sha256, sizeof(p->sha256));
		(void)json_object_set_new(o, "path", json_string(path));
	} else {
		(void)json_object_set_new(o, "reason", json_string(err_detail()));
	}
	if ((r = about(&rec, m)) != MP_OK) {
		json_decref(o);
		record_free(&rec);
		return r;
	}
	return put(t, &rec, o);
}

static int tell_message(struct talk *t, const struct otr_note *note)
{
	const struct otr_member *m = &note->session->roster.m[note->from];
	struct record rec;
	struct payload p;
	int r;

	if (payload_read(&p, note->data, note->len) != MP_OK) {
		err_warn("%s sent a malformed message", m->nick);
		return MP_OK;
	}
	if (p.kind == PAYLOAD_IS_FILE)
		return tell_file(t, note, &p);
	start(&rec, CLASS_IN, "message");
	message_id(&rec, note);
	rec.has_body = true;
	if ((r = about(&rec, m)) != MP_OK || (r = buf_add(&rec.body, p.data, p.len)) != MP_OK) {
		record_free(&rec);
		return r;
	}
	return put(t, &rec, NULL);
}

static json_t *names(const struct otr_session *s, uint64_t who)
{
	json_t *list = json_array();
	char ref[RECORD_REF];

	for (size_t i = 0; i < s->roster.n; i++)
		if ((who >> i & 1) != 0 && refer(ref, &s->roster.m[i]) == MP_OK)
			(void)json_array_append_new(list, json_string(ref));
	return list;
}

static int tell_abort(struct talk *t, const struct otr_note *note)
{
	const struct otr_session *s = note->session;
	struct record rec;
	json_t *o;
	int r = MP_OK;

	if (note->why == WHY_LEFT && note->from < 0) /* we left */
		return MP_OK;
	start(&rec, CLASS_EVENT, "otr-abort");
	o = json_pack("{s:s,s:s,s:o}", "stage", otr_stage_name(note->stage), "reason",
	    reasons[note->why], "members", names(s, note->who));
	if (o == NULL || (r = set_session(o, s)) != MP_OK ||
	    (note->from >= 0 && (r = about(&rec, &s->roster.m[note->from])) != MP_OK)) {
		json_decref(o);
		record_free(&rec);
		return r == MP_OK ? err_set(MP_ENOMEM, "out of memory") : r;
	}
	return put(t, &rec, o);
}

static int tell_verified(struct talk *t, const struct otr_note *note)
{
	struct record rec;
	json_t *o = json_object();

	start(&rec, CLASS_EVENT, "otr-verified");
	if (o == NULL || set_session(o, note->session) != MP_OK ||
	    json_set_hex(o, "digest", note->data, note->len) != MP_OK) {
		json_decref(o);
		record_free(&rec);
		return err_set(MP_ENOMEM, "out of memory");
	}
	return put(t, &rec, o);
}

/* Of one member: that he left, or the signing key that anybody may use now. */
static int tell_member(struct talk *t, const struct otr_note *note, const char *kind)
{
	struct buf text = BUF_INIT(256);
	struct record rec;
	json_t *o = json_object();
	int r;

	start(&rec, CLASS_EVENT, kind);
	if (o == NULL || (r = set_session(o, note->session)) != MP_OK)
		r = err_set(MP_ENOMEM, "out of memory");
	else
		r = about(&rec, &note->session->roster.m[note->from]);
	if (r == MP_OK && note->kind == NOTE_PUBLISHED &&
	    (r = base64_encode(&text, note->data, note->len)) == MP_OK &&
	    json_object_set_new(o, "secret", json_stringn((const char *)text.data, text.len)) != 0)
		r = err_set(MP_ENOMEM, "out of memory");
	buf_free(&text);
	if (r != MP_OK) {
		json_decref(o);
		record_free(&rec);
		return r;
	}
	return put(t, &rec, o);
}

void talk_note(void *ctx, const struct otr_note *note)
{
	struct talk *t = ctx;

	switch (note->kind) {
	case NOTE_OPEN:
		t->opened++;
		fail(t, tell_open(t, note->session));
		break;
	case NOTE_MESSAGE:
		fail(t, tell_message(t, note));
		break;
	case NOTE_LEFT:
		fail(t, tell_member(t, note, "otr-left"));
		break;
	case NOTE_ABORT:
		fail(t, tell_abort(t, note));
		break;
	case NOTE_VERIFIED:
		fail(t, tell_verified(t, note));
		break;
	case NOTE_PUBLISHED:
		fail(t, tell_member(t, note, "otr-published"));
		break;
	}
}

int talk_introduce(struct talk *t)
{
	char print[OTR_FINGERPRINT];
	struct record rec;
	int r = otr_fingerprint(print, t->self->key);

	start(&rec, CLASS_EVENT, "otr-identity");
	if (r != MP_OK)
		return r;
	return put(t, &rec,
	    json_pack(
	        "{s:s,s:s,s:b}", "nick", t->cfg.nick, "fingerprint", print, "kept", !t->o->fresh));
}

int talk_unpublished(struct talk *t)
{
	int r = MP_OK;

	for (size_t i = 0; r == MP_OK && i < ROOM_OLD; i++) {
		const struct otr_session *s = t->room->old[i];
		json_t *o = json_object();
		struct record rec;

		if (s != NULL && s->stage == STAGE_RETIRED && o != NULL &&
		    (r = set_session(o, s)) == MP_OK) {
			start(&rec, CLASS_EVENT, "otr-unpublished");
			r = put(t, &rec, o);
		} else {
			json_decref(o);
		}
	}
	return r;
}

bool talk_welcome(void *ctx, const struct otr_member *m)
{
	struct talk *t = ctx;
	char name[33], ref[RECORD_REF];
	int r = person_name(name, m->long_key);

	fail(t, r);
	if (r == 1)
		return true;
	if (t->o->verbose && refer(ref, m) == MP_OK)
		err_warn("%s is nobody we know, and not let in", ref);
	return false;
}
