/*
 * payload: the text and the numbers inside frames (mp-chat-protocol(7), PAYLOADS).
 *
 * Text is lines, each with its LF: decimal numbers without a sign or a leading zero, ids of 16 and
 * keys of 64 lower-case hex digits.  Everything here reads the one canonical form and nothing else.
 */
#ifndef MP_CHAT_PAYLOAD_H
#define MP_CHAT_PAYLOAD_H

#include <stdbool.h>
#include "base/buf.h"

struct line_reader {
	const uint8_t *p;
	size_t n, at;
};

/* Each takes one line; false, and the reader where it was, when the next one is not of that form.
 */
bool line_text(struct line_reader *r, char *out, size_t size); /* at most size - 1 bytes, no NUL */
bool line_number(struct line_reader *r, uint64_t *v);
bool line_hex(struct line_reader *r, uint8_t *out, size_t n);
bool line_id(struct line_reader *r, uint64_t *v);
/* The line is exactly word. */
bool line_is(struct line_reader *r, const char *word);

/* 16 lower-case hex digits, not zero. */
bool id_parse(uint64_t *v, const char *s);

#define ROOM_INVITED 255 /* of one init, at most; one less than a room's members */

struct init {
	uint8_t key[32]; /* the creator's Ed25519 key */
	size_t n;
	uint64_t invited[ROOM_INVITED]; /* different from each other, not zero */
};

int init_write(struct buf *out, const struct init *i);
int init_read(struct init *i, const uint8_t *p, size_t n);

/* invite_res: NULL is "Deny". */
int answer_write(struct buf *out, const uint8_t *key);
int answer_read(bool *accept, uint8_t key[static 32], const uint8_t *p, size_t n);

/* A response and a number: what msg_res is both ways.  response: up to 80 bytes, one line. */
#define RESPONSE_SIZE 81
int result_write(struct buf *out, const char *response, uint64_t number);
int result_read(char response[static RESPONSE_SIZE], uint64_t *number, const uint8_t *p, size_t n);

/* init_res and close_res: one line. */
int response_write(struct buf *out, const char *response);
int response_read(char response[static RESPONSE_SIZE], const uint8_t *p, size_t n);

/* msg_req: number 8 | content to the server, seq 8 | number 8 | content from it. */
#define MESSAGE_HEAD 16u
#define MESSAGE_CONTENT (65535u - 32u - 12u - MESSAGE_HEAD)
struct chat_message {
	uint64_t seq, number;
	const uint8_t *content;
	size_t n;
};
int message_write(struct buf *out, bool server, const struct chat_message *m);
int message_read(struct chat_message *m, bool server, const uint8_t *p, size_t n);

/* status_req: what is wanted. */
enum wanted { WANT_ROOM, WANT_FOLLOW, WANT_ROOMS, WANT_USERS };
int want_write(struct buf *out, enum wanted w, uint64_t after, const char *const *names, size_t n);
/* names is a reader at the first name, for WANT_USERS. */
int want_read(enum wanted *w, uint64_t *after, struct line_reader *names, uint64_t sid,
    const uint8_t *p, size_t n);

/* status_res, line by line. */
enum member_state { MEMBER_CREATOR, MEMBER_INVITED, MEMBER_JOINED, MEMBER_DECLINED, MEMBER_STATES };
const char *member_state_name(enum member_state s);

struct member_line {
	uint64_t uid; /* or the room's sid */
	char name[33];
	bool has_key;
	uint8_t key[32];
	enum member_state state;
};
int member_write(struct buf *out, const struct member_line *m);
bool member_read(struct line_reader *r, struct member_line *m);

#endif
