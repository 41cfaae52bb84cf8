/*
 * chatcall: a client's connection to a chat server: dialled, logged in, frames in and out by
 * poll().
 */
#ifndef MP_NODE_CHATCALL_H
#define MP_NODE_CHATCALL_H

#include "base/buf.h"
#include "chat/guest.h"
#include "store/chat.h"

struct chatcall {
	int fd;
	struct guest *guest;
	struct buf in, out;
	size_t at; /* of in: what was taken */
};

/* A file of an account, $MP_HOME/chat/ACCOUNT/NAME; MP_EUSAGE for a bad account. */
int chatcall_path(char *out, size_t size, const char *account, const char *name);

/* Connected and logged in within ms.  MP_ETEMP, or MP_EBAD when the server closed it at the login.
 */
int chatcall_open(struct chatcall *c, const struct chat_account *a, int64_t ms);
void chatcall_close(struct chatcall *c);

int chatcall_send(
    struct chatcall *c, enum frame_type type, uint64_t sid, const void *payload, size_t n);
/* What is to be asked of poll() for fd. */
short chatcall_wants(const struct chatcall *c);
/* Reads and writes what goes without waiting.  MP_ETEMP: the connection is over. */
int chatcall_io(struct chatcall *c, short revents);
/* 1 and the next event of what was read, 0 none, MP_EBAD. */
int chatcall_next(struct chatcall *c, struct heard *e);
/* The next event within ms, MP_ETEMP. */
int chatcall_wait(struct chatcall *c, struct heard *e, int64_t ms);

#endif
