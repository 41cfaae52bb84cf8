/*
 * relay: what a relay keeps, in $MP_HOME/relay.db (store/relay.sql).
 *
 * This header is all that a relay's node knows of its storage; there is no SQL in it and no SQLite,
 * so that another server of tables can be put behind it.  One struct store belongs to one thread,
 * any number of processes work at once.  relay_begin() and relay_end() make one durable transaction
 * of what is called between; relay_end(s, rc) undoes it unless rc is 0, and hands rc on.  Calls
 * outside of one are transactions of their own.
 *
 * Each is 0 or MP_E*; MP_ENONE: there is no such thing.  Times are ms.
 */
#ifndef MP_STORE_RELAY_H
#define MP_STORE_RELAY_H

#include <stdbool.h>
#include "base/buf.h"

struct store;

int relay_open(struct store **out, bool make);
void relay_close(struct store *s);
int relay_begin(struct store *s);
int relay_end(struct store *s, int rc);

/* The 32 bytes that challenges are made with. */
int relay_secret(struct store *s, uint8_t secret[static 32]);

/* --- packets */
struct relay_packet {
	int64_t row;
	uint8_t hash[32], name[32]; /* of it with its token (packet_whole()); its id */
	uint8_t box[32];            /* SHA-256 of its recipient's key */
	bool has_text, boxed, token, acked;
	int hops, attempt;
	int64_t since, again, size;
};

int relay_packet_get(struct store *s, struct relay_packet *p, const uint8_t hash[static 32]);
int relay_packet_text(struct store *s, int64_t row, struct buf *text);
/* A copy of that id that this device has not acknowledged; MP_ENONE. */
int relay_packet_named(struct store *s, struct relay_packet *p, const uint8_t name[static 32],
    const uint8_t device[static 8]);
/* Whether some copy of that id is acknowledged: 1, 0. */
int relay_packet_acked(struct store *s, const uint8_t name[static 32]);
/* Sets p->row. */
int relay_packet_add(struct store *s, struct relay_packet *p, const void *text, size_t len);
/* A further copy: hops, attempt, since and again of p, and the text when it was dropped. */
int relay_packet_again(struct store *s, const struct relay_packet *p, const void *text, size_t len);
/* Packets that entered here and that nobody acknowledged: the next whose time has come. */
int relay_packet_due(struct store *s, struct relay_packet *p, int64_t now);
int relay_packet_set_again(struct store *s, int64_t row, int attempt, int64_t again);

/* --- flooding: rows in order */
enum relay_kind { RELAY_PACKET, RELAY_ACK, RELAY_DECISION };

struct relay_row {
	int64_t id;
	enum relay_kind kind;
	int hops, attempt;
	const void *text; /* valid in the callback only */
	size_t len;
};

/* For packets: their row, hops as the peer gets them. */
int relay_flood_packet(
    struct store *s, int64_t row, int hops, int attempt, int64_t source, int64_t now);
int relay_flood_text(struct store *s, enum relay_kind kind, const void *text, size_t len,
    int64_t source, int64_t now);
/* What follows `after` and did not come from the peer; fn's non-zero ends it, and is returned when
 * it is negative.  *last: the last row looked at, of all. */
int relay_flood_each(struct store *s, int64_t peer, int64_t after, int64_t *last,
    int (*fn)(void *ctx, const struct relay_row *row), void *ctx);
/* Forgets what every peer has, and what is older than `before`; texts that nobody needs go with it.
 */
int relay_flood_trim(struct store *s, int64_t before);

/* --- boxes */
struct relay_box {
	int64_t row, used, open;
};

int relay_box_get(struct store *s, struct relay_box *b, const uint8_t hash[static 32]);
/* Its owner polls: makes box and device when there is room: MP_ELIMIT devices, MP_EBUSY boxes. */
int relay_box_poll(struct store *s, struct relay_box *b, const uint8_t hash[static 32],
    const uint8_t device[static 8], int64_t now, int64_t silent, int64_t devices, int64_t boxes);
/* Packets of a new box that are here already. */
int relay_box_adopt(struct store *s, const uint8_t hash[static 32], int64_t quota);
int relay_box_put(struct store *s, const struct relay_box *b, const struct relay_packet *p);
int relay_box_each(struct store *s, const uint8_t hash[static 32], int64_t after,
    int (*fn)(void *ctx, int64_t place, const void *text, size_t len), void *ctx);
