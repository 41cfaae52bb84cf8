/*
 * fuzz/chat_frame: bytes as frames, payloads and content, without a key to be right.  The first
 * byte says what the rest is: f frames, l a login's text, a its answer, i init, r invite_res, m and
 * M messages, w status_req, s a line of status_res, p a response, n a response with a number, k and
 * t content. What is read is written again and must be the same.
 */
#include "fuzz.h"

#include "base/err.h"
#include "chat/content.h"
#include "chat/frame.h"
#include "chat/login.h"
#include "chat/payload.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void same(struct buf *b, int rc, const uint8_t *p, size_t n)
{
	must(rc == 0 && b->len == n && (n == 0 || memcmp(b->data, p, n) == 0));
	buf_free(b);
}

static void frames(const uint8_t *p, size_t n)
{
	uint8_t head[FRAME_HEAD];
	struct frame f;
	size_t size = 0;

	while (frame_next(p, n, &size) == 1) {
		must(size >= FRAME_HEAD + FRAME_MAC && size <= n && frame_read(&f, p) == 0);
		frame_write(head, &f);
		must(memcmp(head, p, FRAME_HEAD) == 0);
		p += size;
		n -= size;
	}
}

static void login(const uint8_t *p, size_t n)
{
	uint8_t again[LOGIN_SIZE];
	struct login l;

	if (login_read(&l, p, n) == 0)
		must(login_write(again, &l) == 0 && memcmp(again, p, LOGIN_SIZE) == 0);
}

static void payloads(char what, const uint8_t *p, size_t n)
{
	struct line_reader lines = {.p = p, .n = n};
	struct buf b = BUF_INIT(1 << 18);
	char response[RESPONSE_SIZE];
	struct login_answer a;
	struct chat_message m;
	struct member_line l;
	struct init i;
	enum wanted w;
	uint8_t key[32];
	uint64_t v = 0;
	bool accept;

	if (what == 'a' && login_answer_read(&a, p, n) == 0)
		same(&b, login_answer_write(&b, &a), p, n);
	if (what == 'i' && init_read(&i, p, n) == 0)
		same(&b, init_write(&b, &i), p, n);
	if (what == 'r' && answer_read(&accept, key, p, n) == 0)
		same(&b, answer_write(&b, accept ? key : NULL), p, n);
	if ((what == 'm' || what == 'M') && message_read(&m, what == 'M', p, n) == 0)
		same(&b, message_write(&b, what == 'M', &m), p, n);
	if (what == 'w' && want_read(&w, &v, &lines, n > 0 && p[0] == 'F', p, n) == 0 &&
	    w != WANT_USERS)
		same(&b, want_write(&b, w, v, NULL, 0), p, n);
	lines = (struct line_reader){.p = p, .n = n};
	if (what == 's' && member_read(&lines, &l))
		same(&b, member_write(&b, &l), p, lines.at);
	if (what == 'p' && response_read(response, p, n) == 0)
		same(&b, response_write(&b, response), p, n);
	if (what == 'n' && result_read(response, &v, p, n) == 0)
		same(&b, result_write(&b, response, v), p, n);
	buf_free(&b);
}

/* Signed as it stands, so that what is behind the signature is reached. */
static void content(bool is_key, const uint8_t *p, size_t n)
{
	static struct content_roster roster;
	static const uint8_t seed[32] = "seed";
	const char *label = is_key ? "mp-chat/1 key" : "mp-chat/1 text";
	const struct content_place at = {.sid = 1, .uid = 2, .number = 3};
	struct buf b = BUF_INIT(1 << 20), plain = BUF_INIT(1 << 20);
	crypto_hash_sha512_state state;
	uint8_t hash[64], place[24], signature[64], public[32], secret[64], session[32] = {0};
	struct content_text t;

	must(sodium_init() >= 0);
	crypto_sign_seed_keypair(public, secret, seed);
	put64(place, at.sid);
	put64(place + 8, at.uid);
	put64(place + 16, at.number);
	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, (const uint8_t *)label, strlen(label));
	crypto_hash_sha512_update(&state, place, sizeof(place));
	crypto_hash_sha512_update(&state, p, n);
	crypto_hash_sha512_final(&state, hash);
	crypto_sign_detached(signature, NULL, hash, sizeof(hash), secret);
	must((n == 0 || buf_add(&b, p, n) == 0) && buf_add(&b, signature, 64) == 0);
	if (is_key) {
		if (content_key_open(&roster, session, &at, public, 2, secret, b.data, b.len) == 0)
			must(roster.n > 0 && roster.n <= CONTENT_MEMBERS);
	} else if (content_text_open(&t, &plain, &at, public, session, b.data, b.len) == 0) {
		must(t.n <= CONTENT_TEXT);
	}
	buf_free(&b);
	buf_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'f':
		frames(data + 1, size - 1);
		break;
	case 'l':
		login(data + 1, size - 1);
		break;
	case 'k':
	case 't':
		content(data[0] == 'k', data + 1, size - 1);
		break;
	default:
		payloads((char)data[0], data + 1, size - 1);
	}
	return 0;
}
