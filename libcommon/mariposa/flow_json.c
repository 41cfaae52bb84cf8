/* A flow as JSON and back: what mp-store(5) shows. */
#include "mariposa/flow.h"

#include <string.h>

#include "base/err.h"

/*
 * One list of fields serves both directions: x->o is written when out, else read.  A field that is
 * missing or of another type makes x->bad.
 */
struct exchange {
	json_t *o;
	bool out, bad;
};

static void number(struct exchange *x, const char *key, int64_t *v)
{
	const json_t *j;

	if (x->out) {
		x->bad |= json_object_set_new(x->o, key, json_integer(*v)) != 0;
		return;
	}
	j = json_object_get(x->o, key);
	x->bad |= !json_is_integer(j);
	*v = json_integer_value(j);
}

static void flag(struct exchange *x, const char *key, bool *v)
{
	const json_t *j;

	if (x->out) {
		/* Absent is false. */
		x->bad |= *v && json_object_set_new(x->o, key, json_true()) != 0;
		return;
	}
	j = json_object_get(x->o, key);
	x->bad |= j != NULL && !json_is_true(j);
	*v = j != NULL;
}

static void bytes(struct exchange *x, const char *key, uint8_t *v, size_t n)
{
	if (x->out)
		x->bad |= json_set_hex(x->o, key, v, n) != 0;
	else
		x->bad |= json_hex(x->o, key, v, n) != 0;
}

static void text(struct exchange *x, const char *key, char *v, size_t room)
{
	const char *s;

	if (x->out) {
		x->bad |= v[0] != '\0' && json_object_set_new(x->o, key, json_string(v)) != 0;
		return;
	}
	s = json_text(x->o, key);
	v[0] = '\0';
	if (s == NULL)
		return;
	if (strlen(s) >= room)
		x->bad = true;
	else
		memcpy(v, s, strlen(s) + 1);
}

/* An enum of n values. */
#define CHOICE(x, key, v, n)                                \
	do {                                                \
		int64_t choice_ = (int64_t)(v);             \
		number(x, key, &choice_);                   \
		if (choice_ < 0 || choice_ >= (int64_t)(n)) \
			(x)->bad = true, choice_ = 0;       \
		*(&(v)) = choice_;                          \
	} while (0)

static void person(struct exchange *x, struct person *p)
{
	bytes(x, "onion", p->onion, sizeof(p->onion));
	text(x, "nickname", p->nickname, sizeof(p->nickname));
}

/* The i-th object of a list: a new one when written, else NULL behind the end. */
static json_t *item(struct exchange *x, json_t *list, size_t i)
{
	json_t *o;

	if (!x->out)
		return json_array_get(list, i);
	o = json_object();
	x->bad |= json_array_append_new(list, o) != 0;
	return o;
}

static json_t *list_of(struct exchange *x, const char *key, size_t *n, size_t most)
{
	json_t *list;

	if (x->out) {
		list = json_array();
		x->bad |= json_object_set_new(x->o, key, list) != 0;
		return list;
	}
	list = json_object_get(x->o, key);
	*n = json_array_size(list);
	if (!json_is_array(list) || *n > most)
		x->bad = true, *n = 0;
	return list;
}

static void asked_fields(struct exchange *x, struct asked *m)
{
	person(x, &m->who);
	flag(x, "prospective", &m->prospective);
	flag(x, "asked", &m->asked);
	flag(x, "answered", &m->answered);
	flag(x, "listed", &m->listed);
	flag(x, "saw", &m->saw);
	flag(x, "left", &m->left);
}

static void proposal_fields(struct exchange *x, struct proposal *p)
{
	int64_t petitioner = p->petitioner;
	json_t *list;

	CHOICE(x, "plan", p->plan, PLANS);
	CHOICE(x, "state", p->state, PROPOSAL_STATES);
	bytes(x, "id", p->id, plan_id_len(p->plan));
	bytes(x, "group", p->group, sizeof(p->group));
	bytes(x, "base", p->base, sizeof(p->base));
	text(x, "name", p->name, sizeof(p->name));
	bytes(x, "secret", p->secret, sizeof(p->secret));
	number(x, "petitioner", &petitioner);
	number(x, "tries", &p->tries);
	number(x, "again", &p->again);
	number(x, "created", &p->created);
	number(x, "touched", &p->touched);
	list = list_of(x, "people", &p->n, PEOPLE_MAX);
	for (size_t i = 0; i < p->n; i++) {
		struct exchange one = {item(x, list, i), x->out, false};

		asked_fields(&one, &p->m[i]);
		x->bad |= one.bad;
	}
	p->petitioner = (int)petitioner;
	x->bad |= petitioner < -1 || petitioner >= (int64_t)p->n;
}

