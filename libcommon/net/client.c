#include "net/client.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "crypto/envelope.h"
#include "net/post.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS 64L /* idle ones that are kept */
#define EXTRA_MAX 64

/*
 * The socket of a tor of our own, when it is there: 1 and its address.  Where the home's path is
 * too long for a socket, mp-serve makes run/socks a link to a shorter one.
 */
static int home_socks(char out[static ADDR_TEXT])
{
	char to[PATH_MAX];
	const char *path = home_file("run/socks");
	struct stat st;
	ssize_t n;
	int len;

	if (home_path() == NULL || stat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return 0;
	if ((n = readlink(path, to, sizeof(to) - 1)) > 0) {
		to[n] = '\0';
		path = to;
	}
	len = snprintf(out, ADDR_TEXT, "unix:%s", path);
	if (len < 0 || len >= ADDR_TEXT)
		return err_set(MP_EUSAGE, "the path of '%s' is too long", path);
	return 1;
}

int client_socks(char *out, size_t size)
{
	const char *text = getenv("MP_SOCKS");
	char path[ADDR_TEXT];
	struct addr a;
	int rc;

	if (text == NULL || *text == '\0') {
		if ((rc = home_socks(path)) < 0)
			return rc;
		text = rc == 1 ? path : "127.0.0.1:9050";
	}
	if (addr_parse(&a, text) != 0)
		return err_set(MP_EUSAGE,
		    "MP_SOCKS '%.120s' is neither a numeric HOST:PORT nor unix:PATH", text);
	if (strlen(text) >= size)
		return err_set(MP_EUSAGE, "MP_SOCKS '%.120s' is too long", text);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

/* socks5h: the proxy resolves, never we. curl decodes the path of a socket. */
char *client_proxy_url(const struct addr *a)
{
	char text[ADDR_TEXT], url[4 * ADDR_TEXT];
	size_t n;

	addr_format(text, a);
	if (a->ss.ss_family != AF_UNIX) {
		snprintf(url, sizeof(url), "socks5h://%s", text);
		return strdup(url);
	}
	n = (size_t)snprintf(
	    url, sizeof(url), "socks5h://localhost%s", text[sizeof("unix:") - 1] == '/' ? "" : "/");
	for (const char *p = text + sizeof("unix:") - 1; *p != '\0'; p++)
		n += (size_t)snprintf(
		    url + n, sizeof(url) - n, *p == '/' ? "/" : "%%%02X", (unsigned char)*p);
	return strdup(url);
}

static void start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		abort();
}

static int set_socks(struct client *c, const char *socks)
{
	char text[ADDR_TEXT];
	int rc;

	if (socks == NULL) {
		if ((rc = client_socks(text, sizeof(text))) != 0)
			return rc;
		socks = text;
	}
	if (addr_parse(&c->socks, socks) != 0)
		return MP_EUSAGE;
	if (c->socks.ss.ss_family == AF_UNIX && socks[sizeof("unix:") - 1] != '/')
		return err_set(MP_EUSAGE, "the path in '%.120s' is not absolute", socks);
	return (c->proxy = client_proxy_url(&c->socks)) == NULL
	           ? err_set(MP_ENOMEM, "out of memory")
	           : 0;
}

static int add_header(struct curl_slist **to, const char *line)
{
	struct curl_slist *list = curl_slist_append(*to, line);

	if (list == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	*to = list;
	return 0;
}

/* A name without a value takes away what curl would send. */
static int set_headers(struct curl_slist **to, const char *media_type)
{
	char type[100];
	int rc;

	snprintf(type, sizeof(type), "Content-Type: %s", media_type);
	if ((rc = add_header(to, type)) != 0 || (rc = add_header(to, "Accept:")) != 0)
		return rc;
	return add_header(to, "Expect:");
}

int client_new(struct client **out, const struct client_options *o)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct client *c;
	int rc;

	*out = NULL;
	pthread_once(&once, start_curl);
	if ((c = calloc(1, sizeof(*c))) == NULL || (c->multi = curl_multi_init()) == NULL) {
		free(c);
		return err_set(MP_ENOMEM, "out of memory");
	}
	c->timeout = o->timeout > 0 ? o->timeout : MP_MINUTE;
	c->connect = o->connect > 0 ? o->connect : MP_MINUTE;
	c->media_type = o->media_type != NULL ? o->media_type : POST_MEDIA_TYPE;
	c->body_max = o->body_max > 0 ? o->body_max : ENVELOPE_MAX;
	curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS);
	if ((rc = set_socks(c, o->socks)) != 0 || (rc = routes_load(&c->routes, o->routes)) != 0)
		goto out;
	if ((rc = set_headers(&c->headers, c->media_type)) != 0 ||
	    (rc = set_headers(&c->envelope_headers, POST_MEDIA_TYPE)) != 0)
		goto out;
	*out = c;
	c = NULL;
out:
	client_free(c);
	return rc;
}

static void post_free(struct post *p)
{
	struct client *c = p->client;
	struct post **at = &c->posts;

	while (*at != NULL && *at != p)
		at = &(*at)->next;
	if (*at == p) {
		*at = p->next;
		c->active--;
		curl_multi_remove_handle(c->multi, p->easy);
	}
	curl_easy_cleanup(p->easy);
	buf_free(&p->reply);
	free(p);
}

void client_free(struct client *c)
{
	if (c == NULL)
		return;
	while (c->posts != NULL)
		post_free(c->posts);
	curl_multi_cleanup(c->multi);
	curl_slist_free_all(c->headers);
	curl_slist_free_all(c->envelope_headers);
	routes_free(c->routes);
	free(c->proxy);
	free(c);
}

