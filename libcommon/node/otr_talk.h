/*
 * otr_talk: one person in a room, between a transport of lines (descriptors 0 and 1) and the person
 * (records on 3 and 4), mp-otr(1).
 *
 * Which descriptor a line comes from says whose it is: nothing that a peer or a server writes can
 * pose as the person's.  While no session is open nothing is read from the person; what waits there
 * is the pipe's.  The transport is written only when it takes something, so that two programs that
 * both write first do not wait for each other.
 */
#ifndef MP_NODE_OTR_TALK_H
#define MP_NODE_OTR_TALK_H

#include <stdio.h>

#include "base/lines.h"
#include "base/outflow.h"
#include "node/otr_file.h"
#include "otr/room.h"

#define TALK_TRANSPORT_IN 0
#define TALK_TRANSPORT_OUT 1
#define TALK_PERSON_IN 3
#define TALK_PERSON_OUT 4

struct talk_options {
	const char *room; /* ROOM or ROOM@SERVER */
	const char *nick;
	const char *folder; /* for files, or NULL */
	int64_t life, wait;
	bool json, lines, fresh, known, verbose;
};

struct talk {
	const struct talk_options *o;
	struct otr_config cfg;
	struct otr_identity *self;
	struct otr_room *room;
	struct otr_files *files;
	struct lines transport, person;
	FILE *out;
	struct outflow pending; /* for the transport */
	bool person_end, transport_end, leaving;
	int64_t give_up; /* INT64_MAX: not yet */
	unsigned opened;
	int signals;
	int failure; /* of what a sink could not do */
	int status;
};

/* The exit status of mp-otr. */
int otr_talk_run(const struct talk_options *o);

/* The parts of it. */
int talk_said(
    struct talk *t, const uint8_t *line, size_t len, int64_t now); /* a line of the person's */
void talk_note(void *ctx, const struct otr_note *note);            /* a note, as records */
int talk_introduce(struct talk *t);                                /* our own key */
int talk_unpublished(struct talk *t); /* sessions whose key stays secret */
bool talk_welcome(void *ctx, const struct otr_member *m);

#endif
