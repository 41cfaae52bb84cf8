#include "node/plans.h"
#include "node/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "mariposa/membership.h"
#include "node/planning.h"

int plans_open(struct plans *a)
{
	int rc;

	if ((rc = config_load(&a->cfg)) != 0 || (rc = store_open(&a->s)) != 0 ||
	    (rc = devices_first(a->s)) != 0)
		return rc;
	return keeper_open(&a->k, a->s, &a->cfg, clock_now());
}

void plans_close(struct plans *a)
{
	store_close(a->s);
}

int plans_begin(struct plans *a)
{
	return store_begin(a->s);
}

int plans_end(struct plans *a, int rc)
{
	if (rc == 0)
		rc = store_commit(a->s);
	if (rc != 0)
		store_rollback(a->s);
	return rc;
}

int plans_people(struct plans *a, struct known out[static PEOPLE_MAX], char **names, int n)
{
	struct contact c;
	int rc;

	if (n > PEOPLE_MAX)
		return err_set(MP_EUSAGE, "at most %d people", PEOPLE_MAX);
	for (int i = 0; i < n; i++) {
		if ((rc = contact_get(a->s, &c, names[i])) != 0)
			return rc;
		keeper_known(&out[i], &c);
	}
	return 0;
}

/* ---- by id, or by name ---- */

struct search {
	const char *digits;
	struct flow *out;
	int found;
};

static int fits(void *arg, struct flow *f)
{
	struct search *x = arg;
	enum plan plan = f->kind == FLOW_PROPOSAL ? f->u.proposal.plan : f->u.consent.plan;
	char hex[2 * PLAN_ID + 1];

	if (plan != PLAN_INTRODUCTION)
		return 0;
	hex_encode(hex, f->kind == FLOW_PROPOSAL ? f->u.proposal.id : f->u.consent.id, PLAN_ID);
	if (strncmp(hex, x->digits, strlen(x->digits)) != 0)
		return 0;
	x->found++;
	*x->out = *f;
	return 0;
}

int plans_introduction(struct plans *a, struct flow *f, const char *id)
{
	struct search x = {id, f, 0};
	size_t n = strlen(id);
	int rc;

	if (n < 4 || n > (size_t)2 * PLAN_ID || strspn(id, "0123456789abcdef") != n)
		return err_set(
		    MP_EUSAGE, "'%.80s' is no id of an introduction, nor its first digits", id);
	if ((rc = a->k.p.each(&a->k, FLOW_PROPOSAL, -1, fits, &x)) != 0 ||
	    (rc = a->k.p.each(&a->k, FLOW_CONSENT, -1, fits, &x)) != 0)
		return rc;
	if (x.found == 0)
		return err_set(MP_ENONE, "no introduction '%s'", id);
	if (x.found > 1)
		return err_set(MP_EUSAGE, "more than one introduction begins with '%s'", id);
	return 0;
}

struct waiting {
	const uint8_t *group;
	struct flow *out;
	bool found;
};

static int waits(void *arg, struct flow *f)
{
	struct waiting *x = arg;
	const struct consent *c = &f->u.consent;

	if (c->plan != PLAN_ADDITION || memcmp(c->group, x->group, GROUP_ID) != 0 ||
	    (c->state != CONSENT_ASKED && c->state != CONSENT_ACCEPTED))
		return 0;
	x->found = true;
	*x->out = *f;
	return 0;
}

int plans_group(struct plans *a, struct flow *f, const char *name, bool waiting)
{
	struct flow chat;
	struct waiting x = {chat.u.chat.id, f, false};
	int rc = a->k.p.by_name(&a->k, &chat, name);

	if (rc != 0)
		return rc;
	if (waiting && chat.kind == FLOW_CHAT) {
		if ((rc = a->k.p.each(&a->k, FLOW_CONSENT, -1, waits, &x)) != 0)
			return rc;
		if (!x.found)
			return err_set(MP_ENONE, "nothing about '%s' waits for an answer", name);
		return 0;
	}
	*f = chat;
	return 0;
}

/* ---- what is owed ---- */

struct printing {
	struct plans *a;
	int64_t flow;
};

static int print_owed(void *ctx, const struct owed *o, const struct record *rec)
{
	struct printing *x = ctx;

	return o->flow == x->flow ? record_write(stdout, rec, false) : 0;
}

int plans_print_owed(struct plans *a, int64_t flow)
{
	struct printing x = {a, flow};

	return planning_due(a->s, &a->cfg, a->k.p.now, print_owed, &x);
}

/* ---- what there is ---- */

