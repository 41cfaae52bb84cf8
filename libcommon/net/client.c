#include "net/client.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/envelope.h"
#include "net/addr.h"
#include "net/reason.h"
#include "net/routes.h"
#include "net/server.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>

#define HEADER_MAX 16384  /* bytes of header in an answer, interim ones included */
#define DISCARD_MAX 65536 /* bytes of body in an answer other than 200 */
#define KEEP 45L          /* s an idle connection is used again: the server keeps it for 60 */
#define CONNECTIONS 64L   /* idle ones that are kept */
#define EXTRA_MAX 64
#define MEDIA_TYPE "application/octet-stream"

struct post {
	struct post *next;
	struct client *client;
	CURL *easy;
	struct addr allowed; /* the only address that a socket may be opened to */
	bool proxied;
	int64_t began, progress; /* progress 0: not connected yet */
	curl_off_t moved;
	size_t header, discarded;
	enum post_refusal refusal;
	char error[CURL_ERROR_SIZE];
	void *tag;
	struct buf reply;
};

struct client {
	CURLM *multi;
	struct curl_slist *headers;
	struct routes *routes;
	struct addr socks;
	char *proxy; /* the same as curl writes it */
	struct post *posts;
	size_t active;
	int64_t timeout, connect;
};

int client_socks(char *out, size_t size)
{
	const char *text = getenv("MP_SOCKS");
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 8];
	struct addr a;
	struct stat st;
	int n;

	if (text == NULL || *text == '\0') {
		text = "127.0.0.1:9050";
		if (home_path() != NULL && stat(home_file("run/socks"), &st) == 0 &&
		    S_ISSOCK(st.st_mode)) {
			n = snprintf(path, sizeof(path), "unix:%s", home_file("run/socks"));
			if (n < 0 || (size_t)n >= sizeof(path))
				return err_set(MP_EUSAGE, "the path of '%s' is too long",
				    home_file("run/socks"));
			text = path;
		}
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
static char *proxy_url(const struct addr *a)
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
	return (c->proxy = proxy_url(&c->socks)) == NULL ? err_set(MP_ENOMEM, "out of memory") : 0;
}

static int add_header(struct client *c, const char *line)
{
	struct curl_slist *list = curl_slist_append(c->headers, line);

	if (list == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	c->headers = list;
	return 0;
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
	curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS);
	if ((rc = set_socks(c, o->socks)) != 0 || (rc = routes_load(&c->routes, o->routes)) != 0)
		goto out;
	/* A name without a value takes away what curl would send. */
	if ((rc = add_header(c, "Content-Type: " MEDIA_TYPE)) != 0 ||
	    (rc = add_header(c, "Accept:")) != 0 || (rc = add_header(c, "Expect:")) != 0)
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
	routes_free(c->routes);
	free(c->proxy);
	free(c);
}

/*
 * The last gate before connect(2): whatever curl was told or believes, nothing but the
 * proxy or the route of this post is ever connected to.
 */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct post *p = ctx;
	const struct addr *a = &p->allowed;

	if (purpose != CURLSOCKTYPE_IPCXN || to->family != a->ss.ss_family)
		return CURL_SOCKET_BAD;
	if (to->family == AF_UNIX) {
		const struct sockaddr_un *un = (const struct sockaddr_un *)&a->ss;

		if (strcmp(((const struct sockaddr_un *)(void *)&to->addr)->sun_path,
		        un->sun_path) != 0)
			return CURL_SOCKET_BAD;
	} else if (to->addrlen != a->len || memcmp(&to->addr, &a->ss, a->len) != 0) {
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static int on_connected(void *ctx, char *ip, char *local, int port, int local_port)
{
	struct post *p = ctx;

	(void)ip;
	(void)local;
	(void)port;
	(void)local_port;
	p->progress = clock_monotonic();
	return CURL_PREREQFUNC_OK;
}

static int on_progress(
    void *ctx, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal, curl_off_t ulnow)
{
	struct post *p = ctx;
	int64_t now;

	(void)dltotal;
	(void)ultotal;
	if (p->progress == 0)
		return 0;
	now = clock_monotonic();
	if (dlnow + ulnow != p->moved) {
		p->moved = dlnow + ulnow;
		p->progress = now;
	}
	if (now - p->progress < p->client->timeout)
		return 0;
	p->refusal = REFUSED_SLOW;
	return 1;
}

static size_t on_header(char *data, size_t one, size_t n, void *ctx)
{
	struct post *p = ctx;

	(void)data;
	(void)one;
	p->header += n;
	if (p->header <= HEADER_MAX)
		return n;
	p->refusal = REFUSED_HEADER;
	return 0;
}

static bool is_envelope(CURL *easy)
{
	char *type = NULL;

	curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
	return type != NULL && strcasecmp(type, MEDIA_TYPE) == 0;
}

static size_t on_body(char *data, size_t one, size_t n, void *ctx)
{
	struct post *p = ctx;
	long status = 0;

	(void)one;
	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		p->discarded += n;
		if (p->discarded <= DISCARD_MAX)
			return n;
		p->refusal = REFUSED_LENGTH;
	} else if (!is_envelope(p->easy)) {
		p->refusal = REFUSED_TYPE;
	} else if (buf_add(&p->reply, data, n) == 0) {
		return n;
	} else {
		p->refusal = REFUSED_LENGTH;
	}
	return 0;
}

