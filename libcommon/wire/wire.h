/*
 * wire: a Mariposa message between its C form and an envelope's header and body
 * (mp-protocol(7), MESSAGES; spec of the types: one each).
 *
 * Header: JSON object with type, id (32 hex), time (RFC 3339), `re` in a reply (32 hex) and the
 * type's fields; unknown fields are ignored, an unknown type is MP_EBAD.  Body: raw bytes, only
 * where the type has one. A struct wire borrows text and body from what it was decoded from;
 * wire_free() releases the parsed JSON.
 */
#ifndef MP_WIRE_WIRE_H
#define MP_WIRE_WIRE_H

#include <stdbool.h>
#include "base/json.h"
#include "crypto/envelope.h"

#define MESSAGE_ID 16
#define MESSAGE_TEXT 65536     /* bytes of a text message, at most */
#define SYNC_TEXT (192u << 10) /* bytes of a device-sync's body, at most */
#define FILE_NAME_MAX 255      /* bytes of a file's name on the wire */
#define GROUP_ID 32            /* bytes of a group's id */
#define PLAN_ID 16             /* of an introduction's or an addition's */
#define PLAN_SEALED 112        /* id 32 and key 32 in a sealed box */
#define PEOPLE_MAX 32          /* in one introduction or group, its initiator in it or not */

/*
 * Bytes of a header, at most: before anything is parsed, for half a megabyte of tiny JSON values
 * costs its reader seventy of memory.  A list of 32 people with keys fits twice.
 */
#define HEADER_MAX 16384

enum wire_type {
	WIRE_INITIAL_CONTACT,
	WIRE_MESSAGE,
	WIRE_FILE,
	WIRE_FILE_STATUS,
	WIRE_PING,
	WIRE_INTRODUCTION_REQUEST,
	WIRE_INTRODUCTION_RESPONSE,
	WIRE_INTRODUCTION_STATUS_REQUEST,
	WIRE_INTRODUCTION_STATUS_RESPONSE,
	WIRE_INTRODUCTION_CONTACTS,
	WIRE_INTRODUCTION_ACKNOWLEDGEMENT,
	WIRE_TEMPORARY_CONTACT_UPDATE,
	WIRE_INTRODUCTION_PETITION,
	WIRE_INTRODUCTION_PETITION_DECLINATION,
	WIRE_GROUP_CHAT_REQUEST,
	WIRE_GROUP_CHAT_RESPONSE,
	WIRE_GROUP_CHAT_STATUS_REQUEST,
	WIRE_GROUP_CHAT_STATUS_RESPONSE,
	WIRE_GROUP_ADDITION_REQUEST,
	WIRE_GROUP_ADDITION_RESPONSE,
	WIRE_GROUP_ADDITION_STATUS_REQUEST,
	WIRE_GROUP_ADDITION_STATUS_RESPONSE,
	WIRE_NOTICE_OF_GROUP_EXIT,
	WIRE_GROUP_RESEND_REQUEST,
	WIRE_REKEY,
	WIRE_REKEY_DRAINED,
	WIRE_CONTACT_UPDATE,
	WIRE_RECEIPT,
	WIRE_DEVICE_SYNC,
	WIRE_TYPES
};

/* How a message is queued: a lane a contact, in order within a lane, control first. */
enum wire_lane { LANE_CONTROL, LANE_MESSAGE, LANE_FILE, LANES };

enum file_answer {
	FILE_NO,
	FILE_FROM,
	FILE_WAIT
}; /* declined | send from chunk N | a person decides */

/* The types' fields beyond type, id, time, re. */
struct wire_initial_contact { /* body empty */
	uint8_t sender[32];   /* "sender": the onion address as text */
	uint8_t proof[32];    /* "proof": hex */
	const char *nickname; /* "nickname": optional, at most 64 bytes UTF-8; NULL none */
};
/*
 * A message or file to a group (mp-protocol(7), GROUPS): where it stands in its sender's chain, and
 * what its sender has seen of the others.  All of it or nothing: grouped says whether it is there.
 */
