/*
 * states contact|file|rekey|proposal|consent|acquaintance: the state machine as the table in
 * mp-protocol(7) shows it, one line an event.  The next state is implied by the action, which is
 * checked here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mariposa/acquaintance.h"
#include "mariposa/consent.h"
#include "mariposa/contact.h"
#include "mariposa/file.h"
#include "mariposa/proposal.h"
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

static enum meeting meet_next(enum meet_action a, enum meeting now)
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
	static const enum meeting order[] = {
	    KNOWN_NOT, KNOWN_OFFERED, KNOWN_PENDING, KNOWN_ACTIVE, KNOWN_TEMPORARY};
	int wrong = 0;

	puts("event none offered pending active temporary");
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

static const char *const proposal_events[PROPOSAL_EVENTS] = {
    [PROPOSAL_ACCEPT] = "accept",
    [PROPOSAL_DECLINE] = "decline",
    [PROPOSAL_YES] = "a yes",
    [PROPOSAL_AGREED] = "last yes, list",
    [PROPOSAL_DECIDED] = "last yes",
    [PROPOSAL_NO] = "a no",
    [PROPOSAL_BUSY] = "a busy",
    [PROPOSAL_LISTED] = "list taken",
    [PROPOSAL_ALL_LISTED] = "last list taken",
    [PROPOSAL_CANCEL] = "cancel",
    [PROPOSAL_SEEN] = "seen",
    [PROPOSAL_TIME] = "time over",
};

static const char *const proposal_actions[] = {
    [PROPOSAL_NOTHING] = "-",
    [PROPOSAL_REFUSE] = "late",
    [PROPOSAL_NOTE] = "note",
    [PROPOSAL_ASK] = "ask",
    [PROPOSAL_LIST] = "list",
    [PROPOSAL_CARRY] = "carry",
    [PROPOSAL_DROP] = "cancel",
    [PROPOSAL_RETRY] = "retry",
    [PROPOSAL_TURN] = "turn",
    [PROPOSAL_FORGET] = "forget",
};

static enum proposal_state proposal_next(enum proposal_action a, enum proposal_state now)
{
	switch (a) {
	case PROPOSAL_ASK:
		return PROPOSAL_OPEN;
	case PROPOSAL_LIST:
		return PROPOSAL_LISTING;
	case PROPOSAL_CARRY:
		return PROPOSAL_CARRIED;
	case PROPOSAL_DROP:
	case PROPOSAL_RETRY:
		return PROPOSAL_CANCELLED;
	case PROPOSAL_TURN:
		return PROPOSAL_TURNED;
	default:
		return now;
	}
}

static int proposal_table(void)
{
	int wrong = 0;

	puts("event petitioned open listing carried cancelled turned");
	for (int e = 0; e < PROPOSAL_EVENTS; e++) {
		printf("%s", proposal_events[e]);
		for (int i = 0; i < PROPOSAL_STATES; i++) {
			struct proposal_step s =
			    proposal_step((enum proposal_state)i, (enum proposal_event)e);

			printf(" %s", proposal_actions[s.action]);
			wrong |= s.next != proposal_next(s.action, (enum proposal_state)i);
		}
		putchar('\n');
	}
	return wrong;
}

static const char *const consent_events[CONSENT_EVENTS] = {
    [CONSENT_ACCEPT] = "accept",
    [CONSENT_DECLINE] = "decline",
    [CONSENT_LIST] = "the list",
    [CONSENT_BAD_LIST] = "another list",
    [CONSENT_PENDING] = "pending",
    [CONSENT_INITIATED] = "initiated",
    [CONSENT_AGREED] = "accepted",
    [CONSENT_ENDED] = "cancelled",
    [CONSENT_UNKNOWN] = "refused",
    [CONSENT_TIME] = "time over",
};

static const char *const consent_actions[] = {
    [CONSENT_NOTHING] = "-",
    [CONSENT_REFUSE] = "refuse",
    [CONSENT_SAY] = "say",
    [CONSENT_NOTE] = "note",
    [CONSENT_MEET] = "meet",
    [CONSENT_GO] = "go",
    [CONSENT_DROP] = "drop",
    [CONSENT_BREAK] = "break",
    [CONSENT_LEAVE] = "leave",
    [CONSENT_FORGET] = "forget",
};

static enum consent_state consent_next(
    enum consent_action a, enum consent_event e, enum consent_state now)
{
	switch (a) {
	case CONSENT_SAY:
		return e == CONSENT_ACCEPT ? CONSENT_ACCEPTED : CONSENT_DECLINED;
	case CONSENT_MEET:
		return CONSENT_LISTED;
	case CONSENT_GO:
		return CONSENT_CARRIED;
	case CONSENT_DROP:
	case CONSENT_BREAK:
		return CONSENT_CANCELLED;
	default:
		return now;
	}
}

static int consent_table(void)
{
	int wrong = 0;

	puts("event asked accepted listed carried cancelled declined");
	for (int e = 0; e < CONSENT_EVENTS; e++) {
		printf("%s", consent_events[e]);
		for (int i = 0; i < CONSENT_STATES; i++) {
			struct consent_step s =
			    consent_step((enum consent_state)i, (enum consent_event)e);

			printf(" %s", consent_actions[s.action]);
			wrong |= s.next != consent_next(s.action, (enum consent_event)e,
			                       (enum consent_state)i);
		}
		putchar('\n');
	}
	return wrong;
}

static const char *const acquaintance_events[ACQUAINTANCE_EVENTS] = {
    [ACQUAINTANCE_INITIATED] = "initiated",
    [ACQUAINTANCE_LOWER] = "lower number",
    [ACQUAINTANCE_HIGHER] = "higher number",
    [ACQUAINTANCE_TIE] = "a tie",
    [ACQUAINTANCE_AGAIN] = "number again",
    [ACQUAINTANCE_OTHER] = "another number",
    [ACQUAINTANCE_UPDATE] = "good update",
    [ACQUAINTANCE_BAD] = "bad update",
    [ACQUAINTANCE_SAME] = "update again",
    [ACQUAINTANCE_TAKEN] = "update taken",
    [ACQUAINTANCE_HEARD] = "heard",
    [ACQUAINTANCE_REFUSED] = "refused",
    [ACQUAINTANCE_OVER] = "cancelled",
    [ACQUAINTANCE_TIME] = "time over",
};

static const char *const acquaintance_actions[] = {
    [ACQUAINTANCE_NOTHING] = "-",
    [ACQUAINTANCE_REFUSE] = "refuse",
    [ACQUAINTANCE_DRAW] = "draw",
    [ACQUAINTANCE_KEEP] = "keep",
    [ACQUAINTANCE_MAKE] = "make",
    [ACQUAINTANCE_SETTLE] = "settle",
    [ACQUAINTANCE_FINISH] = "finish",
    [ACQUAINTANCE_PART] = "part",
};

static enum acquaintance_state acquaintance_next(
    enum acquaintance_action a, enum acquaintance_state now)
{
	switch (a) {
	case ACQUAINTANCE_DRAW:
		return ACQUAINTANCE_DRAWN;
	case ACQUAINTANCE_MAKE:
		return ACQUAINTANCE_UPDATING;
	case ACQUAINTANCE_SETTLE:
		return ACQUAINTANCE_SETTLED;
	default:
		return now;
	}
}

static int acquaintance_table(void)
{
	int wrong = 0;

	puts("event waiting drawn updating settled");
	for (int e = 0; e < ACQUAINTANCE_EVENTS; e++) {
		printf("%s", acquaintance_events[e]);
		for (int i = 0; i < ACQUAINTANCE_STATES; i++) {
			struct acquaintance_step s = acquaintance_step(
			    (enum acquaintance_state)i, (enum acquaintance_event)e);

			printf(" %s", acquaintance_actions[s.action]);
			wrong |= s.next != acquaintance_next(s.action, (enum acquaintance_state)i);
		}
		putchar('\n');
	}
	return wrong;
}

static const struct {
	const char *name;
	int (*print)(void);
} tables[] = {
    {"contact", contact_table},
    {"file", file_table},
    {"rekey", rekey_table},
    {"proposal", proposal_table},
    {"consent", consent_table},
    {"acquaintance", acquaintance_table},
};

int main(int argc, char **argv)
{
	int wrong = 2;

	for (size_t i = 0; argc == 2 && i < sizeof(tables) / sizeof(tables[0]); i++)
		if (strcmp(argv[1], tables[i].name) == 0)
			wrong = tables[i].print();
	if (wrong == 1)
		fputs("a next state is not the one that its action implies\n", stderr);
	return wrong;
}
