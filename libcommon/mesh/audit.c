#include "mesh/audit.h"
#include "mesh/chance.h"

#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)

enum audit_outcome audit_judge(const struct audit_look *l, bool *away)
{
	*away = !l->came && l->failing && l->seen <= l->posted && l->now - l->seen < DAY;
	if (l->came)
		return AUDIT_CAME;
	if (*away || l->waited)
		return AUDIT_WAIT;
	return 2 * l->others_lost > l->others ? AUDIT_VOID : AUDIT_LOST;
}

/* A mesh needs some time, whatever its settings are. */
int64_t audit_grace(int64_t patience, int64_t again)
{
	int64_t least = patience < again ? patience : again;

	return (least < MINUTE ? MINUTE : least) / 2;
}

int64_t audit_wait(int64_t patience, int64_t again, uint32_t (*random)(void *ctx), void *ctx)
{
	int64_t half = audit_grace(patience, again), more;

	do {
		more = chance_wait(half / 2, random, ctx);
	} while (more >= half);
	return half + more;
}
