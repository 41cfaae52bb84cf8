#include "base/config.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/setting.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#define KIB INT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

static bool any_text(const char *s)
{
	return text_utf8(s, strlen(s));
}

static bool tor_kind(const char *s)
{
	return strcmp(s, "own") == 0 || strcmp(s, "system") == 0 || strcmp(s, "none") == 0;
}

static bool route(const char *s)
{
	return strcmp(s, "onion") == 0 || strcmp(s, "mesh") == 0 || strcmp(s, "both") == 0;
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

#define NUMBER(key, type, member, value, least, most) \
	SETTING_NUMBER(config, key, type, member, value, least, most)
#define STRING(key, member, value, good) SETTING_STRING(config, key, member, value, good)

static const struct setting keys[] = {
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
    NUMBER("receipt.wait", DURATION, receipt_wait, MP_DAY, MP_SECOND, 30 * MP_DAY),
    STRING("route", route, "both", route),
    NUMBER("fetch.every", DURATION, fetch_every, 15 * MP_MINUTE, 0, 30 * MP_DAY),
    NUMBER("cover.post", DURATION, cover_post, 0, 0, 30 * MP_DAY),
    NUMBER("cover.fetch", DURATION, cover_fetch, 0, 0, 30 * MP_DAY),
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

_Static_assert(KEYS <= SETTINGS_MAX, "as many as a table takes");

void config_defaults(struct config *c)
{
	settings_default(c, sizeof(*c), keys, KEYS);
}

static int check(const struct config *c, const char *name)
{
	if (c->retry_max < c->retry_min)
		return err_set(MP_EBAD, "%s: retry.max is less than retry.min", name);
	/* What we post to ourselves comes back by the fetches, of which each takes some. */
	if (c->cover_post > 0 && c->cover_fetch > 4 * c->cover_post)
		return err_set(MP_EBAD, "%s: cover.fetch is more than 4 times cover.post", name);
	return 0;
}

int config_parse(struct config *c, const char *text, size_t len, const char *name)
{
	int rc = settings_parse(c, keys, KEYS, text, len, name);

	return rc != 0 ? rc : check(c, name);
}

int config_read(struct config *c, const char *path)
{
	int rc;

	config_defaults(c);
	rc = settings_read(c, keys, KEYS, path);
	return rc != 0 ? rc : check(c, path);
}

int config_load(struct config *c)
{
	return config_read(c, home_file("config"));
}
