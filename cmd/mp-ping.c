/* mp-ping: can these contacts be reached now? mp-ping(1). */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cmd.h"
#include "base/config.h"
#include "base/err.h"
#include "net/client.h"
#include "node/plans.h"
#include "node/sealer.h"

struct ping {
	struct contact contact;
	struct wire w;
	struct buf envelope;
	bool done;
};

struct call {
	struct store *s;
	struct client *client;
	struct config cfg;
	int64_t wait;
	bool json;
	int status;
	const char *group;
	struct flow chat; /* of -g */
	struct ping *pings;
	size_t n, started;
};

/* Sealed and counted, but kept nowhere: a ping that is not answered is over. */
static int prepare(struct call *p, struct ping *g, const char *name)
{
	int rc = contact_get(p->s, &g->contact, name);

	if (rc != 0) /* a wrong name is a wrong call; 1 says "not reachable" */
		return rc == MP_ENONE ? MP_EUSAGE : rc;
	if (g->contact.blocked)
		return err_set(MP_EUSAGE, "'%s' is blocked", name);
	if (!g->contact.has_onion)
		return err_set(MP_EUSAGE, "'%s' has not accepted our card yet", name);
	g->w = (struct wire){.type = WIRE_PING, .time = clock_now()};
	if (p->group != NULL) {
		int at = chat_find(&p->chat.u.chat, g->contact.onion);

		if (at < 0 || p->chat.u.chat.m[at].gone)
			return err_set(
			    MP_EUSAGE, "'%s' is no member of the group '%s'", name, p->group);
		g->w.u.ping.grouped = true;
		memcpy(g->w.u.ping.group, p->chat.u.chat.id, GROUP_ID);
	}
	randombytes_buf(g->w.id, sizeof(g->w.id));
	g->envelope = (struct buf)BUF_INIT(ENVELOPE_MAX);
	return seal_wire(&g->envelope, p->s, g->contact.row, &g->w);
}

static int print(
    struct call *p, const struct ping *g, bool reached, const char *code, const char *reason)
{
	struct record rec;
	int rc;

	record_init(&rec);
	rec.class = reached ? CLASS_SENT : CLASS_FAILED;
	strcpy(rec.kind, wire_type_name(WIRE_PING));
	strcpy(rec.contact, g->contact.name);
	rec.has_id = rec.has_body = true;
	memcpy(rec.id, g->w.id, RECORD_ID);
	rec.time = g->w.time;
	snprintf(rec.ref, sizeof(rec.ref), "%s", code);
	if ((rc = buf_adds(&rec.body, reason)) == 0 &&
	    (rc = record_write(stdout, &rec, p->json)) == 0)
		rc = record_finish(stdout);
	record_free(&rec);
	if (!reached)
		p->status = err_worse(p->status, EXIT_NO);
	return rc;
}

static int result(struct call *p, const struct post_result *r)
{
	struct ping *g = r->tag;
	char took[32];

	g->done = true;
	snprintf(took, sizeof(took), "%lld.%03lld s", (long long)(r->elapsed / 1000),
	    (long long)(r->elapsed % 1000));
	return r->status == 204 ? print(p, g, true, r->code, took)
	                        : print(p, g, false, r->code, r->reason);
}

/* Starts as many as may be under way at once. */
static int start(struct call *p)
{
	for (; p->started < p->n && client_active(p->client) < (size_t)p->cfg.send_parallel;
	     p->started++) {
		struct ping *g = &p->pings[p->started];
		int rc = client_post(p->client, g->contact.onion, g->contact.isolation,
		    g->envelope.data, g->envelope.len, g);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int run(struct call *p)
{
	int64_t end = clock_monotonic() + p->wait, now;
	struct post_result r;
	int rc = 0;

	while (rc == 0 && (now = clock_monotonic()) < end &&
	       (p->started < p->n || client_active(p->client) > 0)) {
		if ((rc = start(p)) != 0)
			break;
		if ((rc = client_poll(p->client, &r, NULL, 0, end - now)) == 1) {
			rc = result(p, &r);
			buf_free(&r.reply);
		}
	}
	for (size_t i = 0; rc == 0 && i < p->n; i++)
		if (!p->pings[i].done)
			rc = print(p, &p->pings[i], false, "timeout", "no answer in time");
	return rc;
}

/* The chat of -g. MP_EUSAGE: there is none of that name. */
static int find_group(struct call *p)
{
	struct keeper k;
	int rc = keeper_open(&k, p->s, &p->cfg, clock_now());

	if (rc == 0 && (rc = k.p.by_name(&k, &p->chat, p->group)) == MP_ENONE)
		return err_set(MP_EUSAGE, "no group '%s'", p->group);
	if (rc == 0 && p->chat.kind != FLOW_CHAT)
		return err_set(MP_EUSAGE, "the group '%s' has not begun yet", p->group);
	return rc;
}

static void add(struct call *p, const char *name)
{
	int rc = prepare(p, &p->pings[p->n], name);

	if (rc == 0)
		p->n++;
	else
		p->status = err_worse(p->status, err_print(rc));
}

/* All others of the group. */
static int add_members(struct call *p)
{
	const struct chat *c = &p->chat.u.chat;
	struct contact who;
	int rc;

	for (size_t i = 0; i < c->nm; i++) {
		if (c->m[i].gone)
			continue;
		rc = contact_by_onion(p->s, &who, c->m[i].who.onion);
		if (rc == 0)
			add(p, who.name);
		else if (rc != MP_ENONE)
			return rc;
	}
	return 0;
}

static int ping_all(struct call *p, char **names)
{
	struct client_options co = {.connect = p->wait};
	int rc;

	if ((rc = config_load(&p->cfg)) != 0 || (rc = store_open(&p->s)) != 0 ||
	    (p->group != NULL && (rc = find_group(p)) != 0))
		return rc;
	co.timeout = p->cfg.send_timeout;
	if ((rc = client_new(&p->client, &co)) != 0)
		return rc;
	if (*names == NULL && (rc = add_members(p)) != 0)
		return rc;
	for (; *names != NULL; names++)
		add(p, *names);
	return run(p);
}

int main(int argc, char **argv)
{
	struct call p = {.wait = MP_MINUTE, .status = EXIT_DONE};
	int c, rc;

	cmd_begin("mp-ping", "mp-ping [-hj] [-g group] [-w duration] [name ...]");
	while ((c = getopt(argc, argv, "+g:hjw:")) != -1) {
		switch (c) {
		case 'g':
			p.group = optarg;
			break;
		case 'j':
			p.json = true;
			break;
		case 'w':
			p.wait = cmd_duration(c, optarg);
			break;
		default:
			return cmd_usage(c);
		}
	}
	if (optind == argc && p.group == NULL)
		return cmd_usage(0);
	p.pings = calloc((size_t)argc + PEOPLE_MAX, sizeof(*p.pings));
	rc = p.pings != NULL ? ping_all(&p, argv + optind) : err_set(MP_ENOMEM, "out of memory");
	if (rc != 0)
		p.status = err_worse(p.status, err_print(rc));
	client_free(p.client);
	for (size_t i = 0; p.pings != NULL && i < p.n; i++)
		buf_free(&p.pings[i].envelope);
	free(p.pings);
	store_close(p.s);
	return p.status;
}
