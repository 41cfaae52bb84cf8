/* Somebody who keeps no rule: his own machines, whose messages he alters, and messages of no machine. */
#include "sim/sim.h"

void hostile_alter(struct peer *x, const struct contact *to, struct wire *w)
{
	(void)x;
	(void)to;
	(void)w;
}

void hostile_acts(struct peer *x)
{
	(void)x;
}
