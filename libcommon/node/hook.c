#include "node/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define GRACE (5 * MP_SECOND)   /* between being told to end and being killed */
#define LEASE_SPARE (MP_MINUTE) /* what the lease lasts beyond the hook's time */
#define RETRY_MIN (30 * MP_SECOND)
#define RETRY_MAX MP_HOUR

enum ending { ENDED, TIMED_OUT, STOPPED };

struct outcome {
	enum ending ending;
	int status; /* wait status */
};

static bool can_run(const char *file)
{
	struct stat st;

	if (access(file, X_OK) != 0 || stat(file, &st) != 0)
		return false;
	if (S_ISREG(st.st_mode))
		return true;
	errno = EACCES;
	return false;
}

int hook_check(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char file[PATH_MAX];

	if (strchr(name, '/') != NULL)
		return can_run(name) ? 0 : err_sys("cannot run '%s'", name);
	if (path == NULL)
		path = "/usr/bin:/bin";
	for (;; path = end + 1) {
		int n;

		end = strchrnul(path, ':');
		n = snprintf(file, sizeof(file), "%.*s%s%s", (int)(end - path), path,
		    end == path ? "" : "/", name);
		if (*name != '\0' && n < (int)sizeof(file) && can_run(file))
			return 0;
		if (*end == '\0')
			break;
	}
	return err_set(MP_EUSAGE, "cannot run '%s': not found on PATH", name);
}

/*
 * The whole body in memory that the child reads at its own pace: no pipe that it, or a
 * child of its own, could leave full.
 */
