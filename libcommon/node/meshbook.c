#include "node/meshbook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "mesh/servers.h"
#include "node/meshcall.h"
#include "store/contact.h"
#include "store/letterbox.h"

struct asking {
	struct store *s;
	struct client *client;
	void (*problem)(void *ctx, const char *line);
	void *ctx;
	int64_t *n;
};

static void tell(const struct asking *a, const struct meshserver *v, const char *why)
{
	char name[ONION_TEXT], line[300];

	onion_encode(name, v->onion);
	snprintf(line, sizeof(line), "%s: %s", name, why);
	a->problem(a->ctx, line);
}

/* By an identity of its own, so that asking does not tell who posts or fetches. */
static int ask(const struct asking *a, struct meshserver *v, const char *method, const char *path,
    const struct buf *body, struct meshanswer *answer)
{
	uint8_t isolation[16];
	int rc;

	randombytes_buf(isolation, sizeof(isolation));
	rc = meshcall(a->client, v->onion, isolation, method, path, body, answer);
	if (rc != 0 || (answer->status == 200 && !answer->wrong))
		return rc;
	tell(a, v, answer->reason[0] != '\0' ? answer->reason : "a wrong answer");
	return relays_judge(a->s, v, answer->wrong ? SAID_WRONG : SAID_NOTHING, clock_now());
}

static int add(struct store *s, const uint8_t onion[static ONION_KEY], int64_t *n)
{
	int rc = meshserver_add(s, onion);

	if (rc == 0)
		++*n;
	return rc == MP_EEXIST ? 0 : rc;
}

/* Some, drawn by lot: one relay that names hundreds of its own must not make up our whole list. */
static int add_some(const struct asking *a, struct servers *known)
{
	int64_t before = *a->n;
	int rc = 0;

	for (size_t left = known->n; rc == 0 && left > 0 && *a->n - before < MESHBOOK_LEARN;
	     left--) {
		size_t i = randombytes_uniform((uint32_t)left);

		rc = add(a->s, known->server[i], a->n);
		memcpy(known->server[i], known->server[left - 1], ONION_KEY);
	}
	return rc;
}

static int learn_one(
    const struct asking *a, struct meshserver *v, const struct buf *body, struct servers *known)
{
	struct meshanswer answer;
	int rc = ask(a, v, "POST", "/servers", body, &answer);

	if (rc != 0 || answer.o == NULL)
		return rc;
	if (servers_read(known, answer.o) != 0) {
		tell(a, v, "a wrong answer");
		rc = relays_judge(a->s, v, SAID_WRONG, clock_now());
	} else {
		rc = add_some(a, known);
	}
	json_decref(answer.o);
	return rc;
}

int meshbook_learn(struct store *s, struct client *c, int64_t *n,
    void (*problem)(void *ctx, const char *line), void *ctx)
{
	const struct asking a = {s, c, problem, ctx, n};
	struct servers *known = calloc(1, sizeof(*known));
	struct buf body = BUF_INIT(4096);
	struct meshserver v = {.row = 0};
	json_t *o = NULL;
	int64_t last = 0;
	int rc;

	if (known == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	/* Those that are learnt just now are not asked: once more does that. */
	while ((rc = meshserver_next(s, &v, last)) == 0)
		last = v.row;
	v.row = 0;
	if (rc == MP_ENONE && (rc = servers_request_write(&o, "anonymous", clock_now())) == 0)
		rc = json_write(&body, o);
	while (rc == 0 && (rc = meshserver_next(s, &v, v.row)) == 0 && v.row <= last)
		if (!relays_out(&v))
			rc = learn_one(&a, &v, &body, known);
	json_decref(o);
	buf_free(&body);
	free(known);
	return rc == MP_ENONE ? 0 : rc;
}

int meshbook_learn_from(struct store *s, const char *contact, int64_t *n)
{
	struct letterbox b;
	struct contact c;
	int rc;

	if ((rc = contact_get(s, &c, contact)) != 0)
		return rc;
	if ((rc = letterbox_get(s, &b, c.row)) != 0 || b.n == 0)
		return rc != 0 && rc != MP_ENONE
		           ? rc
		           : err_set(MP_ENONE, "'%s' has not said where he fetches", contact);
	for (size_t i = 0; rc == 0 && i < b.n; i++)
		rc = add(s, b.relay[i], n);
	return rc;
}

static int load_one(const struct asking *a, struct meshserver *v)
{
	struct meshanswer answer;
	int64_t load = -1;
	int rc = ask(a, v, "GET", "/load", NULL, &answer);

	if (rc != 0 || answer.o == NULL)
		return rc;
	if (load_read(&load, answer.o) != 0) {
		tell(a, v, "a wrong answer");
		rc = relays_judge(a->s, v, SAID_WRONG, clock_now());
	} else {
		v->load = load;
		v->asked = clock_now();
		if ((rc = meshserver_set_load(a->s, v)) == 0)
			rc = relays_judge(a->s, v, SAID_RIGHT, clock_now());
	}
	json_decref(answer.o);
	return rc;
}

int meshbook_load(struct store *s, struct client *c, int64_t *n,
    void (*problem)(void *ctx, const char *line), void *ctx)
{
	const struct asking a = {s, c, problem, ctx, n};
	struct meshserver v = {.row = 0};
	int rc;

	for (*n = 0; (rc = meshserver_next(s, &v, v.row)) == 0; ++*n)
		if (!relays_out(&v) && (rc = load_one(&a, &v)) != 0)
			break;
	return rc == MP_ENONE ? 0 : rc;
}