struct wire_seen {
	uint8_t member[8]; /* "member": the first bytes of the onion key, 16 hex */
	int64_t n;         /* "n": 1 or more */
	uint8_t h[32];     /* "h" */
};
struct wire_chain {
	bool grouped;
	uint8_t group[GROUP_ID]; /* "group": 64 hex */
	int64_t n;               /* "n": the sender's counter, from 1 */
	uint8_t h[32];           /* "h": 64 hex */
	uint8_t members[32];     /* "members": hash of the membership, 64 hex */
	size_t nseen;            /* "seen": [{member, n, h}], at most PEOPLE_MAX, no member twice */
	struct wire_seen seen[PEOPLE_MAX];
};
struct wire_message {            /* body: the text, 1..65536 bytes, any bytes */
	struct wire_chain chain; /* optional */
};
/*
 * A file in chunks.  The transfer's id is 12 random bytes and four zero bytes; chunk n's message id
 * is the same twelve and n, big endian.  Chunk 0 is the offer and has no body; 1..chunks are the
 * bytes, each but the last `step` long; the last one also has "sha256" of the whole.  An empty file
 * is chunk 0 alone with its sha256.
 */
struct wire_file {
	const char *name; /* "name": in every chunk of index 0 */
	int64_t size;     /* "size": bytes of the whole */
	int64_t chunk;    /* "chunk": 0..chunks */
	int64_t chunks;   /* "chunks": the last chunk's index */
	int64_t step;     /* "step": bytes a chunk */
	bool has_hash;
	uint8_t sha256[32]; /* "sha256"; to a group in chunk 0, too */
	/* As wire_message, whole in chunk 0; in the others only grouped and group ("group"). */
	struct wire_chain chain;
};
struct wire_file_status {         /* body empty */
	uint8_t file[MESSAGE_ID]; /* "file": the transfer's id */
	enum file_answer answer;  /* "answer": "no" | "from" | "wait" */
	int64_t from;             /* "from": with "from", 1..chunks+1 (chunks+1: complete) */
};
struct wire_ping {
	bool grouped;
	uint8_t group[GROUP_ID]; /* "group": optional, 64 hex */
};

/*
 * Introductions, groups and additions (mp-protocol(7), INTRODUCTIONS, GROUPS).  One struct for
 * their types, of which each uses what its line in wire/plan.c names; the others are zero.  Bodies
 * are empty.
 */
enum plan_answer { ANSWER_DECLINE, ANSWER_ACCEPT, ANSWER_BUSY };
enum plan_status {
	STATUS_PENDING,
	STATUS_ACCEPTED,
	STATUS_INITIATED,
	STATUS_CANCELLED,
	STATUS_NONE
};

struct wire_person {
	uint8_t onion[32];    /* "onion": the address as text, canonical */
	const char *nickname; /* "nickname": optional, text of at most 64 bytes; NULL none */
};
struct wire_people {
	size_t n; /* at most PEOPLE_MAX, no onion twice */
	struct wire_person person[PEOPLE_MAX];
};
struct wire_key { /* a temporary contact */
	uint8_t onion[32], id[32], key[32];
};

struct wire_plan {
	uint8_t introduction[PLAN_ID]; /* "introduction": 32 hex */
	uint8_t group[GROUP_ID];       /* "group": 64 hex */
	uint8_t addition[PLAN_ID];     /* "addition": 32 hex */
	bool has_addition;             /* of a petition: it is about an addition */
	uint8_t base[32];              /* "base": hash of the membership that is added to */
	const char *name;              /* "name": optional, text of at most 64 bytes */
	enum plan_answer answer;       /* "answer": "accept" | "decline" | "busy" (additions) */
	enum plan_status status;       /* "status": "pending" | "accepted" | "initiated"
	                                  (introductions) | "cancelled" */
	enum plan_status seen;         /* "seen": optional, the final status that was seen */
	bool has_seen;
	struct wire_people people;      /* "people" */
	struct wire_people prospective; /* "prospective" */
	size_t nkeys;                   /* "contacts": [{onion, id, key}] */
	struct wire_key keys[PEOPLE_MAX];
	int64_t round;               /* "round": 0 to 255 */
	uint8_t number[32];          /* "number": 64 hex */
	uint8_t key[32];             /* "key": 64 hex, X25519 */
	uint8_t sealed[PLAN_SEALED]; /* "sealed": 224 hex */
	int64_t first, last;         /* "first", "last": counters, 1 <= first <= last */
	int64_t n;                   /* "n": of an exit, the leaver's last counter, 0 or more */
};

