/*
 * stage: where a session stands and what an event does there (mp-otr-protocol(7), STAGES).
 *
 * One table; the manual has the same, and a test compares them.
 */
#ifndef MP_OTR_STAGE_H
#define MP_OTR_STAGE_H

enum otr_stage {
	STAGE_KEYS,    /* waits for the signing keys of all */
	STAGE_COMMIT,  /* ... their commitments */
	STAGE_ECHO,    /* ... that all saw the same ones */
	STAGE_REVEAL,  /* ... their contributions */
	STAGE_ATTEST,  /* ... that all agreed on the same */
	STAGE_OPEN,    /* messages */
	STAGE_CLOSING, /* waits for what the others still had to say */
	STAGE_COMPARE, /* ... for their digests */
	STAGE_DONE,    /* the signing key is published */
	STAGE_RETIRED, /* ended without all; the signing key is published when nobody accepts it any
	                  more */
	STAGE_DEAD,    /* never came about */
	STAGES
};

enum otr_event {
	EVENT_COMPLETE,      /* everything that this stage waits for is there */
	EVENT_CLOSE,         /* the person, a member or a newer session ends it */
	EVENT_CONTRADICTION, /* a member signed what cannot be */
	EVENT_ABORTED,       /* a member gave up */
	EVENT_LATE,          /* what this stage waits for did not come in time */
	EVENT_EXPIRED,       /* the attested end */
	EVENT_RELEASE,       /* the attested end is so long ago that every clock is past it */
	EVENTS
};

enum otr_action {
	ACTION_NONE,
	ACTION_COMMIT,  /* confirm the keys, commit to a contribution */
	ACTION_ECHO,    /* repeat all commitments */
	ACTION_REVEAL,  /* send the contribution, sealed to each */
	ACTION_ATTEST,  /* sign everything that was agreed */
	ACTION_OPEN,    /* messages from now on */
	ACTION_CLOSE,   /* say how many messages there were, send no more */
	ACTION_COMPARE, /* send the digest, accept no more */
	ACTION_PUBLISH, /* compare, publish the signing key */
	ACTION_ABORT,   /* tell the members and the person who and what is missing or wrong */
	ACTION_STOP,    /* tell the person */
	ACTION_RELEASE, /* publish the signing key, uncompared */
};

struct otr_step {
	enum otr_action action;
	enum otr_stage next;
};

struct otr_step otr_step(enum otr_stage stage, enum otr_event event);
const char *otr_stage_name(enum otr_stage s);

#endif
