/*
 * chain: where a message to a group stands in its sender's chain (mp-protocol(7), GROUPS): its
 * fields, and the hashes.
 */
#ifndef MP_WIRE_CHAIN_H
#define MP_WIRE_CHAIN_H

#include "wire/wire.h"

/* As fields.h has them.  whole: with all of it, else the group's id alone. */
int chain_put(json_t *o, const struct wire_chain *c, bool whole);
/* Nothing of it without a group: MP_EBAD. */
int chain_get(struct wire_chain *c, const json_t *o, bool whole);
int chain_check(const struct wire_chain *c, bool whole);

/* SHA-256 of "mariposa/1 message" | body. */
void chain_content_message(uint8_t out[static 32], const uint8_t *body, size_t len);
/* SHA-256 of "mariposa/1 file" | transfer | u64 size | sha256 | name. */
void chain_content_file(uint8_t out[static 32], const uint8_t transfer[static MESSAGE_ID],
    int64_t size, const uint8_t sha256[static 32], const char *name);
/* h_n = SHA-256 of h_(n-1) | group | sender | u64 n | content; h_0 is 32 zeros. h may be before. */
void chain_next(uint8_t h[static 32], const uint8_t before[static 32],
    const uint8_t group[static GROUP_ID], const uint8_t sender[static 32], int64_t n,
    const uint8_t content[static 32]);
/*
 * SHA-256 of "mariposa/1 members" | group | onion keys in ascending order.  Of a set: in whatever
 * order they are given, and one that is given twice counts once.
 */
void chain_members(uint8_t out[static 32], const uint8_t group[static GROUP_ID],
    const uint8_t (*onions)[32], size_t n);

#endif
