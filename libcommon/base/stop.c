#include "base/stop.h"

#include <signal.h>
#include <sys/signalfd.h>

#include "base/err.h"

static int as_descriptor(const sigset_t *set, int flags)
{
	int fd;

	if (sigprocmask(SIG_BLOCK, set, NULL) != 0 ||
	    (fd = signalfd(-1, set, SFD_CLOEXEC | flags)) < 0)
		return err_sys("cannot wait for signals");
	return fd;
}

int stop_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	return as_descriptor(&set, 0);
}

int stop_unless_ignored(void)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction now;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&set, signals[i]);
	return as_descriptor(&set, SFD_NONBLOCK);
}
