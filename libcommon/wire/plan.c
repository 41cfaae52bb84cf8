#include "wire/plan.h"

#include <string.h>

#include "base/err.h"
#include "wire/fields.h"
#include "wire/people.h"

#define ROUND_MAX 255
#define RESEND_MAX 1024

enum {
	F_INTRODUCTION = 1 << 0,
	F_GROUP = 1 << 1,
	F_ADDITION = 1 << 2,
	F_BASE = 1 << 3,
	F_NAME = 1 << 4,
	F_ANSWER = 1 << 5,
	F_STATUS = 1 << 6,
	F_SEEN = 1 << 7,
	F_PEOPLE = 1 << 8,
	F_PROSPECTIVE = 1 << 9,
	F_CONTACTS = 1 << 10,
	F_ROUND = 1 << 11,
	F_NUMBER = 1 << 12, /* and the key that comes with it */
	F_SEALED = 1 << 13,
	F_RANGE = 1 << 14,
	F_N = 1 << 15,
	F_NICKNAMES = 1 << 16, /* of people; without it they are neither sent nor looked at */
};
#define SECRETS (F_CONTACTS | F_NUMBER | F_SEALED)

/* Statuses and answers that a type knows, a bit each. */
#define ANSWERS_TWO (1 << ANSWER_ACCEPT | 1 << ANSWER_DECLINE)
#define ANSWERS_ALL (ANSWERS_TWO | 1 << ANSWER_BUSY)
#define OF_GROUPS (1 << STATUS_PENDING | 1 << STATUS_ACCEPTED | 1 << STATUS_CANCELLED)
#define OF_INTRODUCTIONS (OF_GROUPS | 1 << STATUS_INITIATED)
#define SEEN_GROUPS (1 << STATUS_ACCEPTED | 1 << STATUS_CANCELLED)
#define SEEN_INTRODUCTIONS (1 << STATUS_INITIATED | 1 << STATUS_CANCELLED)

struct shape {
	int must, may;
	int words;          /* answers, statuses or seen ones: no type has two of them */
	size_t least, most; /* people */
};

/* clang-format off */
static const struct shape shapes[WIRE_TYPES] = {
    [WIRE_INTRODUCTION_REQUEST]         = {F_INTRODUCTION | F_PEOPLE, F_NICKNAMES, 0, 2, PEOPLE_MAX},
    [WIRE_INTRODUCTION_RESPONSE]        = {F_INTRODUCTION | F_ANSWER, 0, ANSWERS_TWO, 0, 0},
    [WIRE_INTRODUCTION_STATUS_REQUEST]  = {F_INTRODUCTION, F_SEEN, SEEN_INTRODUCTIONS, 0, 0},
    [WIRE_INTRODUCTION_STATUS_RESPONSE] = {F_INTRODUCTION | F_STATUS, 0, OF_INTRODUCTIONS, 0, 0},
    [WIRE_INTRODUCTION_CONTACTS]        = {F_INTRODUCTION | F_CONTACTS, 0, 0, 0, 0},
    [WIRE_INTRODUCTION_ACKNOWLEDGEMENT] = {F_ROUND | F_NUMBER, 0, 0, 0, 0},
    [WIRE_TEMPORARY_CONTACT_UPDATE]     = {F_ROUND | F_SEALED, 0, 0, 0, 0},
    [WIRE_INTRODUCTION_PETITION]        = {F_INTRODUCTION | F_GROUP | F_PEOPLE, F_ADDITION, 0, 1, PEOPLE_MAX - 1},
    [WIRE_INTRODUCTION_PETITION_DECLINATION] = {F_INTRODUCTION, 0, 0, 0, 0},
    [WIRE_GROUP_CHAT_REQUEST]           = {F_GROUP | F_PEOPLE, F_NAME | F_NICKNAMES, 0, 2, PEOPLE_MAX},
    [WIRE_GROUP_CHAT_RESPONSE]          = {F_GROUP | F_ANSWER, 0, ANSWERS_TWO, 0, 0},
    [WIRE_GROUP_CHAT_STATUS_REQUEST]    = {F_GROUP, F_SEEN, SEEN_GROUPS, 0, 0},
    [WIRE_GROUP_CHAT_STATUS_RESPONSE]   = {F_GROUP | F_STATUS, 0, OF_GROUPS, 0, 0},
    [WIRE_GROUP_ADDITION_REQUEST]       = {F_GROUP | F_ADDITION | F_BASE | F_PEOPLE | F_PROSPECTIVE, F_NAME | F_NICKNAMES, 0, 1, PEOPLE_MAX - 1},
    [WIRE_GROUP_ADDITION_RESPONSE]      = {F_GROUP | F_ADDITION | F_ANSWER, 0, ANSWERS_ALL, 0, 0},
    [WIRE_GROUP_ADDITION_STATUS_REQUEST] = {F_GROUP | F_ADDITION, F_SEEN, SEEN_GROUPS, 0, 0},
    [WIRE_GROUP_ADDITION_STATUS_RESPONSE] = {F_GROUP | F_ADDITION | F_STATUS, F_PEOPLE, OF_GROUPS, 1, PEOPLE_MAX},
    [WIRE_NOTICE_OF_GROUP_EXIT]         = {F_GROUP | F_N, 0, 0, 0, 0},
    [WIRE_GROUP_RESEND_REQUEST]         = {F_GROUP | F_RANGE, 0, 0, 0, 0},
};
/* clang-format on */

