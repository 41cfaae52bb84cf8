/* The outbox: rows, lanes, a file's chunks; what waits for what, and what is told to the message.
 */
#include "base/clock.h"
#include "home.h"

#define DAY (24 * 3600 * 1000LL)

static int64_t bob, carol;

static int state_of(struct store *s, int64_t contact, const uint8_t id[static 16])
{
	enum message_state state;

	return message_get_state(s, contact, DIR_OUT, id, &state) == 0 ? (int)state : -1;
}

/* The claimed lane as "contact/lane", "" for none. */
static const char *claim(struct store *s, int64_t now, int64_t *next)
{
	static char text[40];
	enum wire_lane lane;
	int64_t contact, ignored;

	text[0] = '\0';
	if (lane_claim(s, &contact, &lane, now, 1000, next != NULL ? next : &ignored) == 0)
		snprintf(text, sizeof text, "%s/%d", contact == bob ? "bob" : "carol", (int)lane);
	return text;
}

static int release(struct store *s, int64_t contact, enum wire_lane lane, int64_t due, bool failed)
{
	return lane_release(s, contact, lane, due, failed, failed ? "connect" : NULL, "no answer");
}

/* What queue_each() shows, as "id:state:code ". */
static int note(void *ctx, const struct queue_item *item)
{
	char *text = ctx;

	sprintf(text + strlen(text), "%s-%u:%d:%s ", item->name,
	    get32(item->id + 8) + get32(item->id + 12), (int)item->state, item->code);
	return 0;
}

static const char *listing(struct store *s)
{
	static char text[100000];

	text[0] = '\0';
	MUST(queue_each(s, note, text));
	return text;
}

static void lanes(struct store *s)
{
	struct buf envelope = BUF_INIT(100);
	struct queue_item item;
	int64_t next, n;

	is_str(claim(s, 100, &next), "", "nothing to deliver");
	ok(next == INT64_MAX, "ever");
	MUST(home_mail(s, bob, LANE_MESSAGE, 1));
	MUST(home_mail(s, bob, LANE_MESSAGE, 2));
	is_int(home_mail(s, bob, LANE_MESSAGE, 2), MP_EEXIST, "not twice");
	MUST(home_mail(s, bob, LANE_CONTROL, 3));
	MUST(home_mail(s, carol, LANE_MESSAGE, 1));
	is_str(claim(s, 99, &next), "", "not before it is due");
	is_int(next, 100, "due");
	is_str(claim(s, 100, NULL), "bob/0", "control first");
	is_str(claim(s, 100, NULL), "carol/1", "another contact's");
	is_str(claim(s, 100, &next), "", "a message lane behind control mail is not due");
	MUST(release(s, bob, LANE_CONTROL, 5000, true));
	is_str(claim(s, 101, &next), "", "not while the control lane backs off");
	is_int(next, 5000, "due with it");
	is_str(listing(s),
	    "bob-1:0: bob-2:0: bob-3:0:connect carol-1:0: ", "the lane's reason is shown");
	MUST(lane_fails(s, bob, LANE_CONTROL, &n));
	is_int(n, 1, "a failure");
	MUST(lane_wake(s, bob, 200, &n));
	is_int(n, 2, "waking a contact wakes both lanes");
	MUST(lane_wake(s, bob, 200, &n));
	is_int(n, 0, "once");
	is_str(claim(s, 200, NULL), "bob/0", "control again");
	MUST(lane_next(s, bob, LANE_CONTROL, 0, &item, &envelope));
	ok(envelope.len == 6 && memcmp(envelope.data, "sealed", 6) == 0, "the envelope");
	MUST(queue_remove(s, item.seq));
	is_int(queue_remove(s, item.seq), MP_ENONE, "removed once");
	is_int(lane_next(s, bob, LANE_CONTROL, 0, &item, &envelope), MP_ENONE, "the lane is empty");
	MUST(release(s, bob, LANE_CONTROL, 200, false));
	is_int(
	    number(s, "SELECT count(*) FROM lane WHERE lane = 0"), 0, "an empty lane's row goes");
	is_str(claim(s, 200, NULL), "bob/1", "now the messages");
	MUST(lane_next(s, bob, LANE_MESSAGE, 0, &item, &envelope));
	is_int(get32(item.id + 8), 1, "in order");
	MUST(lane_next(s, bob, LANE_MESSAGE, item.seq, &item, &envelope));
	is_int(get32(item.id + 8), 2, "the next");
	MUST(lane_renew(s, bob, LANE_MESSAGE, 200, 9000));
	is_str(claim(s, 5000, NULL), "carol/1", "a renewed lease holds, one that is over does not");
	MUST(release(s, bob, LANE_MESSAGE, 6000, true));
	MUST(release(s, carol, LANE_MESSAGE, 7000, true));
	MUST(lane_wake(s, 0, 300, &n));
	is_int(n, 2, "we are online: all lanes");
	buf_free(&envelope);
}

