/*
 * sim: many people in one process, each with its own state machines, over a network that loses,
 * repeats, reorders, delays and cuts, with crashes, by a seeded clock and source.
 *
 * A world is one scene from begin to end; everything in it hangs on struct world and is freed with
 * it.  A broken invariant ends the world by fail(), which does not return.
 *
 *   rng      the seeded source
 *   world    the clock, what happens when, the trace
 *   keep     a struct party in memory, with transactions that can fail anywhere
 *   node     what a node does around a step: receive, what is due, what was taken or refused
 *   lane     queues and the network
 *   person   what people do: accept, decline, change their mind, talk, leave, add
 *   hostile  what somebody does who keeps no rule
 *   check    the invariants
 *   scene    worlds
 */
#ifndef MP_TESTS_SIM_SIM_H
#define MP_TESTS_SIM_SIM_H

#include <setjmp.h>
#include <stdio.h>

#include "base/clock.h"
#include "mariposa/group.h"
#include "mariposa/introduction.h"
#include "sim/rng.h"

#define PEERS_MAX 48

struct world;

/* ---- keep ---- */

struct pairkey {
	bool has;
	uint8_t id[32], key[32];
};

struct contact {
	struct known known;
	int peer; /* whose address it is, -1 nobody's */
	bool temporary, introduced, blocked;
	struct pairkey temp, pair;
};

struct duty { /* what a flow has to send */
	int64_t contact, serial, at;
	enum wire_type type;
	uint8_t id[MESSAGE_ID];
	int64_t failed; /* how often the other end refused it for good, though it is owed still */
};

struct kept { /* a flow */
	struct duty *owed;
	size_t nowed;
	struct flow *f; /* only as much of it as its kind has */
};

struct kept_entry {
	int64_t chat;
	uint8_t onion[32];
	struct chat_entry e;
};

/* Rows from 1; what a transaction changes is put back when it fails. */
struct table {
	void **v;
	int64_t n, room;
	void (*drop)(void *);
};

struct change {
	struct table *t;
	int64_t row;
	void *old;
};

/* ---- lane ---- */

/* A sealed message: whoever has this id and key for this sender and this receiver opens it. */
struct packet {
	int refs, from, to;
	bool temporary;
	uint8_t id[32], key[32];
	enum wire_type type;
	uint8_t mid[MESSAGE_ID];
	int64_t time;
	struct buf header, body;
};

struct item {
	struct item *next;
	struct packet *k;
	int refused;
};

struct lane {
	int64_t contact;
	enum wire_lane which;
	struct item *head, *tail;
	size_t n;
	bool posting;
	int64_t token; /* of the post under way: another one's answer is nobody's */
	int64_t wake, alarm;
	int fails;
};

/* ---- peer ---- */

struct heard { /* a message to a group that was shown */
	uint8_t group[GROUP_ID];
	uint8_t id[MESSAGE_ID];
	int from;
};

struct peer {
	struct world *w;
	int i;
	uint8_t onion[32];
	struct party p;
	struct table flows, contacts, entries;
	struct change *changes;
	size_t nchanges, room;
	unsigned tells; /* of this transaction */
	bool saved;
	int64_t calls, fault_at; /* the call of this transaction that fails, 0 none */
	bool up, hostile;
	enum policy policy;
	uint64_t *seen;
	size_t nseen, seen_room;
	struct lane *lanes;
	size_t nlanes;
	int64_t due_at;
	bool person; /* he will look */
	struct heard *heard;
	size_t nheard, heard_room;
	int64_t hellos;
};

/* ---- world ---- */

enum happening { DELIVER, ANSWER, TIMEOUT, WAKE, DUE, PERSON, ACT, CRASH, RESTART, HOSTILE, HEAL };

struct event {
	int64_t at;
	uint64_t seq;
	enum happening what;
	int peer;
	int64_t a, b, c;
	void *ptr;
};

/* What became of one plan, by all its ends; the invariants are about it. */
struct fate {
	uint8_t id[32];
	enum plan plan;
	uint8_t group[GROUP_ID];
	int by;    /* who initiated it, -1 nobody of this world */
	int state; /* enum proposal_state, -1 none yet */
	struct {
		bool asked;
		int state;    /* enum consent_state */
		bool adopted; /* was, for a time */
	} at[PEERS_MAX];
	bool in[PEERS_MAX];
	bool timed; /* time alone ended it somewhere */
};

struct saying {
	uint8_t group[GROUP_ID];
	uint8_t id[MESSAGE_ID];
	int64_t n, at;
	int by;
	bool to[PEERS_MAX];
	bool aside[PEERS_MAX]; /* refused for good: its person was told */
};

struct set { /* of 32 bytes, by 64 bits of them */
	uint64_t *v;
	size_t n, room;
};

struct line {
	char tag[9];
	int peer, other;
	char *text;
};

struct counts {
	int64_t events, posts, lost, repeated, crashes, faults, restarts, steps;
	int64_t introductions, carried, cancelled, pairs, groups, additions, messages, hostile;
};