static void consent_fields(struct exchange *x, struct consent *c)
{
	int64_t participants = (int64_t)c->participants;
	json_t *list;

	CHOICE(x, "plan", c->plan, PLANS);
	CHOICE(x, "state", c->state, CONSENT_STATES);
	bytes(x, "id", c->id, plan_id_len(c->plan));
	bytes(x, "group", c->group, sizeof(c->group));
	bytes(x, "base", c->base, sizeof(c->base));
	text(x, "name", c->name, sizeof(c->name));
	CHOICE(x, "answer", c->answer, ANSWER_BUSY + 1);
	flag(x, "agreed", &c->agreed);
	flag(x, "responded", &c->responded);
	flag(x, "told", &c->told);
	flag(x, "adopted", &c->adopted);
	number(x, "polls", &c->polls);
	number(x, "poll_at", &c->poll_at);
	number(x, "heard", &c->heard);
	CHOICE(x, "petitioning", c->petitioning, PETITION_DECLINED + 1);
	bytes(x, "petition", c->petition, sizeof(c->petition));
	number(x, "created", &c->created);
	number(x, "touched", &c->touched);
	number(x, "participants", &participants);
	list = list_of(x, "people", &c->n, PEOPLE_MAX);
	for (size_t i = 0; i < c->n; i++) {
		struct exchange one = {item(x, list, i), x->out, false};

		person(&one, &c->who[i]);
		flag(&one, "left", &c->left[i]);
		x->bad |= one.bad;
	}
	x->bad |= participants < 0 || participants > (int64_t)c->n;
	c->participants = (size_t)participants;
}

static void acquaintance_fields(struct exchange *x, struct acquaintance *a)
{
	CHOICE(x, "state", a->state, ACQUAINTANCE_STATES);
	bytes(x, "onion", a->onion, sizeof(a->onion));
	number(x, "consent", &a->consent);
	number(x, "round", &a->round);
	bytes(x, "number", a->number, sizeof(a->number));
	bytes(x, "secret", a->secret, sizeof(a->secret));
	bytes(x, "key", a->key, sizeof(a->key));
	flag(x, "acked", &a->acked);
	flag(x, "has_peer", &a->has_peer);
	bytes(x, "peer_number", a->peer_number, sizeof(a->peer_number));
	bytes(x, "peer_key", a->peer_key, sizeof(a->peer_key));
	bytes(x, "id", a->id, sizeof(a->id));
	bytes(x, "pair", a->pair, sizeof(a->pair));
	bytes(x, "sealed", a->sealed, sizeof(a->sealed));
	number(x, "touched", &a->touched);
}

static void member_fields(struct exchange *x, struct chat_member *m)
{
	person(x, &m->who);
	flag(x, "gone", &m->gone);
	number(x, "end", &m->end);
	number(x, "gone_at", &m->gone_at);
	number(x, "since", &m->since);
	flag(x, "based", &m->based);
	number(x, "n", &m->n);
	bytes(x, "h", m->h, sizeof(m->h));
	number(x, "first", &m->first);
	number(x, "last", &m->last);
	number(x, "ask_at", &m->ask_at);
	number(x, "asked", &m->asked);
	number(x, "claimed", &m->claimed);
	flag(x, "split", &m->split);
	flag(x, "told", &m->told);
	number(x, "owed_first", &m->owed_first);
	number(x, "owed_last", &m->owed_last);
}

static void chat_fields(struct exchange *x, struct chat *c)
{
	json_t *list;

	CHOICE(x, "state", c->state, CHAT_LEFT + 1);
	bytes(x, "id", c->id, sizeof(c->id));
	number(x, "n", &c->n);
	bytes(x, "h", c->h, sizeof(c->h));
	number(x, "strange_at", &c->strange_at);
	bytes(x, "strange", c->strange, sizeof(c->strange));
	flag(x, "told_strange", &c->told_strange);
	number(x, "created", &c->created);
	number(x, "touched", &c->touched);
	list = list_of(x, "members", &c->nm, CHAT_PLACES);
	for (size_t i = 0; i < c->nm; i++) {
		struct exchange one = {item(x, list, i), x->out, false};

		member_fields(&one, &c->m[i]);
		x->bad |= one.bad;
	}
	list = list_of(x, "past", &c->npast, CHAT_PAST);
	for (size_t i = 0; i < c->npast; i++) {
		struct exchange one = {item(x, list, i), x->out, false};

		bytes(&one, "members", c->past[i], 32);
		x->bad |= one.bad;
	}
}

static void fields(struct exchange *x, struct flow *f)
{
	switch (f->kind) {
	case FLOW_PROPOSAL:
		proposal_fields(x, &f->u.proposal);
		break;
	case FLOW_CONSENT:
		consent_fields(x, &f->u.consent);
		break;
	case FLOW_ACQUAINTANCE:
		acquaintance_fields(x, &f->u.acquaintance);
		break;
	default:
		chat_fields(x, &f->u.chat);
		break;
	}
}

int flow_encode(struct buf *out, const struct flow *f)
{
	struct flow copy = *f;
	struct exchange x = {json_object(), true, false};
	int rc;

	if (x.o == NULL)
		return err_set(MP_ENOMEM, "out of memory");
	fields(&x, &copy);
	rc = x.bad ? err_set(MP_ENOMEM, "out of memory") : json_write(out, x.o);
	json_decref(x.o);
	flow_wipe(&copy);
	return rc;
}

int flow_decode(struct flow *f, const char *text, size_t len)
{
	struct exchange x = {NULL, false, false};
	int rc = json_read(&x.o, text, len);

	memset(&f->u, 0, sizeof(f->u));
	if (rc != 0)
		return rc;
	fields(&x, f);
	json_decref(x.o);
	return x.bad ? err_set(MP_EBAD, "a flow is malformed") : 0;
}
