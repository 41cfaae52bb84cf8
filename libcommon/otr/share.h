/*
 * share: the secrets of a session: pairwise keys, contributions, the group key
 * (mp-otr-protocol(7), KEYS).
 *
 * A pairwise key needs, of either side, the long-term or the ephemeral secret of both kinds that it
 * mixes; who makes both ephemeral keys can compute it without any long-term secret, and that is
 * what makes a session deniable.  Long-term keys do nothing but this.
 */
#ifndef MP_OTR_SHARE_H
#define MP_OTR_SHARE_H

#include "otr/roster.h"

#define OTR_PAIR 32
#define OTR_SHARE 16
#define OTR_GROUP 16

struct otr_identity {
	uint8_t secret[P256_SECRET];
	uint8_t key[P256_PUBLIC];
};

/* The key between self, whose secrets these are, and peer.  Both compute the same. */
int pair_key(uint8_t out[static OTR_PAIR], const uint8_t sid[static OTR_SID],
    const struct otr_member *self, const uint8_t long_secret[static P256_SECRET],
    const uint8_t ephemeral_secret[static P256_SECRET], const struct otr_member *peer);

/* The same from all that is published, by who made both ephemeral keys: what a forger does. */
int pair_forge(uint8_t out[static OTR_PAIR], const uint8_t sid[static OTR_SID],
    const struct otr_member *a, const uint8_t a_ephemeral[static P256_SECRET],
    const struct otr_member *b, const uint8_t b_ephemeral[static P256_SECRET]);

/* Over the signing key of from, for to. */
int pair_mac(uint8_t out[static OTR_MAC], const uint8_t pair[static OTR_PAIR],
    const uint8_t sid[static OTR_SID], const struct otr_member *from, const struct otr_member *to,
    const uint8_t signing_key[static P256_PUBLIC]);

int share_commit(uint8_t out[static OTR_HASH], const uint8_t sid[static OTR_SID],
    const uint8_t id[static OTR_ID], const uint8_t share[static OTR_SHARE]);
int share_seal(uint8_t out[static OTR_SEALED], const uint8_t sid[static OTR_SID],
    const struct otr_member *from, const struct otr_member *to,
    const uint8_t share[static OTR_SHARE]);
int share_open(uint8_t share[static OTR_SHARE], const uint8_t sid[static OTR_SID],
    const struct otr_member *from, const struct otr_member *to,
    const uint8_t to_secret[static P256_SECRET], const uint8_t sealed[static OTR_SEALED]);

/* n contributions, one behind the other. */
int group_key(uint8_t out[static OTR_GROUP], const uint8_t sid[static OTR_SID],
    const uint8_t *shares, size_t n);
/* What may be shown of it. */
int group_confirm(uint8_t out[static OTR_HASH], const uint8_t sid[static OTR_SID],
    const uint8_t group[static OTR_GROUP]);

#endif