/* One option of the handle e, unless an earlier one failed. */
#define SET(option, value)                                       \
	do {                                                     \
		if (rc == CURLE_OK)                              \
			rc = curl_easy_setopt(e, option, value); \
	} while (0)

/* What curl knows from its build, the environment or habit is switched off, one by one. */
static CURLcode set_transport(CURL *e, struct client *c)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	SET(CURLOPT_SSL_VERIFYPEER, 0L);
	SET(CURLOPT_SSL_VERIFYHOST, 0L);
	SET(CURLOPT_CAINFO, NULL);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_SSL_ENABLE_ALPN, 0L);
	/* A resumed session would show who comes back, and skip the pin. */
	SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_PIPEWAIT, 0L);
	SET(CURLOPT_MAXAGE_CONN, KEEP);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect);
	/* The server takes no longer than this for a request. */
	SET(CURLOPT_TIMEOUT_MS, (long)(c->connect + c->timeout + SERVER_REQUEST_TIME));
	SET(CURLOPT_HTTPHEADER, c->headers);
	return rc;
}

static CURLcode set_callbacks(CURL *e, struct post *p)
{
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_PRIVATE, p);
	SET(CURLOPT_ERRORBUFFER, p->error);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(CURLOPT_OPENSOCKETDATA, p);
	SET(CURLOPT_PREREQFUNCTION, on_connected);
	SET(CURLOPT_PREREQDATA, p);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, p);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, p);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, p);
	return rc;
}

/*
 * A route is https://HOST:PORT/: an address is no server name, so the onion address stands
 * nowhere on the wire.  "*" and "" for NOPROXY put the environment's no_proxy aside; curl
 * keeps connections apart by proxy user and by pin.
 */
static CURLcode set_way(CURL *e, struct post *p, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const char *route)
{
	char name[ONION_TEXT], url[ADDR_TEXT + 16], pin[ONION_PIN], user[33];
	CURLcode rc = CURLE_OK;

	onion_encode(name, onion);
	onion_pin(pin, onion);
	hex_encode(user, isolation, 16);
	snprintf(url, sizeof(url), "https://%s/", route != NULL ? route : name);
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PINNEDPUBLICKEY, pin);
	if (route != NULL) {
		SET(CURLOPT_PROXY, "");
		SET(CURLOPT_NOPROXY, "*");
		return rc;
	}
	SET(CURLOPT_PROXY, p->client->proxy);
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC);
	SET(CURLOPT_PROXYUSERNAME, user);
	SET(CURLOPT_PROXYPASSWORD, "mp");
	return rc;
}

static int configure(struct post *p, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const void *data, size_t len)
{
	const char *route = routes_find(p->client->routes, onion);
	CURL *e = p->easy;
	CURLcode rc;

	p->allowed = p->client->socks;
	p->proxied = route == NULL;
	if (route != NULL && addr_parse(&p->allowed, route) != 0)
		return MP_EBAD;
	if ((rc = set_transport(e, p->client)) != CURLE_OK ||
	    (rc = set_callbacks(e, p)) != CURLE_OK ||
	    (rc = set_way(e, p, onion, isolation, route)) != CURLE_OK)
		goto out;
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	SET(CURLOPT_POSTFIELDS, data);
out:
	if (rc == CURLE_OUT_OF_MEMORY)
		return err_set(MP_ENOMEM, "out of memory");
	return rc == CURLE_OK ? 0 : err_set(MP_ESYS, "libcurl: %s", curl_easy_strerror(rc));
}

int client_post(struct client *c, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const void *data, size_t len, void *tag)
{
	struct post *p;
	int rc;

	if (len > ENVELOPE_MAX)
		return err_set(MP_ELIMIT, "larger than %u bytes", ENVELOPE_MAX);
	if ((p = calloc(1, sizeof(*p))) == NULL || (p->easy = curl_easy_init()) == NULL) {
		free(p);
		return err_set(MP_ENOMEM, "out of memory");
	}
	p->client = c;
	p->tag = tag;
	p->reply = (struct buf)BUF_INIT(ENVELOPE_MAX);
	p->began = clock_monotonic();
	rc = configure(p, onion, isolation, data, len);
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
	r->reply = (struct buf)BUF_INIT(ENVELOPE_MAX);
	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK && status == 200 && (!is_envelope(p->easy) || p->reply.len == 0)) {
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
		p->reply = (struct buf)BUF_INIT(ENVELOPE_MAX);
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
