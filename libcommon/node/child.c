#include "node/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

/* Between fork and the child's work: nothing of the parent's stays open or caught. */
static void become_member(const struct family *f, pid_t parent, int death_signal)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	(void)setpgid(0, f->group);
	/* The keeper outlives the parent on purpose. */
	if (death_signal != 0 &&
	    (prctl(PR_SET_PDEATHSIG, death_signal) != 0 ||
	        getppid() != parent)) /* it went before the signal was asked for */
		_exit(EXIT_TEMPORARY);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(EXIT_TEMPORARY);
	for (size_t i = 0; i < f->n_private_fds; i++)
		if (f->private_fds[i] > STDERR_FILENO)
			close(f->private_fds[i]);
	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGPIPE)
			(void)signal(sig, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Never returns: sleeps until the other end of the pipe is gone. */
static void keep(int fd)
{
	char c;
	ssize_t n;

	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	do
		n = read(fd, &c, 1);
	while (n > 0 || (n < 0 && errno == EINTR));
	(void)kill(0, SIGKILL);
	_exit(0);
}

static int start_keeper(struct family *f)
{
	pid_t parent = getpid(), pid;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0)
		return err_sys("cannot make a pipe");
	if ((pid = fork()) < 0) {
		close(fds[0]);
		close(fds[1]);
		return err_sys("cannot start a process");
	}
	if (pid == 0) {
		close(fds[1]);
		become_member(f, parent, 0);
		keep(fds[0]);
	}
	close(fds[0]);
	if (f->keeper_fd >= 0)
		close(f->keeper_fd);
	f->keeper_fd = fds[1];
	f->keeper = pid;
	/* Both sides say it, so that it holds whoever comes first.  A group whose last member went
	 * is made anew. */
	if (f->group == 0 || setpgid(pid, f->group) != 0) {
		f->group = pid;
		(void)setpgid(pid, pid);
	}
	return 0;
}

int family_begin(struct family *f, const int *private_fds, size_t n)
{
	*f = (struct family){.keeper_fd = -1, .private_fds = private_fds, .n_private_fds = n};
	return start_keeper(f);
}

int family_keeper_again(struct family *f)
{
	f->keeper = 0;
	return start_keeper(f);
}

void family_end(struct family *f)
{
	if (f->keeper == 0)
		return;
	close(f->keeper_fd);
	f->keeper_fd = -1;
	while (waitpid(f->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	f->keeper = 0;
}

int child_start(struct child *c, struct family *f, int64_t now)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return err_sys("cannot start %s", c->name);
	if (pid == 0) {
		if (f->keeper_fd >= 0)
			close(f->keeper_fd);
		become_member(f, parent, SIGKILL);
		exit(c->run(c->ctx));
	}
	(void)setpgid(pid, f->group);
	c->pid = pid;
	c->started = now;
	c->due = INT64_MAX;
	return 0;
}

int64_t child_ended(struct child *c, int64_t now)
{
	bool healthy = now - c->started >= CHILD_DELAY_MAX;

	c->pid = 0;
	if (healthy || c->delay == 0)
		c->delay = CHILD_DELAY_MIN;
	else
		c->delay = c->delay >= CHILD_DELAY_MAX / 2 ? CHILD_DELAY_MAX : c->delay * 2;
	c->due = now + c->delay;
	return c->delay;
}

void child_verdict(char *out, size_t size, int wait_status)
{
	if (WIFSIGNALED(wait_status))
		snprintf(out, size, "signal %d", WTERMSIG(wait_status));
	else
		snprintf(out, size, "exit status %d", WEXITSTATUS(wait_status));
}
