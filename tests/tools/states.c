/*
 * states contact|file|rekey: the state machine as the table in mp-protocol(7) shows it, one line an
 * event. The next state is implied by the action, which is checked here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mariposa/contact.h"
#include "mariposa/file.h"
#include "mariposa/rekey.h"

static const char *const meet_events[MEET_EVENTS] = {
    [MEET_GREETED] = "greeting",
    [MEET_GREETED_AGAIN] = "same again",
    [MEET_GREETED_OTHER] = "another",
    [MEET_GREETED_LATE] = "late one",
    [MEET_CONFIRMED] = "confirmed",
    [MEET_HEARD] = "heard",
    [MEET_EXPIRED] = "expired",
};

static const char *const meet_actions[] = {
    [MEET_NOTHING] = "-",
    [MEET_REFUSE] = "refuse",
    [MEET_ACTIVATE] = "activate",
    [MEET_REPEAT] = "repeat",
    [MEET_WARN] = "warn",
    [MEET_CONFIRM] = "confirm",
    [MEET_FORGET] = "forget",
};

static const char *const file_events[INCOMING_EVENTS] = {
    [INCOMING_OFFER_SMALL] = "small offer",
    [INCOMING_OFFER_LARGE] = "large offer",
    [INCOMING_OFFER_EMPTY] = "empty file",
    [INCOMING_OFFER_AGAIN] = "known offer",
    [INCOMING_EXPECTED] = "next chunk",
    [INCOMING_LAST] = "last, right",
    [INCOMING_WRONG] = "last, wrong",
    [INCOMING_REPEATED] = "earlier one",
    [INCOMING_FUTURE] = "later one",
    [INCOMING_LOST] = "bytes lost",
    [INCOMING_ACCEPT] = "accept",
    [INCOMING_DECLINE] = "decline",
    [INCOMING_FULL] = "no room",
};

static const char *const file_actions[] = {
    [INCOMING_IGNORE] = "ignore",
    [INCOMING_REFUSE] = "refuse",
    [INCOMING_LATER] = "later",
    [INCOMING_ADD] = "add",
    [INCOMING_ASK] = "ask",
    [INCOMING_ANSWER] = "answer",
    [INCOMING_STORE] = "store",
    [INCOMING_FINISH] = "finish",
    [INCOMING_RESTART] = "restart",
    [INCOMING_DROP] = "drop",
    [INCOMING_OWE] = "owe",
    [INCOMING_CANCEL] = "cancel",
};

static enum known meet_next(enum meet_action a, enum known now)
{
	if (a == MEET_ACTIVATE || a == MEET_CONFIRM)
		return KNOWN_ACTIVE;
	return a == MEET_FORGET && now == KNOWN_OFFERED ? KNOWN_NOT : now;
}

static enum incoming file_next(enum incoming_action a, enum incoming now)
{
	switch (a) {
	case INCOMING_ADD:
	case INCOMING_OWE:
		return INCOMING_ACCEPTED;
	case INCOMING_ASK:
		return INCOMING_OFFERED;
	case INCOMING_FINISH:
		return INCOMING_COMPLETE;
	case INCOMING_DROP:
		return INCOMING_FAILED;
	case INCOMING_CANCEL:
		return INCOMING_DECLINED;
	default:
		return now;
	}
}

static int contact_table(void)
{
	static const enum known order[] = {KNOWN_NOT, KNOWN_OFFERED, KNOWN_PENDING, KNOWN_ACTIVE};
	int wrong = 0;

	puts("event none offered pending active");
	for (int e = 0; e < MEET_EVENTS; e++) {
		printf("%s", meet_events[e]);
		for (int i = 0; i < KNOWN_STATES; i++) {
			struct meet_step s = meet_step(order[i], (enum meet_event)e);

			printf(" %s", meet_actions[s.action]);
			wrong |= s.next != meet_next(s.action, order[i]);
		}
		putchar('\n');
	}
	return wrong;
}

static int file_table(void)
{
	static const enum incoming order[] = {INCOMING_NONE, INCOMING_OFFERED, INCOMING_ACCEPTED,
	    INCOMING_DECLINED, INCOMING_COMPLETE, INCOMING_FAILED};
	int wrong = 0;

	puts("event none offered accepted declined complete failed");
	for (int e = 0; e < INCOMING_EVENTS; e++) {
		printf("%s", file_events[e]);
		for (int i = 0; i < INCOMING_STATES; i++) {
			struct incoming_step s = incoming_step(order[i], (enum incoming_event)e);

			printf(" %s", file_actions[s.action]);
			wrong |= s.next != file_next(s.action, order[i]);
		}
		putchar('\n');
	}
	return wrong;
}

static const char *const rekey_events[REKEY_EVENTS] = {
    [REKEY_START] = "start",
    [REKEY_OFFER] = "half",
    [REKEY_ANSWER] = "answer",
    [REKEY_SAME] = "same again",
    [REKEY_OTHER] = "another",
    [REKEY_OLD] = "earlier one",
    [REKEY_NEXT] = "next one",
    [REKEY_WRONG] = "out of turn",
    [REKEY_ACKED] = "acknowledged",
    [REKEY_HEARD] = "heard",
    [REKEY_DRAINED] = "drained",
    [REKEY_NOTED] = "noted",
    [REKEY_OVERDUE] = "overdue",
};

static const char *const rekey_actions[] = {
    [REKEY_IGNORE] = "-",
    [REKEY_REFUSE] = "refuse",
    [REKEY_WARN] = "warn",
    [REKEY_MAKE] = "make",
    [REKEY_NOTE] = "note",
    [REKEY_REPLY] = "reply",
    [REKEY_STORE] = "store",
    [REKEY_REPEAT] = "repeat",
    [REKEY_SWITCH] = "switch",
    [REKEY_JOIN] = "join",
    [REKEY_RENEW] = "renew",
    [REKEY_DROP] = "drop",
    [REKEY_MARK] = "mark",
    [REKEY_FORGET] = "forget",
};

static enum rekey_state rekey_next(enum rekey_action a, enum rekey_state now)
{
	switch (a) {
	case REKEY_MAKE:
		return REKEY_OFFERED;
	case REKEY_NOTE:
		return REKEY_WAITING;
	case REKEY_REPLY:
	case REKEY_STORE:
	case REKEY_RENEW:
		return REKEY_ANSWERED;
	case REKEY_SWITCH:
	case REKEY_JOIN:
		return REKEY_SWITCHED;
	case REKEY_DROP:
		return now == REKEY_SWITCHED ? REKEY_CLEARED : REKEY_STEADY;
	case REKEY_MARK:
		return now == REKEY_SWITCHED ? REKEY_TOLD : REKEY_STEADY;
	case REKEY_FORGET:
		return REKEY_STEADY;
	default:
		return now;
	}
}

static int rekey_table(void)
{
	int wrong = 0;

	puts("event steady offered waiting answered switched told cleared");
	for (int e = 0; e < REKEY_EVENTS; e++) {
		printf("%s", rekey_events[e]);
		for (int i = 0; i < REKEY_STATES; i++) {
			struct rekey_step s = rekey_step((enum rekey_state)i, (enum rekey_event)e);

			printf(" %s", rekey_actions[s.action]);
			wrong |= s.next != rekey_next(s.action, (enum rekey_state)i);
		}
		putchar('\n');
	}
	return wrong;
}

int main(int argc, char **argv)
{
	const char *which = argc == 2 ? argv[1] : "";
	int wrong = strcmp(which, "contact") == 0 ? contact_table()
	            : strcmp(which, "rekey") == 0 ? rekey_table()
	                                          : file_table();

	if (wrong)
		fputs("a next state is not the one that its action implies\n", stderr);
	return wrong;
}