static int make_stdin(const struct record *rec)
{
	int fd = memfd_create("body", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys("cannot hold a body");
	if (fd_write_all(fd, rec->body.data, rec->body.len) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return err_set(MP_ESYS, "cannot hold a body");
	}
	return fd;
}

/* The path of a file that we received: our own words, in the record's JSON. */
static void set_file(const struct record *rec)
{
	json_t *o = NULL;
	const char *path = NULL;

	if (strcmp(rec->kind, "file") == 0 &&
	    json_read(&o, (const char *)rec->body.data, rec->body.len) == 0)
		path = json_text(o, "path");
	/* In a home whose name is no UTF-8 it stands from there on. */
	if (path != NULL && path[0] != '/')
		path = home_file(path);
	setenv("MP_FILE", path != NULL ? path : "", 1);
	json_decref(o);
}

static void set_environment(const struct record *rec)
{
	char id[2 * RECORD_ID + 1] = "", when[CLOCK_TEXT] = "";

	if (rec->has_id)
		hex_encode(id, rec->id, RECORD_ID);
	if (rec->time != RECORD_TIME_ABSENT)
		clock_format(when, rec->time);
	setenv("MP_KIND", rec->kind, 1);
	setenv("MP_CONTACT", rec->contact, 1);
	setenv("MP_ID", id, 1);
	setenv("MP_TIME", when, 1);
	setenv("MP_REF", rec->ref, 1);
	set_file(rec);
}

/* In the child, never back.  errno goes to report when the program cannot be run. */
static _Noreturn void run_child(
    const struct record *rec, const struct hook *h, int body, int report)
{
	sigset_t none;
	int e;

	/* What we do with signals is not the hook's business. */
	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	set_environment(rec);
	if (dup2(body, STDIN_FILENO) == STDIN_FILENO)
		execvp(h->argv[0], h->argv);
	e = errno;
	while (write(report, &e, sizeof(e)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* The child's pid, or MP_ETEMP; MP_ESYS when the program cannot be run. */
static int start(const struct record *rec, const struct hook *h, pid_t *pid)
{
	pid_t self = getpid();
	int body = make_stdin(rec), report[2], e;
	ssize_t n;

	if (body < 0)
		return MP_ETEMP;
	if (pipe2(report, O_CLOEXEC) != 0) {
		close(body);
		return err_set(MP_ETEMP, "cannot make a pipe: %s", strerror(errno));
	}
	fflush(NULL);
	if ((*pid = fork()) == 0) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != self)
			_exit(127);
		run_child(rec, h, body, report[1]);
	}
	e = errno;
	close(body);
	close(report[1]);
	if (*pid < 0) {
		close(report[0]);
		return err_set(MP_ETEMP, "cannot fork: %s", strerror(e));
	}
	setpgid(*pid, *pid);
	do
		n = read(report[0], &e, sizeof(e));
	while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n != sizeof(e))
		return 0;
	waitpid(*pid, NULL, 0);
	return err_set(MP_ESYS, "cannot run '%s': %s", h->argv[0], strerror(e));
}

/*
 * Sleeps until the child whose pidfd is fd ended, stop_fd is readable or ms are over; *stop is
 * whether it was stop_fd.  A kernel without pidfds makes it look often.
 */
static void nap(int fd, int stop_fd, int64_t ms, bool *stop)
{
	struct pollfd p[2] = {
	    {.fd = stop_fd, .events = POLLIN},
	    {.fd = fd, .events = POLLIN},
	};

	if (ms > INT_MAX)
		ms = INT_MAX;
	if (fd < 0 && ms > 20)
		ms = 20;
	*stop = poll(p, 2, (int)ms) > 0 && p[0].revents != 0;
}

static void await(pid_t pid, const struct hook *h, int64_t timeout, struct outcome *o)
{
	int64_t now = clock_monotonic(), end = now + timeout;
	int fd = pidfd_open(pid, 0), stop_fd = h->stop_fd;
	bool stop = false;

	o->ending = ENDED;
	while (waitpid(pid, &o->status, WNOHANG) == 0) {
		now = clock_monotonic();
		if (stop) {
			kill(-pid, SIGTERM);
			o->ending = STOPPED;
			stop_fd = -1;
			if (end > now + GRACE)
				end = now + GRACE;
		}
		if (now >= end) {
			kill(-pid, SIGKILL);
			if (o->ending == ENDED)
				o->ending = TIMED_OUT;
			while (waitpid(pid, &o->status, 0) < 0 && errno == EINTR)
				;
			break;
		}
		nap(fd, stop_fd, end - now, &stop);
	}
	if (fd >= 0)
		close(fd);
}

static int64_t backoff(int64_t tries)
{
	int64_t ms = tries > 8 ? RETRY_MAX : RETRY_MIN << (tries - 1);

	return ms > RETRY_MAX ? RETRY_MAX : ms;
}

static void report(const struct hook *h, const struct record *rec, const struct outcome *o,
    bool again, int64_t delay)
{
	char line[160], id[2 * RECORD_ID + 1] = "", how[64];

	if (h->report == NULL)
		return;
	hex_encode(id, rec->id, RECORD_ID);
	if (o->ending == TIMED_OUT)
		snprintf(how, sizeof(how), "took too long");
	else if (o->ending == STOPPED)
		snprintf(how, sizeof(how), "was stopped");
	else if (WIFSIGNALED(o->status))
		snprintf(how, sizeof(how), "was killed by signal %d", WTERMSIG(o->status));
	else
		snprintf(how, sizeof(how), "exited %d", WEXITSTATUS(o->status));
	if (again)
		snprintf(line, sizeof(line), "hook %s on %s: again in %lld s", how, id,
		    (long long)(delay / MP_SECOND));
	else
		snprintf(line, sizeof(line), "hook %s on %s: given up", how, id);
	h->report(h->ctx, rec, line);
}

/* What the outcome says about the message: a status of ours. */
static int settle(struct store *s, const struct hook *h, const struct record *rec, int64_t seq,
    int64_t tries, const struct outcome *o)
{
	bool done = o->ending != TIMED_OUT && WIFEXITED(o->status);
	int64_t delay = o->ending == STOPPED ? 0 : backoff(tries);
	int r;

	if (done && WEXITSTATUS(o->status) == 0) {
		r = message_release(s, seq, MESSAGE_READ, 0);
		return r == MP_OK ? EXIT_DONE : err_status(r);
	}
	if ((done && WEXITSTATUS(o->status) == EXIT_PERMANENT) ||
	    (tries >= HOOK_TRIES && o->ending != STOPPED)) {
		report(h, rec, o, false, 0);
		(void)message_release(s, seq, MESSAGE_GIVEN_UP, 0);
		return EXIT_PERMANENT;
	}
	report(h, rec, o, true, delay);
	(void)message_release(s, seq, MESSAGE_NEW, clock_now() + delay);
	return EXIT_TEMPORARY;
}

/* One claimed message.  *stop: do not go on. */
static int run_one(struct store *s, const struct hook *h, const struct record *rec, int64_t seq,
    int64_t tries, int64_t timeout, bool *stop)
{
	struct outcome o;
	pid_t pid = -1;
	int r = start(rec, h, &pid);

	if (r != 0) {
		/* Not the message's fault. */
		*stop = true;
		if (h->report != NULL)
			h->report(h->ctx, rec, err_detail());
		(void)message_release(s, seq, MESSAGE_NEW, clock_now());
		return err_status(r);
	}
	await(pid, h, timeout, &o);
	*stop = o.ending == STOPPED;
	return settle(s, h, rec, seq, tries, &o);
}

static bool stopped(const struct hook *h)
{
	struct pollfd p = {.fd = h->stop_fd, .events = POLLIN};

	return h->stop_fd >= 0 && poll(&p, 1, 0) > 0;
}

int hook_run_all(struct store *s, const struct config *cfg, const struct hook *h)
{
	int64_t timeout = h->timeout > 0 ? h->timeout : cfg->hook_timeout, seq, tries;
	int status = EXIT_NO, r = hook_check(h->argv[0]);
	bool stop = false;
	struct record rec;

	if (r != 0) {
		if (h->report != NULL)
			h->report(h->ctx, NULL, err_detail());
		return EXIT_PERMANENT;
	}
	record_init(&rec);
	while (!stop && !stopped(h)) {
		r = message_claim(s, &rec, &seq, &tries, clock_now(), timeout + LEASE_SPARE);
		if (r != MP_OK)
			break;
		r = run_one(s, h, &rec, seq, tries, timeout, &stop);
		status = status == EXIT_NO ? r : err_worse(status, r);
	}
	if (r < 0 && r != MP_ENONE) {
		if (h->report != NULL)
			h->report(h->ctx, NULL, err_detail());
		status = status == EXIT_NO ? err_status(r) : err_worse(status, err_status(r));
	}
	record_free(&rec);
	return status;
}
