#include "node/torrc.h"

#include <stdio.h>

/* A C string as tor's configuration reads it, its quotes included. */
static int add_quoted(struct buf *out, const char *s)
{
	int rc = buf_addc(out, '"');

	for (; rc == 0 && *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			rc = buf_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			rc = buf_addf(out, "\\%03o", c);
		else
			rc = buf_addc(out, c);
	}
	return rc != 0 ? rc : buf_addc(out, '"');
}

static int add_path(struct buf *out, const char *key, const char *path)
{
	int rc;

	if ((rc = buf_addf(out, "%s ", key)) == 0 && (rc = add_quoted(out, path)) == 0)
		rc = buf_addc(out, '\n');
	return rc;
}

/* `Key "unix:\"PATH\" flags"`: a quoted value, in which the path is quoted once more. */
static int add_socket(struct buf *out, const char *key, const char *path, const char *flags)
{
	struct buf value = BUF_INIT(8192);
	int rc;

	if ((rc = buf_adds(&value, "unix:")) == 0 && (rc = add_quoted(&value, path)) == 0 &&
	    (rc = buf_adds(&value, flags)) == 0 && (rc = buf_terminate(&value)) == 0)
		rc = add_path(out, key, (const char *)value.data);
	buf_free(&value);
	return rc;
}

static int add_log(struct buf *out, const char *path)
{
	struct buf value = BUF_INIT(8192);
	int rc;

	if ((rc = buf_addf(&value, "notice file %s", path)) == 0 &&
	    (rc = buf_terminate(&value)) == 0)
		rc = add_path(out, "Log", (const char *)value.data);
	buf_free(&value);
	return rc;
}

/*
 * A stranger who knows the address can cost us introductions, streams and processes: the first
 * two are bounded here, the processes by socat's max-children.
 */
static int add_service(struct buf *out, const struct torrc *t)
{
	int rc;

	if ((rc = add_path(out, "HiddenServiceDir", t->service)) != 0)
		return rc;
	return buf_addf(out,
	    "HiddenServicePort 443 %s\n"
	    "HiddenServiceEnableIntroDoSDefense 1\n"
	    "HiddenServiceMaxStreams 64\n"
	    "HiddenServiceMaxStreamsCloseCircuit 1\n%s",
	    t->target, t->pow ? "HiddenServicePoWDefensesEnabled 1\n" : "");
}

int torrc_text(struct buf *out, const struct torrc *t)
{
	int rc;

	if ((rc = buf_adds(out, "# written by mp-serve at each start; more lines: tor.include in "
	                        "mp-config(5)\n")) != 0 ||
	    (rc = add_path(out, "DataDirectory", t->data)) != 0 ||
	    (rc = add_log(out, t->log)) != 0 ||
	    (rc = buf_adds(out, "TruncateLogFile 1\nClientOnly 1\nCookieAuthentication 1\n")) !=
	        0 ||
	    (rc = add_path(out, "CookieAuthFile", t->cookie)) != 0 ||
	    (rc = add_socket(out, "SocksPort", t->socks, " IsolateSOCKSAuth ExtendedErrors")) !=
	        0 ||
	    (rc = add_socket(out, "ControlPort", t->control, "")) != 0 ||
	    (rc = buf_addf(out, "__OwningControllerProcess %ld\n", (long)t->owner)) != 0 ||
	    (rc = add_service(out, t)) != 0)
		return rc;
	return *t->include != '\0' ? add_path(out, "%include", t->include) : 0;
}
