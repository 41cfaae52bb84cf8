#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "store/lease.h"

static char boot_id[37];

static void read_boot_id(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, boot_id, sizeof boot_id - 1);

	if (fd >= 0)
		close(fd);
	/* Without one every machine start looks alike; the lease's time still ends it. */
	if (n != (ssize_t)sizeof boot_id - 1)
		memset(boot_id, '0', sizeof boot_id - 1);
}

static const char *boot(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_boot_id);
	return boot_id;
}

void lease_make(struct lease *l, int64_t now, int64_t ms)
{
	memset(l, 0, sizeof *l);
	l->pid = getpid();
	memcpy(l->boot, boot(), sizeof l->boot);
	l->until = now + ms;
}

bool lease_own(const struct lease *l)
{
	return l->pid == getpid() && strcmp(l->boot, boot()) == 0;
}

bool lease_live(const struct lease *l, int64_t now)
{
	if (l->pid <= 0 || l->until <= now || strcmp(l->boot, boot()) != 0)
		return false;
	/* EPERM: it runs, under another user. */
	return kill((pid_t)l->pid, 0) == 0 || errno == EPERM;
}

bool lease_held(const struct lease *l, int64_t now)
{
	return !lease_own(l) && lease_live(l, now);
}
