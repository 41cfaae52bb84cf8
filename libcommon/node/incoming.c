/* Incoming files: the steps of mariposa/file.h on the store and the spool (mp-protocol(7), FILES).
 */
#include "node/incoming.h"
#include "node/step.h"

#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "node/planning.h"
#include "node/sealer.h"
#include "node/spool.h"
#include "wire/chain.h"

/* Of one contact, at most. */
#define UNDECIDED 100  /* offers that wait for a person */
#define UNFINISHED 100 /* files that are coming in */

_Static_assert((int)INCOMING_OFFERED == (int)TRANSFER_OFFERED &&
                   (int)INCOMING_ACCEPTED == (int)TRANSFER_ACCEPTED &&
                   (int)INCOMING_DECLINED == (int)TRANSFER_DECLINED &&
                   (int)INCOMING_COMPLETE == (int)TRANSFER_COMPLETE &&
                   (int)INCOMING_FAILED == (int)TRANSFER_FAILED,
    "the machine's states are the store's");

static void fill(struct step *s, struct transfer *t)
{
	const struct wire_file *f = &s->w->u.file;

	memset(t, 0, sizeof(*t));
	t->contact = s->contact.row;
	snprintf(t->contact_name, sizeof(t->contact_name), "%s", s->contact.name);
	file_transfer_of(t->id, s->w->id);
	snprintf(t->name, sizeof(t->name), "%s", f->name != NULL ? f->name : "");
	t->size = f->size;
	t->step = f->step;
	t->chunks = f->chunks;
	t->next = 1;
	t->time = s->w->time;
	t->touched = s->now;
}

/*
 * A transfer that was pruned has left its end, so that what comes again has no second effect; what
 * else it was is no more known.
 */
static int load(struct step *s, struct transfer *t, enum incoming *state)
{
	uint8_t id[MESSAGE_ID];
	enum transfer_state end;
	int rc;

	file_transfer_of(id, s->w->id);
	*state = INCOMING_NONE;
	rc = transfer_get(s->store, t, s->contact.row, id);
	if (rc == 0)
		*state = (enum incoming)t->state;
	if (rc != MP_ENONE)
		return rc;
	if ((rc = transfer_ended(s->store, s->contact.row, id, &end)) != 1)
		return rc;
	fill(s, t);
	t->state = end;
	*state = (enum incoming)end;
	s->pruned = true;
	return 0;
}

/* Does the message speak of the file that was offered? */
static bool matches(const struct transfer *t, const struct wire_file *f)
{
	return t->size == f->size && t->step == f->step && t->chunks == f->chunks &&
	       (f->chunk != 0 || strcmp(t->name, f->name) == 0);
}

static int write_chunk(struct step *s)
{
	const struct wire_file *f = &s->w->u.file;
	struct transfer *t = &s->transfer;
	int rc;

	if ((rc = spool_room((int64_t)s->w->blen)) != 0)
		return rc;
	if ((rc = spool_lock(&s->spool, t, f->chunk == 1)) != 0 ||
	    (rc = spool_own(s->spool, t)) != 0 ||
	    (rc = spool_write(s->spool, t, f->chunk, s->w->body, s->w->blen)) != 0 ||
	    f->chunk < f->chunks)
		return rc;
	return spool_finish(s->spool, t, f->sha256);
}

/* Is it, whole, what its offer to the group said? MP_EBAD. */
static int check_offered(struct step *s, const uint8_t sha256[static 32])
{
	int rc = s->transfer.ref[0] == '\0' ? 1 : planning_offered(s, &s->transfer, sha256);

	return rc == 0  ? err_set(MP_EBAD, "not the file that was offered to the group")
	       : rc < 0 ? rc
	                : 0;
}

/*
 * Outside the transaction, for the disk is slow and a whole file's hash takes seconds.  What is
 * found there is checked again inside it.
 */
