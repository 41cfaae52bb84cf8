#include "tap.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"

#include <stdbool.h>
#include <unistd.h>

static struct config c;

static int parse(const char *text)
{
	config_defaults(&c);
	return config_parse(&c, text, strlen(text), "config");
}

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define NUMBER(name, member, unit, value, least, most, low, high)                          \
	{                                                                                  \
		name, offsetof(struct config, member), unit, value, least, most, low, high \
	}

/* Each number: its default, its bounds, and a value one step outside each. */
static const struct number {
	const char *name;
	size_t offset;
	int64_t unit, value, least, most;
	const char *below, *above;
} numbers[] = {
    NUMBER("file.accept", file_accept, 1, 25 * MIB, 0, 1024 * GIB, NULL, "1099511627777"),
    NUMBER("file.quota", file_quota, 1, 4 * GIB, 0, 1024 * GIB, NULL, "1025G"),
    NUMBER("inbox.quota", inbox_quota, 1, 100000, 1, 100000000, "0", "100000001"),
    NUMBER("offer.expires", offer_expires, 1000, 7 * MP_DAY, MP_MINUTE, 365 * MP_DAY, "59", "366d"),
    NUMBER(
        "queue.expires", queue_expires, 1000, 30 * MP_DAY, MP_MINUTE, 365 * MP_DAY, "59s", "366d"),
    NUMBER("retry.min", retry_min, 1000, 30 * MP_SECOND, MP_SECOND, MP_DAY, "0", "86401"),
    NUMBER("retry.max", retry_max, 1000, 6 * MP_HOUR, MP_SECOND, 30 * MP_DAY, "0s", "31d"),
    NUMBER("send.parallel", send_parallel, 1, 16, 1, 256, "0", "257"),
    NUMBER("send.timeout", send_timeout, 1000, MP_MINUTE, MP_SECOND, MP_HOUR, "0", "3601"),
    NUMBER("rekey.age", rekey_age, 1000, 90 * MP_DAY, 0, 3650 * MP_DAY, NULL, "3651d"),
    NUMBER("rekey.count", rekey_count, 1, 1000000, 0, INT64_C(1) << 31, NULL, "2147483649"),
    NUMBER("receipt.wait", receipt_wait, 1000, MP_DAY, MP_SECOND, 30 * MP_DAY, "0", "31d"),
    NUMBER("fetch.every", fetch_every, 1000, 15 * MP_MINUTE, 0, 30 * MP_DAY, NULL, "31d"),
    NUMBER("cover.post", cover_post, 1000, 0, 0, 30 * MP_DAY, NULL, "31d"),
    NUMBER("cover.fetch", cover_fetch, 1000, 0, 0, 30 * MP_DAY, NULL, "31d"),
    NUMBER("hook.timeout", hook_timeout, 1000, 5 * MP_MINUTE, MP_SECOND, MP_DAY, "0", "25h"),
    NUMBER("serve.children", serve_children, 1, 512, 1, 65535, "0", "65536"),
};

static int64_t value_of(const struct number *n)
{
	int64_t v;

	memcpy(&v, (char *)&c + n->offset, sizeof(v));
	return v;
}

static int set(const char *name, const char *value)
{
	char text[1200];

	/* The other of the pair that must stand in order is put out of the way. */
	snprintf(text, sizeof(text), "%s = %s\n%s", name, value,
	    strcmp(name, "retry.min") == 0   ? "retry.max = 30d\n"
	    : strcmp(name, "retry.max") == 0 ? "retry.min = 1\n"
	                                     : "");
	return parse(text);
}

static void check_number(const struct number *n)
{
	char text[64];

	config_defaults(&c);
	is_int(value_of(n), n->value, n->name);
	for (int i = 0; i < 2; i++) {
		int64_t want = i ? n->most : n->least;

		snprintf(text, sizeof(text), "%lld", (long long)(want / n->unit));
		ok(set(n->name, text) == 0 && value_of(n) == want, "%s = %s", n->name, text);
	}
	if (n->below != NULL)
		ok(set(n->name, n->below) == MP_EBAD, "%s = %s is too small", n->name, n->below);
	ok(set(n->name, n->above) == MP_EBAD, "%s = %s is too large", n->name, n->above);
	ok(set(n->name, "") == MP_EBAD && set(n->name, "-1") == MP_EBAD &&
	        set(n->name, "x") == MP_EBAD && set(n->name, "1 2") == MP_EBAD &&
	        set(n->name, "99999999999999999999") == MP_EBAD,
	    "%s takes nothing else", n->name);
}

