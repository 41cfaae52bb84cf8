/*
 * letter: what is inside a packet, for its recipient only (mp-mesh-protocol(7), LETTERS).
 *
 *     message    {"sender": KEY, "content": TEXT, "uuid": UUID, "timestamp": TIME}, spaces behind
 * it signature  {"signature": base64 of the sender's signature over message and recipient}
 *
 * Both are sealed to the recipient's encryption key.  What is signed holds the recipient's address,
 * so that he cannot pass a letter on in the sender's name.  Up to LETTER_SMALL bytes every letter
 * has one size; above, Padme's (crypto/envelope.h).
 *
 * One without content is a fake (mp-mesh-protocol(7), COVER): who opens it lets it go.
 */
#ifndef MP_MESH_LETTER_H
#define MP_MESH_LETTER_H

#include "mesh/packet.h"

#define LETTER_SMALL 4096u
/* Bytes of content that still make a packet of MESH_PACKET_MAX. */
#define LETTER_CONTENT 370000u

struct letter {
	uint8_t sender[RSA_DER];
	struct buf content;
	uint8_t uuid[16];
	int64_t time;
};

void letter_init(struct letter *l);
void letter_free(struct letter *l);

/* Makes p the packet to address, sealed to his encryption key; l->sender is set from self. */
int letter_seal(struct packet *p, const uint8_t address[static RSA_DER],
    const uint8_t encryption[static RSA_DER], const struct rsa_key *self, struct letter *l);

/* MP_EBAD, with one detail, for everything that is not such a letter to `address`. */
int letter_open(struct letter *l, const struct packet *p, const struct rsa_key *encryption);

/* The cleartext object, for tests and fuzzing. */
int letter_read(struct letter *l, const char *text, size_t len);

#endif