/* A post that is not under way yet, freed by what comes next or by start(). */
static struct post *post_new(struct client *c, size_t body_max, void *tag)
{
	struct post *p = calloc(1, sizeof(*p));

	if (p == NULL || (p->easy = curl_easy_init()) == NULL) {
		free(p);
		return NULL;
	}
	p->client = c;
	p->tag = tag;
	p->body_max = body_max;
	p->reply = (struct buf)BUF_INIT(body_max);
	p->began = clock_monotonic();
	return p;
}

static int start(struct post *p, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const void *data, size_t len)
{
	struct client *c = p->client;
	int rc = post_configure(p, onion, isolation, data, len);

	if (rc == 0 && curl_multi_add_handle(c->multi, p->easy) != CURLM_OK)
		rc = err_set(MP_ENOMEM, "out of memory");
	if (rc != 0) {
		post_free(p);
		return rc;
	}
	p->next = c->posts;
	c->posts = p;
	c->active++;
	return 0;
}

int client_post(struct client *c, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const void *data, size_t len, void *tag)
{
	struct post *p;

	if (len > ENVELOPE_MAX)
		return err_set(MP_ELIMIT, "larger than %u bytes", ENVELOPE_MAX);
	if ((p = post_new(c, ENVELOPE_MAX, tag)) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	p->method = "POST";
	p->path = "/";
	p->media_type = POST_MEDIA_TYPE;
	p->headers = c->envelope_headers;
	return start(p, onion, isolation, data, len);
}

int client_request(struct client *c, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const char *method, const char *path, const void *data,
    size_t len, bool alone, void *tag)
{
	struct post *p;

	if (len > c->body_max)
		return err_set(MP_ELIMIT, "larger than %zu bytes", c->body_max);
	if ((p = post_new(c, c->body_max, tag)) == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	p->method = method;
	p->path = path;
	p->media_type = c->media_type;
	p->headers = c->headers;
	p->alone = alone;
	return start(p, onion, isolation, data, len);
}

size_t client_active(const struct client *c)
{
	return c->active;
}

void client_cancel(struct client *c, void *tag)
{
	struct post *p = c->posts;

	while (p != NULL && p->tag != tag)
		p = p->next;
	if (p != NULL)
		post_free(p);
}

/* Turns a finished post into its result and frees it. */
static void finish(struct post *p, CURLcode rc, struct post_result *r)
{
	curl_off_t wait = 0;
	long status = 0;

	memset(r, 0, sizeof(*r));
	r->tag = p->tag;
	r->elapsed = clock_monotonic() - p->began;
	r->reply = (struct buf)BUF_INIT(p->body_max);
	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK && status == 200 && (!post_is_envelope(p) || p->reply.len == 0)) {
		p->refusal = REFUSED_TYPE;
		rc = CURLE_WRITE_ERROR;
	}
	if (rc != CURLE_OK) {
		reason_error(r, rc, p->refusal, p->proxied, p->error);
	} else {
		reason_status(r, status);
		curl_easy_getinfo(p->easy, CURLINFO_RETRY_AFTER, &wait);
		r->retry_after = wait > MP_DAY / MP_SECOND ? MP_DAY : (int64_t)wait * MP_SECOND;
	}
	if (r->status == 200) {
		r->reply = p->reply;
		p->reply = (struct buf)BUF_INIT(p->body_max);
	}
	post_free(p);
}

/* 1 and *r when a post has ended. */
static int next_result(struct client *c, struct post_result *r)
{
	struct post *p;
	CURLMsg *m;
	CURLcode rc;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		rc = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p);
		finish(p, rc, r);
		return 1;
	}
	return 0;
}

/* How long nothing need be looked at: progress is checked when curl is run. */
static int64_t next_check(const struct client *c, int64_t now, int64_t most)
{
	for (const struct post *p = c->posts; p != NULL; p = p->next)
		if (p->progress != 0 && p->progress + c->timeout - now < most)
			most = p->progress + c->timeout - now;
	return most < 0 ? 0 : most;
}

static int wait_for(struct client *c, const struct pollfd *extra, unsigned n, int64_t ms)
{
	struct curl_waitfd fds[EXTRA_MAX];
	int ready;

	for (unsigned i = 0; i < n; i++) {
		fds[i].fd = extra[i].fd;
		fds[i].events = (short)((extra[i].events & POLLIN ? CURL_WAIT_POLLIN : 0) |
		                        (extra[i].events & POLLPRI ? CURL_WAIT_POLLPRI : 0) |
		                        (extra[i].events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
		fds[i].revents = 0;
	}
	if (curl_multi_poll(c->multi, fds, n, (int)ms, &ready) != CURLM_OK)
		return err_set(MP_ENOMEM, "cannot wait for the network");
	return 0;
}

int client_poll(
    struct client *c, struct post_result *r, struct pollfd *extra, unsigned n, int64_t timeout)
{
	int64_t now = clock_monotonic(), end = now + (timeout < 0 ? 0 : timeout);
	int running, rc;

	if (n > EXTRA_MAX)
		return err_set(MP_EUSAGE, "more than %d descriptors", EXTRA_MAX);
	for (;; now = clock_monotonic()) {
		if (curl_multi_perform(c->multi, &running) != CURLM_OK)
			return err_set(MP_ENOMEM, "cannot work on the network");
		rc = next_result(c, r);
		for (unsigned i = 0; i < n; i++)
			extra[i].revents = 0;
		if ((n > 0 && poll(extra, n, 0) > 0) || rc == 1 || now >= end)
			return rc;
		if ((rc = wait_for(c, extra, n, next_check(c, now, end - now))) != 0)
			return rc;
	}
}
