#include "net/torctl.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "crypto/onion.h"
#include "net/addr.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_TIME 10000 /* ms for a whole answer: tor answers at once, or is stuck */
#define LINE_MAX_LEN 8192
#define ANSWER_MAX 65536
#define COOKIE 32
#define SERVICE 56    /* characters of an address without ".onion" */
#define STREAMS 64    /* of one client at once, as for a service of our own tor */
#define UPLOADED_N 16 /* addresses of the last uploads that were announced */

/*
 * After a time-out or a malformed line the connection is out of step: broken, and every
 * further call fails at once.  Events (650) may stand between any two answers.
 */
struct torctl {
	int fd;
	bool broken;
	struct buf in;     /* received, not yet consumed */
	struct buf answer; /* the lines of one answer, each NUL-terminated, without their codes */
	char uploaded[UPLOADED_N][SERVICE + 1];
	unsigned uploads;
};

static int broken(struct torctl *t, int code, const char *why)
{
	t->broken = true;
	return err_set(code, "tor's control port: %s", why);
}

static int wait_fd(int fd, short events, int64_t end)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left;
	int rc;

	do {
		left = end - clock_monotonic();
		rc = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (rc < 0 && errno == EINTR);
	return rc;
}

/* 1 and the next line (without its end, valid until the next call), 0 none until end. */
static int read_line(struct torctl *t, char *line, int64_t end)
{
	uint8_t *lf;
	size_t n;
	ssize_t got;

	while (t->in.len == 0 || (lf = memchr(t->in.data, '\n', t->in.len)) == NULL) {
		if (t->in.len >= LINE_MAX_LEN)
			return broken(t, MP_EBAD, "the line is too long");
		if (wait_fd(t->fd, POLLIN, end) <= 0)
			return 0;
		if (buf_reserve(&t->in, 1024) != 0)
			return broken(t, MP_ENOMEM, "out of memory");
		got = recv(t->fd, t->in.data + t->in.len, 1024, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return broken(t, MP_ETEMP, "tor closed the connection");
		if (got > 0)
			t->in.len += (size_t)got;
	}
	n = (size_t)(lf - t->in.data);
	if (n >= LINE_MAX_LEN || memchr(t->in.data, '\0', n) != NULL)
		return broken(t, MP_EBAD, "a line is too long or binary");
	memcpy(line, t->in.data, n);
	t->in.len -= n + 1;
	memmove(t->in.data, lf + 1, t->in.len);
	line[n] = '\0';
	if (n > 0 && line[n - 1] == '\r')
		line[n - 1] = '\0';
	return 1;
}

/* "650 HS_DESC UPLOADED ADDRESS ..." is remembered, everything else forgotten. */
static void note_event(struct torctl *t, const char *text)
{
	static const char head[] = "HS_DESC UPLOADED ";
	const char *address = text + sizeof(head) - 1;

	if (strncmp(text, head, sizeof(head) - 1) != 0 || strcspn(address, " ") != SERVICE)
		return;
	memcpy(t->uploaded[t->uploads++ % UPLOADED_N], address, SERVICE);
}

/* The block after "250+key=": to a line with a single dot. */
static int skip_data(struct torctl *t, char *line, int64_t end)
{
	int rc;

	while ((rc = read_line(t, line, end)) == 1 && strcmp(line, ".") != 0)
		;
	return rc == 0 ? broken(t, MP_ETEMP, "no answer in time") : rc;
}

/*
 * One line of an answer or event, with what belongs to it: 1 an answer's last line, 0 any other
 * line; *code is its status.
 */
static int read_part(struct torctl *t, int *code, int64_t end)
{
	char line[LINE_MAX_LEN], mark;
	int rc;

	if ((rc = read_line(t, line, end)) != 1)
		return rc == 0 ? broken(t, MP_ETEMP, "no answer in time") : rc;
	if (!isdigit((unsigned char)line[0]) || !isdigit((unsigned char)line[1]) ||
	    !isdigit((unsigned char)line[2]) || line[3] == '\0' || strchr(" -+", line[3]) == NULL)
		return broken(t, MP_EBAD, "that is no control protocol");
	*code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
	if (*code == 650)
		note_event(t, line + 4);
	else if (buf_add(&t->answer, line + 4, strlen(line + 4) + 1) != 0)
		return broken(t, MP_EBAD, "the answer is too long");
	mark = line[3];
	if (mark == '+' && (rc = skip_data(t, line, end)) < 0)
		return rc;
	return *code != 650 && mark == ' ';
}

/* A flood of events must not keep us for ever either: end holds for the whole answer. */
static int read_answer(struct torctl *t)
{
	int64_t end = clock_monotonic() + ANSWER_TIME;
	int rc, code;

	buf_clear(&t->answer);
	do {
		if (clock_monotonic() > end)
			return broken(t, MP_ETEMP, "no answer in time");
		rc = read_part(t, &code, end);
	} while (rc == 0);
	return rc < 0 ? rc : code;
}

static int send_all(struct torctl *t, const uint8_t *data, size_t len)
{
	int64_t end = clock_monotonic() + ANSWER_TIME;
	ssize_t n;

	while (len > 0) {
		if (wait_fd(t->fd, POLLOUT, end) <= 0)
			return broken(t, MP_ETEMP, "tor does not listen");
		n = send(t->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return broken(t, MP_ETEMP, "tor closed the connection");
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* Sends the command, without CRLF, and reads its answer: the status, or MP_E*. Wipes the command.
 */
static int command(struct torctl *t, struct buf *line)
{
	int rc;

	if (t->broken)
		rc = broken(t, MP_ETEMP, "the connection is broken");
	else if (memchr(line->data, '\n', line->len) != NULL ||
	         memchr(line->data, '\r', line->len) != NULL)
		rc = err_set(MP_EUSAGE, "a line break in a word for tor's control port");
	else if ((rc = buf_adds(line, "\r\n")) == 0 &&
	         (rc = send_all(t, line->data, line->len)) == 0)
		rc = read_answer(t);
	buf_free(line);
	return rc;
}

__attribute__((format(printf, 2, 3))) static int commandf(struct torctl *t, const char *fmt, ...)
{
	struct buf line = BUF_INIT(LINE_MAX_LEN);
	char text[1024];
	va_list ap;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return err_set(MP_EUSAGE, "too long for tor's control port");
	if ((rc = buf_add(&line, text, (size_t)n)) != 0)
		return rc;
	return command(t, &line);
}

/* 250, or the error that it stands for. */
static int expect_ok(struct torctl *t, int status, const char *what)
{
	if (status < 0)
		return status;
	if (status == 250)
		return 0;
	return err_set(MP_ESYS, "tor refused %s: %d %.200s", what, status, (char *)t->answer.data);
}

/* The value of "key=" at the start of one of the answer's lines, or NULL. */
static const char *answer_value(const struct torctl *t, const char *key)
{
	const char *p = (const char *)t->answer.data, *end = p + t->answer.len;
	size_t n = strlen(key);

	for (; p < end; p += strlen(p) + 1)
		if (strncmp(p, key, n) == 0 && p[n] == '=')
			return p + n + 1;
	return NULL;
}

/* A QuotedString at p; out is cut at size. MP_EBAD when it has no end. */
static int unquote(const char *p, char *out, size_t size)
{
	size_t n = 0;

	if (*p++ != '"')
		return MP_EBAD;
	for (; *p != '"'; p++) {
		if (*p == '\\')
			p++;
		if (*p == '\0')
			return MP_EBAD;
		if (n + 1 < size)
			out[n++] = *p;
	}
	out[n] = '\0';
	return 0;
}

static int connect_to(const char *where)
{
	int64_t end = clock_monotonic() + ANSWER_TIME;
	int fd, fault = 0;
	socklen_t len = sizeof(fault);
	struct addr a;

	if (addr_parse(&a, where) != 0)
		return MP_EUSAGE;
	if ((fd = socket(a.ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return err_sys("cannot make a socket");
	if (connect(fd, (struct sockaddr *)&a.ss, a.len) != 0) {
		fault = errno;
		if (fault == EINPROGRESS && wait_fd(fd, POLLOUT, end) > 0 &&
		    getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &len) == 0 && fault == 0)
			return fd;
		close(fd);
		errno = fault;
		err_sys("cannot reach tor's control port '%s'", where);
		return fault == EACCES || fault == EPERM ? MP_ESYS : MP_ETEMP;
	}
	return fd;
}

static int authenticate(struct torctl *t, const char *cookie_path)
{
	struct buf cookie = BUF_INIT(COOKIE), line = BUF_INIT(256);
	char hex[2 * COOKIE + 1] = "";
	int rc = 0;

	if (cookie_path != NULL && *cookie_path != '\0') {
		rc = file_read(cookie_path, &cookie);
		if (rc == MP_ENONE)
			rc = err_set(MP_ETEMP, "no cookie of tor's in '%s' yet", cookie_path);
		else if (rc == MP_ELIMIT || (rc == 0 && cookie.len != COOKIE))
			rc = err_set(MP_ESYS, "'%s' is no cookie of tor's", cookie_path);
	}
	if (rc == 0) {
		hex_encode(hex, cookie.data, cookie.len);
		rc = buf_addf(&line, "AUTHENTICATE%s%s", *hex != '\0' ? " " : "", hex);
	}
	if (rc == 0)
		rc = expect_ok(t, command(t, &line), "our cookie");
	secret_wipe(hex, sizeof(hex));
	buf_free(&cookie);
	return rc;
}

int torctl_open(struct torctl **out, const char *where, const char *cookie_path)
{
	struct torctl *t;
	int fd, rc;

	*out = NULL;
	if ((fd = connect_to(where)) < 0)
		return fd;
	if ((t = calloc(1, sizeof(*t))) == NULL) {
		close(fd);
		return err_set(MP_ENOMEM, "out of memory");
	}
	t->fd = fd;
	t->in = (struct buf)BUF_INIT(2 * LINE_MAX_LEN);
	t->answer = (struct buf)BUF_INIT(ANSWER_MAX);
	if ((rc = authenticate(t, cookie_path)) != 0) {
		torctl_close(t);
		return rc;
	}
	*out = t;
	return 0;
}

void torctl_close(struct torctl *t)
{
	if (t == NULL)
		return;
	close(t->fd);
	buf_free(&t->in);
	buf_free(&t->answer);
	free(t);
}

int torctl_fd(const struct torctl *t)
{
	return t->fd;
}

int torctl_bootstrap(struct torctl *t, int *percent, char *summary, size_t size)
{
	const char *value, *p;
	long v;
	int rc;

	rc = expect_ok(t, commandf(t, "GETINFO status/bootstrap-phase"), "to say how far it is");
	if (rc != 0)
		return rc;
	if ((value = answer_value(t, "status/bootstrap-phase")) == NULL ||
	    (p = strstr(value, " PROGRESS=")) == NULL)
		return broken(t, MP_EBAD, "no progress in its answer");
	v = strtol(p + sizeof(" PROGRESS=") - 1, NULL, 10);
	*percent = v < 0 ? 0 : v > 100 ? 100 : (int)v;
	if (size > 0 && ((p = strstr(value, " SUMMARY=")) == NULL ||
	                    unquote(p + sizeof(" SUMMARY=") - 1, summary, size) != 0))
		summary[0] = '\0';
	return 0;
}

int torctl_watch(struct torctl *t)
{
	t->uploads = 0;
	memset(t->uploaded, 0, sizeof(t->uploaded));
	return expect_ok(t, commandf(t, "SETEVENTS HS_DESC"), "to tell of descriptors");
}

/* The 56 characters, or MP_EUSAGE for what is no address. */
static int service_id(char out[static SERVICE + 1], const char *onion)
{
	uint8_t key[ONION_KEY];
	char text[ONION_TEXT];

	if (onion_decode(key, onion) != 0)
		return MP_EUSAGE;
	onion_encode(text, key);
	memcpy(out, text, SERVICE);
	out[SERVICE] = '\0';
	return 0;
}

static bool was_uploaded(const struct torctl *t, const char *service)
{
	for (unsigned i = 0; i < UPLOADED_N; i++)
		if (strcmp(t->uploaded[i], service) == 0)
			return true;
	return false;
}

int torctl_uploaded(struct torctl *t, const char *onion, int timeout_ms)
{
	int64_t end = clock_monotonic() + timeout_ms;
	char service[SERVICE + 1];
	int rc, code;

	if ((rc = service_id(service, onion)) != 0)
		return rc;
	while (!was_uploaded(t, service)) {
		if (t->broken)
			return broken(t, MP_ETEMP, "the connection is broken");
		if (t->in.len == 0 && wait_fd(t->fd, POLLIN, end) <= 0)
			return 0;
		buf_clear(&t->answer);
		if ((rc = read_part(t, &code, clock_monotonic() + ANSWER_TIME)) < 0)
			return rc;
		if (clock_monotonic() >= end)
			return was_uploaded(t, service);
	}
	return 1;
}

/* ADD_ONION with the expanded key, which is a secret: built and wiped in one place. */
static int send_key(struct torctl *t, const struct identity *id, const char *target)
{
	struct buf line = BUF_INIT(1024);
	uint8_t *key = secret_alloc(64);
	int rc;

	identity_expanded(key, id);
	rc = buf_adds(&line, "ADD_ONION ED25519-V3:");
	if (rc == 0)
		rc = base64_secret_encode(&line, key, 64);
	secret_free(key);
	if (rc == 0)
		rc = buf_addf(&line,
		    " Flags=DiscardPK,MaxStreamsCloseCircuit MaxStreams=%d Port=443,%s", STREAMS,
		    target);
	if (rc != 0) {
		buf_free(&line);
		return rc;
	}
	return command(t, &line);
}

int torctl_add_onion(struct torctl *t, const struct identity *id, const char *target)
{
	char name[ONION_TEXT], got[SERVICE + 1];
	const char *value;
	struct addr a;
	int rc;

	if (addr_parse(&a, target) != 0 || strpbrk(target, " \t\"\\") != NULL)
		return err_set(MP_EUSAGE, "'%.100s' is no target for an onion service", target);
	if ((rc = send_key(t, id, target)) == 550)
		return err_set(MP_EEXIST, "tor has this onion service already: %.200s",
		    (char *)t->answer.data);
	if ((rc = expect_ok(t, rc, "our onion service")) != 0)
		return rc;
	if ((value = answer_value(t, "ServiceID")) == NULL || strlen(value) != SERVICE)
		return broken(t, MP_EBAD, "no ServiceID in its answer");
	memcpy(got, value, sizeof(got));
	onion_encode(name, id->key);
	if (strncmp(got, name, SERVICE) == 0)
		return 0;
	(void)commandf(t, "DEL_ONION %s", got);
	return err_set(MP_EBAD, "tor made another onion service than ours: '%s'", got);
}

int torctl_del_onion(struct torctl *t, const char *onion)
{
	char service[SERVICE + 1];
	int rc;

	if ((rc = service_id(service, onion)) != 0)
		return rc;
	return expect_ok(t, commandf(t, "DEL_ONION %s", service), "to take the onion service away");
}

int torctl_socks(struct torctl *t, char *out, size_t size)
{
	const char *value;
	struct addr a;
	int rc;

	rc = expect_ok(t, commandf(t, "GETINFO net/listeners/socks"), "to name its SOCKS port");
	if (rc != 0)
		return rc;
	value = answer_value(t, "net/listeners/socks");
	if (value == NULL || *value == '\0')
		return err_set(MP_ENONE, "tor has no SOCKS port");
	if (unquote(value, out, size) != 0 || addr_parse(&a, out) != 0)
		return broken(t, MP_EBAD, "no address of a SOCKS port in its answer");
	return 0;
}
