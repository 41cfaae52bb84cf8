#include "node/station.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "crypto/identity.h"

#define TEMPORARY "mp-sockets."
#define SOCKET_MAX 100 /* of a path; the system takes 107 bytes */

static int write_lock(struct station *s, const char *text)
{
	size_t n = strlen(text);

	if (ftruncate(s->lock, 0) != 0 || pwrite(s->lock, text, n, 0) != (ssize_t)n)
		return err_sys("cannot write '%s'", home_file("run/serve.lock"));
	return 0;
}

static int take_lock(struct station *s)
{
	char text[32] = "";
	long pid;
	int rc;

	if ((rc = dir_make(home_file("run"))) != 0)
		return rc;
	s->lock =
	    open(home_file("run/serve.lock"), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock < 0)
		return err_sys("cannot open '%s'", home_file("run/serve.lock"));
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0) {
		snprintf(text, sizeof(text), "%ld\n", (long)getpid());
		return write_lock(s, text);
	}
	if (errno != EWOULDBLOCK)
		return err_sys("cannot lock '%s'", home_file("run/serve.lock"));
	pid = pread(s->lock, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
	return err_set(MP_ENONE, "'%s' is being served already, by process %ld", home_path(), pid);
}

/* Wildcards are for listening only. */
static void find_target(struct station *s, const struct addr *bound)
{
	struct addr a = *bound;
	struct sockaddr_in *in = (struct sockaddr_in *)&a.ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a.ss;

	if (a.ss.ss_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (a.ss.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
		in6->sin6_addr = in6addr_loopback;
	addr_format(s->target, &a);
}

static int take_port(struct station *s, const char *where)
{
	struct addr a;
	int on = 1;

	if (addr_parse(&a, where) != 0 || a.ss.ss_family == AF_UNIX)
		return err_set(MP_EUSAGE, "'%.100s' is no numeric ADDR:PORT", where);
	s->port = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->port < 0)
		return err_sys("cannot make a socket");
	(void)setsockopt(s->port, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s->port, (struct sockaddr *)&a.ss, a.len) != 0)
		return err_sys("cannot use '%s'", where);
	a.len = sizeof(a.ss);
	if (getsockname(s->port, (struct sockaddr *)&a.ss, &a.len) != 0)
		return err_sys("cannot use '%s'", where);
	addr_format(s->where, &a);
	find_target(s, &a);
	return 0;
}

/* Only what tor put there. */
static void remove_sockets(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)unlinkat(fd, "socks", 0);
	(void)unlinkat(fd, "control", 0);
	close(fd);
}

/*
 * What one that was killed left behind: sockets that nobody answers, which would keep mp-send
 * from asking the system's tor, and a directory outside the home that run/socks leads to.
 */
static void tidy(void)
{
	const char *link = home_file("run/socks");
	char to[PATH_MAX], *slash;
	ssize_t n = readlink(link, to, sizeof(to) - 1);

	if (n > 0) {
		to[n] = '\0';
		if ((slash = strrchr(to, '/')) != NULL) {
			*slash = '\0';
			slash = strrchr(to, '/');
			if (slash != NULL &&
			    strncmp(slash + 1, TEMPORARY, strlen(TEMPORARY)) == 0) {
				remove_sockets(to);
				(void)rmdir(to);
			}
		}
	}
	remove_sockets(home_file("run"));
}

int station_open(struct station *s, const char *bind)
{
	int rc;

	memset(s, 0, sizeof(*s));
	s->lock = s->port = -1;
	if ((rc = identity_public(s->key)) != 0 || (rc = take_lock(s)) != 0)
		goto out;
	onion_encode(s->onion, s->key);
	tidy();
	rc = take_port(s, bind);
out:
	if (rc != 0)
		station_close(s);
	return rc;
}

/* A directory that only we can enter, with a short name. */
static int make_temporary(struct station *s)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	if (base == NULL || *base != '/' || strlen(base) > 40)
		base = "/tmp";
	snprintf(s->temporary, sizeof(s->temporary), "%s/" TEMPORARY "XXXXXX", base);
	if (mkdtemp(s->temporary) == NULL) {
		s->temporary[0] = '\0';
		return err_sys("cannot make a directory in '%s'", base);
	}
	return 0;
}

int station_sockets(struct station *s)
{
	const char *dir = home_file("run");
	int rc;

	snprintf(s->cookie, sizeof(s->cookie), "%s", home_file("run/cookie"));
	if (strlen(dir) + sizeof("/control") > SOCKET_MAX) {
		if ((rc = make_temporary(s)) != 0)
			return rc;
		dir = s->temporary;
	}
	snprintf(s->socks, sizeof(s->socks), "%.*s/socks", PATH_MAX - 10, dir);
	snprintf(s->control, sizeof(s->control), "%.*s/control", PATH_MAX - 10, dir);
	if (*s->temporary != '\0' && symlink(s->socks, home_file("run/socks")) != 0)
		return err_sys("cannot make '%s'", home_file("run/socks"));
	return 0;
}

void station_ready(struct station *s)
{
	char text[ONION_TEXT + ADDR_TEXT + 32];

	snprintf(text, sizeof(text), "%ld ready %s %s\n", (long)getpid(), s->onion, s->where);
	(void)write_lock(s, text);
}

void station_close(struct station *s)
{
	if (s->port >= 0)
		close(s->port);
	if (s->lock >= 0 && *s->onion != '\0') { /* we hold it */
		tidy();
		(void)write_lock(s, "");
	}
	if (s->lock >= 0)
		close(s->lock);
	s->lock = s->port = -1;
}
