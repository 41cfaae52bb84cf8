/*
 * mesh: a thousand relays and their people in one process, by the state machines of libcommon/mesh,
 * a seeded clock and source, and no I/O.
 *
 * Relays live in circles of CIRCLE that all accept each other, with BRIDGES more peers elsewhere.
 * A tenth is bad: a dropper loses a third of all packets, a hoarder takes all and passes on
 * nothing, a cutter passes everything on with no hops left and the number of the last attempt.
 * All of them vote against every honest peer, and so do thirty strangers.  Honest relays are away
 * for some hours each; people are offline for days.  Only who posted to a bad relay posts again, so
 * what an honest one accepted must arrive without help.
 *
 * An audit is not flooded here, for its outcome hangs on the audited peer alone; what it costs is
 * a packet's flood.  A broken invariant ends the process by fail().
 */
#ifndef MP_TESTS_SIM_MESH_MESH_H
#define MP_TESTS_SIM_MESH_MESH_H

#include "base/clock.h"
#include "mesh/audit.h"
#include "mesh/ballot.h"
#include "mesh/box.h"
#include "mesh/flood.h"
#include "mesh/standing.h"
#include "sim/rng.h"

#define CIRCLE 10
#define BRIDGES 2
#define DEGREE_MAX 24
#define GANG 30
#define RX 2
#define KEEP (7 * MP_DAY)
#define AGAIN_FIRST (10 * MP_MINUTE)
#define PATIENCE (10 * MP_MINUTE)
#define QUOTA (INT64_C(64) << 20)

enum kind { HONEST, DROPPER, HOARDER, CUTTER, KINDS };

/* A relay's row of a message. */
enum { KNOWN = 1, ACKED = 2, BOXED = 4, ENTRY = 8, FETCHED = 16 };
struct row {
	uint8_t flags, hops, attempt, queued;
	uint32_t since; /* s */
};

struct item {
	uint32_t msg;
	uint8_t ack, hops, attempt;
};

/* From one relay to a peer, and what it makes of it. */
struct link {
	int from, to;
	bool busy, black;
	int failures;
	struct item *q;
	size_t n, cap, taken;
	int64_t score;
	enum verdict vote;
	bool audited, waited; /* an audit is not decided; its relay was away when we looked */
	int64_t posted;
	enum audit_outcome last; /* AUDIT_WAIT: none */
};

struct relay {
	enum kind kind;
	bool down, listed;
	int degree;
	struct link *link[DEGREE_MAX];
	int64_t rows, texts, peak; /* bytes of texts */
	int64_t shut_out;          /* when the last of its honest peers in the circle did it, -1 */
};

struct box {
	int relay;
	struct box_state state;
	uint32_t *msg;
	size_t n, cap, cursor;
};

struct person {
	struct box box[RX];
	bool polls; /* a poll is due */
	int last;   /* the last message to him, -1 */
};

struct message {
	int to, before;                       /* the message to the same person before it, -1 */
	int64_t posted, accepted, boxed, got; /* -1: not; accepted: by an honest relay */
	int tries;
};

enum what { POST, ARRIVE, ANSWERED, RETRY, AGAIN, POLL, AUDIT, JUDGE, DOWN, UP };
struct event {
	int64_t at;
	uint64_t serial;
	enum what what;
	int a, b, c;
};

struct sizes {
	int64_t packet, ack, batch;
};

struct mesh {
	struct rng rng;
	int64_t now, end, posting;
	int n, people, messages, links;
	struct relay *relay;
	struct link *link;
	struct person *person;
	struct message *message;
	struct row *row; /* of relay r and message m: [m * n + r] */
	struct event *heap;
	size_t events, cap;
	uint64_t serial;
	struct sizes size;
	int64_t posts, bytes, copies, first, acks, audits, failed, waited, voided, reposts, doubles;
};

_Noreturn void fail(const struct mesh *m, const char *what, int a, int b);
uint32_t draw(void *m);

/* world */
void mesh_make(struct mesh *m, uint64_t seed);
void mesh_free(struct mesh *m);
void mesh_at(struct mesh *m, int64_t at, enum what what, int a, int b, int c);
bool mesh_next(struct mesh *m, struct event *e);
void *grown(void *p, size_t *cap, size_t n, size_t size);

/* flow */
struct row *row_of(struct mesh *m, int relay, int msg);
void take(struct mesh *m, int relay, int from, const struct item *item);
void take_ack(struct mesh *m, int relay, int from, const struct item *item);
void flood_again(struct mesh *m, int relay, int msg, int attempt);
void link_start(struct mesh *m, struct link *l);
void link_arrive(struct mesh *m, int link);
void row_count(struct mesh *m, int relay, struct row *row, const struct row *before);

/* people */
void post(struct mesh *m, int msg);
void put_in_box(struct mesh *m, int relay, int msg);
void poll_soon(struct mesh *m, int person);
void poll_now(struct mesh *m, int person);
void leave_relay(struct mesh *m, int relay);

/* judge */
void audit(struct mesh *m, int link);
void judge(struct mesh *m, int link, bool came);
void liars_vote(struct mesh *m);
void recount(struct mesh *m, int about);

#endif
