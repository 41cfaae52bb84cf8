#include "mariposa/contact.h"

/* clang-format off */
static const struct meet_step table[KNOWN_STATES][MEET_EVENTS] = {
    [KNOWN_OFFERED] = {
        [MEET_GREETED]       = {MEET_ACTIVATE, KNOWN_ACTIVE},
        [MEET_GREETED_AGAIN] = {MEET_REFUSE,   KNOWN_OFFERED},
        [MEET_GREETED_OTHER] = {MEET_REFUSE,   KNOWN_OFFERED},
        [MEET_GREETED_LATE]  = {MEET_REFUSE,   KNOWN_OFFERED},
        [MEET_CONFIRMED]     = {MEET_NOTHING,  KNOWN_OFFERED},
        [MEET_HEARD]         = {MEET_REFUSE,   KNOWN_OFFERED},
        [MEET_EXPIRED]       = {MEET_FORGET,   KNOWN_NOT},
    },
    [KNOWN_PENDING] = {
        [MEET_GREETED]       = {MEET_REFUSE,   KNOWN_PENDING},
        [MEET_GREETED_AGAIN] = {MEET_REFUSE,   KNOWN_PENDING},
        [MEET_GREETED_OTHER] = {MEET_REFUSE,   KNOWN_PENDING},
        [MEET_GREETED_LATE]  = {MEET_REFUSE,   KNOWN_PENDING},
        [MEET_CONFIRMED]     = {MEET_CONFIRM,  KNOWN_ACTIVE},
        [MEET_HEARD]         = {MEET_CONFIRM,  KNOWN_ACTIVE},
        [MEET_EXPIRED]       = {MEET_NOTHING,  KNOWN_PENDING},
    },
    [KNOWN_ACTIVE] = {
        [MEET_GREETED]       = {MEET_REFUSE,   KNOWN_ACTIVE},
        [MEET_GREETED_AGAIN] = {MEET_REPEAT,   KNOWN_ACTIVE},
        [MEET_GREETED_OTHER] = {MEET_WARN,     KNOWN_ACTIVE},
        [MEET_GREETED_LATE]  = {MEET_REFUSE,   KNOWN_ACTIVE},
        [MEET_CONFIRMED]     = {MEET_NOTHING,  KNOWN_ACTIVE},
        [MEET_HEARD]         = {MEET_NOTHING,  KNOWN_ACTIVE},
        [MEET_EXPIRED]       = {MEET_FORGET,   KNOWN_ACTIVE},
    },
    [KNOWN_TEMPORARY] = {
        [MEET_GREETED]       = {MEET_REFUSE,   KNOWN_TEMPORARY},
        [MEET_GREETED_AGAIN] = {MEET_REFUSE,   KNOWN_TEMPORARY},
        [MEET_GREETED_OTHER] = {MEET_REFUSE,   KNOWN_TEMPORARY},
        [MEET_GREETED_LATE]  = {MEET_REFUSE,   KNOWN_TEMPORARY},
        [MEET_CONFIRMED]     = {MEET_NOTHING,  KNOWN_TEMPORARY},
        [MEET_HEARD]         = {MEET_NOTHING,  KNOWN_TEMPORARY},
        [MEET_EXPIRED]       = {MEET_NOTHING,  KNOWN_TEMPORARY},
    },
    [KNOWN_NOT] = {
        [MEET_GREETED]       = {MEET_REFUSE,   KNOWN_NOT},
        [MEET_GREETED_AGAIN] = {MEET_REFUSE,   KNOWN_NOT},
        [MEET_GREETED_OTHER] = {MEET_REFUSE,   KNOWN_NOT},
        [MEET_GREETED_LATE]  = {MEET_REFUSE,   KNOWN_NOT},
        [MEET_CONFIRMED]     = {MEET_NOTHING,  KNOWN_NOT},
        [MEET_HEARD]         = {MEET_REFUSE,   KNOWN_NOT},
        [MEET_EXPIRED]       = {MEET_NOTHING,  KNOWN_NOT},
    },
};
/* clang-format on */

struct meet_step meet_step(enum meeting state, enum meet_event event)
{
	return table[state][event];
}

enum meet_event meet_greeting(bool used, bool same, int64_t expires, int64_t now)
{
	/* He whose 204 got lost is answered as long as the key is there, be it late. */
	if (used && same)
		return MEET_GREETED_AGAIN;
	if (expires != 0 && now >= expires)
		return MEET_GREETED_LATE;
	return used ? MEET_GREETED_OTHER : MEET_GREETED;
}
