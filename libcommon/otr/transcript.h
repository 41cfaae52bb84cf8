/*
 * transcript: what each member of a session wrote, as one hash chain a member, and digests over
 * all.
 *
 * A digest depends on how many messages of each member are in it and on nothing else: not on
 * the order in which the transport mixed the members.  The last TRANSCRIPT_KEPT links of each chain
 * are kept, so that a digest of a little while ago can be compared.  Freed with transcript_free().
 */
#ifndef MP_OTR_TRANSCRIPT_H
#define MP_OTR_TRANSCRIPT_H

#include "otr/roster.h"

#define TRANSCRIPT_KEPT 128

struct transcript_chain {
	uint32_t count;
	uint8_t link[TRANSCRIPT_KEPT][OTR_HASH]; /* link[n % KEPT] is the one after n messages */
};

struct transcript {
	size_t n;
	uint8_t sid[OTR_SID];
	struct transcript_chain *chains; /* in the roster's order */
};

int transcript_new(
    struct transcript *t, const uint8_t sid[static OTR_SID], const struct otr_roster *r);
void transcript_free(struct transcript *t);

/* The next message of a member. */
int transcript_add(struct transcript *t, size_t i, const struct otr_line *message);

/*
 * Whether message n of a member, which is in it, is this one: 1, 0, or MP_ENONE when it is too long
 * ago to tell.
 */
int transcript_has(const struct transcript *t, size_t i, const struct otr_line *message);

/* Over what is there now. */
int transcript_digest(uint8_t out[static OTR_HASH], const struct transcript *t);
/* Over the first counts[i] of each, all of which are there; MP_ENONE when that is too long ago. */
int transcript_digest_at(
    uint8_t out[static OTR_HASH], const struct transcript *t, const uint32_t *counts);

#endif
