/* Two processes claim side by side: never the same row; what a dead one held is taken over. */
#include <signal.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "home.h"

#define MESSAGES 400
#define CONTACTS 8

/* Who works on what just now, and how often each was done. */
static struct shared {
	volatile int message_busy[MESSAGES + 1], message_done[MESSAGES + 1];
	volatile int lane_busy[CONTACTS + 1][LANES], mail_done;
	volatile int overlaps, claimed;
} * shared;

static void take_messages(struct store *s, int arg)
{
	int64_t seq, tries;
	struct record rec;

	(void)arg;
	record_init(&rec);
	while (message_claim(s, &rec, &seq, &tries, clock_now(), 60000) == 0) {
		if (__sync_fetch_and_add(&shared->message_busy[seq], 1) != 0)
			__sync_fetch_and_add(&shared->overlaps, 1);
		if (seq % 7 == 0)
			usleep(300);
		__sync_fetch_and_add(&shared->message_done[seq], 1);
		__sync_fetch_and_sub(&shared->message_busy[seq], 1);
		MUST(message_release(s, seq, MESSAGE_READ, 0));
	}
	record_free(&rec);
}

static void take_mail(struct store *s, int arg)
{
	struct buf envelope = BUF_INIT(1000);
	struct queue_item item;
	enum wire_lane lane;
	int64_t contact, next;

	(void)arg;
	while (number(s, "SELECT count(*) FROM queue") > 0) {
		if (lane_claim(s, &contact, &lane, clock_now(), 60000, &next) != 0) {
			usleep(500);
			continue;
		}
		if (__sync_fetch_and_add(&shared->lane_busy[contact][lane], 1) != 0)
			__sync_fetch_and_add(&shared->overlaps, 1);
		MUST(lane_next(s, contact, lane, 0, &item, &envelope));
		MUST(queue_remove(s, item.seq));
		__sync_fetch_and_add(&shared->mail_done, 1);
		__sync_fetch_and_sub(&shared->lane_busy[contact][lane], 1);
		MUST(lane_release(s, contact, lane, clock_now(), false, NULL, NULL));
	}
	buf_free(&envelope);
}

static void hold_one(struct store *s, int arg)
{
	enum wire_lane lane;
	int64_t seq, tries, contact, next;
	struct record rec;

	(void)arg;
	record_init(&rec);
	MUST(message_claim(s, &rec, &seq, &tries, clock_now(), 3600000));
	MUST(lane_claim(s, &contact, &lane, clock_now(), 3600000, &next));
	shared->claimed = 1;
	pause();
}

static void dead(struct store *s, int64_t contact)
{
	enum wire_lane lane;
	int64_t seq, tries, got, next;
	struct record rec;
	pid_t pid;

	record_init(&rec);
	MUST(home_message(s, contact, DIR_IN, MESSAGE_NEW, 9000, "left behind"));
	MUST(home_mail(s, contact, LANE_MESSAGE, 9000));
	pid = child(hold_one, 0);
	while (!shared->claimed && waitpid(pid, NULL, WNOHANG) == 0)
		usleep(1000);
	is_int(message_claim(s, &rec, &seq, &tries, clock_now(), 1000), MP_ENONE,
	    "a message that another process holds");
	is_int(
	    lane_claim(s, &got, &lane, clock_now(), 1000, &next), MP_ENONE, "a lane that it holds");
	ok(next > clock_now() + 3000000 && next < clock_now() + 3700000, "due when its lease ends");
	is_int(lane_renew(s, contact, LANE_MESSAGE, clock_now(), 1000), MP_ENONE,
	    "is not ours to renew");
	MUST(lane_release(s, contact, LANE_MESSAGE, clock_now(), false, NULL, NULL));
	is_int(lane_claim(s, &got, &lane, clock_now(), 1000, &next), MP_ENONE, "nor to release");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_int(message_claim(s, &rec, &seq, &tries, clock_now(), 1000), 0,
	    "dead: its message is taken over");
	is_int(tries, 2, "its try counts");
	is_int(lane_claim(s, &got, &lane, clock_now(), 1000, &next), 0, "its lane too");
	is_int(lane_renew(s, got, lane, clock_now(), 1000), 0, "which is ours now");
	record_free(&rec);
}

int main(void)
{
	struct store *s = home_store();
	int64_t contact[CONTACTS];
	char name[33];
	int once = 1;
	pid_t a, b, c;

	shared =
	    mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(store_begin(s));
	for (int i = 0; i < CONTACTS; i++) {
		snprintf(name, sizeof name, "n%d", i);
		contact[i] = home_contact(s, name);
	}
	for (unsigned i = 0; i < MESSAGES; i++) {
		MUST(home_message(s, contact[i * i % CONTACTS], DIR_IN, MESSAGE_NEW, i, "x"));
		MUST(home_mail(
		    s, contact[i % CONTACTS], i % 3 == 0 ? LANE_CONTROL : LANE_MESSAGE, i));
	}
	MUST(store_commit(s));

	a = child(take_messages, 0);
	b = child(take_messages, 0);
	c = child(take_messages, 0);
	ok(exit_of(a) == 0 && exit_of(b) == 0 && exit_of(c) == 0, "three claim messages");
	/* Each ends when it finds none; the last one's contact may be at work elsewhere then. */
	take_messages(s, 0);
	is_int(shared->overlaps, 0, "never one that another works on");
	for (int i = 1; i <= MESSAGES; i++)
		once &= shared->message_done[i] == 1;
	ok(once, "each once");

	a = child(take_mail, 0);
	b = child(take_mail, 0);
	c = child(take_mail, 0);
	ok(exit_of(a) == 0 && exit_of(b) == 0 && exit_of(c) == 0, "three claim lanes");
	is_int(shared->overlaps, 0, "never a lane that another delivers");
	is_int(shared->mail_done, MESSAGES, "each piece of mail once");
	is_int(number(s, "SELECT count(*) FROM lane"), 0, "no lane is left");
	dead(s, contact[0]);
	ok(sound(s), "sound");
	ok(at_rest(s), "at rest");
	store_close(s);
	return done();
}