static const char *const answers[] = {
    [ANSWER_DECLINE] = "decline",
    [ANSWER_ACCEPT] = "accept",
    [ANSWER_BUSY] = "busy",
};
static const char *const statuses[] = {
    [STATUS_PENDING] = "pending",
    [STATUS_ACCEPTED] = "accepted",
    [STATUS_INITIATED] = "initiated",
    [STATUS_CANCELLED] = "cancelled",
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

bool wire_is_plan(enum wire_type t)
{
	return (size_t)t < WIRE_TYPES && shapes[t].must != 0;
}

static bool nicknames(enum wire_type t)
{
	return (shapes[t].may & F_NICKNAMES) != 0;
}

static int put_int(json_t *o, const char *key, int64_t v)
{
	return json_object_set_new(o, key, json_integer(v));
}

static int put_word(json_t *o, const char *key, const char *word)
{
	return json_object_set_new(o, key, json_string(word));
}

/* Which of the optional ones are there. */
static int present(enum wire_type t, const struct wire_plan *p)
{
	int has = shapes[t].must;

	if (p->name != NULL)
		has |= F_NAME;
	if (p->has_seen)
		has |= F_SEEN;
	if (p->has_addition)
		has |= F_ADDITION;
	if (p->people.n > 0)
		has |= F_PEOPLE;
	return has & (shapes[t].must | shapes[t].may);
}

int plan_put(json_t *o, enum wire_type t, const struct wire_plan *p, bool record)
{
	int has = present(t, p), r = 0;

	if (record)
		has &= ~SECRETS;
	if (has & F_INTRODUCTION)
		r |= json_set_hex(o, "introduction", p->introduction, PLAN_ID);
	if (has & F_GROUP)
		r |= json_set_hex(o, "group", p->group, GROUP_ID);
	if (has & F_ADDITION)
		r |= json_set_hex(o, "addition", p->addition, PLAN_ID);
	if (has & F_BASE)
		r |= json_set_hex(o, "base", p->base, 32);
	if (has & F_NAME)
		r |= put_word(o, "name", p->name);
	if (has & F_ANSWER)
		r |= put_word(o, "answer", answers[p->answer]);
	if (has & F_STATUS)
		r |= put_word(o, "status", statuses[p->status]);
	if (has & F_SEEN)
		r |= put_word(o, "seen", statuses[p->seen]);
	if (has & F_PEOPLE)
		r |= wire_people_put(o, "people", &p->people, nicknames(t));
	if (has & F_PROSPECTIVE)
		r |= wire_people_put(o, "prospective", &p->prospective, nicknames(t));
	if (has & F_CONTACTS)
		r |= wire_keys_put(o, "contacts", p->keys, p->nkeys);
	if (has & F_ROUND)
		r |= put_int(o, "round", p->round);
	if (has & F_NUMBER)
		r |= json_set_hex(o, "number", p->number, 32) | json_set_hex(o, "key", p->key, 32);
	if (has & F_SEALED)
		r |= json_set_hex(o, "sealed", p->sealed, PLAN_SEALED);
	if (has & F_RANGE)
		r |= put_int(o, "first", p->first) | put_int(o, "last", p->last);
	if (has & F_N)
		r |= put_int(o, "n", p->n);
	return r == 0 ? MP_OK : err_set(MP_ENOMEM, "no memory for a header");
}

/* The index of the word. */
static int get_word(const json_t *o, const char *key, const char *const *words, size_t n, int *at)
{
	const char *word = json_text(o, key);

	for (size_t i = 0; word != NULL && i < n; i++) {
		if (strcmp(word, words[i]) == 0) {
			*at = (int)i;
			return MP_OK;
		}
	}
	return err_set(MP_EBAD, "'%s' is none of its words", key);
}

static int get_optional(struct wire_plan *p, enum wire_type t, const json_t *o)
{
	int may = shapes[t].may, at, r = MP_OK;

	if (may & F_NAME && (r = fields_optional(&p->name, o, "name")) != MP_OK)
		return r;
	if (may & F_SEEN && json_object_get(o, "seen") != NULL) {
		if ((r = get_word(o, "seen", statuses, COUNT(statuses), &at)) != MP_OK)
			return r;
		p->has_seen = true;
		p->seen = (enum plan_status)at;
	}
	if (may & F_ADDITION && json_object_get(o, "addition") != NULL) {
		p->has_addition = true;
		r = json_hex(o, "addition", p->addition, PLAN_ID);
	}
	if (r == MP_OK && may & F_PEOPLE && json_object_get(o, "people") != NULL)
		r = wire_people_get(&p->people, o, "people", nicknames(t));
	return r;
}

int plan_get(struct wire_plan *p, enum wire_type t, const json_t *o, bool record)
{
	int must = shapes[t].must, at, r = MP_OK;

	if (record)
		must &= ~SECRETS;
#define GET(flag, call)                             \
	if (must & (flag) && (r = (call)) != MP_OK) \
	return r
	GET(F_INTRODUCTION, json_hex(o, "introduction", p->introduction, PLAN_ID));
	GET(F_GROUP, json_hex(o, "group", p->group, GROUP_ID));
	GET(F_ADDITION, json_hex(o, "addition", p->addition, PLAN_ID));
	GET(F_BASE, json_hex(o, "base", p->base, 32));
	GET(F_ANSWER, get_word(o, "answer", answers, COUNT(answers), &at));
	if (must & F_ANSWER)
		p->answer = (enum plan_answer)at;
	GET(F_STATUS, get_word(o, "status", statuses, COUNT(statuses), &at));
	if (must & F_STATUS)
		p->status = (enum plan_status)at;
	GET(F_PEOPLE, wire_people_get(&p->people, o, "people", nicknames(t)));
	GET(F_PROSPECTIVE, wire_people_get(&p->prospective, o, "prospective", nicknames(t)));
	GET(F_CONTACTS, wire_keys_get(p->keys, &p->nkeys, o, "contacts"));
	GET(F_ROUND, json_int(o, "round", 0, ROUND_MAX, &p->round));
	GET(F_NUMBER, json_hex(o, "number", p->number, 32));
	GET(F_NUMBER, json_hex(o, "key", p->key, 32));
	GET(F_SEALED, json_hex(o, "sealed", p->sealed, PLAN_SEALED));
	GET(F_RANGE, json_int(o, "first", 1, COUNTER_MAX, &p->first));
	GET(F_RANGE, json_int(o, "last", 1, COUNTER_MAX, &p->last));
	GET(F_N, json_int(o, "n", 0, COUNTER_MAX, &p->n));
#undef GET
	return get_optional(p, t, o);
}

static bool word_known(const struct shape *s, int has, const struct wire_plan *p)
{
	if (has & F_ANSWER)
		return (unsigned)p->answer < COUNT(answers) && s->words >> p->answer & 1;
	if (has & F_STATUS)
		return (unsigned)p->status < COUNT(statuses) && s->words >> p->status & 1;
	if (has & F_SEEN)
		return (unsigned)p->seen < COUNT(statuses) && s->words >> p->seen & 1;
	return true;
}

/* Both lists of an addition are one membership. */
static int check_prospective(const struct wire_plan *p)
{
	const struct wire_people *more = &p->prospective;
	size_t most = PEOPLE_MAX - p->people.n; /* those are checked */
	int r = wire_people_check("prospective", more, 1, most, true);

	for (size_t i = 0; r == MP_OK && i < more->n; i++)
		if (wire_people_has(&p->people, p->people.n, more->person[i].onion))
			r = err_set(MP_EBAD, "somebody is a member and prospective");
	return r;
}

int plan_check(enum wire_type t, const struct wire_plan *p, bool record)
{
	const struct shape *s = &shapes[t];
	int has = present(t, p), r;

	if (record)
		has &= ~SECRETS;
	if (!word_known(s, has, p))
		return err_set(MP_EBAD, "a '%s' has no such word", wire_type_name(t));
	if (has & F_PEOPLE &&
	    (r = wire_people_check("people", &p->people, s->least, s->most, nicknames(t))) != MP_OK)
		return r;
	if (has & F_PROSPECTIVE && (r = check_prospective(p)) != MP_OK)
		return r;
	if (has & F_STATUS && has & F_PEOPLE && p->status != STATUS_ACCEPTED)
		return err_set(MP_EBAD, "'people' of an addition that is not accepted");
	if (has & F_CONTACTS &&
	    (r = wire_keys_check("contacts", p->keys, p->nkeys, 1, PEOPLE_MAX - 1)) != MP_OK)
		return r;
	if (has & F_ROUND && (p->round < 0 || p->round > ROUND_MAX))
		return err_set(MP_EBAD, "'round' is out of bounds");
	if (has & F_RANGE && (p->first < 1 || p->last < p->first || p->last > COUNTER_MAX ||
	                         p->last - p->first >= RESEND_MAX))
		return err_set(MP_EBAD, "'first' and 'last' are no range");
	if (has & F_N && (p->n < 0 || p->n > COUNTER_MAX))
		return err_set(MP_EBAD, "'n' is out of bounds");
	return has & F_NAME ? fields_check_text("the name", p->name, NICKNAME_MAX) : MP_OK;
}
