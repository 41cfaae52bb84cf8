#include "chat/payload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "chat/frame.h"

bool line_text(struct line_reader *r, char *out, size_t size)
{
	const uint8_t *start = r->p + r->at, *lf;
	size_t len;

	if (r->at == r->n || (lf = memchr(start, '\n', r->n - r->at)) == NULL)
		return false;
	len = (size_t)(lf - start);
	if (len >= size || memchr(start, '\0', len) != NULL)
		return false;
	memcpy(out, start, len);
	out[len] = '\0';
	r->at += len + 1;
	return true;
}

static bool number(const char *s, uint64_t *v)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 19 || s[n] != '\0' || (s[0] == '0' && n > 1))
		return false;
	for (*v = 0; *s != '\0'; s++)
		*v = *v * 10 + (uint64_t)(*s - '0');
	return true;
}

static bool hex(const char *s, uint8_t *out, size_t n)
{
	return strlen(s) == 2 * n && strspn(s, "0123456789abcdef") == 2 * n &&
	       hex_decode(out, n, s) == 0;
}

bool id_parse(uint64_t *v, const char *s)
{
	uint8_t raw[8];

	if (!hex(s, raw, 8))
		return false;
	*v = get64(raw);
	return *v != 0;
}

bool line_number(struct line_reader *r, uint64_t *v)
{
	size_t at = r->at;
	char s[24];

	if (line_text(r, s, sizeof(s)) && number(s, v))
		return true;
	r->at = at;
	return false;
}

bool line_hex(struct line_reader *r, uint8_t *out, size_t n)
{
	size_t at = r->at;
	char s[65];

	if (n <= 32 && line_text(r, s, sizeof(s)) && hex(s, out, n))
		return true;
	r->at = at;
	return false;
}

bool line_id(struct line_reader *r, uint64_t *v)
{
	size_t at = r->at;
	char s[17];

	if (line_text(r, s, sizeof(s)) && id_parse(v, s))
		return true;
	r->at = at;
	return false;
}

bool line_is(struct line_reader *r, const char *word)
{
	size_t at = r->at;
	char s[RESPONSE_SIZE];

	if (line_text(r, s, sizeof(s)) && strcmp(s, word) == 0)
		return true;
	r->at = at;
	return false;
}

int init_write(struct buf *out, const struct init *i)
{
	char key[65];
	int rc;

	hex_encode(key, i->key, 32);
	rc = buf_addf(out, "%s\n", key);
	for (size_t k = 0; rc == 0 && k < i->n; k++)
		rc = buf_addf(out, "%016" PRIx64 "\n", i->invited[k]);
	return rc;
}

static bool known(const struct init *i, uint64_t uid)
{
	for (size_t k = 0; k < i->n; k++)
		if (i->invited[k] == uid)
			return true;
	return false;
}

int init_read(struct init *i, const uint8_t *p, size_t n)
{
	struct line_reader r = {.p = p, .n = n};
	bool bad = false;
	uint64_t uid;

	i->n = 0;
	if (!line_hex(&r, i->key, 32))
		return err_set(MP_EBAD, "an init request without a key");
	while (i->n < ROOM_INVITED && line_id(&r, &uid)) {
		bad |= known(i, uid);
		i->invited[i->n++] = uid;
	}
	if (bad || i->n == 0 || r.at != n)
		return err_set(MP_EBAD, "an init request that invites nobody, or not well");
	return 0;
}

int answer_write(struct buf *out, const uint8_t *key)
{
	char text[65];

	if (key == NULL)
		return buf_adds(out, "Deny\n");
	hex_encode(text, key, 32);
	return buf_addf(out, "Accept\n%s\n", text);
}

int answer_read(bool *accept, uint8_t key[static 32], const uint8_t *p, size_t n)
{
	struct line_reader r = {.p = p, .n = n};

	*accept = line_is(&r, "Accept");
	if ((*accept ? line_hex(&r, key, 32) : line_is(&r, "Deny")) && r.at == n)
		return 0;
	return err_set(MP_EBAD, "no answer to an invitation");
}

int response_write(struct buf *out, const char *response)
{
	return buf_addf(out, "%s\n", response);
}

static bool response_line(struct line_reader *r, char response[static RESPONSE_SIZE])
{
	return line_text(r, response, RESPONSE_SIZE) && response[0] != '\0' &&
	       text_plain(response, strlen(response)) == strlen(response);
}

int response_read(char response[static RESPONSE_SIZE], const uint8_t *p, size_t n)
{
	struct line_reader r = {.p = p, .n = n};

	if (response_line(&r, response) && r.at == n)
		return 0;
	return err_set(MP_EBAD, "no response");
}

