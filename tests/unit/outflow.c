/* Lines for a descriptor that takes them when it likes. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/outflow.h"
#include "tap.h"

#define LONG 3000

static uint64_t seed = 88172645463325252u;

static unsigned draw(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 16) % below;
}

static void test_order(int fds[2], const char *what)
{
	static char sent[1 << 20], got[1 << 20];
	size_t nsent = 0, ngot = 0, lines = 0;
	struct outflow o;
	char line[LONG];
	ssize_t n;
	int good = 1;

	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	outflow_init(&o, fds[1], "it", 16 << 10);
	while (lines < 500 || outflow_waits(&o) > 0) {
		size_t len = draw(LONG);

		memset(line, 'a' + (int)(lines % 26), len);
		if (lines < 500 && outflow_line(&o, line, len) == 0) {
			memcpy(sent + nsent, line, len);
			nsent += len;
			sent[nsent++] = '\n';
			lines++;
		}
		good = good && outflow_waits(&o) <= 16 << 10 && outflow_write(&o) == 0;
		/* Whoever reads is slower for a while. */
		if (draw(3) == 0)
			while ((n = read(fds[0], got + ngot, 1 + draw(9000))) > 0)
				ngot += (size_t)n;
	}
	while ((n = read(fds[0], got + ngot, 9000)) > 0)
		ngot += (size_t)n;
	ok(good, "%s: no write fails or waits", what);
	ok(nsent == ngot && memcmp(sent, got, nsent) == 0, "%s: all lines come, in order", what);
	outflow_free(&o);
	is_int((long long)outflow_waits(&o), 0, "nothing is left");
	close(fds[0]);
	close(fds[1]);
}

static void test_limit(void)
{
	struct outflow o;
	int fds[2];

	if (pipe(fds) != 0)
		exit(99);
	outflow_init(&o, fds[1], "it", 10);
	is_int(outflow_line(&o, "12345678", 8), 0, "a line");
	is_int((long long)outflow_waits(&o), 9, "... and its end wait");
	is_int(outflow_line(&o, "12", 2), MP_ELIMIT, "there is a maximum");
	is_int((long long)outflow_waits(&o), 9, "... and half a line is none");
	is_int(outflow_line(&o, "", 0), 0, "an empty one fits");
	is_int(outflow_write(&o), 0, "they are written");
	is_int((long long)outflow_waits(&o), 0, "... all");
	is_int(outflow_line(&o, "123456789", 9), 0, "and there is room again");
	close(fds[0]);
	is_int(outflow_write(&o), MP_ESYS, "nobody reads any more");
	ok(strstr(err_detail(), "cannot write to it") != NULL, "... which is said with a name: %s",
	    err_detail());
	is_int((long long)outflow_waits(&o), 10, "... and what waits, waits");
	outflow_free(&o);
	close(fds[1]);
}

/* A pipe that is full and blocks: one write must not be tried, as poll() says; a socket takes none
 * without waiting. */
static void test_full_socket(void)
{
	char line[4096];
	struct outflow o;
	int fds[2], rc = 0;

	memset(line, 'x', sizeof(line));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		exit(99);
	outflow_init(&o, fds[1], "it", 8 << 20);
	for (int i = 0; i < 1000; i++) {
		rc |= outflow_line(&o, line, sizeof(line));
		rc |= outflow_write(&o);
	}
	is_int(rc, 0, "a socket that takes nothing does not hold us");
	ok(outflow_waits(&o) > 0, "... what it did not take waits");
	outflow_free(&o);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return 99;
	test_order(fds, "a socket");
	if (pipe(fds) != 0)
		return 99;
	fcntl(fds[1], F_SETFL, O_NONBLOCK); /* in place of poll() */
	test_order(fds, "a pipe");
	test_limit();
	test_full_socket();
	return done();
}
