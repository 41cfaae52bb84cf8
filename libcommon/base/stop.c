#include "base/stop.h"

#include <signal.h>
#include <sys/signalfd.h>

#include "base/err.h"

int stop_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (fd = signalfd(-1, &set, SFD_CLOEXEC)) < 0)
		return err_sys("cannot wait for signals");
	return fd;
}
