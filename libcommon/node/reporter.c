#include "node/reporter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/err.h"
#include "mesh/report.h"
#include "node/meshcall.h"

#define AT_ONCE 16

struct hearer {
	uint8_t onion[ONION_KEY];
};

struct reporter {
	struct store *s;
	const struct reporter_options *o;
	struct client *client;
	struct buf body;
	struct hearer hearer[MESHSERVERS_MAX];
	size_t n, known, took;
};

/* Two votes that do not contradict each other would be sent in vain: it is said here instead. */
static int check_evidence(const struct report *p)
{
	json_t *o = NULL;
	bool votes = p->evidence.len > 0 &&
	             json_read(&o, (const char *)p->evidence.data, p->evidence.len) == 0 &&
	             json_object_get(o, "votes") != NULL;

	json_decref(o);
	return votes && !report_proves(p, 0)
	           ? err_set(MP_EUSAGE, "these votes are no contradiction of that server's")
	           : 0;
}

static int write_report(
    struct buf *out, const uint8_t server[static ONION_KEY], const struct buf *evidence)
{
	int64_t now = clock_now();
	/* To the ms it would be the same in all that we send, and show how our clock goes. */
	struct report p = {.reporter = "anonymous", .time = now - now % MP_HOUR};
	json_t *o = NULL;
	int rc;

	memcpy(p.server, server, ONION_KEY);
	p.evidence = *evidence;
	if ((rc = check_evidence(&p)) == 0 && (rc = report_write(&o, &p)) == 0)
		rc = json_write(out, o);
	json_decref(o);
	return rc;
}

/* Who answers, as far as we know, in any order. */
static int find_hearers(struct reporter *p, const uint8_t server[static ONION_KEY])
{
	struct meshserver v = {.row = 0};
	int64_t now = clock_now();
	int rc;

	while ((rc = meshserver_next(p->s, &v, v.row)) == 0 && p->n < MESHSERVERS_MAX) {
		size_t i = randombytes_uniform((uint32_t)p->n + 1);

		if (relays_out(&v) || memcmp(v.onion, server, ONION_KEY) == 0)
			continue;
		p->known++;
		if (v.retry > now)
			continue;
		p->hearer[p->n++] = p->hearer[i];
		memcpy(p->hearer[i].onion, v.onion, ONION_KEY);
	}
	if (rc != 0 && rc != MP_ENONE)
		return rc;
	return p->known == 0 ? err_set(MP_ENONE, "no other relay is known: see mp-mesh servers")
	                     : 0;
}

static int start(struct reporter *p, struct hearer *h)
{
	uint8_t isolation[16];

	randombytes_buf(isolation, sizeof(isolation));
	return client_request(
	    p->client, h->onion, isolation, "POST", "/reports", p->body.data, p->body.len, true, h);
}

/*
 * Only a wrong answer counts: to take a report costs a relay nothing, and one that is flooded with
 * them is not away for it.
 */
static int take_answer(struct reporter *p, const struct post_result *r)
{
	const struct hearer *h = r->tag;
	bool wrong = meshcall_wrong(r->status, r->code) || r->status == 200;
	char name[ONION_TEXT], line[300];
	struct meshserver v;
	int rc;

	if (r->status == 204) {
		p->took++;
		return 0;
	}
	onion_encode(name, h->onion);
	snprintf(line, sizeof(line), "%s: %s%s", name, wrong ? "answers wrongly: " : "", r->reason);
	if (!wrong) {
		if (p->o->away != NULL)
			p->o->away(p->o->ctx, line);
		return 0;
	}
	p->o->problem(p->o->ctx, line);
	if ((rc = meshserver_get(p->s, &v, h->onion)) == 0)
		rc = relays_judge(p->s, &v, SAID_WRONG, clock_now());
	return rc == MP_ENONE ? 0 : rc;
}

static int tell_all(struct reporter *p)
{
	struct post_result r;
	size_t next = 0;
	int rc = 0;

	while (rc == 0 && (next < p->n || client_active(p->client) > 0)) {
		if (next < p->n && client_active(p->client) < AT_ONCE) {
			rc = start(p, &p->hearer[next++]);
		} else if ((rc = client_poll(p->client, &r, NULL, 0, 60000)) == 1) {
			rc = take_answer(p, &r);
			buf_free(&r.reply);
		}
	}
	return rc;
}

static int mark(struct store *s, const uint8_t server[static ONION_KEY])
{
	struct meshserver v;
	int rc = meshserver_get(s, &v, server);

	if (rc != 0 || !relays_out(&v))
		return rc == MP_ENONE ? 0 : rc;
	v.role = ROLE_REPORTED;
	v.until = 0;
	return meshserver_update(s, &v);
}

int reporter_tell(struct store *s, const uint8_t server[static ONION_KEY],
    const struct buf *evidence, const struct reporter_options *o)
{
	struct reporter *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	p->s = s;
	p->o = o;
	p->body = (struct buf)BUF_INIT(MESH_BODY_MAX);
	if ((rc = write_report(&p->body, server, evidence)) == 0 &&
	    (rc = find_hearers(p, server)) == 0 &&
	    (rc = meshcall_client(&p->client, o->timeout)) == 0)
		rc = tell_all(p);
	if (rc == 0)
		rc = p->took < REPORTER_HEARD && p->took < p->known
		         ? err_set(MP_ETEMP, "%zu of %zu relays took the report", p->took, p->known)
		         : mark(s, server);
	client_free(p->client);
	buf_free(&p->body);
	free(p);
	return rc;
}

int reporter_next(struct store *s, struct meshserver *v, int64_t after)
{
	int rc;

	while ((rc = meshserver_next(s, v, after)) == 0 &&
	       (!relays_out(v) || v->role == ROLE_REPORTED))
		after = v->row;
	return rc;
}
