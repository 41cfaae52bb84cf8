#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "node/child.h"

static void test_delay(void)
{
	static const int64_t want[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct child c = {.name = "x"};
	int64_t now = 5000;

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		c.started = now;
		is_int(child_ended(&c, now), want[i], "the wait doubles, to 60 s");
		is_int(c.due, now + want[i], "due then");
	}
	c.started = now;
	is_int(child_ended(&c, now + 59999), 60000, "59.999 s are not yet health");
	c.started = now;
	is_int(child_ended(&c, now + 60000), 1000, "60 s are");
}

static void test_verdict(void)
{
	char text[40];

	child_verdict(text, sizeof(text), 9);
	is_str(text, "signal 9", "a signal");
	child_verdict(text, sizeof(text), 111 << 8);
	is_str(text, "exit status 111", "a status");
}

static int sleep_for_ever(void *ctx)
{
	(void)ctx;
	(void)poll(NULL, 0, -1);
	return 0;
}

/* What socat does: a process of its own that nobody waits for, and which ignores every polite
 * signal. */
static int leave_behind(void *ctx)
{
	if (fork() == 0) {
		for (int sig = 1; sig < NSIG; sig++)
			(void)signal(sig, SIG_IGN);
		sleep_for_ever(ctx);
	}
	return sleep_for_ever(ctx);
}

static bool closed_within(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	return poll(&p, 1, ms) == 1 && read(fd, &c, 1) == 0;
}

/* Runs a family in a process of its own, in which act() then happens; true when nothing of it is
 * left 10 s after. */
static bool family_goes(void (*act)(struct family *f, struct child *c))
{
	int alive[2], status;
	pid_t pid;

	/* Every member holds the writing end: it is closed when the last one is gone. */
	if (pipe(alive) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		struct family f;
		struct child c = {.name = "x", .run = leave_behind};

		close(alive[0]);
		if (family_begin(&f, NULL, 0) != 0 || child_start(&c, &f, 0) != 0)
			_exit(1);
		(void)poll(NULL, 0, 100);
		act(&f, &c);
		_exit(0);
	}
	close(alive[1]);
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return closed_within(alive[0], 10000);
}

static void end_well(struct family *f, struct child *c)
{
	(void)c;
	family_end(f);
}

static void be_killed(struct family *f, struct child *c)
{
	(void)f;
	(void)c;
	(void)raise(SIGKILL);
}

/* Who kills the keeper first does not get round it either. */
static void lose_keeper(struct family *f, struct child *c)
{
	(void)c;
	(void)kill(f->keeper, SIGKILL);
	if (waitpid(f->keeper, NULL, 0) != f->keeper || family_keeper_again(f) != 0)
		_exit(1);
	(void)raise(SIGKILL);
}

static int tell_inheritance(void *ctx)
{
	const int *fd = ctx;
	sigset_t set;
	char c;

	if (fcntl(*fd, F_GETFD) != -1 || errno != EBADF)
		return 1;
	if (sigprocmask(SIG_SETMASK, NULL, &set) != 0 || sigismember(&set, SIGTERM))
		return 2;
	if (read(STDIN_FILENO, &c, 1) != 0)
		return 3;
	return getpgrp() == getppid() || getpgrp() == getpid() ? 4 : 0;
}

static void test_inheritance(void)
{
	int private = open("/dev/null", O_RDONLY), status;
	struct child c = {.name = "x", .run = tell_inheritance, .ctx = &private};
	struct family f;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ok(family_begin(&f, &private, 1) == 0 && child_start(&c, &f, 0) == 0, "started");
	ok(waitpid(c.pid, &status, 0) == c.pid && WIFEXITED(status), "ended");
	is_int(WEXITSTATUS(status), 0,
	    "no private descriptor, no blocked signal, no input, a group apart");
	family_end(&f);
	is_int(kill(f.group, 0), -1, "no keeper left");
}

int main(void)
{
	test_delay();
	test_verdict();
	ok(family_goes(end_well), "a family that is ended is gone, children's children too");
	ok(family_goes(be_killed), "... and one whose parent is killed");
	ok(family_goes(lose_keeper), "... and one whose keeper was killed before");
	test_inheritance();
	return done();
}