static const struct string {
	const char *name;
	size_t offset;
	const char *value, *good[4], *bad[8];
} strings[] = {
    {"nickname", offsetof(struct config, nickname), "", {"Alice = B. \xc3\xbc", ""},
        {"\xff", "a\033b"}},
    {"route", offsetof(struct config, route), "both", {"onion", "mesh", "both"},
        {"", "Mesh", "onions", "neither"}},
    {"tor", offsetof(struct config, tor), "own", {"own", "system", "none"}, {"", "Own", "other"}},
    {"tor.binary", offsetof(struct config, tor_binary), "tor", {"/usr/sbin/tor", "tor-0.4"},
        {"", "bin/tor", "./tor"}},
    {"tor.control", offsetof(struct config, tor_control), "unix:/run/tor/control",
        {"127.0.0.1:9051", "[::1]:9051", "unix:/x"},
        {"", "9051", "localhost:9051", "127.0.0.1:0", "127.0.0.1:65536", "unix:x",
            "/run/tor/control"}},
    {"tor.cookie", offsetof(struct config, tor_cookie), "/run/tor/control.authcookie", {"/x"},
        {"", "x", "~/x"}},
    {"tor.include", offsetof(struct config, tor_include), "", {"", "/etc/bridges"}, {"bridges"}},
    {"introduction.policy", offsetof(struct config, introduction_policy), "ask",
        {"ask", "decline", "accept alice", "accept  alice bob.b"},
        {"", "Ask", "accept", "accept Alice", "accept -x", "yes", "decline all",
            "accept aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
    {"group.policy", offsetof(struct config, group_policy), "ask",
        {"ask", "decline", "accept alice", "accept  alice bob.b"},
        {"", "Ask", "accept", "accept Alice", "accept -x", "yes", "decline all",
            "accept aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}},
    {"serve.bind", offsetof(struct config, serve_bind), "127.0.0.1:0",
        {"0.0.0.0:443", "[::]:8443", "127.0.0.1:65535"},
        {"", "8443", ":8443", "localhost:1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536"}},
};

static void check_string(const struct string *s)
{
	const char *at = (char *)&c + s->offset;
	char text[1000];

	config_defaults(&c);
	is_str(at, s->value, s->name);
	for (int i = 0; i < 4 && s->good[i] != NULL; i++)
		ok(set(s->name, s->good[i]) == 0 && strcmp(at, s->good[i]) == 0, "%s: good %d",
		    s->name, i);
	for (int i = 0; i < 8 && s->bad[i] != NULL; i++)
		ok(set(s->name, s->bad[i]) == MP_EBAD, "%s: bad %d", s->name, i);
	memset(text, 'x', sizeof(text));
	text[0] = '/';
	text[300] = '\0';
	ok(set(s->name, text) == MP_EBAD, "%s: too long", s->name);
}

static void lengths(void)
{
	char name[70];

	memset(name, 'n', sizeof(name));
	name[64] = '\0';
	is_int(set("nickname", name), 0, "a nickname of 64 bytes");
	strcat(name, "n");
	is_int(set("nickname", name), MP_EBAD, "not of 65");
}

static void units(void)
{
	ok(parse("file.accept=10K\nfile.quota=3M\n") == 0 && c.file_accept == 10240 &&
	        c.file_quota == 3 * MIB,
	    "K and M");
	ok(parse("file.quota=2G\n") == 0 && c.file_quota == 2 * GIB, "G");
	ok(parse("retry.max=2h\nretry.min=2m\n") == 0 && c.retry_max == 2 * MP_HOUR &&
	        c.retry_min == 2 * MP_MINUTE,
	    "durations");
	ok(parse("send.parallel=1K\n") == MP_EBAD && parse("file.accept=1T\n") == MP_EBAD &&
	        parse("file.accept=1KK\n") == MP_EBAD && parse("file.accept=K\n") == MP_EBAD &&
	        parse("file.accept=9999999999G\n") == MP_EBAD,
	    "no other units");
}

static void fails(const char *text, const char *want)
{
	int rc = parse(text);

	ok(rc == MP_EBAD, "%s", want);
	is_str(err_detail(), want, "names the line");
}

static void lines(void)
{
	is_int(parse(""), 0, "nothing");
	is_int(parse("\n# comment = x\n\t \n  send.parallel \t=\t 5 \n"), 0, "comments and blanks");
	is_int(c.send_parallel, 5, "around a value");
	is_int(parse("nickname = a = b # c"), 0, "a last line without LF");
	is_str(c.nickname, "a = b # c", "a value goes to the end of the line");
	fails("tor = own\nfoo = 1\n", "config:2: unknown key 'foo'");
	fails("\ntor\n", "config:2: not 'key = value'");
	fails("= 1\n", "config:1: unknown key ''");
	fails("Tor = own\n", "config:1: unknown key 'Tor'");
	fails("tor = own\ntor = own\n", "config:2: 'tor' is given twice");
	fails("send.parallel = 0\n", "config:1: send.parallel: too small '0'");
	fails("send.parallel = many\n", "config:1: send.parallel: no number 'many'");
	fails("tor.cookie = /a\tb\n", "config:1: control character in 'tor.cookie'");
	fails("tor = own\r\n", "config:1: control character in 'tor'");
	fails("retry.min = 1h\nretry.max = 1m\n", "config: retry.max is less than retry.min");
	fails("cover.post = 1m\ncover.fetch = 241s\n",
	    "config: cover.fetch is more than 4 times cover.post");
	is_int(parse("cover.post = 1m\ncover.fetch = 4m\n"), 0, "as many as are fetched");
	is_int(config_parse(&c, "tor = own\0\n", 11, "config"), MP_EBAD, "a NUL");
}

/*
 * mp-config(5) has a line ".It Ic KEY Pq ...; default VALUE" for each key and no other, a number's
 * with ", LEAST to MOST" before it; the values in it are read by the parser that they speak of.
 */
static bool in_manual(const char *line)
{
	char name[64], least[32], most[32], value[128];
	int64_t low, high;

	if (sscanf(line, ".It Ic %63s Pq %*[a-z], %31s to %31[^;]; default %127s", name, least,
	        most, value) == 4) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			const struct number *n = &numbers[i];

			if (strcmp(n->name, name) != 0)
				continue;
			return set(name, least) == 0 && (low = value_of(n)) == n->least &&
			       set(name, most) == 0 && (high = value_of(n)) == n->most &&
			       set(name, value) == 0 && value_of(n) == n->value && low < high;
		}
		return false;
	}
	if (sscanf(line, ".It Ic %63s Pq %*[^;]; default %127s", name, value) != 2)
		return false;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if (strcmp(strings[i].name, name) == 0)
			return strcmp(*strings[i].value != '\0' ? strings[i].value : "none",
			           value) == 0;
	return false;
}

static void manual(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[500];
	size_t keys = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, ".It Ic ", 7) != 0)
			continue;
		keys++;
		line[strcspn(line, "\n")] = '\0';
		printf("# %s\n", line);
		ok(in_manual(line), "the manual's line %zu says what holds", keys);
	}
	if (f != NULL)
		fclose(f);
	is_int((long long)keys,
	    sizeof(numbers) / sizeof(numbers[0]) + sizeof(strings) / sizeof(strings[0]),
	    "the manual has every key once");
}

