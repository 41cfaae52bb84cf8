/*
 * contact: the state machine of a contact made in person (mp-protocol(7), CONTACT).
 *
 * No I/O: (state, event) gives (action, next state) from one table, which also stands in
 * mp-protocol(7).  Who calls it performs the action and stores the next state in one transaction.
 * KNOWN_NOT is the state before the first and after the last: no row.
 */
#ifndef MP_MARIPOSA_CONTACT_H
#define MP_MARIPOSA_CONTACT_H

#include <stdbool.h>
#include <stdint.h>

enum meeting {
	KNOWN_OFFERED, /* our card is out */
	KNOWN_PENDING, /* we accepted a card; our initial-contact is not confirmed yet */
	KNOWN_ACTIVE,
	KNOWN_TEMPORARY, /* introduced to us: mariposa/acquaintance.h makes it active */
	KNOWN_NOT,
	KNOWN_STATES
};

enum meet_event {
	MEET_GREETED,       /* an initial-contact under our offer's key, proof good, in time */
	MEET_GREETED_AGAIN, /* the one that was accepted, once more */
	MEET_GREETED_OTHER, /* another one: the card was used before */
	MEET_GREETED_LATE,  /* after the card's time */
	MEET_CONFIRMED,     /* our initial-contact was answered with a 2xx */
	MEET_HEARD,         /* an authentic message under the pair key */
	MEET_EXPIRED,       /* the time of our card is over */
	MEET_EVENTS
};

enum meet_action {
	MEET_NOTHING,
	MEET_REFUSE,   /* like everything that is not for us */
	MEET_ACTIVATE, /* store the peer's address and the pair key, mark the card used */
	MEET_REPEAT,   /* the same answer, no effect */
	MEET_WARN,     /* refuse, and tell the person that the card was used twice */
	MEET_CONFIRM,  /* forget our greeting and the offer key */
	MEET_FORGET,   /* the offer key goes; the contact with it while only offered */
};

struct meet_step {
	enum meet_action action;
	enum meeting next;
};

struct meet_step meet_step(enum meeting state, enum meet_event event);

/* Which event an initial-contact with a good proof is. expires: ms, 0 never; same: its sender and
 * id are those that were accepted. */
enum meet_event meet_greeting(bool used, bool same, int64_t expires, int64_t now);

#endif
