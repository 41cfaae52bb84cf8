/*
 * sealing: the parts that the sealer is made of; internal to it.
 *
 *   sealer.c       one record or file to one contact
 *   sealer_group.c one record or file to everybody in a group
 */
#ifndef MP_NODE_SEALING_H
#define MP_NODE_SEALING_H

#include "mariposa/flow.h"
#include "node/sealer.h"

struct sealer {
	struct store *s;
	const struct config *cfg;
	struct sealer_options o;
	struct contact contact;
	struct contact_key *key; /* in the locked arena */
	struct flow *flow;       /* of what is owed, or the group; there, too */
	struct buf header, envelope;
	struct buf text;   /* of a device-sync */
	struct record out; /* what the sink gets */
	bool renewed;      /* keep() found that z->key is not sealed under any more */
};

/* z->contact, when anything may be sealed for it; sealer_speakable(): what a person says. */
int sealer_target(struct sealer *z, const char *name);
int sealer_speakable(struct sealer *z, const char *name);
/* z->key */
int sealer_key(struct sealer *z, enum key_role role);
int sealer_count(struct sealer *z, int64_t n);
/* w under z->key into z->envelope, and that to the sink. */
int sealer_seal(struct sealer *z, const struct wire *w);
int sealer_emit(struct sealer *z, const struct wire *w, sealer_sink *sink, void *ctx);

/* One file to z->contact; chain: of a group, NULL none; id: the transfer's, NULL a new one. */
struct sealer_file {
	int fd;
	const char *name, *group; /* group: its local name, "" none */
	const struct wire_chain *chain;
	const uint8_t *id, *sha256; /* with a chain */
	int64_t time;
	sealer_sink *sink;
	void *ctx;
	void (*progress)(void *ctx, int64_t done, int64_t all);
};
int sealer_pass(struct sealer *z, const struct sealer_file *f);

/* rec names a group in its ref: to everybody in it, or, with a contact, once more to him. */
int sealer_group_record(struct sealer *z, const struct record *rec, sealer_sink *sink, void *ctx);

#endif