int incoming_prepare(struct step *s)
{
	const struct wire_file *f = &s->w->u.file;
	enum incoming state;
	int rc;

	if (f->chunk == 0)
		return 0;
	if ((rc = load(s, &s->transfer, &state)) != 0 || state != INCOMING_ACCEPTED ||
	    !matches(&s->transfer, f))
		return rc;
	s->event = incoming_chunk(s->transfer.next, f->chunk, f->chunks);
	if (s->event != INCOMING_EXPECTED && s->event != INCOMING_LAST)
		return 0;
	s->on_disk = true;
	rc = f->chunk == f->chunks ? check_offered(s, f->sha256) : 0;
	if (rc == 0)
		rc = write_chunk(s);
	if (rc == MP_ENONE)
		s->event = INCOMING_LOST;
	else if (rc == MP_EBAD)
		s->event = INCOMING_WRONG;
	else if (rc == MP_EFULL)
		s->event = INCOMING_FULL;
	else
		return rc;
	return 0;
}

static int empty_hash_right(const uint8_t sha256[static 32])
{
	uint8_t hash[32];

	return EVP_Digest("", 0, hash, NULL, EVP_sha256(), NULL) == 1 &&
	       sodium_memcmp(hash, sha256, sizeof(hash)) == 0;
}

/* Which event a new offer is; *full is the status that goes with INCOMING_FULL. */
static int judge_offer(struct step *s, enum incoming_event *event, enum received_status *full)
{
	const struct wire_file *f = &s->w->u.file;
	struct transfer_load load;
	bool large = f->size > s->cfg->file_accept;
	int rc;

	*event = INCOMING_FULL;
	*full = RECEIVED_QUOTA;
	if ((rc = message_full(s->store, s->contact.row, s->cfg->inbox_quota)) != 0)
		return rc < 0 ? rc : 0;
	if ((rc = transfer_quota(s->store, s->contact.row, &load)) != 0)
		return rc;
	rc = spool_room((large ? 0 : f->size) + ENVELOPE_MAX);
	if (rc == MP_EFULL)
		*full = RECEIVED_LATER;
	else if (rc != 0)
		return rc;
	else if (f->chunks == 0)
		*event = INCOMING_OFFER_EMPTY;
	else if (large && load.offered < UNDECIDED)
		*event = INCOMING_OFFER_LARGE;
	else if (!large && load.accepted < UNFINISHED && f->size <= s->cfg->file_quota - load.bytes)
		*event = INCOMING_OFFER_SMALL;
	return 0;
}

static int seal_reply(struct step *s, const struct wire_file_status *status)
{
	struct wire w = {.type = WIRE_FILE_STATUS, .time = s->now, .reply = true};

	randombytes_buf(w.id, sizeof(w.id));
	memcpy(w.re, s->w->id, sizeof(w.re));
	w.u.status = *status;
	s->out->status = RECEIVED_REPLY;
	return seal_wire(&s->out->reply, s->store, s->contact.row, &w);
}

/* Who brought the only copy must not think that bytes were kept which were not. */
static int take_by_hand(struct step *s, enum incoming state)
{
	if (s->w->u.file.chunk == 0 || state == INCOMING_DECLINED || state == INCOMING_FAILED)
		return step_take(s);
	return step_later(s, RECEIVED_LATER,
	    state == INCOMING_OFFERED
	        ? "the file waits for mp-file accept: bring it again after that"
	        : "an earlier part of the file is missing: bring it again after that");
}

/*
 * The answer, and the row with what it changes there: an answer that cannot go back is owed, unless
 * it only says "wait", and one that does go back settles what was owed.  dirty: the row must be
 * written anyway.
 */
static int answer(struct step *s, enum incoming state, bool dirty)
{
	struct transfer *t = &s->transfer;
	bool back = s->via == VIA_REQUEST, owe;
	struct wire_file_status status;
	uint8_t id[MESSAGE_ID];
	int rc = 0;

	file_transfer_of(id, s->w->id);
	file_reply(&status, id, state, t->next, t->chunks);
	/* By hand things come in any order, and the offer may come in the next try. */
	if (state == INCOMING_NONE && !back)
		return err_set(MP_ETEMP, "the offer of this file was not taken");
	if (state == INCOMING_NONE || s->pruned)
		return back ? seal_reply(s, &status) : step_take(s);
	owe = back ? false : t->owed || status.answer != FILE_WAIT;
	if (owe && !t->owed)
		randombytes_buf(t->status, sizeof(t->status));
	if (owe != t->owed || dirty) {
		t->owed = owe;
		rc = transfer_update(s->store, t);
	}
	if (rc != 0)
		return rc;
	return back ? seal_reply(s, &status) : take_by_hand(s, state);
}

