/* Incoming files that wait: for a person's word, or in vain for their sender. */
#include "node/incoming.h"
#include "node/spool.h"

#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "mariposa/file.h"
#include "store/message.h"

#define STALE (30 * MP_DAY)

static int decide(struct store *s, struct transfer *t, bool accept, int64_t now)
{
	static const char *const over[] = {[TRANSFER_DECLINED] = "was declined",
	    [TRANSFER_COMPLETE] = "is here already",
	    [TRANSFER_FAILED] = "has failed"};
	struct incoming_step m =
	    incoming_step((enum incoming)t->state, accept ? INCOMING_ACCEPT : INCOMING_DECLINE);

	if (m.action != INCOMING_OWE && m.action != INCOMING_CANCEL)
		return err_set(MP_EUSAGE, "'%s' %s", t->name, over[t->state]);
	/* A new decision must not pass for the old one, which may be on its way. */
	if (!t->owed || (enum incoming)t->state != m.next)
		randombytes_buf(t->status, sizeof(t->status));
	t->owed = true;
	t->state = (enum transfer_state)m.next;
	t->touched = now;
	return transfer_update(s, t);
}

static int expire(struct store *s, struct transfer *t, int64_t now)
{
	struct buf text = BUF_INIT(RECORD_LINE);
	json_t *o = incoming_about(t);
	int rc;

	json_object_set_new(o, "reason", json_string("nothing of it came for 30 days"));
	t->state = TRANSFER_FAILED;
	t->touched = now;
	if ((rc = json_write(&text, o)) == 0 && (rc = buf_terminate(&text)) == 0 &&
	    (rc = message_event(s, t->contact, "file-failed", (const char *)text.data, now)) == 0)
		rc = transfer_update(s, t);
	buf_free(&text);
	json_decref(o);
	return rc;
}

int incoming_expire(struct store *s, int64_t now)
{
	struct transfer t;
	int rc;

	while ((rc = transfer_stale(s, &t, now - STALE)) == 0) {
		if ((rc = store_begin(s)) != 0)
			return rc;
		/* A chunk may have come meanwhile. */
		if ((rc = transfer_get(s, &t, t.contact, t.id)) == 0 &&
		    t.state == TRANSFER_ACCEPTED && t.touched < now - STALE)
			rc = expire(s, &t, now);
		if (rc == 0)
			rc = store_commit(s);
		if (rc != 0)
			store_rollback(s);
		if (rc != 0 && rc != MP_ENONE)
			return rc;
	}
	return rc == MP_ENONE ? spool_clean(s) : rc;
}

int incoming_decide(struct store *s, const uint8_t id[static 16], bool accept, int64_t now)
{
	struct transfer t;
	int rc = store_begin(s);

	if (rc != 0)
		return rc;
	if ((rc = transfer_find(s, &t, id)) == 0 && (rc = decide(s, &t, accept, now)) == 0)
		rc = store_commit(s);
	if (rc != 0)
		store_rollback(s);
	else if (t.state == TRANSFER_DECLINED)
		spool_drop(&t);
	return rc;
}

int incoming_record(struct record *rec, const struct transfer *t, int64_t now)
{
	struct wire w = {.type = WIRE_FILE_STATUS};

	rec->class = CLASS_OUT;
	snprintf(rec->kind, sizeof(rec->kind), "%s", wire_type_name(w.type));
	snprintf(rec->contact, sizeof(rec->contact), "%s", t->contact_name);
	memcpy(rec->id, t->status, sizeof(rec->id));
	rec->has_id = rec->has_body = true;
	rec->time = now;
	rec->ref[0] = '\0';
	buf_clear(&rec->body);
	file_reply(&w.u.status, t->id, (enum incoming)t->state, t->next, t->chunks);
	return wire_to_body(&rec->body, &w);
}

int64_t incoming_have(const struct transfer *t)
{
	int64_t n = (t->next - 1) * t->step;

	return n < t->size ? n : t->size;
}
