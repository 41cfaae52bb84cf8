#include "mesh/report.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

int field_party(const json_t *o, const char *key, char out[static PARTY_TEXT])
{
	const char *s = json_text(o, key);
	uint8_t server[ONION_KEY], der[RSA_DER];

	if (s == NULL || strlen(s) >= PARTY_TEXT ||
	    (strcmp(s, "anonymous") != 0 && server_name_read(server, s) != 0 &&
	        field_key(o, key, der) != 0))
		return err_set(MP_EBAD, "bad '%s'", key);
	strcpy(out, s);
	return 0;
}

int report_read(struct report *r, const json_t *o)
{
	int rc;

	r->evidence = (struct buf)BUF_INIT(EVIDENCE_MAX);
	if ((rc = field_party(o, "reporter_id", r->reporter)) != 0 ||
	    (rc = field_server(o, "reported_server_id", r->server)) != 0 ||
	    (rc = field_time(o, "timestamp", &r->time)) != 0)
		return rc;
	return field_buf(o, "evidence", &r->evidence, 0);
}

int report_write(json_t **out, const struct report *r)
{
	json_t *o = json_object();
	int rc;

	*out = NULL;
	if ((rc = field_set_text(o, "reporter_id", r->reporter)) == 0 &&
	    (rc = field_set_server(o, "reported_server_id", r->server)) == 0 &&
	    (rc = field_set_time(o, "timestamp", r->time)) == 0)
		rc = field_set_bytes(o, "evidence", r->evidence.data, r->evidence.len);
	if (rc != 0)
		json_decref(o);
	else
		*out = o;
	return rc;
}

void report_free(struct report *r)
{
	buf_free(&r->evidence);
}

static const struct vote *vote_of(const struct decision *d, const uint8_t server[static ONION_KEY])
{
	for (size_t i = 0; i < d->n; i++)
		if (memcmp(d->vote[i].voter, server, ONION_KEY) == 0)
			return &d->vote[i];
	return NULL;
}

/* The signatures last, and these two alone: a report with hundreds costs its receiver no more. */
static bool contradict(const struct vote *a, const struct vote *b, int64_t oldest)
{
	return a != NULL && b != NULL && memcmp(a->about, b->about, ONION_KEY) == 0 &&
	       a->window == b->window && a->window >= oldest && a->value != b->value &&
	       vote_verify(a) == 0 && vote_verify(b) == 0;
}

bool report_proves(const struct report *r, int64_t oldest)
{
	struct decision *d = calloc(2, sizeof(*d));
	json_t *o = NULL, *list;
	bool proven = false;

	if (d != NULL && r->evidence.len > 0 &&
	    json_read(&o, (const char *)r->evidence.data, r->evidence.len) == 0 &&
	    (list = json_object_get(o, "votes")) != NULL && json_array_size(list) == 2 &&
	    decision_parse(&d[0], json_array_get(list, 0)) == 0 &&
	    decision_parse(&d[1], json_array_get(list, 1)) == 0)
		proven = contradict(vote_of(&d[0], r->server), vote_of(&d[1], r->server), oldest);
	json_decref(o);
	free(d);
	return proven;
}
