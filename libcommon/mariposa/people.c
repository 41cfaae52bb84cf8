#include "mariposa/people.h"

#include <string.h>

size_t plan_id_len(enum plan p)
{
	return p == PLAN_GROUP ? GROUP_ID : PLAN_ID;
}

const uint8_t *plan_id_of(enum plan p, const struct wire *w)
{
	switch (p) {
	case PLAN_GROUP:
		return w->u.plan.group;
	case PLAN_ADDITION:
		return w->u.plan.addition;
	default:
		return w->u.plan.introduction;
	}
}

bool plan_of_type(enum wire_type t, enum plan *p)
{
	switch (t) {
	case WIRE_INTRODUCTION_REQUEST:
	case WIRE_INTRODUCTION_RESPONSE:
	case WIRE_INTRODUCTION_STATUS_REQUEST:
	case WIRE_INTRODUCTION_STATUS_RESPONSE:
	case WIRE_INTRODUCTION_CONTACTS:
	case WIRE_INTRODUCTION_PETITION:
	case WIRE_INTRODUCTION_PETITION_DECLINATION:
		*p = PLAN_INTRODUCTION;
		return true;
	case WIRE_GROUP_CHAT_REQUEST:
	case WIRE_GROUP_CHAT_RESPONSE:
	case WIRE_GROUP_CHAT_STATUS_REQUEST:
	case WIRE_GROUP_CHAT_STATUS_RESPONSE:
		*p = PLAN_GROUP;
		return true;
	case WIRE_GROUP_ADDITION_REQUEST:
	case WIRE_GROUP_ADDITION_RESPONSE:
	case WIRE_GROUP_ADDITION_STATUS_REQUEST:
	case WIRE_GROUP_ADDITION_STATUS_RESPONSE:
		*p = PLAN_ADDITION;
		return true;
	default:
		return false;
	}
}

void person_set(struct person *p, const uint8_t onion[static 32], const char *nickname)
{
	memset(p, 0, sizeof(*p));
	memcpy(p->onion, onion, sizeof(p->onion));
	if (nickname != NULL && strlen(nickname) < sizeof(p->nickname))
		memcpy(p->nickname, nickname, strlen(nickname) + 1);
}

void person_wire(struct wire_person *w, const struct person *p)
{
	memcpy(w->onion, p->onion, sizeof(w->onion));
	w->nickname = p->nickname[0] != '\0' ? p->nickname : NULL;
}

int people_find(const struct wire_people *p, const uint8_t onion[static 32])
{
	for (size_t i = 0; i < p->n; i++)
		if (memcmp(p->person[i].onion, onion, 32) == 0)
			return (int)i;
	return -1;
}
