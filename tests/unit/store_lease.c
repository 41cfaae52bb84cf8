/* Leases: whose, how long, and dead with their process or machine. */
#include <signal.h>

#include "base/clock.h"
#include "home.h"

int main(void)
{
	struct lease l, other;
	pid_t pid;

	home_make();
	lease_make(&l, 1000, 500);
	is_int(l.pid, getpid(), "ours");
	is_int(l.until, 1500, "until its time");
	is_int((long long)strlen(l.boot), 36, "of this start of the machine");
	ok(lease_own(&l), "own");
	ok(lease_live(&l, 1499), "live before its end");
	ok(!lease_live(&l, 1500), "not at its end");
	ok(!lease_held(&l, 1000), "one's own is not held by somebody else");

	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	other = l;
	other.pid = pid;
	ok(lease_held(&other, 1000) && lease_live(&other, 1000), "another process holds it");
	ok(!lease_held(&other, 1500), "until its time");
	other.boot[0] = other.boot[0] == 'z' ? 'y' : 'z';
	ok(!lease_held(&other, 1000), "not from before the machine was started");
	other = l;
	other.pid = pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(!lease_held(&other, 1000), "not when its process is gone");
	other.pid = 0;
	ok(!lease_held(&other, 1000), "nobody's");
	other.pid = 1;
	ok(lease_held(&other, 1000), "a process of another user is alive");
	return done();
}