/* "epoch": of a rekey the one that the key is for, of a rekey-drained the one that has drained. */
struct wire_rekey { /* body empty */
	int64_t epoch;
	uint8_t key[32]; /* "key": hex; X25519; of a rekey only */
};

/* Where the sender is in the relay mesh: a mesh_address (mp-mesh-protocol(7)); not looked at here.
 */
struct wire_update {  /* body empty */
	json_t *mesh; /* "mesh": an object, borrowed */
};

/* Messages that came through the mesh. */
#define RECEIPT_MAX 48
struct wire_receipt { /* body empty */
	size_t n;
	uint8_t id[RECEIPT_MAX][MESSAGE_ID]; /* "ids": hex, at least one */
};

/* A device-sync has no fields; its body is JSON, 2 to SYNC_TEXT bytes, not looked at here. */

struct wire {
	enum wire_type type;
	uint8_t id[MESSAGE_ID];
	int64_t time;
	bool reply;
	uint8_t re[MESSAGE_ID]; /* the message that this answers */
	union {
		struct wire_initial_contact initial;
		struct wire_message message;
		struct wire_file file;
		struct wire_file_status status;
		struct wire_ping ping;
		struct wire_plan plan;
		struct wire_rekey rekey;
		struct wire_update update;
		struct wire_receipt receipt;
	} u;
	const uint8_t *body;
	size_t blen;
	json_t *json; /* owns the borrowed texts of a decoded one */
};

/* The type's name on the wire and in records: "initial-contact", "message" ... */
const char *wire_type_name(enum wire_type t);
int wire_type_parse(enum wire_type *t, const char *name); /* MP_EBAD */
enum wire_lane wire_lane(enum wire_type t);

/* Appends the header.  The body is w->body as it is. MP_EBAD when a field is outside its bounds. */
int wire_encode(struct buf *header, const struct wire *w);
/* Everything checked. MP_EBAD. */
int wire_decode(struct wire *w, const struct envelope *e);
/* Also wipes it: a list of contacts has keys. */
void wire_free(struct wire *w);
/* One of the types whose fields are struct wire_plan. */
bool wire_is_plan(enum wire_type t);

/*
 * The same fields as the JSON body of a record (class out or in, any kind but message), for
 * commands and scripts: file-status: {"file":HEX,"answer":"from","from":N}; initial-contact:
 * {"nickname":..}; ping: {}; rekey and rekey-drained: {"epoch":N}, the key is added when it is
 * sealed; contact-update: {}, as receipt and device-sync: what it says is added when it is sealed.
 * A file's record is not made here: it speaks of a path (mp-records(5)).
 */
int wire_to_body(struct buf *body, const struct wire *w);
int wire_from_body(struct wire *w, enum wire_type t, const char *body, size_t len);

/* Transfer ids. */
void file_chunk_id(
    uint8_t out[static MESSAGE_ID], const uint8_t transfer[static MESSAGE_ID], uint32_t chunk);
uint32_t file_chunk_of(const uint8_t id[static MESSAGE_ID]);
void file_transfer_of(uint8_t out[static MESSAGE_ID], const uint8_t id[static MESSAGE_ID]);
/* Bytes a chunk so that 40+hlen+blen <= ENVELOPE_CHUNK for any legal header; a constant. */
#define FILE_STEP (ENVELOPE_CHUNK - 40u - 1024u)

#endif
