#include "base/config.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

enum type { COUNT, SIZE, DURATION, TEXT };

struct key {
	const char *name;
	enum type type;
	size_t offset, room;        /* room: of a TEXT, with its NUL */
	int64_t value, least, most; /* of a number */
	const char *text;           /* the default of a TEXT */
	bool (*good)(const char *value);
};

static bool any_text(const char *s)
{
	return text_utf8(s, strlen(s));
}

static bool tor_kind(const char *s)
{
	return strcmp(s, "own") == 0 || strcmp(s, "system") == 0 || strcmp(s, "none") == 0;
}

static bool program(const char *s)
{
	return *s != '\0' && (*s == '/' || strchr(s, '/') == NULL);
}

static bool absolute(const char *s)
{
	return *s == '/';
}

static bool absolute_or_empty(const char *s)
{
	return *s == '\0' || absolute(s);
}

/* The PORT of HOST:PORT, after which nothing stands. */
static bool port_ok(const char *s, int least)
{
	size_t n = strspn(s, "0123456789");

	return n >= 1 && n <= 5 && s[n] == '\0' && atoi(s) >= least && atoi(s) <= 65535;
}

/* 127.0.0.1:80 or [::1]:80: no names, so that nothing is looked up in the DNS. */
static bool host_port(const char *s, int least)
{
	const char *colon = strrchr(s, ':');
	char host[64];
	uint8_t addr[16];
	size_t n;

	if (colon == NULL || !port_ok(colon + 1, least))
		return false;
	n = (size_t)(colon - s);
	if (n >= sizeof(host))
		return false;
	memcpy(host, s, n);
	host[n] = '\0';
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		return inet_pton(AF_INET6, host + 1, addr) == 1;
	}
	return inet_pton(AF_INET, host, addr) == 1;
}

static bool bind_address(const char *s)
{
	return host_port(s, 0);
}

static bool control_port(const char *s)
{
	return strncmp(s, "unix:/", 6) == 0 || host_port(s, 1);
}

/* ask, decline, or accept and names. */
static bool policy(const char *s)
{
	char name[NAME_MAX_LEN + 1];
	size_t n;

	if (strcmp(s, "ask") == 0 || strcmp(s, "decline") == 0)
		return true;
	if (strncmp(s, "accept ", 7) != 0)
		return false;
	if (*(s + 7 + strspn(s + 7, " ")) == '\0')
		return false;
	for (s += 7; *(s += strspn(s, " ")) != '\0'; s += n) {
		n = strcspn(s, " ");
		if (n > NAME_MAX_LEN)
			return false;
		memcpy(name, s, n);
		name[n] = '\0';
		if (!text_name_ok(name))
			return false;
	}
	return true;
}

#define NUMBER(key, type, member, value, least, most)                                         \
	{                                                                                     \
		key, type, offsetof(struct config, member), 0, value, least, most, NULL, NULL \
	}
#define STRING(key, member, value, good)                                                          \
	{                                                                                         \
		key, TEXT, offsetof(struct config, member), sizeof(((struct config *)0)->member), \
		    0, 0, 0, value, good                                                          \
	}

static const struct key keys[] = {
    STRING("nickname", nickname, "", any_text),
    NUMBER("file.accept", SIZE, file_accept, 25 * MIB, 0, 1024 * GIB),
    NUMBER("file.quota", SIZE, file_quota, 4 * GIB, 0, 1024 * GIB),
    NUMBER("inbox.quota", COUNT, inbox_quota, 100000, 1, 100000000),
    NUMBER("offer.expires", DURATION, offer_expires, 7 * MP_DAY, MP_MINUTE, 365 * MP_DAY),
    NUMBER("queue.expires", DURATION, queue_expires, 30 * MP_DAY, MP_MINUTE, 365 * MP_DAY),
    NUMBER("retry.min", DURATION, retry_min, 30 * MP_SECOND, MP_SECOND, MP_DAY),
    NUMBER("retry.max", DURATION, retry_max, 6 * MP_HOUR, MP_SECOND, 30 * MP_DAY),
    NUMBER("send.parallel", COUNT, send_parallel, 16, 1, 256),
    NUMBER("send.timeout", DURATION, send_timeout, MP_MINUTE, MP_SECOND, MP_HOUR),
    NUMBER("rekey.age", DURATION, rekey_age, 90 * MP_DAY, 0, 3650 * MP_DAY),
    NUMBER("rekey.count", COUNT, rekey_count, 1000000, 0, INT64_C(1) << 31),
    NUMBER("hook.timeout", DURATION, hook_timeout, 5 * MP_MINUTE, MP_SECOND, MP_DAY),
    STRING("introduction.policy", introduction_policy, "ask", policy),
    STRING("group.policy", group_policy, "ask", policy),
    STRING("tor", tor, "own", tor_kind),
    STRING("tor.binary", tor_binary, "tor", program),
    STRING("tor.control", tor_control, "unix:/run/tor/control", control_port),
    STRING("tor.cookie", tor_cookie, "/run/tor/control.authcookie", absolute),
    STRING("tor.include", tor_include, "", absolute_or_empty),
    STRING("serve.bind", serve_bind, "127.0.0.1:0", bind_address),
    NUMBER("serve.children", COUNT, serve_children, 512, 1, 65535),
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static int64_t *number_at(struct config *c, const struct key *k)
{
	return (int64_t *)(void *)((char *)c + k->offset);
}

void config_defaults(struct config *c)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < KEYS; i++) {
		if (keys[i].type == TEXT)
			strcpy((char *)c + keys[i].offset, keys[i].text);
		else
			*number_at(c, &keys[i]) = keys[i].value;
	}
}

