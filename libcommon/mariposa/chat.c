#include "mariposa/talk.h"

#include <string.h>

#include "base/clock.h"
#include "wire/chain.h"

int chat_find(const struct chat *c, const uint8_t onion[static 32])
{
	for (size_t i = 0; i < c->nm; i++)
		if (memcmp(c->m[i].who.onion, onion, 32) == 0)
			return (int)i;
	return -1;
}

void chat_hash(uint8_t out[static 32], const struct chat *c, const uint8_t self[static 32])
{
	uint8_t all[PEOPLE_MAX][32];
	size_t n = 1;

	memcpy(all[0], self, 32);
	for (size_t i = 0; i < c->nm && n < PEOPLE_MAX; i++)
		if (!c->m[i].gone)
			memcpy(all[n++], c->m[i].who.onion, 32);
	chain_members(out, c->id, (const uint8_t(*)[32])all, n);
}

/* What is missing of m, if anything: below its last message, or that others have seen. */
static bool lacks(const struct chat_member *m)
{
	return m->first > 0 || (m->based && m->claimed > m->n);
}

static bool asks(const struct chat_member *m)
{
	return lacks(m) && m->asked < CHAT_ASK_MOST &&
	       (!m->gone || (m->first > 0 && m->first <= m->end));
}

int chat_owes(const struct chat *c, plan_owes *fn, void *ctx)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < (int)c->nm; i++) {
		const struct chat_member *m = &c->m[i];

		if (c->state == CHAT_LEFT) {
			if (!m->gone && !m->told)
				rc = fn(ctx, WIRE_NOTICE_OF_GROUP_EXIT, i, 0, c->touched);
			continue;
		}
		if (asks(m))
			rc = fn(ctx, WIRE_GROUP_RESEND_REQUEST, i, m->asked, m->ask_at);
		for (int64_t n = m->owed_first;
		     rc == 0 && n > 0 && n <= m->owed_last && n < m->owed_first + CHAT_RESEND; n++)
			rc = fn(ctx, WIRE_MESSAGE, i, n, c->touched);
	}
	return rc;
}

static bool all_told(const struct chat *c)
{
	for (size_t i = 0; i < c->nm; i++)
		if (!c->m[i].gone && !c->m[i].told)
			return false;
	return true;
}

int64_t chat_time(const struct chat *c)
{
	int64_t first = INT64_MAX, at;

	if (c->state == CHAT_LEFT)
		return c->touched + (all_told(c) ? PLAN_MEMORY : PLAN_MEMORY + PLAN_LIFE);
	for (size_t i = 0; i < c->nm; i++) {
		const struct chat_member *m = &c->m[i];

		/* Asked often enough: the next time our person is told that it is lost. */
		if (lacks(m) && m->asked >= CHAT_ASK_MOST && m->ask_at < first)
			first = m->ask_at;
		at = m->gone_at + PLAN_MEMORY;
		if (m->gone && at < first)
			first = at;
	}
	if (c->strange_at > 0 && c->strange_at + CHAT_STRANGE < first)
		first = c->strange_at + CHAT_STRANGE;
	return first;
}

int chat_join(struct chat *c, const struct person *who, bool based)
{
	int i = chat_find(c, who->onion);

	if (i >= 0 && !c->m[i].gone)
		return i;
	if (i < 0) {
		if (c->nm == CHAT_PLACES)
			return -1;
		i = (int)c->nm++;
	}
	memset(&c->m[i], 0, sizeof(c->m[i]));
	c->m[i].who = *who;
	c->m[i].based = based;
	return i;
}

void chat_remember(struct chat *c, const uint8_t self[static 32])
{
	if (c->npast == CHAT_PAST) {
		memmove(c->past[0], c->past[1], (CHAT_PAST - 1) * 32);
		c->npast--;
	}
	chat_hash(c->past[c->npast++], c, self);
}

bool chat_was(const struct chat *c, const uint8_t hash[static 32])
{
	for (size_t i = 0; i < c->npast; i++)
		if (memcmp(c->past[i], hash, 32) == 0)
			return true;
	return false;
}

#define DOUBTFUL_MAX 10 /* changes whose order is tried: 2^10 memberships */

bool chat_explains(
    const struct chat *c, const uint8_t self[static 32], const uint8_t hash[static 32], int64_t at)
{
	struct chat other = *c;
	size_t doubtful[DOUBTFUL_MAX], n = 0;
	uint8_t h[32];

	for (size_t i = 0; i < c->nm && n < DOUBTFUL_MAX; i++)
		if (c->m[i].gone || (c->m[i].since > 0 && c->m[i].since + 2 * CHAT_STRANGE > at))
			doubtful[n++] = i;
	for (size_t set = 0; set < (size_t)1 << n; set++) {
		for (size_t i = 0; i < n; i++)
			other.m[doubtful[i]].gone = ((set >> i) & 1) != 0;
		chat_hash(h, &other, self);
		if (memcmp(h, hash, sizeof(h)) == 0)
			return true;
	}
	return false;
}

size_t chat_size(const struct chat *c)
{
	size_t n = 1;

	for (size_t i = 0; i < c->nm; i++)
		n += !c->m[i].gone;
	return n;
}