json_t *incoming_about(const struct transfer *t)
{
	json_t *o = json_object();

	json_set_hex(o, "file", t->id, MESSAGE_ID);
	json_object_set_new(o, "name", json_string(t->name));
	json_object_set_new(o, "size", json_integer(t->size));
	return o;
}

static int fail(struct step *s)
{
	json_t *o = incoming_about(&s->transfer);
	int rc;

	json_object_set_new(o, "reason", json_string("its hash is wrong"));
	if ((rc = step_event(s, "file-failed", o)) != 0)
		return rc;
	return answer(s, INCOMING_FAILED, true);
}

/* The inbox gets the file under the transfer's id. */
static int deliver(struct step *s)
{
	struct transfer *t = &s->transfer;
	struct record rec;
	json_t *o = incoming_about(t);
	const char *path = t->path;
	int rc;

	/* JSON carries text only: in a home with another name the path is told from there on. */
	if (!text_utf8(path, strlen(path)))
		path += strlen(home_path()) + 1;
	json_object_set_new(o, "path", json_string(path));
	json_set_hex(o, "sha256", s->w->u.file.sha256, 32);
	record_init(&rec);
	snprintf(rec.kind, sizeof(rec.kind), "%s", wire_type_name(WIRE_FILE));
	snprintf(rec.ref, sizeof(rec.ref), "%s", t->ref);
	memcpy(rec.id, t->id, sizeof(rec.id));
	rec.has_id = rec.has_body = true;
	rec.time = t->time;
	if ((rc = json_write(&rec.body, o)) == 0)
		rc = message_add(s->store, t->contact, DIR_IN, MESSAGE_NEW, &rec, s->now);
	record_free(&rec);
	json_decref(o);
	return rc;
}

static int finish(struct step *s)
{
	struct transfer *t = &s->transfer;
	int rc;

	t->next = t->chunks + 1;
	if (t->chunks == 0 && ((rc = spool_lock(&s->spool, t, true)) != 0 ||
	                          (rc = spool_finish(s->spool, t, s->w->u.file.sha256)) != 0 ||
	                          (rc = transfer_add(s->store, t)) != 0))
		return rc;
	if ((rc = transfer_update(s->store, t)) != 0 || (rc = deliver(s)) != 0)
		return rc;
	return step_take(s);
}

static int perform(struct step *s, struct incoming_step m, enum received_status full)
{
	struct transfer *t = &s->transfer;
	int rc;

	t->state = (enum transfer_state)m.next;
	t->touched = s->now;
	s->fresh = true;
	switch (m.action) {
	case INCOMING_ADD:
	case INCOMING_ASK:
		if ((rc = transfer_add(s->store, t)) != 0)
			return rc;
		if (m.action == INCOMING_ASK &&
		    (rc = step_event(s, "file-offer", incoming_about(t))) != 0)
			return rc;
		return answer(s, m.next, false);
	case INCOMING_STORE:
		t->next++;
		rc = transfer_update(s->store, t);
		return rc != 0 ? rc : step_take(s);
	case INCOMING_FINISH:
		return finish(s);
	case INCOMING_RESTART:
		t->next = 1;
		return answer(s, m.next, true);
	case INCOMING_DROP:
		return fail(s);
	case INCOMING_LATER:
		return step_later(
		    s, full, full == RECEIVED_QUOTA ? STEP_TOO_MUCH : "the disk is full");
	default:
		break;
	}
	s->fresh = false;
	s->out->repeated = true;
	if (m.action == INCOMING_ANSWER)
		return answer(s, m.next, false);
	return m.action == INCOMING_IGNORE ? step_take(s) : step_refuse(s);
}

