/* The state machines of contacts and of incoming files: what must hold in every state. */
#include "mariposa/contact.h"
#include "mariposa/file.h"
#include "tap.h"

static void contacts(void)
{
	int bad = 0;
	struct meet_step m;

	m = meet_step(KNOWN_OFFERED, MEET_GREETED);
	ok(m.action == MEET_ACTIVATE && m.next == KNOWN_ACTIVE,
	    "the first greeting makes a contact");
	m = meet_step(KNOWN_ACTIVE, MEET_GREETED_AGAIN);
	ok(m.action == MEET_REPEAT && m.next == KNOWN_ACTIVE,
	    "the same greeting again has no effect");
	m = meet_step(KNOWN_ACTIVE, MEET_GREETED_OTHER);
	ok(m.action == MEET_WARN && m.next == KNOWN_ACTIVE, "another greeting warns");
	m = meet_step(KNOWN_PENDING, MEET_CONFIRMED);
	ok(m.action == MEET_CONFIRM && m.next == KNOWN_ACTIVE, "a 2xx confirms");
	m = meet_step(KNOWN_PENDING, MEET_HEARD);
	ok(m.action == MEET_CONFIRM && m.next == KNOWN_ACTIVE, "an authentic message confirms");
	m = meet_step(KNOWN_OFFERED, MEET_EXPIRED);
	ok(m.action == MEET_FORGET && m.next == KNOWN_NOT, "an offer that nobody took goes");
	m = meet_step(KNOWN_ACTIVE, MEET_EXPIRED);
	ok(m.action == MEET_FORGET && m.next == KNOWN_ACTIVE, "a used offer's key goes alone");
	for (int s = 0; s < KNOWN_STATES; s++)
		for (int e = MEET_GREETED; e <= MEET_GREETED_LATE; e++) {
			m = meet_step((enum meeting)s, (enum meet_event)e);
			if (m.next != (enum meeting)s && m.action != MEET_ACTIVATE)
				bad++;
			if (e == MEET_GREETED_LATE && m.action != MEET_REFUSE)
				bad++;
		}
	is_int(bad, 0, "no greeting but the first changes a state, none is accepted late");
	is_int(meet_greeting(false, false, 1000, 999), MEET_GREETED, "before the card's end");
	is_int(meet_greeting(false, false, 1000, 1000), MEET_GREETED_LATE, "at the card's end");
	is_int(meet_greeting(false, false, 0, INT64_MAX), MEET_GREETED, "a card without end");
	is_int(meet_greeting(true, false, 1000, 10), MEET_GREETED_OTHER, "somebody else");
	is_int(meet_greeting(true, true, 1000, 10), MEET_GREETED_AGAIN, "the same");
	is_int(meet_greeting(true, true, 1000, 9999), MEET_GREETED_AGAIN, "the same, late");
	is_int(meet_greeting(true, false, 1000, 9999), MEET_GREETED_LATE, "somebody else, late");
}

/* Nothing a sender does may undo what is final, or move on without the person where one decides. */
static void files(void)
{
	static const enum incoming final[] = {
	    INCOMING_DECLINED, INCOMING_COMPLETE, INCOMING_FAILED};
	int bad = 0;

	for (size_t i = 0; i < 3; i++)
		for (int e = 0; e < INCOMING_EVENTS; e++) {
			struct incoming_step m = incoming_step(final[i], (enum incoming_event)e);

			if (m.next != final[i] || m.action == INCOMING_STORE ||
			    m.action == INCOMING_ADD || m.action == INCOMING_FINISH)
				bad++;
		}
	is_int(bad, 0, "declined, complete and failed are final");
	for (int e = 0; e < INCOMING_EVENTS; e++) {
		struct incoming_step m = incoming_step(INCOMING_OFFERED, (enum incoming_event)e);

		if (e != INCOMING_ACCEPT && e != INCOMING_DECLINE &&
		    (m.next != INCOMING_OFFERED || m.action != INCOMING_ANSWER))
			bad++;
	}
	is_int(bad, 0, "an offer waits for the person whatever is sent");
	for (int s = 0; s < INCOMING_STATES; s++)
		for (int e = 0; e < INCOMING_EVENTS; e++) {
			struct incoming_step m =
			    incoming_step((enum incoming)s, (enum incoming_event)e);

			if (m.action == INCOMING_STORE &&
			    (s != INCOMING_ACCEPTED || e != INCOMING_EXPECTED))
				bad++;
			if (m.action == INCOMING_FINISH && e != INCOMING_LAST &&
			    e != INCOMING_OFFER_EMPTY)
				bad++;
			if (e == INCOMING_WRONG && m.next == INCOMING_COMPLETE &&
			    s != INCOMING_COMPLETE)
				bad++;
		}
	is_int(bad, 0, "only the wanted chunk of an accepted file is stored");
	is_int(incoming_chunk(5, 4, 9), INCOMING_REPEATED, "a chunk below the wanted one");
	is_int(incoming_chunk(5, 5, 9), INCOMING_EXPECTED, "the wanted one");
	is_int(incoming_chunk(5, 6, 9), INCOMING_FUTURE, "one above it");
	is_int(incoming_chunk(9, 9, 9), INCOMING_LAST, "the last one");
}

static void replies(void)
{
	static const uint8_t id[16] = {1, 2, 3};
	struct wire_file_status f;

	file_reply(&f, id, INCOMING_OFFERED, 1, 7);
	ok(f.answer == FILE_WAIT && memcmp(f.file, id, 16) == 0, "offered: wait");
	file_reply(&f, id, INCOMING_ACCEPTED, 4, 7);
	ok(f.answer == FILE_FROM && f.from == 4, "accepted: from the next chunk");
	file_reply(&f, id, INCOMING_COMPLETE, 8, 7);
	ok(f.answer == FILE_FROM && f.from == 8, "complete: from behind the last");
	for (enum incoming s = 0; s < INCOMING_STATES; s++)
		if (s == INCOMING_DECLINED || s == INCOMING_FAILED || s == INCOMING_NONE) {
			file_reply(&f, id, s, 1, 7);
			ok(f.answer == FILE_NO, "state %d: no", (int)s);
		}
}

int main(void)
{
	contacts();
	files();
	replies();
	return done();
}
