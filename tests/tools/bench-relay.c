/*
 * What a relay's clients ask of it, as fast as it answers, and the same of another server by the
 * same requests.  Prints a line of `what value unit`.
 *
 *   bench-relay key FILE                       a person's key
 *   bench-relay packets|each ONION ADDR:PORT SECONDS PARALLEL FILE
 *              packets to that person, no two the same, on PARALLEL kept connections, or each on a
 * new one bench-relay fetches ONION ADDR:PORT SECONDS PARALLEL FILE retrievals, a device a
 * connection, each with a proof of its own
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "mesh/packet.h"
#include "mesh/retrieval.h"
#include "net/client.h"

#define LETTER 4096 /* what a small packet seals */
#define SLOTS 64
#define UNIQUE 16 /* characters of base64 that are drawn for each packet */

static const char usage[] = "usage: bench-relay key FILE |\n"
                            "       packets|each|fetches ONION ADDR:PORT SECONDS PARALLEL FILE\n";

static int fail(const char *what)
{
	fprintf(stderr, "bench-relay: %s: %s\n", what, err_detail());
	return 1;
}

struct slot {
	struct buf body;
	uint8_t device[MESH_DEVICE], challenge[CHALLENGE_BYTES];
	bool asked; /* has a challenge */
};

struct load {
	uint8_t server[ONION_KEY];
	char routes[32];
	struct rsa_key *person;
	struct buf packet; /* one, as text; and where its message is */
	size_t message;
	int parallel;
	struct slot slot[SLOTS];
};

static int make_key(const char *path)
{
	struct buf pem = BUF_INIT(8192);
	struct rsa_key *k;

	if (rsa_new(&k) != 0 || rsa_write(k, &pem) != 0 ||
	    file_write(path, pem.data, pem.len, 0600, true) != 0)
		return fail(path);
	rsa_free(k);
	buf_free(&pem);
	return 0;
}

static int read_key(struct load *l, const char *path)
{
	struct buf pem = BUF_INIT(8192);
	int rc = file_read_secret(path, &pem);

	if (rc == 0)
		rc = rsa_read(&l->person, pem.data, pem.len);
	buf_free(&pem);
	return rc;
}

static int add_noise(struct buf *b, size_t len)
{
	uint8_t *p = malloc(len);
	int rc;

	if (p == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	randombytes_buf(p, len);
	rc = buf_add(b, p, len);
	free(p);
	return rc;
}

/* Of the size of every small packet. */
static int make_packet(struct load *l)
{
	static const char member[] = "\"message\":\"";
	struct packet p;
	json_t *o = NULL;
	const char *at = NULL;
	int rc;

	packet_init(&p);
	memcpy(p.recipient, rsa_der(l->person), RSA_DER);
	if ((rc = add_noise(&p.message, RSA_OVERHEAD + LETTER)) == 0 &&
	    (rc = add_noise(&p.signature, RSA_OVERHEAD + 361)) == 0 &&
	    (rc = packet_write(&o, &p)) == 0 && (rc = json_write(&l->packet, o)) == 0 &&
	    (rc = buf_terminate(&l->packet)) == 0)
		at = strstr((const char *)l->packet.data, member);
	json_decref(o);
	packet_free(&p);
	if (rc == 0 && at == NULL)
		rc = err_set(MP_EBAD, "a packet without a message");
	if (rc == 0)
		l->message = (size_t)(at - (const char *)l->packet.data) + sizeof(member) - 1;
	return rc;
}

static void next_packet(const struct load *l, struct slot *s)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t noise[UNIQUE];

	if (s->body.len == 0 && buf_add(&s->body, l->packet.data, l->packet.len) != 0)
		exit(fail("memory"));
	randombytes_buf(noise, sizeof(noise));
	for (size_t i = 0; i < sizeof(noise); i++)
		s->body.data[l->message + i] = (uint8_t)alphabet[noise[i] % 64];
}

static void next_proof(const struct load *l, struct slot *s)
{
	struct retrieval q = {.time = clock_now()};
	json_t *o;

	memcpy(q.challenge, s->challenge, sizeof(q.challenge));
	memcpy(q.device, s->device, sizeof(q.device));
	buf_clear(&s->body);
	if (retrieval_write(&o, &q, l->person, l->server) != 0 || json_write(&s->body, o) != 0)
		exit(fail("proof"));
	json_decref(o);
}

static struct client *make_client(const struct load *l)
{
	struct client_options o = {.socks = "127.0.0.1:1",
	    .routes = l->routes,
	    .timeout = 60000,
	    .connect = 60000,
	    .media_type = "application/json",
	    .body_max = MESH_BODY_MAX};
	struct client *c;

	if (client_new(&c, &o) != 0)
		exit(fail("client"));
	return c;
}

