/* Messages and files to a group: one content, sealed for each member under his own key. */
#include "node/sealing.h"

#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "mariposa/talk.h"
#include "node/feed.h"
#include "node/keeper.h"
#include "store/entry.h"
#include "store/message.h"
#include "wire/chain.h"

/* The group into z->flow. */
static int find(struct sealer *z, struct keeper *k, const char *group)
{
	int rc = keeper_open(k, z->s, z->cfg, clock_now());

	if (rc != 0 || (rc = k->p.by_name(k, z->flow, group)) != 0)
		return rc;
	if (z->flow->kind != FLOW_CHAT)
		return err_set(MP_EUSAGE, "the group '%s' has not begun yet", group);
	return 0;
}

int sealer_group_check(struct sealer *z, const char *group)
{
	struct keeper k;

	return find(z, &k, group);
}

/* z->contact and its key for a member, named by his onion key. */
static int member(struct sealer *z, const struct chat_member *m)
{
	struct contact c;
	int rc = contact_by_onion(z->s, &c, m->who.onion);

	if (rc == MP_ENONE)
		return err_set(MP_EUSAGE, "'%s' of the group '%s' is no contact any more",
		    m->who.nickname, z->flow->name);
	if (rc != 0 || (rc = sealer_speakable(z, c.name)) != 0)
		return rc;
	return sealer_key(z, KEY_PAIR);
}

/* Has our history this message to a group? 1, 0 or MP_E*. */
static int said_before(struct sealer *z, const struct record *rec)
{
	enum message_state state;
	int rc = rec->has_id ? message_get_state(z->s, 0, DIR_OUT, rec->id, &state) : MP_ENONE;

	return rc == MP_ENONE ? 0 : rc != 0 ? rc : 1;
}

/* The chain of a message that has its place already. */
static int chain_again(struct sealer *z, struct keeper *k, const uint8_t id[static MESSAGE_ID],
    struct wire_chain *chain)
{
	uint8_t same[MESSAGE_ID];
	int64_t n;
	int rc = entry_by_id(z->s, z->flow->row, k->self, id, &n);

	return rc != 0 ? rc : talk_again(&k->p, z->flow, n, same, chain);
}

/* Its place in our chain, kept with the text and with what the keys seal; then it may be sealed. */
static int keep(struct sealer *z, struct keeper *k, struct record *rec, struct wire_chain *chain)
{
	uint8_t content[32];
	int rc = said_before(z, rec);

	if (rc < 0)
		return rc;
	if (rc == 1)
		return chain_again(z, k, rec->id, chain);
	if (!rec->has_id)
		randombytes_buf(rec->id, sizeof(rec->id));
	rec->has_id = true;
	chain_content_message(content, rec->body.data, rec->body.len);
	if ((rc = talk_say(&k->p, z->flow, rec->id, content, chain)) != 0)
		return rc;
	return message_add(z->s, 0, DIR_OUT, MESSAGE_SEALED, rec, k->p.now);
}

static int seal_for(struct sealer *z, const struct chat_member *m, const struct wire *w,
    sealer_sink *sink, void *ctx)
{
	int rc = member(z, m);

	if (rc != 0 || (rc = sealer_count(z, 1)) != 0 || (rc = sealer_seal(z, w)) != 0)
		return rc;
	return sealer_emit(z, w, sink, ctx);
}

/* To all of them, or to one. What is wrong with one is said when the others have theirs. */
static int fan_out(
    struct sealer *z, const struct wire *w, const char *only, sealer_sink *sink, void *ctx)
{
	const struct chat *c = &z->flow->u.chat;
	int rc, bad = 0;

	for (size_t i = 0; i < c->nm; i++) {
		if (c->m[i].gone)
			continue;
		if (only[0] != '\0') {
			struct contact who;

			rc = contact_by_onion(z->s, &who, c->m[i].who.onion);
			if (rc == MP_ENONE || (rc == 0 && strcmp(who.name, only) != 0))
				continue;
			if (rc != 0)
				return rc;
		}
		rc = seal_for(z, &c->m[i], w, sink, ctx);
		if (rc == MP_EUSAGE || rc == MP_ENONE || rc == MP_ELIMIT)
			bad = rc;
		else if (rc != 0)
			return rc;
	}
	return bad;
}