static const char *word(const struct flow *f)
{
	static const char *const proposals[] = {[PROPOSAL_PETITIONED] = "petitioned",
	    [PROPOSAL_OPEN] = "pending",
	    [PROPOSAL_LISTING] = "accepted",
	    [PROPOSAL_CARRIED] = "accepted",
	    [PROPOSAL_CANCELLED] = "cancelled",
	    [PROPOSAL_TURNED] = "declined"};
	static const char *const consents[] = {[CONSENT_ASKED] = "asked",
	    [CONSENT_ACCEPTED] = "waiting",
	    [CONSENT_LISTED] = "waiting",
	    [CONSENT_CARRIED] = "accepted",
	    [CONSENT_CANCELLED] = "cancelled",
	    [CONSENT_DECLINED] = "declined"};

	if (f->kind == FLOW_CHAT)
		return f->u.chat.state == CHAT_ACTIVE ? "active" : "left";
	if (f->kind == FLOW_PROPOSAL)
		return f->u.proposal.state == PROPOSAL_CARRIED &&
		               f->u.proposal.plan == PLAN_INTRODUCTION
		           ? "initiated"
		           : proposals[f->u.proposal.state];
	return f->u.consent.state == CONSENT_CARRIED && f->u.consent.plan == PLAN_INTRODUCTION
	           ? "initiated"
	           : consents[f->u.consent.state];
}

static void add_name(struct plans *a, json_t *list, const uint8_t *onion)
{
	struct known k;

	if (a->k.p.known_by_onion(&a->k, onion, &k) == 0)
		json_array_append_new(list, json_string(k.name));
}

struct making {
	struct plans *a;
	json_t *list;
	int64_t consent;
};

static int add_making(void *arg, struct flow *f)
{
	struct making *x = arg;
	struct contact c;

	if (f->u.acquaintance.consent == x->consent &&
	    f->u.acquaintance.state != ACQUAINTANCE_SETTLED &&
	    contact_by_row(x->a->s, &c, f->contact) == 0)
		json_array_append_new(x->list, json_string(c.name));
	return 0;
}

/* Who has yet to do something. "-": we. */
static int waiting_for(struct plans *a, const struct flow *f, json_t *list)
{
	struct making x = {a, list, f->row};
	struct contact c;

	if (f->kind == FLOW_PROPOSAL) {
		const struct proposal *q = &f->u.proposal;

		for (size_t i = 0; i < q->n; i++)
			if ((q->state == PROPOSAL_OPEN && !q->m[i].answered) ||
			    (q->state == PROPOSAL_LISTING && !q->m[i].listed))
				add_name(a, list, q->m[i].who.onion);
		return 0;
	}
	if (f->kind == FLOW_CHAT)
		return 0;
	if (f->u.consent.state == CONSENT_CARRIED && f->u.consent.plan == PLAN_INTRODUCTION)
		return a->k.p.each(&a->k, FLOW_ACQUAINTANCE, -1, add_making, &x);
	if ((f->u.consent.state == CONSENT_ACCEPTED || f->u.consent.state == CONSENT_LISTED ||
	        f->u.consent.petitioning == PETITION_SENT) &&
	    contact_by_row(a->s, &c, f->contact) == 0)
		json_array_append_new(list, json_string(c.name));
	return 0;
}

static int describe(struct plans *a, const struct flow *f, json_t **out)
{
	json_t *o = f->kind == FLOW_CHAT ? membership_people(&a->k.p, f) : plan_about(&a->k.p, f);
	json_t *list = json_array();
	int rc = waiting_for(a, f, list);

	json_object_set_new(o, "state", json_string(word(f)));
	json_object_set_new(o, "waiting", list);
	*out = o;
	return rc;
}

static int to_record(struct plans *a, const struct flow *f, json_t *o, struct record *rec)
{
	struct contact c;

	rec->class = CLASS_EVENT;
	snprintf(rec->kind, sizeof(rec->kind), "%s",
	    f->kind == FLOW_CHAT       ? "group"
	    : f->kind == FLOW_PROPOSAL ? plan_key(f->u.proposal.plan)
	                               : plan_key(f->u.consent.plan));
	rec->contact[0] = '\0';
	if (f->kind == FLOW_CONSENT && contact_by_row(a->s, &c, f->contact) == 0)
		memcpy(rec->contact, c.name, sizeof(rec->contact));
	rec->has_id = f->kind != FLOW_CHAT && f->reflen == 1 + PLAN_ID;
	if (rec->has_id)
		memcpy(rec->id, f->ref + 1, PLAN_ID);
	rec->time = f->kind == FLOW_CHAT       ? f->u.chat.created
	            : f->kind == FLOW_PROPOSAL ? f->u.proposal.created
	                                       : f->u.consent.created;
	snprintf(rec->ref, sizeof(rec->ref), "%s", f->name);
	rec->has_body = true;
	buf_clear(&rec->body);
	return json_write(&rec->body, o);
}

