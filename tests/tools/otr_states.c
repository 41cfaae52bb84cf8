/*
 * otr_states: the stages of an mpOTR session as the table in mp-otr-protocol(7) shows them, one
 * line an event.  The next stage is implied by the action, which is checked here.
 */
#include <stdio.h>

#include "otr/stage.h"

static const char *const events[EVENTS] = {
    [EVENT_COMPLETE] = "complete",
    [EVENT_CLOSE] = "close",
    [EVENT_CONTRADICTION] = "contradiction",
    [EVENT_ABORTED] = "aborted",
    [EVENT_LATE] = "late",
    [EVENT_EXPIRED] = "expired",
    [EVENT_RELEASE] = "release",
};

static const char *const actions[] = {
    [ACTION_NONE] = "-",
    [ACTION_COMMIT] = "commit",
    [ACTION_ECHO] = "echo",
    [ACTION_REVEAL] = "reveal",
    [ACTION_ATTEST] = "attest",
    [ACTION_OPEN] = "open",
    [ACTION_CLOSE] = "close",
    [ACTION_COMPARE] = "compare",
    [ACTION_PUBLISH] = "publish",
    [ACTION_ABORT] = "abort",
    [ACTION_STOP] = "stop",
    [ACTION_RELEASE] = "release",
};

static enum otr_stage next(enum otr_action a, enum otr_stage now)
{
	switch (a) {
	case ACTION_COMMIT:
		return STAGE_COMMIT;
	case ACTION_ECHO:
		return STAGE_ECHO;
	case ACTION_REVEAL:
		return STAGE_REVEAL;
	case ACTION_ATTEST:
		return STAGE_ATTEST;
	case ACTION_OPEN:
		return STAGE_OPEN;
	case ACTION_CLOSE:
		return STAGE_CLOSING;
	case ACTION_COMPARE:
		return STAGE_COMPARE;
	case ACTION_PUBLISH:
	case ACTION_RELEASE:
		return STAGE_DONE;
	case ACTION_ABORT:
	case ACTION_STOP:
		return now < STAGE_OPEN ? STAGE_DEAD : STAGE_RETIRED;
	default:
		return now;
	}
}

int main(void)
{
	static const enum otr_stage order[] = {STAGE_KEYS, STAGE_COMMIT, STAGE_ECHO, STAGE_REVEAL,
	    STAGE_ATTEST, STAGE_OPEN, STAGE_CLOSING, STAGE_COMPARE, STAGE_RETIRED};
	int wrong = 0;

	printf("event");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		printf(" %s", otr_stage_name(order[i]));
	putchar('\n');
	for (int e = 0; e < EVENTS; e++) {
		printf("%s", events[e]);
		for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
			struct otr_step s = otr_step(order[i], (enum otr_event)e);

			printf(" %s", actions[s.action]);
			wrong |= s.next != next(s.action, order[i]);
		}
		putchar('\n');
		wrong |= otr_step(STAGE_DONE, (enum otr_event)e).action != ACTION_NONE;
		wrong |= otr_step(STAGE_DEAD, (enum otr_event)e).action != ACTION_NONE;
	}
	if (wrong)
		fputs("a next stage is not the one that its action implies\n", stderr);
	return wrong;
}
