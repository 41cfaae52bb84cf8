/*
 * room: what a request may do to a session, by what the asker is in it (mp-chat-protocol(7),
 * ROOMS).
 */
#ifndef MP_CHAT_ROOM_H
#define MP_CHAT_ROOM_H

enum room_role {
	ROLE_STRANGER, /* in no list of it, or there is no such session */
	ROLE_CREATOR,
	ROLE_INVITED,
	ROLE_MEMBER,
	ROLE_DECLINED,
	ROLE_CLOSED, /* the session was closed, whoever asks */
	ROLES
};

enum room_event {
	ROOM_ACCEPT,
	ROOM_DENY,
	ROOM_MESSAGE,
	ROOM_CONFIRM,
	ROOM_FOLLOW,
	ROOM_STATUS,
	ROOM_CLOSE,
	ROOM_EVENTS
};

enum room_action {
	DO_NOTHING,
	DO_UNKNOWN, /* answer "no such session", where the request has an answer */
	DO_GONE,    /* answer "closed" */
	DO_FORBID,  /* answer "not allowed" */
	DO_JOIN,
	DO_DECLINE,
	DO_STORE,
	DO_CONFIRM,
	DO_FOLLOW,
	DO_TELL,
	DO_CLOSE,
};

enum room_action room_step(enum room_role role, enum room_event event);

#endif
