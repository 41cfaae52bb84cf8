#include "net/post.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "net/server.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HEADER_MAX 16384  /* bytes of header in an answer, interim ones included */
#define DISCARD_MAX 65536 /* bytes of body in an answer other than 200 */
#define KEEP 45L          /* s an idle connection is used again: the server keeps it for 60 */

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
	(void)dlnow;
	(void)ultotal;
	if (p->progress == 0)
		return 0;
	now = clock_monotonic();
	/* The answer must be whole in that time: byte by byte it could hold us for minutes. */
	if (ulnow != p->moved) {
		p->moved = ulnow;
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

bool post_is_envelope(const struct post *p)
{
	char *type = NULL;

	curl_easy_getinfo(p->easy, CURLINFO_CONTENT_TYPE, &type);
	return type != NULL && strcasecmp(type, p->media_type) == 0;
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
	} else if (!post_is_envelope(p)) {
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
static CURLcode set_transport(CURL *e, const struct post *p)
{
	const struct client *c = p->client;
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
	SET(CURLOPT_HTTPHEADER, p->headers);
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
	char name[ONION_TEXT], url[ADDR_TEXT + 64], pin[ONION_PIN], user[33];
	CURLcode rc = CURLE_OK;

	onion_encode(name, onion);
	onion_pin(pin, onion);
	hex_encode(user, isolation, 16);
	snprintf(url, sizeof(url), "https://%s%s", route != NULL ? route : name, p->path);
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

int post_configure(struct post *p, const uint8_t onion[static ONION_KEY],
    const uint8_t isolation[static 16], const void *data, size_t len)
{
	const char *route = routes_find(p->client->routes, onion);
	CURL *e = p->easy;
	CURLcode rc;

	p->allowed = p->client->socks;
	p->proxied = route == NULL;
	if (route != NULL && addr_parse(&p->allowed, route) != 0)
		return MP_EBAD;
	if ((rc = set_transport(e, p)) != CURLE_OK || (rc = set_callbacks(e, p)) != CURLE_OK ||
	    (rc = set_way(e, p, onion, isolation, route)) != CURLE_OK)
		goto out;
	SET(CURLOPT_FRESH_CONNECT, p->alone ? 1L : 0L);
	SET(CURLOPT_FORBID_REUSE, p->alone ? 1L : 0L);
	if (len == 0 && strcmp(p->method, "GET") == 0) {
		SET(CURLOPT_HTTPGET, 1L);
	} else {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
		SET(CURLOPT_POSTFIELDS, data);
		SET(CURLOPT_CUSTOMREQUEST, p->method);
	}
out:
	if (rc == CURLE_OUT_OF_MEMORY)
		return err_set(MP_ENOMEM, "out of memory");
	return rc == CURLE_OK ? 0 : err_set(MP_ESYS, "libcurl: %s", curl_easy_strerror(rc));
}