/* Digits, and for a size K, M or G behind them. */
static int parse_count(int64_t *v, const char *s, bool size)
{
	static const char units[] = "KMG";
	size_t n = strspn(s, "0123456789");
	const char *unit = units;
	int shift = 0;

	if (n == 0 || n > 15)
		return -1;
	*v = strtoll(s, NULL, 10);
	if (s[n] != '\0') {
		if (!size || s[n + 1] != '\0' || (unit = strchr(units, s[n])) == NULL)
			return -1;
		shift = 10 * (int)(unit - units + 1);
	}
	if (*v > INT64_MAX >> shift)
		return -1;
	*v <<= shift;
	return 0;
}

/* NULL, or what the value should have been. */
static const char *set_value(struct config *c, const struct key *k, const char *value)
{
	int64_t v;

	if (k->type == TEXT) {
		if (strlen(value) >= k->room || !k->good(value))
			return "bad value";
		strcpy((char *)c + k->offset, value);
		return NULL;
	}
	if (k->type == DURATION ? duration_parse(&v, value)
	                        : parse_count(&v, value, k->type == SIZE))
		return k->type == DURATION ? "no duration"
		       : k->type == SIZE   ? "no size"
		                           : "no number";
	if (v < k->least || v > k->most)
		return v < k->least ? "too small" : "too large";
	*number_at(c, k) = v;
	return NULL;
}

static char *trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'); n--)
		s[n - 1] = '\0';
	return s;
}

/* One line without LF. *given is the set of keys seen so far. */
static int parse_line(struct config *c, char *line, const char *where, uint32_t *given)
{
	char *name = trim(line), *value = strchr(name, '=');
	const char *problem;
	size_t i;

	if (*name == '\0' || *name == '#')
		return 0;
	if (value == NULL)
		return err_set(MP_EBAD, "%s: not 'key = value'", where);
	*value++ = '\0';
	name = trim(name);
	value = trim(value);
	for (i = 0; i < KEYS && strcmp(keys[i].name, name) != 0; i++)
		;
	if (i == KEYS)
		return err_set(MP_EBAD, "%s: unknown key '%.40s'", where, name);
	if (*given & 1u << i)
		return err_set(MP_EBAD, "%s: '%s' is given twice", where, name);
	*given |= 1u << i;
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(MP_EBAD, "%s: control character in '%s'", where, name);
	if ((problem = set_value(c, &keys[i], value)) != NULL)
		return err_set(MP_EBAD, "%s: %s: %s '%.80s'", where, name, problem, value);
	return 0;
}

_Static_assert(KEYS <= 32, "given is 32 bits");

int config_parse(struct config *c, const char *text, size_t len, const char *name)
{
	char line[1024], where[300];
	uint32_t given = 0;
	int rc;

	for (unsigned number = 1; len > 0; number++) {
		const char *lf = memchr(text, '\n', len);
		size_t n = lf != NULL ? (size_t)(lf - text) : len;

		snprintf(where, sizeof(where), "%s:%u", name, number);
		if (n >= sizeof(line) || memchr(text, '\0', n) != NULL)
			return err_set(MP_EBAD, "%s: line too long, or not text", where);
		memcpy(line, text, n);
		line[n] = '\0';
		if ((rc = parse_line(c, line, where, &given)) != 0)
			return rc;
		n += lf != NULL;
		text += n;
		len -= n;
	}
	if (c->retry_max < c->retry_min)
		return err_set(MP_EBAD, "%s: retry.max is less than retry.min", name);
	return 0;
}

int config_read(struct config *c, const char *path)
{
	struct buf text = BUF_INIT(64 * KIB);
	int rc;

	config_defaults(c);
	rc = file_read(path, &text);
	if (rc == 0)
		rc = config_parse(c, (const char *)text.data, text.len, path);
	else if (rc == MP_ENONE)
		rc = 0;
	buf_free(&text);
	return rc;
}

int config_load(struct config *c)
{
	return config_read(c, home_file("config"));
}
