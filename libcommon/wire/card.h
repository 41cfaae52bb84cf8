/*
 * card: what one person hands to another in person (mp-protocol(7), CARD).
 *
 *   "MARIPOSA:" and base32 capitals of  version 1 | contact id 32 | key 32 | onion key 32 | expiry
 * u32 (s) | checksum 4 (checksum: first 4 bytes of SHA-256 over "mariposa/1 card" | all before it):
 * QR alphanumeric mode, one line.
 *
 * It is a secret until it has been used.
 */
#ifndef MP_WIRE_CARD_H
#define MP_WIRE_CARD_H

#include <stdint.h>
#include "crypto/kdf.h"

struct card {
	uint8_t id[CONTACT_ID];
	uint8_t key[KEY_LEN];
	uint8_t onion[32];
	int64_t expires; /* ms, whole seconds */
};

#define CARD_BYTES (1 + 32 + 32 + 32 + 4 + 4)
#define CARD_TEXT (9 + 168 + 1)

void card_encode(char out[static CARD_TEXT], const struct card *c);
/*
 * Blanks and line ends around it are dropped, case does not matter.  MP_EBAD with one clear line
 * each for: not a card, damaged (checksum or length), a version that this program does not know, an
 * unusable onion key. Expiry and "our own card" are for the caller, who knows time and self.
 */
int card_decode(struct card *c, const char *text, size_t len);

#endif