/* Its place in its sender's chain. 1: it has one, 0 the verdict is given. */
static int offered_to_group(struct step *s)
{
	const struct wire_file *f = &s->w->u.file;
	uint8_t content[32];
	char group[33];
	int rc;

	chain_content_file(content, s->w->id, f->size, f->sha256, f->name);
	rc = planning_talk(s, &f->chain, content, group);
	if (rc == 1)
		snprintf(s->transfer.ref, sizeof(s->transfer.ref), "%s", group);
	return rc;
}

static int apply_offer(struct step *s)
{
	enum received_status full = RECEIVED_QUOTA;
	enum incoming_event event = INCOMING_OFFER_AGAIN;
	const struct wire_file *f = &s->w->u.file;
	enum incoming state;
	int rc = load(s, &s->transfer, &state);

	if (rc != 0)
		return rc;
	if (state != INCOMING_NONE && !s->pruned && !matches(&s->transfer, f))
		return step_refuse(s);
	if (state == INCOMING_NONE) {
		/* An empty file with a wrong hash can never come right; an id that was a message's
		 * cannot be a file's in the inbox. */
		if (f->chunks == 0 && !empty_hash_right(f->sha256))
			return step_refuse(s);
		if ((rc = seen_get(s->store, s->contact.row, s->w->id, NULL)) != 0)
			return rc < 0 ? rc : step_refuse(s);
		fill(s, &s->transfer);
		if ((rc = judge_offer(s, &event, &full)) != 0)
			return rc;
		if (f->chain.grouped && event != INCOMING_FULL && (rc = offered_to_group(s)) != 1)
			return rc;
	}
	return perform(s, incoming_step(state, event), full);
}

/*
 * While its last bytes were checked a person declined it, or they came a second time: then the file
 * that the store knows stays, also when the transaction fails, and a second one of it goes.
 */
static void take_back(struct step *s, struct transfer *ours)
{
	if (s->transfer.state == TRANSFER_COMPLETE && s->spool >= 0) {
		close(s->spool);
		s->spool = -1;
	}
	if (s->transfer.state != TRANSFER_COMPLETE || strcmp(ours->path, s->transfer.path) != 0)
		spool_undo(ours);
}

static int apply_chunk(struct step *s)
{
	const struct wire_file *f = &s->w->u.file;
	struct transfer before = s->transfer;
	enum incoming_event event;
	enum incoming state;
	int rc = load(s, &s->transfer, &state);

	if (rc != 0)
		return rc;
	if (state != INCOMING_NONE && !s->pruned && !matches(&s->transfer, f))
		return step_refuse(s);
	event = incoming_chunk(s->transfer.next, f->chunk, f->chunks);
	if (s->on_disk && state == INCOMING_ACCEPTED && before.next == s->transfer.next) {
		event = s->event;
		memcpy(s->transfer.path, before.path, sizeof(before.path));
	} else if (state == INCOMING_ACCEPTED &&
	           (event == INCOMING_EXPECTED || event == INCOMING_LAST)) {
		/* It became the wanted one after incoming_prepare() looked. */
		return err_set(MP_EBUSY, "the transfer is being changed");
	} else if (s->on_disk) {
		take_back(s, &before);
	}
	return perform(s, incoming_step(state, event), RECEIVED_LATER);
}

int incoming_apply(struct step *s)
{
	return s->w->u.file.chunk == 0 ? apply_offer(s) : apply_chunk(s);
}

/*
 * Once committed, a finished file has its own name, and a failed or declined one is not wanted.  A
 * repetition drops it as well: whoever should have may have been killed.
 */
void incoming_settle(struct step *s, bool committed)
{
	bool over = s->transfer.state == TRANSFER_COMPLETE ||
	            s->transfer.state == TRANSFER_DECLINED || s->transfer.state == TRANSFER_FAILED;

	if (committed && over)
		spool_drop(&s->transfer);
	/* The store does not know the file: blocked or removed between the check of the whole and
	 * the transaction, a full disk, a busy store. */
	else if (s->spool >= 0 && (!committed || s->out->status == RECEIVED_REFUSED))
		spool_undo(&s->transfer);
	if (s->spool >= 0)
		close(s->spool);
	s->spool = -1;
}
