#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/err.h"
#include "node/serve.h"

struct heralds {
	int fd;             /* of -r, -1 none */
	const char *notify; /* NOTIFY_SOCKET, NULL none */
};

/* sd_notify(3): one datagram; a path that starts with '@' is in the abstract name space. */
static void notify_systemd(const char *path)
{
	static const char text[] = "READY=1";
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	int fd;

	if (n == 0 || n >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, path, n);
	if (un.sun_path[0] == '@')
		un.sun_path[0] = '\0';
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
		return;
	if (sendto(fd, text, sizeof(text) - 1, MSG_NOSIGNAL, (struct sockaddr *)&un,
	        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		err_print(err_sys("cannot notify '%s'", path));
	close(fd);
}

static void tell_ready(void *ctx, const char *onion, const char *where)
{
	struct heralds *h = ctx;

	printf("ready %s %s\n", onion, where);
	if (fflush(stdout) != 0)
		err_print(err_sys("cannot write standard output"));
	if (h->fd >= 0 && h->fd != STDOUT_FILENO) {
		if (dprintf(h->fd, "ready %s %s\n", onion, where) < 0)
			err_print(err_sys("cannot write descriptor %d", h->fd));
		close(h->fd);
		h->fd = -1;
	}
	if (h->notify != NULL)
		notify_systemd(h->notify);
}

static void tell(void *ctx, const char *line)
{
	(void)ctx;
	err_warn("%s", line);
}

/* The directory that this program lies in: mp-recv is its neighbour. */
static const char *own_directory(char path[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);

	path[n > 0 ? n : 0] = '\0';
	return n > 0 ? dirname(path) : "";
}

/* The environment's word for systemd is for us alone, not for our children. */
static char *take_notify(void)
{
	const char *s = getenv("NOTIFY_SOCKET");
	char *copy = s != NULL ? strdup(s) : NULL;

	(void)unsetenv("NOTIFY_SOCKET");
	return copy;
}

int main(int argc, char **argv)
{
	char self[PATH_MAX];
	struct heralds heralds = {.fd = -1, .notify = take_notify()};
	struct serve_options o = {.wait = -1, .private_fd = -1, .say = tell, .ready = tell_ready};
	struct config cfg;
	int c, rc;

	cmd_begin("mp-serve", "mp-serve [-hnv] [-b addr:port] [-r fd] [-w duration]");
	while ((c = getopt(argc, argv, "b:hnr:vw:")) != -1) {
		switch (c) {
		case 'b':
			o.bind = optarg;
			break;
		case 'n':
			o.no_tor = true;
			break;
		case 'r':
			heralds.fd = cmd_descriptor(c, optarg, 1);
			break;
		case 'v':
			o.verbose = true;
			break;
		case 'w':
			o.wait = cmd_duration(c, optarg);
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (optind != argc)
		return cmd_usage(0);
	if (heralds.fd >= 0)
		(void)fcntl(heralds.fd, F_SETFD, FD_CLOEXEC);
	o.private_fd = heralds.fd;
	o.programs = own_directory(self);
	o.ctx = &heralds;
	if ((rc = config_load(&cfg)) == 0)
		rc = serve_run(&cfg, &o);
	free((char *)heralds.notify);
	return rc == 0 ? EXIT_DONE : err_print(rc);
}
