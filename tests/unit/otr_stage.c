/* The table of stages: no event is forgotten, and nothing leads back. */
#include "otr/stage.h"
#include "tap.h"

int main(void)
{
	for (int s = 0; s < STAGES; s++) {
		int good = 1;

		for (int e = 0; e < EVENTS; e++) {
			struct otr_step step = otr_step((enum otr_stage)s, (enum otr_event)e);

			good &= ((int)step.next >= s || s == STAGE_RETIRED) && step.next < STAGES;
			/* Where nothing is done nothing changes. */
			good &= step.action != ACTION_NONE || (int)step.next == s ||
			        step.next == STAGE_OPEN;
			/* A key that was in use is published, one that was not is forgotten. */
			good &= step.next != STAGE_DEAD || s < STAGE_OPEN || s == STAGE_DEAD;
			good &=
			    step.next != STAGE_RETIRED || (s >= STAGE_OPEN && s <= STAGE_RETIRED);
			good &= step.action != ACTION_PUBLISH || s == STAGE_COMPARE;
			good &= step.action != ACTION_RELEASE ||
			        (s == STAGE_RETIRED && e == EVENT_RELEASE);
			good &= step.next != STAGE_OPEN || s == STAGE_OPEN ||
			        (s == STAGE_ATTEST && e == EVENT_COMPLETE);
			if (!good) {
				printf("# event %d\n", e);
				break;
			}
		}
		ok(good, "%s", otr_stage_name((enum otr_stage)s));
	}
	return done();
}
