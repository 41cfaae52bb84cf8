/*
 * ballot: votes on a server's behaviour and what follows from them (mp-mesh-protocol(7), QUORUM).
 *
 *     {"type": "quorum_decision", "reported_server_id": SERVER,
 *      "votes": {SERVER: "VALUE.WINDOW.SIGNATURE", ...}, "final_decision": VALUE, "timestamp":
 * TIME}
 *
 * VALUE is blacklisted or whitelisted, WINDOW a day since 1970, SIGNATURE the voter's Ed25519
 * signature, in base64, over "mp mesh/1 vote\n" SERVER "\n" VALUE "\n" WINDOW "\n" VOTER.  So a
 * vote can be passed on by anybody and made by its voter alone.  The final decision that stands
 * there is its sender's opinion: each node counts for itself, the votes of peers that its operator
 * accepted and no others.
 */
#ifndef MP_MESH_BALLOT_H
#define MP_MESH_BALLOT_H

#include "mesh/signed.h"

#define VOTES_MAX 256
#define VOTE_DAYS 7 /* how long a vote counts */
#define QUORUM_LEAST 3

enum verdict { VERDICT_NONE, VERDICT_BLACKLISTED, VERDICT_WHITELISTED };

struct vote {
	uint8_t voter[ONION_KEY], about[ONION_KEY];
	enum verdict value;
	int64_t window;
	uint8_t signature[64];
};

struct decision {
	uint8_t about[ONION_KEY];
	enum verdict final;
	int64_t time;
	size_t n;
	struct vote vote[VOTES_MAX];
};

const char *verdict_name(enum verdict v); /* not of VERDICT_NONE */

/* Sets voter and signature. */
int vote_sign(struct vote *v, const struct identity *id);
/* 0 or MP_EBAD. */
int vote_verify(const struct vote *v);

/* Every signature is checked: one wrong vote refuses all. */
int decision_read(struct decision *d, const json_t *o);
/* Its form alone: no vote of it is believed before vote_verify(). */
int decision_parse(struct decision *d, const json_t *o);
int decision_write(json_t **out, const struct decision *d);

/*
 * What the votes (any order, one a voter) make of a server in the eyes of a node that has accepted
 * n_peers peers: a value that more than half of them, and QUORUM_LEAST at least, gave within
 * VOTE_DAYS of today.  Its own vote (self, or NULL) counts like a peer's, so that all who
 * accept each other come to the same.  Whoever is not among them does not count, and neither does
 * the server itself.
 */
enum verdict ballot_count(const struct vote *votes, size_t n, const uint8_t (*peers)[ONION_KEY],
    size_t n_peers, const uint8_t *self, const uint8_t about[static ONION_KEY], int64_t today);

#endif
