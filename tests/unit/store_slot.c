/* Lanes that wait for a slot of cover's: which one is next, who has it, and how it is let go. */
#include "home.h"
#include "store/carried.h"
#include "store/slot.h"

static int64_t bob, carol;
static struct buf envelope = BUF_INIT(100);

/* What the next slot takes, as "name-number", "" for nothing. */
static const char *next(struct store *s, int64_t now)
{
	static char text[64];
	struct queue_item item;

	text[0] = '\0';
	buf_clear(&envelope);
	if (slot_claim(s, &item, &envelope, now, 1000) == 0)
		snprintf(text, sizeof(text), "%s-%u", item.name,
		    get32(item.id + 8) + get32(item.id + 12));
	return text;
}

/* Tried by the sender, with that end; meanwhile a slot has no more than `others`. */
static void tried(struct store *s, int64_t contact, const char *others, const char *code)
{
	int64_t who, n;
	enum wire_lane which;

	MUST(lane_wake(s, contact, 100, &n));
	MUST(lane_claim(s, &who, &which, 100, 1000, &n));
	is_int(who * LANES + (int)which, contact * LANES + LANE_MESSAGE, "the sender has the lane");
	is_str(next(s, 100), others, "... and no slot takes it from him");
	if (*others != '\0')
		MUST(slot_release(s, bob, LANE_MESSAGE));
	MUST(lane_release(s, who, which, 5000, true, code, "reason"));
}

static int64_t first(struct store *s, int64_t contact)
{
	struct queue_item item;

	buf_clear(&envelope);
	MUST(lane_next(s, contact, LANE_MESSAGE, 0, &item, &envelope));
	return item.seq;
}

int main(void)
{
	struct store *s = home_store();

	bob = home_contact(s, "bob");
	carol = home_contact(s, "carol");
	is_str(next(s, 100), "", "nothing waits");
	MUST(home_mail(s, bob, LANE_MESSAGE, 1));
	is_str(next(s, 100), "", "what nobody tried does not wait for a slot");
	tried(s, bob, "", "connect");
	is_str(next(s, 100), "", "nor does what waits for something else");
	tried(s, bob, "", SLOT_CODE);
	MUST(home_mail(s, carol, LANE_MESSAGE, 2));
	MUST(home_mail(s, bob, LANE_MESSAGE, 3));
	tried(s, carol, "bob-1", SLOT_CODE);

	is_str(next(s, 200), "bob-1", "who has waited longest, though his lane is due later");
	ok(envelope.len == 6 && memcmp(envelope.data, "sealed", 6) == 0, "its envelope");
	is_str(next(s, 200), "carol-2", "another lane, for this one is claimed");
	is_str(next(s, 200), "", "none is left");
	is_str(next(s, 1300), "bob-1", "a lease that is over");
	MUST(slot_release(s, bob, LANE_MESSAGE));
	MUST(slot_release(s, carol, LANE_MESSAGE));
	is_str(next(s, 1300), "bob-1", "a lane that was let go waits as before");
	MUST(carried_add(s, first(s, bob), 9000));
	MUST(slot_release(s, bob, LANE_MESSAGE));
	is_str(next(s, 1300), "carol-2", "a relay has that one: each in its turn");
	MUST(queue_remove(s, first(s, carol)));
	MUST(slot_release(s, carol, LANE_MESSAGE));
	is_str(next(s, 1300), "bob-3", "and again");
	MUST(slot_release(s, bob, LANE_MESSAGE));

	MUST(contact_set_blocked(s, bob, true));
	is_str(next(s, 1300), "", "nothing for one who is blocked");
	MUST(contact_set_blocked(s, bob, false));
	is_str(next(s, 1300), "bob-3", "until he is no more");
	buf_free(&envelope);
	store_close(s);
	return done();
}
