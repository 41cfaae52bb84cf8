/* What no onion service took, or what is to go so at once: by the relay mesh. */
#include "node/dispatch.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "node/cover.h"
#include "store/carried.h"
#include "store/slot.h"

/* Made when it is first wanted: who has no keys of the mesh pays nothing, or gets them meanwhile.
 */
static bool have_courier(struct sender *s)
{
	int rc = s->courier == NULL ? courier_new(&s->courier, s->s, s->client) : 0;

	if (rc != 0 && rc != MP_ENONE)
		sender_broken(s, rc);
	return rc == 0;
}

bool byroad_first(const struct sender *s, const struct way *w)
{
	return w->byroad || strcmp(s->cfg->route, "mesh") == 0;
}

/*
 * Nothing but a slot of cover's posts to the mesh, or the time of a post would say that it is a
 * real one.  Where no onion is asked there is no point in looking again soon.
 */
static bool hold(struct sender *s, struct way *w)
{
	int rc = courier_reaches(s->courier, w->contact.row);

	if (rc < 0)
		sender_broken(s, rc);
	if (rc != 1)
		return false;
	dispatch_wait(s, w, SLOT_CODE, cover_waits(),
	    strcmp(s->cfg->route, "mesh") == 0 ? s->cfg->retry_max : -1);
	return true;
}

bool byroad_take(struct sender *s, struct way *w)
{
	int rc;

	if (w->carrying || strcmp(s->cfg->route, "onion") == 0 || !courier_carries(w->item.kind) ||
	    !have_courier(s))
		return false;
	if (s->cfg->cover_post > 0)
		return hold(s, w);
	rc = courier_start(s->courier, w->contact.row, w->envelope.data, w->envelope.len, w);
	if (rc == MP_ENONE || rc == MP_ELIMIT) /* longer than a packet can be */
		return false;
	if (rc != 0) {
		sender_broken(s, rc);
		return false;
	}
	w->posting = w->carrying = w->byroad = true;
	w->began = clock_monotonic();
	s->posting++;
	return true;
}

/*
 * It stays in the outbox until its receipt comes, and in nobody's way; when none comes it waits
 * again, for the relays keep it for a week, but may have lied.
 */
static void carried(struct sender *s, struct way *w)
{
	int rc = carried_add(s->s, w->item.seq, clock_now() + s->cfg->receipt_wait);

	w->failed = 0;
	if (rc == 0 && sender_mine(s, &w->item)) {
		if (s->in != NULL)
			roll_drop(intake_roll(s->in), w->item.seq);
		rc = sender_report(s, CLASS_SENT, &w->item, "mesh", NULL);
	}
	if (rc != 0 && rc != MP_ENONE)
		sender_broken(s, rc);
	else
		dispatch_go_on(s, w);
}

bool byroad_result(struct sender *s, struct post_result *r)
{
	struct courier_end end;
	struct way *w;
	int rc = s->courier != NULL ? courier_result(s->courier, r, &end) : COURIER_OTHER;

	if (rc == COURIER_OTHER)
		return false;
	if (rc < 0)
		sender_broken(s, rc);
	if (rc != 1)
		return true;
	w = end.tag;
	w->posting = w->carrying = false;
	s->posting--;
	if (s->broken)
		w->resume = clock_monotonic() + MP_HOUR;
	else if (!end.taken)
		dispatch_wait(s, w, end.code, end.reason, -1);
	else if (strcmp(w->item.kind, wire_type_name(WIRE_RECEIPT)) == 0)
		dispatch_settled(s, w, "mesh"); /* there is no receipt for a receipt */
	else
		carried(s, w);
	return true;
}

void byroad_drop(struct sender *s, struct way *w)
{
	courier_cancel(s->courier, w);
}
