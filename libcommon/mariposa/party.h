/*
 * party: one person's end of the protocols, as the state machines see it.
 *
 * The steps of introduction.h, group.h and talk.h read and change flows and contacts by these calls
 * and do nothing else; what keeps them, a store or an array in a simulator, is the caller's.  All
 * calls of one step are one transaction.  Each returns 0 or MP_E*; a failure ends the step and is
 * handed back, and nothing of the step is kept then.
 */
#ifndef MP_MARIPOSA_PARTY_H
#define MP_MARIPOSA_PARTY_H

#include "mariposa/flow.h"

struct known {
	int64_t row;
	char name[33];
	uint8_t onion[32];
	char nickname[NICKNAME];
	bool usable; /* can be written to: active or pending, not blocked */
};

/* One message of a group's member, or of ours (onion: our own). */
struct chat_entry {
	int64_t n;
	uint8_t h[32];
	uint8_t content[32];
	uint8_t id[MESSAGE_ID];
};

enum policy { POLICY_ASK, POLICY_ACCEPT, POLICY_DECLINE };

struct party {
	void *ctx;
	int64_t now;         /* ms */
	const uint8_t *self; /* our onion key, 32 bytes */

	/* Flows.  find, load and by_name: MP_ENONE. */
	int (*find)(void *ctx, struct flow *f, enum flow_kind kind, int64_t contact,
	    const uint8_t *ref, size_t reflen);
	int (*load)(void *ctx, struct flow *f, int64_t row);
	int (*by_name)(void *ctx, struct flow *f, const char *name);
	/* Those of a kind whose contact it is (-1: of anybody). fn may save and remove f. */
	int (*each)(void *ctx, enum flow_kind kind, int64_t contact,
	    int (*fn)(void *arg, struct flow *f), void *arg);
	/* New when row is 0, which is set. */
	int (*save)(void *ctx, struct flow *f);
	int (*remove)(void *ctx, const struct flow *f);
	/* How many flows a contact initiated are kept. */
	int (*count)(void *ctx, int64_t contact, int64_t *n);
	/* A local name out of a peer's word, that nothing else has. */
	int (*name)(void *ctx, char out[static 33], const char *wish, bool group);

	/* Contacts. known_by_*: MP_ENONE; temporary ones are none. */
	int (*known_by_onion)(void *ctx, const uint8_t onion[static 32], struct known *k);
	int (*known_by_row)(void *ctx, int64_t row, struct known *k);
	/* A temporary contact; sets *row. introducer: row. */
	int (*meet)(void *ctx, const struct person *who, int64_t introducer,
	    const uint8_t id[static 32], const uint8_t key[static 32], int64_t *row);
	/* The permanent id and key beside the temporary ones. */
	int (*pair)(
	    void *ctx, int64_t row, const uint8_t id[static 32], const uint8_t key[static 32]);
	/* It is a contact now; forget: the temporary key goes. */
	int (*solidify)(void *ctx, int64_t row, bool forget);
	/* A temporary contact goes, and its flow. */
	int (*part)(void *ctx, int64_t row);

	/* What our person has decided beforehand about plans of this contact. */
	enum policy (*policy)(void *ctx, const struct known *k, enum plan plan);
	/* Something for our person; takes over body. contact 0: none. group: its name or NULL. */
	int (*tell)(void *ctx, int64_t contact, const char *kind, const char *group, json_t *body);

	/* A group's messages, by the chat's row and the sender's onion. entry_get: MP_ENONE. */
	int (*entry_get)(void *ctx, int64_t chat, const uint8_t onion[static 32], int64_t n,
	    struct chat_entry *e);
	int (*entry_put)(
	    void *ctx, int64_t chat, const uint8_t onion[static 32], const struct chat_entry *e);
	/* Those below n go, or all of them (INT64_MAX). */
	int (*entry_drop)(void *ctx, int64_t chat, const uint8_t onion[static 32], int64_t below);
};

/* What a step says to who brought the message. */
enum reply { REPLY_TAKEN, REPLY_REFUSED, REPLY_LATER, REPLY_QUOTA, REPLY_MESSAGE };

struct outcome {
	enum reply reply;
	bool repeated; /* it had no effect */
	struct wire
	    answer; /* with REPLY_MESSAGE, without id and re; owns a copy of its texts: none */
};

/* The two ends of what is sent: called when one of ours was taken, or refused for good. */
struct sent {
	const struct flow *flow;
	enum wire_type type;
	const uint8_t *to; /* onion key, NULL flow's contact */
	int64_t serial;
};

#endif
