/* Hooks: which program is run, what a run says and leaves, with times too short for a shell test.
 */
#include "home.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "node/hook.h"

static struct store *s;
static struct config cfg;
static char last[256];
static int reports;

static void keep(void *ctx, const struct record *rec, const char *line)
{
	(void)ctx;
	(void)rec;
	snprintf(last, sizeof(last), "%s", line);
	reports++;
}

static int run(const char *script, int64_t timeout, int stop_fd)
{
	char sh[] = "sh", c[] = "-c", text[256];
	char *argv[] = {sh, c, text, NULL};
	struct hook h = {.argv = argv, .timeout = timeout, .stop_fd = stop_fd, .report = keep};

	snprintf(text, sizeof(text), "%s", script);
	last[0] = '\0';
	reports = 0;
	return hook_run_all(s, &cfg, &h);
}

static int64_t state_of(unsigned n)
{
	char sql[96];

	snprintf(
	    sql, sizeof(sql), "SELECT state FROM message WHERE substr(hex(id), 17, 8) = '%08X'", n);
	return number(s, sql);
}

static void check_programs(void)
{
	char path[PATH_MAX + 16];
	int fd;

	is_int(hook_check("sh"), 0, "a program on PATH");
	is_int(hook_check("/bin/sh"), 0, "a path");
	is_int(hook_check("no-such-program-of-mp"), MP_EUSAGE, "not on PATH");
	is_int(hook_check(""), MP_EUSAGE, "an empty name");
	is_int(hook_check("/nonexistent/x"), MP_ESYS, "a path that is not there");
	is_int(hook_check(home_dir), MP_ESYS, "a directory");
	setenv("PATH", "/nonexistent", 1);
	is_int(hook_check("sh"), MP_EUSAGE, "a PATH without it");
	MUST(chdir(home_dir));
	fd = open("here", O_WRONLY | O_CREAT, 0700);
	close(fd);
	setenv("PATH", "/nonexistent:", 1);
	is_int(hook_check("here"), 0, "an empty element of PATH is the working directory");
	snprintf(path, sizeof(path), "%s:/nonexistent", home_dir);
	setenv("PATH", path, 1);
	is_int(hook_check("here"), 0, "the first element");
	chmod("here", 0600);
	is_int(hook_check("here"), MP_EUSAGE, "a file that cannot be run");
	unsetenv("PATH");
	is_int(hook_check("sh"), 0, "no PATH at all");
	setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
}

static void check_verdicts(int64_t alice)
{
	is_int(run("exit 0", 0, -1), EXIT_NO, "nothing new");
	MUST(home_message(s, alice, DIR_IN, MESSAGE_NEW, 1, "one"));
	is_int(run("exit 0", 0, -1), EXIT_DONE, "done");
	is_int(state_of(1), MESSAGE_READ, "read");
	is_int(reports, 0, "nothing to report");

	MUST(home_message(s, alice, DIR_IN, MESSAGE_NEW, 2, "two"));
	is_int(run("exit 100", 0, -1), EXIT_PERMANENT, "given up");
	is_int(state_of(2), MESSAGE_GIVEN_UP, "failed");
	is_int(reports, 1, "one report");

	MUST(home_message(s, alice, DIR_IN, MESSAGE_NEW, 3, "three"));
	is_int(run("kill -9 $$", 0, -1), EXIT_TEMPORARY, "a signal");
	is_int(state_of(3), MESSAGE_NEW, "new again");
	ok(strstr(last, "was killed by signal 9 on ") != NULL, "%s", last);
	is_int(run("exit 0", 0, -1), EXIT_NO, "not due yet");
	is_int(number(s, "SELECT count(*) FROM message WHERE lease_until <> 0"), 0,
	    "no lease is left");
	MUST(message_mark(s, (const uint8_t[16]){1, [11] = 3}));
}

static void check_time(int64_t alice)
{
	int64_t start = clock_monotonic(), took;

	MUST(home_message(s, alice, DIR_IN, MESSAGE_NEW, 4, "four"));
	is_int(run("trap '' TERM; sleep 60 & wait; sleep 60", 200, -1), EXIT_TEMPORARY, "too long");
	took = clock_monotonic() - start;
	ok(took >= 200 && took < 20000, "killed when its time was over (%lld ms)", (long long)took);
	ok(strstr(last, "took too long") != NULL, "%s", last);
	MUST(message_mark(s, (const uint8_t[16]){1, [11] = 4}));

	MUST(home_message(s, alice, DIR_IN, MESSAGE_NEW, 5, "five"));
	cfg.hook_timeout = 200;
	is_int(run("sleep 60", 0, -1), EXIT_TEMPORARY, "0 is the configured time");
	cfg.hook_timeout = 5 * MP_MINUTE;
	MUST(message_mark(s, (const uint8_t[16]){1, [11] = 5}));
}

static void check_stop(int64_t alice)
{
	int p[2];

	MUST(pipe2(p, O_CLOEXEC));
	MUST(home_message(s, alice, DIR_IN, MESSAGE_NEW, 6, "six"));
	MUST(home_message(s, alice, DIR_IN, MESSAGE_NEW, 7, "seven"));
	is_int(write(p[1], "x", 1), 1, "asked to stop");
	is_int(run("exit 0", 0, p[0]), EXIT_NO, "nothing is started then");
	is_int(state_of(6), MESSAGE_NEW, "nothing is claimed");
	close(p[0]);
	close(p[1]);
	is_int(run("exit 0", 0, -1), EXIT_DONE, "both are done later");
	is_int(number(s, "SELECT count(*) FROM message WHERE state = 0"), 0, "none is left");
}

int main(void)
{
	int64_t alice;

	s = home_store();
	config_defaults(&cfg);
	alice = home_contact(s, "alice");
	check_programs();
	check_verdicts(alice);
	check_time(alice);
	check_stop(alice);
	ok(at_rest(s) && sound(s), "the store is sound");
	store_close(s);
	return done();
}