/* A key that the program has and these tables do not. */
static void every_key(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[500], name[64];
	size_t keys = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		keys += sscanf(line, " NUMBER(\"%63[^\"]", name) == 1 ||
		        sscanf(line, " STRING(\"%63[^\"]", name) == 1;
	if (f != NULL)
		fclose(f);
	is_int((long long)keys,
	    sizeof(numbers) / sizeof(numbers[0]) + sizeof(strings) / sizeof(strings[0]),
	    "every key is tested");
}

static void files(void)
{
	char path[] = "/tmp/mp-config.XXXXXX";
	int fd = mkstemp(path);

	ok(write(fd, "send.parallel = 7\n", 18) == 18 && config_read(&c, path) == 0 &&
	        c.send_parallel == 7 && c.send_timeout == MP_MINUTE,
	    "a file and defaults");
	unlink(path);
	ok(config_read(&c, path) == 0 && c.send_parallel == 16, "no file is all defaults");
	ok(ftruncate(fd, 0) == 0 && close(fd) == 0, "closed");
	is_int(config_read(&c, "/"), MP_ESYS, "a directory is no config");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		check_number(&numbers[i]);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		check_string(&strings[i]);
	lengths();
	units();
	lines();
	every_key("libcommon/base/config.c");
	manual("man/mp-config.5");
	files();
	return done();
}
