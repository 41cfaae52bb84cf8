#include "node/owntor.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "node/torrc.h"

bool program_exists(const char *name)
{
	const char *path = getenv("PATH");
	char full[PATH_MAX];

	if (strchr(name, '/') != NULL)
		return access(name, X_OK) == 0;
	while (path != NULL && *path != '\0') {
		size_t n = strcspn(path, ":");

		if (n > 0 &&
		    snprintf(full, sizeof(full), "%.*s/%s", (int)n, path, name) < PATH_MAX &&
		    access(full, X_OK) == 0)
			return true;
		path += n + (path[n] == ':');
	}
	return false;
}

/* `tor --list-modules` says "pow: yes" when that is compiled in. */
static bool has_pow(const char *binary)
{
	struct buf out = BUF_INIT(4096);
	bool yes = false;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return false;
	if ((pid = fork()) == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		execlp(binary, binary, "--list-modules", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (pid > 0 && fd_read_all(fds[0], &out) == 0 && buf_terminate(&out) == 0)
		yes = strstr((const char *)out.data, "pow: yes") != NULL;
	close(fds[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	buf_free(&out);
	return yes;
}

int owntor_configure(const struct config *cfg, const struct station *s, pid_t owner)
{
	struct buf text = BUF_INIT(65536);
	const struct torrc t = {
	    .data = home_file("tor/data"),
	    .service = home_file("tor/service"),
	    .log = home_file("tor/log"),
	    .socks = s->socks,
	    .control = s->control,
	    .cookie = s->cookie,
	    .target = s->target,
	    .include = cfg->tor_include,
	    .owner = owner,
	    .pow = has_pow(cfg->tor_binary),
	};
	int rc;

	if ((rc = dir_make(t.data)) == 0 && (rc = torrc_text(&text, &t)) == 0 &&
	    (rc = file_write(home_file("tor/empty"), "", 0, 0600, true)) == 0)
		rc = file_write(home_file("tor/torrc"), text.data, text.len, 0600, true);
	(void)unlink(s->cookie);
	buf_free(&text);
	return rc;
}

/* --hush: what tor finds wrong before it has read where to log to goes to tor/out. */
int owntor_exec(const struct config *cfg)
{
	int out =
	    open(home_file("tor/out"), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (out < 0)
		return err_sys("cannot write '%s'", home_file("tor/out"));
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(out, STDERR_FILENO);
	(void)signal(SIGPIPE, SIG_DFL);
	execlp(cfg->tor_binary, cfg->tor_binary, "--defaults-torrc", home_file("tor/empty"), "-f",
	    home_file("tor/torrc"), "--hush", (char *)NULL);
	return err_sys("cannot run '%s'", cfg->tor_binary);
}

/* The last line of the file that holds "[warn] ", from there on. */
static void last_warning(char *out, size_t size, const char *path)
{
	struct buf text = BUF_INIT((size_t)1 << 20);
	char *p;

	if (file_read(path, &text) == 0 && buf_terminate(&text) == 0)
		for (p = (char *)text.data; (p = strstr(p, "[warn] ")) != NULL; p++)
			snprintf(out, size, "%.*s", (int)strcspn(p, "\n"), p);
	buf_free(&text);
}

void owntor_last_words(char *out, size_t size)
{
	*out = '\0';
	last_warning(out, size, home_file("tor/out"));
	last_warning(out, size, home_file("tor/log"));
}
