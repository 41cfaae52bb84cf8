#include "net/addr.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static int bad(const char *text)
{
	return err_set(MP_EBAD, "'%.140s' is no numeric address with a port", text);
}

static int parse_unix(struct addr *a, const char *path)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&a->ss;

	if (*path == '\0' || strlen(path) >= sizeof(un->sun_path))
		return err_set(MP_EBAD, "socket path '%.140s' is empty or too long", path);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, strlen(path) + 1);
	a->len = (socklen_t)sizeof(*un);
	return 0;
}

/* One to five digits, no sign, no white space, no leading zero. */
static int parse_port(in_port_t *port, const char *s)
{
	unsigned long v = 0;
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 5 || s[n] != '\0' || (s[0] == '0' && n > 1))
		return -1;
	for (; *s != '\0'; s++)
		v = v * 10 + (unsigned long)(*s - '0');
	if (v > UINT16_MAX)
		return -1;
	*port = htons((uint16_t)v);
	return 0;
}

int addr_parse(struct addr *a, const char *text)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&a->ss;
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN];
	in_port_t port;
	size_t n;

	memset(a, 0, sizeof(*a));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(a, text + 5);
	if (colon == NULL || parse_port(&port, colon + 1) != 0)
		return bad(text);
	n = (size_t)(colon - text);
	if (n >= 2 && text[0] == '[' && colon[-1] == ']') {
		text++;
		n -= 2;
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		a->len = (socklen_t)sizeof(*in6);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = port;
		a->len = (socklen_t)sizeof(*in);
	}
	if (n >= sizeof(host))
		return bad(text);
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(a->ss.ss_family, host,
	        a->ss.ss_family == AF_INET ? (void *)&in->sin_addr : (void *)&in6->sin6_addr) != 1)
		return bad(text);
	return 0;
}

void addr_format(char out[static ADDR_TEXT], const struct addr *a)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&a->ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->ss;
	char host[INET6_ADDRSTRLEN] = "";

	if (a->ss.ss_family == AF_UNIX) {
		snprintf(out, ADDR_TEXT, "unix:%s", ((const struct sockaddr_un *)&a->ss)->sun_path);
	} else if (a->ss.ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(out, ADDR_TEXT, "%s:%u", host, ntohs(in->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(out, ADDR_TEXT, "[%s]:%u", host, ntohs(in6->sin6_port));
	}
}
