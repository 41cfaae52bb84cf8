#include "net/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/err.h"
#include "net/addr.h"
#include "net/client.h"
#include "net/routes.h"

#define HOST_CHARS "abcdefghijklmnopqrstuvwxyz0123456789.-"

static bool numeric(struct addr *a, const char *where)
{
	return strncmp(where, "unix:", 5) != 0 && addr_parse(a, where) == 0;
}

int dial_check(const char *where)
{
	const char *colon = strrchr(where, ':');
	struct addr a;
	size_t host, n;
	long port;
	char *end;

	if (numeric(&a, where))
		return 0;
	host = colon == NULL ? 0 : (size_t)(colon - where);
	n = strspn(where, HOST_CHARS);
	port = colon == NULL ? 0 : strtol(colon + 1, &end, 10);
	if (host == 0 || host > 253 || n != host || port < 1 || port > 65535 || *end != '\0')
		return err_set(MP_EBAD, "'%.100s' is no HOST:PORT", where);
	return 0;
}

static int unreachable(const char *where, const char *why)
{
	return err_set(MP_ETEMP, "cannot reach '%.100s': %s", where, why);
}

static int direct(int *fd, const struct addr *a, const char *where, int64_t ms)
{
	struct pollfd p = {.events = POLLOUT};
	socklen_t len = sizeof(int);
	int error = 0, n;

	p.fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p.fd < 0)
		return err_sys("cannot make a socket");
	if (connect(p.fd, (const struct sockaddr *)&a->ss, a->len) != 0) {
		if (errno != EINPROGRESS)
			error = errno;
		while (error == 0 && (n = poll(&p, 1, (int)ms)) <= 0)
			error = n == 0 ? ETIMEDOUT : errno == EINTR ? 0 : errno;
		if (error == 0 && getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
			error = errno;
	}
	if (error != 0) {
		close(p.fd);
		return unreachable(where, strerror(error));
	}
	*fd = p.fd;
	return 0;
}

/* curl speaks SOCKS; the socket that it leaves connected is ours from then on. */
static int through_socks(int *fd, const char *where, const char *isolation, int64_t ms)
{
	char text[ADDR_TEXT], url[DIAL_TEXT + 8], *proxy = NULL, error[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	curl_socket_t s = CURL_SOCKET_BAD;
	struct addr a;
	CURLcode rc;
	int ret;

	if ((ret = client_socks(text, sizeof(text))) != 0 || (ret = addr_parse(&a, text)) != 0)
		goto out;
	snprintf(url, sizeof(url), "http://%s/", where);
	ret = err_set(MP_ENOMEM, "out of memory");
	if (curl == NULL || (proxy = client_proxy_url(&a)) == NULL ||
	    curl_easy_setopt(curl, CURLOPT_URL, url) != 0 ||
	    curl_easy_setopt(curl, CURLOPT_PROXY, proxy) != 0 ||
	    curl_easy_setopt(curl, CURLOPT_PROXYUSERNAME, isolation) != 0 ||
	    curl_easy_setopt(curl, CURLOPT_PROXYPASSWORD, "mp-chat") != 0 ||
	    curl_easy_setopt(curl, CURLOPT_SOCKS5_AUTH, (long)CURLAUTH_BASIC) != 0 ||
	    curl_easy_setopt(curl, CURLOPT_NOPROXY, "") != 0 ||
	    curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L) != 0 ||
	    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != 0 ||
	    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error) != 0 ||
	    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)ms) != 0)
		goto out;
	rc = curl_easy_perform(curl);
	if (rc == CURLE_OK)
		rc = curl_easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &s);
	if (rc != CURLE_OK || s == CURL_SOCKET_BAD)
		ret = unreachable(where, *error != '\0' ? error : curl_easy_strerror(rc));
	else if ((*fd = fcntl(s, F_DUPFD_CLOEXEC, 0)) < 0)
		ret = err_sys("cannot keep a socket");
	else
		ret = 0;
out:
	curl_easy_cleanup(curl);
	free(proxy);
	return ret;
}

/* True and *a when the routes file knows this onion address. */
static int by_route(struct addr *a, bool *found, const char *where)
{
	struct routes *r = NULL;
	char host[DIAL_TEXT];
	uint8_t onion[ONION_KEY];
	const char *to;
	int rc;

	*found = false;
	snprintf(host, sizeof(host), "%.*s", (int)(strrchr(where, ':') - where), where);
	if (strlen(host) < 6 || strcmp(host + strlen(host) - 6, ".onion") != 0)
		return 0;
	if ((rc = onion_decode(onion, host)) != 0 || (rc = routes_load(&r, NULL)) != 0)
		return rc;
	if ((to = routes_find(r, onion)) != NULL)
		*found = addr_parse(a, to) == 0;
	routes_free(r);
	return 0;
}

int dial(int *fd, const char *where, const char *isolation, int64_t ms)
{
	struct addr a;
	bool found = false;
	int rc = dial_check(where), one = 1;

	*fd = -1;
	if (rc != 0)
		return rc;
	if (!numeric(&a, where) && (rc = by_route(&a, &found, where)) != 0)
		return rc;
	if (found || numeric(&a, where))
		rc = direct(fd, &a, where, ms);
	else
		rc = through_socks(fd, where, isolation, ms);
	if (rc != 0)
		return rc;
	(void)fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK);
	(void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return 0;
}
