/* file-status: what the receiver of a file of ours says about it (mp-protocol(7), FILES). */
#include "node/step.h"

#include "base/err.h"
#include "store/queue.h"

/* The transfer's message, when it still can change: 1; 0 when it cannot or is none of ours. */
static int is_open(struct step *s, const uint8_t *file)
{
	enum message_state state;
	int rc = message_get_state(s->store, s->contact.row, DIR_OUT, file, &state);

	if (rc == MP_ENONE)
		return 0;
	return rc != 0 ? rc : state == MESSAGE_SEALED || state == MESSAGE_QUEUED;
}

/* It will not go: nothing of it is kept in the queue, and a person is told why. */
static int give_up(struct step *s, const char *kind, const char *reason)
{
	const uint8_t *file = s->w->u.status.file;
	json_t *o = json_object();
	int rc;

	json_set_hex(o, "file", file, MESSAGE_ID);
	json_object_set_new(o, "reason", json_string(reason));
	if ((rc = step_event(s, kind, o)) != 0 ||
	    (rc = queue_file_drop(s->store, s->contact.row, file)) != 0)
		return rc;
	return message_set_state(s->store, s->contact.row, DIR_OUT, file, MESSAGE_FAILED);
}

/*
 * Only the answer to our own request tells where things stand now: one that came by another way may
 * have been written long before, and the next chunk's answer will say if anything is wrong.
 */
static int release(struct step *s)
{
	const struct wire_file_status *f = &s->w->u.status;
	int64_t rows, lowest;
	char reason[96];
	int rc = queue_file_left(s->store, s->contact.row, f->file, &rows, &lowest);

	if (rc != 0 || rows == 0)
		return rc;
	if (lowest > f->from && s->via == VIA_ANSWER) {
		snprintf(reason, sizeof(reason),
		    "the receiver asks for chunk %lld, which is gone: send the file again",
		    (long long)f->from);
		return give_up(s, "file-failed", reason);
	}
	if ((rc = queue_file_release(s->store, s->contact.row, f->file, f->from)) != 0 ||
	    (rc = queue_file_left(s->store, s->contact.row, f->file, &rows, &lowest)) != 0)
		return rc;
	s->queue = true;
	/* In an answer that is for the sender to say, who knows whether more chunks are on their
	 * way into the queue. */
	if (rows > 0 || s->via == VIA_ANSWER || f->from == 1)
		return 0;
	return message_set_state(s->store, s->contact.row, DIR_OUT, f->file, MESSAGE_SENT);
}

/* What it says of its file, once; taken is that it was noted. */
static int conclude(struct step *s, bool *taken)
{
	int rc = seen_get(s->store, s->contact.row, s->w->id, NULL);

	*taken = rc == 1;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if ((rc = seen_add(s->store, s->contact.row, s->w->id, NULL, 0)) != 0)
		return rc;
	return give_up(s, "file-declined", "the receiver does not want it");
}

/*
 * Only a "no" that ends a file is noted, one for each: a "from" once more does nothing that it has
 * not done, and nobody fills the store with words about files.
 */
int outgoing_apply(struct step *s)
{
	const struct wire_file_status *f = &s->w->u.status;
	int rc;

	step_heard(s);
	if (f->answer == FILE_WAIT || (rc = is_open(s, f->file)) == 0)
		return step_take(s);
	if (rc > 0)
		rc = f->answer == FILE_NO ? conclude(s, &s->out->repeated) : release(s);
	return rc != 0 ? rc : step_take(s);
}