static void request(struct client *c, const struct load *l, struct slot *s, const char *method,
    const char *path, bool body)
{
	static const uint8_t who[16];

	if (client_request(c, l->server, who, method, path, body ? s->body.data : NULL,
	        body ? s->body.len : 0, false, s) != 0)
		exit(fail(path));
}

static void post(struct client *c, const struct load *l, struct slot *s)
{
	next_packet(l, s);
	request(c, l, s, "POST", "/packets", true);
}

static struct slot *answered(struct client *c, struct post_result *r)
{
	if (client_poll(c, r, NULL, 0, 60000) != 1 || (r->status != 204 && r->status != 200)) {
		fprintf(stderr, "bench-relay: %s %s\n", r->code, r->reason);
		exit(1);
	}
	return r->tag;
}

static long run_each(struct load *l, int64_t end)
{
	long n = 0;

	while (clock_monotonic() < end) {
		struct client *c = make_client(l);
		struct post_result r;

		for (int i = 0; i < l->parallel; i++)
			post(c, l, &l->slot[i]);
		for (int i = 0; i < l->parallel; i++, n++) {
			answered(c, &r);
			buf_free(&r.reply);
		}
		client_free(c);
	}
	return n;
}

static long run_packets(struct load *l, int64_t end)
{
	struct client *c = make_client(l);
	struct post_result r;
	long n = 0;

	for (int i = 0; i < l->parallel; i++)
		post(c, l, &l->slot[i]);
	for (; clock_monotonic() < end; n++) {
		struct slot *s = answered(c, &r);

		buf_free(&r.reply);
		post(c, l, s);
	}
	client_free(c);
	return n;
}

/* The next challenge is in the answer to the last proof. */
static void take_challenge(struct slot *s, const struct post_result *r)
{
	json_t *o;

	if (json_read(&o, (const char *)r->reply.data, r->reply.len) != 0 ||
	    field_bytes(o, "challenge", s->challenge, CHALLENGE_BYTES) != 0)
		exit(fail("answer"));
	json_decref(o);
}

static long run_fetches(struct load *l, int64_t end)
{
	struct client *c = make_client(l);
	struct post_result r;
	long n = 0;

	for (int i = 0; i < l->parallel; i++) {
		l->slot[i].device[0] = (uint8_t)(i + 1);
		request(c, l, &l->slot[i], "GET", "/challenge", false);
	}
	while (clock_monotonic() < end) {
		struct slot *s = answered(c, &r);

		n += s->asked;
		take_challenge(s, &r);
		s->asked = true;
		buf_free(&r.reply);
		next_proof(l, s);
		request(c, l, s, "GET", "/messages", true);
	}
	client_free(c);
	return n;
}

static int make_routes(struct load *l, const char *onion, const char *where)
{
	int fd;

	snprintf(l->routes, sizeof(l->routes), "/tmp/bench-relay.XXXXXX");
	if ((fd = mkstemp(l->routes)) < 0)
		return -1;
	dprintf(fd, "%s %s\n", onion, where);
	return close(fd);
}

static int run(const char *mode, struct load *l, int64_t seconds)
{
	long (*how)(struct load *, int64_t) = strcmp(mode, "each") == 0      ? run_each
	                                      : strcmp(mode, "packets") == 0 ? run_packets
	                                      : strcmp(mode, "fetches") == 0 ? run_fetches
	                                                                     : NULL;
	int64_t began = clock_monotonic();
	long n;

	if (how == NULL)
		return -1;
	for (int i = 0; i < SLOTS; i++)
		l->slot[i].body = (struct buf)BUF_INIT(MESH_BODY_MAX);
	n = how(l, began + seconds * MP_SECOND);
	printf(
	    "%s %.0f requests/s\n", mode, (double)n * 1000 / (double)(clock_monotonic() - began));
	for (int i = 0; i < SLOTS; i++)
		buf_free(&l->slot[i].body);
	return 0;
}

int main(int argc, char **argv)
{
	struct load l = {.packet = BUF_INIT(MESH_BODY_MAX)};
	int rc;

	if (argc == 3 && strcmp(argv[1], "key") == 0)
		return make_key(argv[2]);
	if (argc != 7 || (l.parallel = atoi(argv[5])) < 1 || l.parallel > SLOTS) {
		fputs(usage, stderr);
		return 100;
	}
	if (onion_decode(l.server, argv[2]) != 0 || make_routes(&l, argv[2], argv[3]) != 0)
		return fail(argv[2]);
	if (read_key(&l, argv[6]) != 0 || make_packet(&l) != 0)
		return fail(argv[6]);
	if ((rc = run(argv[1], &l, atol(argv[4]))) != 0)
		fputs(usage, stderr);
	unlink(l.routes);
	rsa_free(l.person);
	buf_free(&l.packet);
	return rc == 0 ? 0 : 100;
}