int result_write(struct buf *out, const char *response, uint64_t v)
{
	return buf_addf(out, "%s\n%" PRIu64 "\n", response, v);
}

int result_read(char response[static RESPONSE_SIZE], uint64_t *v, const uint8_t *p, size_t n)
{
	struct line_reader r = {.p = p, .n = n};

	if (response_line(&r, response) && line_number(&r, v) && r.at == n)
		return 0;
	return err_set(MP_EBAD, "no response to a message");
}

int message_write(struct buf *out, bool server, const struct chat_message *m)
{
	uint8_t head[MESSAGE_HEAD];
	size_t skip = server ? 0 : 8;
	int rc;

	if (m->n > MESSAGE_CONTENT)
		return err_set(MP_ELIMIT, "%zu bytes are too long for a message", m->n);
	put64(head, m->seq);
	put64(head + 8, m->number);
	if ((rc = buf_add(out, head + skip, MESSAGE_HEAD - skip)) == 0)
		rc = buf_add(out, m->content, m->n);
	return rc;
}

int message_read(struct chat_message *m, bool server, const uint8_t *p, size_t n)
{
	size_t head = server ? MESSAGE_HEAD : 8;

	if (n <= head || n - head > MESSAGE_CONTENT)
		return err_set(MP_EBAD, "a message without content");
	m->seq = server ? get64(p) : 0;
	m->number = get64(p + head - 8);
	m->content = p + head;
	m->n = n - head;
	if (m->number == 0 || m->number > INT64_MAX ||
	    (server && (m->seq == 0 || m->seq > INT64_MAX)))
		return err_set(MP_EBAD, "a message without a number");
	return 0;
}

int want_write(struct buf *out, enum wanted w, uint64_t after, const char *const *names, size_t n)
{
	int rc = 0;

	if (w == WANT_FOLLOW)
		return buf_addf(out, "Follow\n%" PRIu64 "\n", after);
	if (w == WANT_USERS)
		rc = buf_adds(out, "Users\n");
	for (size_t i = 0; w == WANT_USERS && rc == 0 && i < n; i++)
		rc = buf_addf(out, "%s\n", names[i]);
	return rc;
}

int want_read(enum wanted *w, uint64_t *after, struct line_reader *names, uint64_t sid,
    const uint8_t *p, size_t n)
{
	struct line_reader r = {.p = p, .n = n};

	*names = r;
	if (n == 0) {
		*w = sid == 0 ? WANT_ROOMS : WANT_ROOM;
		return 0;
	}
	if (sid != 0 && line_is(&r, "Follow") && line_number(&r, after) && r.at == n &&
	    *after <= INT64_MAX) {
		*w = WANT_FOLLOW;
		return 0;
	}
	r.at = 0;
	if (sid == 0 && line_is(&r, "Users")) {
		*w = WANT_USERS;
		*names = r;
		return 0;
	}
	return err_set(MP_EBAD, "no status request");
}

static const char *const states[MEMBER_STATES] = {
    [MEMBER_CREATOR] = "creator",
    [MEMBER_INVITED] = "invited",
    [MEMBER_JOINED] = "member",
    [MEMBER_DECLINED] = "declined",
};

const char *member_state_name(enum member_state s)
{
	return states[s];
}

int member_write(struct buf *out, const struct member_line *m)
{
	char key[65] = "-";

	if (m->has_key)
		hex_encode(key, m->key, 32);
	return buf_addf(out, "%016" PRIx64 " %s %s %s\n", m->uid, m->name, key, states[m->state]);
}

static bool parse_state(struct member_line *m, const char *s)
{
	for (int i = 0; i < MEMBER_STATES; i++)
		if (strcmp(s, states[i]) == 0) {
			m->state = (enum member_state)i;
			return true;
		}
	return false;
}

bool member_read(struct line_reader *r, struct member_line *m)
{
	char line[160], *save = NULL, *id, *name, *key, *state;
	size_t at = r->at;

	memset(m, 0, sizeof(*m));
	/* One space between them, for a line has one form. */
	if (line_text(r, line, sizeof(line)) && line[0] != ' ' && strstr(line, "  ") == NULL &&
	    (id = strtok_r(line, " ", &save)) != NULL &&
	    (name = strtok_r(NULL, " ", &save)) != NULL &&
	    (key = strtok_r(NULL, " ", &save)) != NULL &&
	    (state = strtok_r(NULL, "", &save)) != NULL && id_parse(&m->uid, id) &&
	    text_name_ok(name) && parse_state(m, state)) {
		strcpy(m->name, name);
		m->has_key = strcmp(key, "-") != 0;
		if (!m->has_key || hex(key, m->key, 32))
			return true;
	}
	r->at = at;
	return false;
}
