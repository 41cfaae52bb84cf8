/* Numeric addresses; the routes file: what is read, refused, and noticed when it changes. */
#include <sys/stat.h>
#include <sys/un.h>

#include "net/addr.h"
#include "net/client.h"
#include "net/routes.h"
#include "net.h"
#include "tap.h"

static void test_addr(void)
{
	static const char *const good[] = {
	    "127.0.0.1:443", "0.0.0.0:0", "[::1]:9050", "[fe80::1]:65535", "unix:/run/tor/control"};
	static const char *const bad[] = {"", ":", "localhost:80", "127.0.0.1",
	    "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:80x", "127.0.0.1: 80", "127.0.0.1:+80",
	    "127.0.0.1:080", "127.1:80", "0x7f.0.0.1:80", "::1:80", "[::1]", "[::1:80",
	    "[127.0.0.1]:80", "[]:80", "[fe80::1%lo]:80", "a.onion:80", "unix:", " 127.0.0.1:80",
	    "[1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222]:1"};
	char text[ADDR_TEXT], path[200] = "unix:/";
	struct addr a;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		is_int(addr_parse(&a, good[i]), 0, good[i]);
		addr_format(text, &a);
		is_str(text, good[i], "comes back");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(addr_parse(&a, bad[i]) == MP_EBAD, "refused: '%s'", bad[i]);
	memset(path + 6, 'x', 120);
	is_int(addr_parse(&a, path), MP_EBAD, "a socket path longer than the system's is refused");
	path[5 + 107] = '\0';
	is_int(addr_parse(&a, path), 0, "the longest one is not");
}

static void test_socks(void)
{
	char out[128], small[8];
	int fd;
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	is_int(client_socks(out, sizeof(out)), 0, "without anything");
	is_str(out, "127.0.0.1:9050", "the proxy is tor's usual port");
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/run", test_dir);
	mkdir(un.sun_path, 0700);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/run/socks", test_dir);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0)
		die("bind");
	is_int(client_socks(out, sizeof(out)), 0, "with a socket in the home");
	ok(strncmp(out, "unix:", 5) == 0 && strcmp(out + 5, un.sun_path) == 0, "the proxy is that");
	setenv("MP_SOCKS", "127.0.0.1:19050", 1);
	is_int(client_socks(out, sizeof(out)), 0, "with MP_SOCKS");
	is_str(out, "127.0.0.1:19050", "the proxy is what it says");
	is_int(client_socks(small, sizeof(small)), MP_EUSAGE, "too small a buffer is an error");
	setenv("MP_SOCKS", "localhost:9050", 1);
	is_int(client_socks(out, sizeof(out)), MP_EUSAGE, "a name would need a look-up: refused");
	unsetenv("MP_SOCKS");
	close(fd);
	unlink(un.sun_path);
}

static uint8_t key[3][ONION_KEY];
static char name[3][ONION_TEXT];

static void make_keys(void)
{
	for (int i = 0; i < 3; i++) {
		struct identity *id;

		if (identity_new(&id) != 0)
			die(err_detail());
		memcpy(key[i], id->key, ONION_KEY);
		onion_encode(name[i], key[i]);
		identity_free(id);
	}
}

static struct routes *load(const char *text, int want)
{
	struct routes *r;

	is_int(routes_load(&r, test_file("routes", text, strlen(text))), want, "loaded");
	return r;
}

static void test_read(void)
{
	char text[600];
	struct routes *r;

	is_int(routes_load(&r, test_file("absent", NULL, 0)), 0, "an absent file has no routes");
	ok(routes_find(r, key[0]) == NULL, "for nobody");
	routes_free(r);
	snprintf(text, sizeof(text),
	    "# people in this house\n\n  %s\t127.0.0.1:443 # the cellar\n%.56s [::1]:8443\r\n",
	    name[0], name[1]);
	r = load(text, 0);
	is_str(routes_find(r, key[0]), "127.0.0.1:443", "a route, with a comment behind it");
	is_str(routes_find(r, key[1]), "[::1]:8443", "an address without .onion, IPv6, CRLF");
	ok(routes_find(r, key[2]) == NULL, "no route for others");
	routes_free(r);
	snprintf(text, sizeof(text), "%s 127.0.0.1:1", name[0]);
	r = load(text, 0);
	is_str(routes_find(r, key[0]), "127.0.0.1:1", "a last line without an end");
	routes_free(r);
	is_int(setenv("MP_ROUTES", test_file("routes", NULL, 0), 1), 0, "MP_ROUTES");
	is_int(routes_load(&r, NULL), 0, "names the file");
	is_str(routes_find(r, key[0]), "127.0.0.1:1", "that is read");
	routes_free(r);
	unsetenv("MP_ROUTES");
	is_int(routes_load(&r, NULL), 0, "else it is the home's");
	is_str(routes_find(r, key[0]), "127.0.0.1:1", "that is read");
	routes_free(r);
}

static void test_refused(void)
{
	static const char *const tails[] = {
	    "", " localhost:80", " 127.0.0.1", " 127.0.0.1:80 more", " unix:/tmp/x"};
	char text[600], want[200];
	struct routes *r;

	for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
		snprintf(text, sizeof(text), "# first\n%s%s\n", name[0], tails[i]);
		r = load(text, MP_EBAD);
		snprintf(want, sizeof(want), "%s:2: ", test_file("routes", NULL, 0));
		ok(r == NULL && strncmp(err_detail(), want, strlen(want)) == 0,
		    "'ONION%s' is refused with file and line", tails[i]);
	}
	load("abc.onion 127.0.0.1:80\n", MP_EBAD);
	ok(strstr(err_detail(), ":1: no onion address") != NULL, "a bad onion address is named");
	snprintf(text, sizeof(text), "%s 127.0.0.1:1\n%s 127.0.0.1:2\n", name[0], name[0]);
	load(text, MP_EBAD);
	ok(strstr(err_detail(), "a route already") != NULL, "one address twice is refused");
	is_int(
	    routes_load(&r, test_file("routes", "a\0b", 3)), MP_EBAD, "a binary file is refused");
}

static void test_changes(void)
{
	char text[600];
	struct routes *r;

	snprintf(text, sizeof(text), "%s 127.0.0.1:1\n", name[0]);
	r = load(text, 0);
	snprintf(text, sizeof(text), "%s 127.0.0.1:2\n%s 127.0.0.1:3\n", name[1], name[0]);
	test_file("routes", text, strlen(text));
	is_str(routes_find(r, key[0]), "127.0.0.1:3", "a changed file is read again");
	is_str(routes_find(r, key[1]), "127.0.0.1:2", "with all its lines");
	test_file("routes", "half a li", 9);
	is_str(
	    routes_find(r, key[0]), "127.0.0.1:3", "a broken one leaves the routes as they were");
	unlink(test_file("routes", NULL, 0));
	ok(routes_find(r, key[0]) == NULL, "without a file there are none");
	test_file("routes", text, strlen(text));
	is_str(routes_find(r, key[1]), "127.0.0.1:2", "and back they are");
	routes_free(r);
}

int main(void)
{
	test_begin();
	make_keys();
	test_addr();
	test_socks();
	test_read();
	test_refused();
	test_changes();
	test_end();
	return done();
}