static int check_text(const struct record *rec)
{
	if (rec->body.len == 0)
		return err_set(MP_EBAD, "an empty message");
	if (rec->body.len > MESSAGE_TEXT)
		return err_set(MP_ELIMIT, "longer than 64 KiB: send it as a file with -f");
	return 0;
}

int sealer_group_record(struct sealer *z, const struct record *rec, sealer_sink *sink, void *ctx)
{
	struct record kept = *rec; /* borrows the body */
	struct wire w = {.type = WIRE_MESSAGE};
	struct keeper k;
	int rc = check_text(rec);

	if (rc != 0 || (rc = store_begin(z->s)) != 0)
		return rc;
	kept.contact[0] = '\0';
	kept.time = rec->time != RECORD_TIME_ABSENT ? rec->time : clock_now();
	if ((rc = find(z, &k, rec->ref)) == 0)
		rc = keep(z, &k, &kept, &w.u.message.chain);
	if (rc == 0)
		rc = store_commit(z->s);
	if (rc != 0) {
		store_rollback(z->s);
		return rc;
	}
	memcpy(w.id, kept.id, sizeof(w.id));
	w.time = kept.time;
	w.body = rec->body.data;
	w.blen = rec->body.len;
	return fan_out(z, &w, rec->contact, sink, ctx);
}

/* All of it is read once before: its hash is what everybody is told first. */
static int hash_file(int fd, const char *name, uint8_t sha256[static 32], int64_t *size)
{
	struct feed *feed = NULL;
	const uint8_t *data;
	size_t len;
	int rc = feed_open(&feed, fd, name, FILE_STEP, size);

	for (int64_t done = 0; rc == 0 && done < *size; done += (int64_t)len)
		rc = feed_next(feed, &data, &len);
	if (rc == 0)
		rc = feed_hash(feed, sha256);
	feed_free(feed);
	return rc;
}

static int say_file(struct sealer *z, const char *group, struct sealer_file *f, int64_t size,
    uint8_t id[static MESSAGE_ID], struct wire_chain *chain)
{
	uint8_t content[32];
	struct keeper k;
	int rc = store_begin(z->s);

	if (rc != 0)
		return rc;
	randombytes_buf(id, MESSAGE_ID);
	file_transfer_of(id, id);
	chain_content_file(content, id, size, f->sha256, f->name);
	if ((rc = find(z, &k, group)) == 0)
		rc = talk_say(&k.p, z->flow, id, content, chain);
	if (rc == 0)
		rc = store_commit(z->s);
	if (rc != 0)
		store_rollback(z->s);
	return rc;
}

int sealer_group_file(struct sealer *z, const char *group, int fd, const char *name,
    sealer_sink *sink, void *ctx, void (*progress)(void *ctx, int64_t done, int64_t all))
{
	uint8_t id[MESSAGE_ID], sha256[32];
	struct wire_chain chain;
	struct sealer_file f = {.fd = fd,
	    .name = name,
	    .group = group,
	    .chain = &chain,
	    .id = id,
	    .sha256 = sha256,
	    .time = clock_now(),
	    .sink = sink,
	    .ctx = ctx,
	    .progress = progress};
	int64_t size;
	int rc, bad = 0;

	if ((rc = sealer_group_check(z, group)) != 0 ||
	    (rc = hash_file(fd, name, sha256, &size)) != 0 ||
	    (rc = say_file(z, group, &f, size, id, &chain)) != 0)
		return rc;
	for (size_t i = 0; i < z->flow->u.chat.nm; i++) {
		const struct chat_member *m = &z->flow->u.chat.m[i];

		if (m->gone)
			continue;
		if (lseek(fd, 0, SEEK_SET) != 0)
			return err_sys("'%s'", name);
		rc = member(z, m);
		if (rc == 0)
			rc = sealer_pass(z, &f);
		if (rc == MP_EUSAGE || rc == MP_ENONE || rc == MP_ELIMIT)
			bad = rc;
		else if (rc != 0)
			return rc;
	}
	return bad;
}
