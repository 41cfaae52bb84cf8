/*
 * login: the text of the first two frames (mp-chat-protocol(7), LOGIN).
 *
 * The request is always LOGIN_SIZE bytes, so that its length says nothing of the name and the
 * password.
 */
#ifndef MP_CHAT_LOGIN_H
#define MP_CHAT_LOGIN_H

#include <stdbool.h>

#include "base/buf.h"

#define LOGIN_SIZE 512
#define LOGIN_NAME 33      /* with NUL */
#define LOGIN_PASSWORD 257 /* with NUL */
#define LOGIN_SKEW INT64_C(120000)

struct login {
	int64_t time; /* ms */
	char name[LOGIN_NAME];
	char password[LOGIN_PASSWORD];
	uint8_t random[32]; /* the client's X25519 public key */
};

struct login_answer {
	uint8_t request[32]; /* SHA-256 of the request's text */
	uint8_t random[32];  /* the server's X25519 public key */
	uint64_t uid;
};

/* 1 to 256 bytes of UTF-8 without a control character. */
bool login_password_ok(const char *s);

/* MP_EUSAGE for a name or password that is none. */
int login_write(uint8_t out[static LOGIN_SIZE], const struct login *l);
int login_read(struct login *l, const uint8_t *p, size_t n);
void login_hash(uint8_t out[static 32], const uint8_t *request, size_t n);

int login_answer_write(struct buf *out, const struct login_answer *a);
int login_answer_read(struct login_answer *a, const uint8_t *p, size_t n);

#endif
