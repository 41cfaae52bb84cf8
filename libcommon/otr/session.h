/*
 * session: one session of a fixed roster, from the exchange of keys to their publication
 * (mp-otr-protocol(7)).  No I/O: lines and the time come in, lines and notes go out by otr_sink.
 *
 * Lines come from anybody: what no member signed changes nothing, a line that comes twice has no
 * second effect, one that comes too early is kept until its turn.  A member that signs two things
 * of which one must be false ends the session, and is named.  What a function returns is about this
 * machine only (MP_ENOMEM, MP_ESYS), never about a peer.  session_free() wipes the keys.
 */
#ifndef MP_OTR_SESSION_H
#define MP_OTR_SESSION_H

#include "otr/share.h"
#include "otr/stage.h"
#include "otr/transcript.h"

enum otr_why {
	WHY_LATE,        /* what was waited for did not come */
	WHY_TWO,         /* signed two different ones */
	WHY_ROSTER,      /* confirmed another roster or other signing keys */
	WHY_COMMITMENTS, /* saw other commitments */
	WHY_SHARE,       /* revealed another contribution than committed to */
	WHY_VIEW,        /* attested something else, or has another group key */
	WHY_TRANSCRIPT,  /* saw other messages */
	WHY_PUBLISHED,   /* published the signing key while it was in use */
	WHY_LEFT,        /* left before it came about */
	WHY_GAVE_UP,     /* a member aborted; the reason was its own */
	WHY_EXPIRED,
	WHYS
};

enum otr_note_kind {
	NOTE_OPEN,      /* the session is established */
	NOTE_MESSAGE,   /* from, data: the payload */
	NOTE_LEFT,      /* from says farewell */
	NOTE_ABORT,     /* stage, why, who; from when a member said it, else -1 */
	NOTE_VERIFIED,  /* all transcripts are equal; data: the digest */
	NOTE_PUBLISHED, /* from: the secret signing key is known to all; data: it */
};

struct otr_session;

struct otr_note {
	enum otr_note_kind kind;
	const struct otr_session *session;
	enum otr_stage stage;
	enum otr_why why;
	uint64_t who; /* members, bit i for place i in the roster */
	int from;
	int64_t n; /* of a message */
	const uint8_t *data;
	size_t len;
};

struct otr_sink {
	void *ctx;
	void (*line)(void *ctx, const char *text, size_t len);
	void (*note)(void *ctx, const struct otr_note *note);
};

struct otr_config {
	char room[OTR_ROOM], server[OTR_ROOM], nick[OTR_NICK];
	int64_t wait;   /* ms that a stage may take */
	int64_t settle; /* ms without a newcomer before a session is begun */
	int64_t life;   /* ms that a session may last */
	int64_t skew;   /* ms by which clocks may differ */
	const struct otr_identity *self;
	struct otr_sink sink;
	/* May this long-term key take part?  NULL: all may. */
	bool (*welcome)(void *ctx, const struct otr_member *m);
};

/* What is known of a member. */
struct otr_peer {
	bool has_key, has_commitment, has_echo, has_share, has_attest, has_close, has_digest;
	bool leaves, published;
	uint8_t key[P256_PUBLIC];
	uint8_t commitment[OTR_HASH], digest[OTR_HASH];
	int64_t close; /* how many messages */
};

/* The locked part. */
struct otr_secrets {
	uint8_t ephemeral[P256_SECRET], signing[P256_SECRET];
	uint8_t pair[OTR_MEMBERS][OTR_PAIR];
	uint8_t shares[OTR_MEMBERS][OTR_SHARE];
	uint8_t group[OTR_GROUP];
};

struct otr_pending {
	struct otr_pending *next;
	bool verified;
	struct otr_line line;
};

struct otr_session {
	const struct otr_config *cfg;
	struct otr_roster roster;
	size_t self;
	uint8_t sid[OTR_SID];
	enum otr_stage stage;
	int64_t opened, expiry;
	int64_t deadline; /* INT64_MAX: nothing is waited for */
	struct otr_peer peer[OTR_MEMBERS];
	uint8_t roster_hash[OTR_HASH], commitments[OTR_HASH], view[OTR_HASH], digest[OTR_HASH];
	struct otr_secrets *secret;
	struct transcript transcript;
	int64_t check_at;   /* INT64_MAX: nothing new to check */
	uint32_t unchecked; /* messages since the last check */
	bool leaving;
	uint64_t missed; /* of a dead one: who was silent for long */
	struct otr_pending *pending;
	size_t pending_bytes;
};

/* ephemeral: the secret to the ephemeral key of self's hello, which is in the roster.  Sends its
 * keys. */
int session_new(struct otr_session **out, const struct otr_config *cfg,
    const struct otr_roster *roster, const uint8_t ephemeral[static P256_SECRET], int64_t now);
void session_free(struct otr_session *s);

/* A line of this sid. */
int session_take(struct otr_session *s, const struct otr_line *l, int64_t now);

/* A message of ours; MP_EBUSY unless the session is open. */
int session_say(struct otr_session *s, const uint8_t *payload, size_t len, int64_t now);

/* Ends it; `leaving` tells the others that there will be no next one with us. */
int session_close(struct otr_session *s, bool leaving, int64_t now);

int session_tick(struct otr_session *s, int64_t now);
/* When session_tick() has something to do, or INT64_MAX. */
int64_t session_wake(const struct otr_session *s);

/* What it waits for did not come from these. */
uint64_t session_missing(const struct otr_session *s);

/* The parts of it, for its other files. */
int session_send(struct otr_session *s, struct otr_line *l); /* fills in sid, from, signature */
int session_send_keys(struct otr_session *s);
void session_tell(struct otr_session *s, struct otr_note *note);
int session_act(struct otr_session *s, enum otr_action a, struct otr_note *note, int64_t now);
int session_event(
    struct otr_session *s, enum otr_event e, enum otr_why why, uint64_t who, int from, int64_t now);
int session_advance(struct otr_session *s, int64_t now);
int session_check(struct otr_session *s);
/* One line whose turn it may be: 1 done with it, 0 keep it for later. */
int session_try(struct otr_session *s, struct otr_pending *p, int64_t now);
/* The same for messages, checks, closes and digests, whose signature holds. */
int session_talk(struct otr_session *s, struct otr_pending *p, size_t from, int64_t now);

#endif
