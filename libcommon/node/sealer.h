/*
 * sealer: from `out` records to envelopes.  Counts what each key sealed, and keeps the text as an
 * out message (state sealed) in the same transaction, committed before the sealed record is given
 * to the sink. A caller that seals many holds a transaction of its own and lets nothing out before
 * that commit. Stable ids: sealing an id again that is stored already seals again (a new IV) and
 * stores nothing new.
 */
#ifndef MP_NODE_SEALER_H
#define MP_NODE_SEALER_H

#include "base/config.h"
#include "base/record.h"
#include "store/contact.h"
#include "wire/wire.h"

struct sealer;

/* Gets each sealed record (class sealed, kind, contact, id, time, ref = onion, body = base64);
 * non-zero stops. */
typedef int sealer_sink(void *ctx, const struct record *sealed);

struct sealer_options {
	bool blank;                        /* contact and ref are `-` in what the sink gets */
	void (*warn)(const char *contact); /* its key has sealed 2^31 messages; may be NULL */
};

int sealer_new(
    struct sealer **out, struct store *s, const struct config *cfg, const struct sealer_options *o);
void sealer_free(struct sealer *z);

/* 0 when this contact can be written to, else what sealer_record() would say. */
int sealer_check(struct sealer *z, const char *contact);

/*
 * One out record of kind message, initial-contact, file-status or ping.  MP_ENONE: no such contact;
 * MP_EUSAGE: it has not accepted our card yet, is blocked, or the kind cannot be sealed; MP_EBAD:
 * the body; MP_ELIMIT: over 64 KiB (send it as a file) or the key is used up.
 */
int sealer_record(struct sealer *z, const struct record *rec, sealer_sink *sink, void *ctx);

/*
 * A file: the offer, then every chunk, streamed in constant memory.  name: what the peer will see.
 * progress (may be NULL) gets bytes done and in all.  A file that changes its size meanwhile is
 * MP_EBAD.
 */
int sealer_file(struct sealer *z, const char *contact, int fd, const char *name, sealer_sink *sink,
    void *ctx, void (*progress)(void *ctx, int64_t done, int64_t all));

/*
 * The same to everybody in a group: a record goes there by its ref (and no contact).  One message,
 * one id, one place in our chain; sealed for each under his own key.  Who cannot be written to is
 * complained of after the others got theirs.  MP_ENONE: no such group; MP_EUSAGE: it has not begun,
 * or was left.
 */
int sealer_group_check(struct sealer *z, const char *group);
int sealer_group_file(struct sealer *z, const char *group, int fd, const char *name,
    sealer_sink *sink, void *ctx, void (*progress)(void *ctx, int64_t done, int64_t all));

/* One wire message of ours to a contact as a raw envelope (a reply, a ping): nothing stored, but
 * counted. */
int seal_wire(struct buf *envelope, struct store *s, int64_t contact, const struct wire *w);

#endif
