/*
 * mesher_link: a mesher and its links to the peers; nobody else includes it.
 */
#ifndef MP_NODE_MESHER_LINK_H
#define MP_NODE_MESHER_LINK_H

#include "mesh/audit.h"
#include "mesh/batch.h"
#include "net/client.h"
#include "node/mesher.h"
#include "node/relay_step.h"

#define LINKS_MAX 256

struct link {
	int64_t peer; /* its row */
	uint8_t server[ONION_KEY], isolation[16];
	bool black, gone;
	int64_t handed;  /* up to this row of the flood */
	bool busy;       /* a batch is under way: */
	struct buf body; /* this, */
	size_t packets;  /* with so many, */
	int64_t upto;    /* up to this row */
	int64_t retry;   /* not before, monotonic */
	int failures;
	/* Of its audits; forgotten with the process. */
	int64_t audited;         /* when it took the last one */
	bool waited;             /* which was not judged, because it was away */
	enum audit_outcome last; /* of those that were; AUDIT_WAIT: there was none */
};

struct mesher {
	struct relay *r;
	struct client *client;
	struct rsa_key *sealed_to; /* of audits; nobody opens them */
	size_t n;
	struct link link[LINKS_MAX];
	int64_t upkeep; /* next, monotonic */
	struct task *tasks;
};

/* What is under way, as the client's tag. */
struct task {
	struct task *next;
	struct link *link;
	bool audit;
	uint8_t hash[PACKET_ID]; /* of an audit */
	struct buf body;
};

/* NULL when memory runs out; a task that is not under way is freed by who made it. */
struct task *task_new(struct mesher *m, struct link *l);
void task_free(struct mesher *m, struct task *t);

/* Starts a batch to each peer who lacks something and may be asked. */
int links_start(struct mesher *m);
/* The peers as they are in the store now. */
int links_load(struct mesher *m);
int link_answered(struct mesher *m, struct link *l, struct post_result *r);
int link_garbage(struct mesher *m, struct link *l);

/* Those of a mesher that has ended. */
int audits_resume(struct mesher *m);
/* Starts the audits that are due, and decides those whose time is over. */
int audits_start(struct mesher *m, int64_t now);
int audit_answered(struct mesher *m, struct task *t, const struct post_result *r);
int audits_decide(struct mesher *m, int64_t now);

#endif
