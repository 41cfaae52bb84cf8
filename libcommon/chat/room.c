#include "chat/room.h"

/* clang-format off */
static const enum room_action table[ROLES][ROOM_EVENTS] = {
    [ROLE_STRANGER] = {
        [ROOM_ACCEPT]  = DO_UNKNOWN, [ROOM_DENY]    = DO_UNKNOWN,
        [ROOM_MESSAGE] = DO_UNKNOWN, [ROOM_CONFIRM] = DO_NOTHING,
        [ROOM_FOLLOW]  = DO_UNKNOWN, [ROOM_STATUS]  = DO_UNKNOWN,
        [ROOM_CLOSE]   = DO_UNKNOWN,
    },
    [ROLE_CREATOR] = {
        [ROOM_ACCEPT]  = DO_NOTHING, [ROOM_DENY]    = DO_NOTHING,
        [ROOM_MESSAGE] = DO_STORE,   [ROOM_CONFIRM] = DO_CONFIRM,
        [ROOM_FOLLOW]  = DO_FOLLOW,  [ROOM_STATUS]  = DO_TELL,
        [ROOM_CLOSE]   = DO_CLOSE,
    },
    [ROLE_INVITED] = {
        [ROOM_ACCEPT]  = DO_JOIN,    [ROOM_DENY]    = DO_DECLINE,
        [ROOM_MESSAGE] = DO_FORBID,  [ROOM_CONFIRM] = DO_NOTHING,
        [ROOM_FOLLOW]  = DO_FORBID,  [ROOM_STATUS]  = DO_TELL,
        [ROOM_CLOSE]   = DO_FORBID,
    },
    [ROLE_MEMBER] = {
        [ROOM_ACCEPT]  = DO_NOTHING, [ROOM_DENY]    = DO_NOTHING,
        [ROOM_MESSAGE] = DO_STORE,   [ROOM_CONFIRM] = DO_CONFIRM,
        [ROOM_FOLLOW]  = DO_FOLLOW,  [ROOM_STATUS]  = DO_TELL,
        [ROOM_CLOSE]   = DO_FORBID,
    },
    [ROLE_DECLINED] = {
        [ROOM_ACCEPT]  = DO_NOTHING, [ROOM_DENY]    = DO_NOTHING,
        [ROOM_MESSAGE] = DO_FORBID,  [ROOM_CONFIRM] = DO_NOTHING,
        [ROOM_FOLLOW]  = DO_FORBID,  [ROOM_STATUS]  = DO_FORBID,
        [ROOM_CLOSE]   = DO_FORBID,
    },
    [ROLE_CLOSED] = {
        [ROOM_ACCEPT]  = DO_GONE,    [ROOM_DENY]    = DO_GONE,
        [ROOM_MESSAGE] = DO_GONE,    [ROOM_CONFIRM] = DO_NOTHING,
        [ROOM_FOLLOW]  = DO_GONE,    [ROOM_STATUS]  = DO_GONE,
        [ROOM_CLOSE]   = DO_GONE,
    },
};
/* clang-format on */

enum room_action room_step(enum room_role role, enum room_event event)
{
	return table[role][event];
}
