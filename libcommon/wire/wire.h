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
#define MESSAGE_TEXT 65536 /* bytes of a text message, at most */
#define FILE_NAME_MAX 255  /* bytes of a file's name on the wire */

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
	WIRE_REKEY,
	WIRE_REKEY_DRAINED,
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
struct wire_message {      /* body: the text, 1..65536 bytes, any bytes */
	const char *group; /* "group": optional, 64 hex */
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
	uint8_t sha256[32]; /* "sha256" */
	const char *group;  /* as wire_message */
};
struct wire_file_status {         /* body empty */
	uint8_t file[MESSAGE_ID]; /* "file": the transfer's id */
	enum file_answer answer;  /* "answer": "no" | "from" | "wait" */
	int64_t from;             /* "from": with "from", 1..chunks+1 (chunks+1: complete) */
};
struct wire_ping {
	const char *group; /* as wire_message */
};

/* "epoch": of a rekey the one that the key is for, of a rekey-drained the one that has drained. */
struct wire_rekey { /* body empty */
	int64_t epoch;
	uint8_t key[32]; /* "key": hex; X25519; of a rekey only */
};

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
		struct wire_rekey rekey;
	} u;
	const uint8_t *body;
	size_t blen;
	json_t *json; /* owns the borrowed texts of a decoded one */
};

/* The type's name on the wire and in records: "initial-contact", "message", "file", "file-status",
 * "ping", "rekey", "rekey-drained". */
const char *wire_type_name(enum wire_type t);
int wire_type_parse(enum wire_type *t, const char *name); /* MP_EBAD */
enum wire_lane wire_lane(enum wire_type t);

/* Appends the header.  The body is w->body as it is. MP_EBAD when a field is outside its bounds. */
int wire_encode(struct buf *header, const struct wire *w);
/* Everything checked. MP_EBAD. */
int wire_decode(struct wire *w, const struct envelope *e);
void wire_free(struct wire *w);

/*
 * The same fields as the JSON body of a record (class out or in, any kind but message), for
 * commands and scripts: file-status: {"file":HEX,"answer":"from","from":N}; initial-contact:
 * {"nickname":..}; ping: {}; rekey and rekey-drained: {"epoch":N}, the key is added when it is
 * sealed. A file's record is not made here: it speaks of a path (mp-records(5)).
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
