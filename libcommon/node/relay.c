#include "node/relay.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/text.h"
#include "node/relay_step.h"

static const struct server_route routes[] = {
    {"POST", "/packets", true},
    {"POST", "/acks", true},
    {"GET", "/challenge", false},
    {"GET", "/messages", true},
    {"POST", "/tokens", true},
    {"POST", "/servers", true},
    {"GET", "/load", false},
    {"POST", "/reports", true},
    {"POST", "/decisions", true},
    {"POST", "/mesh", true},
    {"GET", "/status", false},
    {"POST", "/room", true},
    {"GET", "/room", true},
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

/* In the same order. */
static int (*const handlers[ROUTES])(struct relay_call *c) = {
    relay_on_packet,
    relay_on_ack,
    relay_on_challenge,
    relay_on_messages,
    relay_on_tokens,
    relay_on_servers,
    relay_on_load,
    relay_on_report,
    relay_on_decision,
    relay_on_batch,
    relay_on_status,
    relay_on_room_post,
    relay_on_room_read,
};

const struct server_route *relay_routes(size_t *n)
{
	*n = ROUTES;
	return routes;
}

int relay_new(struct relay **out, bool verbose)
{
	struct relay *r = calloc(1, sizeof(*r));
	int rc;

	*out = NULL;
	if (r == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	r->verbose = verbose;
	if ((rc = relay_config_load(&r->cfg)) != 0 || (rc = identity_load(&r->id)) != 0 ||
	    (rc = dir_make(home_file("run"))) != 0 || (rc = relay_open(&r->s, true)) != 0 ||
	    (rc = relay_secret(r->s, r->secret)) != 0 ||
	    (r->cfg.room_count > 0 && (rc = rooms_open(&r->rooms)) != 0)) {
		relay_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

void relay_free(struct relay *r)
{
	if (r == NULL)
		return;
	relay_close(r->s);
	rooms_close(r->rooms);
	identity_free(r->id);
	secret_wipe(r->secret, sizeof(r->secret));
	free(r);
}

void relay_wake(void)
{
	file_touch(home_file("run/" RELAY_WAKE));
}

/* What a code of ours is to the one who asked. */
static int status_of(int rc)
{
	switch (rc) {
	case 0:
		return 200;
	case MP_EBAD:
	case MP_EEXIST:
		return 400;
	case MP_ELIMIT:
		return 413;
	default:
		return 503;
	}
}

static void run(struct relay_call *c, size_t handler, const struct server_request *request)
{
	json_t *in = NULL;
	int rc = 0;

	if (request->route->body)
		rc = json_read(&in, (const char *)request->body, request->len);
	c->in = in;
	if (rc == 0)
		rc = handlers[handler](c);
	if (c->status == 0)
		c->status = status_of(rc);
	/* What is wrong with a request is its sender's; what is wrong here is said. */
	if (rc != 0 && (c->status == 503 || c->r->verbose))
		err_print(rc);
	json_decref(in);
}

void relay_answer(
    struct relay *r, const struct server_request *request, struct server_answer *answer)
{
	struct relay_call c = {
	    .r = r, .bearer = request->bearer, .waited = request->waited, .now = clock_now()};

	run(&c, (size_t)(request->route - routes), request);
	answer->later = c.later;
	if (c.later > 0)
		return;
	if (c.status == 200 && c.out == NULL)
		c.status = 204;
	if (c.status == 200 &&
	    (json_write(&answer->reply, c.out) != 0 || json_pad(&answer->reply, c.size) != 0))
		c.status = 503;
	json_decref(c.out);
	answer->status = c.status;
	answer->proven = c.proven;
	answer->kept = c.kept;
	answer->retry_after = c.retry_after > 0 ? c.retry_after : c.status == 503 ? 30 : 0;
	if (r->verbose)
		err_warn("%s %s %d %zu", request->route->method, request->route->path, c.status,
		    request->len);
}

int relay_accept(struct relay *r, const char *name)
{
	struct buf pem = BUF_INIT(8192);
	uint8_t server[ONION_KEY];
	struct rsa_key *k = NULL;
	int rc;

	if (server_name_read(server, name) != 0)
		return err_set(MP_EUSAGE, "'%.80s' is no server's name", name);
	if (memcmp(server, r->id->key, ONION_KEY) == 0)
		return err_set(MP_EUSAGE, "this is our own name");
	if ((rc = rsa_new(&k)) == 0 && (rc = rsa_write(k, &pem)) == 0)
		rc = relay_peer_add(r->s, server, pem.data, pem.len, clock_now());
	rsa_free(k);
	buf_free(&pem);
	return rc;
}

int relay_drop(struct relay *r, const char *name)
{
	uint8_t server[ONION_KEY];

	if (server_name_read(server, name) != 0)
		return err_set(MP_EUSAGE, "'%.80s' is no server's name", name);
	return relay_peer_remove(r->s, server);
}