/* What is over is not listed; an introduction is when the contacts are made. */
static int is_live(struct plans *a, const struct flow *f, bool *live)
{
	struct making x = {a, NULL, f->row};
	int rc = 0;

	if (f->kind == FLOW_CHAT)
		*live = f->u.chat.state == CHAT_ACTIVE;
	else if (f->kind == FLOW_PROPOSAL)
		*live = f->u.proposal.state < PROPOSAL_CARRIED || f->u.proposal.again > 0;
	else
		*live = f->u.consent.state < CONSENT_CARRIED;
	if (f->kind == FLOW_CONSENT && f->u.consent.state == CONSENT_CARRIED &&
	    f->u.consent.plan == PLAN_INTRODUCTION) {
		x.list = json_array();
		rc = a->k.p.each(&a->k, FLOW_ACQUAINTANCE, -1, add_making, &x);
		*live = json_array_size(x.list) > 0;
		json_decref(x.list);
	}
	return rc;
}

struct listing {
	struct plans *a;
	bool groups;
	struct record rec;
	int64_t n;
};

static int list_one(void *arg, struct flow *f)
{
	struct listing *l = arg;
	enum plan plan = f->kind == FLOW_PROPOSAL  ? f->u.proposal.plan
	                 : f->kind == FLOW_CONSENT ? f->u.consent.plan
	                                           : PLAN_GROUP;
	bool live = false;
	json_t *o;
	int rc;

	if ((plan == PLAN_INTRODUCTION) == l->groups)
		return 0;
	if ((rc = is_live(l->a, f, &live)) != 0 || !live)
		return rc;
	l->n++;
	if ((rc = describe(l->a, f, &o)) == 0 && (rc = to_record(l->a, f, o, &l->rec)) == 0)
		rc = record_write(stdout, &l->rec, l->a->json);
	json_decref(o);
	return rc;
}

int plans_list(struct plans *a, bool groups)
{
	struct listing l = {.a = a, .groups = groups};
	int rc = 0;

	record_init(&l.rec);
	if (groups)
		rc = a->k.p.each(&a->k, FLOW_CHAT, 0, list_one, &l);
	if (rc == 0)
		rc = a->k.p.each(&a->k, FLOW_PROPOSAL, 0, list_one, &l);
	if (rc == 0)
		rc = a->k.p.each(&a->k, FLOW_CONSENT, -1, list_one, &l);
	record_free(&l.rec);
	return rc != 0 ? rc : l.n == 0 ? MP_ENONE : 0;
}

/* ---- one, for a person ---- */

static void line(const char *key, const char *value)
{
	struct buf b = BUF_INIT(4096);

	if (value != NULL && text_display(&b, value, strlen(value), 0) == 0 &&
	    buf_terminate(&b) == 0)
		printf("%-12s %s\n", key, (const char *)b.data);
	buf_free(&b);
}

static void person_line(const json_t *who, const char *key)
{
	const char *contact = json_text(who, "contact"), *nickname = json_text(who, "nickname");
	char text[400];

	snprintf(text, sizeof(text), "%s%s%s  %s",
	    json_is_true(json_object_get(who, "self")) ? "(ourselves)"
	    : contact != NULL                          ? contact
	                                               : "(no contact)",
	    nickname != NULL ? ", called " : "", nickname != NULL ? nickname : "",
	    json_text(who, "onion"));
	line(key, text);
}

static void lines(struct plans *a, const struct flow *f, const json_t *o)
{
	char created[CLOCK_TEXT], id[2 * GROUP_ID + 1];
	struct contact c;
	const json_t *one;
	size_t i;

	if (f->name[0] != '\0')
		line("group", f->name);
	hex_encode(id, f->ref + 1, f->reflen - 1);
	line("id", id);
	line("state", json_text(o, "state"));
	if (f->kind == FLOW_CONSENT && contact_by_row(a->s, &c, f->contact) == 0)
		line("initiator", c.name);
	else if (f->kind == FLOW_PROPOSAL)
		line("initiator", "(ourselves)");
	clock_format(created, f->kind == FLOW_CHAT       ? f->u.chat.created
	                      : f->kind == FLOW_PROPOSAL ? f->u.proposal.created
	                                                 : f->u.consent.created);
	line("since", created);
	json_array_foreach(json_object_get(o, "people"), i, one) person_line(one, "member");
	json_array_foreach(json_object_get(o, "prospective"), i, one)
	    person_line(one, "to be added");
	json_array_foreach(json_object_get(o, "waiting"), i, one)
	    line("waits for", json_string_value(one));
}

int plans_show(struct plans *a, const struct flow *f)
{
	struct record rec;
	json_t *o;
	int rc;

	record_init(&rec);
	if ((rc = describe(a, f, &o)) == 0 && (rc = to_record(a, f, o, &rec)) == 0) {
		if (a->json)
			rc = record_write(stdout, &rec, true);
		else
			lines(a, f, o);
	}
	json_decref(o);
	record_free(&rec);
	return rc;
}