struct world {
	uint64_t seed;
	int64_t number;
	struct rng rng;
	int64_t now, began, heal;
	uint64_t seq;
	struct event *heap;
	size_t nheap, heap_room;
	struct peer *peer;
	int n;
	double loss, dup, crash, fault, decline, change;
	bool healed, hostile, outages, quiet;
	int64_t cut[PEERS_MAX][PEERS_MAX];  /* until then */
	bool expired[PEERS_MAX][PEERS_MAX]; /* an acquaintance, by time */
	struct fate *fates;
	size_t nfates;
	struct saying *said;
	size_t nsaid;
	struct set secrets, clear; /* what nobody may read; what was read */
	bool left[PEERS_MAX][16];  /* who ever left which group, by the group's number */
	uint8_t groups[16][GROUP_ID];
	size_t ngroups;
	struct counts *counts;
	bool tracing;
	struct line *lines;
	size_t nlines;
	jmp_buf out;
	char why[512];
	char why_tag[9];
	int why_a, why_b;
};

struct world *world_new(uint64_t seed, int64_t number, struct counts *counts, bool tracing);
void world_free(struct world *w);
void world_people(struct world *w, int n);
struct event *world_at(struct world *w, int64_t at, enum happening what, int peer);
void world_run(struct world *w, int64_t until);
void world_print(const struct world *w, FILE *to);

_Noreturn void fail(struct world *w, int a, int b, const uint8_t *tag, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void trace(struct world *w, int peer, int other, const uint8_t *tag, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The plan or group that a message or flow is about, NULL none. */
const uint8_t *tag_of_wire(const struct wire *w);
const uint8_t *tag_of_flow(const struct flow *f);

bool set_has(const struct set *s, const uint8_t v[static 32]);
void set_add(struct set *s, const uint8_t v[static 32]);
void *grow(void *v, size_t *room, size_t want, size_t each);

/* ---- keep ---- */

void keep_open(struct peer *x);
void keep_close(struct peer *x);
void keep_begin(struct peer *x);
void keep_commit(struct peer *x);
void keep_rollback(struct peer *x);
/* Reads everything back from its text, as after a restart. */
void keep_restart(struct peer *x);
struct contact *keep_contact(const struct peer *x, int64_t row);
struct contact *keep_contact_of(const struct peer *x, int peer, bool temporary);
void keep_add_contact(
    struct peer *x, int peer, const uint8_t id[static 32], const uint8_t key[static 32]);
void keep_block(struct peer *x, int64_t row);
const struct kept *keep_flow(const struct peer *x, int64_t row);
void keep_read(struct flow *out, const struct kept *k);
int keep_peer(const struct world *w, const uint8_t onion[static 32]);
/* by: who initiates it; another can take the same id for his own. */
struct fate *keep_fate(struct world *w, int by, enum plan plan, const uint8_t *id);
size_t keep_group(struct world *w, const uint8_t group[static GROUP_ID]);

/* ---- node ---- */

enum status {
	STATUS_204 = 204,
	STATUS_200 = 200,
	STATUS_400 = 400,
	STATUS_429 = 429,
	STATUS_503 = 503
};

enum status node_receive(
    struct peer *x, const struct packet *k, bool is_answer, struct packet **reply);
void node_due(struct peer *x);
void node_due_soon(struct peer *x, int64_t at);
void node_sent(struct peer *x, const struct packet *k, int64_t contact, bool taken);
/* Seals w for a contact, under its own id. */
struct packet *node_seal(struct peer *x, const struct contact *c, struct wire *w);
struct packet *packet_hold(struct packet *k);
void packet_drop(struct packet *k);

/* ---- lane ---- */

void lane_add(struct peer *x, int64_t contact, struct packet *k);
bool lane_has(const struct peer *x, int64_t contact, const uint8_t id[static MESSAGE_ID]);
void lane_forget(struct peer *x, int64_t contact);
void lane_heard(struct peer *x, int64_t contact);
void lane_kick(struct peer *x, size_t lane);
void lane_answer(struct peer *x, const struct event *e);
void lane_timeout(struct peer *x, const struct event *e);
void lane_deliver(struct peer *x, const struct event *e);
void lane_crash(struct peer *x);
void lane_restart(struct peer *x);
void lane_free(struct peer *x);

/* ---- person ---- */

enum tell { TELL_ASKED = 1 };
enum act {
	ACT_OFFER,
	ACT_CHANGE,
	ACT_CANCEL,
	ACT_GROUP,
	ACT_SAY,
	ACT_ADD,
	ACT_LEAVE,
	ACT_BLOCK,
	ACT_VANISH,
	ACT_HELLO
};

void person_told(struct peer *x, unsigned tells);
void person_looks(struct peer *x);
void person_acts(struct peer *x, const struct event *e);

/* ---- hostile ---- */

void hostile_alter(struct peer *x, const struct contact *to, struct wire *w);
void hostile_acts(struct peer *x);

/* ---- check ---- */

/* A flow is about to be kept. */
void check_flow(struct peer *x, const struct flow *old, const struct flow *f);
/* It was not: the disk was full. */
void check_undone(struct peer *x, const struct flow *old, const struct flow *f);
/* Something sealed. */
void check_sealed(struct peer *x, const struct packet *k);
/* A contact became one. */
void check_solid(struct peer *x, const struct contact *c);
/* What our person is told. */
void check_told(struct peer *x, const char *kind, const char *body);
void check_bounds(struct peer *x);
void check_end(struct world *w);

/* ---- scene ---- */

/* hostile: one of its people keeps no rule. */
void scene_introductions(struct world *w, int n, bool hostile);
void scene_groups(struct world *w, int n, bool hostile);

#endif
