/*
 * line: what goes over the transport, one JSON object a line (mp-otr-protocol(7), LINES).
 *
 * One table gives each type its fields in order; it serves writing, reading and what is signed, so
 * the three cannot differ.  A line with a field more, a field less, or one out of bounds is
 * MP_EBAD. Bytes are canonical base64, a sid is 32 bytes, an id 16.  The owner of a struct otr_line
 * frees it.
 */
#ifndef MP_OTR_LINE_H
#define MP_OTR_LINE_H

#include <stdbool.h>
#include "base/buf.h"
#include "crypto/p256.h"

#define OTR_VERSION 1
#define OTR_LINE_MAX \
	60000 /* bytes of a line, without its LF: fits a message of any transport of ours */
#define OTR_MEMBERS 64 /* of a session, at most; a set of them is a bit mask */
#define OTR_SID 32
#define OTR_ID 16
#define OTR_HASH 32
#define OTR_MAC 16
#define OTR_NICK 33          /* with NUL */
#define OTR_ROOM 65          /* with NUL; of the server's name too */
#define OTR_SEALED 49        /* a point and 16 bytes */
#define OTR_CIPHERTEXT 40960 /* of a message, at most */
#define OTR_COUNT_MAX 0xffffffff

enum otr_type {
	OTR_HELLO,  /* nickname, nonce, long-term and ephemeral key: who would take part */
	OTR_KEYS,   /* the ephemeral signing key, with a MAC for each other member */
	OTR_COMMIT, /* all signing keys confirmed; commitment to a contribution */
	OTR_ECHO,   /* all commitments repeated */
	OTR_REVEAL, /* the contribution, sealed to each other member */
	OTR_ATTEST, /* everything that was agreed */
	OTR_MESSAGE,
	OTR_CHECK,   /* what the sender has seen so far */
	OTR_CLOSE,   /* no more from the sender */
	OTR_DIGEST,  /* the whole transcript as the sender saw it */
	OTR_PUBLISH, /* the secret half of the signing key */
	OTR_ABORT,
	OTR_TYPES
};

struct otr_line {
	enum otr_type type;
	/* hello */
	char room[OTR_ROOM], server[OTR_ROOM], nick[OTR_NICK];
	uint8_t nonce[32];
	uint8_t long_key[P256_PUBLIC], ephemeral[P256_PUBLIC];
	int64_t time, life; /* ms; how long a session with this member may last, ms */
	/* all others */
	uint8_t sid[OTR_SID], from[OTR_ID];
	uint8_t sig[P256_SIGNATURE]; /* zeros in keys and publish, which prove themselves */
	uint8_t key[P256_PUBLIC];    /* keys */
	uint8_t hash[OTR_HASH]; /* commit: roster; echo: commitments; attest: view; check, digest */
	uint8_t commitment[OTR_HASH];
	uint8_t secret[P256_SECRET]; /* publish */
	uint8_t iv[16];
	uint8_t who[OTR_ID]; /* abort */
	int64_t n;           /* message: from 1; close: how many; abort: the stage */
	int64_t why;         /* abort: the reason; close: 1 when the sender leaves the room */
	struct buf
	    data; /* keys: MACs; reveal: sealed contributions; message: ciphertext; check: counts */
};

void otr_line_init(struct otr_line *l);
void otr_line_free(struct otr_line *l);
const char *otr_type_name(enum otr_type t);

/* A room's or a server's name: [A-Za-z0-9._:-], at least min characters, less than OTR_ROOM. */
bool otr_place_ok(const char *s, size_t min);

/* Without a line feed. */
int otr_line_write(struct buf *out, const struct otr_line *l);
/* l was initialised; it is to be freed whatever is returned. */
int otr_line_read(struct otr_line *l, const char *text, size_t len);

/* The hash of everything in it but the signature: what is signed, and of a hello its id. */
int otr_line_hash(uint8_t out[static 64], const struct otr_line *l);
int otr_line_sign(struct otr_line *l, const uint8_t secret[static P256_SECRET]);
int otr_line_verify(const struct otr_line *l, const uint8_t key[static P256_PUBLIC]);

#endif