static void endings(struct store *s)
{
	uint8_t id[16];
	int64_t n, seq;

	for (unsigned i = 11; i <= 13; i++) {
		MUST(home_message(s, bob, DIR_OUT, MESSAGE_QUEUED, i, "text"));
		MUST(home_mail(s, bob, LANE_CONTROL, i));
	}
	seq = number(s, "SELECT max(seq) FROM queue");
	id_of(id, 13);
	MUST(queue_refused(s, seq, "400", "bad"));
	MUST(queue_refused(s, seq, "413", "large"));
	is_int(
	    number(s, "SELECT refused FROM queue ORDER BY seq DESC LIMIT 1"), 2, "refused twice");
	is_int(state_of(s, bob, id), MESSAGE_QUEUED, "still tried");
	MUST(queue_fail(s, seq, "413", "large"));
	is_int(state_of(s, bob, id), MESSAGE_FAILED, "failed, and the message says so");
	MUST(queue_count_call(s, 0, &n));
	is_int(n, 5, "failed ones are not counted");
	is_int(queue_retry(s, id), 0, "tried again");
	is_int(state_of(s, bob, id), MESSAGE_QUEUED, "queued again");
	ok(number(s, "SELECT min(expires) > 1000000 FROM queue WHERE added > 100") == 1,
	    "for as long again as at first");
	is_int(number(s, "SELECT refused FROM queue ORDER BY seq DESC LIMIT 1"), 0,
	    "nothing held against it");

	id_of(id, 12);
	is_int(queue_cancel(s, id), 0, "cancelled");
	is_int(state_of(s, bob, id), MESSAGE_CANCELLED, "and the message says so");
	is_int(queue_cancel(s, id), MP_ENONE, "once");
	is_int(queue_retry(s, id), MP_ENONE, "and not tried again");
	id_of(id, 1);
	is_int(queue_cancel(s, id), 0, "an id that two contacts have");
	is_int(number(s, "SELECT count(*) FROM queue WHERE substr(id, 12, 1) = x'01'"), 0,
	    "is cancelled for both");

	MUST(queue_expire(s, 9999, &n));
	is_int(n, 0, "nothing expires before its time");
	MUST(queue_expire(s, 10000, &n));
	is_int(n, 2, "two at their time");
	id_of(id, 11);
	is_int(state_of(s, bob, id), MESSAGE_FAILED, "which have failed then");
	MUST(queue_expire(s, 10000, &n));
	is_int(n, 0, "once");
	is_int(
	    number(s, "SELECT count(*) FROM queue WHERE code = 'expired'"), 2, "with that reason");
}

static void chunk(struct store *s, unsigned n, enum queue_state state)
{
	struct queue_item item = {.contact = carol,
	    .lane = LANE_FILE,
	    .state = state,
	    .kind = "file",
	    .added = 100,
	    .expires = 100 + DAY};

	item.id[0] = 7;
	put32(item.id + 12, n);
	MUST(queue_add(s, &item, "chunk", 5));
}

static void files(struct store *s)
{
	uint8_t id[16] = {7}, any[16];
	struct record rec;
	int64_t rows, lowest;

	id_of(any, 13);
	MUST(message_set_state(s, bob, DIR_OUT, any, MESSAGE_SENT));
	memcpy(any, id, 12);
	put32(any + 12, 9);
	while (number(s, "SELECT count(*) FROM queue") > 0)
		MUST(queue_remove(s, number(s, "SELECT max(seq) FROM queue")));
	record_init(&rec);
	rec.has_id = true;
	memcpy(rec.id, id, 16);
	strcpy(rec.kind, "file");
	MUST(message_add(s, carol, DIR_OUT, MESSAGE_QUEUED, &rec, 1));
	for (unsigned i = 0; i <= 300; i++)
		chunk(s, i, i == 0 ? QUEUE_WAITING : QUEUE_HELD);
	MUST(queue_file_left(s, carol, id, &rows, &lowest));
	ok(rows == 301 && lowest == 0, "a transfer in the queue");
	is_str(claim(s, clock_now(), NULL), "carol/2", "its offer is due");
	MUST(queue_remove(s, number(s, "SELECT min(seq) FROM queue")));
	MUST(release(s, carol, LANE_FILE, 100, false));
	is_str(claim(s, clock_now(), NULL), "", "its chunks are held");
	MUST(queue_file_release(s, carol, id, 258));
	MUST(queue_file_left(s, carol, id, &rows, &lowest));
	ok(rows == 43 && lowest == 258, "from 258: those below are gone");
	is_str(claim(s, clock_now(), NULL), "carol/2", "and the rest is due");
	MUST(release(s, carol, LANE_FILE, 100, true));
	is_int(queue_file_release(s, carol, id, -1), MP_EBAD, "no such chunk");

	MUST(queue_fail(s, number(s, "SELECT min(seq) FROM queue"), "400", "no"));
	is_int(state_of(s, carol, id), MESSAGE_FAILED, "a failed chunk is a failed file");
	is_int(queue_retry(s, any), 0, "tried again by the id of any chunk");
	is_int(state_of(s, carol, id), MESSAGE_QUEUED, "the file is queued again");
	is_int(number(s, "SELECT count(*) FROM queue WHERE state = 0"), 43, "all of it waits");
	is_int(queue_cancel(s, any), 0, "cancelled as a whole");
	MUST(queue_file_left(s, carol, id, &rows, &lowest));
	ok(rows == 0 && lowest == -1, "nothing is left");
	is_int(state_of(s, carol, id), MESSAGE_CANCELLED, "and the file says so");

	/* A transfer that failed before its offer was answered begins with the offer again. */
	chunk(s, 0, QUEUE_WAITING);
	chunk(s, 1, QUEUE_HELD);
	MUST(queue_expire(s, 100 + DAY, &rows));
	is_int(number(s, "SELECT count(*) FROM queue WHERE state = 2"), 2, "expired, both");
	MUST(queue_retry(s, id));
	is_int(
	    number(s,
	        "SELECT group_concat(state, '') = '01' FROM (SELECT state FROM queue ORDER BY id)"),
	    1, "the offer waits, its chunk is held");
	MUST(queue_file_drop(s, carol, id));
	is_int(number(s, "SELECT count(*) FROM queue"), 0, "dropped");
	record_free(&rec);
}

int main(void)
{
	struct store *s = home_store();

	bob = home_contact(s, "bob");
	carol = home_contact(s, "carol");
	lanes(s);
	endings(s);
	files(s);
	ok(sound(s), "sound");
	ok(at_rest(s), "at rest");
	store_close(s);
	return done();
}
