/*
 * report: somebody says that a server misbehaves (mp-mesh-protocol(7), REPORTS):
 *
 *     {"reporter_id": ID, "reported_server_id": SERVER, "timestamp": TIME, "evidence": base64}
 *
 * A report is not signed and proves nothing; it makes its receiver look for himself.  Evidence that
 * proves something on its own is a contradiction: a JSON object {"votes": [DECISION, DECISION]},
 * two quorum_decision packets in which the reported server itself votes differently about one
 * server in one window; others' votes beside them are not looked at.  Everything else is text for
 * the operator.
 */
#ifndef MP_MESH_REPORT_H
#define MP_MESH_REPORT_H

#include "mesh/ballot.h"

#define EVIDENCE_MAX 65536
#define PARTY_TEXT 512

struct report {
	char reporter[PARTY_TEXT];
	uint8_t server[ONION_KEY];
	int64_t time;
	struct buf evidence;
};

/* A member that names a server, a person (his key), or "anonymous". */
int field_party(const json_t *o, const char *key, char out[static PARTY_TEXT]);

int report_read(struct report *r, const json_t *o); /* report_free() in any case */
int report_write(json_t **out, const struct report *r);
void report_free(struct report *r);

/*
 * Whether the evidence is a contradiction of the reported server's own, in the window `oldest` or
 * later: else whoever keeps an old proof could keep a server out for ever.
 */
bool report_proves(const struct report *r, int64_t oldest);

#endif
