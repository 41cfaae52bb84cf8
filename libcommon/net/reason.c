#include "net/reason.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(struct post_result *r, const char *code, const char *reason)
{
	snprintf(r->code, sizeof(r->code), "%s", code);
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
}

void reason_status(struct post_result *r, long status)
{
	static const struct {
		int status;
		const char *reason;
	} table[] = {
	    {200, "taken, with a reply"},
	    {204, "taken"},
	    {400, "the peer did not accept it"},
	    {413, "too large for the peer"},
	    {429, "the peer asks for a pause"},
	    {503, "the peer cannot take it now"},
	};

	r->status = (int)status;
	snprintf(r->code, sizeof(r->code), "%ld", status);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].status == status)
			snprintf(r->reason, sizeof(r->reason), "%s", table[i].reason);
	if (r->reason[0] == '\0')
		snprintf(r->reason, sizeof(r->reason), "unexpected answer %ld", status);
}

/* The number in brackets at the end of curl's text about SOCKS; 0 none. */
static int socks_reply(const char *error)
{
	const char *p = strrchr(error, '(');
	char *end;
	long v;

	if (p == NULL)
		return 0;
	v = strtol(p + 1, &end, 10);
	return end != p + 1 && *end == ')' && v > 0 && v < 256 ? (int)v : 0;
}

/* RFC 1928 section 6, and tor's extended errors (socks-extensions, 240 to 247). */
static void socks_error(struct post_result *r, const char *error)
{
	static const struct {
		int reply;
		const char *reason;
	} table[] = {
	    {1, "tor could not connect"},
	    {2, "tor does not allow it"},
	    {3, "tor finds no way"},
	    {4, "tor cannot reach the onion service"},
	    {5, "the onion service refused the connection"},
	    {6, "tor's connection expired"},
	    {240, "no descriptor of the onion service: it is not online"},
	    {241, "the onion service's descriptor is not valid"},
	    {242, "introduction to the onion service failed: it has gone offline"},
	    {243, "rendezvous with the onion service failed"},
	    {244, "the onion service wants client authorization"},
	    {245, "the onion service refused our client authorization"},
	    {246, "tor calls the onion address invalid"},
	    {247, "introduction to the onion service timed out"},
	};
	int reply = socks_reply(error);

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].reply == reply) {
			set(r, "tor", table[i].reason);
			return;
		}
	if (reply != 0)
		set(r, "tor", "tor could not connect");
	else
		set(r, "proxy", "the SOCKS proxy does not speak SOCKS 5 or refused us");
}

static void refused(struct post_result *r, enum post_refusal refusal)
{
	static const char *const reason[] = {
	    [REFUSED_NOT] = "the answer cannot be understood",
	    [REFUSED_SLOW] = "no progress for too long",
	    [REFUSED_HEADER] = "the answer's header is too long",
	    [REFUSED_LENGTH] = "the answer is too long",
	    [REFUSED_TYPE] = "the answer is no envelope",
	};

	set(r, refusal == REFUSED_SLOW ? "timeout" : "reply", reason[refusal]);
}

void reason_error(
    struct post_result *r, CURLcode rc, enum post_refusal refusal, bool proxied, const char *error)
{
	static const struct {
		CURLcode rc;
		const char *code, *reason;
	} table[] = {
	    {CURLE_OPERATION_TIMEDOUT, "timeout", "no answer in time"},
	    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, "pin", "the peer's key is not that of its address"},
	    {CURLE_SSL_CONNECT_ERROR, "tls", "no TLS 1.3 with the peer"},
	    {CURLE_PEER_FAILED_VERIFICATION, "tls", "the peer's certificate is not valid"},
	    {CURLE_SSL_CIPHER, "tls", "no TLS cipher in common with the peer"},
	    {CURLE_WEIRD_SERVER_REPLY, "reply", "the answer is not HTTP"},
	    {CURLE_UNSUPPORTED_PROTOCOL, "reply", "the answer is not HTTP/1.1"},
	    {CURLE_HTTP2, "reply", "the answer is not HTTP/1.1"},
	    {CURLE_BAD_CONTENT_ENCODING, "reply", "the answer cannot be understood"},
	    {CURLE_PARTIAL_FILE, "reply", "the answer was cut off"},
	    {CURLE_GOT_NOTHING, "connect", "the peer closed the connection without an answer"},
	    {CURLE_SEND_ERROR, "connect", "the connection broke off"},
	    {CURLE_RECV_ERROR, "connect", "the connection broke off"},
	};

	if (refusal != REFUSED_NOT || rc == CURLE_WRITE_ERROR) {
		refused(r, refusal);
		return;
	}
	if (rc == CURLE_PROXY) {
		socks_error(r, error);
		return;
	}
	if (rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_PROXY) {
		set(r, proxied ? "proxy" : "connect",
		    proxied ? "the SOCKS proxy cannot be reached: is tor running?"
		            : "the address of its route cannot be reached");
		return;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (table[i].rc == rc) {
			set(r, table[i].code, table[i].reason);
			return;
		}
	snprintf(r->code, sizeof(r->code), "connect");
	snprintf(r->reason, sizeof(r->reason), "%s", curl_easy_strerror(rc));
}
