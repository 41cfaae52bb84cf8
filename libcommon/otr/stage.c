#include "otr/stage.h"

/* clang-format off */
static const struct otr_step table[STAGES][EVENTS] = {
    [STAGE_KEYS] = {
        [EVENT_COMPLETE]      = {ACTION_COMMIT,  STAGE_COMMIT},
        [EVENT_CLOSE]         = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_CONTRADICTION] = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_ABORTED]       = {ACTION_STOP,    STAGE_DEAD},
        [EVENT_LATE]          = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_EXPIRED]       = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_KEYS},
    },
    [STAGE_COMMIT] = {
        [EVENT_COMPLETE]      = {ACTION_ECHO,    STAGE_ECHO},
        [EVENT_CLOSE]         = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_CONTRADICTION] = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_ABORTED]       = {ACTION_STOP,    STAGE_DEAD},
        [EVENT_LATE]          = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_EXPIRED]       = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_COMMIT},
    },
    [STAGE_ECHO] = {
        [EVENT_COMPLETE]      = {ACTION_REVEAL,  STAGE_REVEAL},
        [EVENT_CLOSE]         = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_CONTRADICTION] = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_ABORTED]       = {ACTION_STOP,    STAGE_DEAD},
        [EVENT_LATE]          = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_EXPIRED]       = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_ECHO},
    },
    [STAGE_REVEAL] = {
        [EVENT_COMPLETE]      = {ACTION_ATTEST,  STAGE_ATTEST},
        [EVENT_CLOSE]         = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_CONTRADICTION] = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_ABORTED]       = {ACTION_STOP,    STAGE_DEAD},
        [EVENT_LATE]          = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_EXPIRED]       = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_REVEAL},
    },
    [STAGE_ATTEST] = {
        [EVENT_COMPLETE]      = {ACTION_OPEN,    STAGE_OPEN},
        [EVENT_CLOSE]         = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_CONTRADICTION] = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_ABORTED]       = {ACTION_STOP,    STAGE_DEAD},
        [EVENT_LATE]          = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_EXPIRED]       = {ACTION_ABORT,   STAGE_DEAD},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_ATTEST},
    },
    [STAGE_OPEN] = {
        [EVENT_COMPLETE]      = {ACTION_NONE,    STAGE_OPEN},
        [EVENT_CLOSE]         = {ACTION_CLOSE,   STAGE_CLOSING},
        [EVENT_CONTRADICTION] = {ACTION_ABORT,   STAGE_RETIRED},
        [EVENT_ABORTED]       = {ACTION_STOP,    STAGE_RETIRED},
        [EVENT_LATE]          = {ACTION_ABORT,   STAGE_RETIRED},
        [EVENT_EXPIRED]       = {ACTION_STOP,    STAGE_RETIRED},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_OPEN},
    },
    [STAGE_CLOSING] = {
        [EVENT_COMPLETE]      = {ACTION_COMPARE, STAGE_COMPARE},
        [EVENT_CLOSE]         = {ACTION_NONE,    STAGE_CLOSING},
        [EVENT_CONTRADICTION] = {ACTION_ABORT,   STAGE_RETIRED},
        [EVENT_ABORTED]       = {ACTION_STOP,    STAGE_RETIRED},
        [EVENT_LATE]          = {ACTION_ABORT,   STAGE_RETIRED},
        [EVENT_EXPIRED]       = {ACTION_STOP,    STAGE_RETIRED},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_CLOSING},
    },
    [STAGE_COMPARE] = {
        [EVENT_COMPLETE]      = {ACTION_PUBLISH, STAGE_DONE},
        [EVENT_CLOSE]         = {ACTION_NONE,    STAGE_COMPARE},
        [EVENT_CONTRADICTION] = {ACTION_ABORT,   STAGE_RETIRED},
        [EVENT_ABORTED]       = {ACTION_STOP,    STAGE_RETIRED},
        [EVENT_LATE]          = {ACTION_ABORT,   STAGE_RETIRED},
        [EVENT_EXPIRED]       = {ACTION_STOP,    STAGE_RETIRED},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_COMPARE},
    },
    [STAGE_DONE] = {
        [EVENT_COMPLETE]      = {ACTION_NONE,    STAGE_DONE},
        [EVENT_CLOSE]         = {ACTION_NONE,    STAGE_DONE},
        [EVENT_CONTRADICTION] = {ACTION_NONE,    STAGE_DONE},
        [EVENT_ABORTED]       = {ACTION_NONE,    STAGE_DONE},
        [EVENT_LATE]          = {ACTION_NONE,    STAGE_DONE},
        [EVENT_EXPIRED]       = {ACTION_NONE,    STAGE_DONE},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_DONE},
    },
    [STAGE_RETIRED] = {
        [EVENT_COMPLETE]      = {ACTION_NONE,    STAGE_RETIRED},
        [EVENT_CLOSE]         = {ACTION_NONE,    STAGE_RETIRED},
        [EVENT_CONTRADICTION] = {ACTION_NONE,    STAGE_RETIRED},
        [EVENT_ABORTED]       = {ACTION_NONE,    STAGE_RETIRED},
        [EVENT_LATE]          = {ACTION_NONE,    STAGE_RETIRED},
        [EVENT_EXPIRED]       = {ACTION_NONE,    STAGE_RETIRED},
        [EVENT_RELEASE]       = {ACTION_RELEASE, STAGE_DONE},
    },
    [STAGE_DEAD] = {
        [EVENT_COMPLETE]      = {ACTION_NONE,    STAGE_DEAD},
        [EVENT_CLOSE]         = {ACTION_NONE,    STAGE_DEAD},
        [EVENT_CONTRADICTION] = {ACTION_NONE,    STAGE_DEAD},
        [EVENT_ABORTED]       = {ACTION_NONE,    STAGE_DEAD},
        [EVENT_LATE]          = {ACTION_NONE,    STAGE_DEAD},
        [EVENT_EXPIRED]       = {ACTION_NONE,    STAGE_DEAD},
        [EVENT_RELEASE]       = {ACTION_NONE,    STAGE_DEAD},
    },
};
/* clang-format on */

struct otr_step otr_step(enum otr_stage stage, enum otr_event event)
{
	return table[stage][event];
}

const char *otr_stage_name(enum otr_stage s)
{
	static const char *const names[STAGES] = {
	    [STAGE_KEYS] = "keys",
	    [STAGE_COMMIT] = "commit",
	    [STAGE_ECHO] = "echo",
	    [STAGE_REVEAL] = "reveal",
	    [STAGE_ATTEST] = "attest",
	    [STAGE_OPEN] = "open",
	    [STAGE_CLOSING] = "closing",
	    [STAGE_COMPARE] = "compare",
	    [STAGE_DONE] = "done",
	    [STAGE_RETIRED] = "retired",
	    [STAGE_DEAD] = "dead",
	};

	return names[s];
}