/*
 * 1: newly said by this device; 0: known already, or so many devices have said it: what is flooded
 * for one packet is bounded.  The last device's word empties the place.
 */
int relay_box_ack(
    struct store *s, const struct relay_packet *p, const uint8_t device[static 8], int64_t devices);
/* MP_EEXIST when it was answered before. */
int relay_answered(struct store *s, const void *challenge, size_t len, int64_t now);

int relay_token_add(struct store *s, int64_t box, const uint8_t handle[static 16],
    const uint8_t token[static 32], int64_t day, int64_t most);
/* An unused one of these days. */
int relay_token_get(struct store *s, int64_t box, const uint8_t handle[static 16], int64_t first,
    int64_t last, uint8_t token[static 32]);
int relay_token_use(struct store *s, int64_t box, const uint8_t handle[static 16]);

/* --- peers */
#define RELAY_PEERS 255 /* at most */

struct relay_peer {
	int64_t row, handed, added, seen, score, audit, audits, lost, reported;
	uint8_t server[32];
	int vote; /* 0 none, 1 blacklisted, 2 whitelisted */
	bool black;
};

/* MP_EEXIST, MP_ELIMIT. */
int relay_peer_add(struct store *s, const uint8_t server[static 32], const void *pseudonym,
    size_t len, int64_t now);
int relay_peer_remove(struct store *s, const uint8_t server[static 32]);
int relay_peer_get(struct store *s, struct relay_peer *p, const uint8_t server[static 32]);
int relay_peer_each(struct store *s, int (*fn)(void *ctx, const struct relay_peer *p), void *ctx);
int relay_peer_pseudonym(struct store *s, int64_t row, struct buf *pem);
int relay_peer_handed(struct store *s, int64_t row, int64_t last, int64_t now);
/* All but handed and seen. */
int relay_peer_update(struct store *s, const struct relay_peer *p);

/* --- votes, audits */
struct relay_vote {
	uint8_t about[32], voter[32], signature[64];
	int value; /* 0: none, for he voted both ways */
	int64_t day;
};

int relay_vote_get(struct store *s, struct relay_vote *v); /* by about and voter */
int relay_vote_put(struct store *s, const struct relay_vote *v);
int relay_vote_each(struct store *s, const uint8_t about[static 32],
    int (*fn)(void *ctx, const struct relay_vote *v), void *ctx);

int relay_audit_add(struct store *s, const uint8_t hash[static 32], int64_t peer);
/* It was posted, and is decided at `until`; 0: it is over, or could not be posted. */
int relay_audit_set(struct store *s, const uint8_t hash[static 32], int64_t until);
/* Whoever posted them has ended: what was not taken yet is none, and the others are decided at
 * `until` at the earliest, for what came meanwhile has yet to reach us. */
int relay_audit_resume(struct store *s, int64_t until);
/* 0: one of this peer is not decided; MP_ENONE. */
int relay_audit_pending(struct store *s, int64_t peer);
/* It came by the mesh, from this peer; MP_ENONE: no audit of ours.  cut: with fewer hops than where
 * it entered gives it; when that was its own copy, the audit has failed. */
int relay_audit_came(struct store *s, const uint8_t hash[static 32], int64_t from, bool cut);
/* The first whose time is over; relay_audit_set() then moves it or takes it out. */
int relay_audit_due(
    struct store *s, uint8_t hash[static 32], int64_t *peer, bool *came, int64_t now);

/* --- limits, log, upkeep */
/* So many in this minute with this one; source 0: clients. */
int relay_meter(struct store *s, int64_t source, int64_t minute, int64_t *n);
int relay_meter_get(struct store *s, int64_t source, int64_t minute, int64_t *n);
int relay_bytes(struct store *s, int64_t *used);
int relay_log(struct store *s, const uint8_t *server, int64_t now, const char *what);
int relay_log_each(struct store *s, int64_t after,
    int (*fn)(void *ctx, int64_t time, const uint8_t *server, const char *what), void *ctx);

struct relay_counts {
	int64_t packets, held, boxes, devices, flood, bytes;
};
int relay_count(struct store *s, struct relay_counts *c);

struct relay_expiry {
	int64_t now, keep, silent, log; /* ms; keep: of a packet; silent: of a device */
	int64_t day;
};
/* Everything whose time is over; false in *more once there is nothing left for now. */
int relay_expire(struct store *s, const struct relay_expiry *e, bool *more);

#endif
