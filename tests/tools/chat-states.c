/*
 * chat-states server|client|session: the state machines of chat as the tables in
 * mp-chat-protocol(7) show them, one line a frame or request.  The next state is implied by the
 * action, which is checked here.
 */
#include <stdio.h>
#include <string.h>

#include "chat/guest.h"
#include "chat/host.h"
#include "chat/room.h"

static const char *const types[FRAME_TYPES] = {
    [FRAME_INIT_REQ] = "00 00",
    [FRAME_INIT_RES] = "00 10",
    [FRAME_CLOSE_REQ] = "01 00",
    [FRAME_CLOSE_RES] = "01 10",
    [FRAME_MSG_REQ] = "02 00",
    [FRAME_MSG_RES] = "02 10",
    [FRAME_INVITE_REQ] = "03 00",
    [FRAME_INVITE_RES] = "03 10",
    [FRAME_STATUS_REQ] = "04 00",
    [FRAME_STATUS_RES] = "04 10",
};

static int server_table(void)
{
	static const char *const actions[] = {
	    [HOST_REFUSE] = "-",
	    [HOST_LOGIN] = "login",
	    [HOST_INIT] = "init",
	    [HOST_CLOSE] = "close",
	    [HOST_MESSAGE] = "message",
	    [HOST_CONFIRM] = "confirm",
	    [HOST_ANSWER] = "answer",
	    [HOST_STATUS] = "status",
	};
	int wrong = 0;

	puts("type fresh checking ready opening");
	for (int t = 0; t < FRAME_TYPES; t++) {
		printf("%s", types[t]);
		for (int s = 0; s < HOST_STATES; s++) {
			struct host_step step = host_step((enum host_state)s, (enum frame_type)t);
			enum host_state next = step.action == HOST_LOGIN  ? HOST_CHECKING
			                       : step.action == HOST_INIT ? HOST_OPENING
			                                                  : (enum host_state)s;

			printf(" %s", actions[step.action]);
			wrong |= step.action != HOST_REFUSE && step.next != next;
		}
		putchar('\n');
	}
	return wrong;
}

static int client_table(void)
{
	static const char *const events[] = {
	    [GUEST_REFUSE] = "-",
	    [GUEST_LOGGED_IN] = "login",
	    [GUEST_OPENED] = "opened",
	    [GUEST_CLOSED] = "closed",
	    [GUEST_ENDED] = "ended",
	    [GUEST_MESSAGE] = "message",
	    [GUEST_RESULT] = "result",
	    [GUEST_INVITED] = "invited",
	    [GUEST_STATUS] = "status",
	};
	int wrong = 0;

	puts("type login ready opening closing");
	for (int t = 0; t < FRAME_TYPES; t++) {
		printf("%s", types[t]);
		for (int s = 0; s < GUEST_STATES; s++) {
			struct guest_step step =
			    guest_step((enum guest_state)s, (enum frame_type)t);
			bool ready = step.event == GUEST_LOGGED_IN || step.event == GUEST_OPENED ||
			             step.event == GUEST_ENDED;

			printf(" %s", events[step.event]);
			wrong |= step.event != GUEST_REFUSE &&
			         step.next != (ready ? GUEST_READY : (enum guest_state)s);
		}
		putchar('\n');
	}
	return wrong;
}

static int session_table(void)
{
	static const char *const events[ROOM_EVENTS] = {
	    "accept", "deny", "message", "confirm", "follow", "status", "close"};
	static const char *const actions[] = {
	    [DO_NOTHING] = "-",
	    [DO_UNKNOWN] = "unknown",
	    [DO_GONE] = "closed",
	    [DO_FORBID] = "forbid",
	    [DO_JOIN] = "join",
	    [DO_DECLINE] = "decline",
	    [DO_STORE] = "store",
	    [DO_CONFIRM] = "confirm",
	    [DO_FOLLOW] = "follow",
	    [DO_TELL] = "tell",
	    [DO_CLOSE] = "close",
	};

	puts("request stranger creator invited member declined closed");
	for (int e = 0; e < ROOM_EVENTS; e++) {
		printf("%s", events[e]);
		for (int r = 0; r < ROLES; r++)
			printf(" %s", actions[room_step((enum room_role)r, (enum room_event)e)]);
		putchar('\n');
	}
	return 0;
}

int main(int argc, char **argv)
{
	int wrong;

	if (argc == 2 && strcmp(argv[1], "server") == 0)
		wrong = server_table();
	else if (argc == 2 && strcmp(argv[1], "client") == 0)
		wrong = client_table();
	else
		wrong = session_table();
	if (wrong)
		fputs("a next state is not the one that its action implies\n", stderr);
	return wrong;
}
