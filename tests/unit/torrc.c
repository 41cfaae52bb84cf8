#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "node/torrc.h"

static struct torrc plain(void)
{
	return (struct torrc){
	    .data = "/h/tor/data",
	    .service = "/h/tor/service",
	    .log = "/h/tor/log",
	    .socks = "/h/run/socks",
	    .control = "/h/run/control",
	    .cookie = "/h/run/cookie",
	    .target = "127.0.0.1:4430",
	    .include = "",
	    .owner = 7,
	};
}

static const char *text(struct buf *b, const struct torrc *t)
{
	buf_clear(b);
	if (torrc_text(b, t) != 0 || buf_terminate(b) != 0)
		abort();
	return (const char *)b->data;
}

static void test_lines(struct buf *b)
{
	struct torrc t = plain();
	const char *s = text(b, &t);

	ok(strstr(s, "\nDataDirectory \"/h/tor/data\"\n") != NULL, "DataDirectory");
	ok(strstr(s, "\nHiddenServiceDir \"/h/tor/service\"\n") != NULL, "HiddenServiceDir");
	ok(strstr(s, "\nHiddenServicePort 443 127.0.0.1:4430\n") != NULL, "HiddenServicePort");
	ok(strstr(s, "\nSocksPort \"unix:\\\"/h/run/socks\\\" IsolateSOCKSAuth") != NULL,
	    "a SOCKS port that is a socket and isolates by user name");
	ok(strstr(s, "127.0.0.1:9") == NULL && strstr(s, "SocksPort 9") == NULL, "and no other");
	ok(strstr(s, "\n__OwningControllerProcess 7\n") != NULL, "ends with its owner");
	ok(strstr(s, "PoW") == NULL, "no proof of work where tor has none");
	ok(strstr(s, "%include") == NULL, "nothing to include");
	t.pow = true;
	t.include = "/etc/bridges";
	s = text(b, &t);
	ok(strstr(s, "\nHiddenServicePoWDefensesEnabled 1\n") != NULL, "proof of work");
	ok(strstr(s, "\n%include \"/etc/bridges\"\n") != NULL, "an include");
}

/* A name can neither end its quotes nor its line. */
static void test_quoting(struct buf *b)
{
	struct torrc t = plain();
	unsigned lines = 0, want = 0;

	for (const char *s = text(b, &t); *s != '\0'; s++)
		want += *s == '\n';
	t.data = "/a\"\nExitRelay 1\n#\\";
	t.socks = t.control = "/b\"\nExitRelay 1";
	t.log = "/c\nExitRelay 1";
	for (const char *s = text(b, &t); *s != '\0'; s++)
		lines += *s == '\n';
	is_int(lines, want, "no line more for any path");
	ok(strstr((const char *)b->data,
	       "\nDataDirectory \"/a\\\"\\012ExitRelay 1\\012#\\\\\"\n") != NULL,
	    "quote, line end and backslash are escaped");
}

/* What tor itself says to all of it, in a directory whose name is as bad as can be. */
static void test_real_tor(struct buf *b)
{
	char dir[] = "/tmp/mp torrc \"#'\\ XXXXXX", path[8][200], command[1200];
	static const char *const names[] = {
	    "data", "service", "log", "socks", "control", "cookie", "more", "torrc"};
	struct torrc t = plain();

	if (system("PATH=$PATH:/usr/sbin command -v tor >/dev/null") != 0) {
		ok(true, "tor reads it # SKIP no tor here");
		return;
	}
	if (mkdtemp(dir) == NULL)
		abort();
	for (int i = 0; i < 8; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%s", dir, names[i]);
	t.data = path[0];
	t.service = path[1];
	t.log = path[2];
	t.socks = path[3];
	t.control = path[4];
	t.cookie = path[5];
	t.include = path[6];
	text(b, &t);
	if (mkdir(t.data, 0700) != 0 || mkdir(t.service, 0700) != 0 ||
	    file_write(t.include, "Nickname x\n", 11, 0600, true) != 0 ||
	    file_write(path[7], b->data, b->len, 0600, true) != 0 || setenv("D", dir, 1) != 0)
		abort();
	snprintf(command, sizeof(command),
	    "cd \"$D\" && : >empty && PATH=$PATH:/usr/sbin tor --verify-config --defaults-torrc "
	    "empty "
	    "-f torrc >out 2>&1 && test -d data && ! grep -q '\\[err\\]' out || { sed 's/^/# /' "
	    "out; exit 1; }");
	is_int(system(command), 0, "tor reads it");
	is_int(system("rm -rf \"$D\""), 0, "gone");
}

int main(void)
{
	struct buf b = BUF_INIT(65536);

	test_lines(&b);
	test_quoting(&b);
	test_real_tor(&b);
	buf_free(&b);
	return done();
}
