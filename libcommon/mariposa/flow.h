/*
 * flow: one introduction, group or acquaintance under way, as the caller keeps it.
 *
 * A flow is found by (kind, contact, ref): contact is the row of who initiated it, 0 ourselves, or
 * the temporary contact of an acquaintance; ref is the plan and its id, of a chat the group's id,
 * of an acquaintance nothing.  name is what our person calls a group, "" none; no two flows have
 * the same.
 *
 * flow_owes() says what has to be sent in the state that it is in.  Each such message has an id of
 * its own that the caller draws once and keeps until the flow owes it no more; (type, to, serial)
 * tells one from the other.
 */
#ifndef MP_MARIPOSA_FLOW_H
#define MP_MARIPOSA_FLOW_H

#include "mariposa/acquaintance.h"
#include "mariposa/chat.h"
#include "mariposa/consent.h"

enum flow_kind { FLOW_PROPOSAL, FLOW_CONSENT, FLOW_ACQUAINTANCE, FLOW_CHAT, FLOW_KINDS };

#define FLOW_REF (1 + GROUP_ID)

struct flow {
	int64_t row; /* 0: not kept yet */
	enum flow_kind kind;
	int64_t contact;
	uint8_t ref[FLOW_REF];
	size_t reflen;
	char name[33];
	union {
		struct proposal proposal;
		struct consent consent;
		struct acquaintance acquaintance;
		struct chat chat;
	} u;
};

void flow_ref(struct flow *f, enum plan plan, const uint8_t *id);
/* Sets kind, ref and contact from what u holds. */
void flow_set(struct flow *f, enum flow_kind kind, int64_t contact);

/* to: the onion key of who gets it; NULL: who flow.contact is. */
typedef int flow_owed(
    void *ctx, enum wire_type type, const uint8_t *to, int64_t serial, int64_t at);
int flow_owes(const struct flow *f, flow_owed *fn, void *ctx);

/* When time alone changes it, INT64_MAX never. */
int64_t flow_time(const struct flow *f);
/* Its state's number, for the caller's column. */
int flow_state(const struct flow *f);

/* What u holds as a JSON object, and back (mp-store(5)).  MP_EBAD when it is none such. */
int flow_encode(struct buf *out, const struct flow *f);
int flow_decode(struct flow *f, const char *text, size_t len);
void flow_wipe(struct flow *f);

#endif
