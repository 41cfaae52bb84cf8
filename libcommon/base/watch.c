#include "base/watch.h"

#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/err.h"

int watch_open(const char *dir)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd >= 0 && inotify_add_watch(fd, dir,
	                   IN_ATTRIB | IN_CLOSE_WRITE | IN_CREATE | IN_MODIFY | IN_MOVED_TO) < 0) {
		close(fd);
		fd = -1;
	}
	return fd >= 0 ? fd : err_sys("cannot watch '%s'", dir);
}

bool watch_touched(int fd, const char *name)
{
	_Alignas(struct inotify_event) char data[4096];
	bool touched = false;
	ssize_t n;

	if (fd < 0)
		return false;
	while ((n = read(fd, data, sizeof(data))) > 0) {
		for (char *p = data; p < data + n;) {
			const struct inotify_event *e = (const struct inotify_event *)(void *)p;

			if ((e->mask & IN_Q_OVERFLOW) != 0 ||
			    (e->len > 0 && strcmp(e->name, name) == 0))
				touched = true;
			p += sizeof(*e) + e->len;
		}
	}
	return touched;
}
